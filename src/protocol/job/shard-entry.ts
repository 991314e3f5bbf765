/**
 * An entry of the list of shards, and its one encoding, read without a decoder: the decoder and its check take six microseconds, and a
 * list has a million entries.
 *
 * dag-cbor sorts the names of a map by their length and then by their bytes, writes each number as short as it goes, and a
 * CID has 59 letters. So an entry is four names and four values, or five, one behind the other, and nothing else.
 */
import { fromString } from 'uint8arrays'
import { z } from 'zod'
import type { Cid } from '../ids.ts'
import { shardUnitsMax } from '../limits.ts'
import { type UnitCount, unitCountSchema } from '../price.ts'
import { cidPattern, cidSchema, naturalSchema } from '../record/record.ts'

/** The facts that a steward knows of a shard beside its block. */
export interface ShardEntry {
  readonly shard: Cid
  readonly pages: number
  /** The bytes of the documents that its pages are from, as they are stored, each document once. */
  readonly bytes: number
  /** Estimated milliseconds of one reference core. */
  readonly costMs: number
  /** Its units of work, of its results at most; left out where pages or bytes are counted. */
  readonly units?: UnitCount
}

export const shardEntrySchema: z.ZodType<ShardEntry> = z.strictObject({
  shard: cidSchema,
  pages: naturalSchema,
  bytes: naturalSchema,
  costMs: naturalSchema,
  units: unitCountSchema.exactOptional(),
})

const cidLetters = 59
/** Maps of four and of five, and the heads of names of five and of six letters (RFC 8949, section 3). */
const [plainHead, countedHead] = [0xa4, 0xa5]
const bytesName = Uint8Array.of(0x65, ...fromString('bytes'))
const pagesName = Uint8Array.of(0x65, ...fromString('pages'))
const shardName = Uint8Array.of(0x65, ...fromString('shard'), 0x78, cidLetters)
const inputName = Uint8Array.of(0x65, ...fromString('units'), 0xa2, 0x65, ...fromString('input'))
const outputName = Uint8Array.of(0x66, ...fromString('output'))
const costName = Uint8Array.of(0x66, ...fromString('costMs'))

/** Undefined: it is not written as this node would write an entry, if it is one. */
export function readShardEntry(item: Uint8Array): ShardEntry | undefined {
  const place = { at: 1 }
  const [head] = item
  if ((head !== plainHead && head !== countedHead) || !skips(item, place, bytesName)) return undefined
  const bytes = natural(item, place)
  if (bytes === undefined || !skips(item, place, pagesName)) return undefined
  const pages = natural(item, place)
  if (pages === undefined || !skips(item, place, shardName)) return undefined
  const end = place.at + cidLetters
  const shard = String.fromCharCode(...item.subarray(place.at, end))
  place.at = end
  if (!cidPattern.test(shard)) return undefined
  const units = head === countedHead ? unitCount(item, place) : undefined
  if ((head === countedHead && units === undefined) || !skips(item, place, costName)) return undefined
  const costMs = natural(item, place)
  if (costMs === undefined || place.at !== item.byteLength) return undefined
  return { shard: shard as Cid, pages, bytes, costMs, ...(units && { units }) }
}

function unitCount(item: Uint8Array, place: Place): UnitCount | undefined {
  if (!skips(item, place, inputName)) return undefined
  const input = natural(item, place)
  if (input === undefined || input > shardUnitsMax || !skips(item, place, outputName)) return undefined
  const output = natural(item, place)
  return output === undefined || output > shardUnitsMax ? undefined : { input, output }
}

interface Place {
  at: number
}

function skips(item: Uint8Array, place: Place, expected: Uint8Array): boolean {
  for (let i = 0; i < expected.byteLength; i += 1) if (item[place.at + i] !== expected[i]) return false
  place.at += expected.byteLength
  return true
}

/** The bytes of a number behind its head, and the least that is not written shorter. */
const widths: Readonly<Record<number, readonly [number, number]>> = {
  24: [1, 24],
  25: [2, 2 ** 8],
  26: [4, 2 ** 16],
  27: [8, 2 ** 32],
}

function natural(item: Uint8Array, place: Place): number | undefined {
  const head = item[place.at]
  if (head === undefined) return undefined
  place.at += 1
  if (head < 24) return head
  const [width, least] = widths[head] ?? [0, Number.POSITIVE_INFINITY]
  if (place.at + width > item.byteLength) return undefined
  let value = 0
  for (const end = place.at + width; place.at < end; place.at += 1) value = value * 256 + item[place.at]!
  return value >= least && value <= Number.MAX_SAFE_INTEGER ? value : undefined
}
