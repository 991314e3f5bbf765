/**
 * The draw: which vehicle gets a lease.
 *
 * Every draw of a job comes from one secret, which its submitter makes, commits to in the manifest and gives to the
 * job's stewards. Vehicles do not know it, since a public draw tells a cartel where it holds every replica. Each steward
 * can repeat what another one drew, and the end of the job reveals the secret to everybody.
 *
 * The secret gives each owner a lot for each of the job's shards. Of the owners that are eligible for a lease, the one with
 * the lowest lot for the lease's first shard is drawn, and of its vehicles the one with the lowest lot. So a draw is
 * uniform over owners first: one that is uniform over vehicles lets an owner buy voices with cars, and three owners with
 * 10 % of the vehicles each hold both of two replicas in 6.7 % of all shards, against 0.06 % here (notes on reliability, §3).
 *
 * A steward that works for an accomplice cannot choose the lots. It could choose if they came from a number of its own:
 * then it draws until it likes the outcome. And it could choose if one number were drawn for all that are eligible: then
 * leaving out anybody changes who wins. Here whoever is left out changes the outcome only if it would have been drawn.
 */

import { concat, fromString } from 'uint8arrays'
import { z } from 'zod'
import { compareText } from '../../base/bytes.ts'
import type { Sha256 } from '../../base/prng.ts'
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
 * Draws one of the eligible candidates for a lease that begins with the shard at `position`; returns its position in the basis.
 * `eligible` has at least one bit set. The same secret, position, basis and bits always give the same vehicle.
 */
export function drawVehicle(
  sha256: Sha256,
  secret: Uint8Array,
  position: number,
  { candidates }: DrawBasis,
  eligible: Uint8Array,
): number {
  const lots = new Map<string, bigint>()
  const lotOf = (name: string): bigint => {
    const known = lots.get(name)
    if (known !== undefined) return known
    const digest = sha256(concat([secret, fromString(`draw/${position}/${name}`)]))
    const lot = new DataView(digest.buffer, digest.byteOffset).getBigUint64(0)
    lots.set(name, lot)
    return lot
  }
  const isBefore = (a: string, b: string) =>
    lotOf(a) === lotOf(b) ? compareText(a, b) < 0 : lotOf(a) < lotOf(b)
  let drawn = -1
  candidates.forEach(({ peer, owner }, i) => {
    if (!hasBit(eligible, i)) return
    const best = candidates[drawn]
    const wins =
      best === undefined || (best.owner === owner ? isBefore(peer, best.peer) : isBefore(owner, best.owner))
    if (wins) drawn = i
  })
  return drawn
}

export function bitsOf(length: number, positions: Iterable<number>): Uint8Array {
  const bits = new Uint8Array(Math.ceil(length / 8))
  for (const position of positions) bits[position >> 3]! |= 1 << (position & 7)
  return bits
}

export function hasBit(bits: Uint8Array, position: number): boolean {
  return ((bits[position >> 3] ?? 0) & (1 << (position & 7))) !== 0
}
