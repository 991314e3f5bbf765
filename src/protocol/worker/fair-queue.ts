/**
 * Chooses the lease that runs next: slots are shared fairly between submitters, by work and not by leases.
 *
 * Start-time fair queueing: each submitter has an account of its work, and the next piece comes
 * from the one with the least. A submitter that is new, or comes back, starts level with the least served one that
 * waits, so that nobody saves up a claim to the whole vehicle by staying away. One that has had more keeps its account while others
 * wait: else whoever brings one long lease at a time would be new each time. P. Goyal, H. M. Vin and H. Cheng,
 * "Start-time fair queueing: a scheduling algorithm for integrated services packet switching networks", SIGCOMM 1996.
 */
import type { PeerId } from '../ids.ts'

/** Accounts of submitters that wait for nothing; beyond, the least served are forgotten. A guess. */
const absentMax = 256

export class FairQueue {
  /** Milliseconds of slots that each submitter has had. */
  readonly #served = new Map<PeerId, number>()
  /** … and that it says it will need of those that it has: its word, so that nobody else is measured by it. */
  readonly #begun = new Map<PeerId, number>()

  /** A submitter brings work; `waiting` are those that have some here already. */
  join(submitter: PeerId, waiting: ReadonlySet<PeerId>): void {
    if (waiting.has(submitter)) return
    const least = Math.min(...[...waiting].map((one) => this.#served.get(one) ?? 0))
    const own = this.#served.get(submitter) ?? 0
    const absent = [...this.#served].filter(([known]) => !waiting.has(known)).sort(([, a], [, b]) => b - a)
    for (const [i, [known, served]] of absent.entries())
      if (waiting.size === 0 || served <= least || i >= absentMax) this.#served.delete(known)
    this.#served.set(submitter, waiting.size === 0 ? 0 : Math.max(own, least))
  }

  /** Returns, of these pieces of work, the first one of the least served submitter. */
  next<Work>(ready: Iterable<Work>, submitterOf: (work: Work) => PeerId): Work | undefined {
    let best: Work | undefined
    let least = Number.POSITIVE_INFINITY
    for (const work of ready) {
      const submitter = submitterOf(work)
      const served = (this.#served.get(submitter) ?? 0) + (this.#begun.get(submitter) ?? 0)
      if (served < least) [best, least] = [work, served]
    }
    return best
  }

  /** A lease of the submitter's gets a slot, and is to cost so much. */
  begin(submitter: PeerId, costMs: number): void {
    this.#begun.set(submitter, (this.#begun.get(submitter) ?? 0) + costMs)
  }

  /** It has left its slot, and had it for so long. */
  serve(submitter: PeerId, costMs: number, tookMs: number): void {
    const left = (this.#begun.get(submitter) ?? 0) - costMs
    if (left > 0) this.#begun.set(submitter, left)
    else this.#begun.delete(submitter)
    this.#served.set(submitter, (this.#served.get(submitter) ?? 0) + tookMs)
  }
}
