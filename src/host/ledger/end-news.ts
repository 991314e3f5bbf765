/**
 * Tells the owner of a vehicle why work of its is not paid: a job that ends before all of it is verified owes what owners agree on by
 * then, and nothing for what only one has done. That may be for want of the submitter's money alone.
 */
import type { Logger } from 'pino'
import type { JobId, PeerId } from '../../protocol/ids.ts'
import type { JobEnd } from '../../protocol/job/verdict.ts'
import type { Books } from './books.ts'

/** By code of the end (src/protocol/job/verdict.ts). */
const inWords: Readonly<Record<string, string>> = {
  'budget-spent': "since its submitter's budget was spent",
  cancelled: 'since its submitter cancelled it',
  'deadline-passed': 'at its deadline',
}

/** Several stewards say the same. A guess. */
const toldMax = 256

export class EndNews {
  readonly #books: Pick<Books, 'standingOf'>
  readonly #self: PeerId
  readonly #log: Pick<Logger, 'info'>
  readonly #told = new Set<JobId>()

  constructor(books: Pick<Books, 'standingOf'>, self: PeerId, log: Pick<Logger, 'info'>) {
    this.#books = books
    this.#self = self
    this.#log = log
  }

  /** The job is over, by an end that this vehicle believes. Once for each job. */
  ended(job: JobId, { outcome, code }: Pick<JobEnd, 'outcome' | 'code'>): void {
    if (outcome === 'complete' || this.#told.has(job)) return
    const open = [...this.#books.standingOf(job, this.#self)].filter(({ kind }) => kind === 'pending').length
    if (open === 0) return
    if (this.#told.size >= toldMax) this.#told.clear()
    this.#told.add(job)
    const how = inWords[code ?? ''] ?? 'before all of it was verified'
    this.#log.info(
      { job, code, open },
      `a job ended ${how}: of ${open} results of this vehicle that were not decided it pays for those on which another owner agrees, and not for what nobody else has done`,
    )
  }
}
