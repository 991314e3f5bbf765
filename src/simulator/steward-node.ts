/** A node that looks after jobs: one disk, one ledger and one inbox for all of them. Each job is a CouncilDriver. */

import { impossible } from '../base/assert.ts'
import type { CouncilInput } from '../protocol/council/contract.ts'
import type { Cid, JobId, LeaseId, OwnerId, PeerId, RecordId } from '../protocol/ids.ts'
import { type Delivery, deliveryOf, isToSteward } from '../protocol/inbox.ts'
import type { Handover } from '../protocol/job/handover.ts'
import type { Lease } from '../protocol/job/lease.ts'
import type { Entry } from '../protocol/ledger/entry.ts'
import type { PayablesInput } from '../protocol/ledger/payables.ts'
import type { Capacity } from '../protocol/membership/advert.ts'
import type { Verified } from '../protocol/record/record.ts'
import { checked, isMoney, type JobRecord } from '../protocol/records.ts'
import type { Chance } from './chance.ts'
import { type CouncilDesk, CouncilDriver, type Remembered } from './council-driver.ts'
import { capacityOf } from './fixtures.ts'
import { type SimStatement, StewardMoney } from './money.ts'
import { Shell } from './shell.ts'
import type { SimJob } from './sim-job.ts'
import type { Parcel, SimWorld } from './sim-world.ts'
import { concerns, remember, type StewardWritten } from './steward-disk.ts'
import { answersOf, answerTo, believed } from './unsigned.ts'

export class StewardNode extends Shell<StewardWritten> implements CouncilDesk {
  readonly role = 'steward'
  readonly isLying: boolean = false
  readonly #capacity: Capacity
  readonly #jobs = new Map<JobId, CouncilDriver>()
  #records = new Map<RecordId, JobRecord>()
  #results = new Set<Cid>()
  #inputs = new Set<JobId>()
  /** Use: the first that it has not used in each job that it left. */
  #serials = new Map<JobId, number>()
  #money: StewardMoney
  #lives = 0

  constructor(world: SimWorld, peer: PeerId, owner: OwnerId) {
    super(world, peer, owner)
    this.#capacity = capacityOf({ peer, owner })
    this.#money = this.#newMoney([])
  }

  /** Takes up a job of its own. */
  submit(job: SimJob): void {
    this.#inputs.add(job.manifest.id)
    this.durable({ type: 'job', job })
    this.durable({ type: 'inputs', job: job.manifest.id })
    this.#begin(job, { records: [], recalled: [], shutOut: [], fresh: true })
  }

  /** Asks another node to look after this job, too. */
  entrust(to: PeerId, job: SimJob): void {
    this.send(to, {
      type: 'entrust',
      job,
      handovers: this.#jobs.get(job.manifest.id)?.handoversFor(to) ?? [],
    })
  }

  /** It executes nothing, and may look after jobs. */
  capacity(): Capacity {
    return this.#capacity
  }

