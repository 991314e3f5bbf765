/** Taking up a job where its records leave it. */
import type { RecordId } from '../ids.ts'
import { writeOffMs } from '../limits.ts'
import type { Desk } from './desk.ts'
import { closeLease, pointless, releaseShards } from './endings.ts'
import { countUnseen, takeReceipt } from './intake.ts'
import { restoreVerdict } from './judge.ts'
import { openLease } from './leasing.ts'

/** False when the job has ended, and there is nothing to take up. */
export function takeUp(desk: Desk, nowMs: number, unreachable: ReadonlySet<RecordId>): boolean {
  const { state } = desk
  const { self } = desk.options
  for (const { record } of state.all()) desk.issuer.learn(record)
  const drawn = state.inTurn('draw').findLast(({ record }) => record.signer === self)?.record.id
  const candidates = drawn && state.candidatesOf(drawn)
  if (drawn !== undefined && candidates !== undefined) desk.draws.restoreBasis(drawn, candidates)
  for (const { record } of state.inTurn('lease'))
    if (state.counts(record.id)) openLease(desk, record, nowMs, true)
  for (const { record } of state.inTurn('window'))
    if (record.signer === self) desk.windows?.close(record.id, record.payload)
  // Verdicts before receipts, so that only what is still open is looked at.
  for (const position of state.verdicts.positions()) restoreVerdict(desk, position, unreachable, nowMs)
  for (const { record, opening } of state.inTurn('receipt')) {
    const lease = desk.leases.get(record.payload.lease)
    if (lease !== undefined) takeReceipt(desk, lease, record, opening, null, nowMs)
  }
  desk.end = state.end()?.payload
  const { wanted, settled } = desk.returns.outstanding()
  for (const claim of settled) countUnseen(desk, claim)
  suspend(desk, nowMs)
  // The requests that the records gave rise to are made here, once, where they still matter; the other messages went
  // out already.
  desk.effects = []
  if (desk.end !== undefined) return false
  if (wanted.length > 0) desk.effects.push({ type: 'collect', wanted })
  return true
}

/**
 * Takes over what another steward on this node knew until now of leases under way, and of vehicles. The records do not say when a
 * vehicle was last heard of: by them alone, no lease would lapse of a job whose records change again and again.
 */
export function takeFrom(desk: Desk, before: Desk): void {
  desk.patience.follow(before.patience)
  desk.returns.follow(before.returns)
  for (const state of [...desk.leases.active()]) {
    const known = before.leases.get(state.lease.id)
    if (known?.state === 'closed') {
      desk.leases.close(state, known.expectedUntilMs) // its vehicle was told
      releaseShards(desk, state)
    } else if (known !== undefined) {
      const { startedMs, aliveUntilMs, done, restored } = known
      desk.leases.progress(state, done)
      Object.assign(state, { state: known.state, startedMs, aliveUntilMs, done, restored })
    }
  }
}

/** Leases under way are heard of again, or lapse soon. */
function suspend(desk: Desk, nowMs: number): void {
  for (const state of [...desk.leases.active()]) {
    const { vehicle } = state.lease.payload
    if (desk.end !== undefined || pointless(desk, state)) {
      closeLease(desk, state, nowMs + writeOffMs)
      continue
    }
    if (state.lease.signer === desk.options.self) desk.leases.renew(state, nowMs)
    desk.leases.suspend(vehicle, nowMs)
    desk.patience.left(vehicle)
  }
}
