/**
 * Files larger than a block.
 *
 * A file of up to one block is that block, raw. A larger one is cut into blocks of exactly `fileBlockBytesMax`, the last
 * one shorter, and named by the CID of a dag-cbor node { bytes, parts: [link …] } that lists them. One file has
 * one name: there is no choice of chunk size or tree shape, and a reader refuses any other. One node lists 25,000
 * parts; UnixFS's tree of nodes would go further and was declined, since nothing here is above 16 GiB.
 *
 * A root may name one block many times, so a stranger can describe 16 GiB with one block. Every part counts in full:
 * whoever reads a file names the bytes that it was told of, which must be the root's, and a bound of its own, which is
 * checked before the first part is read.
 */
import { CID } from 'multiformats/cid'
import { z } from 'zod'
import { ProtocolError } from '../../protocol/errors.ts'
import type { Cid } from '../../protocol/ids.ts'
import type { FileReference } from '../../protocol/job/manifest.ts'
import { blockBytesMax } from '../../protocol/limits.ts'
import { decodeCbor, encodeCbor, linkOf } from '../../protocol/record/block.ts'
import type { Block } from './block-writer.ts'
import { cidOf, codecOf } from './cid.ts'
import { StoreError } from './errors.ts'
import { plain } from './plain.ts'

export const fileBlockBytesMax = blockBytesMax
/** 16,384 links of 41 bytes make a node of 656 KiB: below a block, with room to spare. */
export const fileBytesMax = 16 * 2 ** 30

/** The contents of a root block: the file's length, and the blocks that make it up, in order. */
export interface FileRoot {
  readonly bytes: number
  /** Empty when the root block itself is the file. */
  readonly parts: readonly Cid[]
}

export type GetBlock = (cid: Cid) => Promise<Uint8Array | undefined> | Uint8Array | undefined

/**
 * Cuts a file into blocks, in order, the root last (it may be the only one). Holds one block and the list of
 * CIDs in memory. Throws StoreError too-large.
 */
export async function* chunkFile(
  source: Uint8Array | Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
): AsyncGenerator<Block, void, undefined> {
  const parts: Cid[] = []
  let bytes = 0
  for await (const part of source instanceof Uint8Array ? slicesOf(source) : blocksOf(source)) {
    bytes += part.byteLength
    if (bytes > fileBytesMax)
      throw new StoreError({ code: 'too-large', what: 'a file', bytes, bytesMax: fileBytesMax })
    const cid = cidOf('raw', part)
    parts.push(cid)
    yield { cid, bytes: part }
  }
  if (parts.length === 1) return
  const node = encodeCbor({ bytes, parts: parts.map(linkOf) })
  yield { cid: cidOf('dag-cbor', node), bytes: node }
}

/** Cuts a file into blocks, hands each to `put`, and names the whole. */
export async function writeFile(
  source: Uint8Array | Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
  put: (block: Block) => Promise<void> | void,
): Promise<{ readonly root: Cid; readonly bytes: number }> {
  let root: Cid | undefined
  let bytes = 0
  for await (const block of chunkFile(source)) {
    await put(block)
    root = block.cid
    if (codecOf(root) === 'raw') bytes += block.bytes.byteLength
  }
  return { root: root!, bytes }
}

/** Reads a root block, which the caller has checked against its CID. Throws StoreError not-a-file, too-large. */
export function parseFileRoot(root: Cid, block: Uint8Array): FileRoot {
  if (block.byteLength > fileBlockBytesMax)
    throw new StoreError({
      code: 'too-large',
      what: root,
      bytes: block.byteLength,
      bytesMax: fileBlockBytesMax,
    })
  if (codecOf(root) === 'raw') return { bytes: block.byteLength, parts: [] }
  const node = nodeSchema.safeParse(decodeNode(root, block))
  if (!node.success) throw notAFile(root, node.error.issues[0]?.message ?? 'unknown shape')
  const { bytes, parts } = node.data
  if (parts.length !== Math.ceil(bytes / fileBlockBytesMax))
    throw notAFile(root, `${parts.length} parts cannot make ${bytes} bytes`)
  return { bytes, parts }
}

/**
 * The root of a file that somebody referred to: its length must be the one that was stated, so that nothing is fetched or
 * read that was not agreed to. Throws as parseFileRoot.
 */
function fileRootOf({ file, bytes }: FileReference, block: Uint8Array): FileRoot {
  const root = parseFileRoot(file, block)
  if (root.bytes !== bytes) throw notAFile(file, `it has ${root.bytes} bytes, and ${bytes} were stated`)
  return root
}

/** The longest that the first block of a file can be: all of it, or the list of its parts. */
export function firstBlockBytesMax({ file, bytes }: FileReference): number {
  return codecOf(file) === 'raw' ? Math.min(bytes, fileBlockBytesMax) : fileBlockBytesMax
}

/** The part of a block store that finding a file's parts takes. */
export interface FileBlocks {
  get: GetBlock
  /** Without reading the block; undefined when it is not here. */
  size(cid: Cid): number | undefined
}

/**
 * The parts of a file whose root is here, in order; none where the root is all of it. Undefined when the root is not
 * here. Throws as fileRootOf.
 */
export async function partsOfFile(
  reference: FileReference,
  blocks: FileBlocks,
): Promise<readonly Cid[] | undefined> {
  const { file, bytes } = reference
  if (codecOf(file) !== 'raw') {
    const block = await blocks.get(file)
    return block && fileRootOf(reference, block).parts
  }
  const size = blocks.size(file)
  if (size === undefined) return undefined
  if (size !== bytes) throw notAFile(file, `it has ${size} bytes, and ${bytes} were stated`)
  return []
}

