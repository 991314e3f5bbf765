/** From a request to a job that runs: here and now, with the vehicles and stewards that this node knows. */
import type { StandbySearch } from '../../protocol/council/standbys.ts'
import type { JobId, OwnerId, PeerId } from '../../protocol/ids.ts'
import type { EngineDescription } from '../../runtimes/messages.ts'
import type { Runtimes } from '../../runtimes/registry.ts'
import type { Quote, SubmitProgress, SubmitRequest, Submitted } from '../api.ts'
import type { Executor } from '../executor/contract.ts'
import type { Recruiting } from '../stewardship/recruiting.ts'
import { submittedOf } from '../stewardship/status.ts'
import type { Market } from '../submission/assurance.ts'
import { type JobDescription, withDescription } from '../submission/description.ts'
import type { GivenDocuments } from '../submission/given.ts'
import { Measuring } from '../submission/measuring.ts'
import { quoteJob } from '../submission/quote.ts'
import { makeJob, type PreparedJob, type SubmissionContext } from '../submission/submission.ts'
import { Turns } from '../turns.ts'
import { caughtUp } from './reading.ts'
import type { Registry, RegistryOptions } from './registry.ts'
import { endedJobOf, withRetry } from './retrying.ts'

export interface SubmittingOptions extends RegistryOptions {
  readonly executor: Executor
  readonly engines: readonly EngineDescription[]
  /** Those that this node knows; left out: those that come along. */
  readonly runtimes?: Runtimes | undefined
  /** The owner whose voice this node is. */
  readonly owner: OwnerId
  readonly fleet: PeerId | null
}

export class Submitting {
  readonly #options: SubmittingOptions
  readonly #registry: Registry
  readonly #recruiting: Recruiting
  readonly #measuring: Measuring
  /** Submissions of one request follow each other: the second is answered with the job of the first. */
  readonly #turns = new Turns()

  constructor(options: SubmittingOptions, registry: Registry, recruiting: Recruiting) {
    this.#options = options
    this.#registry = registry
    this.#recruiting = recruiting
    this.#measuring = new Measuring(options.executor)
  }

  async quote(
    request: SubmitRequest,
    onProgress: (progress: SubmitProgress) => void,
    stdin?: AsyncIterable<Uint8Array>,
  ): Promise<Quote> {
    return quoteJob(request, { ...(await this.#market()), stdin }, onProgress)
  }

  /** As `quote`, of documents that this process hands over. Throws RequestError. */
  async quoteGiven(request: SubmitRequest, given: GivenDocuments): Promise<Quote> {
    return quoteJob(request, { ...(await this.#market()), given }, () => {})
  }

  async submit(
    request: SubmitRequest,
    onProgress: (progress: SubmitProgress) => void,
    stdin?: AsyncIterable<Uint8Array>,
  ): Promise<Submitted> {
    const context = await this.#context(stdin)
    return withDescription(request, context, onProgress, (described) =>
      this.#begin(described, context, onProgress),
    )
  }

  /** Submits documents that this process hands over, whatever paths the request names. Throws RequestError. */
  async submitGiven(request: SubmitRequest, given: GivenDocuments): Promise<Submitted> {
    const context = { ...(await this.#context()), given }
    const silent = () => {}
    return withDescription(request, context, silent, (described) => this.#begin(described, context, silent))
  }

  /** Makes a new job of the documents of this one that have no output. Throws RequestError. */
  async retry(job: JobId, onProgress: (progress: SubmitProgress) => void): Promise<Submitted> {
    const { store, clock } = this.#options
    const context = await this.#context()
    const { stewardship, release } = await this.#registry.hold(job)
    try {
      if (stewardship.hasEnded) await caughtUp(stewardship, clock)
      const ended = endedJobOf(stewardship, this.#registry.rows.get(job)!, store.blocks)
      return await withRetry(ended, store.blocks, (described) => this.#begin(described, context, onProgress))
    } finally {
      release()
    }
  }

  #begin(
    described: JobDescription,
    context: SubmissionContext,
    onProgress: (progress: SubmitProgress) => void,
  ): Promise<Submitted> {
    const { store } = this.#options
    return this.#turns.inTurn(described.requestDigest, async () => {
      const known = this.#madeFrom(described.requestDigest)
      if (known !== undefined)
        return this.#registry.use(known, async (stewardship) => {
          await described.staged.handTo(store.blocks.of(known))
          stewardship.inputsRestored()
          return submittedOf(stewardship, true, described)
        })
      const made = await makeJob(described, context, onProgress)
      try {
        this.#record(made)
      } catch (error) {
        await store.blocks.release(made.job)
        throw error
      }
      return this.#registry.use(made.job, (stewardship) => submittedOf(stewardship, false, described), true)
    })
  }

  async #context(stdin?: AsyncIterable<Uint8Array>): Promise<SubmissionContext> {
    const { clock, membership } = this.#options
    const around = () => membership.capacities()
    return {
      ...(await this.#market()),
      stdin,
      around,
      recruit: (search: StandbySearch, count: number, bytes: number, insists: boolean) =>
        insists
          ? this.#recruiting.insist(search, count, bytes, around)
          : this.#recruiting.recruit(search, count, bytes),
      clock,
    }
  }

  async #market() {
    const {
      executor,
      runtimes,
      key: node,
      submitter,
      engines,
      membership,
      recomputer,
      owner,
      fleet,
      store,
    } = this.#options
    const [{ blocks }, measuring] = [store, this.#measuring]
    await membership.settled()
    const canRecompute: Market['canRecompute'] = (runtime, engine) => recomputer.can(runtime, engine)
    const capacities = membership.capacities()
    return {
      executor,
      runtimes,
      measuring,
      blocks,
      node,
      submitter,
      engines,
      capacities,
      owner,
      fleet,
      canRecompute,
    }
  }

  #record({ job, record, manifest, requestDigest }: PreparedJob): void {
    const { store, clock, submitter } = this.#options
    // First: a crash in between leaves a job that was never there, and no debt that nobody pays.
    if (manifest.payment !== null) store.ledgerTables.notePaying(job)
    store.journal.append([{ id: job, job, kind: 'manifest', ...record, extra: null }])
    const state = { requestDigest, submitter: submitter.peerId, deadlineMs: manifest.deadlineMs }
    this.#registry.rows.put({ job, state, createdAtMs: clock.now(), endedAtMs: null })
  }

  /**
   * Returns the job that the same request has become, unless that job was cancelled or failed: somebody who asks for
   * it again wants it done.
   */
  #madeFrom(digest: string): JobId | undefined {
    return this.#registry.rows.list().find(({ job, state, endedAtMs }) => {
      if (state.requestDigest !== digest) return false
      const end = this.#registry.get(job)?.end
      if (end) return end.outcome === 'complete'
      return endedAtMs === null || state.summary?.state === 'complete'
    })?.job
  }
}
