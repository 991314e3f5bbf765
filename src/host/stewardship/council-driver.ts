/**
 * Drives this node's part in one job's council (src/protocol/council), its stewardship, whether it acts for the job or
 * stands by. What it is made of is in parts.ts, and how it carries out what the council decides in hands.ts; here is what it
 * hears, and what can be asked about the job.
 */
import type { CouncilEffect, CouncilInput } from '../../protocol/council/contract.ts'
import { carryOut, type Hands } from '../../protocol/driver.ts'
import type { Cid, JobId, PeerId, RecordId } from '../../protocol/ids.ts'
import type { Delivery } from '../../protocol/inbox.ts'
import type { Succession } from '../../protocol/job/handover.ts'
import type { ShardEntry } from '../../protocol/job/lists.ts'
import type { Manifest } from '../../protocol/job/manifest.ts'
import type { JobEnd, ShardVerdict } from '../../protocol/job/verdict.ts'
import type { Capacity } from '../../protocol/membership/advert.ts'
import type { Message, ReleaseReason } from '../../protocol/message.ts'
import { isShared, type Opened, type RecordKind } from '../../protocol/records.ts'
import type { JobView, RecordedView, ShardStanding } from '../../protocol/state/job-view.ts'
import { ClockSteps, guardedAt } from '../clock.ts'
import { RequestError } from '../errors.ts'
import { doubtsOf } from './doubts.ts'
import { entrust, handsOf, type Release } from './hands.ts'
import { connectedTo } from './mesh.ts'
import type { CouncilDriverOptions } from './options.ts'
import { type CouncilDriverParts, partsOf, secretOf } from './parts.ts'
import { unseen } from './unseen.ts'

export class CouncilDriver {
  readonly #options: CouncilDriverOptions
  readonly #parts: CouncilDriverParts
  readonly #hands: Hands<CouncilEffect>
  readonly #readers = new Set<PeerId>()
  readonly #steps: ClockSteps
  #releasing: PromiseWithResolvers<Release> | undefined
  #callOff = () => {}
  #stopped = false

  constructor(options: CouncilDriverOptions) {
    this.#options = options
    this.#steps = new ClockSteps(options.clock)
    const tell = (input: CouncilInput) => this.handle(input)
    const parts = partsOf(options, tell)
    this.#parts = parts
    const wakeAt = (atMs: number) => this.#wakeAt(atMs)
    this.#hands = handsOf({ options, parts, tell, wakeAt, released: (outcome) => this.#released(outcome) })
  }

  /** Begins, or goes on from what the journal holds. */
  start(capacities: readonly Capacity[], operatorPpm: number): void {
    const { shards, fresh, serial, network, clock } = this.#options
    const { council, inputs, papers, payables } = this.#parts
    const effects = council.begin({ ...papers.restored(), shards, fresh, serial }, clock.now())
    payables?.restore(council.money)
    this.#carryOutAll(effects)
    if (this.hasEnded) inputs.over()
    this.handle({ type: 'roster', capacities, operatorPpm })
    for (const peer of network.connectedPeers()) this.handle(connectedTo(network, peer))
  }

