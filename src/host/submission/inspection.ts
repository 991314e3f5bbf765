/** Reads documents: finds each one's name, seals it and names it by its content, and counts the work in it. */
import type { FileReference } from '../../protocol/job/manifest.ts'
import type { SplittableDocument } from '../../protocol/job/split.ts'
import { shardCostMsTarget } from '../../protocol/limits.ts'
import type { DocumentShape } from '../../runtimes/messages.ts'
import type { SubmitProgress } from '../api.ts'
import { type Executor, SlotFailed } from '../executor/contract.ts'
import { documentKeys, seal } from '../sealing/sealing.ts'
import { writeFile } from '../store/files.ts'
import type { SigningKey } from '../store/keys.ts'
import type { Sources } from './sources.ts'

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

/** Progress is told of each of the first documents, and then of each so many: small ones come by the thousand. */
const toldEach = 100

/** Reads each document once, and holds one. Throws RequestError. */
export async function* inspect(
  { total, documents }: Sources,
  { runtime, executor, submitter, name, onProgress }: InspectionOptions,
): AsyncGenerator<InspectedDocument> {
  const keyOf = documentKeys(submitter)
  let done = 0
  for await (const source of documents()) {
    if (done < toldEach || done % toldEach === 0) onProgress({ step: 'reading', done, total: total ?? 0 })
    const bytes = source.read()
    const key = keyOf(bytes)
    const [reference, shape] = await Promise.all([name(seal(key, bytes)), shapeOf(runtime, bytes, executor)])
    yield { name: source.name, key, ...reference, ...shape }
    done += 1
  }
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
