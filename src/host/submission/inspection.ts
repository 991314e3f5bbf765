/** Reading documents: what each is called, sealed and named by its content, and what work is in it. */
import type { Cid } from '../../protocol/ids.ts'
import type { FileReference } from '../../protocol/job/manifest.ts'
import type { PlannedShard, SplittableDocument } from '../../protocol/job/split.ts'
import { shardCostMsTarget } from '../../protocol/limits.ts'
import type { DocumentShape } from '../../runtimes/messages.ts'
import type { SubmitProgress } from '../api.ts'
import { type Executor, SlotFailed } from '../executor/contract.ts'
import { type documentKeys, seal } from '../sealing/sealing.ts'
import { chunkFile } from '../store/files.ts'
import { type DocumentSource, readDocument } from './documents.ts'

/** A document as it will be stored, and the key to it. */
export interface InspectedDocument extends SplittableDocument {
  readonly key: Uint8Array
}

/** Makes the key of a document from its content. */
export type KeyOf = ReturnType<typeof documentKeys>

export async function inspect(
  sources: readonly DocumentSource[],
  runtime: string,
  executor: Executor,
  keyOf: KeyOf,
  onProgress: (progress: SubmitProgress) => void,
): Promise<InspectedDocument[]> {
  const documents: InspectedDocument[] = []
  for (const source of sources) {
    onProgress({ step: 'reading', done: documents.length, total: sources.length })
    const bytes = readDocument(source)
    const key = keyOf(bytes)
    const [reference, shape] = await Promise.all([
      nameOf(seal(key, bytes)),
      shapeOf(runtime, bytes, executor),
    ])
    documents.push({ name: source.name, key, ...reference, ...shape })
  }
  return documents
}

/** A document that breaks the inspector is one page, whose record will say what breaks there, too. */
async function shapeOf(runtime: string, bytes: Uint8Array, executor: Executor): Promise<DocumentShape> {
  try {
    return await executor.inspect(runtime, bytes)
  } catch (error) {
    if (error instanceof SlotFailed) return { pages: 1, pageCostMs: shardCostMsTarget }
    throw error
  }
}

/** Names a file by its blocks, and keeps none of them. */
export async function nameOf(bytes: Uint8Array): Promise<FileReference> {
  let root: Cid | undefined
  for await (const { cid } of chunkFile(bytes)) root = cid
  return { file: root!, bytes: bytes.byteLength }
}

export function pagesOf(shards: readonly PlannedShard[]): number {
  return shards.reduce((sum, { pages }) => sum + pages.length, 0)
}
