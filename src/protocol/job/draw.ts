/**
 * The draw: which vehicle gets a lease.
 *
 * Uniform over owners first, then over that owner's vehicles. A draw that is uniform over vehicles lets an
 * owner buy voices with cars: three owners with 10 % of the vehicles each hold both of two replicas in 6.7 % of
 * all shards, against 0.06 % here (notes on reliability, §3). The seed is private while the job runs, since a
 * public draw tells a cartel where it holds every replica; its hash stands in the manifest and the seed in the
 * report, so that afterwards anybody can repeat every draw from the candidates that the steward logged.
 */

import { z } from 'zod'
import { compareText } from '../../base/bytes.ts'
import { RandomStream, type Sha256 } from '../../base/prng.ts'
import { pushTo } from '../../base/push-to.ts'
import type { OwnerId, PeerId } from '../ids.ts'
import { rosterEntriesMax } from '../limits.ts'
import { ownerIdSchema, peerIdSchema, recordType } from '../record/record.ts'
import { recordBytesMax } from '../sizes.ts'

/** Payload of a 'draw' record: the vehicles that a steward could choose from, in the order of peer ids. */
export interface DrawBasis {
  readonly candidates: readonly { readonly peer: PeerId; readonly owner: OwnerId }[]
}

const basisSchema: z.ZodType<DrawBasis> = z.strictObject({
  candidates: z.array(z.strictObject({ peer: peerIdSchema, owner: ownerIdSchema })).max(rosterEntriesMax),
})

export const drawBasisType = recordType('draw', basisSchema, recordBytesMax.draw)
export const { open: openDrawBasis } = drawBasisType

/**
 * Draws one of the eligible candidates; returns its position in the basis. `eligible` has at least one bit set.
 * The same seed, index, basis and bits always give the same vehicle.
 */
export function drawVehicle(
  sha256: Sha256,
  seed: Uint8Array,
  index: number,
  basis: DrawBasis,
  eligible: Uint8Array,
): number {
  const byOwner = new Map<OwnerId, number[]>()
  basis.candidates.forEach((candidate, position) => {
    if (!hasBit(eligible, position)) return
    pushTo(byOwner, candidate.owner, position)
  })
  const owners = [...byOwner.keys()].sort(compareText)
  const stream = new RandomStream(sha256, seed, `draw/${index}`)
  const vehicles = byOwner.get(owners[stream.below(owners.length)]!)!
  return vehicles[stream.below(vehicles.length)]!
}

export function bitsOf(length: number, positions: Iterable<number>): Uint8Array {
  const bits = new Uint8Array(Math.ceil(length / 8))
  for (const position of positions) bits[position >> 3]! |= 1 << (position & 7)
  return bits
}

export function hasBit(bits: Uint8Array, position: number): boolean {
  return ((bits[position >> 3] ?? 0) & (1 << (position & 7))) !== 0
}
