/**
 * Checkers: check what must hold after every event, written from the rules and apart from the code that is to keep
 * them. They look at the records that nodes sign and the things that nodes do, never into the machines.
 */

import { pushTo } from '../base/push-to.ts'
import type { Cid, JobId, LeaseId, OwnerId, PeerId, RecordId } from '../protocol/ids.ts'
import type { Allowance } from '../protocol/job/allowance.ts'
import type { Lease, Opening, Receipt } from '../protocol/job/lease.ts'
import type { JobEnd, Verdict } from '../protocol/job/verdict.ts'
import type { RecordBody, Verified } from '../protocol/record/record.ts'
import { LedgerChecker } from './ledger-checker.ts'
import { ShownChecker } from './shown-checker.ts'
import type { SimJob } from './sim-job.ts'
import { Takeovers } from './takeovers.ts'

/** Draws, leases and receipts of several replicas, repeated through crashes and drives: a guess, far above what is seen. */
const recordsPerShardMax = 40
const recordsPerJobMax = 1_000
/** One lease runs and one waits; some that are done wait to be acknowledged. A guess. */
const leasesPerVehicleMax = 64

export interface JobRules {
  readonly replicas: number
  readonly lead: number
  /** Voices that are enough once their windows have passed. */
  readonly audited: number
  readonly deadlineMs: number
  /** Null: nobody is paid. */
  readonly budgetMicros: number | null
  readonly truth: (position: number) => Cid
  /** So many wrong results may be accepted, since so many owners lie together. */
  readonly wrongMax: number
}

