/**
 * Stores blocks as they arrive from a peer, small ones gathered: a lease of 64 tiny documents is one commit then,
 * not one for each packet that brings some of them. Large ones are written at once, beside each other.
 */
import type { Cid } from '../protocol/ids.ts'
import type { FetchedBlock } from './network/blocks.ts'
import type { Block, BlockKind } from './store/blocks.ts'
import type { JobBlocks } from './store/job-blocks.ts'

/** The bytes that are gathered, and lie in memory meanwhile: a quarter of what a fetch asks for ahead. */
const gatheredBytesMax = 2 ** 20
/**
 * The bytes that wait for the disk: a peer that sends faster than the disk writes is not read meanwhile. Four of the
 * largest blocks keep the threads of the pool busy.
 */
const writingBytesMax = 4 * 2 ** 20

/** A peer handed out a block that is longer than what was asked for can be. Its bytes are not kept. */
export class BlockTooLong extends Error {
  constructor(cid: Cid, bytes: number, bytesMax: number) {
    super(`block ${cid} has ${bytes} bytes, and at most ${bytesMax} are taken`)
    this.name = 'BlockTooLong'
  }
}

export interface KeepOptions {
  readonly onMissing?: (block: FetchedBlock) => void
  /** The longest that a block may be; without, the network's bound alone holds. */
  readonly bytesMaxOf?: (cid: Cid) => number
}

/**
 * Resolves when all is durable. Blocks that have arrived are kept even when the fetch fails or `onMissing` throws.
 * Throws BlockTooLong.
 */
export async function keepFetched(
  fetched: AsyncIterable<FetchedBlock>,
  blocks: JobBlocks,
  kind: BlockKind,
  { onMissing = () => {}, bytesMaxOf = () => Number.POSITIVE_INFINITY }: KeepOptions = {},
): Promise<void> {
  const writes: Promise<void>[] = []
  let gathered: Block[] = []
  let gatheredBytes = 0
  let writingBytes = 0
  const write = () => {
    if (gathered.length > 0) {
      const bytes = gatheredBytes
      const written = blocks.putMany(gathered, kind).finally(() => {
        writingBytes -= bytes
      })
      written.catch(() => {}) // met below
      writes.push(written)
      writingBytes += bytes
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
      const bytesMax = bytesMaxOf(cid)
      if (bytes.byteLength > bytesMax) throw new BlockTooLong(cid, bytes.byteLength, bytesMax)
      gathered.push({ cid, bytes })
      gatheredBytes += bytes.byteLength
      if (gatheredBytes < gatheredBytesMax) continue
      write()
      while (writingBytes > writingBytesMax) await writes.shift()
    }
  } finally {
    write()
    await Promise.all(writes)
  }
}
