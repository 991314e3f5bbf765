/**
 * The objections of a vehicle to a lease that it is offered. They are decided from facts alone, so that each can be
 * read off.
 */
import type { PeerId } from '../ids.ts'
import { excessOf, outlastsAll } from '../job/demands.ts'
import type { Succession } from '../job/handover.ts'
import { type Lease, worthOf } from '../job/lease.ts'
import type { Manifest } from '../job/manifest.ts'
import { leasesPerSlot, queuedLeasesPerSlotMax } from '../limits.ts'
import type { DeclineReason } from '../message.ts'
import { type Ask, isLikePriced, worksForNothing } from '../price.ts'
import type { WorkerInput, WorkerOptions } from './contract.ts'
import type { Condition, Desk } from './desk.ts'
import type { Held } from './held.ts'
import { isSteward } from './known-jobs.ts'
import { turnMsMax } from './turns.ts'

type Offer = Extract<WorkerInput, { type: 'offer' }>

/** The strictest first; undefined: it takes the lease. */
export function objectionTo(
  { from, lease, manifest }: Offer,
  succession: Succession,
  { bench, jobs, condition }: Pick<Desk, 'bench' | 'jobs' | 'condition'>,
  { self, engines, slots, categories, takesOptions, lacksRoomFor }: WorkerOptions,
  nowMs: number,
): DeclineReason | undefined {
  const held = bench.all()
  if (condition.mode === 'stop') return 'stopped'
  if (condition.mode === 'drain') return 'draining'
  if (!condition.hasRoom) return 'no-space'
  if (!isSteward(from, succession) || !isSteward(lease.signer, succession)) return 'not-a-steward'
  if (lease.steward !== lease.signer) return 'not-a-steward'
  if (lease.job !== manifest.id || lease.payload.vehicle !== self) return 'not-a-steward'
  const { positions, shards, units } = lease.payload
  const { payment } = manifest.payload
  if (positions.length !== shards.length || units.length !== shards.length) return 'wrong-blocks'
  if (isSteward(self, succession)) return 'own-job'
  if (manifest.payload.deadlineMs <= nowMs || lease.expiresMs <= nowMs) return 'expired'
  if (outlastsAll(manifest.payload, nowMs)) return 'deadline'
  if (excessOf(manifest.payload) !== undefined) return 'too-large'
  const engine = engines.find(
    (e) => e.runtime === manifest.payload.runtime && e.id === manifest.payload.engine.id,
  )
  if (engine === undefined || engine.isa !== lease.payload.isa) return 'no-such-engine'
  const ask = condition.asks.get(engine.id) ?? engine.ask
  if (takesOptions?.(manifest.payload) === false) return 'options'
  if (categories?.includes(manifest.payload.category) === false) return 'category'
  if (!isWorthIt(manifest.payload, lease.payload, ask, condition.operatorPpm)) return 'price'
  // What it has of the job already, and this, is no more than the whole budget can ever pay.
  const promisedMicros = jobs.promisedIn(manifest.id)
  if (payment !== null && promisedMicros + worthOf(lease.payload) > payment.budgetMicros) return 'price'
  if (isFull(held, manifest.signer, slots)) return 'busy'
  if (!fitsInTime(manifest.signer, lease.payload.costMs, held, condition, slots, nowMs)) return 'leaving'
  return lacksRoomFor?.(manifest.payload) ?? undefined
}

/** Tells whether the slots are full, counting all leases or this submitter's. */
function isFull(held: readonly Held[], submitter: PeerId, slots: number): boolean {
  const ofSubmitter = held.filter(({ manifest }) => manifest.signer === submitter)
  return held.length >= slots * queuedLeasesPerSlotMax || ofSubmitter.length >= slots * leasesPerSlot
}

/**
 * Would it be done, with all that waits already, while the vehicle is probably there? Slots are shared fairly: what another submitter has here
 * delays it by no more than this submitter's own work, and by a turn. Else one lease that is to cost hours, by its submitter's word, has the
 * vehicle decline everybody.
 */
function fitsInTime(
  submitter: PeerId,
  costMs: number,
  held: readonly Held[],
  { availableUntilMs, paces }: Condition,
  slots: number,
  nowMs: number,
): boolean {
  if (availableUntilMs === null) return true
  const leaseMs = costMs * paces.of(submitter)
  const queuedMs = new Map([[submitter, leaseMs]])
  for (const { lease, manifest, finished } of held) {
    const left = 1 - finished.size / lease.payload.shards.length
    const leftMs = lease.payload.costMs * left * paces.of(manifest.signer)
    queuedMs.set(manifest.signer, (queuedMs.get(manifest.signer) ?? 0) + leftMs)
  }
  const ownMs = queuedMs.get(submitter)!
  let beforeMs = 0
  for (const ms of queuedMs.values()) beforeMs += Math.min(ms, ownMs + turnMsMax)
  return nowMs + Math.max(leaseMs, beforeMs / slots) <= availableUntilMs
}

/** Tells whether the lease promises as much as the owner asks, or more, and the job's manifest backs it. */
function isWorthIt({ payment }: Manifest, { price }: Lease, ask: Ask | null, operatorPpm: number): boolean {
  if (price === null) return worksForNothing(ask)
  const isBacked =
    payment !== null &&
    isLikePriced(price, payment) &&
    price.unitMicros <= payment.unitMicrosMax &&
    price.operatorPpm <= operatorPpm
  if (!isBacked || worksForNothing(ask)) return isBacked
  return isLikePriced(price, ask!) && price.unitMicros >= ask!.unitMicros
}
