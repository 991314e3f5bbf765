/** Records that come from others, and receipts that come while somebody else acts. */

import type { PeerId, RecordId } from '../ids.ts'
import { type DrawRecord, isAbroad } from '../job/draw.ts'
import type { Verified } from '../record/record.ts'
import type { JobRecordKind, Opened } from '../records.ts'
import { signerListsAbroadMax } from '../sizes.ts'
import { isExcess, type Refusal } from '../state/admission.ts'
import { heedCancellation } from './cancelling.ts'
import { mayEnd } from './ending.ts'
import { followCounted } from './judging.ts'
import { heedHandovers } from './replacement.ts'
import { hasEnded, type Seat, shareWithAll } from './seat.ts'
import { isOutOfTurn, shutsOut } from './shut-out.ts'
import { standDown, tellSteward } from './turn.ts'

/** Records that make others give way are taken at most so often, since each has all records folded anew … */
const givingWayMsMin = 250
/** … and less often in a large job: after so long for each of its records. Folding one takes some 20 µs. */
const givingWayMsPerRecord = 0.2

/** Takes a record that somebody sent along, and what follows from it. */
export function receiveRecord(seat: Seat, entry: Opened<JobRecordKind>, from: PeerId, nowMs: number): void {
  if (entry.kind === 'receipt' && seat.steward !== undefined) {
    if (seat.records.has(entry.record.id)) return
    tellSteward(seat, { type: 'receipt', receipt: entry, released: null }, nowMs)
    if (seat.records.has(entry.record.id)) return
  }
  if (!takeIn(seat, entry, nowMs)) return
  seat.issuer.learn(entry.record)
  seat.effects.push({ type: 'copy', record: entry })
  discardDropped(seat)
  seat.progress.learn(entry, nowMs)
  if (entry.kind === 'handover') heedHandovers(seat, nowMs)
  if (entry.kind === 'draw') {
    judgeLists(seat, nowMs)
    checkCensus(seat, entry.record, from)
  }
  if (entry.kind === 'lease' && isOutOfTurn(seat, entry.record, nowMs)) shutOut(seat, entry.record.id)
  if (entry.kind === 'allowance') tellSteward(seat, { type: 'allowance', allowance: entry }, nowMs)
  if (seat.steward !== undefined && concernsWork(seat, entry)) seat.stale = true
  if (entry.kind === 'end' || entry.kind === 'cancellation') seat.records.decisions.review(nowMs)
  followCounted(seat, nowMs, from)
  if (entry.kind === 'cancellation') heedCancellation(seat, entry, nowMs)
  if (entry.kind === 'holding') tellSteward(seat, { type: 'safe', safe: mayEnd(seat, nowMs) }, nowMs)
}

/** The steward that acts begins anew for work that counts here, and not for what anybody may sign. */
function concernsWork({ records }: Seat, { kind, record }: Opened<JobRecordKind>): boolean {
  if (kind === 'lease') return records.counts(record.id)
  return kind === 'receipt' && records.counts(record.payload.lease)
}

/** Has a list from abroad looked at, which another steward signed: so many of each, since each costs hundreds of signatures. */
export function checkCensus(
  { options, effects, listsAbroad }: Seat,
  { id: list, signer, payload }: Verified<DrawRecord>,
  from: PeerId,
): void {
  if (signer === options.self || !isAbroad(payload)) return
  const count = (listsAbroad.get(signer) ?? 0) + 1
  if (count > signerListsAbroadMax) return
  listsAbroad.set(signer, count)
  effects.push({ type: 'check-census', list, draw: payload, from })
}

/** Judges the lists of candidates that are known since the last time: a record may have come that others rest on. */
function judgeLists(seat: Seat, nowMs: number): void {
  const { records } = seat
  for (const id of records.takeListed()) {
    const entry = records.get(id)
    const list = records.candidatesOf(id)
    if (entry !== undefined && list !== undefined && shutsOut(seat, entry.record.signer, list, nowMs))
      shutOut(seat, id)
  }
}

/** It never counts on this node, not after a restart either. */
function shutOut(seat: Seat, record: RecordId): void {
  seat.records.shutOut(record)
  seat.effects.push({ type: 'shut-out', record })
}

/** One for which others have to give way waits where that was so just now: it comes again with the next comparison. */
function takeIn(seat: Seat, entry: Opened<JobRecordKind>, nowMs: number): boolean {
  const { records } = seat
  const refusal = records.judge(entry)
  if (refusal === 'gives-way') {
    if (nowMs < seat.noWayUntilMs) return false
    seat.noWayUntilMs = nowMs + Math.max(givingWayMsMin, givingWayMsPerRecord * records.size)
    return records.admitFirst(entry)
  }
  if (refusal === undefined) records.add(entry)
  else if (isExcess(refusal)) sayRefused(seat, entry.record.signer, refusal)
  return refusal === undefined
}

/** Names whoever signs more than it may, once. */
function sayRefused(seat: Seat, signer: PeerId, why: Refusal): void {
  if (seat.blamed.has(signer)) return
  seat.blamed.add(signer)
  seat.effects.push({ type: 'refused', signer, why })
}

/** Records that gave way to others are not kept; the steward that acts begins anew without them. */
export function discardDropped(seat: Seat): void {
  const records = seat.records.takeDropped()
  if (records.length === 0) return
  seat.effects.push({ type: 'discard', records, serial: seat.issuer.serial })
  seat.results.forget(records)
  if (seat.steward === undefined) return
  // The handover that made it a steward may be among them: from then on nothing that it signs belongs to the job.
  if (seat.records.isSteward(seat.options.self)) seat.stale = true
  else standDown(seat)
}

/** A vehicle that found nobody else repeats its receipt here. */
export function takeReceiptAside(seat: Seat, entry: Opened<'receipt'>): void {
  const { record } = entry
  if (hasEnded(seat)) {
    seat.effects.push({ type: 'tell-end', to: record.signer })
    return
  }
  const known = seat.records.has(record.id)
  if (!known && !seat.records.admit(entry)) return
  if (!known) seat.effects.push({ type: 'keep', receipt: entry })
  const message = { type: 'acknowledge', receipt: record.id } as const
  seat.effects.push({ type: 'send', to: record.signer, message })
  shareWithAll(seat, entry)
}
