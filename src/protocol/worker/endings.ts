/** How leases end: withdrawn, their job over, their vehicle needed, or done. */
import type { JobId, LeaseId, PeerId } from '../ids.ts'
import type { ReleaseReason } from '../message.ts'
import { type Desk, stoppedRetryMs } from './desk.ts'
import type { Held } from './held.ts'

export function withdraw(desk: Desk, lease: LeaseId, from: PeerId, nowMs: number): void {
  const held = desk.bench.get(lease)
  if (held === undefined || held.steward !== from) return
  desk.bench.abort(held)
  handIn(desk, held, 'withdrawn', nowMs)
}

/** Only a job's stewards can say that it is over. A job that is over stays so: its leases are not run again. */
export function endJob(desk: Desk, job: JobId, from: PeerId): void {
  const { jobs, bench, receipts, effects } = desk
  if (!jobs.isUnderWay(job) || !jobs.stewardsOf(job).includes(from)) return
  jobs.end(job)
  for (const held of bench.ofJob(job)) {
    bench.abort(held)
    drop(desk, held, 'withdrawn')
  }
  receipts.forget(job)
  effects.push({ type: 'forget', job, ...jobs.pastOf(job) })
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

/** Commits to finished shards, gives back the rest, and drops the lease. */
export function handIn(desk: Desk, held: Held, released: ReleaseReason | null, nowMs: number): void {
  // This comes first: the messages below are about a lease that a restart would not bring back.
  drop(desk, held, released)
  if (held.done.length > 0) desk.receipts.commit(held, released, nowMs)
  else if (released === 'withdrawn') desk.decline(held, held.steward, 'busy', 0)
  else if (released !== null) desk.decline(held, held.steward, released, stoppedRetryMs)
  if (released !== null) desk.totals.leasesReleased += 1
}

export function drop(desk: Desk, held: Held, reason: ReleaseReason | null): void {
  const { lease, manifest } = held
  desk.bench.remove(held)
  if (held.receipts === 0 && held.done.length === 0) desk.jobs.promise(lease, -1)
  desk.jobs.close(lease)
  desk.effects.push({ type: 'release', job: manifest.id, lease: lease.id, reason })
}
