/** Stores what only this job has: its shards, and its lists. */
import type { Block } from '../store/blocks.ts'
import { writeFile } from '../store/files.ts'
import type { JobBlocks } from '../store/job-blocks.ts'

/** Shards stored in one commit. A guess: a few commits for a large job, each a few megabytes. */
const blocksPerCommit = 256

export async function storeBlocks(blocks: readonly Block[], mine: JobBlocks): Promise<void> {
  for (let at = 0; at < blocks.length; at += blocksPerCommit)
    await mine.putMany(blocks.slice(at, at + blocksPerCommit), 'input')
}

export async function storeFile(bytes: Uint8Array, mine: JobBlocks): Promise<void> {
  await writeFile(bytes, (block) => mine.put(block.cid, block.bytes, 'input'))
}
