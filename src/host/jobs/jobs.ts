/**
 * The jobs of this node: those that it looks after, and what can be asked about them.
 */
import { EventEmitter, on } from 'node:events'
import type { Logger } from 'pino'
import { equals } from 'uint8arrays'
import { findStandbys, type StandbySearch } from '../../protocol/council/standbys.ts'
import type { Cid, JobId, OwnerId, PeerId } from '../../protocol/ids.ts'
import { type Delivery, deliveryOf, type MessageToSteward } from '../../protocol/inbox.ts'
import { type Access, openAccess } from '../../protocol/job/access.ts'
import { successionOf } from '../../protocol/job/handover.ts'
import { type Manifest, openManifest } from '../../protocol/job/manifest.ts'
import { accountOf } from '../../protocol/ledger/account.ts'
import { accessTtlMs, jobRetentionMs, standbyRoomFactor, standingByMax } from '../../protocol/limits.ts'
import { encodeMessage, type Message, type UnwillingReason } from '../../protocol/message.ts'
import { encodeBody, recordId, type SignedRecord, type Verified } from '../../protocol/record/record.ts'
import { bodyOf, openRecord, openRecordAs } from '../../protocol/records.ts'
import type { EngineDescription } from '../../runtimes/messages.ts'
import type {
  JobStatus,
  JobSummary,
  Quote,
  ResultLine,
  ResultsEnd,
  SubmitProgress,
  SubmitRequest,
  Submitted,
} from '../api.ts'
import { type Clock, elapsed } from '../clock.ts'
import { RequestError } from '../errors.ts'
import type { Executor } from '../executor/executor.ts'
import type { BilledShard, BillTotals, PayoutLine } from '../ledger/contract.ts'
import type { Money } from '../ledger/money.ts'
import type { Bans } from '../membership/bans.ts'
import type { Membership } from '../membership/membership.ts'
import { jobSecret, sealCommitment } from '../sealing/sealing.ts'
import { sha256 } from '../sha256.ts'
import { Holdings } from '../stewardship/holdings.ts'
import type { Mesh } from '../stewardship/mesh.ts'
import { Recomputer } from '../stewardship/recomputer.ts'
import { Recruiting } from '../stewardship/recruiting.ts'
import { statusOf, summaryOf } from '../stewardship/status.ts'
import { Stewardship } from '../stewardship/stewardship.ts'
import type { JobRow } from '../store/journal.ts'
import { drawSeed, type SigningKey, verifyByPeerId } from '../store/keys.ts'
import type { Store } from '../store.ts'
import { describeJob, makeJob, type PreparedJob, quoteJob, storeAgain } from '../submission/submission.ts'
import { Turns } from '../turns.ts'
import { writeReport } from './report.ts'
import { readResults } from './results.ts'

export interface JobsOptions {
  readonly key: SigningKey
  readonly submitter: SigningKey
  readonly network: Mesh
  readonly store: Store
  readonly executor: Executor
  readonly engines: readonly EngineDescription[]
  readonly membership: Pick<Membership, 'settled' | 'capacities' | 'get'>
  readonly bans: Pick<Bans, 'caught'>
  /** Whose voice this node is. */
  readonly owner: OwnerId
  readonly fleet: PeerId | null
  /** What the fleet's operator keeps of what owners earn, in parts per million; 0 without a fleet. */
  readonly operatorPpm: () => number
  /** Whether it looks after jobs of others when asked. */
  readonly standsBy: boolean
  readonly clock: Clock
  readonly log: Logger
}

/** What this node keeps about a job beside its records: private until the job ends, or only of use here. */
interface JobState {
  readonly requestDigest: string
  /** In hex, where others submitted it: the submitter's key makes it here. */
  readonly secret?: string
  /** Once the job has ended: what a list of jobs shows of it. */
  readonly summary?: JobSummary
}

/** Jobs that have ended and stay in memory, for those who ask how they went: a guess. */
const endedLoadedMax = 32

const stewardRole = 'steward'

/** How long a job is sought among the stewards that are connected, and how often it is looked at: guesses. */
const seekMsMax = 15_000
/** Stewards that have it say so in a round trip. */
const answerMsMax = 3_000
const seekLookMs = 100

/** Watchers are told at most this often: a person reads no faster. */
const watchIntervalMs = 250
/** … and, up to a second, so seldom that making a status of every claim takes a small share of the time: a guess. */
const watchShareMax = 0.02
const watchIntervalMsMax = 1_000
/** How often the retention of old jobs is looked at. */
const retentionLookMs = 3_600_000

