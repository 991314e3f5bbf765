/**
 * Blocks: bytes named by their hash.
 *
 * Everything that two nodes must name alike is a block: CIDv1, sha2-256, raw for documents and weights,
 * dag-cbor for structures. dag-cbor is decoded strictly, by encoding again and comparing, since the decoder
 * takes unsorted keys and short floats, and one value with two encodings would be one thing with two names.
 */
import * as dagCbor from '@ipld/dag-cbor'
import { CID } from 'multiformats/cid'
import { equals } from 'uint8arrays'
import { base32 } from '../../base/base32.ts'
import type { Sha256 } from '../../base/prng.ts'
import { ProtocolError } from '../errors.ts'
import type { Cid } from '../ids.ts'
import { decodeDepthMax } from '../limits.ts'
import { hasMoreItems } from './heads.ts'

export type { Sha256 } from '../../base/prng.ts'

const sha256Code = 0x12
const rawCode = 0x55

export function rawCid(sha256: Sha256, bytes: Uint8Array): Cid {
  return cidText(rawCode, sha256(bytes))
}

export function cborCid(sha256: Sha256, bytes: Uint8Array): Cid {
  return cidText(dagCbor.code, sha256(bytes))
}

/** A cid's text back as the link that dag-cbor writes (tag 42). Throws ProtocolError('malformed'). */
export function linkOf(cid: Cid): CID {
  try {
    return CID.parse(cid)
  } catch {
    throw new ProtocolError({ code: 'malformed', what: 'cid', why: `'${cid}' is not a CID` })
  }
}

export function encodeCbor(value: unknown): Uint8Array {
  return dagCbor.encode(value)
}

/**
 * The head of a list of so many items, or of so many bytes, in as few bytes as it takes (RFC 8949, section 3). What follows it need
 * not be in memory.
 */
export function encodeHead(type: 'bytes' | 'list', argument: number): Uint8Array {
  const major = type === 'bytes' ? 0x40 : 0x80
  if (argument < 24) return Uint8Array.of(major | argument)
  const size = argument < 2 ** 8 ? 1 : argument < 2 ** 16 ? 2 : argument < 2 ** 32 ? 4 : 8
  const head = new Uint8Array(1 + size)
  head[0] = major | { 1: 24, 2: 25, 4: 26, 8: 27 }[size]!
  for (let place = size, left = argument; place > 0; place -= 1, left = Math.floor(left / 256))
    head[place] = left % 256
  return head
}

/** Items that anything may have: a record of 16 KiB cannot have more. */
const itemsAlways = 16_384
/** … and more for each so many bytes: a file's parts are two items of 41 bytes each, and nothing that is as long has as many. */
const bytesPerItem = 16

/**
 * Decodes dag-cbor from outside. `itemsMax`: where what it is has few items, however long it is. Throws ProtocolError:
 * 'too-large' before looking at a byte, 'malformed' for bytes that do not parse, have too many items or nest too deep,
 * 'not-canonical' for bytes that this node would have written otherwise.
 */
export function decodeCbor(
  what: string,
  bytes: Uint8Array,
  bytesMax: number,
  itemsMax = itemsAlways + bytes.byteLength / bytesPerItem,
): unknown {
  if (bytes.byteLength > bytesMax)
    throw new ProtocolError({ code: 'too-large', what, bytes: bytes.byteLength, bytesMax })
  if (hasMoreItems(what, bytes, itemsMax))
    throw new ProtocolError({
      code: 'malformed',
      what,
      why: `it has more than ${Math.floor(itemsMax)} items`,
    })
  let value: unknown
  try {
    value = dagCbor.decode(bytes)
    if (depthOf(value, decodeDepthMax) < 0) throw new Error(`nested deeper than ${decodeDepthMax}`)
  } catch (error) {
    throw new ProtocolError({ code: 'malformed', what, why: (error as Error).message })
  }
  if (!equals(dagCbor.encode(value), bytes)) throw new ProtocolError({ code: 'not-canonical', what })
  return value
}

/** Decodes what this node encoded, or checked with decodeCbor, and whose hash still holds. */
export function reopenCbor<Value>(bytes: Uint8Array): Value {
  return dagCbor.decode(bytes)
}

/** As `CID.createV1(…).toString()` does, without an object that is thrown away: a busy node names a thousand things a second. */
function cidText(codec: number, digest: Uint8Array): Cid {
  const bytes = new Uint8Array(4 + digest.byteLength)
  bytes.set([1, codec, sha256Code, digest.byteLength])
  bytes.set(digest, 4)
  return base32('b', bytes) as Cid
}

/** The depth left under `left` levels; negative when the value nests deeper. */
function depthOf(value: unknown, left: number): number {
  if (left < 0 || value === null || typeof value !== 'object') return left
  if (value instanceof Uint8Array || CID.asCID(value) !== null) return left
  let least = left
  for (const part of Object.values(value)) {
    least = Math.min(least, depthOf(part, left - 1))
    if (least < 0) break
  }
  return least
}
