/**
 * Windows: a run of one owner's claims in one job, closed, and then checked.
 *
 * The record names the claims and the receipts that carry them, and the checks are drawn from the steward's seed and
 * the record's id: so no vehicle can know them before the receipts are signed, every steward of the job can repeat them,
 * and anybody can once the secret of the draws is revealed (draw.ts). A vehicle cannot tell a check from any other lease.
 */
import { z } from 'zod'
import { RandomStream, type Sha256 } from '../../base/prng.ts'
import type { OwnerId, RecordId } from '../ids.ts'
import { windowShardsMax } from '../limits.ts'
import { cidSchema, naturalSchema, ownerIdSchema, recordType } from '../record/record.ts'
import { recordBytesMax } from '../sizes.ts'

export interface Window {
  readonly owner: OwnerId
  /** The positions of the shards that it claims, rising: a shard that was listed twice would be checked twice, and another one never. */
  readonly positions: readonly number[]
  /** The receipts that carry these claims, in the order of positions, each once. */
  readonly receipts: readonly RecordId[]
}

const windowSchema: z.ZodType<Window> = z.strictObject({
  owner: ownerIdSchema,
  positions: z
    .array(naturalSchema)
    .min(1)
    .max(windowShardsMax)
    .refine((positions) => positions.every((position, i) => i === 0 || position > positions[i - 1]!), {
      message: 'positions do not rise',
    }),
  receipts: z.array(cidSchema).min(1).max(windowShardsMax),
})

export const windowType = recordType('window', windowSchema, recordBytesMax.window, {
  names: ({ receipts }) => 2 * receipts.length,
})
export const { open: openWindow } = windowType

/**
 * The positions of a window in the order in which they are checked: uniformly shuffled. The first `checks` of them are,
 * but for those that cannot be any more.
 */
export function checkOrder(
  sha256: Sha256,
  seed: Uint8Array,
  id: RecordId,
  positions: readonly number[],
): number[] {
  const chance = new RandomStream(sha256, seed, `window/${id}`)
  const order = [...positions]
  for (let i = 0; i < order.length - 1; i += 1) {
    const j = i + chance.below(order.length - i)
    const drawn = order[j]!
    order[j] = order[i]!
    order[i] = drawn
  }
  return order
}

/**
 * Tells whether a window of this many shards is checked by drawing. Otherwise it is so small that unanimous replicas
 * for all of its shards cost no more, or that the checks would not fit in it.
 */
export function isSampled(
  shards: number,
  { checks, replicas }: { readonly checks: number; readonly replicas: number },
  unanimous: number,
): boolean {
  return shards > checks && checks < shards * (unanimous - replicas)
}