export class Jobs {
  readonly #options: JobsOptions
  readonly #recomputer: Recomputer
  readonly #recruiting: Recruiting
  readonly #running = new Map<JobId, Stewardship>()
  readonly #loading = new Map<JobId, Promise<Stewardship>>()
  readonly #changes = new EventEmitter()
  #callOffLook = () => {}
  /** Submissions of one request follow each other: the second is answered with the job of the first. */
  readonly #submitting = new Turns()

  constructor(options: JobsOptions) {
    this.#options = options
    this.#recomputer = new Recomputer(options.executor, options.engines, options.store.blocks)
    this.#recruiting = new Recruiting(options.network)
    this.#changes.setMaxListeners(0)
  }

  /** Goes on with every job that has not ended, and forgets those whose time is over. */
  resume(): void {
    for (const row of this.#options.store.journal.listJobs(stewardRole))
      if (row.endedAtMs === null)
        void this.#load(row.job).catch((error) =>
          this.#options.log.error({ job: row.job, error }, 'a job cannot go on'),
        )
    this.#lookAtRetention()
  }

  async stop(): Promise<void> {
    this.#callOffLook()
    await Promise.all([...this.#running.values()].map((stewardship) => stewardship.stop()))
  }

  /** Takes what is said to a steward. Throws ProtocolError for records that do not hold. */
  hear(from: PeerId, message: MessageToSteward): void {
    const delivery = deliveryOf(from, message)
    switch (delivery.to) {
      case 'council':
        this.#running.get(delivery.job)?.hear(delivery.input)
        break
      case 'inviter':
        this.#recruiting.heard(from, delivery.message)
        for (const stewardship of this.#running.values()) stewardship.hear(delivery.input)
        break
      case 'records':
        this.#heardRecord(from, delivery.message)
        break
      case 'payables':
        void this.#heardPayee(from, delivery.message)
        break
      case 'node':
        this.#heardAsNode(from, delivery.message)
    }
  }

  #heardRecord(from: PeerId, message: Extract<Delivery, { to: 'records' }>['message']): void {
    if (message.type === 'record') {
      const stewardship = this.#running.get(message.job)
      // Cheapest first: most of what comes is known, and a signature costs more than all else.
      if (stewardship === undefined || this.#isKnown(message.record)) return
      const record = openRecord(message.record, message.opening, sha256, verifyByPeerId)
      stewardship.hearRecord(from, record)
      return
    }
    const receipt = openRecordAs('receipt', message.record, message.opening, sha256, verifyByPeerId)
    const { signer, job } = receipt.record
    const stewardship = this.#running.get(job!)
    if (stewardship !== undefined) stewardship.hearReceipt(receipt, message.released)
    else if (this.#loading.get(job!) === undefined) this.#tellEnded(signer, job!)
  }

  #isKnown({ body }: SignedRecord): boolean {
    return this.#options.store.journal.has(recordId(sha256, body))
  }

  #heardAsNode(from: PeerId, message: Extract<Delivery, { to: 'node' }>['message']): void {
    switch (message.type) {
      case 'invite':
        this.#answer(from, message)
        break
      case 'entrust':
        this.#entrusted(from, message)
        break
      case 'find':
        void this.#found(from, openAccess(message.access, sha256, verifyByPeerId))
    }
  }

  /** A node that works for itself alone for a moment, or has no room, says no: its submitter asks another. */
  #answer(from: PeerId, { nonce, bytes }: Extract<Message, { type: 'invite' }>): void {
    const { key, store, standsBy } = this.#options
    const reason: UnwillingReason | null = !standsBy
      ? 'stopping'
      : this.#standingBy() >= standingByMax
        ? 'too-many-jobs'
        : store.directory.space().freeBytes < bytes * standbyRoomFactor
          ? 'no-space'
          : null
    const message: Message =
      reason === null
        ? { type: 'willing', nonce, drawCommitment: sha256(drawSeed(key, nonce)) }
        : { type: 'unwilling', nonce, reason }
    this.#say(from, message)
  }

  /** Jobs that others submitted and that have not ended, those included that this node has only just been told of. */
  #standingBy(): number {
    const rows = this.#options.store.journal.listJobs(stewardRole)
    return rows.filter(
      ({ state, endedAtMs }) => endedAtMs === null && (state as JobState).requestDigest === '',
    ).length
  }

