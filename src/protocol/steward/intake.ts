/** The intake: takes in what vehicles say of their leases and bring of their work, until a claim counts. */

import { Places } from '../../base/places.ts'
import type { LeaseId, PeerId } from '../ids.ts'
import { type Opening, type Receipt, unitsClaimed, unitsOwed } from '../job/lease.ts'
import { offerTtlMs, reconnectGraceMs } from '../limits.ts'
import type { ReleaseReason } from '../message.ts'
import type { Verified } from '../record/record.ts'
import type { Checked, Opened } from '../records.ts'
import { countsTruly } from '../verification/counted-units.ts'
import type { Finding } from '../verification/examination.ts'
import type { Examined, StewardInput, Wanted } from './contract.ts'
import type { Desk } from './desk.ts'
import {
  closeLease,
  contradictOwner,
  giveUp,
  pointless,
  sayWithdrawn,
  speaksAgainstShard,
} from './endings.ts'
import type { LeaseState } from './lease-book.ts'
import type { Return } from './returns.ts'

/** The vehicle was heard of: its lease lives. Undefined when it is not its lease. */
export function heardOf(desk: Desk, id: LeaseId, from: PeerId, nowMs: number): LeaseState | undefined {
  const state = desk.leases.get(id)
  if (state === undefined || state.lease.payload.vehicle !== from) return undefined
  if (state.state === 'closed' && pointless(desk, state)) sayWithdrawn(desk, state)
  desk.leases.renew(state, nowMs)
  state.restored = false
  return state
}

/** Takes how many shards of a lease are done. */
export function heardProgress(desk: Desk, id: LeaseId, from: PeerId, done: number, nowMs: number): void {
  const state = heardOf(desk, id, from, nowMs)
  if (state !== undefined) desk.leases.progress(state, done)
}

/** The vehicle gives the lease back, or never takes it. */
export function declined(
  desk: Desk,
  input: Extract<StewardInput, { type: 'declined' }>,
  nowMs: number,
): void {
  const state = desk.leases.get(input.lease)
  if (state === undefined || state.lease.payload.vehicle !== input.from || state.state === 'closed') return
  // A lease that the vehicle is done with since before this steward acted is no setback.
  if (!state.restored) desk.patience.setback(input.from, input.retryMs, nowMs)
  giveUp(desk, state, speaksAgainstShard(input.reason), nowMs)
  state.expectedUntilMs = nowMs // by its own word
}

/** The offer never arrived. */
export function undelivered(desk: Desk, id: LeaseId, nowMs: number): void {
  const state = desk.leases.get(id)
  if (state === undefined || state.state === 'closed') return
  desk.patience.setback(state.lease.payload.vehicle, offerTtlMs, nowMs)
  giveUp(desk, state, false, nowMs)
}

/**
 * Takes a receipt: keeps it, acknowledges it, and fetches the results that it claims. Throws ProtocolError when it
 * lies about its lease.
 */
export function receiveReceipt(
  desk: Desk,
  opened: Opened<'receipt'>,
  released: ReleaseReason | null,
  nowMs: number,
): boolean {
  const state = desk.leases.get(opened.record.payload.lease)
  if (state === undefined || !mayCount(desk, opened)) return false
  const shared: Checked<'receipt'> = desk.state.shared(opened)
  const { record: receipt, opening } = shared
  const isNews = takeReceipt(desk, state, receipt, opening, released, nowMs)
  // Acknowledged only once durable, so before anything that follows from it. A receipt that says nothing new is not
  // kept: a vehicle could sign the same for ever, and every steward of the job would store it.
  if (isNews) {
    desk.state.add(shared)
    desk.effects.unshift({ type: 'keep', receipt: opened })
  }
  const acknowledged = { type: 'acknowledge', receipt: receipt.id } as const
  desk.effects.splice(isNews ? 1 : 0, 0, { type: 'send', to: receipt.signer, message: acknowledged })
  return isNews
}

/** Tells whether a receipt may be counted. Throws ProtocolError when it lies about its lease. */
function mayCount(desk: Desk, receipt: Opened<'receipt'>): boolean {
  const refusal = desk.state.judge(receipt)
  return refusal === undefined || refusal === 'known'
}

/**
 * Takes a receipt, and tells whether it says something new, about a shard or about its vehicle, that no receipt of
 * the lease has said.
 */
