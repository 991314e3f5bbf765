/** How leases end: withdrawn, their job over, their vehicle needed, or done. */
import type { Sha256 } from '../../base/prng.ts'
import type { LeaseId, PeerId } from '../ids.ts'
import { leasesPerSlot, queuedLeasesPerSlotMax } from '../limits.ts'
import type { ReleaseReason } from '../message.ts'
import { type Desk, preparingMsMax, stoppedRetryMs } from './desk.ts'
import type { Held } from './held.ts'
import type { ShownEnd } from './shown-end.ts'

/** A lease is its signer's to withdraw. Another steward that looks after it may do so while the signer is not connected. */
export function withdraw(desk: Desk, lease: LeaseId, from: PeerId, nowMs: number): void {
  const held = desk.bench.get(lease)
  if (held === undefined || !mayWithdraw(desk, held, from)) return
  desk.bench.abort(held)
  handIn(desk, held, 'withdrawn', nowMs)
}

function mayWithdraw({ jobs, connected }: Desk, { lease, manifest }: Held, from: PeerId): boolean {
  const signer = jobs.placeOf(manifest.id, lease.signer)
  return from === signer || (jobs.adoptersOf(manifest.id).includes(from) && !connected.has(signer))
}

/**
 * The end of a job is shown, by whoever. The one of the manifest's first steward is believed, and so is one that has signed all leases of
 * the job here: results and receipts go, and the leases are not run again. Any other ends its signer's leases alone, since that may be a
 * standby that has never acted. What this vehicle has for the others stays until it is shown an end of one of those, or else until the job's
 * deadline and retention are over (restoring after a restart).
 */
export function endJob(desk: Desk, shown: ShownEnd, sha256: Sha256, nowMs: number): void {
  const { jobs, bench, receipts, effects } = desk
  const { job, signer, payload } = shown.end
  if (job === null || !jobs.isUnderWay(job) || !jobs.holds(shown, sha256)) return
  const under = bench.ofJob(job)
  const signers = under.map(({ lease }) => lease.signer)
  if (!jobs.mayEnd(job, signer, signers)) {
    for (const held of under)
      if (jobs.placeOf(job, held.lease.signer) === signer) {
        bench.abort(held)
        handIn(desk, held, 'withdrawn', nowMs)
      }
    return
  }
  jobs.end(job)
  for (const held of under) {
    bench.abort(held)
    drop(desk, held, 'withdrawn')
  }
  receipts.forget(job)
  effects.push({ type: 'forget', job, end: payload, ...jobs.pastOf(job) })
}

/** The vehicle is needed now, or after the shards under way. */
export function standDown(desk: Desk, mode: 'stop' | 'drain', nowMs: number): void {
  const { bench } = desk
  // All processes stand still before the first word is said about it.
  if (mode === 'stop') for (const held of bench.all()) bench.abort(held)
  for (const held of bench.all()) {
    if (mode === 'stop') handIn(desk, held, 'stopped', nowMs)
    else if (held.slot === undefined) handIn(desk, held, 'draining', nowMs)
    else bench.drain(held)
  }
}

/**
 * Makes a place in a queue that is full: a lease whose blocks, or whose steward, have been waited for too long goes back. Else a few
 * leases of strangers whose blocks trickle keep everybody out until their deadline, without a moment of a slot. The submitter with the most
 * leases gives way first. False where the queue has room, where no lease waits so long, or where the newcomer has its share.
 */
export function makeRoom(desk: Desk, newcomer: PeerId, nowMs: number): boolean {
  const all = desk.bench.all()
  const leasesOf = (submitter: PeerId) => all.filter(({ manifest }) => manifest.signer === submitter).length
  const { slots } = desk.bench
  if (all.length < slots * queuedLeasesPerSlotMax || leasesOf(newcomer) >= slots * leasesPerSlot) return false
  const waiting = all.filter(
    ({ state, manifest, lastReceiptMs }) =>
      (state === 'preparing' || state === 'restored') &&
      manifest.signer !== newcomer &&
      nowMs - lastReceiptMs >= preparingMsMax,
  )
  const [first] = waiting.sort((a, b) => leasesOf(b.manifest.signer) - leasesOf(a.manifest.signer))
  if (first === undefined) return false
  handIn(desk, first, 'withdrawn', nowMs)
  return true
}

/** Commits to finished shards, gives back the rest, and drops the lease. */
export function handIn(desk: Desk, held: Held, released: ReleaseReason | null, nowMs: number): void {
  // This comes first: the messages below are about a lease that a restart would not bring back.
  drop(desk, held, released)
  if (held.done.length > 0) desk.receipts.commit(held, released, nowMs)
  else if (released === 'withdrawn') desk.giveBack(held, 'busy', 0)
  else if (released !== null) desk.giveBack(held, released, stoppedRetryMs)
  if (released !== null) desk.totals.leasesReleased += 1
}

export function drop(desk: Desk, held: Held, reason: ReleaseReason | null): void {
  const { lease, manifest } = held
  desk.bench.remove(held)
  desk.jobs.takeBack(lease, held.finished)
  desk.jobs.close(lease)
  desk.effects.push({ type: 'release', job: manifest.id, lease: lease.id, reason })
}