  /** Another steward says that this node is one, too: the signed manifest, or the chain from it, must say so. */
  #entrusted(
    from: PeerId,
    { manifest: manifestRecord, handovers: handoverRecords, secret }: Extract<Message, { type: 'entrust' }>,
  ): void {
    const { key, store } = this.#options
    const manifest = openManifest(manifestRecord, sha256, verifyByPeerId)
    const handovers = handoverRecords.map((record) =>
      openRecordAs('handover', record, null, sha256, verifyByPeerId),
    )
    const { stewards, chain } = successionOf(
      manifest.id,
      manifest.payload,
      handovers.map(({ record }) => record),
    )
    const place = stewards.find(({ peer }) => peer === key.peerId)
    const mine = manifest.signer === this.#options.submitter.peerId
    if (place === undefined && !mine) return
    if (place !== undefined && !equals(place.drawCommitment, sha256(drawSeed(key, place.nonce)))) return
    if (store.journal.getJob(manifest.id, stewardRole) !== undefined) {
      for (const handover of handovers) this.#running.get(manifest.id)?.hearRecord(from, handover)
      return
    }
    // It said yes to so many invitations, perhaps, and not to so many jobs.
    if (!mine && this.#standingBy() >= standingByMax) return
    const { seal, blind } = manifest.payload
    if (secret === null ? blind === null : !equals(sealCommitment(secret), seal.commitment)) return
    const rows = handovers
      .filter(({ record }) => chain.includes(record))
      .map(({ kind, record: { id }, signed }) => ({ id, job: manifest.id, kind, ...signed, extra: null }))
    store.journal.append([
      { id: manifest.id, job: manifest.id, kind: 'manifest', ...manifestRecord, extra: null },
      ...rows,
    ])
    const state: JobState = {
      requestDigest: '',
      ...(secret === null ? {} : { secret: Buffer.from(secret).toString('hex') }),
    }
    store.journal.putJob({
      job: manifest.id,
      role: stewardRole,
      state,
      createdAtMs: this.#options.clock.now(),
      endedAtMs: null,
    })
    void this.#load(manifest.id).catch((error) =>
      this.#options.log.error({ job: manifest.id, error }, 'this node cannot stand by for a job'),
    )
  }

  /** Whoever holds the submitter's key may read the submitter's jobs, from any node. */
  async #found(from: PeerId, access: Verified<Access>): Promise<void> {
    if (access.expiresMs < this.#options.clock.now() || access.payload.reader !== from) return
    for (const { job } of this.#options.store.journal.listJobs(stewardRole)) {
      const record = this.#options.store.journal.get(job)
      if (record === undefined || openManifest(record, sha256, verifyByPeerId).signer !== access.signer)
        continue
      const stewardship = await this.#load(job)
      if (!stewardship.isReader) stewardship.admitReader(from)
    }
  }

  /** Also of jobs that ended long ago, as long as this node keeps them: a vehicle may have slept. */
  async #heardPayee(
    from: PeerId,
    message: Extract<Message, { type: 'account' | 'accounted' }>,
  ): Promise<void> {
    const { store, log } = this.#options
    if (store.journal.getJob(message.job, stewardRole) === undefined) return
    try {
      const stewardship = await this.#load(message.job)
      stewardship.hearPayee(from, message)
    } catch (error) {
      log.info(
        { job: message.job, from, error },
        'a vehicle asks what it is owed, and its job cannot be read',
      )
    }
  }

  /** Asks those who are connected for jobs that this node's submitter key signed and this node does not have. */
  async #seek(prefix: string): Promise<void> {
    const { key, submitter, membership, network, clock } = this.#options
    await membership.settled()
    const body = encodeBody(
      bodyOf('access', {
        signer: submitter.peerId,
        serial: clock.now(),
        expiresMs: clock.now() + accessTtlMs,
        payload: { reader: key.peerId },
      }),
    )
    const access: SignedRecord = { body, signature: submitter.sign(body) }
    for (const peer of network.connectedPeers()) this.#say(peer, { type: 'find', access })
    const untilMs = clock.now() + seekMsMax
    const unknownAfterMs = clock.now() + answerMsMax
    while (clock.now() < untilMs) {
      const found = [...this.#running].find(([job]) => job.startsWith(prefix))
      if (found?.[1].isComplete || (found === undefined && clock.now() > unknownAfterMs)) return
      await elapsed(clock, seekLookMs)
    }
  }

  peerChanged(type: 'connected' | 'disconnected', peer: PeerId): void {
    for (const stewardship of this.#running.values()) stewardship.handle({ type, peer })
  }

  rosterChanged(): void {
    const { membership, operatorPpm } = this.#options
    const input = {
      type: 'roster',
      capacities: membership.capacities(),
      operatorPpm: operatorPpm(),
    } as const
    for (const stewardship of this.#running.values()) stewardship.handle(input)
  }

  /** A block was damaged on this disk: those who look after its jobs get it again from others. */
  damaged(cid: Cid): void {
    for (const job of this.#options.store.blocks.jobsOf(cid)) this.#running.get(job)?.damaged(cid)
  }

  mayRead(peer: PeerId, cid: Cid): boolean {
    for (const stewardship of this.#running.values()) if (stewardship.mayRead(peer, cid)) return true
    return false
  }

  async quote(request: SubmitRequest, onProgress: (progress: SubmitProgress) => void): Promise<Quote> {
    return quoteJob(request, await this.#market(), onProgress)
  }

  async submit(request: SubmitRequest, onProgress: (progress: SubmitProgress) => void): Promise<Submitted> {
    const { store, log } = this.#options
    const context = {
      ...(await this.#market()),
      blocks: store.blocks,
      recruit: (search: StandbySearch, count: number, bytes: number) =>
        this.#recruiting.invite(findStandbys(search, count), bytes),
      log,
    }
    const described = await describeJob(request, context, onProgress)
    return this.#submitting.inTurn(described.requestDigest, async () => {
      const known = this.#madeFrom(described.requestDigest)
      if (known !== undefined) {
        const mine = store.blocks.of(known)
        const stewardship = await this.#load(known)
        await storeAgain(described, mine, onProgress)
        stewardship.inputsRestored()
        return this.#submitted(stewardship, true)
      }
      const made = await makeJob(described, context, onProgress)
      try {
        this.#record(made)
      } catch (error) {
        await store.blocks.release(made.job)
        throw error
      }
      return this.#submitted(await this.#load(made.job, true), false)
    })
  }

  async #market() {
    const { executor, key: node, submitter, engines, membership, owner, fleet } = this.#options
    await membership.settled()
    const canRecompute = (runtime: string) => this.#recomputer.can(runtime)
    return {
      executor,
      node,
      submitter,
      engines,
      capacities: membership.capacities(),
      owner,
      fleet,
      canRecompute,
    }
  }

  list(): JobSummary[] {
    return this.#options.store.journal.listJobs(stewardRole).flatMap(({ job, state, createdAtMs }) => {
      const stewardship = this.#running.get(job)
      const summary =
        stewardship === undefined ? (state as JobState).summary : summaryOf(stewardship, createdAtMs)
      return summary ?? []
    })
  }

  async status(prefix: string): Promise<JobStatus> {
    const job = this.#find(prefix)
    const { createdAtMs } = this.#options.store.journal.getJob(job, stewardRole)!
    const nameOf = (peer: PeerId) => this.#options.membership.get(peer)?.name ?? ''
    return statusOf(await this.#load(job), createdAtMs, nameOf)
  }

  async *watch(prefix: string, signal: AbortSignal): AsyncGenerator<JobStatus> {
    const { clock } = this.#options
    const job = this.#find(prefix)
    let status = await this.status(job)
    yield status
    try {
      for (let waitMs = 0; status.state === 'running'; ) {
        await changed(this.#changes, job, elapsed(clock, waitMs), signal)
        const startedMs = performance.now()
        status = await this.status(job)
        const restMs = (performance.now() - startedMs) / watchShareMax
        waitMs = Math.min(watchIntervalMsMax, Math.max(watchIntervalMs, restMs))
        yield status
      }
    } catch (error) {
      if (!signal.aborted) throw error
    }
  }

  async *results(prefix: string): AsyncGenerator<ResultLine, ResultsEnd, undefined> {
    if (!this.#knows(prefix)) await this.#seek(prefix)
    const job = await this.#load(this.#find(prefix))
    await caughtUp(job, this.#options.clock)
    return yield* readResults(job.manifest, job.shards, job.verdicts(), job.secret, (cid) => job.block(cid))
  }

  async cancel(prefix: string): Promise<void> {
    const stewardship = await this.#load(this.#find(prefix))
    if (stewardship.isReader)
      throw new RequestError(
        `this node only reads job ${stewardship.job}; cancel it on one that looks after it`,
      )
    stewardship.handle({ type: 'cancel' })
    await stewardship.settled()
  }

  async forget(prefix: string): Promise<void> {
    const job = this.#find(prefix)
    await this.cancel(job)
    await this.#drop(job)
  }

  async report(prefix: string, path: string): Promise<{ root: Cid; bytes: number }> {
    const job = this.#find(prefix)
    const stewardship = await this.#load(job)
    if (stewardship.view().end === null)
      throw new RequestError(`job ${job} has not ended; its report is made at the end`)
    await stewardship.settled()
    return writeReport(path, job, stewardship.manifest, this.#options.store)
  }

  /** The key that signs, and pays for, what is submitted here. */
  get submitter(): PeerId {
    return this.#options.submitter.peerId
  }

  async *bill(prefix: string, money: Money): AsyncGenerator<BilledShard, BillTotals> {
    const stewardship = await this.#load(this.#find(prefix))
    const { job, manifest } = stewardship
    const { assurance, payment } = manifest
    if (payment === null) throw new RequestError(`job ${job} pays nobody: it was submitted without a budget`)
    await stewardship.settled()
    const closed = stewardship.view().end !== null
    return yield* money.bill(job, { assurance, payment }, stewardship.verdicts(), closed)
  }

  /** Money left for the vehicles of these accounts: their owners are told with the next statement. */
  paid(lines: readonly PayoutLine[]): void {
    const paid = lines.flatMap(({ accounts }) => accounts.map(({ account }) => accountOf(account)))
    const vehicles = new Set(paid.flatMap((account) => (account.kind === 'owner' ? [account.vehicle] : [])))
    for (const stewardship of this.#running.values())
      for (const vehicle of vehicles) stewardship.paid(vehicle)
  }

  #record({ job, record, requestDigest }: PreparedJob): void {
    const { journal } = this.#options.store
    journal.append([{ id: job, job, kind: 'manifest', ...record, extra: null }])
    const state: JobState = { requestDigest }
    journal.putJob({ job, role: stewardRole, state, createdAtMs: this.#options.clock.now(), endedAtMs: null })
  }

  /** The stewardship of a job, begun from the journal where it does not run. */
  async #load(job: JobId, fresh = false): Promise<Stewardship> {
    const loaded = this.#loading.get(job) ?? this.#begin(job, fresh)
    this.#loading.set(job, loaded)
    loaded.catch(() => this.#loading.delete(job))
    return loaded
  }

  async #begin(job: JobId, fresh: boolean): Promise<Stewardship> {
    const { store, key, network, membership, bans, clock, log } = this.#options
    const row = store.journal.getJob(job, stewardRole)
    const record = store.journal.get(job)
    if (row === undefined || record === undefined) throw new RequestError(`there is no job ${job} here`)
    const manifestRecord: SignedRecord = { body: record.body, signature: record.signature }
    const opened = openManifest(manifestRecord, sha256, verifyByPeerId)
    const manifest: Manifest = opened.payload
    const shards = await new Holdings(network, store.blocks.of(job), log).shardsOf(manifest)
    const mine = manifest.stewards[0]?.peer === key.peerId // whose submission put it there
    if (shards === null && mine)
      throw new RequestError(`the list of shards of job ${job} is damaged on this node`)
    const stewardship = new Stewardship({
      key,
      network,
      store,
      recomputer: this.#recomputer,
      clock,
      job,
      manifest,
      manifestRecord,
      submitter: opened.signer,
      secret: this.#secretOf(opened, row),
      shards,
      fresh,
      log,
      onChange: () => this.#changes.emit(job),
      onEnd: () => this.#ended(job),
      onLie: (receipt, because) => bans.caught(receipt, because),
    })
    this.#running.set(job, stewardship)
    stewardship.start(membership.capacities(), this.#options.operatorPpm())
    return stewardship
  }

  /** Null: a blind job of somebody else's. */
  #secretOf({ signer, payload }: Verified<Manifest>, { state }: JobRow): Uint8Array | null {
    const { secret } = state as JobState
    const { submitter } = this.#options
    if (secret !== undefined) return new Uint8Array(Buffer.from(secret, 'hex'))
    if (signer === submitter.peerId) return jobSecret(submitter, payload.seal.nonce)
    if (payload.blind !== null) return null
    throw new RequestError('this job was submitted with another key, and nobody gave this node its secret')
  }

  #ended(job: JobId): void {
    const { journal } = this.#options.store
    const row = journal.getJob(job, stewardRole)
    const stewardship = this.#running.get(job)
    if (row !== undefined && stewardship !== undefined) {
      const state: JobState = { ...(row.state as JobState), summary: summaryOf(stewardship, row.createdAtMs) }
      journal.putJob({ ...row, state, endedAtMs: this.#options.clock.now() })
    }
    this.#changes.emit(job)
    this.#unloadOldest()
  }

  #unloadOldest(): void {
    const ended = [...this.#running].filter(([, stewardship]) => stewardship.view().end !== null)
    for (const [job] of ended.slice(0, Math.max(0, ended.length - endedLoadedMax))) {
      this.#running.delete(job)
      this.#loading.delete(job)
    }
  }

  #tellEnded(to: PeerId, job: JobId): void {
    this.#say(to, { type: 'ended', job })
  }

  #say(to: PeerId, message: Message): void {
    const { network, log } = this.#options
    network.send(to, encodeMessage(message)).catch((error) => {
      log.debug({ to, message: message.type, error }, 'a message was not delivered')
    })
  }

  #submitted(stewardship: Stewardship, known: boolean): Submitted {
    const { manifest, job } = stewardship
    const { assurance } = manifest
    return {
      job,
      known,
      documents: manifest.documents.count,
      pages: manifest.shards.pages,
      shards: manifest.shards.count,
      engine: `${manifest.runtime}/${manifest.engine.name}`,
      replicas: assurance.replicas,
      audits: assurance.audits,
      errorBound: assurance.errorBoundPpb === null ? null : assurance.errorBoundPpb / 1e9,
      owners: stewardship.view().owners,
      standbys: manifest.stewards.length - 1,
      blind: manifest.blind !== null,
      payment: manifest.payment,
    }
  }

  /**
   * The job that the same request has become, unless that job has ended in vain: who asks again for what was cancelled
   * or failed wants it done.
   */
  #madeFrom(digest: string): JobId | undefined {
    return this.#options.store.journal.listJobs(stewardRole).find(({ job, state, endedAtMs }) => {
      const { requestDigest, summary } = state as JobState
      if (requestDigest !== digest) return false
      const end = this.#running.get(job)?.view().end
      if (end) return end.outcome === 'complete'
      return endedAtMs === null || summary?.state === 'complete'
    })?.job
  }

  /** A reader's copy of a job that still runs is looked for anew. */
  #knows(prefix: string): boolean {
    return this.#options.store.journal
      .listJobs(stewardRole)
      .some(({ job }) => job.startsWith(prefix) && this.#running.get(job)?.isReader !== true)
  }

  #find(prefix: string): JobId {
    const jobs = this.#options.store.journal.listJobs(stewardRole).map(({ job }) => job)
    const found = jobs.filter((job) => job === prefix || job.startsWith(prefix))
    if (found.length === 1) return found[0]!
    if (found.length > 1)
      throw new RequestError(`'${prefix}' begins the ids of ${found.length} jobs; name more of it`)
    throw new RequestError(`there is no job '${prefix}' on this node; 'carpool jobs' lists them`)
  }

  #lookAtRetention(): void {
    void this.#expire()
    this.#callOffLook = this.#options.clock.after(retentionLookMs, () => this.#lookAtRetention())
  }

  /** Old jobs expire: their results had thirty days to be fetched. */
  async #expire(): Promise<void> {
    for (const { job, endedAtMs } of this.#options.store.journal.listJobs(stewardRole))
      if (endedAtMs !== null && endedAtMs + jobRetentionMs < this.#options.clock.now()) await this.#drop(job)
  }

  async #drop(job: JobId): Promise<void> {
    // One that is just being read from the journal would otherwise outlive what it rests on.
    const loaded = await this.#loading.get(job)?.catch(() => undefined)
    await loaded?.stop()
    this.#running.delete(job)
    this.#loading.delete(job)
    await this.#options.store.forget(job, stewardRole)
    this.#changes.emit(job)
  }
}

/** A steward that comes back learns of the end first, and gets the results a moment later from those that have them. */
async function caughtUp(job: Stewardship, clock: Clock): Promise<void> {
  const untilMs = clock.now() + seekMsMax
  while (job.view().end !== null && !job.isComplete && clock.now() < untilMs) await elapsed(clock, seekLookMs)
}

/** Resolves after the next change, and no sooner than `pause`; rejects when the signal is aborted. */
async function changed(
  changes: EventEmitter,
  job: JobId,
  pause: Promise<void>,
  signal: AbortSignal,
): Promise<void> {
  const iterator = on(changes, job, { signal })
  await pause
  await iterator.next()
  await iterator.return?.()
}