export class Checkers {
  readonly violations: string[] = []
  readonly ledgers = new LedgerChecker((violation) => this.#blame(violation))
  readonly shown: ShownChecker
  readonly takeovers = new Takeovers()
  wrongAccepted = 0
  reportsRefused = 0
  executions = 0
  readonly #rules = new Map<JobId, JobRules>()
  readonly #serials = new Map<string, RecordId>()
  readonly #leases = new Map<LeaseId, Verified<Lease>>()
  readonly #receipts = new Map<
    RecordId,
    {
      readonly owner: OwnerId
      readonly lease: Verified<Lease>
      readonly results: ReadonlyMap<number, Cid>
    }
  >()
  /** The vehicles that ever had a lease of a shard, by job and position. */
  readonly #holders = new Map<string, PeerId[]>()
  /** Accepted results of each job, by position. */
  readonly #accepted = new Map<JobId, Map<number, Cid>>()
  readonly #claimed = new Map<string, Cid>()
  readonly #ends = new Map<JobId, JobEnd>()
  /** The places that may yet be owed of leases that have left their stewards. */
  readonly #owable = new Map<LeaseId, Set<number>>()
  readonly #cancelled = new Set<JobId>()
  /** The sum of all of them, by job. */
  readonly #promised = new Map<JobId, number>()

  constructor(isLiar: (owner: OwnerId) => boolean = () => false) {
    this.shown = new ShownChecker(
      (violation) => this.#blame(violation),
      isLiar,
      // The owners whose vehicles worked on a shard.
      (job, position) =>
        [...this.#receipts.values()].flatMap(({ owner, lease, results }) =>
          lease.job === job && results.has(position) ? owner : [],
        ),
    )
  }

  job(job: JobId, rules: JobRules): void {
    this.#rules.set(job, rules)
    this.shown.job(job, rules)
    this.ledgers.job(job, rules.budgetMicros)
  }

  endOf(job: JobId): JobEnd | undefined {
    return this.#ends.get(job)
  }

  /**
   * Checks a record that a node signs: no node says two things under one serial, not even after it has lost its
   * memory.
   */
  signed(id: RecordId, body: RecordBody, opening: Opening | null, isLiar: boolean): void {
    const key = `${body.signer}/${body.kind === 'receipt' ? 'receipt' : body.job}/${body.serial}`
    const known = this.#serials.get(key)
    if (known !== undefined && known !== id)
      this.#blame(`${body.signer} signed two records with serial ${body.serial}`)
    this.#serials.set(key, id)
    const record = { ...body, id }
    if (body.kind === 'lease') this.#lease(record as Verified<Lease>)
    else if (body.kind === 'receipt') this.#receipt(record as Verified<Receipt>, opening!, isLiar)
    else if (body.kind === 'verdict') this.#verdict(record as Verified<Verdict>)
    else if (body.kind === 'end') this.#end(body as RecordBody<JobEnd>)
  }

  /** Nobody honest cancels a job on its own: in these worlds submitters do so from elsewhere. */
  #end({ job, payload, signer }: RecordBody<JobEnd>): void {
    if (job === null) return
    if (payload.outcome === 'cancelled' && !this.#cancelled.has(job))
      this.#blame(`${signer} cancels job ${job}, and its submitter did not`)
    if (!this.#ends.has(job)) this.#ends.set(job, payload)
  }

  /** A liar signs a record, in its own name or an accomplice's. Honest records may rest on it. */
  forged(record: Verified, opening: Opening | null): void {
    if (record.kind === 'lease') this.#lease(record as Verified<Lease>)
    else if (record.kind === 'verdict')
      for (const shard of (record as Verified<Verdict>).payload.shards) this.ledgers.verdict(shard)
    else if (record.kind === 'receipt') this.#note(record as Verified<Receipt>, opening!)
  }

  /** An honest steward takes the job for ended, whoever signed that. */
  ended(job: JobId, end: JobEnd): void {
    if (!this.#ends.has(job)) this.#ends.set(job, end)
  }

  /**
   * A lease has left its steward: its vehicle may be owed all of it from now on. So what is paid and what may yet be paid
   * is never more than this sum, and that never more than the budget.
   */
  offered({ id, job, payload }: Verified<Lease>): void {
    if (this.#owable.has(id) || payload.price === null) return
    this.#owable.set(id, new Set(payload.units.keys()))
    this.#promise(job!, payload, [...payload.units.keys()], 1)
  }

  /** It is durable that a steward owes no more of its own leases than this. */
  tookBack({ signer, payload }: Verified<Allowance>): void {
    for (const { lease: id, places } of payload.writtenOff) {
      const [lease, owable] = [this.#leases.get(id), this.#owable.get(id)]
      if (lease === undefined || owable === undefined || lease.signer !== signer) continue
      const gone = [...owable].filter((place) => !places.includes(place))
      for (const place of gone) owable.delete(place)
      this.#promise(lease.job!, lease.payload, gone, -1)
    }
  }

  /** After a vehicle's owner took it away: no slot may go on. */
  stopped(peer: PeerId, running: number): void {
    if (running > 0) this.#blame(`${peer} computes in ${running} slots though its owner drives`)
  }

  /** The submitter of this job has cancelled it. */
  cancel(job: JobId): void {
    this.#cancelled.add(job)
  }

  /** A job ends soon after its submitter has cancelled it, whoever acts for it. */
  cancelledLate(job: JobId): void {
    if (!this.#ends.has(job)) this.#blame(`job ${job} goes on though its submitter cancelled it`)
  }

  /** Every job ends by its deadline and two leases, complete or with a reason. */
  late(job: JobId, nowMs: number, graceMs: number): void {
    const rules = this.#rules.get(job)!
    if (nowMs >= rules.deadlineMs + graceMs && !this.#ends.has(job)) this.#blame(`job ${job} never ended`)
  }

  /**
   * A job's records are bounded by its shards and by the stewards that lie: nobody can make a steward grow without end.
   */
  bounded({ manifest, shards }: SimJob, steward: PeerId, records: number, liars = 0): void {
    const recordsMax = (1 + liars) * (recordsPerShardMax * shards.length + recordsPerJobMax)
    if (records > recordsMax) this.#blame(`${steward} holds ${records} records of job ${manifest.id}`)
  }

  busy(vehicle: PeerId, leases: number): void {
    if (leases > leasesPerVehicleMax) this.#blame(`${vehicle} has taken ${leases} leases`)
  }

  /** Checks that every accepted result can be read somewhere in the end. */
  kept(job: JobId, has: (result: Cid) => boolean): void {
    for (const [position, result] of this.#accepted.get(job) ?? [])
      if (!has(result)) this.#blame(`the result of shard ${position} of job ${job} is on no steward's disk`)
  }

  holdersOf(job: JobId, position: number): readonly PeerId[] {
    return this.#holders.get(`${job}/${position}`) ?? []
  }

  converged(job: JobId, roots: readonly string[]): void {
    if (new Set(roots).size > 1) this.#blame(`the stewards of job ${job} have different records in the end`)
  }

  /** No node throws, whatever others say. */
  threw(error: unknown): void {
    const stack = error instanceof Error ? (error.stack ?? error.message) : `${error}`
    this.#blame(`a node throws ${stack.split('\n').slice(0, 4).join(' ')}`)
  }

  /** The problems that the audit found in a complete job's report. `isDoubted`: the node may say so itself, and does (lying/README.md). */
  audited(job: JobId, node: PeerId, problems: readonly string[], isDoubted: boolean): void {
    if (problems.length === 0) return
    this.reportsRefused += 1
    if (!isDoubted)
      this.#blame(`the audit refuses the report of ${node} on job ${job}, which is complete: ${problems[0]}`)
  }

  #lease(lease: Verified<Lease>): void {
    this.#leases.set(lease.id, lease)
    for (const position of lease.payload.positions) {
      pushTo(this.#holders, `${lease.job}/${position}`, lease.payload.vehicle)
    }
  }

  #promise(job: JobId, { units, price }: Lease, places: readonly number[], sign: 1 | -1): void {
    const worth = places.reduce((sum, place) => sum + units[place]! * price!.unitMicros, 0)
    const promised = (this.#promised.get(job) ?? 0) + sign * worth
    this.#promised.set(job, promised)
    const budget = this.#rules.get(job)!.budgetMicros
    if (budget === null || promised > budget)
      this.#blame(`job ${job} may owe ${promised} micros, and has ${budget} to spend`)
  }

  #receipt(receipt: Verified<Receipt>, opening: Opening, isLiar: boolean): void {
    const lease = this.#leases.get(receipt.payload.lease)
    if (lease === undefined) {
      this.#blame(`receipt ${receipt.id} is for a lease that nobody signed`)
      return
    }
    receipt.payload.covers.forEach((place, i) => {
      const result = opening.results[i]!
      const key = `${lease.id}/${place}`
      const before = this.#claimed.get(key)
      if (before !== undefined && before !== result && !isLiar)
        this.#blame(`${receipt.signer} contradicts itself about place ${place} of lease ${lease.id}`)
      if (before === undefined) this.executions += 1
      this.#claimed.set(key, result)
    })
    this.#note(receipt, opening)
  }

  /** Verdicts may name it from now on. */
  #note(receipt: Verified<Receipt>, opening: Opening): void {
    const lease = this.#leases.get(receipt.payload.lease)
    if (lease === undefined) return
    const { covers } = receipt.payload
    const results = new Map(
      covers.map((place, i) => [lease.payload.positions[place]!, opening.results[i]!] as const),
    )
    this.ledgers.receipt(receipt.id, lease.payload)
    this.#receipts.set(receipt.id, { owner: lease.payload.owner, lease, results })
  }

  /**
   * A steward counts no work for which it does not pay. A result that rests on what it wrote off, since another steward counted that
   * before it heard so, stands after the end all the same: the last word of the submitter's node promises the place anew as far as
   * the budget reaches (../protocol/job/allowance.ts).
   */
  #countsWhatItPays(steward: PeerId, lease: Verified<Lease> | undefined, position: number): void {
    if (lease === undefined || lease.signer !== steward) return
    const place = lease.payload.positions.indexOf(position)
    const owable = this.#owable.get(lease.id)
    if (owable === undefined || owable.has(place)) return
    if (!this.#ends.has(lease.job!)) {
      this.#blame(`${steward} counts shard ${position} of lease ${lease.id}, which it does not pay`)
      return
    }
    const { units, price } = lease.payload
    const promised = this.#promised.get(lease.job!)! + units[place]! * price!.unitMicros
    if (promised > this.#rules.get(lease.job!)!.budgetMicros!) return
    owable.add(place)
    this.#promise(lease.job!, lease.payload, [place], 1)
  }

  #verdict({ job, signer, payload }: Verified<Verdict>): void {
    const { replicas, lead, audited, truth } = this.#rules.get(job!)!
    for (const shard of payload.shards) this.ledgers.verdict(shard)
    for (const { position, outcome, result, because, agreeing } of payload.shards) {
      if (outcome !== 'accepted') continue
      const owners = new Set<OwnerId>()
      for (const id of agreeing) {
        const receipt = this.#receipts.get(id)
        this.#countsWhatItPays(signer, receipt?.lease, position)
        if (receipt?.results.get(position) === result) owners.add(receipt.owner)
      }
      const needed =
        because === 'unanimous' ? replicas : because === 'lead' ? lead : because === 'audited' ? audited : 0
      if (owners.size < needed)
        this.#blame(`shard ${position} of job ${job} was accepted with ${owners.size} owners of ${needed}`)
      const accepted = this.#accepted.get(job!) ?? new Map<number, Cid>()
      this.#accepted.set(job!, accepted.set(position, result!))
      if (result !== truth(position)) this.wrongAccepted += 1
    }
  }

  #blame(violation: string): void {
    if (this.violations.length < 100) this.violations.push(violation)
  }
}
