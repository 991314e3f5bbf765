/**
 * A stewardship: carries out what this node's part in one job's council (src/protocol/council) decides, whether it acts
 * for the job or stands by.
 */
import type { CouncilEffect, CouncilInput } from '../../protocol/council/contract.ts'
import { Council } from '../../protocol/council/council.ts'
import { carryOut, type Hands } from '../../protocol/driver.ts'
import type { Cid, JobId, PeerId } from '../../protocol/ids.ts'
import type { Delivery } from '../../protocol/inbox.ts'
import type { Succession } from '../../protocol/job/handover.ts'
import type { ShardEntry } from '../../protocol/job/lists.ts'
import type { Manifest } from '../../protocol/job/manifest.ts'
import type { ShardVerdict } from '../../protocol/job/verdict.ts'
import type { Capacity } from '../../protocol/membership/advert.ts'
import type { Message, ReleaseReason } from '../../protocol/message.ts'
import {
  byDependency,
  isMoney,
  isShared,
  type JobRecord,
  type Opened,
  type RecordKind,
} from '../../protocol/records.ts'
import type { JobView, RecordedView } from '../../protocol/state/job-view.ts'
import { RequestError } from '../errors.ts'
import type { JobPayables } from '../ledger/job-payables.ts'
import { say } from '../say.ts'
import { shardKey } from '../sealing/sealing.ts'
import { sha256 } from '../sha256.ts'
import type { JobBlocks } from '../store/job-blocks.ts'
import { drawSeed } from '../store/keys.ts'
import { Outbox } from '../store/outbox.ts'
import { Collector } from './collector.ts'
import { EndWatch } from './end-watch.ts'
import { Inputs } from './inputs.ts'
import { Offers } from './offers.ts'
import type { StewardshipOptions } from './options.ts'
import { Pace } from './pace.ts'
import { Papers } from './papers.ts'
import { payablesOf } from './payables.ts'
import { unseen } from './unseen.ts'

export class Stewardship {
  readonly #options: StewardshipOptions
  readonly #council: Council
  /** Until the job is dropped: what is fetched or computed for it later is not kept. */
  readonly #blocks: JobBlocks
  readonly #inputs: Inputs
  readonly #offers: Offers
  readonly #collector: Collector
  readonly #pace = new Pace()
  readonly #endWatch: EndWatch
  readonly #readers = new Set<PeerId>()
  readonly #outbox: Outbox
  /** Null for a job that pays nobody. */
  readonly #payables: JobPayables | null
  readonly #papers: Papers
  #callOff = () => {}
  #stopped = false

