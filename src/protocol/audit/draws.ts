/**
 * Checks that each lease went to the vehicle that its steward's seed draws. A steward that died cannot reveal its
 * seed.
 */
import { equals } from 'uint8arrays'
import type { PeerId } from '../ids.ts'
import { drawVehicle, hasBit } from '../job/draw.ts'
import type { Lease } from '../job/lease.ts'
import type { Sha256 } from '../record/block.ts'
import type { Verified } from '../record/record.ts'
import type { Problems } from './problems.ts'
import type { AuditedRecords } from './records.ts'

/** Returns the stewards whose draws nobody can repeat. */
export function checkDraws(records: AuditedRecords, sha256: Sha256, problems: Problems): Set<PeerId> {
  const unrevealed = new Set<PeerId>()
  if (records.ends.length === 0) {
    problems.blame('the job has no end, so its draws cannot be repeated')
    return unrevealed
  }
  checkSeeds(records, sha256, problems)
  const used = new Set<string>()
  for (const lease of records.leases.values()) {
    const { index } = lease.payload.draw
    const key = `${lease.signer}/${index}`
    if (used.has(key)) problems.blame(`draw ${index} of ${lease.signer} was used for two leases`)
    used.add(key)
    const seed = records.seeds.get(lease.signer)
    if (seed === undefined) unrevealed.add(lease.signer)
    else checkDraw(lease, seed, records, sha256, problems)
  }
  return unrevealed
}

function checkSeeds({ seeds, succession }: AuditedRecords, sha256: Sha256, problems: Problems): void {
  const takers = succession.handovers.map(({ payload }) => payload.taker)
  const places = [...succession.stewards, ...takers]
  for (const [peer, seed] of seeds) {
    const { drawCommitment } = places.find((place) => place.peer === peer)! // nobody else's seed is taken (records.ts)
    if (!equals(drawCommitment, sha256(seed)))
      problems.blame(`the seed of ${peer} is not the one that it committed to`)
  }
}

function checkDraw(
  { id, payload: { draw, vehicle, owner } }: Verified<Lease>,
  seed: Uint8Array,
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
    ? basis.candidates[drawVehicle(sha256, seed, draw.index, basis, draw.eligible)]
    : undefined
  if (drawn?.peer !== vehicle || drawn.owner !== owner)
    problems.blame(`lease ${id} went to ${vehicle}, whom the seed does not draw`)
}
