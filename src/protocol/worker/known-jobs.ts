/**
 * A vehicle's memory of the jobs that it works or worked for: their stewards, and the leases that are over.
 *
 * A lease that is over is never run again, and a lease can come again: its steward repeats an offer, or another steward
 * takes the job over. Names are remembered up to a bound. Beyond it serials do: those of one signer rise, so whatever
 * is not above the highest that was forgotten is over, or was passed by and may as well be declined. Jobs are forgotten, too,
 * at a bound and when they end: then whoever keeps the vehicle's records says what is past (contract.ts, `isPast`).
 */

import { BoundedMap } from '../../base/bounded-map.ts'
import type { JobId, LeaseId, PeerId } from '../ids.ts'
import { type Handover, type Succession, successionOf } from '../job/handover.ts'
import { type Lease, worthOf } from '../job/lease.ts'
import type { Manifest } from '../job/manifest.ts'
import { overLeasesMax, rememberedJobsMax } from '../limits.ts'
import type { Verified } from '../record/record.ts'

interface KnownJob {
  succession: Succession
  /** A steward said that it is over, and nobody has offered a lease of it since. */
  ended: boolean
  readonly deadlineMs: number
  /** For the leases of it that this vehicle has, or has worked on. */
  promisedMicros: number
  readonly over: BoundedMap<LeaseId, { readonly signer: PeerId; readonly serial: number }>
  /** The highest serial of a lease that is over and forgotten, by its signer. */
  readonly forgotten: Map<PeerId, number>
}

export class KnownJobs {
  readonly #jobs = new BoundedMap<JobId, KnownJob>(rememberedJobsMax)

  remember(manifest: Verified<Manifest>, handovers: readonly Verified<Handover>[]): void {
    const { id, payload } = manifest
    const succession = this.successionOf(manifest, handovers)
    const known = this.#jobs.peek(id) ?? newlyKnown()
    this.#jobs.set(id, { ...known, succession, ended: false, deadlineMs: payload.deadlineMs })
  }

  /** Uses the handovers known here and those handed in: a steward shows only its own path. */
  successionOf({ id, payload }: Verified<Manifest>, handovers: readonly Verified<Handover>[]): Succession {
    return successionOf(id, payload, [...(this.#jobs.peek(id)?.succession.handovers ?? []), ...handovers])
  }

  /** In the order in which they act. */
  stewardsOf(job: JobId): readonly PeerId[] {
    return this.#jobs.peek(job)?.succession.stewards.map(({ peer }) => peer) ?? []
  }

  isUnderWay(job: JobId): boolean {
    return this.#jobs.peek(job)?.ended === false
  }

  end(job: JobId): void {
    const known = this.#jobs.peek(job)
    if (known !== undefined) known.ended = true
  }

  /** The highest serials of the job's leases that are over, by their signers, and how long that matters. */
  pastOf(job: JobId): { readonly past: ReadonlyMap<PeerId, number>; readonly untilMs: number } {
    const known = this.#jobs.peek(job)
    const past = new Map(known?.forgotten)
    for (const { signer, serial } of known?.over.values() ?? [])
      past.set(signer, Math.max(serial, past.get(signer) ?? 0))
    return { past, untilMs: known?.deadlineMs ?? 0 }
  }

  promisedIn(job: JobId): number {
    return this.#jobs.peek(job)?.promisedMicros ?? 0
  }

  /** `times`: 1 for a lease that was taken, -1 for one of which nothing was done. */
  promise({ job, payload }: Verified<Lease>, times: 1 | -1): void {
    const known = job === null ? undefined : this.#jobs.peek(job)
    if (known !== undefined) known.promisedMicros += times * worthOf(payload)
  }

  close({ id, job, signer, serial }: Verified<Lease>): void {
    const known = job === null ? undefined : this.#jobs.peek(job)
    if (known === undefined) return
    known.over.set(id, { signer, serial })
  }

  isOver({ id, job, signer, serial }: Verified<Lease>): boolean {
    const known = job === null ? undefined : this.#jobs.peek(job)
    return known !== undefined && (known.over.has(id) || serial <= (known.forgotten.get(signer) ?? -1))
  }
}

function newlyKnown(): Pick<KnownJob, 'over' | 'forgotten' | 'promisedMicros'> {
  const forgotten = new Map<PeerId, number>()
  const over: KnownJob['over'] = new BoundedMap(overLeasesMax, (_, { signer, serial }) => {
    forgotten.set(signer, Math.max(serial, forgotten.get(signer) ?? 0))
  })
  return { over, forgotten, promisedMicros: 0 }
}

export function isSteward(peer: PeerId, { stewards }: Succession): boolean {
  return stewards.some((steward) => steward.peer === peer)
}
