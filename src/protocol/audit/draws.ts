/**
 * Checks that each lease went to the vehicle that the job's secret of draws draws, and that no steward left out a draw of
 * its own: each numbers its draws from 0.
 *
 * A steward that was lost may have taken some of its records with it, while its vehicles hand the leases that they got to
 * its successor. So its draws may have gaps, and one whose candidates are missing cannot be repeated: nothing may rest on
 * that. A steward that ended the job had all its records then. What others than the submitter's number without ending the
 * job, or after they did, says nothing: the secret alone decides who is drawn.
 */
import type { PeerId } from '../ids.ts'
import { drawVehicle, hasBit } from '../job/draw.ts'
import type { Lease } from '../job/lease.ts'
import type { Sha256 } from '../record/block.ts'
import type { Verified } from '../record/record.ts'
import type { Problems } from './problems.ts'
import type { AuditedRecords } from './records.ts'

/** Returns the stewards some of whose draws nobody can repeat, since their candidates were lost with them. */
export function checkDraws(
  records: AuditedRecords,
  submitter: PeerId,
  sha256: Sha256,
  problems: Problems,
): Set<PeerId> {
  const undrawn = new Set<PeerId>()
  if (records.ends.length === 0) problems.blame('the job has no end, so its draws cannot be repeated')
  const used = new Map<PeerId, Set<number>>()
  const number = ({ signer, serial, payload: { draw } }: Verified<Lease>) => {
    if (signer !== submitter && serial >= (records.enders.get(signer) ?? 0)) return
    const indices = used.get(signer) ?? new Set()
    if (indices.has(draw.index)) problems.blame(`draw ${draw.index} of ${signer} was used for two leases`)
    used.set(signer, indices.add(draw.index))
  }
  for (const lease of records.drawn) number(lease)
  for (const lease of records.leases.values()) {
    number(lease)
    if (!records.bases.has(lease.payload.draw.basis) && !records.enders.has(lease.signer))
      undrawn.add(lease.signer)
    else if (records.drawSecret !== undefined) checkDraw(lease, records.drawSecret, records, sha256, problems)
  }
  for (const [signer, indices] of used) {
    if (!records.enders.has(signer)) continue
    const missing = [...indices.keys()].findIndex((_, i) => !indices.has(i))
    if (missing >= 0) problems.blame(`draw ${missing} of ${signer} is not in the report, and later ones are`)
  }
  if (undrawn.size > 0) checkRest(records, problems)
  return undrawn
}

function checkRest({ bases, claims, decisions }: AuditedRecords, problems: Problems): void {
  for (const { verdict } of decisions)
    for (const receipt of verdict.agreeing) {
      const lease = claims.get(receipt)?.lease
      if (lease !== undefined && !bases.has(lease.payload.draw.basis))
        problems.blame(
          `the verdict on shard ${verdict.position} rests on lease ${lease.id}, whose candidates are not in the report`,
        )
    }
}

function checkDraw(
  { id, payload: { draw, vehicle, owner, positions } }: Verified<Lease>,
  secret: Uint8Array,
  { bases }: AuditedRecords,
  sha256: Sha256,
  problems: Problems,
): void {
  const basis = bases.get(draw.basis)
  if (basis === undefined) {
    problems.blame(`lease ${id} was drawn from candidates that are not in the report`)
    return
  }
  const some = basis.candidates.some((_, i) => hasBit(draw.eligible, i))
  const drawn = some
    ? basis.candidates[drawVehicle(sha256, secret, positions[0]!, basis, draw.eligible)]
    : undefined
  if (drawn?.peer !== vehicle || drawn.owner !== owner)
    problems.blame(`lease ${id} went to ${vehicle}, whom the secret does not draw`)
}
