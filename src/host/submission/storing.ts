/** Stores what only this job has: its lists. */
import { writeFile } from '../store/files.ts'
import type { JobBlocks } from '../store/job-blocks.ts'

export async function storeFile(bytes: Uint8Array, mine: JobBlocks): Promise<void> {
  await writeFile(bytes, (block) => mine.put(block.cid, block.bytes, 'input'))
}
