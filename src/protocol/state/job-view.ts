/** How a job stands, as its records say it: for a node that stands by or only reads. */

import { compareText } from '../../base/bytes.ts'
import type { OwnerId, PeerId, RecordId } from '../ids.ts'
import { type Lease, type Receipt, unitsOwed } from '../job/lease.ts'
import type { ShardEntry } from '../job/lists.ts'
import type { JobEnd, ShardVerdict } from '../job/verdict.ts'
import { costOfUnits, type Micros } from '../price.ts'
import type { Verified } from '../record/record.ts'
import type { JobState } from './job-state.ts'

/** The money of a job: all in millionths of the currency's unit. */
interface PaymentView {
  readonly currency: string
  readonly budgetMicros: Micros
  /** The sum that leases of all stewards promise: money that is owed, or may yet be. Never more than the budget. */
  readonly promisedMicros: Micros
  /** For what verdicts accept so far. */
  readonly owedMicros: Micros
}

/** The facts that a status line shows. */
export interface JobView {
  readonly shards: {
    readonly total: number
    readonly queued: number
    readonly leased: number
    readonly returned: number
    readonly verified: number
    readonly disputed: number
    readonly failed: number
  }
  readonly pages: { readonly total: number; readonly verified: number }
  readonly executions: number
  readonly owners: { readonly needed: number; readonly available: number }
  readonly contradicted: readonly OwnerId[]
  /** Null: nobody is paid. */
  readonly payment: PaymentView | null
  readonly end: JobEnd | null
}

/** How one shard stands: the fields of `JobView.shards` count them. */
export type ShardStanding = Exclude<keyof JobView['shards'], 'total'>

/** One place of one receipt, as a status shows it. */
interface ClaimView {
  readonly peer: PeerId
  readonly owner: OwnerId
  readonly receipt: RecordId
}

/** A claim that counts, and the verdict on its shard where there is one. */
export interface CountedClaim {
  readonly claim: ClaimView
  readonly verdict: ShardVerdict | undefined
}

/** The claims about shards of which `verdictOn` has a verdict, by the records; those that were written off are left out. */
export function* decidedClaims(
  state: JobState,
  verdictOn: (position: number) => ShardVerdict | undefined,
): Generator<CountedClaim> {
  for (const { record, covered } of state.leases()) {
    const { vehicle: peer, owner, positions } = record.payload
    for (const [place, { record: receipt }] of covered) {
      const verdict = verdictOn(positions[place]!)
      if (verdict !== undefined && isOpen(state, record, receipt.payload, place))
        yield { claim: { peer, owner, receipt: receipt.id }, verdict }
    }
  }
}

/** A place that was written off counts no more. */
function isOpen(state: JobState, { id, payload }: Verified<Lease>, receipt: Receipt, place: number): boolean {
  return state.allowances.isOpen(id, place, unitsOwed(payload, receipt, place))
}

/** The verdicts that stand, by their positions. */
function standingVerdicts(state: JobState): Map<number, ShardVerdict> {
  const verdicts = new Map<number, ShardVerdict>()
  for (const position of state.verdicts.positions()) {
    const standing = state.standing(position)
    if (standing.state === 'stands') verdicts.set(position, standing.verdict)
  }
  return verdicts
}

/**
 * Returns the amount owed for what these verdicts accept, as the ledger has it (../ledger/claims.ts): stewards that
 * decided apart and alike have promised all that each of them names, an owner is paid once for a shard and so is a vehicle,
 * and nobody for a place that was written off. A lease without a price is no claim, and stands in nobody's way.
 */
function owedFor(state: JobState, verdicts: Iterable<ShardVerdict>): Micros {
  let micros = 0
  for (const { agreeing, position, result } of verdicts) {
    const named = result === null ? agreeing : [...agreeing, ...state.verdicts.agreeing(position, result)]
    const claims: { readonly order: string; readonly lease: Lease; readonly micros: Micros }[] = []
    for (const id of new Set(named)) {
      const entry = state.get(id)
      const lease = state.leaseOf(id)
      if (entry?.kind !== 'receipt' || !lease?.price) continue
      const receipt = entry.record.payload
      const { lease: leaseId, covers } = receipt
      for (const place of covers) {
        const units = unitsOwed(lease, receipt, place)
        if (lease.positions[place] !== position || !state.allowances.isOpen(leaseId, place, units)) continue
        const micros = costOfUnits(units, lease.price)
        claims.push({ order: `${leaseId}/${id}/${place}`, lease, micros })
      }
    }
    const paid = new Set<OwnerId | PeerId>()
    for (const { lease, micros: worth } of claims.sort((a, b) => compareText(a.order, b.order))) {
      if (paid.has(lease.owner) || paid.has(lease.vehicle)) continue
      paid.add(lease.owner).add(lease.vehicle)
      micros += worth
    }
  }
  return micros
}