  tellRoster(): void {
    for (const job of this.#jobs.values()) job.tellRoster()
  }

  /** Hands an input to its council of this job. */
  tell({ manifest }: SimJob, input: CouncilInput): void {
    this.#tell(manifest.id, input)
  }

  // --- what the world looks at --------------------------------------------------------------------------------

  knows({ manifest }: SimJob): boolean {
    return this.#jobs.has(manifest.id)
  }

  hasInputs({ manifest }: SimJob): boolean {
    return this.#inputs.has(manifest.id)
  }

  hasResult(result: Cid): boolean {
    return this.#results.has(result)
  }

  /** A node that reads a damaged result for another one notices the damage. */
  serves(result: Cid): boolean {
    if (this.#results.has(result)) return true
    for (const job of this.#jobs.values()) job.tell({ type: 'result-lost', result })
    return false
  }

  rootOf({ manifest }: SimJob): string {
    return this.#jobs.get(manifest.id)?.root ?? ''
  }

  recordsOf({ manifest }: SimJob): number {
    return this.#jobs.get(manifest.id)?.recordCount ?? 0
  }

  /** How a job stands, as this node shows it. */
  shownOf({ manifest }: SimJob) {
    return this.#jobs.get(manifest.id)?.shown()
  }

  stewardsOf({ manifest }: SimJob) {
    return this.#jobs.get(manifest.id)?.stewards ?? []
  }

  handoversOf({ manifest }: SimJob): readonly Verified<Handover>[] {
    return this.#jobs.get(manifest.id)?.handoversFor() ?? []
  }

  /** The records of a job that are on its disk. */
  storyOf({ manifest }: SimJob): JobRecord[] {
    return [...this.#records.values()].filter(({ record }) => record.job === manifest.id)
  }

  /** It says that its report of a job would not pass an audit yet. */
  doubts({ manifest }: SimJob): boolean {
    return this.#jobs.get(manifest.id)?.isComplete === false
  }

  /** The records of which its report of a job is made, and the shards for which those count that count in part. */
  reportedOf({ manifest }: SimJob): CouncilDriver['reported'] {
    return this.#jobs.get(manifest.id)?.reported ?? new Map()
  }

  jobs(): SimJob[] {
    return [...this.#jobs.values()].map(({ job }) => job)
  }

  /** Returns its answer to a vehicle that asks, were nothing lost. */
  answer(job: JobId, from: PeerId, before: number | null): SimStatement[] {
    return this.#money.answer(job, from, before, this.clockMs)
  }

  // --- what happens to it -------------------------------------------------------------------------------------

  /** A result on its disk is damaged, which it notices when it reads it. */
  flip(chance: Chance): void {
    const results = [...this.#results]
    const damaged = results[chance.between(0, Math.max(0, results.length - 1))]
    if (damaged === undefined) return
    this.#results.delete(damaged)
    this.disk.forget((written) => written.type === 'result' && written.result === damaged)
  }

  restart(): void {
    this.disk.crash(this.world.nowMs, this.world.chance)
    const { jobs, records, inputs, results, recalled, serials, shutOut, entries } = remember(
      this.disk.entries(),
    )
    this.#jobs.clear()
    this.#inputs = inputs
    this.#results = results
    this.#serials = serials
    this.#records = new Map(records.map((entry) => [entry.record.id, entry]))
    for (const entry of records) this.#tellTakenBack(entry)
    this.#money = this.#newMoney(entries)
    this.world.checkers.ledgers.restarted(this.peer, entries)
    for (const job of jobs)
      this.#begin(job, {
        records: records.filter(({ record }) => record.job === job.manifest.id),
        recalled,
        shutOut,
        fresh: false,
      })
  }

  clockSet(byMs: number): void {
    for (const job of this.#jobs.values()) job.tell({ type: 'clock-set', byMs })
    this.#money.tellAll({ type: 'clock-set', byMs }, this.clockMs)
  }

  linked(peer: PeerId, up: boolean): void {
    if (up) this.#money.tellAll({ type: 'connected', peer }, this.clockMs)
    for (const job of this.#jobs.values()) job.tell({ type: up ? 'connected' : 'disconnected', peer })
  }

  hear(from: PeerId, parcel: Parcel): void {
    switch (parcel.type) {
      case 'message':
        this.#hearMessage(from, parcel.message)
        break
      case 'record':
        this.#receive(from, parcel.entry)
        break
      case 'receipt':
        this.#tell(parcel.receipt.record.job!, { ...parcel, receipt: believed(parcel.receipt) })
        break
      case 'entrust':
        this.#take(from, parcel.job, parcel.handovers)
        break
      case 'offer':
      case 'adopt':
      case 'ended':
      case 'statement':
        break // a steward executes nothing
      default:
        impossible(parcel)
    }
  }

  #hearMessage(from: PeerId, message: Extract<Parcel, { type: 'message' }>['message']): void {
    if (!isToSteward(message)) return // it executes nothing
    const delivery = deliveryOf(from, message)
    switch (delivery.to) {
      case 'council':
        this.#tell(delivery.job, delivery.input)
        break
      case 'inviter':
        for (const answered of answersOf(from, delivery.message))
          this.#tell(answered.consent.record.job!, answered)
        break
      case 'payables':
        this.#hearPayee(from, delivery.message)
        break
      case 'node':
        this.#hearAsNode(from, delivery.message)
        break
      case 'records':
        throw new Error('simulated nodes hand records over opened')
      default:
        impossible(delivery)
    }
  }

  #hearPayee(from: PeerId, message: Extract<Delivery, { to: 'payables' }>['message']): void {
    const input: PayablesInput =
      message.type === 'account' ? { type: 'ask', from, before: message.before } : { type: 'accounted', from }
    this.#money.tell(message.job, input, this.clockMs)
  }

  #hearAsNode(from: PeerId, message: Extract<Delivery, { to: 'node' }>['message']): void {
    switch (message.type) {
      case 'invite':
        this.send(from, { type: 'message', message: answerTo(message, from, this) })
        break
      case 'entrust':
      case 'find':
        throw new Error(`a simulated node says '${message.type}' with a parcel of its own`)
      default:
        impossible(message)
    }
  }

  /** Takes up a job that it is entrusted with. It gets the inputs from the stewards that have them. */
  #take(from: PeerId, job: SimJob, handovers: readonly Verified<Handover>[]): void {
    const chain = handovers.map((record) => checked('handover', record))
    if (this.knows(job)) {
      for (const entry of chain) this.#receive(from, entry)
      return
    }
    this.durable({ type: 'job', job })
    for (const entry of chain) this.keep(entry)
    this.#begin(job, { records: chain, recalled: [], shutOut: [], fresh: false })
  }

  #receive(from: PeerId, record: JobRecord): void {
    this.#tell(record.record.job!, { type: 'record', from, record: believed(record) })
  }

  #tell(job: JobId, input: CouncilInput): void {
    this.#jobs.get(job)?.tell(input)
  }

