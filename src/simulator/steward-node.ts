/** A node that looks after jobs: carries out what its councils decide, as src/host/stewardship does in the real world. */

import type { CouncilEffect, CouncilInput } from '../protocol/council/contract.ts'
import { Council } from '../protocol/council/council.ts'
import type { Cid, JobId, OwnerId, PeerId, RecordId } from '../protocol/ids.ts'
import { type Delivery, deliveryOf, isToSteward } from '../protocol/inbox.ts'
import type { Handover } from '../protocol/job/handover.ts'
import type { Entry } from '../protocol/ledger/entry.ts'
import type { PayablesInput } from '../protocol/ledger/payables.ts'
import type { Capacity } from '../protocol/membership/advert.ts'
import type { Message } from '../protocol/message.ts'
import type { Verified } from '../protocol/record/record.ts'
import { byDependency, checked, isMoney, type JobRecord } from '../protocol/records.ts'
import { type Chance, cheapHash } from './chance.ts'
import { capacityOf, operatorPpm, seedNamed } from './fixtures.ts'
import { type SimStatement, StewardMoney } from './money.ts'
import { Shell } from './shell.ts'
import type { SimJob } from './sim-job.ts'
import type { Parcel, SimWorld } from './sim-world.ts'
import { believed } from './unsigned.ts'

type Written =
  | { readonly type: 'job'; readonly job: SimJob }
  | { readonly type: 'inputs'; readonly job: JobId }
  | { readonly type: 'record'; readonly entry: JobRecord }
  | { readonly type: 'result'; readonly result: Cid }

export class StewardNode extends Shell<Written> {
  readonly role = 'steward'
  #councils = new Map<JobId, { readonly council: Council; readonly job: SimJob }>()
  #results = new Set<Cid>()
  #inputs = new Set<JobId>()
  readonly #capacity: Capacity
  #records = new Map<RecordId, JobRecord>()
  #money: StewardMoney
  #lives = 0

  constructor(world: SimWorld, peer: PeerId, owner: OwnerId) {
    super(world, peer, owner)
    this.#capacity = capacityOf({ peer, owner })
    this.#money = this.#newMoney([])
  }

  seedOf(nonce: Uint8Array): Uint8Array {
    return seedNamed(`${this.peer}/${nonce.join()}`)
  }

