/** Reads documents: finds each one's name, seals it and names it by its content, and counts the work in it. */
import type { FileReference } from '../../protocol/job/manifest.ts'
import type { SplittableDocument } from '../../protocol/job/split.ts'
import { documentsMax, shardCostMsTarget } from '../../protocol/limits.ts'
import type { DocumentShape, Refusal, RuntimeOptions } from '../../runtimes/messages.ts'
import { ownOptionsOf, type Runtimes } from '../../runtimes/registry.ts'
import type { PageRange, SubmitProgress, SubmitRequest } from '../api.ts'
import { RequestError } from '../errors.ts'
import { type Executor, SlotFailed, type UnitCounter } from '../executor/contract.ts'
import { documentKeys, seal } from '../sealing/sealing.ts'
import { writeFile } from '../store/files.ts'
import type { SigningKey } from '../store/keys.ts'
import { counterFor } from './counting.ts'
import { type InspectedDocument, Packer } from './packer.ts'
import { readPasswords } from './passwords.ts'
import { piecesOf } from './pieces.ts'
import type { Refusals } from './refusals.ts'
import type { Samples } from './samples.ts'
import type { NamedDocument, Sources } from './sources.ts'

export interface InspectionOptions {
  readonly runtime: string
  readonly options: RuntimeOptions
  /** Ranges of pages of documents that are cut; null: all. */
  readonly pages: readonly PageRange[] | null
  readonly passwords: readonly string[]
  readonly executor: Executor
  /** Those that this node knows; left out: those that come along. */
  readonly runtimes?: Runtimes | undefined
  /** Counts the units of documents, where the runtime has some of its own. */
  readonly counter?: UnitCounter | undefined
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

/** Reads a request's documents, with its passwords. Throws as `inspect`. */
export async function* inspectFor(
  request: SubmitRequest,
  sources: Sources,
  context: Omit<InspectionOptions, 'runtime' | 'options' | 'pages' | 'passwords' | 'strict' | 'counter'>,
): AsyncGenerator<InspectedDocument> {
  const { runtime, options, pages, passwordFile, strict } = request
  const passwords = await readPasswords(passwordFile)
  const wanted = { runtime, options: ownOptionsOf(options), pages, passwords, strict }
  const counter = await counterFor(request, context.executor, context.runtimes)
  try {
    yield* inspect(sources, { ...context, ...wanted, counter })
  } finally {
    await counter?.close()
  }
}

/** Reads each document once, and holds one, or a pack of small ones. Throws RequestError, at the end for documents that are refused. */
export async function* inspect(
  { total, documents }: Sources,
  inspection: InspectionOptions,
): AsyncGenerator<InspectedDocument> {
  const { submitter, samples, name, refusals, strict, onProgress } = inspection
  const keyOf = documentKeys(submitter)
  const packer = new Packer(name)
  let [done, sent, count] = [0, 0, 0]
  for await (const read of readAhead(documents(), inspection)) {
    const { source } = read
    if (done < toldEach || done % toldEach === 0) onProgress({ step: 'reading', done, total: total ?? 0 })
    done += 1
    const before = count
    let [pages, refusal]: [number, Refusal | null] = [0, null]
    const lost: number[] = []
    for await (const part of partsOf(read, inspection)) {
      if ('what' in part) {
        refusals.add(part.name, part)
        refusal ??= part
        for (const page of part.lost ?? []) lost.push(page)
        continue
      }
      const { bytes, ...shape } = part
      pages += shape.pages
      samples.consider(bytes)
      const key = keyOf(bytes)
      yield* packer.add({ ...shape, key }, seal(key, bytes))
      count += 1
      if (count > documentsMax)
        throw new RequestError(
          `there are more than ${documentsMax} documents and parts of PDFs, which is what one job takes; submit fewer`,
        )
    }
    source.told?.(pages, refusal, lost)
    if (count > before) sent += 1
  }
  yield* packer.end()
  refusals.check(done, sent, strict)
}

type Part =
  | (Pick<SplittableDocument, 'name' | 'pages' | 'pageCostMs' | 'units' | 'firstPage'> & {
      readonly bytes: Uint8Array
    })
  | (Refusal & { readonly name: string; readonly lost?: readonly number[] })

interface ReadDocument {
  readonly source: NamedDocument
  readonly bytes: ReturnType<NamedDocument['read']>
  /** It is being counted. */
  readonly counted?: Promise<DocumentShape>
}

/** Reads documents, and hands them ahead to the process that counts: one by one, each would take a way there and back. */
async function* readAhead(
  documents: AsyncIterable<NamedDocument>,
  { counter }: InspectionOptions,
): AsyncGenerator<ReadDocument> {
  const ahead: ReadDocument[] = []
  let bytesAhead = 0
  const next = (): ReadDocument => {
    const read = ahead.shift()!
    bytesAhead -= lengthOf(read)
    return read
  }
  for await (const source of documents) {
    const bytes = source.read()
    if (counter === undefined || !(bytes instanceof Uint8Array)) ahead.push({ source, bytes })
    else {
      const counted = counter.shapeOf(bytes)
      counted.catch(() => {}) // met when its turn comes
      ahead.push({ source, bytes, counted })
    }
    bytesAhead += lengthOf(ahead.at(-1)!)
    while (
      ahead.length > 0 &&
      (counter === undefined || ahead.length > aheadMax || bytesAhead > aheadBytesMax)
    )
      yield next()
  }
  while (ahead.length > 0) yield next()
}

/** Documents that wait to be counted, and their bytes: a megabyte is more than a round trip's work. Guesses. */
const [aheadMax, aheadBytesMax] = [64, 2 ** 20]

function lengthOf({ bytes }: ReadDocument): number {
  return bytes instanceof Uint8Array ? bytes.byteLength : 0
}

/** The document as it is sent: whole, or in parts. Throws RequestError. */
async function* partsOf(
  { source, bytes, counted }: ReadDocument,
  inspection: InspectionOptions,
): AsyncGenerator<Part> {
  const { name } = source
  const { runtime, runtimes, executor, passwords, pages: wanted } = inspection
  if (!(bytes instanceof Uint8Array)) {
    yield { name, ...bytes }
    return
  }
  const shape = await (counted ?? shapeOf(bytes, inspection))
  const { pages, pageCostMs, units, refused, isCut } = shape
  if (refused !== undefined) yield { name, ...refused }
  else if (isCut !== true) yield { name, pages, pageCostMs, ...(units && { units }), bytes }
  else
    for await (const piece of piecesOf(executor, runtime, bytes, shape, wanted, passwords, runtimes)) {
      const { firstPage, pages: count, bytes: own } = piece
      const lost = () => Array.from({ length: count }, (_, i) => firstPage + i)
      if (own instanceof Uint8Array) yield { name, firstPage, pages: count, pageCostMs, bytes: own }
      else yield { name: count === pages ? name : `${name}, page ${firstPage}`, ...own, lost: lost() }
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