  #begin(job: SimJob, remembered: Omit<Remembered, 'serial'>): void {
    const { id } = job.manifest
    const begun = new CouncilDriver(job, this)
    this.#jobs.set(id, begun)
    begun.begin({ ...remembered, serial: this.#serials.get(id) ?? 0 }, this.#inputs.has(id))
  }

  // --- what its jobs ask of it (council-driver.ts) ---------------------------------------------------------------

  roster(): readonly Capacity[] {
    return this.world.capacities()
  }

  recomputed(job: SimJob, position: number): Cid {
    return job.truth(position)
  }

  issued(entry: JobRecord): void {
    this.keep(entry)
    if (entry.kind === 'allowance') this.after(() => this.#tellTakenBack(entry))
  }

  keep(entry: JobRecord): void {
    this.#records.set(entry.record.id, entry)
    this.durable({ type: 'record', entry })
    const { job } = entry.record
    if (job !== null && isMoney(entry)) this.#money.tell(job, { type: 'record', record: entry }, this.clockMs)
  }

  discard(...[job, records, serial, money]: Parameters<CouncilDesk['discard']>): void {
    this.#serials.set(job, serial)
    this.disk.write({ type: 'left', job, serial }, this.world.nowMs)
    const gone = new Set(records)
    for (const id of gone) this.#records.delete(id)
    this.disk.forget((written) => written.type === 'record' && gone.has(written.entry.record.id))
    this.#money.tell(job, { type: 'anew', records: money }, this.clockMs)
  }

  shutOut(job: JobId, record: RecordId): void {
    this.durable({ type: 'shut-out', job, record })
  }

  left(job: JobId, serial: number): void {
    this.#serials.set(job, serial)
    this.#jobs.delete(job)
    this.#inputs.delete(job)
    for (const [id, { record }] of this.#records) if (record.job === job) this.#records.delete(id)
    this.disk.forget((written) => concerns(written, job))
    this.disk.write({ type: 'left', job, serial }, this.world.nowMs) // at once: only then it forgets
  }

  begun(...[job, judged]: Parameters<CouncilDesk['begun']>): void {
    this.#money.begin(job, judged, this.clockMs)
  }

  counted(...[job, counted, proven]: Parameters<CouncilDesk['counted']>): void {
    for (const one of proven) this.durable({ type: 'counted', ...one })
    this.#money.counted(job, counted, this.clockMs)
  }

  leaseOf(id: LeaseId): Verified<Lease> | undefined {
    const entry = this.#records.get(id)
    return entry?.kind === 'lease' ? entry.record : undefined
  }

  hold(result: Cid): void {
    this.#results.add(result)
    this.durable({ type: 'result', result })
  }

  holdInputs(job: JobId): void {
    this.#inputs.add(job)
    this.durable({ type: 'inputs', job })
  }

  tellMoney(job: JobId, input: PayablesInput): void {
    this.#money.tell(job, input, this.clockMs)
  }

  #tellTakenBack(entry: JobRecord): void {
    if (entry.kind === 'allowance') this.world.checkers.tookBack(entry.record)
  }

  #newMoney(entries: readonly Entry[]): StewardMoney {
    this.#lives += 1
    return new StewardMoney(
      {
        peer: this.peer,
        write: (entry) => this.writeEntry(entry),
        wake: (atMs, happen) => this.wakeAt(atMs, happen),
        state: (to, said) => this.after(() => this.send(to, { type: 'statement', said })),
      },
      entries,
      this.#lives * 2 ** 25,
    )
  }
}
