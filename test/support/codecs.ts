/**
 * Every decoder of the core with a good example, for the tests that bend bytes: a record of each kind, a message of each
 * type, and the blocks and files that manifests name.
 */
import assert from 'node:assert/strict'
import { equals } from 'uint8arrays'
import { ProtocolError } from '../../src/protocol/errors.ts'
import { decodeDocumentList, decodeShardList, encodeList } from '../../src/protocol/job/lists.ts'
import { decodeKeptLog, encodeKeptLog } from '../../src/protocol/job/receipt-log.ts'
import {
  decodeResult,
  decodeSealedResult,
  encodeResult,
  encodeSealedResult,
} from '../../src/protocol/job/result.ts'
import { decodePart, decodeParted, encodePart, encodeParted } from '../../src/protocol/job/result-parts.ts'
import { decodeShard, encodeShard } from '../../src/protocol/job/shard.ts'
import { openAdvert } from '../../src/protocol/membership/advert.ts'
import { decodeMessage, encodeMessage } from '../../src/protocol/message.ts'
import { decodeCbor, encodeCbor, rawCid } from '../../src/protocol/record/block.ts'
import { encodeBody, type Verified } from '../../src/protocol/record/record.ts'
import { openRecordAs, type RecordKind, recordKinds } from '../../src/protocol/records.ts'
import { cidNamed, sha256 } from './core-fakes.ts'
import { goodMessages } from './good-messages.ts'
import { goodRecords, opening } from './good-records.ts'

export { advert, bytes32, v1 } from './good-records.ts'
export const { lease, owner: certificate } = goodRecords
export const trusting = () => true

/** Each decoder with a good example, and how what it read is written again. */
export interface Codec {
  readonly good: Uint8Array
  readonly decode: (bytes: Uint8Array) => unknown
  readonly encode: (value: never) => Uint8Array
}

/** Opened as its kind, whoever signed it; adverts with all that is checked of those besides. */
function recordCodec(kind: RecordKind): Codec {
  const { body: good, signature } = goodRecords[kind]
  return {
    good,
    decode: (body) => {
      if (kind === 'advert') openAdvert({ body, signature }, sha256, trusting, 1_000)
      return openRecordAs(kind, { body, signature }, opening, sha256, trusting).record
    },
    encode: ({ id: _, ...body }: Verified) => encodeBody(body),
  }
}

const shard = { pages: [{ document: cidNamed('doc'), bytes: 9, page: 0, key: new Uint8Array(40) }] }
const result = {
  engine: 'ocr/wasm/1',
  records: [
    { output: Uint8Array.of(1, 2), text: 'grüße', error: { code: 'time-limit', message: 'too long' } },
  ],
}

export const codecs: Record<string, Codec> = {
  ...Object.fromEntries(
    recordKinds.map((kind): [string, Codec] => [kind === 'owner' ? 'certificate' : kind, recordCodec(kind)]),
  ),
  ...Object.fromEntries(
    goodMessages.map((message): [string, Codec] => [
      `message ${message.type}`,
      { good: encodeMessage(message), decode: decodeMessage, encode: encodeMessage },
    ]),
  ),
  shard: { good: encodeShard(shard), decode: decodeShard, encode: encodeShard },
  result: { good: encodeResult(result), decode: (bytes) => decodeResult(bytes, 1), encode: encodeResult },
  'sealed result': {
    good: encodeSealedResult({ engine: 'ocr/exact/1', exhausted: false, sealed: new Uint8Array(60) }),
    decode: decodeSealedResult,
    encode: encodeSealedResult,
  },
  'result in parts': {
    good: encodeParted({
      engine: 'ocr/wasm/1',
      exhausted: false,
      parts: [{ pages: 1, bytes: 7, blocks: [rawCid(sha256, Uint8Array.of(1))] }],
    }),
    decode: (bytes) => decodeParted(bytes, 1),
    encode: encodeParted,
  },
  'part of a result': {
    good: encodePart(result.records),
    decode: (bytes) => decodePart(bytes, 1),
    encode: encodePart,
  },
  log: {
    good: encodeKeptLog({
      receipt: cidNamed('receipt'),
      pages: [{ position: 1, page: 0, text: 'grüße' }],
    }),
    decode: decodeKeptLog,
    encode: encodeKeptLog,
  },
  'shard list': {
    good: encodeList([{ shard: cidNamed('s'), pages: 2, bytes: 3, costMs: 4 }]),
    decode: decodeShardList,
    encode: encodeList,
  },
  'document list': {
    good: encodeList([{ name: 'ä.tif', file: cidNamed('f'), bytes: 3, pages: 2 }]),
    decode: decodeDocumentList,
    encode: encodeList,
  },
}

/** Refused with a ProtocolError, or canonical. True when it was refused. */
export function strict({ decode, encode }: Codec, bytes: Uint8Array, how: string): boolean {
  let value: unknown
  try {
    value = decode(bytes)
  } catch (error) {
    assert(error instanceof ProtocolError, `${how}: ${error}`)
    return true
  }
  const written = encode(value as never)
  assert(
    equals(written, bytes) || (how.startsWith('message') && isLessThan(written, bytes)),
    `${how}: read, and written otherwise`,
  )
  return false
}

/** Tells whether all that was written was read, and what was left out are fields of which a message of this version knows nothing. */
function isLessThan(written: Uint8Array, read: Uint8Array): boolean {
  const [less, more] = [written, read].map((bytes) => decodeCbor('message', bytes, read.length) as object)
  const known = Object.keys(less!)
  return (
    known.length < Object.keys(more!).length &&
    equals(
      encodeCbor(Object.fromEntries(Object.entries(more!).filter(([key]) => known.includes(key)))),
      written,
    )
  )
}
