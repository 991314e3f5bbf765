/**
 * A stewardship: carries out what this node's part in one job's council (src/protocol/council) decides, whether it acts
 * for the job or stands by.
 */
import type { Logger } from 'pino'
import { assert } from '../../base/assert.ts'
import type { CouncilEffect, CouncilInput } from '../../protocol/council/contract.ts'
import { Council } from '../../protocol/council/council.ts'
import { carryOut, type Hands } from '../../protocol/driver.ts'
import type { Cid, JobId, PeerId, RecordId } from '../../protocol/ids.ts'
import type { Delivery } from '../../protocol/inbox.ts'
import type { Succession } from '../../protocol/job/handover.ts'
import { type Lease, openLease } from '../../protocol/job/lease.ts'
import type { ShardEntry } from '../../protocol/job/lists.ts'
import { type Manifest, resultEngine } from '../../protocol/job/manifest.ts'
import type { ShardVerdict } from '../../protocol/job/verdict.ts'
import type { Capacity } from '../../protocol/membership/advert.ts'
import { encodeMessage, type Message, type ReleaseReason } from '../../protocol/message.ts'
import { encodeCbor } from '../../protocol/record/block.ts'
import type { SignedRecord } from '../../protocol/record/record.ts'
import {
  byDependency,
  isMoney,
  isShared,
  type JobRecord,
  type JobRecordKind,
  type Opened,
  type RecordKind,
  reopen,
} from '../../protocol/records.ts'
import type { JobView, RecordedView } from '../../protocol/state/job-view.ts'
import type { Examined, StewardEffect, Wanted } from '../../protocol/steward/contract.ts'
import { examineResult, examineSealedResult } from '../../protocol/verification/examination.ts'
import { type Clock, elapsed } from '../clock.ts'
import { RequestError } from '../errors.ts'
import { keepFetched } from '../keep-fetched.ts'
import { JobPayables } from '../ledger/job-payables.ts'
import { wrappedFor } from '../sealing/blind-keys.ts'
import { shardKey } from '../sealing/sealing.ts'
import { sha256 } from '../sha256.ts'
import { readFile } from '../store/files.ts'
import type { JobBlocks } from '../store/job-blocks.ts'
import type { JournalRecord } from '../store/journal.ts'
import { drawSeed, type SigningKey } from '../store/keys.ts'
import { Outbox } from '../store/outbox.ts'
import type { Store } from '../store.ts'
import { EndWatch } from './end-watch.ts'
import { Grants } from './grants.ts'
import { Holdings } from './holdings.ts'
import type { Mesh } from './mesh.ts'
import type { Recomputer } from './recomputer.ts'

export interface StewardshipOptions {
  readonly key: SigningKey
  readonly network: Mesh
  readonly store: Store
  readonly recomputer: Recomputer
  readonly clock: Clock
  readonly job: JobId
  readonly manifest: Manifest
  readonly manifestRecord: SignedRecord
  /** Whose job it is, and who pays. */
  readonly submitter: PeerId
  /** Null while a standby does not have them yet. */
  readonly shards: readonly ShardEntry[] | null
  /** From which the keys of the job's shards are derived; null: this node may not read it. */
  readonly secret: Uint8Array | null
  /** Submitted here just now. */
  readonly fresh: boolean
  readonly log: Logger
  /** Something that a status shows has changed. */
  readonly onChange: () => void
  readonly onEnd: () => void
  /** The signer of this receipt was caught. */
  readonly onLie: (receipt: RecordId, because: 'equivocation' | 'recomputed') => void
}

/** A standby that could not get a job's inputs asks again after this long: a guess. */
const holdRetryMs = 2_000
/** A result that a vehicle claims is asked for once more after a lost connection, then it counts as missing. */
const collectAttempts = 2

