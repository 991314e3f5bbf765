/**
 * The jobs of this node: looks after them, and answers questions about them.
 *
 * registry.ts keeps them in memory, routing.ts hands them what others say, and standing-by.ts and reading.ts take on
 * jobs of others.
 */
import type { Cid, JobId, PeerId } from '../../protocol/ids.ts'
import type { MessageToSteward } from '../../protocol/inbox.ts'
import { evidenceAgeMsMax, jobRetentionMs } from '../../protocol/limits.ts'
import type {
  Cancelled,
  JobStatus,
  JobSummary,
  Quote,
  Released,
  SubmitProgress,
  SubmitRequest,
  Submitted,
} from '../api.ts'
import { elapsed, systemClock } from '../clock.ts'
import { Recomputer } from '../stewardship/recomputer.ts'
import { Recruiting } from '../stewardship/recruiting.ts'
import { outcomesOf, statusOf } from '../stewardship/status.ts'
import type { GivenDocuments } from '../submission/given.ts'
import { Abroad, type Censuses } from './abroad.ts'
import { cancelJob } from './cancelling.ts'
import { Contents } from './contents.ts'
import { type BilledFrom, billOf, debtOf, owingRetentionMs, tellAgain, tellPaid } from './job-money.ts'
import { NamedDocuments } from './named-documents.ts'
import { changed, Reading } from './reading.ts'
import { Registry } from './registry.ts'
import { forgetJob, releaseJob } from './releasing.ts'
import { Routing } from './routing.ts'
import { StandingBy, type StandingByOptions } from './standing-by.ts'
import { Submitting, type SubmittingOptions } from './submitting.ts'

export type JobsOptions = Omit<StandingByOptions & SubmittingOptions, 'recomputer'> & {
  /** Finds vehicles of other cells; null: this node knows no cells. */
  readonly censuses?: Censuses | null
}

/** Watchers are told at most this often: a person reads no faster. */
const watchIntervalMs = 250
/** … and, up to a second, so seldom that making a status of every claim takes a small share of the time: a guess. */
const watchShareMax = 0.02
const watchIntervalMsMax = 1_000
/** How often the retention of old jobs is looked at. */
const retentionLookMs = 3_600_000

export class Jobs {
  readonly contents: Contents
  readonly #options: JobsOptions
  readonly #registry: Registry
  readonly #reading: Reading
  readonly #routing: Routing
  readonly #submitting: Submitting
  readonly #named = new NamedDocuments()
  readonly #abroad: Abroad | null
  #callOffLook = () => {}

  constructor(options: JobsOptions) {
    const { executor, engines, store, network, clock } = options
    const shared = { ...options, recomputer: new Recomputer(executor, engines, store.blocks) }
    const registry = new Registry(shared)
    const recruiting = new Recruiting(network, clock)
    const standingBy = new StandingBy(shared, registry)
    const reading = new Reading(shared, registry)
    this.#options = options
    this.#registry = registry
    const { censuses = null } = options
    this.#abroad = censuses && new Abroad({ ...shared, censuses, running: () => registry.running() })
    this.#reading = reading
    this.contents = new Contents(options, registry, reading)
    this.#routing = new Routing(shared, { registry, recruiting, standingBy, reading })
    this.#submitting = new Submitting(shared, registry, recruiting)
  }

  /** Goes on with every job that has not ended, and forgets those whose time is over. */
  resume(): void {
    this.#registry.resume()
    this.#abroad?.start()
    this.#lookAtRetention()
  }

  async stop(): Promise<void> {
    this.#callOffLook()
    this.#abroad?.stop()
    await this.#registry.stop()
  }

  /** Takes what is said to a steward. Throws ProtocolError for records that do not hold. */
  hear(from: PeerId, message: MessageToSteward): void {
    this.#routing.hear(from, message)
  }