export function paymentOf(state: JobState, verdicts: Iterable<ShardVerdict>): PaymentView | null {
  const { payment } = state.manifest
  return (
    payment && {
      currency: payment.currency,
      budgetMicros: payment.budgetMicros,
      promisedMicros: state.allowances.promised,
      owedMicros: owedFor(state, verdicts),
    }
  )
}

export class RecordedView {
  readonly #state: JobState
  readonly #shards: readonly ShardEntry[]
  readonly #verdicts: ReadonlyMap<number, ShardVerdict>
  readonly #contradicted: ReadonlySet<OwnerId>
  #view: JobView | undefined

  constructor(state: JobState, shards: readonly ShardEntry[]) {
    this.#state = state
    this.#shards = shards
    this.#verdicts = standingVerdicts(state)
    const contradicted = [...this.#verdicts.values()].flatMap(({ position, result }) =>
      result === null
        ? []
        : state.verdicts.alike(position, result).flatMap((verdict) => [...state.contradictedBy(verdict)]),
    )
    for (const { payload } of state.equivocated()) contradicted.push(payload.owner)
    this.#contradicted = new Set(contradicted)
  }

  /** Every shard has a verdict that stands. */
  get isDecided(): boolean {
    return this.#verdicts.size >= this.#shards.length
  }

  /** Tells whether some of these owners could take a shard that is open: they have had no lease of it, and still have a voice. */
  isLeftFor(owners: readonly OwnerId[]): boolean {
    const had = new Map<number, Set<OwnerId>>()
    for (const { record } of this.#state.leases())
      for (const position of record.payload.positions)
        had.set(position, (had.get(position) ?? new Set()).add(record.payload.owner))
    const heard = owners.filter((owner) => !this.#contradicted.has(owner))
    return this.#shards.some(
      (_, position) => !this.#verdicts.has(position) && heard.some((owner) => !had.get(position)?.has(owner)),
    )
  }

  /** It walks over the whole job, once. */
  view(): JobView {
    this.#view ??= this.#look()
    return this.#view
  }

  #look(): JobView {
    const { manifest } = this.#state
    const shards = { total: 0, queued: 0, leased: 0, returned: 0, verified: 0, disputed: 0, failed: 0 }
    const pages = { total: 0, verified: 0 }
    const standings = this.standings()
    this.#shards.forEach((entry, position) => {
      shards.total += 1
      pages.total += entry.pages
      if (this.#verdicts.get(position)?.outcome === 'accepted') pages.verified += entry.pages
      shards[standings[position]!] += 1
    })
    return {
      shards,
      pages,
      executions: this.#countClaims(),
      owners: { needed: manifest.assurance.replicas, available: 0 },
      contradicted: [...this.#contradicted].sort(),
      payment: paymentOf(this.#state, this.#verdicts.values()),
      end: this.#state.end()?.payload ?? null,
    }
  }

  /** How each shard stands, in their order. */
  standings(): ShardStanding[] {
    const leased = this.#leased()
    return this.#shards.map((_, position) => {
      const verdict = this.#verdicts.get(position)
      if (verdict?.because === 'ended') return 'returned'
      if (verdict !== undefined) return verdict.outcome === 'accepted' ? 'verified' : 'failed'
      return leased.has(position) ? 'leased' : 'queued'
    })
  }

  #countClaims(): number {
    let count = 0
    for (const _ of this.claims()) count += 1
    return count
  }

  /** Verdicts that stand, in the order of shards. */
  verdicts(): ShardVerdict[] {
    return [...this.#verdicts.values()]
  }

  /** Claims about shards that are decided; nobody here has looked at the others. */
  claims(): Generator<CountedClaim> {
    return decidedClaims(this.#state, (position) => this.#verdicts.get(position))
  }

  /** Positions that somebody has a lease for, whose voice would count: none after the end. */
  #leased(): Set<number> {
    const leased = new Set<number>()
    if (this.#state.end() !== undefined) return leased
    for (const lease of this.#state.leases()) {
      const { record } = lease
      const { owner, positions } = record.payload
      if (this.#contradicted.has(owner)) continue
      for (const [place, position] of positions.entries()) {
        const receipt = lease.at(place)?.record.payload
        if (receipt === undefined || isOpen(this.#state, record, receipt, place)) leased.add(position)
      }
    }
    return leased
  }
}
