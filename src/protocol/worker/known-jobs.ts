/**
 * A vehicle's memory of the jobs that it works or worked for: their stewards, and the leases that are over.
 *
 * The guardians of a lease are its signer, for as long as the job lasts, and besides it the stewards that have said that they
 * look after the job. Each hears of the lease, so that a standby which only says so keeps nothing from the signer. Where
 * the signer has given its place to an heir, by a handover in which it calls itself the one that is lost, the heir is in its stead.
 *
 * A lease that is over is never run again, and a lease can come again: its steward repeats an offer, or another steward
 * takes the job over. Names are remembered up to a bound. Beyond it serials do: those of one signer rise, so whatever
 * is not above the highest that was forgotten is over, or was passed by and may as well be declined. Jobs are forgotten, too,
 * at a bound and when they end: then whoever keeps the vehicle's records says what is past (contract.ts, `isPast`).
 */

import { BoundedMap } from '../../base/bounded-map.ts'
import type { Sha256 } from '../../base/prng.ts'
import type { JobId, LeaseId, PeerId } from '../ids.ts'
import { type Handover, type Succession, successionOf } from '../job/handover.ts'
import { type Lease, worthOf } from '../job/lease.ts'
import type { Manifest } from '../job/manifest.ts'
import { overLeasesMax, rememberedJobsMax } from '../limits.ts'
import type { Verified } from '../record/record.ts'
import { adoptersMax } from '../sizes.ts'
import { type EndGround, holds, type ShownEnd } from './shown-end.ts'

interface KnownJob {
  succession: Succession
  /** The stewards that look after the job besides the signers of its leases, the first to say so first. */
  readonly adopters: Set<PeerId>
  /** Its end was shown, and nobody has offered a lease of it since. */
  ended: boolean
  readonly ground: EndGround
  /** For the leases of it that this vehicle has, and for what it has finished of others. */
  promisedMicros: number
  readonly over: BoundedMap<LeaseId, { readonly signer: PeerId; readonly serial: number }>
  /** The highest serial of a lease that is over and forgotten, by its signer. */
  readonly forgotten: Map<PeerId, number>
}

export class KnownJobs {
  readonly #jobs = new BoundedMap<JobId, KnownJob>(rememberedJobsMax)

  remember(manifest: Verified<Manifest>, handovers: readonly Verified<Handover>[]): void {
    const { id, payload, signer } = manifest
    const succession = this.successionOf(manifest, handovers)
    const known = this.#jobs.peek(id) ?? newlyKnown()
    this.#jobs.set(id, { ...known, succession, ended: false, ground: groundOf(payload, signer) })
  }

  /** Uses the handovers known here and those handed in: a steward shows only its own path. */
  successionOf({ id, payload }: Verified<Manifest>, handovers: readonly Verified<Handover>[]): Succession {
    return successionOf(id, payload, [...(this.#jobs.peek(id)?.succession.handovers ?? []), ...handovers])
  }

  /** In the order in which they act. */
  stewardsOf(job: JobId): readonly PeerId[] {
    return this.#jobs.peek(job)?.succession.stewards.map(({ peer }) => peer) ?? []
  }

  /**
   * A steward looks after the job from now on. Those of the manifest always find room. Beyond the bound the first of the others
   * gives way, and is returned.
   */
  adopt({ id, payload }: Pick<Verified<Manifest>, 'id' | 'payload'>, steward: PeerId): PeerId | undefined {
    const adopters = this.#jobs.peek(id)?.adopters
    if (adopters === undefined) return undefined
    adopters.add(steward)
    if (adopters.size <= adoptersMax) return undefined
    const givesWay = [...adopters].find((peer) => !payload.stewards.some((place) => place.peer === peer))!
    adopters.delete(givesWay)
    return givesWay
  }

  adoptersOf(job: JobId): readonly PeerId[] {
    return [...(this.#jobs.peek(job)?.adopters ?? [])]
  }

  /** Returns the steward that has the place of this one: itself, unless it has left and named an heir. */
  placeOf(job: JobId, steward: PeerId): PeerId {
    const heirs = new Map<PeerId, PeerId>()
    for (const { signer, payload } of this.#jobs.peek(job)?.succession.handovers ?? [])
      if (payload.lost === signer && !heirs.has(signer)) heirs.set(signer, payload.taker.peer)
    const passed = new Set<PeerId>()
    let place = steward
    for (let heir = heirs.get(place); heir !== undefined && !passed.has(heir); heir = heirs.get(place)) {
      passed.add(place)
      place = heir
    }
    return place
  }

  /** The stewards that are to hear of this signer's leases: the one in its place first. */
  guardiansOf(job: JobId, signer: PeerId): readonly PeerId[] {
    return [...new Set([this.placeOf(job, signer), ...this.adoptersOf(job)])]
  }

  /**
   * Tells whether the whole job is over by an end that this steward signed: it has the place of the job's first steward, or those of
   * the signers of all leases. `held`: the signers of those that are not over.
   */
  mayEnd(job: JobId, from: PeerId, held: readonly PeerId[]): boolean {
    const [first] = this.stewardsOf(job)
    if (first === undefined) return false
    if (this.placeOf(job, first) === from) return true
    const signers = [...held, ...this.pastOf(job).past.keys()]
    return signers.length > 0 && signers.every((signer) => this.placeOf(job, signer) === from)
  }

  /** Tells whether this may be an end of its job, which is known here. */
  holds(shown: ShownEnd, sha256: Sha256): boolean {
    const { job, signer } = shown.end
    const known = job === null ? undefined : this.#jobs.peek(job)
    const [first] = known?.succession.stewards ?? []
    if (job === null || known === undefined || first === undefined) return false
    return holds(shown, known.ground, this.placeOf(job, first.peer) === signer, sha256)
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
    return { past, untilMs: known?.ground.deadlineMs ?? 0 }
  }

  promisedIn(job: JobId): number {
    return this.#jobs.peek(job)?.promisedMicros ?? 0
  }

  /** The vehicle has taken the lease, or has worked on it before: on the shards at these places. */
  promise({ job, payload }: Verified<Lease>, places?: Iterable<number>): void {
    const known = job === null ? undefined : this.#jobs.peek(job)
    if (known !== undefined) known.promisedMicros += worthOf(payload, places)
  }

  /** The lease is over, and nobody owes anything for the shards that were not finished. */
  takeBack({ job, payload }: Verified<Lease>, finished: ReadonlySet<number>): void {
    const known = job === null ? undefined : this.#jobs.peek(job)
    if (known !== undefined) known.promisedMicros -= worthOf(payload) - worthOf(payload, finished)
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

/** Without the rest of a manifest, which may be long. */
function groundOf({ deadlineMs, drawCommitment }: Manifest, submitter: PeerId): EndGround {
  return { deadlineMs, drawCommitment, submitter }
}

function newlyKnown(): Pick<KnownJob, 'adopters' | 'over' | 'forgotten' | 'promisedMicros'> {
  const forgotten = new Map<PeerId, number>()
  const over: KnownJob['over'] = new BoundedMap(overLeasesMax, (_, { signer, serial }) => {
    forgotten.set(signer, Math.max(serial, forgotten.get(signer) ?? 0))
  })
  return { adopters: new Set(), over, forgotten, promisedMicros: 0 }
}

export function isSteward(peer: PeerId, { stewards }: Succession): boolean {
  return stewards.some((steward) => steward.peer === peer)
}
