/** Reads documents: finds each one's name, seals it and names it by its content, and counts the work in it. */
import type { FileReference } from '../../protocol/job/manifest.ts'
import type { PlannedShard, SplittableDocument } from '../../protocol/job/split.ts'
import { shardCostMsTarget } from '../../protocol/limits.ts'
import type { DocumentShape, Refusal } from '../../runtimes/messages.ts'
import type { RefusedDocuments, SubmitProgress } from '../api.ts'
import { type Executor, SlotFailed } from '../executor/contract.ts'
import { documentKeys, seal } from '../sealing/sealing.ts'
import { writeFile } from '../store/files.ts'
import type { SigningKey } from '../store/keys.ts'
import type { DocumentSource } from './document-names.ts'
import { readDocument } from './documents.ts'
import { Refusals } from './refusals.ts'

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
  /** Takes one refused document for a refusal of all. */
  readonly strict: boolean
  readonly onProgress: (progress: SubmitProgress) => void
}

export interface Inspection {
  readonly documents: readonly InspectedDocument[]
  readonly refused: readonly RefusedDocuments[]
}

/**
 * Reads each document once. One that cannot be read is refused: it is neither named nor kept. Throws RequestError, also where
 * a document is refused and `strict` is set, and where all are.
 */
export async function inspect(
  sources: readonly DocumentSource[],
  { runtime, executor, submitter, name, strict, onProgress }: InspectionOptions,
): Promise<Inspection> {
  const keyOf = documentKeys(submitter)
  const documents: InspectedDocument[] = []
  const refusals = new Refusals()
  for (const [done, source] of sources.entries()) {
    onProgress({ step: 'reading', done, total: sources.length })
    const looked = await lookAt(source, runtime, executor)
    if ('what' in looked) {
      refusals.add(source.name, looked)
      continue
    }
    const { bytes, pages, pageCostMs } = looked
    const key = keyOf(bytes)
    const reference = await name(seal(key, bytes))
    documents.push({ name: source.name, key, ...reference, pages, pageCostMs })
  }
  refusals.check(sources.length, strict)
  return { documents, refused: refusals.list() }
}

/** Throws RequestError. */
async function lookAt(
  source: DocumentSource,
  runtime: string,
  executor: Executor,
): Promise<(DocumentShape & { readonly bytes: Uint8Array }) | Refusal> {
  const bytes = readDocument(source)
  if (!(bytes instanceof Uint8Array)) return bytes
  const shape = await shapeOf(runtime, bytes, executor)
  return shape.refused ?? { bytes, ...shape }
}

/** Where this machine can look at no document, it is taken for one page, whose record will say more. */
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
