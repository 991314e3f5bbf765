/** Reads documents: finds each one's name, seals it and names it by its content, and counts the work in it. */
import type { FileReference } from '../../protocol/job/manifest.ts'
import type { PlannedShard, SplittableDocument } from '../../protocol/job/split.ts'
import { shardCostMsTarget } from '../../protocol/limits.ts'
import type { DocumentShape } from '../../runtimes/messages.ts'
import type { SubmitProgress } from '../api.ts'
import { type Executor, SlotFailed } from '../executor/contract.ts'
import { documentKeys, seal } from '../sealing/sealing.ts'
import { writeFile } from '../store/files.ts'
import type { SigningKey } from '../store/keys.ts'
import type { DocumentSource } from './document-names.ts'
import { readDocument } from './documents.ts'

/** A document as it will be stored, and the key to it. */
export interface InspectedDocument extends SplittableDocument {
  readonly key: Uint8Array
}

export interface InspectionOptions {
  readonly runtime: string
  readonly executor: Executor
  readonly submitter: SigningKey
  /** Names what is sealed, and keeps it if it will be wanted. */
  readonly name: (sealed: Uint8Array) => Promise<FileReference>
  readonly onProgress: (progress: SubmitProgress) => void
}

/** Reads each document once. Throws RequestError. */
export async function inspect(
  sources: readonly DocumentSource[],
  { runtime, executor, submitter, name, onProgress }: InspectionOptions,
): Promise<InspectedDocument[]> {
  const keyOf = documentKeys(submitter)
  const documents: InspectedDocument[] = []
  for (const source of sources) {
    onProgress({ step: 'reading', done: documents.length, total: sources.length })
    const bytes = readDocument(source)
    const key = keyOf(bytes)
    const [reference, shape] = await Promise.all([name(seal(key, bytes)), shapeOf(runtime, bytes, executor)])
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
export async function nameOf(file: Uint8Array): Promise<FileReference> {
  const { root, bytes } = await writeFile(file, () => {})
  return { file: root, bytes }
}

export function pagesOf(shards: readonly PlannedShard[]): number {
  return shards.reduce((sum, { pages }) => sum + pages.length, 0)
}