  peerChanged(type: 'connected' | 'disconnected', peer: PeerId, isRelayed = false): void {
    if (type === 'connected') this.#reading.met(peer)
    for (const stewardship of this.#registry.running())
      stewardship.handle(type === 'connected' ? { type, peer, isRelayed } : { type, peer })
    if (type === 'connected') void this.#registry.returned(peer)
    if (type === 'connected') tellAgain(this.#options, this.#registry, peer)
  }

  advertsChanged(change: Parameters<Registry['tellAdverts']>[0]): void {
    this.#registry.tellAdverts(change)
  }

  rosterChanged(): void {
    const { membership, operatorPpm } = this.#options
    const input = {
      type: 'roster',
      capacities: membership.capacities(),
      operatorPpm: operatorPpm(),
    } as const
    for (const stewardship of this.#registry.running()) stewardship.handle(input)
  }

  /** A block was damaged on this disk: those who look after its jobs get it again from others. */
  damaged(cid: Cid): void {
    for (const job of this.#options.store.blocks.jobsOf(cid)) {
      const running = this.#registry.get(job)
      if (running !== undefined) running.damaged(cid)
      else if ((this.#registry.rows.get(job)?.state.rest?.fellows.length ?? 0) > 0)
        this.#registry
          .use(job, (stewardship) => stewardship.damaged(cid))
          .catch((error) => this.#options.log.info({ job, cid, error }, 'a damaged block stays damaged'))
    }
  }

  /** By what is in memory. */
  mayRead(peer: PeerId, cid: Cid): boolean {
    for (const stewardship of this.#registry.running()) if (stewardship.mayRead(peer, cid)) return true
    return false
  }

  /** By what the disk says of jobs that have ended: their other stewards, and readers, may still lack results. */
  mayReadAfterEnd(peer: PeerId, cid: Cid): boolean {
    return this.#options.store.blocks.jobsOf(cid).some((job) => {
      const rest = this.#registry.rows.get(job)?.state.rest
      return rest?.fellows.includes(peer) === true || rest?.readers.includes(peer) === true
    })
  }

  quote(
    request: SubmitRequest,
    onProgress: (progress: SubmitProgress) => void,
    stdin?: AsyncIterable<Uint8Array>,
  ): Promise<Quote> {
    return this.#submitting.quote(request, onProgress, stdin)
  }

  /** As `quote`, of documents that this process hands over. Throws RequestError. */
  quoteGiven(request: SubmitRequest, given: GivenDocuments): Promise<Quote> {
    return this.#submitting.quoteGiven(request, given)
  }

  submit(
    request: SubmitRequest,
    onProgress: (progress: SubmitProgress) => void,
    stdin?: AsyncIterable<Uint8Array>,
  ): Promise<Submitted> {
    return this.#submitting.submit(request, onProgress, stdin)
  }

  /** Submits documents that this process hands over. Throws RequestError. */
  submitGiven(request: SubmitRequest, given: GivenDocuments): Promise<Submitted> {
    return this.#submitting.submitGiven(request, given)
  }

  /** Makes a new job of the documents of one that have no output. Throws RequestError. */
  async retry(prefix: string, onProgress: (progress: SubmitProgress) => void): Promise<Submitted> {
    return this.#submitting.retry(this.#registry.rows.find(prefix), onProgress)
  }

  /** Those in memory: all that run, and those that have ended and are still used or have something to say. */
  inMemory(): JobId[] {
    return [...this.#registry.running()].map(({ job }) => job)
  }

  /** Looks for jobs of this submitter that other nodes look after: from then on they are among those of this node. */
  seek(): Promise<void> {
    return this.#reading.seekAll()
  }

  list(): JobSummary[] {
    return this.#registry.rows.summaries((job) => this.#registry.get(job))
  }

  async status(prefix: string): Promise<JobStatus> {
    // What this node has itself is begun at once, so that a message that comes meanwhile waits for it.
    if (!this.#reading.knows(prefix)) await this.#reading.seek(prefix, true)
    return this.#status(this.#registry.rows.find(prefix))
  }

  #status(job: JobId): Promise<JobStatus> {
    const nameOf = (peer: PeerId) => this.#options.membership.get(peer)?.name ?? ''
    return this.#registry.use(job, async (stewardship) => {
      const outcomes = await outcomesOf(stewardship)
      const documents = await this.#named.of(stewardship)
      const { createdAtMs, state } = this.#registry.rows.get(job)!
      const status = statusOf(stewardship, createdAtMs, nameOf)
      if (stewardship.hasEnded) this.#registry.rows.noteOutcomes(job, outcomes)
      return {
        ...status,
        documents,
        outcomes,
        pagesPerSecond: status.pagesPerSecond || (state.pagesPerSecond ?? 0),
      }
    })
  }

  /** A letter for each shard, as NodeApi says. */
  async shardMap(prefix: string): Promise<string> {
    if (!this.#reading.knows(prefix)) await this.#reading.seek(prefix, true)
    const job = this.#registry.rows.find(prefix)
    return this.#registry.use(job, (stewardship) =>
      stewardship
        .standings()
        .map(([letter]) => letter)
        .join(''),
    )
  }

  async *watch(prefix: string, signal: AbortSignal): AsyncGenerator<JobStatus> {
    const { clock } = this.#options
    await this.#reading.seek(prefix, true)
    const job = this.#registry.rows.find(prefix)
    let status = await this.#status(job)
    yield status
    try {
      for (let waitMs = 0; status.state === 'running'; ) {
        await changed(this.#registry.changes, job, elapsed(clock, waitMs), signal)
        const startedMs = systemClock.monotonicMs()
        status = await this.#status(job)
        const restMs = (systemClock.monotonicMs() - startedMs) / watchShareMax
        waitMs = Math.min(watchIntervalMsMax, Math.max(watchIntervalMs, restMs))
        yield status
      }
    } catch (error) {
      if (!signal.aborted) throw error
    }
  }

  async cancel(prefix: string): Promise<Cancelled> {
    await this.#reading.seek(prefix, true)
    const job = this.#registry.rows.find(prefix)
    return this.#registry.use(job, (stewardship) => cancelJob(this.#options, stewardship))
  }

  async forget(prefix: string): Promise<void> {
    const job = this.#registry.rows.find(prefix)
    await forgetJob(this.#registry, job)
  }

  /** Hands a job that this node stands by for over to another node, and lets it go. Throws RequestError. */
  release(prefix: string): Promise<Released> {
    return releaseJob(this.#registry, this.#registry.rows.find(prefix))
  }

  /** The key that signs, and pays for, the jobs submitted here. */
  get submitter(): PeerId {
    return this.#options.submitter.peerId
  }

  bill(prefix: string, money: BilledFrom['money']): ReturnType<typeof billOf> {
    const { store } = this.#options
    const find = () => this.#reading.seek(prefix).then(() => this.#registry.rows.find(prefix))
    return billOf({ registry: this.#registry, find, store, money }, prefix)
  }

  /** The debt of this node's submitter for a job; null: nothing. Throws RequestError for a job that is not here. */
  owes(prefix: string): ReturnType<typeof debtOf> {
    const { store, submitter } = this.#options
    return debtOf(store.books, submitter.peerId, this.#registry.rows.find(prefix))
  }

  /** Money left for the vehicles of these accounts: their owners are told with the next statement. */
  paid(lines: Parameters<typeof tellPaid>[2]): void {
    tellPaid(this.#options, this.#registry, lines)
  }

  #lookAtRetention(): void {
    const { clock, log } = this.#options
    this.#expire().catch((error) => log.error({ error }, 'an old job cannot be forgotten'))
    this.#callOffLook = clock.after(retentionLookMs, () => this.#lookAtRetention())
  }

  /** Old jobs expire: their results had thirty days to be fetched. So do places in strangers' jobs that nobody ended. One that owes stays for a year. */
  async #expire(): Promise<void> {
    const nowMs = this.#options.clock.now()
    this.#options.store.journal.forgetLeft(nowMs - evidenceAgeMsMax)
    this.#options.store.journal.willing.forget(nowMs)
    const { store, submitter } = this.#options
    const { index } = this.#registry.rows
    for (const job of index.endedBefore(nowMs - owingRetentionMs)) await this.#registry.drop(job)
    for (const job of index.endedBefore(nowMs - jobRetentionMs))
      if (debtOf(store.books, submitter.peerId, job) === null) await this.#registry.drop(job)
    await this.#registry.leaveOverdue()
  }
}
