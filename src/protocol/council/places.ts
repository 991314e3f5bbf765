/**
 * Places: which handovers of a job this steward heeds, and so which takers it counts among the stewards.
 *
 * A handover says that a steward is lost. Its signer may lie, so everybody judges that by its own watch: the handover is
 * heeded from when the steward that it calls lost has been silent here for as long as its signer should have waited, and then
 * for good. Until then its taker may sign records (job/handover.ts), but it has no turn, and nobody sends it anything.
 * One giver replaces a steward once: what it signs about the same steward later is not heeded.
 *
 * A node that starts cannot know. It heeds the handovers that it had until it hears a steward that they call lost. A taker
 * that hears that steward in time has no place after all, and leaves. A steward that is called lost itself knows that it
 * lives: it heeds the handover only where it has been away itself, so that it may have seemed lost.
 *
 * A steward that leaves says so itself: a handover in its signer's own place is heeded at once. One that left keeps its seat, in
 * case it is still waiting for its heir.
 *
 * A taker executes nothing, so its owner is left out of the work. It must have signed something, another steward must have
 * replaced a third one by it, and each place shuts out one owner: so nobody is shut out by being named. A taker leaves its own
 * owner out in any case.
 */
import type { PeerId, RecordId } from '../ids.ts'
import type { Handover, Succession } from '../job/handover.ts'
import type { StewardPlace } from '../job/manifest.ts'
import type { Verified } from '../record/record.ts'
import type { Attendance } from './attendance.ts'

export class Places {
  readonly #self: PeerId
  readonly #manifest: readonly StewardPlace[]
  readonly #attendance: Attendance
  /** Use: heeded for good. */
  readonly #heeded = new Set<RecordId>()
  /** Use: heeded until the steward that they call lost is heard. */
  readonly #presumed = new Set<RecordId>()
  #handovers: readonly Verified<Handover>[] = []
  #stewards: readonly StewardPlace[]

  constructor(self: PeerId, manifest: readonly StewardPlace[], attendance: Attendance) {
    this.#self = self
    this.#manifest = manifest
    this.#attendance = attendance
    this.#stewards = manifest
  }

  /** Takes up the handovers that this node had when it started, and knows nothing of those that they call lost. */
  begin({ handovers }: Succession): void {
    const given = new Set<string>()
    for (const handover of handovers) {
      if (!given.has(pairOf(handover))) this.#presumed.add(handover.id)
      given.add(pairOf(handover))
    }
    this.#seat(handovers)
  }

  /** Looks at all handovers once more. True when other nodes have a place now. */
  review({ handovers }: Succession, nowMs: number): boolean {
    const before = this.#handovers
    const given = new Set(handovers.filter(({ id }) => this.#heeded.has(id)).map(pairOf))
    // Each makes a steward whose own loss the next may tell of.
    for (const handover of handovers) {
      if (given.has(pairOf(handover)) || !this.#isLost(handover, nowMs)) continue
      given.add(pairOf(handover))
      this.#presumed.delete(handover.id)
      this.#heeded.add(handover.id)
      this.#seat(handovers)
    }
    this.#seat(handovers)
    return (
      before.length !== this.#handovers.length || before.some(({ id }, i) => id !== this.#handovers[i]?.id)
    )
  }

  /** This steward lives. */
  heard(peer: PeerId): void {
    if (this.#presumed.size === 0) return
    for (const { id, payload, signer } of this.#handovers)
      if (payload.lost === peer && signer !== peer) this.#presumed.delete(id)
  }

  /** This node has acted for the job: it stays, since others rest on what it did. */
  stay(): void {
    for (const { id, payload } of this.#handovers) if (payload.taker.peer === this.#self) this.#heeded.add(id)
  }

  /** In the order in which they act. */
  get stewards(): readonly StewardPlace[] {
    return this.#stewards
  }

  has(peer: PeerId): boolean {
    return this.#stewards.some((place) => place.peer === peer)
  }

  /** Tells whether a handover that is heeded replaces this steward. */
  isReplaced(peer: PeerId): boolean {
    return this.#handovers.some(({ payload }) => payload.lost === peer)
  }

  /** The steward that has the place of one that left; of those that were lost since then, the last one's taker. */
  heirOf(peer: PeerId): PeerId | undefined {
    const passed = new Set<PeerId>([peer])
    const left = this.#handovers.find(({ signer, payload }) => signer === peer && payload.lost === peer)
    let heir = left?.payload.taker.peer
    for (let next = heir; next !== undefined && !passed.has(next); ) {
      heir = next
      passed.add(heir)
      next = this.#handovers.find(({ payload }) => payload.lost === heir)?.payload.taker.peer
    }
    return heir
  }

  /** The stewards whose owners execute none of the job. */
  excluding(hasSigned: (peer: PeerId) => boolean): StewardPlace[] {
    const excluding = [...this.#manifest]
    const filled = new Set<PeerId>([this.#self])
    for (const { signer, payload } of this.#handovers) {
      const { lost, taker } = payload
      const isSelf = taker.peer === this.#self
      if (!isSelf && (lost === signer || filled.has(lost))) continue
      filled.add(lost)
      if (hasSigned(taker.peer) || isSelf) excluding.push(taker)
    }
    return excluding
  }

  #isLost({ signer, payload: { lost } }: Verified<Handover>, nowMs: number): boolean {
    if (lost === signer) return true
    if (lost === this.#self) return this.#attendance.wasApart(nowMs)
    return this.#attendance.isLost(lost, nowMs)
  }

  #seat(handovers: readonly Verified<Handover>[]): void {
    const isTaker = handovers.some(({ payload }) => payload.taker.peer === this.#self)
    // A node that only reads the job decides nothing, and asks everybody.
    const onlyReads = !isTaker && !this.#manifest.some(({ peer }) => peer === this.#self)
    this.#handovers = handovers.filter(
      ({ id }) => onlyReads || this.#heeded.has(id) || this.#presumed.has(id),
    )
    const stewards = new Map(this.#manifest.map((place) => [place.peer, place]))
    for (const { payload } of this.#handovers)
      if (!stewards.has(payload.taker.peer)) stewards.set(payload.taker.peer, payload.taker)
    this.#stewards = [...stewards.values()]
  }
}

function pairOf({ signer, payload }: Verified<Handover>): string {
  return `${signer}/${payload.lost}`
}
