/**
 * Finding standbys for a job that is about to be submitted: asks the nodes that were drawn, round by round, and takes those that
 * are willing (src/protocol/council/standby-rounds.ts).
 */
import { randomBytes } from 'node:crypto'
import { toString as bytesToText } from 'uint8arrays'
import { StandbyRounds } from '../../protocol/council/standby-rounds.ts'
import type { StandbySearch } from '../../protocol/council/standbys.ts'
import type { PeerId } from '../../protocol/ids.ts'
import type { StewardPlace } from '../../protocol/job/manifest.ts'
import { inviteTtlMs } from '../../protocol/limits.ts'
import type { Capacity } from '../../protocol/membership/advert.ts'
import { encodeMessage, type Message } from '../../protocol/message.ts'
import { standbyInsistMsMax } from '../../protocol/standing-by-limits.ts'
import { type Clock, elapsed } from '../clock.ts'
import { RequestError } from '../errors.ts'
import type { Mesh } from './mesh.ts'

type Answer = Extract<Message, { type: 'willing' | 'unwilling' }>

interface Invitation {
  readonly nonce: Uint8Array
  readonly answer: Promise<StewardPlace | null>
}

export class Recruiting {
  readonly #network: Mesh
  readonly #clock: Clock
  readonly #waiting = new Map<string, (from: PeerId, answer: Answer) => void>()

  constructor(network: Mesh, clock: Clock) {
    this.#network = network
    this.#clock = clock
  }

  /** Places for at most `count` nodes that are willing, of distinct owners, in the order of the draw. `bytes`: of all documents. */
  async recruit(search: StandbySearch, count: number, bytes: number): Promise<StewardPlace[]> {
    const clock = this.#clock
    const rounds = new StandbyRounds(this.#inReach(search), count, clock.monotonicMs())
    const places: StewardPlace[] = []
    const invitations = new Map<PeerId, Invitation>()
    try {
      for (;;) {
        const asked = rounds.next(clock.monotonicMs())
        if (asked.length === 0) return places
        for (const candidate of asked)
          if (!invitations.has(candidate.peer))
            invitations.set(candidate.peer, this.#invite(candidate, bytes))
        const answers = asked.map(({ peer }) => this.#inTime(invitations.get(peer)!.answer))
        for (const [i, place] of (await Promise.all(answers)).entries()) {
          const answer = place === undefined ? 'silent' : place === null ? 'unwilling' : 'willing'
          if (rounds.answered(asked[i]!, answer)) places.push(place!)
        }
      }
    } finally {
      for (const { nonce } of invitations.values()) this.#waiting.delete(keyOf(nonce))
    }
  }

  /**
   * The same, for a job that must outlive this node: as long as none is willing, those that `known` shows by then are asked anew. A
   * node that has just started may know nobody yet, and one that is busy may not answer in a round. Throws RequestError where none is.
   */
  async insist(
    search: StandbySearch,
    count: number,
    bytes: number,
    known: () => readonly Capacity[],
  ): Promise<StewardPlace[]> {
    const untilMs = this.#clock.monotonicMs() + standbyInsistMsMax
    for (;;) {
      const places = await this.recruit({ ...search, capacities: known() }, count, bytes)
      if (places.length > 0) return places
      if (this.#clock.monotonicMs() >= untilMs)
        throw new RequestError(
          'no other node stands by for the job, which would end with this one, so nothing was submitted; start nodes with --slots 0, each with an owner of its own, or leave out --detach',
        )
      await elapsed(this.#clock, inviteTtlMs)
    }
  }

  /** Nobody asks a node that cannot be dialled and is not connected: each would take up a place in a round. */
  #inReach(search: StandbySearch): StandbySearch {
    const connected = new Set(this.#network.connectedPeers().filter((peer) => !this.#network.isRelayed(peer)))
    const inReach = ({ peer, reach = 'direct' }: Capacity) => connected.has(peer) || reach === 'direct'
    const wantsDialled = this.#network.reachability === 'outbound' || this.#network.reachability === 'relayed'
    return { ...search, capacities: search.capacities.filter(inReach), wantsDialled }
  }

  heard(from: PeerId, answer: Answer): void {
    this.#waiting.get(keyOf(answer.nonce))?.(from, answer)
  }

  /** Its answer is null when it declines, or cannot be reached. It is heard until the search is over. */
  #invite({ peer, owner }: Capacity, bytes: number): Invitation {
    const nonce = new Uint8Array(randomBytes(16))
    const { promise, resolve } = Promise.withResolvers<StewardPlace | null>()
    this.#waiting.set(keyOf(nonce), (from, answer) => {
      if (from !== peer) return
      resolve(answer.type === 'willing' ? { peer, owner, nonce } : null)
    })
    this.#network
      .send(peer, encodeMessage({ type: 'invite', nonce, bytes, place: null }))
      .catch(() => resolve(null))
    return { nonce, answer: promise }
  }

  /** Undefined when there is no answer in time, the time to connect included. */
  #inTime(answer: Promise<StewardPlace | null>): Promise<StewardPlace | null | undefined> {
    const { promise, resolve } = Promise.withResolvers<undefined>()
    const callOff = this.#clock.after(inviteTtlMs, () => resolve(undefined))
    return Promise.race([answer, promise]).finally(callOff)
  }
}

function keyOf(nonce: Uint8Array): string {
  return bytesToText(nonce, 'base16')
}
