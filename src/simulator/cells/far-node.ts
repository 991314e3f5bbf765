/** A node of a cell that is not among the sampled ones: it answers questions from what is known of all vehicles. */
import type { CellsInput, Topic } from '../../protocol/cells/contract.ts'
import type { HeardDigest } from '../../protocol/cells/digest.ts'
import type { Arc, CellKey } from '../../protocol/cells/key.ts'
import type { Contact, Member } from '../../protocol/cells/member.ts'
import type { CellMessage } from '../../protocol/cells/message.ts'
import type { CellId, PeerId } from '../../protocol/ids.ts'
import type { CellEar, CellsWorld } from './cells-world.ts'

/** Nodes that are not simulated by their machines: they answer from what is known of them all. `side`: the one that asks is on it. */
export interface Outside {
  isHere(peer: PeerId, side: number): boolean
  memberOf(peer: PeerId): Member
  cellOf(peer: PeerId, side: number): CellId
  /** A digest of a region of which only a part is simulated here: those that speak for it are elsewhere. */
  isBeyond(digest: HeardDigest): boolean
  contactsNear(key: CellKey, max: number, teller: PeerId, side: number): readonly Contact[]
  membersIn(arc: Arc, teller: PeerId, side: number): readonly Member[]
}

const contactsMax = 8

export class FarNode implements CellEar {
  readonly topics: ReadonlySet<Topic> = new Set()
  readonly side = 0
  readonly charter = undefined
  readonly #world: CellsWorld
  readonly #outside: Outside
  readonly #peer: PeerId
  readonly #asker: CellEar

  constructor(world: CellsWorld, outside: Outside, peer: PeerId, asker: CellEar) {
    this.#world = world
    this.#outside = outside
    this.#peer = peer
    this.#asker = asker
  }

  get member(): Member {
    return this.#outside.memberOf(this.#peer)
  }

  hear(_from: Contact, message: CellMessage): void {
    const { member } = this
    const { side } = this.#asker
    const cell = this.#outside.cellOf(this.#peer, side)
    if (message.type === 'where') {
      const { question, key } = message
      const contacts = this.#outside
        .contactsNear(key, contactsMax + 1, this.#peer, side)
        .filter(({ peer }) => peer !== this.#asker.member.peer)
      this.#answer({
        type: 'message',
        from: member,
        message: { type: 'there', question, cell, contacts: contacts.slice(0, contactsMax) },
      })
    } else if (message.type === 'who') {
      const { question, arc } = message
      const members = this.#outside.membersIn(arc, this.#peer, side)
      this.#answer({ type: 'these', from: member.peer, question, cell, members, hasMore: false })
    }
  }

  hearDigest(): void {}

  tell(): void {}

  heard(): void {}

  heardReport(): void {}

  lapsed(): void {}

  #answer(input: CellsInput): void {
    const { timeline, chance } = this.#world
    timeline.at(timeline.nowMs + chance.between(20, 200), () => this.#asker.tell(input))
  }
}