  constructor(options: StewardshipOptions) {
    this.#options = options
    const { job, manifest, key, log } = options
    this.#blocks = options.store.blocks.of(job)
    this.#inputs = new Inputs(options, this.#blocks, () => this.fellows)
    this.#offers = new Offers(options, {
      secret: () => this.secret,
      credentials: () => this.#credentials(),
      block: (cid) => this.block(cid),
      onUndelivered: (lease) => this.handle({ type: 'undelivered', lease }),
    })
    this.#collector = new Collector({ ...options, blocks: this.#blocks }, (results) =>
      this.handle({ type: 'examined', results }),
    )
    this.#endWatch = new EndWatch(job, log)
    this.#council = new Council({
      job,
      manifest,
      self: key.peerId,
      seedOf: (nonce) => drawSeed(key, nonce),
      sha256,
    })
    this.#outbox = new Outbox((error) => log.fatal({ job, error }, 'this job cannot be recorded and stops'))
    this.#payables = payablesOf(options, this.#outbox, (to, message) => this.#say(to, message))
    this.#papers = new Papers(options, this.#outbox, this.#payables)
  }

  /** Begins, or goes on from what the journal holds. */
  start(capacities: readonly Capacity[], operatorPpm: number): void {
    const { shards, fresh, network } = this.#options
    const records = [...this.#papers.restored()]
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
    return this.#inputs.shards
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

  /** In this run of the node; 0 for a job that had ended before. */
  pagesPerSecond(): number {
    return this.#pace.pagesPerSecond(this.hasEnded, this.#options.clock.now())
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
    return this.#inputs.areDamaged
  }

  /** A result or a list of the job: from this disk, or, where it is damaged here, from another steward. */
  block(cid: Cid): Promise<Uint8Array | undefined> {
    return this.#inputs.block(cid)
  }

  /** A block of the job was damaged here. One that is a result is fetched again, or its shard is open again. */
  damaged(cid: Cid): void {
    this.handle({ type: 'result-lost', result: cid })
  }

  /** The submitter stored the inputs again. */
  inputsRestored(): void {
    this.#inputs.restored()
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
    if (this.#offers.allows(peer, cid)) return true
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
      void this.#inputs.mend(input.lease, input.from)
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
    this.#inputs.stop()
    this.#payables?.stop()
    await this.#outbox.idle()
  }

  #carryOutAll(effects: readonly CouncilEffect[]): void {
    carryOut(effects, this.#hands, (say) => this.#outbox.after(say))
  }

  readonly #hands: Hands<CouncilEffect> = {
    issue: (effect) => this.#papers.issue(effect),
    keep: ({ receipt }) => this.#papers.append(receipt),
    copy: ({ record }) => this.#papers.append(record),
    offer: ({ lease, to }) => {
      this.#pace.leased(this.#options.clock.now())
      return this.#offers.offer(lease, to)
    },
    send: ({ to, message }) => this.#say(to, message),
    revoke: ({ from, lease }) => this.#offers.revoke(from, lease),
    share: ({ record, to }) => this.#share(record, to),
    entrust: ({ to }) => this.#entrust(to),
    adopt: ({ to }) => this.#say(to, { type: 'adopt', ...this.#credentials() }),
    collect: ({ wanted }) => void this.#collector.collect(wanted),
    recompute: ({ position }) => void this.#recompute(position),
    'hold-inputs': () => void this.#holdInputs(),
    'hold-results': (effect) => void this.#holdResults(effect),
    lied: ({ receipt, because }) => this.#options.onLie(receipt, because),
    decided: ({ verdicts }) => {
      const accepted = verdicts.filter(({ outcome }) => outcome === 'accepted')
      const pages = accepted.reduce((sum, { position }) => sum + this.shards[position]!.pages, 0)
      this.#pace.decided(pages, this.#options.clock.now())
    },
    ended: () => this.#options.onEnd(),
    acting: ({ acting }) => {
      this.#payables?.acting(acting)
      this.#options.log.info({ job: this.job, acting }, 'the acting steward changed')
    },
    wake: ({ atMs }) => this.#wakeAt(atMs),
  }

  #share({ record: { id }, opening }: JobRecord, to: PeerId): void {
    const record = this.#papers.signed(id)
    if (record !== undefined) this.#say(to, { type: 'record', job: this.job, record, opening })
  }

  #credentials() {
    return this.#papers.credentials(this.#council.succession.chain)
  }

  async #holdInputs(): Promise<void> {
    const shards = await this.#inputs.hold(this.#council.isReader)
    if (shards !== undefined) this.handle({ type: 'inputs-held', shards })
  }

  async #holdResults({ verdict, results, from }: Extract<CouncilEffect, { type: 'hold-results' }>) {
    const held = await this.#inputs.holdResults(results, from)
    this.handle({ type: 'results-held', verdict, held })
  }

  #entrust(to: PeerId): void {
    const secret = this.manifest.blind === null ? this.secret : null
    this.#say(to, { type: 'entrust', ...this.#credentials(), secret })
  }

  /** What is lost here is said again: a vehicle repeats its receipts, and a lease that it lost lapses. */
  #say(to: PeerId, message: Message): void {
    void say(this.#options, to, message)
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
}
