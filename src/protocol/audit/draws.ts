/**
 * Checks that each lease went to the vehicle that the job's secret of draws draws, and that the submitter's node left out no draw
 * of its own: it numbers them from 0, and had all of them when it ended the job.
 *
 * How other stewards number theirs says nothing: one that lies numbers only the leases that it shows, and may show one more when the
 * job has long ended, so that an honest report would have gaps. The secret alone decides who is drawn. A steward that was lost
 * may have taken the candidates of a draw with it, which then cannot be repeated: nothing may rest on that.
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
  const used = new Set<number>()
  for (const lease of records.leases.values()) {
    const { signer, payload } = lease
    const { basis, index } = payload.draw
    if (signer === submitter && used.has(index))
      problems.blame(`draw ${index} of ${signer} was used for two leases`)
    if (signer === submitter) used.add(index)
    if (!records.bases.has(basis) && !records.enders.has(signer)) undrawn.add(signer)
    else if (records.drawSecret !== undefined) checkDraw(lease, records.drawSecret, records, sha256, problems)
  }
  const missing = [...used.keys()].findIndex((_, i) => !used.has(i))
  if (missing >= 0 && records.enders.has(submitter))
    problems.blame(`draw ${missing} of ${submitter} is not in the report, and later ones are`)
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
  const basis = bases.of(draw.basis)
  if (basis === 'missing' || basis === 'wrong') {
    const why = basis === 'missing' ? 'are not in the report' : 'its records do not give'
    problems.blame(`lease ${id} was drawn from candidates that ${why}`)
    return
  }
  const some = basis.candidates.some((_, i) => hasBit(draw.eligible, i))
  const drawn = some
    ? basis.candidates[drawVehicle(sha256, secret, positions[0]!, basis, draw.eligible)]
    : undefined
  if (drawn?.peer !== vehicle || drawn.owner !== owner)
    problems.blame(`lease ${id} went to ${vehicle}, whom the secret does not draw`)
}
