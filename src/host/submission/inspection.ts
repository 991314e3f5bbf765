/** Reads documents: finds each one's name, seals it and names it by its content, and counts the work in it. */
import type { FileReference } from '../../protocol/job/manifest.ts'
import type { PlannedShard, SplittableDocument } from '../../protocol/job/split.ts'
import { documentsMax, shardCostMsTarget } from '../../protocol/limits.ts'
import type { DocumentShape, Refusal, RuntimeOptions } from '../../runtimes/messages.ts'
import { ownOptionsOf } from '../../runtimes/registry.ts'
import type { PageRange, RefusedDocuments, SubmitProgress, SubmitRequest } from '../api.ts'
import { RequestError } from '../errors.ts'
import { type Executor, SlotFailed } from '../executor/contract.ts'
import { documentKeys, seal } from '../sealing/sealing.ts'
import { writeFile } from '../store/files.ts'
import type { SigningKey } from '../store/keys.ts'
import type { DocumentSource } from './document-names.ts'
import { readDocument } from './documents.ts'
import { readPasswords } from './passwords.ts'
import { piecesOf } from './pieces.ts'
import { Refusals } from './refusals.ts'

/** A document as it will be stored, and the key to it. */
export interface InspectedDocument extends SplittableDocument {
  readonly key: Uint8Array
}

export interface InspectionOptions {
  readonly runtime: string
  readonly options: RuntimeOptions
  /** Ranges of pages of documents that are cut; null: all. */
  readonly pages: readonly PageRange[] | null
  readonly passwords: readonly string[]
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

/** Reads a request's documents, with its passwords. Throws RequestError. */
export async function inspectFor(
  { runtime, options, pages, passwordFile, strict }: SubmitRequest,
  sources: readonly DocumentSource[],
  context: Pick<InspectionOptions, 'executor' | 'submitter' | 'name' | 'onProgress'>,
): Promise<Inspection> {
  const passwords = await readPasswords(passwordFile)
  return inspect(sources, { ...context, runtime, options: ownOptionsOf(options), pages, passwords, strict })
}

/**
 * Reads each document once. One that cannot be read is refused: it is neither named nor kept. Throws RequestError, also where
 * a document is refused and `strict` is set, and where all are.
 */
export async function inspect(
  sources: readonly DocumentSource[],
  inspection: InspectionOptions,
): Promise<Inspection> {
  const { submitter, name, strict, onProgress } = inspection
  const keyOf = documentKeys(submitter)
  const documents: InspectedDocument[] = []
  const refusals = new Refusals()
  let sent = 0
  for (const [done, source] of sources.entries()) {
    onProgress({ step: 'reading', done, total: sources.length })
    let isSent = false
    for await (const part of partsOf(source, inspection)) {
      if ('what' in part) {
        refusals.add(part.name, part)
        continue
      }
      const { bytes, ...shape } = part
      const key = keyOf(bytes)
      documents.push({ ...shape, key, ...(await name(seal(key, bytes))) })
      isSent = true
      if (documents.length > documentsMax)
        throw new RequestError(
          `there are more than ${documentsMax} documents and pages of PDFs, which is what one job takes; submit fewer`,
        )
    }
    if (isSent) sent += 1
  }
  refusals.check(sources.length, sent, strict)
  return { documents, refused: refusals.list() }
}

type Part =
  | (Pick<SplittableDocument, 'name' | 'pages' | 'pageCostMs' | 'firstPage'> & { readonly bytes: Uint8Array })
  | (Refusal & { readonly name: string })

/** The document as it is sent: whole, or in parts. Throws RequestError. */
async function* partsOf(source: DocumentSource, inspection: InspectionOptions): AsyncGenerator<Part> {
  const { name } = source
  const { runtime, executor, passwords, pages: wanted } = inspection
  const bytes = readDocument(source)
  if (!(bytes instanceof Uint8Array)) {
    yield { name, ...bytes }
    return
  }
  const shape = await shapeOf(bytes, inspection)
  const { pages, pageCostMs, refused, isCut } = shape
  if (refused !== undefined) yield { name, ...refused }
  else if (isCut !== true) yield { name, pages, pageCostMs, bytes }
  else
    for await (const piece of piecesOf(executor, runtime, bytes, shape, wanted, passwords)) {
      const { firstPage, pages: count, bytes: own } = piece
      if (own instanceof Uint8Array) yield { name, firstPage, pages: count, pageCostMs, bytes: own }
      else yield { name: count === pages ? name : `${name}, page ${firstPage}`, ...own }
    }
}

/** Where this machine can look at no document, it is taken for one page, whose record will say more. */
async function shapeOf(
  bytes: Uint8Array,
  { executor, runtime, options, passwords }: InspectionOptions,
): Promise<DocumentShape> {
  try {
    return await executor.inspect(runtime, bytes, { options, passwords })
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