export function takeReceipt(
  desk: Desk,
  state: LeaseState,
  receipt: Verified<Receipt>,
  opening: Opening,
  released: ReleaseReason | null,
  nowMs: number,
): boolean {
  // A lease of an earlier run has been under way for longer than anybody here knows.
  const tookMsMax = state.restored ? Number.POSITIVE_INFINITY : nowMs - state.startedMs
  desk.leases.renew(state, nowMs)
  let isNews = false
  let costMs = 0
  const wanted: Wanted[] = []
  receipt.payload.covers.forEach((place, i) => {
    const result = opening.results[i]!
    const before = state.covered.get(place)
    if (before !== undefined && before !== result && !state.equivocated) {
      state.equivocated = true
      isNews = true
      contradictOwner(desk, state.lease.payload.owner, nowMs)
      desk.effects.push({ type: 'lied', receipt: receipt.id, because: 'equivocation' })
    }
    if (before !== undefined) return
    const owed = unitsOwed(state.lease.payload, receipt.payload, place)
    state.covered.set(place, result)
    if (owed !== state.lease.payload.units[place]) state.fewer = new Map([...state.fewer, [place, owed]])
    isNews = true
    const shard = desk.board.states[state.lease.payload.positions[place]!]!
    // Written off: nobody would be paid for it, so it does not count, and nothing more comes of this lease.
    if (!desk.state.allowances.isOpen(state.lease.id, place, owed)) {
      desk.board.release(shard, state.lease.payload.owner, state.lease.id, false)
      return
    }
    costMs += shard.entry.costMs
    const units = unitsClaimed(receipt.payload, place)
    const claim = { shard, lease: state, receipt: receipt.id, result, units, sinceMs: nowMs }
    receiveClaim(desk, claim, wanted, nowMs)
  })
  // Its own word, and no more than the time since it took the lease.
  const wallMs = Math.min(receipt.payload.wallMs, Math.max(costMs, tookMsMax))
  desk.slowness.measure(state.lease.payload.owner, wallMs, costMs)
  if (wanted.length > 0) desk.effects.push({ type: 'collect', wanted })
  const isWhole = opening.results.length === state.lease.payload.positions.length
  if (isWhole && isNews) state.covered = Places.of(opening.results) // the receipt has them already
  if (state.covered.size === state.lease.payload.positions.length) closeLease(desk, state, nowMs)
  else if (released !== null && state.state !== 'closed') {
    // Its advert may not have come yet that says so.
    desk.patience.setback(receipt.signer, offerTtlMs, nowMs)
    giveUp(desk, state, speaksAgainstShard(released), nowMs)
  }
  if (released !== null) state.expectedUntilMs = nowMs
  return isNews
}

function receiveClaim(desk: Desk, claim: Return, wanted: Wanted[], nowMs: number): void {
  if (claim.shard.verdict !== undefined) {
    countUnseen(desk, claim)
    return
  }
  const finding = desk.returns.expect(claim, wanted)
  if (finding !== undefined) countClaim(desk, claim, finding, nowMs)
}

/** Takes the finding about a result: the claims of it count, or are lost if their vehicle is here and did not deliver it. */
export function takeExamined(desk: Desk, examined: Examined, nowMs: number): void {
  const { finding } = examined
  if (finding.state !== 'missing') {
    for (const claim of desk.returns.found(examined, finding)) countClaim(desk, claim, finding, nowMs)
    return
  }
  if (desk.patience.isAway(examined.from)) {
    const other = desk.returns.defer(examined, nowMs + reconnectGraceMs)
    if (other !== undefined) desk.effects.push({ type: 'collect', wanted: [other] })
  } else missed(desk, examined, nowMs)
}

/** Asks a vehicle that is back for what it did not deliver. */
export function collectAgain(desk: Desk, peer: PeerId): void {
  const wanted = desk.returns.returned(peer)
  if (wanted.length > 0) desk.effects.push({ type: 'collect', wanted })
}

/** Gives up the results whose vehicle was away when it was asked, and has not come back. */
export function giveUpOverdue(desk: Desk, nowMs: number): void {
  for (const want of desk.returns.overdue(nowMs)) missed(desk, want, nowMs)
}

function missed(desk: Desk, want: Wanted, nowMs: number): void {
  const { lost, next } = desk.returns.missed(want)
  // That speaks against the vehicle and not against the shard, which it claims to have finished.
  for (const { shard, lease, receipt } of lost) {
    desk.apart.get(shard.position)?.unseen.delete(receipt)
    desk.board.release(shard, lease.lease.payload.owner, lease.lease.id, false)
  }
  if (lost.length > 0) desk.patience.setback(want.from, 0, nowMs)
  if (next !== undefined) desk.effects.push({ type: 'collect', wanted: [next] })
}

function countClaim(desk: Desk, claim: Return, finding: Finding, nowMs: number): void {
  const { shard, lease } = claim
  const { vehicle: peer, owner } = lease.lease.payload
  const invalid = finding.state === 'invalid' || !countsTruly(shard.entry, claim.units, finding.units)
  const found = {
    text: invalid ? 'invalid' : finding.text,
    exhausted: !invalid && finding.exhausted,
    ...(invalid || finding.content === undefined ? {} : { content: finding.content }),
  }
  const { receipt, result } = claim
  desk.apart.get(shard.position)?.unseen.delete(receipt)
  desk.board.claim(shard, { peer, owner, receipt, result, lease: lease.lease, ...found }, lease.lease.id)
  if (invalid) contradictOwner(desk, owner, nowMs)
  else desk.patience.forgive(peer)
}

/** A claim about a settled shard changes nothing any more: nobody fetches its result. */
export function countUnseen(desk: Desk, { shard, lease, receipt, result }: Return): void {
  const { vehicle: peer, owner } = lease.lease.payload
  const claim = { peer, owner, receipt, result, lease: lease.lease, text: '', exhausted: false }
  desk.board.claim(shard, claim, lease.lease.id)
}

/** Takes back leases that nobody has heard of for too long. */
export function giveUpLapsed(desk: Desk, nowMs: number): void {
  for (const state of desk.leases.lapsed(nowMs)) {
    const isRunning = state.state === 'running'
    // No record says that a vehicle gave a lease back. This one may have ended before this steward began, and speaks against
    // nobody: else a restart would count every offer that was declined as a replica that the shard lost.
    const isOld = isRunning && state.restored
    if (!isOld) desk.patience.setback(state.lease.payload.vehicle, 0, nowMs)
    giveUp(desk, state, isRunning && !isOld, nowMs)
  }
}
