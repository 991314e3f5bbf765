/** The news of jobs that have ended and are in memory no more: who is to be told of which once it is back. */
import type { JobId, PeerId } from '../../protocol/ids.ts'

export class OwedNews {
  readonly #jobs = new Map<PeerId, Set<JobId>>()

  /** From now on these peers are to be told of the job, and nobody else. */
  owe(job: JobId, peers: readonly PeerId[] = []): void {
    for (const [peer, jobs] of this.#jobs) if (jobs.delete(job) && jobs.size === 0) this.#jobs.delete(peer)
    for (const peer of peers) {
      const jobs = this.#jobs.get(peer)
      if (jobs === undefined) this.#jobs.set(peer, new Set([job]))
      else jobs.add(job)
    }
  }

  /** The jobs that a peer is to be told of. */
  of(peer: PeerId): JobId[] {
    return [...(this.#jobs.get(peer) ?? [])]
  }
}
