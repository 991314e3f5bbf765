/**
 * Files larger than a block.
 *
 * A file of up to one block is that block, raw. A larger one is cut into blocks of exactly `fileBlockBytesMax`, the last
 * one shorter, and named by the CID of a dag-cbor node { bytes, parts: [link …] } that lists them. One file has
 * one name: there is no choice of chunk size or tree shape, and a reader refuses any other. One node lists 25,000
 * parts; UnixFS's tree of nodes would go further and was declined, since nothing here is above 16 GiB.
 */
import { CID } from 'multiformats/cid'
import { concat } from 'uint8arrays'
import { z } from 'zod'
import { ProtocolError } from '../../protocol/errors.ts'
import type { Cid } from '../../protocol/ids.ts'
import { blockBytesMax } from '../../protocol/limits.ts'
import { decodeCbor, encodeCbor, linkOf } from '../../protocol/record/block.ts'
import type { Block } from './blocks.ts'
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
 * The blocks of a file that are still to be fetched: the root itself as long as it is not here, then its parts, each
 * once. Empty when the file is whole. Throws as parseFileRoot.
 */
export async function missingFileBlocks(
  root: Cid,
  blocks: { get: GetBlock; has(cid: Cid): boolean },
): Promise<Cid[]> {
  const block = codecOf(root) === 'raw' && blocks.has(root) ? new Uint8Array(0) : await blocks.get(root)
  if (block === undefined) return [root]
  return [...new Set(parseFileRoot(root, block).parts)].filter((cid) => !blocks.has(cid))
}

/**
 * Reads a file part by part. `get` gives verified bytes (a BlockStore's does).
 * Throws StoreError: block-missing, not-a-file, too-large.
 */
async function* readFileParts(
  root: Cid,
  get: GetBlock,
  bytesMax: number = fileBytesMax,
): AsyncGenerator<Uint8Array, void, undefined> {
  const block = await present(root, get)
  const { bytes, parts } = parseFileRoot(root, block)
  if (bytes > bytesMax) throw new StoreError({ code: 'too-large', what: root, bytes, bytesMax })
  if (parts.length === 0) yield block
  for (const [i, cid] of parts.entries()) {
    const part = await present(cid, get)
    const isLast = i === parts.length - 1
    const expected = isLast ? bytes - i * fileBlockBytesMax : fileBlockBytesMax
    if (part.byteLength !== expected)
      throw notAFile(root, `part ${i} has ${part.byteLength} bytes, not ${expected}`)
    yield part
  }
}

/** Reads a file of at most `bytesMax` into memory. Throws as readFileParts. */
export async function readFile(root: Cid, get: GetBlock, bytesMax: number): Promise<Uint8Array> {
  const parts: Uint8Array[] = []
  for await (const part of readFileParts(root, get, bytesMax)) parts.push(part)
  return parts.length === 1 ? parts[0]! : concat(parts)
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

async function present(cid: Cid, get: GetBlock): Promise<Uint8Array> {
  const block = await get(cid)
  if (block === undefined) throw new StoreError({ code: 'block-missing', cid })
  return block
}

function notAFile(root: Cid, why: string): StoreError {
  return new StoreError({ code: 'not-a-file', root, why })
}
