/**
 * Owners of whom somebody says that there is proof against them. A speaker fetches each proof at once, since others take its word;
 * any other node fetches it when that owner might get work from it: now where it has a vehicle in its cell, else once it does.
 */
import { BoundedMap } from '../../base/bounded-map.ts'
import type { OwnerId, PeerId, RecordId } from '../../protocol/ids.ts'

/** Owners that are remembered, those accused last. */
const accusedMax = 4_096
/** Accusers that are remembered of one owner, those who spoke last: a node that does not speak hears its three speakers alone. */
const accusersMax = 4

interface Accusation {
  readonly proof: RecordId
  readonly from: PeerId
}

export class Accused {
  readonly #owners = new BoundedMap<OwnerId, readonly (Accusation & { isAsked: boolean })[]>(accusedMax)

  /** Each accuser has one word, its last: whoever names proofs that there are not keeps nobody else's from being fetched. */
  note(owner: OwnerId, accusation: Accusation): void {
    const others = this.#known(owner).filter(({ from }) => from !== accusation.from)
    this.#owners.set(owner, [...others.slice(1 - accusersMax), { ...accusation, isAsked: false }])
  }

  /** The proofs that nobody was asked for yet: they are asked for now. `by`: those alone that this peer named. */
  ask(owner: OwnerId, by?: PeerId): Accusation[] {
    const asked = this.#known(owner).filter(
      ({ from, isAsked }) => !isAsked && (by === undefined || from === by),
    )
    for (const accusation of asked) accusation.isAsked = true
    return asked
  }

  /** It was proven: the names by which others know of it. */
  take(owner: OwnerId): RecordId[] {
    const known = this.#known(owner)
    this.#owners.delete(owner)
    return known.map(({ proof }) => proof)
  }

  #known(owner: OwnerId) {
    return this.#owners.peek(owner) ?? []
  }
}