  /** Asks another node to look after this job, too. */
  entrust(to: PeerId, job: SimJob): void {
    this.world.send(this, to, { type: 'entrust', job, handovers: this.#handoversOf(job) })
  }

  /** Takes up a job of its own. */
  submit(job: SimJob): void {
    this.#inputs.add(job.manifest.id)
    this.durable({ type: 'job', job })
    this.durable({ type: 'inputs', job: job.manifest.id })
    this.#begin(job, [], true)
  }

  /** Takes up a job that it is entrusted with; the submitter, or whoever has them, gives it the inputs. */
  #take(from: PeerId, job: SimJob, handovers: readonly Verified<Handover>[]): void {
    const chain = handovers.map((record) => checked('handover', record))
    if (this.knows(job)) {
      for (const entry of chain) this.#receive(from, entry)
      return
    }
    this.durable({ type: 'job', job })
    for (const entry of chain) this.#keep(entry)
    this.#begin(job, chain, false)
  }

  knows({ manifest }: SimJob): boolean {
    return this.#councils.has(manifest.id)
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
    for (const job of this.#councils.keys()) this.#tell(job, { type: 'result-lost', result })
    return false
  }

  #handoversOf({ manifest }: SimJob): readonly Verified<Handover>[] {
    return this.#councils.get(manifest.id)?.council.succession.chain ?? []
  }

  rootOf({ manifest }: SimJob): string {
    return this.#councils.get(manifest.id)?.council.root.join() ?? ''
  }

  recordsOf({ manifest }: SimJob): number {
    return this.#councils.get(manifest.id)?.council.recordCount ?? 0
  }

  /** It executes nothing, and may look after jobs. */
  capacity(): Capacity {
    return this.#capacity
  }

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
    this.#councils = new Map()
    this.#results = new Set()
    this.#inputs = new Set()
    const jobs: SimJob[] = []
    const records: JobRecord[] = []
    const entries: Entry[] = []
    this.#records = new Map()
    for (const written of this.disk.entries()) {
      if (written.type === 'job') jobs.push(written.job)
      else if (written.type === 'record') {
        records.push(written.entry)
        this.#tellTakenBack(written.entry)
        this.#records.set(written.entry.record.id, written.entry)
      } else if (written.type === 'inputs') this.#inputs.add(written.job)
      else if (written.type === 'entry') entries.push(written.entry)
      else this.#results.add(written.result)
    }
    this.#money = this.#newMoney(entries)
    this.world.checkers.ledgers.restarted(this.peer, entries)
    for (const job of jobs)
      this.#begin(
        job,
        records.filter(({ record }) => record.job === job.manifest.id),
        false,
      )
  }

  linked(peer: PeerId, up: boolean): void {
    if (up) this.#money.tellAll({ type: 'connected', peer }, this.clockMs)
    for (const job of this.#councils.keys())
      this.#tell(job, { type: up ? 'connected' : 'disconnected', peer })
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
      case 'statement':
        break // a steward executes nothing
      default:
        parcel satisfies never
    }
  }

  #hearMessage(from: PeerId, message: Message): void {
    if (!isToSteward(message)) return // it executes nothing
    const delivery = deliveryOf(from, message)
    switch (delivery.to) {
      case 'council':
        this.#tell(delivery.job, delivery.input)
        break
      case 'inviter':
        for (const job of this.#councils.keys()) this.#tell(job, delivery.input)
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
        delivery satisfies never
    }
  }

  #hearPayee(from: PeerId, message: Extract<Delivery, { to: 'payables' }>['message']): void {
    const input: PayablesInput =
      message.type === 'account' ? { type: 'ask', from, before: message.before } : { type: 'accounted', from }
    this.#money.tell(message.job, input, this.clockMs)
  }

  #hearAsNode(from: PeerId, message: Extract<Delivery, { to: 'node' }>['message']): void {
    switch (message.type) {
      case 'invite': {
        const { nonce } = message
        const drawCommitment = cheapHash(this.seedOf(nonce))
        this.world.send(this, from, { type: 'message', message: { type: 'willing', nonce, drawCommitment } })
        break
      }
      case 'entrust':
      case 'find':
        throw new Error(`a simulated node says '${message.type}' with a parcel of its own`)
      default:
        message satisfies never
    }
  }

  #receive(from: PeerId, record: JobRecord): void {
    this.#tell(record.record.job!, { type: 'record', from, record: believed(record) })
  }

  #tell(job: JobId, input: CouncilInput): void {
    const known = this.#councils.get(job)
    if (known === undefined) return
    for (const effect of known.council.handle(input, this.clockMs)) this.#carryOut(known.job, effect)
  }

  tellRoster(): void {
    for (const job of this.#councils.keys())
      this.#tell(job, { type: 'roster', capacities: this.world.capacities(), operatorPpm })
  }

  #begin(job: SimJob, records: readonly JobRecord[], fresh: boolean): void {
    const { id, payload: manifest } = job.manifest
    const council = new Council({
      job: id,
      manifest,
      self: this.peer,
      seedOf: (nonce) => this.seedOf(nonce),
      sha256: cheapHash,
    })
    this.#councils.set(id, { council, job })
    const known = [...records].sort(byDependency).filter(isMoney)
    this.#money.begin(job, known, this.clockMs)
    const shards = this.#inputs.has(id) ? job.shards : null
    for (const effect of council.begin({ records, shards, fresh }, this.clockMs)) this.#carryOut(job, effect)
    this.#tell(id, { type: 'roster', capacities: this.world.capacities(), operatorPpm })
    for (const peer of this.world.linkedTo(this)) this.#tell(id, { type: 'connected', peer })
  }

  #carryOut(job: SimJob, effect: CouncilEffect): void {
    const id = job.manifest.id
    const { world } = this
    switch (effect.type) {
      case 'issue':
        world.signed(effect.issued.record)
        this.#issued(effect.issued)
        break
      case 'keep':
        this.#keep(effect.receipt)
        break
      case 'copy':
        this.#keep(effect.record)
        break
      case 'offer':
        this.sendAfter(effect.to, () => {
          const lease = this.#recordOf(effect.lease)
          if (lease?.kind !== 'lease') return undefined
          world.checkers.offered(lease.record)
          return { type: 'offer', job, lease: lease.record, handovers: this.#handoversOf(job) }
        })
        break
      case 'adopt':
      case 'entrust':
        this.sendAfter(effect.to, () => ({ type: effect.type, job, handovers: this.#handoversOf(job) }))
        break
      case 'send':
        this.sendAfter(effect.to, () => ({ type: 'message', message: effect.message }))
        break
      case 'share':
        this.sendAfter(effect.to, () => ({ type: 'record', entry: effect.record }))
        break
      case 'collect':
        world.collect(this, effect.wanted, (results) => {
          for (const { result, finding } of results) if (finding.state === 'good') this.#hold(result)
          this.#tell(id, { type: 'examined', results })
        })
        break
      case 'recompute': {
        const truth = job.truth(effect.position)
        world.later(this, 3_000, () => {
          this.#hold(truth)
          this.#tell(id, {
            type: 'recomputed',
            position: effect.position,
            found: { result: truth, text: truth },
          })
        })
        break
      }
      case 'hold-inputs':
        world.fetchInputs(this, job, () => {
          this.#inputs.add(id)
          this.durable({ type: 'inputs', job: id })
          this.#tell(id, { type: 'inputs-held', shards: job.shards })
        })
        break
      case 'hold-results':
        world.fetchResults(this, effect.from, effect.results, (held) => {
          if (held) for (const result of effect.results) this.#hold(result)
          this.#tell(id, { type: 'results-held', verdict: effect.verdict, held })
        })
        break
      case 'ended':
        world.ended(id)
        break
      case 'acting':
        this.#money.tell(id, { type: 'acting', acting: effect.acting }, this.clockMs)
        break
      case 'wake':
        this.wakeAt(effect.atMs, () => this.#tell(id, { type: 'wake' }))
        break
      case 'lied': // liars go on lying: that is what the world is for
      case 'decided': // the verdict's record says the same
      case 'revoke': // nothing is read without a lease in here
        break
      default:
        effect satisfies never
    }
  }

  #recordOf(id: RecordId): JobRecord | undefined {
    return this.#records.get(id)
  }

  #issued(entry: JobRecord): void {
    this.#keep(entry)
    if (entry.kind === 'allowance') this.after(() => this.#tellTakenBack(entry))
  }

  #tellTakenBack(entry: JobRecord): void {
    if (entry.kind === 'allowance') this.world.checkers.tookBack(entry.record)
  }

  #keep(entry: JobRecord): void {
    this.#records.set(entry.record.id, entry)
    this.durable({ type: 'record', entry })
    const job = entry.record.job
    if (job !== null && isMoney(entry)) this.#money.tell(job, { type: 'record', record: entry }, this.clockMs)
  }

  /** What it answers to a vehicle that asks, were nothing lost. */
  answer(job: JobId, from: PeerId, before: number | null): SimStatement[] {
    return this.#money.answer(job, from, before, this.clockMs)
  }

  #newMoney(entries: readonly Entry[]): StewardMoney {
    this.#lives += 1
    return new StewardMoney(
      {
        peer: this.peer,
        write: (entry) => this.writeEntry(entry),
        wake: (atMs, happen) => this.wakeAt(atMs, happen),
        state: (to, said) => this.sendAfter(to, () => ({ type: 'statement', said })),
      },
      entries,
      this.#lives * 2 ** 25,
    )
  }

  #hold(result: Cid): void {
    this.#results.add(result)
    this.durable({ type: 'result', result })
  }
}
