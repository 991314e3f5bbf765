/**
 * Stores blocks as they arrive from a peer, small ones gathered: a lease of 64 tiny documents is one commit then,
 * not one for each packet that brings some of them. Large ones are written at once, beside each other.
 */
import type { FetchedBlock } from './network/blocks.ts'
import type { Block, BlockKind } from './store/blocks.ts'
import type { JobBlocks } from './store/job-blocks.ts'

/** The bytes that are gathered, and lie in memory meanwhile: a quarter of what a fetch asks for ahead. */
const gatheredBytesMax = 2 ** 20

/**
 * Resolves when all is durable. Blocks that have arrived are kept even when the fetch fails or `onMissing` throws.
 */
export async function keepFetched(
  fetched: AsyncIterable<FetchedBlock>,
  blocks: JobBlocks,
  kind: BlockKind,
  onMissing: (block: FetchedBlock) => void = () => {},
): Promise<void> {
  const writes: Promise<void>[] = []
  let gathered: Block[] = []
  let gatheredBytes = 0
  const write = () => {
    if (gathered.length > 0) {
      const written = blocks.putMany(gathered, kind)
      written.catch(() => {}) // met below, when nothing is fetched any more
      writes.push(written)
    }
    gathered = []
    gatheredBytes = 0
  }
  try {
    for await (const block of fetched) {
      const { cid, bytes } = block
      if (bytes === undefined) {
        onMissing(block)
        continue
      }
      gathered.push({ cid, bytes })
      gatheredBytes += bytes.byteLength
      if (gatheredBytes >= gatheredBytesMax) write()
    }
  } finally {
    write()
    await Promise.all(writes)
  }
}
