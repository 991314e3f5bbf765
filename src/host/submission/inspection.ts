/** Reads documents: finds each one's name, seals it and names it by its content, and counts the work in it. */
import type { FileReference } from '../../protocol/job/manifest.ts'
import { shardCostMsTarget } from '../../protocol/limits.ts'
import type { DocumentShape, Refusal } from '../../runtimes/messages.ts'
import type { SubmitProgress } from '../api.ts'
import { type Executor, SlotFailed } from '../executor/contract.ts'
import { documentKeys, seal } from '../sealing/sealing.ts'
import { writeFile } from '../store/files.ts'
import type { SigningKey } from '../store/keys.ts'
import { type InspectedDocument, Packer } from './packer.ts'
import type { Refusals } from './refusals.ts'
import type { Samples } from './samples.ts'
import type { NamedDocument, Sources } from './sources.ts'

export interface InspectionOptions {
  readonly runtime: string
  readonly executor: Executor
  readonly submitter: SigningKey
  /** Keeps some of the documents, to measure what they cost. */
  readonly samples: Samples
  /** Names what is sealed, and keeps it if it will be wanted. */
  readonly name: (sealed: Uint8Array) => Promise<FileReference>
  /** Counts what no vehicle could read, which makes no document of the job. */
  readonly refusals: Refusals
  /** Takes one refused document for a refusal of all. */
  readonly strict: boolean
  readonly onProgress: (progress: SubmitProgress) => void
}

/** Progress is told of each of the first documents, and then of each so many: small ones come by the thousand. */
const toldEach = 100

/** Reads each document once, and holds one, or a pack of small ones. Throws RequestError, at the end for documents that are refused. */
export async function* inspect(
  { total, documents }: Sources,
  { runtime, executor, submitter, samples, name, refusals, strict, onProgress }: InspectionOptions,
): AsyncGenerator<InspectedDocument> {
  const keyOf = documentKeys(submitter)
  const packer = new Packer(name)
  let done = 0
  for await (const source of documents()) {
    if (done < toldEach || done % toldEach === 0) onProgress({ step: 'reading', done, total: total ?? 0 })
    done += 1
    const looked = await lookAt(source, runtime, executor)
    if ('what' in looked) {
      refusals.add(source.name, looked)
      continue
    }
    const { bytes, pages, pageCostMs } = looked
    samples.consider(bytes)
    const key = keyOf(bytes)
    yield* packer.add({ name: source.name, key, pages, pageCostMs }, seal(key, bytes))
  }
  yield* packer.end()
  refusals.check(done, strict)
}

/** Throws RequestError. */
async function lookAt(
  source: NamedDocument,
  runtime: string,
  executor: Executor,
): Promise<(DocumentShape & { readonly bytes: Uint8Array }) | Refusal> {
  const bytes = source.read()
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