export class Stewardship {
  readonly #options: StewardshipOptions
  readonly #council: Council
  /** Until the job is dropped: what is fetched or computed for it later is not kept. */
  readonly #blocks: JobBlocks
  readonly #holdings: Holdings
  #shards: readonly ShardEntry[] | null
  readonly #grants: Grants
  readonly #endWatch: EndWatch
  /** Of a blind job, once it is needed: the keys of all shards, wrapped for all candidates. */
  #wrapped: Promise<Uint8Array> | undefined
  readonly #readers = new Set<PeerId>()
  #mending = false
  #inputsDamaged = false
  readonly #outbox: Outbox
  /** Null for a job that pays nobody. */
  readonly #payables: JobPayables | null
  #firstLeaseMs: number | undefined
  #lastVerdictMs = 0
  #pagesVerified = 0
  #callOff = () => {}
  #stopped = false

  constructor(options: StewardshipOptions) {
    this.#options = options
    const { job, manifest, key } = options
    this.#shards = options.shards
    this.#blocks = options.store.blocks.of(job)
    this.#holdings = new Holdings(options.network, this.#blocks, options.log)
    this.#council = new Council({
      job,
      manifest,
      self: key.peerId,
      seedOf: (nonce) => drawSeed(key, nonce),
      sha256,
    })
    this.#grants = new Grants(options.store.blocks)
    this.#endWatch = new EndWatch(job, options.log)
    this.#outbox = new Outbox((error) =>
      options.log.fatal({ job, error }, 'this job cannot be recorded and stops'),
    )
    this.#payables = this.#openPayables()
  }

  /** Begins, or goes on from what the journal holds. */
  start(capacities: readonly Capacity[], operatorPpm: number): void {
    const { shards, fresh, network } = this.#options
    const records = [...this.#restored()]
    this.#payables?.restore(records.sort(byDependency).filter(isMoney))
    this.#carryOutAll(this.#council.begin({ records, shards, fresh }, this.#options.clock.now()))
    this.handle({ type: 'roster', capacities, operatorPpm })
    for (const peer of network.connectedPeers()) this.handle({ type: 'connected', peer })
  }

  /** Throws RequestError where the job is blind and this node is not its submitter's. */
  get secret(): Uint8Array {
    const { secret } = this.#options
    if (secret === null) throw new RequestError(`job ${this.job} is blind: only its submitter can read it`)
    return secret
  }

  get manifest(): Manifest {
    return this.#options.manifest
  }

  /** Throws RequestError while this standby has not got them. */
  get shards(): readonly ShardEntry[] {
    if (this.#shards === null) throw notHere(this.job)
    return this.#shards
  }

  get acting(): boolean {
    return this.#council.acting
  }

  /** Everybody who is or was a steward of the job. */
  get stewards(): Succession['stewards'] {
    return this.#council.succession.stewards
  }

  /** How many other stewards hold the inputs: from one on, the job outlives this node. */
  get holders(): number {
    return this.#council.holders().length
  }

  get job(): JobId {
    return this.#options.job
  }

  /** How long this run has worked on the job: from its first lease to its last verdict, or to now. */
  secondsWorked(): number {
    if (this.#firstLeaseMs === undefined) return 0
    const untilMs = this.view().end === null ? this.#options.clock.now() : this.#lastVerdictMs
    return Math.max(0, untilMs - this.#firstLeaseMs) / 1000
  }

  /** Pages verified since this run began; less than the job's when the node was restarted. */
  pagesVerifiedNow(): number {
    return this.#pagesVerified
  }

  /** Resolves when all that was decided so far is durable and said. */
  settled(): Promise<void> {
    return this.#outbox.idle()
  }

  view(): JobView {
    return this.#council.observe()?.view() ?? unseen(this.manifest)
  }

  verdicts(): ShardVerdict[] {
    return this.#council.observe()?.verdicts() ?? []
  }

  claims(): ReturnType<RecordedView['claims']> | readonly never[] {
    return this.#council.observe()?.claims() ?? []
  }

  /** Whether all there is to know of an ended job is here. */
  get isComplete(): boolean {
    return this.#council.isComplete
  }

  /** A part of the inputs is neither here nor with the other stewards: the same job submitted again brings it back. */
  get inputsDamaged(): boolean {
    return this.#inputsDamaged
  }

  /** A result or a list of the job: from this disk, or, where it is damaged here, from another steward. */
  async block(cid: Cid): Promise<Uint8Array | undefined> {
    const { job, log } = this.#options
    if (this.#blocks.isHeld(cid)) {
      const here = await this.#blocks.get(cid)
      if (here !== undefined) return here
    }
    const others = this.fellows
    await this.#holdings.again(cid, others).catch((error) => {
      log.info({ job, cid, error }, 'a damaged block is with no other steward either')
    })
    return this.#blocks.get(cid)
  }

  /** A block of the job was damaged here. One that is a result is fetched again, or its shard is open again. */
  damaged(cid: Cid): void {
    this.handle({ type: 'result-lost', result: cid })
  }

  /** The submitter stored the inputs again. */
  inputsRestored(): void {
    this.#inputsDamaged = false
  }

  get hasEnded(): boolean {
    return this.#council.hasEnded
  }

  /** The job has ended, and this node has nothing left to say of it until somebody else says something. */
  get rests(): boolean {
    const nowMs = this.#options.clock.now()
    return this.#council.rests(nowMs) && (this.#payables?.rests ?? true)
  }

  /** Over the ids of all records that are here. */
  get root(): Uint8Array {
    return this.#council.root
  }

  /** The other stewards. */
  get fellows(): PeerId[] {
    const { key } = this.#options
    return this.stewards.map(({ peer }) => peer).filter((peer) => peer !== key.peerId)
  }

  /** … and those of them that have not said that they have the same records. */
  get behind(): PeerId[] {
    return this.#council.behind()
  }

  /** Nodes that the submitter's key lets read the job. */
  get readers(): readonly PeerId[] {
    return [...this.#readers]
  }

  /** Only reads the job. */
  get isReader(): boolean {
    return this.#council.isReader
  }

  /** The submitter's key says that this node may read the job. */
  admitReader(peer: PeerId): void {
    this.#readers.add(peer)
    this.handle({ type: 'reader', peer })
    this.#entrust(peer)
  }

  /** What its lease names, for a vehicle; all of the job, for its stewards and who may read it. */
  mayRead(peer: PeerId, cid: Cid): boolean {
    if (this.#grants.allows(peer, cid)) return true
    const isSteward = this.stewards.some((steward) => steward.peer === peer)
    return (isSteward || this.#readers.has(peer)) && this.#blocks.isHeld(cid)
  }

  handle(input: CouncilInput): void {
    if (this.#stopped) return
    if (input.type === 'connected') this.#payables?.connected(input.peer)
    const nowMs = this.#options.clock.now()
    const effects = this.#council.handle(input, nowMs)
    this.#carryOutAll(effects)
    if (input.type === 'wake') this.#endWatch.look(this.#council.lackingResults(nowMs), nowMs)
    // A claim that must wait for a second one asks for nothing, and is news all the same.
    if (input.type !== 'wake' || effects.some(({ type }) => type !== 'wake')) this.#options.onChange()
  }

  /** Takes what a vehicle says of a lease, or what another steward says, or a node that is asked to become one. */
  hear(input: Extract<Delivery, { to: 'council' | 'inviter' }>['input']): void {
    if (input.type === 'declined' && input.reason === 'missing-blocks')
      void this.#mendInputs(input.lease, input.from)
    this.handle(input)
  }

  /** Takes a record of the job from another steward, or from a vehicle. Throws ProtocolError when it does not hold. */
  hearRecord(from: PeerId, record: Opened<RecordKind>): void {
    if (!isShared(record) || this.#options.store.journal.has(record.record.id)) return
    this.handle({ type: 'record', from, record })
  }

  /** Takes a receipt whose signature holds. Throws ProtocolError when it is not what its lease allows. */
  hearReceipt(receipt: Opened<'receipt'>, released: ReleaseReason | null): void {
    const { id, signer } = receipt.record
    if (this.#options.store.journal.has(id)) this.#say(signer, { type: 'acknowledge', receipt: id })
    else this.handle({ type: 'receipt', receipt, released })
  }

  /** Takes what a vehicle says about its pay. */
  hearPayee(from: PeerId, message: Extract<Message, { type: 'account' | 'accounted' }>): void {
    this.#payables?.hear(from, message)
  }

  /** Money left for this vehicle. */
  paid(vehicle: PeerId): void {
    this.#payables?.paid(vehicle)
  }

  /** Stands still without ending the job: it goes on when the node starts again. */
  async stop(): Promise<void> {
    this.#stopped = true
    this.#callOff()
    this.#payables?.stop()
    await this.#outbox.idle()
  }

  #carryOutAll(effects: readonly CouncilEffect[]): void {
    carryOut(effects, this.#hands, (say) => this.#outbox.after(say))
  }

  readonly #hands: Hands<CouncilEffect> = {
    issue: (effect) => this.#issue(effect),
    keep: ({ receipt }) => this.#append(receipt),
    copy: ({ record }) => this.#append(record),
    offer: ({ lease, to }) => {
      this.#firstLeaseMs ??= this.#options.clock.now()
      return this.#offer(lease, to)
    },
    send: ({ to, message }) => this.#say(to, message),
    revoke: ({ from, lease }) => this.#grants.revoke(from, lease),
    share: ({ record, to }) => this.#share(record, to),
    entrust: ({ to }) => this.#entrust(to),
    adopt: ({ to }) => this.#say(to, { type: 'adopt', ...this.credentials() }),
    collect: ({ wanted }) => void this.#collect(wanted),
    recompute: ({ position }) => void this.#recompute(position),
    'hold-inputs': () => void this.#holdInputs(),
    'hold-results': (effect) => void this.#holdResults(effect),
    lied: ({ receipt, because }) => this.#options.onLie(receipt, because),
    decided: ({ verdicts }) => {
      this.#lastVerdictMs = this.#options.clock.now()
      for (const { outcome, position } of verdicts)
        if (outcome === 'accepted') this.#pagesVerified += this.shards[position]!.pages
    },
    ended: () => this.#options.onEnd(),
    acting: ({ acting }) => {
      this.#payables?.acting(acting)
      this.#options.log.info({ job: this.job, acting }, 'the acting steward changed')
    },
    wake: ({ atMs }) => this.#wakeAt(atMs),
  }

  #issue({ issued, body }: Extract<StewardEffect, { type: 'issue' }>): void {
    const signed = { body, signature: this.#options.key.sign(body) }
    this.#append({ ...issued, signed } as Opened<JobRecordKind>)
  }

  #append(opened: Opened<JobRecordKind>): void {
    const { kind, record, opening, signed } = opened
    const { body, signature } = signed
    const extra = opening === null ? null : encodeCbor(opening)
    const row: JournalRecord = { id: record.id, job: this.job, kind, body, signature, extra }
    this.#outbox.persist(this.#options.store.journal.appendSoon(row))
    if (isMoney(opened)) this.#payables?.learn(opened)
  }

  #openPayables(): JobPayables | null {
    const { job, submitter, manifest, key, store, log } = this.#options
    if (manifest.payment === null) return null
    return new JobPayables({
      job,
      submitter,
      fleet: manifest.fleet,
      currency: manifest.payment.currency,
      shards: manifest.shards.count,
      deadlineMs: manifest.deadlineMs,
      key,
      books: store.books,
      tables: store.ledgerTables,
      journal: store.journal,
      outbox: this.#outbox,
      say: (to, message) => this.#say(to, message),
      log,
    })
  }

  #share({ record: { id }, opening }: JobRecord, to: PeerId): void {
    const row = this.#options.store.journal.get(id)
    if (row === undefined) return // the job was forgotten in the meantime
    const { body, signature } = row
    this.#say(to, { type: 'record', job: this.job, record: { body, signature }, opening })
  }

  /** What makes this node a steward of the job, for others. */
  credentials(): { readonly manifest: SignedRecord; readonly handovers: readonly SignedRecord[] } {
    const { store, manifestRecord } = this.#options
    const rows = this.#council.succession.chain.flatMap(({ id }) => store.journal.get(id) ?? [])
    return { manifest: manifestRecord, handovers: rows.map(({ body, signature }) => ({ body, signature })) }
  }

  /** Tried again as long as this standby lacks them: its fellows may come back. */
  async #holdInputs(): Promise<void> {
    const { job, manifest, log } = this.#options
    while (!this.#stopped) {
      try {
        const others = this.fellows
        this.#shards = this.#council.isReader
          ? await this.#holdings.lists(manifest, others)
          : await this.#holdings.inputs(manifest, others)
        this.handle({ type: 'inputs-held', shards: this.#shards })
        return
      } catch (error) {
        if (this.#stopped) return
        log.info({ job, error }, 'the inputs of a job that this node stands by for are not here yet')
        await elapsed(this.#options.clock, holdRetryMs)
      }
    }
  }

  /** A vehicle could not get what its lease names: what is damaged or gone here is fetched from the other stewards. */
  async #mendInputs(lease: RecordId, vehicle: PeerId): Promise<void> {
    const { job, manifest, store, log } = this.#options
    const row = store.journal.get(lease)
    if (row?.job !== job || this.#mending) return
    this.#mending = true
    try {
      const others = this.fellows
      const { payload } = openLease(row, sha256, () => true)
      if (payload.vehicle === vehicle) await this.#holdings.leased(manifest, payload.shards, others)
      this.#inputsDamaged = false
    } catch (error) {
      log.warn({ job, error }, 'a part of the inputs of a job is damaged here')
      this.#inputsDamaged = true
      this.#options.onChange()
    } finally {
      this.#mending = false
    }
  }

  async #holdResults(effect: Extract<CouncilEffect, { type: 'hold-results' }>): Promise<void> {
    const { verdict, results, from } = effect
    const held = await this.#holdings.results(results, [from]).then(
      () => true,
      () => false,
    )
    this.handle({ type: 'results-held', verdict, held })
  }

  #entrust(to: PeerId): void {
    const secret = this.manifest.blind === null ? this.secret : null
    this.#say(to, { type: 'entrust', ...this.credentials(), secret })
  }

  async #offer(lease: RecordId, to: PeerId): Promise<void> {
    const { store, network, log } = this.#options
    const row = store.journal.get(lease)
    if (row === undefined) return // the job was forgotten in the meantime
    const record: SignedRecord = { body: row.body, signature: row.signature }
    const { payload } = openLease(record, sha256, () => true)
    await this.#grants.grant(to, lease, payload.shards)
    const keys = await this.#keysFor(payload)
    const message = encodeMessage({ type: 'offer', ...this.credentials(), lease: record, keys })
    network.send(to, message).catch((error) => {
      log.debug({ to, lease, error }, 'an offer was not delivered')
      this.#grants.revoke(to, lease)
      this.handle({ type: 'undelivered', lease })
    })
  }

  /** Of its shards: as the submitter wrapped them for this vehicle, where the job is blind. */
  async #keysFor({ vehicle, positions }: Lease): Promise<Uint8Array[]> {
    const { blind, shards } = this.manifest
    if (blind === null) return positions.map((position) => shardKey(this.secret, position))
    this.#wrapped ??= readFile(blind.keys.file, (cid) => this.block(cid), blind.keys.bytes)
    const index = blind.candidates.findIndex(({ peer }) => peer === vehicle)
    assert(index >= 0, 'only a candidate of a blind job is drawn')
    try {
      return wrappedFor(await this.#wrapped, index, shards.count, positions)
    } catch (error) {
      this.#wrapped = undefined
      throw error
    }
  }

  /** What is lost here is said again: a vehicle repeats its receipts, and a lease that it lost lapses. */
  #say(to: PeerId, message: Message): void {
    const { network, log } = this.#options
    network.send(to, encodeMessage(message)).catch((error) => {
      log.debug({ to, message: message.type, error }, 'a message to a vehicle was not delivered')
    })
  }

  async #collect(wanted: readonly Wanted[]): Promise<void> {
    const bySource = new Map<PeerId, Wanted[]>()
    for (const want of wanted) {
      const known = bySource.get(want.from)
      if (known === undefined) bySource.set(want.from, [want])
      else known.push(want)
    }
    await Promise.all([...bySource].map(([from, wants]) => this.#collectFrom(from, wants)))
  }

  async #collectFrom(from: PeerId, wants: readonly Wanted[]): Promise<void> {
    for (let attempt = 0; attempt < collectAttempts; attempt += 1) {
      try {
        await this.#fetch(from, wants)
        break
      } catch (error) {
        this.#options.log.debug({ from, error }, 'results were not delivered')
      }
    }
    const { manifest } = this
    const engine = resultEngine(manifest)
    const results: Examined[] = await Promise.all(
      wants.map(async (want) => {
        const bytes = await this.#blocks.get(want.result)
        const finding =
          bytes === undefined
            ? ({ state: 'missing' } as const)
            : manifest.blind === null
              ? examineResult(sha256, bytes, want.pages, engine, manifest.agreement)
              : examineSealedResult(bytes, engine)
        return { ...want, finding }
      }),
    )
    this.handle({ type: 'examined', results })
  }

  async #fetch(from: PeerId, wants: readonly Wanted[]): Promise<void> {
    const results = wants.map(({ result }) => result)
    const missing = await this.#blocks.take(results, 'result')
    if (missing.length === 0) return
    await keepFetched(this.#options.network.blocks.fetch(from, missing), this.#blocks, 'result')
  }

  async #recompute(position: number): Promise<void> {
    const { recomputer, job, manifest, secret, log } = this.#options
    if (secret === null) {
      this.handle({ type: 'recomputed', position, found: null })
      return
    }
    const { shard } = this.shards[position]!
    const key = shardKey(secret, position)
    log.info({ job, position }, 'vehicles disagree: recomputing with the exact engine')
    const found = await recomputer.recompute(job, manifest, shard, key).catch((error) => {
      log.warn({ job, position, error }, 'this node could not recompute')
      return null
    })
    this.handle({ type: 'recomputed', position, found })
  }

  #wakeAt(atMs: number): void {
    const { clock } = this.#options
    this.#callOff()
    this.#callOff = clock.after(atMs - clock.now(), () => this.handle({ type: 'wake' }))
  }

  *#restored(): Generator<JobRecord> {
    for (const row of this.#options.store.journal.ofJob(this.job))
      if (isShared(row)) yield reopen(row.kind, row, sha256)
  }
}

/** What a standby knows of a job before it has its list of shards. */
function unseen({ shards, assurance, payment }: Manifest): JobView {
  const { count: total, pages } = shards
  return {
    shards: { total, queued: total, leased: 0, returned: 0, verified: 0, disputed: 0, failed: 0 },
    pages: { total: pages, verified: 0 },
    executions: 0,
    owners: { needed: assurance.replicas, available: 0 },
    contradicted: [],
    payment: payment && {
      currency: payment.currency,
      budgetMicros: payment.budgetMicros,
      promisedMicros: 0,
      owedMicros: 0,
    },
    end: null,
  }
}

function notHere(job: JobId): RequestError {
  return new RequestError(`this node stands by for job ${job} and does not have its inputs yet`)
}
