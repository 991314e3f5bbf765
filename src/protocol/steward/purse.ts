/**
 * The purse: pays for work out of this steward's allowance. When the allowance is too small, it writes off the shards
 * that closed leases can no longer bring. When nothing moves any more, the job fails, with its budget as the reason.
 */

import type { Lease } from '../job/lease.ts'
import { budgetWaitMs, writtenOffMax } from '../limits.ts'
import { costOfUnits, formatMoney, type Micros, unitsOf } from '../price.ts'
import type { Candidate } from './candidate.ts'
import type { Desk } from './desk.ts'
import { finishJob } from './finish.ts'
import type { LeaseState } from './lease-book.ts'
import type { ShardState } from './shard-state.ts'
import { issue } from './signing.ts'

/** Units of work in a shard, by which it is paid, at most. */
export function unitsIn(desk: Desk, { entry }: ShardState): number {
  return unitsOf(entry, desk.options.manifest.payment?.unit ?? 'page')
}

/** Returns the price that a lease to this candidate names; null: nobody is paid. */
export function priceOf(desk: Desk, { unitMicros }: Candidate): Lease['price'] {
  const { payment } = desk.options.manifest
  if (payment === null || unitMicros === null) return null
  const { currency, per } = payment
  return { currency, unitMicros, ...(per === undefined ? {} : { per }), operatorPpm: desk.operatorPpm }
}

/** Tells whether the allowance can pay for these shards at the candidate's price. */
export function affords(desk: Desk, { unitMicros }: Candidate, shards: readonly ShardState[]): boolean {
  if (unitMicros === null || unitMicros === 0) return true
  const price = { unitMicros, ...desk.options.manifest.payment }
  const micros = shards.reduce((sum, shard) => sum + costOfUnits(unitsIn(desk, shard), price), 0)
  return micros <= freeOf(desk)
}

/** Returns the amount that this steward may still promise. */
function freeOf(desk: Desk): Micros {
  return desk.state.allowances.freeOf(desk.options.self)
}

/** The state while there is no money for waiting shards; if none of it changes, nothing will. */
export function shortageNow(desk: Desk, nowMs: number) {
  return { sinceMs: nowMs, free: freeOf(desk), verdicts: desk.board.open.size }
}

/** There is no money for waiting shards: takes money back where it can, and gives up once nothing moves any more. */
export function replenish(desk: Desk, nowMs: number): void {
  if (desk.short === undefined) return
  let isComing = [...desk.leases.active()].some(({ lease }) => lease.payload.price !== null)
  const due: LeaseState[] = []
  for (const state of desk.leases.closed()) {
    const { id, signer } = state.lease
    if (signer !== desk.options.self || desk.state.allowances.gain(id, unitsTaken(state)) === 0) continue
    if (state.expectedUntilMs <= nowMs) due.push(state)
    else isComing = true
  }
  for (let i = 0; i < due.length; i += writtenOffMax) writeOff(desk, due.slice(i, i + writtenOffMax))
  const { free, verdicts } = desk.short
  if (due.length > 0 || isComing || free !== freeOf(desk) || verdicts !== desk.board.open.size)
    desk.short = shortageNow(desk, nowMs)
  else if (nowMs - desk.short.sinceMs >= budgetWaitMs) {
    const { currency, budgetMicros } = desk.options.manifest.payment!
    const [budget, promised, left] = [budgetMicros, desk.state.allowances.promised, freeOf(desk)].map(
      (micros) => formatMoney(micros, currency),
    )
    finishJob(
      desk,
      'budget-spent',
      `the budget of ${budget} is too small for the shards still open (${desk.board.open.size}): ${promised} are owed or promised, and ${left} are left to this steward`,
      nowMs,
    )
  }
}

function writeOff(desk: Desk, states: readonly LeaseState[]): void {
  const writtenOff = states.map((state) => {
    const { id, payload } = state.lease
    const taken = [...unitsTaken(state)].sort(([a], [b]) => a - b)
    const places = taken.map(([place]) => place)
    const isAll = taken.every(([place, units]) => units === payload.units[place])
    return { lease: id, places, ...(isAll ? {} : { units: taken.map(([, units]) => units) }) }
  })
  issue(desk, 'allowance', { writtenOff, given: [] })
  desk.rooms.unshelve()
}

/** The units of the places that receipts cover. */
function unitsTaken({ covered, fewer, lease }: LeaseState): Map<number, number> {
  const { units } = lease.payload
  return new Map([...covered].map(([place]) => [place, fewer.get(place) ?? units[place]!]))
}
