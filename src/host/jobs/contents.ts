/** The contents of a job: its results and documents, what its modules wrote, and its report; read from here, or from its stewards. */
import type { Cid } from '../../protocol/ids.ts'
import type { LogLine, LogsEnd, ResultLine, ResultsEnd } from '../api.ts'
import { RequestError } from '../errors.ts'
import type { CouncilDriver } from '../stewardship/council-driver.ts'
import { readJobDocument, type StoredPart } from './document.ts'
import { readLogs } from './logs.ts'
import { allResults, newResults } from './new-results.ts'
import { caughtUp, type Reading } from './reading.ts'
import type { Registry, RegistryOptions } from './registry.ts'
import { writeReport } from './report.ts'
import { readJobOf } from './results.ts'

export class Contents {
  readonly #options: Pick<RegistryOptions, 'clock' | 'store'>
  readonly #registry: Registry
  readonly #reading: Reading

  constructor(options: Pick<RegistryOptions, 'clock' | 'store'>, registry: Registry, reading: Reading) {
    this.#options = options
    this.#registry = registry
    this.#reading = reading
  }

  results(prefix: string): AsyncGenerator<ResultLine, ResultsEnd, undefined> {
    return this.#read(prefix, false, (job) => allResults(job, this.#options.clock))
  }

  followResults(prefix: string, signal: AbortSignal): AsyncGenerator<ResultLine, ResultsEnd, undefined> {
    const { clock } = this.#options
    return this.#read(prefix, true, (job) => newResults(job, clock, this.#registry.changes, signal))
  }

  async *#read(
    prefix: string,
    isPartEnough: boolean,
    read: (job: CouncilDriver) => AsyncGenerator<ResultLine, ResultsEnd, undefined>,
  ): AsyncGenerator<ResultLine, ResultsEnd, undefined> {
    await this.#reading.seek(prefix, isPartEnough)
    const { stewardship, release } = await this.#registry.hold(this.#registry.rows.find(prefix))
    try {
      return yield* read(stewardship)
    } finally {
      release()
    }
  }

  /** Throws RequestError. */
  async document(prefix: string, name: string, page: number): Promise<StoredPart> {
    await this.#reading.seek(prefix)
    return this.#registry.use(this.#registry.rows.find(prefix), (job) =>
      readJobDocument(readJobOf(job), name, page),
    )
  }

  async *logs(prefix: string): AsyncGenerator<LogLine, LogsEnd, undefined> {
    const job = this.#registry.rows.find(prefix)
    const { stewardship, release } = await this.#registry.hold(job)
    try {
      return yield* readLogs(readJobOf(stewardship), this.#options.store.blocks.of(job))
    } finally {
      release()
    }
  }

  async report(prefix: string, path: string): Promise<{ root: Cid; bytes: number }> {
    await this.#reading.seek(prefix)
    const job = this.#registry.rows.find(prefix)
    return this.#registry.use(job, async (stewardship) => {
      if (!stewardship.hasEnded)
        throw new RequestError(`job ${job} has not ended; it has no report before its end`)
      await caughtUp(stewardship, this.#options.clock)
      await stewardship.settled()
      const { manifest } = stewardship
      return writeReport(path, job, manifest, this.#options.store, stewardship.reported)
    })
  }
}
