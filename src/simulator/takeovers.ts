/** Times for how long jobs are without a steward that acts: from when the only one goes down, until another one acts. */
import type { JobId, PeerId } from '../protocol/ids.ts'

export class Takeovers {
  readonly tookMs: number[] = []
  readonly #acting = new Map<JobId, Set<PeerId>>()
  readonly #lost = new Map<JobId, { readonly peer: PeerId; readonly atMs: number }>()

  acts(job: JobId, peer: PeerId, isActing: boolean, nowMs: number): void {
    const acting = this.#acting.get(job) ?? new Set()
    this.#acting.set(job, acting)
    if (!isActing) {
      acting.delete(peer)
      return
    }
    acting.add(peer)
    const lost = this.#lost.get(job)
    this.#lost.delete(job)
    if (lost !== undefined && lost.peer !== peer) this.tookMs.push(nowMs - lost.atMs)
  }

  isActing(job: JobId, peer: PeerId): boolean {
    return this.#acting.get(job)?.has(peer) === true
  }

  /** `isOver`: nobody has to act for a job that has ended. */
  down(peer: PeerId, nowMs: number, isOver: (job: JobId) => boolean): void {
    for (const [job, acting] of this.#acting)
      if (acting.delete(peer) && acting.size === 0 && !isOver(job)) this.#lost.set(job, { peer, atMs: nowMs })
  }
}
