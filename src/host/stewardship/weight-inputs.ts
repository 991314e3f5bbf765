/** Fetches weights for a standby from several peers at once. */
import type { Cid, PeerId } from '../../protocol/ids.ts'
import type { FileReference } from '../../protocol/job/manifest.ts'
import { gather, providersOf } from '../gathering.ts'
import { missingFileBlocks } from '../store/files.ts'
import type { JobBlocks } from '../store/job-blocks.ts'
import type { Mesh } from './mesh.ts'

/** These peers, and others that say that they have the weights where some of them are not here. */
export async function peersWith(
  weights: FileReference,
  from: readonly PeerId[],
  mine: JobBlocks,
  network: Mesh,
): Promise<PeerId[]> {
  const lacking = await missingFileBlocks(weights, mine)
  return lacking.length === 0 ? [...from] : [...from, ...(await providersOf(weights.file, network, from))]
}

/** `onBlock`: one came. Throws BlockTooLong, StoreError, and Error where nobody has one of them. */
export async function gatherWeights(
  cids: readonly Cid[],
  bytesMaxOf: (cid: Cid) => number,
  from: readonly PeerId[],
  mine: JobBlocks,
  { blocks }: Pick<Mesh, 'blocks'>,
  onBlock: () => void,
): Promise<void> {
  const { left, failure } = await gather(
    cids,
    from,
    {
      fetch: (...asked) => blocks.fetch(...asked),
      giveBack: (bytes) => blocks.giveBack(bytes),
      use: { mine, kind: 'weights', told: onBlock },
      bytesMaxOf,
    },
    new AbortController().signal,
  )
  if (left.length > 0) throw failure ?? new Error(`nobody who was asked has block ${left[0]} of the weights`)
}
