/** Heads of items in CBOR, read without decoding what follows them. */
import { ProtocolError } from '../errors.ts'

/** RFC 8949, section 3.1. */
export const bytesMajor = 2
export const textMajor = 3
export const arrayMajor = 4
export const mapMajor = 5
export const tagMajor = 6

export interface Head {
  readonly major: number
  readonly argument: number
  readonly end: number
  readonly isShortest: boolean
}

/**
 * Tells whether there are more items than that, those within others included. Decoded, an empty map of one byte takes eighty bytes
 * of memory: a megabyte of them would stop a node for seconds. Of bytes that are no CBOR it says something.
 */
export function hasMoreItems(what: string, bytes: Uint8Array, itemsMax: number): boolean {
  if (bytes.byteLength <= itemsMax) return false
  let at = 0
  for (let items = 0; at < bytes.byteLength; items += 1) {
    if (items >= itemsMax) return true
    const { major, argument, end } = readHead(what, bytes, at)
    at = major === bytesMajor || major === textMajor ? end + argument : end
  }
  return false
}

/** Throws ProtocolError('malformed'). */
export function readHead(what: string, bytes: Uint8Array, at: number): Head {
  const first = bytes[at]
  if (first === undefined) throw malformed(what, 'it ends within an entry')
  const major = first >> 5
  const info = first & 31
  if (info < 24) return { major, argument: info, end: at + 1, isShortest: true }
  const size = argumentBytes[info]
  if (size === undefined) throw malformed(what, 'it has an item without a length')
  const end = at + 1 + size
  if (end > bytes.byteLength) throw malformed(what, 'it ends within an entry')
  let argument = 0
  for (let place = at + 1; place < end; place += 1) argument = argument * 256 + bytes[place]!
  return { major, argument, end, isShortest: argument >= leastArgument[info]! }
}

const argumentBytes: Readonly<Record<number, number>> = { 24: 1, 25: 2, 26: 4, 27: 8 }
/** Below it, a shorter head would do. */
const leastArgument: Readonly<Record<number, number>> = { 24: 24, 25: 2 ** 8, 26: 2 ** 16, 27: 2 ** 32 }

function malformed(what: string, why: string): ProtocolError {
  return new ProtocolError({ code: 'malformed', what, why })
}