/**
 * The blocks of a file that are still to be fetched: the root itself as long as it is not here, then its parts, each
 * once. Empty when the file is whole. Throws as fileRootOf.
 */
export async function missingFileBlocks(reference: FileReference, blocks: FileBlocks): Promise<Cid[]> {
  const parts = await partsOfFile(reference, blocks)
  if (parts === undefined) return [reference.file]
  return [...new Set(parts)].filter((cid) => blocks.size(cid) === undefined)
}

/**
 * Yields a file part by part, so that it is never in memory as a whole. `get` gives verified bytes (a BlockStore's does).
 * Throws StoreError: block-missing, not-a-file, too-large.
 */
export async function* readFileParts(
  reference: FileReference,
  get: GetBlock,
  bytesMax: number,
): AsyncGenerator<Uint8Array, void, undefined> {
  const { file, bytes } = reference
  if (bytes > bytesMax) throw new StoreError({ code: 'too-large', what: file, bytes, bytesMax })
  const block = await present(file, get)
  const { parts } = fileRootOf(reference, block)
  if (parts.length === 0) yield block
  for (const index of parts.keys()) yield await partOf({ file, bytes, parts }, index, get)
}

/** Reads a file of at most `bytesMax` into memory. Throws as readFileParts. */
export async function readFile(
  reference: FileReference,
  get: GetBlock,
  bytesMax: number,
): Promise<Uint8Array> {
  let whole: Uint8Array | undefined
  let filled = 0
  for await (const part of readFileParts(reference, get, bytesMax)) {
    if (part.byteLength === reference.bytes) return part
    whole ??= new Uint8Array(reference.bytes)
    whole.set(part, filled)
    filled += part.byteLength
  }
  return whole!
}

/** Reads some bytes of a file, and no more of its parts than they are in. They must be within it. Throws as readFileParts. */
export async function readFileRange(
  reference: FileReference,
  get: GetBlock,
  start: number,
  length: number,
): Promise<Uint8Array> {
  const { file, bytes } = reference
  const block = await present(file, get)
  const { parts } = fileRootOf(reference, block)
  if (start + length > bytes) throw notAFile(file, `it ends before byte ${start + length}`)
  if (parts.length === 0) return block.subarray(start, start + length)
  const range = new Uint8Array(length)
  for (let filled = 0; filled < length; ) {
    const at = start + filled
    const part = await partOf({ file, bytes, parts }, Math.floor(at / fileBlockBytesMax), get)
    const piece = part.subarray(at % fileBlockBytesMax).subarray(0, length - filled)
    range.set(piece, filled)
    filled += piece.byteLength
  }
  return range
}

/** Views of a file that is in memory as a whole; an empty one is one empty block. */
function* slicesOf(file: Uint8Array): Generator<Uint8Array, void, undefined> {
  for (let at = 0; at === 0 || at < file.byteLength; at += fileBlockBytesMax)
    yield plain(file.subarray(at, at + fileBlockBytesMax))
}

/** Cuts a stream into blocks of the full size and one rest; an empty stream is one empty block. */
async function* blocksOf(
  source: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array, void, undefined> {
  let block = new Uint8Array(fileBlockBytesMax)
  let filled = 0
  let isFirst = true
  for await (const chunk of source) {
    for (let used = 0; used < chunk.byteLength; ) {
      if (filled === fileBlockBytesMax) {
        yield block
        isFirst = false
        block = new Uint8Array(fileBlockBytesMax)
        filled = 0
      }
      const piece = chunk.subarray(used, used + fileBlockBytesMax - filled)
      block.set(piece, filled)
      filled += piece.byteLength
      used += piece.byteLength
    }
  }
  if (filled > 0 || isFirst) yield block.slice(0, filled)
}

/** A CID as dag-cbor decodes it; its text alone would be another encoding of the same file. */
const linkSchema = z
  .custom<CID>((value) => CID.asCID(value) !== null)
  .transform((link) => link.toString() as Cid)
  .refine(isRaw)

const nodeSchema = z.strictObject({
  bytes: z
    .number()
    .int()
    .min(fileBlockBytesMax + 1)
    .max(fileBytesMax),
  parts: z.array(linkSchema),
})

function isRaw(cid: Cid): boolean {
  try {
    return codecOf(cid) === 'raw'
  } catch {
    return false
  }
}

function decodeNode(root: Cid, block: Uint8Array): unknown {
  try {
    return decodeCbor('file', block, fileBlockBytesMax)
  } catch (error) {
    if (error instanceof ProtocolError) throw notAFile(root, error.message)
    throw error
  }
}

/** One part, which must have the length that its place gives it. */
async function partOf(
  { file, bytes, parts }: FileReference & FileRoot,
  index: number,
  get: GetBlock,
): Promise<Uint8Array> {
  const part = await present(parts[index]!, get)
  const isLast = index === parts.length - 1
  const expected = isLast ? bytes - index * fileBlockBytesMax : fileBlockBytesMax
  if (part.byteLength !== expected)
    throw notAFile(file, `part ${index} has ${part.byteLength} bytes, not ${expected}`)
  return part
}

async function present(cid: Cid, get: GetBlock): Promise<Uint8Array> {
  const block = await get(cid)
  if (block === undefined) throw new StoreError({ code: 'block-missing', cid })
  return block
}

function notAFile(root: Cid, why: string): StoreError {
  return new StoreError({ code: 'not-a-file', root, why })
}
