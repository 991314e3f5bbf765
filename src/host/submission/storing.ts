/** A job's documents, weights and lists become blocks of the job. */
import { pipe } from 'it-pipe'
import type { Cid } from '../../protocol/ids.ts'
import type { Manifest } from '../../protocol/job/manifest.ts'
import type { SubmitProgress, SubmitRequest } from '../api.ts'
import { RequestError } from '../errors.ts'
import { seal } from '../sealing/sealing.ts'
import type { Block, BlockKind } from '../store/blocks.ts'
import { chunkFile, writeFile } from '../store/files.ts'
import type { JobBlocks } from '../store/job-blocks.ts'
import { type DocumentSource, readDocument } from './documents.ts'
import type { InspectedDocument, KeyOf } from './inspection.ts'
import { readWeights, weightSources } from './weights.ts'

/** What of a described job is stored. */
export interface StoredInputs {
  readonly request: SubmitRequest
  readonly sources: readonly DocumentSource[]
  readonly documents: readonly InspectedDocument[]
  readonly weights: Manifest['weights']
  readonly keyOf: KeyOf
}

/** Blocks stored in one commit: bounds memory to a few megabytes of documents. */
const blocksPerCommit = 256

/** Throws RequestError when a document is another than the one that was described. */
export async function storeDocuments(
  { sources, documents, keyOf }: StoredInputs,
  mine: JobBlocks,
  onProgress: (progress: SubmitProgress) => void,
): Promise<void> {
  let batch: Block[] = []
  let batchBytes = 0
  const flush = async () => {
    if (batch.length > 0) await mine.putMany(batch, 'input')
    batch = []
    batchBytes = 0
  }
  for (const [i, source] of sources.entries()) {
    onProgress({ step: 'storing', done: i, total: sources.length })
    let root: Cid | undefined
    const bytes = readDocument(source)
    for await (const block of chunkFile(seal(keyOf(bytes), bytes))) {
      root = block.cid
      batch.push(block)
      batchBytes += block.bytes.byteLength
      if (batch.length >= blocksPerCommit || batchBytes >= blocksPerCommit * 16_384) await flush()
    }
    if (root !== documents[i]!.file)
      throw new RequestError(`${source.path} changed while it was read; submit again`)
  }
  await flush()
}

/** All blocks of each file become the job's: a part that only the cache held could be evicted while it runs. */
export async function storeWeights({ request, weights }: StoredInputs, mine: JobBlocks): Promise<void> {
  for (const [i, source] of weightSources(request.runtime, request.module).entries())
    if ((await store(readWeights(source), mine, 'weights')) !== weights[i]!.file)
      throw new RequestError(`${source.path} changed while it was read; submit again`)
}

/** Answers the file's root. */
export async function store(bytes: Uint8Array, mine: JobBlocks, kind: BlockKind): Promise<Cid> {
  const { root } = await pipe([bytes], (source) =>
    writeFile(source, (block) => mine.put(block.cid, block.bytes, kind)),
  )
  return root
}

/** Keeps blocks that are in memory, a part of them at a time. */
export async function storeBlocks(blocks: readonly Block[], mine: JobBlocks): Promise<void> {
  for (let at = 0; at < blocks.length; at += blocksPerCommit)
    await mine.putMany(blocks.slice(at, at + blocksPerCommit), 'input')
}
