/**
 * Merkle root over a receipt's leaves: RFC 9162 §2.1.1's tree (Certificate Transparency), with its prefixes
 * for leaf and node, so that no node can be passed off as a leaf. Leaves keep their order.
 */
import { concat } from 'uint8arrays'
import type { Sha256 } from './block.ts'

const leafPrefix = Uint8Array.of(0)
const nodePrefix = Uint8Array.of(1)

export function merkleRoot(sha256: Sha256, leaves: readonly Uint8Array[]): Uint8Array {
  if (leaves.length === 0) return sha256(new Uint8Array(0))
  let level = leaves.map((leaf) => sha256(concat([leafPrefix, leaf])))
  while (level.length > 1) {
    const above: Uint8Array[] = []
    for (let i = 0; i < level.length; i += 2) {
      const right = level[i + 1]
      above.push(right === undefined ? level[i]! : sha256(concat([nodePrefix, level[i]!, right])))
    }
    level = above
  }
  return level[0]!
}