  /** Throws RequestError where the job is blind and this node is not its submitter's. */
  get secret(): Uint8Array {
    return secretOf(this.#options)
  }

  /** The job's draws come from it; stewards alone know it before the end. */
  get drawSecret(): Uint8Array {
    return this.#options.drawSecret
  }

  get manifest(): Manifest {
    return this.#options.manifest
  }

  /** Throws RequestError while this standby has not got them. */
  get shards(): readonly ShardEntry[] {
    return this.#parts.inputs.shards
  }

  /** The list of shards is here. */
  get areListed(): boolean {
    return this.#parts.inputs.areListed
  }

  get acting(): boolean {
    return this.#parts.council.acting
  }

  /** The steward that acts since this one reaches too few vehicles, if that is so. */
  get actsInstead(): PeerId | undefined {
    return this.#parts.council.actsInstead(this.#options.clock.now())
  }

  /** The stewards that have a place in the job, as far as this node knows. */
  get stewards(): Succession['stewards'] {
    return this.#parts.council.places.stewards
  }

  /** How many other stewards hold the inputs: from one on, the job outlives this node. */
  get holders(): number {
    return this.#parts.council.holders().length
  }

  get job(): JobId {
    return this.#options.job
  }

  /** In this run of the node; 0 for a job that had ended before. */
  pagesPerSecond(): number {
    return this.#parts.pace.pagesPerSecond(this.hasEnded, this.#options.clock.monotonicMs())
  }

  /** Resolves when all that was decided so far is durable and said. */
  settled(): Promise<void> {
    return this.#parts.outbox.idle()
  }

  view(): JobView {
    return this.#parts.council.observe()?.view() ?? unseen(this.manifest)
  }

  /** How each shard stands, in their order; none while this node does not know the job's shards. */
  standings(): ShardStanding[] {
    return this.#parts.council.observe()?.standings() ?? []
  }

  /** The record of the end that counts here; undefined while there is none. */
  get endRecord(): RecordId | undefined {
    return this.#parts.council.ending?.end.id
  }

  get end(): JobEnd | undefined {
    return this.#parts.council.end
  }

  verdicts(): ShardVerdict[] {
    return this.#parts.council.observe()?.verdicts() ?? []
  }

  claims(): ReturnType<RecordedView['claims']> | readonly never[] {
    return this.#parts.council.observe()?.claims() ?? []
  }

  /** Why what others say of it is not shown as so, and why its report would not pass: a sentence each. */
  get doubts(): string[] {
    return doubtsOf(this.#parts.council)
  }

  /**
   * Counts how the verified pages came out, as far as their results are here; null where this node cannot read them. `isPatient`:
   * however long that takes.
   */
  outcomes(isPatient: boolean) {
    const { outcomes, areListed } = this.#parts.inputs
    return areListed && outcomes !== null ? outcomes.of(this.shards, this.verdicts(), isPatient) : null
  }

  /** Tells whether everything there is to know of an ended job is here. */
  get isComplete(): boolean {
    return this.#parts.council.isComplete
  }

  /** A part of the inputs is neither here nor with the other stewards: the same job submitted again brings it back. */
  get inputsDamaged(): boolean {
    return this.#parts.inputs.areDamaged
  }

  /** A result or a list of the job: from this disk, or, where it is damaged here, from another steward. */
  block(cid: Cid): Promise<Uint8Array | undefined> {
    return this.#parts.inputs.block(cid)
  }

  /** A block of the job was damaged here. One that is a result is fetched again, or its shard is open again. */
  damaged(cid: Cid): void {
    this.#parts.inputs.resultOf(cid).then(
      (result) => this.handle({ type: 'result-lost', result }),
      (error) => this.#options.log.info({ job: this.job, cid, error }, 'a damaged block stays damaged'),
    )
  }

  /** The submitter stored the inputs again. */
  inputsRestored(): void {
    this.#parts.inputs.restored()
  }

  get hasEnded(): boolean {
    return this.#parts.council.hasEnded
  }

  /** The job has ended, and this node has nothing left to say of it until somebody else says something. */
  get rests(): boolean {
    const nowMs = this.#options.clock.now()
    return this.#parts.council.rests(nowMs) && (this.#parts.payables?.rests ?? true)
  }

  /** The records that this node's report of the job has. */
  get reported(): Parameters<typeof doubtsOf>[0]['reported'] {
    return this.#parts.council.reported
  }

  /** The first serial that this node has not used for the job. */
  get serial(): number {
    return this.#parts.council.serial
  }

  /** Over the ids of all records that are here. */
  get root(): Uint8Array {
    return this.#parts.council.root
  }

  /** The other stewards. */
  get fellows(): PeerId[] {
    return this.#parts.fellows()
  }

  /** … and those of them that have not said that they have the same records. */
  get behind(): PeerId[] {
    return this.#parts.council.behind()
  }

  /** The other stewards that have said that they have the same records. */
  get level(): PeerId[] {
    return this.#parts.council.level()
  }

  /** Nodes that the submitter's key lets read the job. */
  get readers(): readonly PeerId[] {
    return [...this.#readers]
  }

  /** The key that signed the manifest. */
  get submitter(): PeerId {
    return this.#options.submitter
  }

  /** The job was submitted to this node. */
  get isSubmitters(): boolean {
    return this.manifest.stewards[0]?.peer === this.#options.key.peerId
  }

  /**
   * Gives this standby's place in a job that runs to another node. Resolves when this node has left, or will not. Throws
   * RequestError where the node stops meanwhile: it goes on when it starts again, if another node has the place by then.
   */
  release(): Promise<Release> {
    this.#releasing ??= Promise.withResolvers()
    const { promise } = this.#releasing
    this.handle({ type: 'release' })
    return promise
  }

  /** The node to which this one has given its place. */
  get heir(): PeerId | undefined {
    return this.#parts.council.heir
  }

  #released(outcome: Release): void {
    this.#releasing?.resolve(outcome)
    this.#releasing = undefined
  }

  /** Only reads the job. */
  get recordCount(): number {
    return this.#parts.council.recordCount
  }

  get isReader(): boolean {
    return this.#parts.council.isReader
  }

  /** The submitter's key says that this node may read the job. */
  admitReader(peer: PeerId): void {
    this.#readers.add(peer)
    this.handle({ type: 'reader', peer })
    entrust(this.#options, this.#parts, peer)
  }

  /** Lets a vehicle read what its lease names; stewards, and nodes that may read the job, read all of it. */
  mayRead(peer: PeerId, cid: Cid): boolean {
    if (this.#parts.offers.allows(peer, cid)) return true
    const isSteward = this.stewards.some((steward) => steward.peer === peer)
    return (isSteward || this.#readers.has(peer)) && this.#parts.blocks.isHeld(cid)
  }

  handle(input: CouncilInput): void {
    if (this.#stopped) return
    if (input.type === 'connected') this.#parts.payables?.connected(input.peer)
    const { clock } = this.#options
    const nowMs = clock.now()
    const byMs = this.#steps.take()
    if (byMs !== 0) this.#carryOutAll(this.#parts.council.handle({ type: 'clock-set', byMs }, nowMs))
    const effects = this.#parts.council.handle(input, nowMs)
    this.#carryOutAll(effects)
    if (input.type === 'wake')
      this.#parts.endWatch.look(this.#parts.council.lackingResults(nowMs), clock.monotonicMs())
    // A claim that must wait for a second one asks for nothing, and is news all the same.
    if (input.type !== 'wake' || effects.some(({ type }) => type !== 'wake')) this.#options.onChange()
    if (!this.#options.isOwn) this.#options.onRecords(this.#parts.council.recordBytes)
  }

  /** Takes what a vehicle says of a lease, or what another steward says. */
  hear(input: Extract<Delivery, { to: 'council' }>['input']): void {
    if (input.type === 'declined' && input.reason === 'missing-blocks')
      void this.#parts.inputs.mend(input.lease, input.from)
    this.handle(input)
  }

  /** Takes what a vehicle says of the weights that it fetches for a lease. */
  hearWeights(
    from: PeerId,
    { lease, weights }: Pick<Extract<Message, { type: 'progress' }>, 'lease' | 'weights'>,
  ): void {
    this.#parts.offers.heardWeights(from, lease, weights)
  }

  /** The weights that are on their way to vehicles, by their own word. */
  get arriving() {
    return this.#parts.offers.arriving
  }

  /** Takes a record of the job from another steward, or from a vehicle. Throws ProtocolError when it does not hold. */
  hearRecord(from: PeerId, record: Opened<RecordKind>): void {
    if (!isShared(record) || this.#options.store.journal.has(record.record.id)) return
    this.handle({ type: 'record', from, record })
  }

  /** Takes a receipt whose signature holds. Throws ProtocolError when it is not what its lease allows. */
  hearReceipt(
    receipt: Opened<'receipt'>,
    released: ReleaseReason | null,
    logs: Extract<Message, { type: 'receipt' }>['logs'] = [],
  ): void {
    const { id, signer } = receipt.record
    if (this.#options.store.journal.has(id)) this.#parts.say(signer, { type: 'acknowledge', receipt: id })
    else {
      this.handle({ type: 'receipt', receipt, released })
      void this.#parts.papers.logs.keep(receipt.record, logs)
    }
  }

  /** Takes what a vehicle says about its pay. */
  hearPayee(from: PeerId, message: Extract<Message, { type: 'account' | 'accounted' }>): void {
    this.#parts.payables?.hear(from, message)
  }

  /** Money left for this vehicle. */
  paid(vehicle: PeerId): void {
    this.#parts.payables?.paid(vehicle)
  }

  /** Stands still without ending the job: it goes on when the node starts again. */
  async stop(): Promise<void> {
    this.#stopped = true
    this.#callOff()
    this.#parts.inputs.stop()
    this.#parts.collector.stop()
    this.#parts.payables?.stop()
    this.#releasing?.reject(new RequestError(`this node stops, and job ${this.job} is still with it`))
    await this.#parts.outbox.idle()
  }

  #carryOutAll(effects: readonly CouncilEffect[]): void {
    carryOut(effects, this.#hands, (say) => this.#parts.outbox.after(say))
  }

  #wakeAt(atMs: number): void {
    const { clock, log } = this.#options
    this.#callOff()
    this.#callOff = guardedAt(clock, atMs, () => this.handle({ type: 'wake' }), log)
  }
}
