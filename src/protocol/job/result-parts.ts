/**
 * A result that is too long for one block: a root that names the blocks with its pages' records.
 *
 * Receipts and verdicts name a result by one CID. A short result is the block of that name (result.ts). A longer one is a root
 * of that name: it lists parts, each part lists its blocks, and so one hash binds every byte. Whoever reads a result fetches
 * the root first, knows then how many bytes follow and of which pages, and has one part in memory at a time.
 *
 * Pages join a part in their order while the part fits in a block. A page that does not is a part of its own, cut into blocks
 * of the full size. So equal records make equal roots on every vehicle, whenever each of them wrote its parts to the disk.
 */
import { fromString } from 'uint8arrays'
import { z } from 'zod'
import { ProtocolError } from '../errors.ts'
import type { Cid } from '../ids.ts'
import { blockBytesMax, resultBytesMax, shardPagesMax } from '../limits.ts'
import { type UnitCount, unitCountSchema } from '../price.ts'
import { decodeCbor, encodeCbor, linkOf } from '../record/block.ts'
import { linkSchema, malformed } from '../record/record.ts'
import { partBytesMax } from '../sizes.ts'
import { type PageRecord, pageRecordSchema } from './result.ts'

export interface PartedResult {
  readonly engine: string
  /** Some page failed for want of resources (tally.ts). The stewards of a blind job see it here alone. */
  readonly exhausted: boolean
  /** The units of work that all pages took together, where these are counted. */
  readonly units?: UnitCount
  /** In the order of the shard's pages. */
  readonly parts: readonly ResultPart[]
}

export interface ResultPart {
  readonly pages: number
  /** The bytes of its blocks together; of a blind job's part, as it is sealed. */
  readonly bytes: number
  /** All but the last have `blockBytesMax` bytes. */
  readonly blocks: readonly Cid[]
}

const partSchema = z.strictObject({
  pages: z.number().int().min(1).max(shardPagesMax),
  bytes: z.number().int().min(1).max(partBytesMax),
  blocks: z.array(linkSchema).max(Math.ceil(partBytesMax / blockBytesMax)),
})

const partedSchema: z.ZodType<PartedResult> = z.strictObject({
  engine: z.string().max(2048),
  exhausted: z.boolean(),
  units: unitCountSchema.exactOptional(),
  parts: z.array(partSchema).min(1).max(shardPagesMax),
})

/** dag-cbor sorts keys by their length: a map of three, or of four, begins with this one, and no other block of a result does. */
const partedHeads = [0xa3, 0xa4]
const partedStart = [0x65, ...fromString('parts')]

/** Tells whether a result's block is the root of a result in parts. It looks at a few bytes. */
export function isParted(bytes: Uint8Array): boolean {
  return partedHeads.includes(bytes[0]!) && partedStart.every((byte, i) => bytes[i + 1] === byte)
}

export function encodeParted({ parts, ...facts }: PartedResult): Uint8Array {
  return encodeCbor({
    ...facts,
    parts: parts.map(({ blocks, ...part }) => ({ ...part, blocks: blocks.map(linkOf) })),
  })
}

/**
 * Throws ProtocolError, also where its parts are not of so many pages, or a part has other blocks than its bytes make. `pages`:
 * null takes any number.
 */
export function decodeParted(bytes: Uint8Array, pages: number | null): PartedResult {
  const decoded = partedSchema.safeParse(decodeCbor('result', bytes, blockBytesMax))
  if (!decoded.success) throw malformed('result', decoded.error)
  const { parts } = decoded.data
  const listed = parts.reduce((sum, part) => sum + part.pages, 0)
  if (listed !== (pages ?? listed)) throw wrong(`${listed} records for ${pages} pages`)
  for (const part of parts) {
    if (part.blocks.length !== Math.ceil(part.bytes / blockBytesMax))
      throw wrong(`${part.blocks.length} blocks cannot make ${part.bytes} bytes`)
    if (part.pages > 1 && part.blocks.length > 1) throw wrong('a part of several pages has several blocks')
  }
  return decoded.data
}

/** The length that each block of a part must have. */
export function blockBytesOf({ bytes }: ResultPart, index: number): number {
  return Math.min(blockBytesMax, bytes - index * blockBytesMax)
}

/** Yields the blocks of all parts with their lengths, in order. */
function* blocksOfParts({ parts }: PartedResult): Generator<readonly [Cid, number]> {
  for (const part of parts)
    for (const [index, cid] of part.blocks.entries()) yield [cid, blockBytesOf(part, index)]
}

/** The blocks that a result consists of beside the one that names it, each with its length; none where that is all of it. */
export function furtherBlocks(bytes: Uint8Array): ReadonlyMap<Cid, number> {
  if (!isParted(bytes)) return none
  try {
    return new Map(blocksOfParts(decodeParted(bytes, null)))
  } catch (error) {
    // Whoever counts it finds that it is none.
    if (error instanceof ProtocolError) return none
    throw error
  }
}

const none: ReadonlyMap<Cid, number> = new Map()

/** The records of one part, before they are sealed or cut. */
export function encodePart(records: readonly PageRecord[]): Uint8Array {
  return encodeCbor(records)
}

/** Throws ProtocolError, also when there is not one record for each of its pages. */
export function decodePart(bytes: Uint8Array, pages: number): readonly PageRecord[] {
  const decoded = recordsSchema.safeParse(decodeCbor('part of a result', bytes, partBytesMax, recordItemsMax))
  if (!decoded.success) throw malformed('part of a result', decoded.error)
  if (decoded.data.length !== pages) throw wrong(`${decoded.data.length} records for ${pages} pages`)
  return decoded.data
}

/** A record is a map of three or four, and its error and its units one of two. */
const recordItemsMax = 16 * shardPagesMax + 16
const recordsSchema = z.array(pageRecordSchema).max(shardPagesMax)

/** Tells whether a page of so many encoded bytes still joins a part that has `bytes` of them. The head of a list takes three. */
export function joinsPart(bytes: number, more: number): boolean {
  return 3 + bytes + more <= resultBytesMax
}

function wrong(why: string): ProtocolError {
  return new ProtocolError({ code: 'malformed', what: 'result', why })
}
