/**
 * Adoption: a steward says that it looks after a job from now on. It is shown the job's leases and receipts, and hears of them
 * beside their signer from then on.
 */
import type { PeerId } from '../ids.ts'
import type { WorkerInput } from './contract.ts'
import type { Desk } from './desk.ts'
import type { Held } from './held.ts'
import { isSteward } from './known-jobs.ts'

export function adopted(
  desk: Desk,
  { from, manifest, handovers }: Extract<WorkerInput, { type: 'adopt' }>,
): void {
  const { jobs, bench, receipts, effects } = desk
  const job = manifest.id
  if (!jobs.isUnderWay(job) || !isSteward(from, jobs.successionOf(manifest, handovers))) return
  jobs.remember(manifest, handovers)
  desk.adopt(manifest, from)
  effects.push({ type: 'follow', job, adopters: jobs.adoptersOf(job) })
  const held = bench.ofJob(job)
  const shown = receipts.ofJobNowDueTo(job, from)
  for (const lease of new Set([...held.map((one) => one.lease.id), ...shown.map(({ lease }) => lease)]))
    effects.push({ type: 'show', to: from, lease })
  for (const one of held) goOn(desk, one, from)
  for (const receipt of shown) receipts.deliver(receipt, from)
}

/** A steward that looks after the lease is there: a lease that waited for it may need blocks from it. */
export function goOn(desk: Desk, held: Held, steward: PeerId): void {
  desk.accept(held, steward)
  if (held.state !== 'restored') return
  held.state = 'preparing'
  desk.effects.push({ type: 'prepare', lease: held.lease.id })
}
