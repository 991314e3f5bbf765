/**
 * Says whether a vehicle has room for a job's weights, in memory and on its disk, before it takes a lease.
 *
 * Weights that do not fit into memory can be mapped all the same: each page is then read from the disk again and again, and a
 * page of work takes a hundred times as long. A disk without room is noticed when they are fetched, too, and a lease is lost by then.
 */
import type { Manifest } from '../../protocol/job/manifest.ts'
import { bytesInMemoryMax } from '../../runtimes/weight.ts'
import { memoryBytes, nodeBytes } from '../executor/memory-room.ts'
import type { BlockStore } from '../store/blocks.ts'

/**
 * Null where it has. 'too-large': all memory of this machine, or of its control group, is too little for the node, a slot and the
 * weights, which its slots share. 'no-space': the disk has no room for those that are not here. `slotBytes`: the private memory that a
 * slot may take.
 */
export function lackOfRoom(
  weights: Manifest['weights'],
  blocks: Pick<BlockStore, 'hasWeights' | 'reserve'>,
  slotBytes: number,
  memory: number = memoryBytes(),
): 'too-large' | 'no-space' | null {
  const bytes = weights.reduce((sum, file) => sum + file.bytes, 0)
  // What fits into a slot is part of it.
  if (bytes <= bytesInMemoryMax) return null
  if (bytes + slotBytes + nodeBytes > memory) return 'too-large'
  const lacking = weights.reduce((sum, file) => sum + (blocks.hasWeights(file.file) ? 0 : file.bytes), 0)
  return lacking === 0 || blocks.reserve.hasRoom(lacking) ? null : 'no-space'
}
