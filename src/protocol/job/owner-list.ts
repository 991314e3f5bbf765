/** The list of owners in a manifest: those that the submitter knew, a few bytes each, from which an order is drawn (order.ts). */
import { concat, fromString, toString as textOf } from 'uint8arrays'
import type { Sha256 } from '../../base/prng.ts'
import type { OwnerId } from '../ids.ts'
import { orderedOwnersMax } from '../sizes.ts'

/** Bytes by which a manifest names an owner: the first of a hash. */
export const ownerTagBytes = 4

/**
 * Lists owners for a manifest, four bytes each, rising; of more than 512 those that the secret draws.
 */
export function listOwners(sha256: Sha256, secret: Uint8Array, owners: Iterable<OwnerId>): Uint8Array {
  const lotOf = (owner: OwnerId) => textOf(sha256(concat([secret, fromString(`order/${owner}`)])), 'base16')
  const all = [...new Set(owners)]
  const some =
    all.length <= orderedOwnersMax
      ? all
      : all
          .map((owner) => ({ owner, lot: lotOf(owner) }))
          .sort((a, b) => (a.lot < b.lot ? -1 : 1))
          .slice(0, orderedOwnersMax)
          .map(({ owner }) => owner)
  const tags = new Set(some.map((owner) => textOf(tagOf(sha256, owner), 'base16')))
  return concat([...tags].sort().map((tag) => fromString(tag, 'base16')))
}

/** Tells whether the owners of a manifest are listed as they should be: whole tags, rising, no more than there may be. */
export function areListed(owners: Uint8Array): boolean {
  if (owners.byteLength % ownerTagBytes !== 0 || owners.byteLength > ownerTagBytes * orderedOwnersMax)
    return false
  for (let i = ownerTagBytes; i < owners.byteLength; i += ownerTagBytes)
    if (uint32Of(owners, i / ownerTagBytes) <= uint32Of(owners, i / ownerTagBytes - 1)) return false
  return true
}

/** The bytes by which a manifest names an owner. */
export function tagOf(sha256: Sha256, owner: OwnerId): Uint8Array {
  return sha256(fromString(`owner/${owner}`)).subarray(0, ownerTagBytes)
}

/** The number of four bytes at `index`. */
export function uint32Of(bytes: Uint8Array, index: number): number {
  return new DataView(bytes.buffer, bytes.byteOffset).getUint32(index * 4)
}
