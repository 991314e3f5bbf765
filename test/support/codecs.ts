/** Every decoder of the core with a good example, for the tests that bend bytes. */
import assert from 'node:assert/strict'
import { equals } from 'uint8arrays'
import { ProtocolError } from '../../src/protocol/errors.ts'
import { openAllowance } from '../../src/protocol/job/allowance.ts'
import { openDrawBasis } from '../../src/protocol/job/draw.ts'
import { openLease, openReceipt } from '../../src/protocol/job/lease.ts'
import { decodeDocumentList, decodeShardList, encodeList } from '../../src/protocol/job/lists.ts'
import { openManifest } from '../../src/protocol/job/manifest.ts'
import {
  decodeResult,
  decodeSealedResult,
  encodeResult,
  encodeSealedResult,
} from '../../src/protocol/job/result.ts'
import { decodeShard, encodeShard } from '../../src/protocol/job/shard.ts'
import { openEnd, openVerdict } from '../../src/protocol/job/verdict.ts'
import { openStatement, type Statement } from '../../src/protocol/ledger/statement.ts'
import { openCharter, openCredential } from '../../src/protocol/membership/fleet.ts'
import { openCertificate } from '../../src/protocol/membership/owner.ts'
import { decodeMessage, encodeMessage, type Message } from '../../src/protocol/message.ts'
import { encodeBody, type SignedRecord, type Verified } from '../../src/protocol/record/record.ts'
import { bodyOf, cidNamed, manifestWith, ownerNamed, peerNamed, sha256, sign } from './core-fakes.ts'
import { capacityOf } from './core-steward-stage.ts'

export const trusting = () => true
export const bytes32 = sha256(new Uint8Array(0))
const hex = 'ab'.repeat(32)
export const v1 = peerNamed('v1')

export const lease = sign(
  bodyOf('lease', peerNamed('steward'), {
    vehicle: v1,
    owner: 'o1',
    shards: [cidNamed('s0'), cidNamed('s1')],
    positions: [0, 1],
    isa: null,
    costMs: 2_000,
    units: [1, 1],
    price: null,
    draw: { basis: cidNamed('basis'), eligible: Uint8Array.of(3), index: 0 },
  }),
)
const receipt = sign(
  bodyOf('receipt', v1, {
    lease: cidNamed('lease'),
    covers: [0, 1],
    root: bytes32,
    cpuMs: 5,
    wallMs: 7,
    energy: null,
  }),
)
const { peer: _, owner: __, serial: ___, expiresMs: ____, ...advertOf } = capacityOf('v1:o1:slots=2')
export const advert = advertOf
export const certificate = sign(bodyOf('owner', peerNamed('owner key'), { peer: v1 }))
const shardVerdict = {
  position: 0,
  shard: cidNamed('s0'),
  outcome: 'accepted',
  status: 'final',
  result: cidNamed('r'),
  because: 'unanimous',
  agreeing: [cidNamed('R1')],
  contradicting: [],
  settles: [],
}

/** Each decoder with a good example, and how what it read is written again. */
export interface Codec {
  readonly good: Uint8Array
  readonly decode: (bytes: Uint8Array) => unknown
  readonly encode: (value: never) => Uint8Array
}

function recordCodec(record: SignedRecord, open: (record: SignedRecord) => Verified): Codec {
  return {
    good: record.body,
    decode: (body) => open({ body, signature: record.signature }),
    encode: ({ id: _, ...body }: Verified) => encodeBody(body),
  }
}

const statement: Statement = {
  vehicle: v1,
  owner: ownerNamed(hex),
  currency: 'EUR',
  units: 3,
  micros: 19,
  receipts: 1,
  root: bytes32,
  closed: true,
  paidMicros: 0,
}

const messages: Message[] = [
  {
    type: 'offer',
    manifest: sign(bodyOf('manifest', v1, manifestWith())),
    handovers: [],
    lease,
    keys: [bytes32],
  },
  { type: 'accept', job: cidNamed('job'), lease: cidNamed('lease') },
  { type: 'decline', job: cidNamed('job'), lease: cidNamed('lease'), reason: 'busy', retryMs: 2_000 },
  {
    type: 'receipt',
    record: receipt,
    opening: { results: [cidNamed('r')], nonce: bytes32 },
    released: 'stopped',
  },
  { type: 'progress', job: cidNamed('job'), lease: cidNamed('lease'), done: 3 },
  { type: 'record', job: cidNamed('job'), record: lease, opening: null },
  { type: 'ended', job: cidNamed('job') },
  {
    type: 'statement',
    record: sign(bodyOf('statement', v1, statement)),
    claims: [[cidNamed('R1'), 0, 3, 19, true]],
    next: 7,
  },
  { type: 'account', job: cidNamed('job'), before: null },
  { type: 'accounted', job: cidNamed('job'), statement: cidNamed('statement'), micros: 19 },
]
const shard = { pages: [{ document: cidNamed('doc'), bytes: 9, page: 0, key: new Uint8Array(40) }] }
const result = {
  engine: 'ocr/wasm/1',
  records: [
    { output: Uint8Array.of(1, 2), text: 'grüße', error: { code: 'time-limit', message: 'too long' } },
  ],
}

export const codecs: Record<string, Codec> = {
  manifest: recordCodec(
    sign(bodyOf('manifest', v1, manifestWith({ options: { language: 'de', width: 0.5, fast: true } }))),
    (record) => openManifest(record, sha256, trusting),
  ),
  lease: recordCodec(lease, (record) => openLease(record, sha256, trusting)),
  receipt: recordCodec(receipt, (record) => openReceipt(record, sha256, trusting)),
  verdict: recordCodec(sign(bodyOf('verdict', v1, { shards: [shardVerdict] })), (record) =>
    openVerdict(record, sha256, trusting),
  ),
  end: recordCodec(
    sign(bodyOf('end', v1, { outcome: 'complete', reason: 'done', secret: bytes32 })),
    (record) => openEnd(record, sha256, trusting),
  ),
  allowance: recordCodec(
    sign(
      bodyOf('allowance', v1, {
        writtenOff: [{ lease: cidNamed('lease'), places: [0, 2] }],
        given: [{ to: v1, micros: 5 }],
      }),
    ),
    (record) => openAllowance(record, sha256, trusting),
  ),
  draw: recordCodec(sign(bodyOf('draw', v1, { candidates: [{ peer: v1, owner: 'o1' }] })), (record) =>
    openDrawBasis(record, sha256, trusting),
  ),
  statement: recordCodec(sign(bodyOf('statement', v1, statement)), (record) =>
    openStatement(record, sha256, trusting),
  ),
  certificate: recordCodec(certificate, (record) => openCertificate(record, sha256, trusting)),
  charter: recordCodec(
    sign(
      bodyOf('charter', v1, {
        name: 'fleet',
        keys: [v1],
        registrars: ['/ip4/192.0.2.1/tcp/4001'],
        operatorPpm: 150_000,
        revoked: [{ id: hex, untilMs: 9 }],
      }),
    ),
    (record) => openCharter(record, sha256, trusting),
  ),
  credential: recordCodec(
    sign(bodyOf('credential', v1, { peer: v1, vehicle: 'car', owner: hex })),
    (record) => openCredential(record, sha256, trusting),
  ),
  ...Object.fromEntries(
    messages.map((message): [string, Codec] => [
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
  assert(equals(encode(value as never), bytes), `${how}: read, and written otherwise`)
  return false
}
