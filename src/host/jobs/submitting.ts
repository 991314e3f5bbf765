/** From a request to a job that runs: here and now, with the vehicles and stewards that this node knows. */
import { findStandbys } from '../../protocol/council/standbys.ts'
import type { JobId, OwnerId, PeerId } from '../../protocol/ids.ts'
import type { EngineDescription } from '../../runtimes/messages.ts'
import type { Quote, SubmitProgress, SubmitRequest, Submitted } from '../api.ts'
import type { Executor } from '../executor/contract.ts'
import type { Recruiting } from '../stewardship/recruiting.ts'
import { submittedOf } from '../stewardship/status.ts'
import { type PreparedJob, prepareJob, quoteJob } from '../submission/submission.ts'
import type { Registry, RegistryOptions } from './registry.ts'

export interface SubmittingOptions extends RegistryOptions {
  readonly executor: Executor
  readonly engines: readonly EngineDescription[]
  /** Whose voice this node is. */
  readonly owner: OwnerId
  readonly fleet: PeerId | null
}

export class Submitting {
  readonly #options: SubmittingOptions
  readonly #registry: Registry
  readonly #recruiting: Recruiting

  constructor(options: SubmittingOptions, registry: Registry, recruiting: Recruiting) {
    this.#options = options
    this.#registry = registry
    this.#recruiting = recruiting
  }

  async quote(request: SubmitRequest, onProgress: (progress: SubmitProgress) => void): Promise<Quote> {
    return quoteJob(request, await this.#market(), onProgress)
  }

  async submit(request: SubmitRequest, onProgress: (progress: SubmitProgress) => void): Promise<Submitted> {
    const { store, log } = this.#options
    const prepared = await prepareJob(
      request,
      {
        ...(await this.#market()),
        blocks: store.blocks,
        recruit: (search, count, bytes) => this.#recruiting.invite(findStandbys(search, count), bytes),
        known: (digest) => this.#withDigest(digest),
        log,
      },
      onProgress,
    )
    if ('known' in prepared)
      return this.#registry.use(prepared.known, (known) => {
        known.inputsRestored()
        return submittedOf(known, true)
      })
    this.#record(prepared)
    return this.#registry.use(prepared.job, (stewardship) => submittedOf(stewardship, false), true)
  }

  async #market() {
    const { executor, key: node, submitter, engines, membership, recomputer, owner, fleet } = this.#options
    await membership.settled()
    const canRecompute = (runtime: string) => recomputer.can(runtime)
    const capacities = membership.capacities()
    return { executor, node, submitter, engines, capacities, owner, fleet, canRecompute }
  }

  #record({ job, record, requestDigest }: PreparedJob): void {
    const { store, clock } = this.#options
    store.journal.append([{ id: job, job, kind: 'manifest', ...record, extra: null }])
    this.#registry.rows.put({ job, state: { requestDigest }, createdAtMs: clock.now(), endedAtMs: null })
  }

  #withDigest(digest: string): JobId | undefined {
    return this.#registry.rows.list().find(({ state }) => state.requestDigest === digest)?.job
  }
}
