/** Records that come from others, and receipts that come while somebody else acts. */

import type { PeerId } from '../ids.ts'
import type { JobEnd } from '../job/verdict.ts'
import type { JobRecordKind, Opened } from '../records.ts'
import { fetchResultsOf } from './holding.ts'
import { heedHandovers } from './replacement.ts'
import { hasEnded, isSafe, issue, type Seat, shareWithAll } from './seat.ts'
import { standDown, tellSteward } from './turn.ts'

/** Takes a record that somebody sent along, and what follows from it. */
export function receiveRecord(seat: Seat, entry: Opened<JobRecordKind>, from: PeerId, nowMs: number): void {
  if (entry.kind === 'receipt' && seat.steward !== undefined) {
    if (seat.records.has(entry.record.id)) return
    tellSteward(seat, { type: 'receipt', receipt: entry, released: null }, nowMs)
    if (seat.records.has(entry.record.id)) return
  }
  const wasEnded = hasEnded(seat)
  if (!seat.records.admit(entry)) return
  seat.issuer.learn(entry.record)
  seat.effects.push({ type: 'copy', record: entry })
  if (entry.kind === 'handover') {
    discardDropped(seat)
    heedHandovers(seat, nowMs)
  }
  if (entry.kind === 'allowance') tellSteward(seat, { type: 'allowance', allowance: entry }, nowMs)
  if (seat.steward !== undefined && ['lease', 'verdict', 'receipt', 'end'].includes(entry.kind))
    seat.stale = true
  if (entry.kind === 'verdict') {
    seat.results.learn(entry.record)
    fetchResultsOf(seat, entry.record, from)
  }
  if (entry.kind === 'end' && !wasEnded) learnEnd(seat)
  if (entry.kind === 'holding') tellSteward(seat, { type: 'safe', safe: isSafe(seat, nowMs) }, nowMs)
}

/** Records that gave way to others are not kept; the steward that acts begins anew without them. */
export function discardDropped(seat: Seat): void {
  const records = seat.records.takeDropped()
  if (records.length === 0) return
  seat.effects.push({ type: 'discard', records })
  seat.results.forget(records)
  if (seat.steward !== undefined) seat.stale = true
}

/** Without the inputs there is nothing else to decide. */
export function cancelUndecided(seat: Seat): void {
  const secret = seat.options.drawSecret
  const end: JobEnd = { outcome: 'cancelled', reason: 'cancelled by its submitter', secret }
  issue(seat, 'end', end)
  seat.effects.push({ type: 'ended', end })
}

function learnEnd(seat: Seat): void {
  const end = seat.records.end()!
  if (seat.steward !== undefined) standDown(seat)
  seat.effects.push({ type: 'ended', end: end.payload })
}

/** A vehicle that found nobody else repeats its receipt here. */
export function takeReceiptAside(seat: Seat, entry: Opened<'receipt'>): void {
  const { record } = entry
  if (hasEnded(seat)) {
    const message = { type: 'ended', job: seat.options.job } as const
    seat.effects.push({ type: 'send', to: record.signer, message })
    return
  }
  const known = seat.records.has(record.id)
  // Each covers at least one more shard of the lease, but for one that contradicts another.
  if (!known && seat.records.hasEnoughReceipts(record.payload.lease)) return
  if (!known && !seat.records.admit(entry)) return
  if (!known) seat.effects.push({ type: 'keep', receipt: entry })
  const message = { type: 'acknowledge', receipt: record.id } as const
  seat.effects.push({ type: 'send', to: record.signer, message })
  shareWithAll(seat, entry)
}
