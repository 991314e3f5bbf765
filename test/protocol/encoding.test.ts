/**
 * Encodings: what was written is read back alike, one thing has one encoding, and bytes from outside are refused
 * with a ProtocolError or are canonical; nothing else ever comes out of a decoder.
 *
 *   CARPOOL_SEED=17 node --test test/protocol/encoding.test.ts    replays the mutations of one seed
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { equals, fromString } from 'uint8arrays'
import { RandomStream } from '../../src/base/prng.ts'
import { openAdvert } from '../../src/protocol/advert.ts'
import { decodeCbor, encodeCbor, linkOf } from '../../src/protocol/block.ts'
import { openDrawBasis } from '../../src/protocol/draw.ts'
import { ProtocolError } from '../../src/protocol/errors.ts'
import { openCharter, openCredential } from '../../src/protocol/fleet.ts'
import {
  decodeDocumentList,
  decodeResult,
  decodeShard,
  decodeShardList,
  encodeList,
  encodeResult,
  encodeShard,
  openManifest,
} from '../../src/protocol/job.ts'
import { openLease, openReceipt } from '../../src/protocol/lease.ts'
import { advertBytesMax, decodeDepthMax } from '../../src/protocol/limits.ts'
import { decodeMessage, encodeMessage, type Message } from '../../src/protocol/message.ts'
import { openCertificate } from '../../src/protocol/owner.ts'
import { encodeBody, type SignedRecord, type Verified } from '../../src/protocol/record.ts'
import { openEnd, openVerdict } from '../../src/protocol/verdict.ts'
import { bodyOf, cidNamed, manifestWith, peerNamed, sha256, sign } from '../support/core-fakes.ts'
import { capacityOf } from '../support/core-steward-stage.ts'

const trusting = () => true
const bytes32 = sha256(new Uint8Array(0))
const hex = 'ab'.repeat(32)
const v1 = peerNamed('v1')

const lease = sign(
  bodyOf('lease', peerNamed('steward'), {
    vehicle: v1,
    owner: 'o1',
    shards: [cidNamed('s0'), cidNamed('s1')],
    positions: [0, 1],
    isa: null,
    costMs: 2_000,
    draw: { basis: cidNamed('basis'), eligible: Uint8Array.of(3), index: 0 },
  }),
)
const receipt = sign(
  bodyOf('receipt', v1, { lease: cidNamed('lease'), covers: [0, 1], root: bytes32, cpuMs: 5, wallMs: 7 }),
)
const { peer: _, owner: __, serial: ___, expiresMs: ____, ...advert } = capacityOf('v1:o1:slots=2')
const certificate = sign(bodyOf('owner', peerNamed('owner key'), { peer: v1 }))
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
interface Codec {
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

const messages: Message[] = [
  {
    type: 'offer',
    manifest: sign(bodyOf('manifest', v1, manifestWith())),
    handovers: [],
    lease,
    keys: [bytes32],
  },
  { type: 'decline', lease: cidNamed('lease'), reason: 'busy', retryMs: 2_000 },
  {
    type: 'receipt',
    record: receipt,
    opening: { results: [cidNamed('r')], nonce: bytes32 },
    released: 'stopped',
  },
  { type: 'progress', lease: cidNamed('lease'), done: 3 },
  { type: 'ended', job: cidNamed('job') },
]
const shard = { pages: [{ document: cidNamed('doc'), bytes: 9, page: 0, key: new Uint8Array(40) }] }
const result = {
  engine: 'ocr/wasm/1',
  records: [
    { output: Uint8Array.of(1, 2), text: 'grüße', error: { code: 'time-limit', message: 'too long' } },
  ],
}

const codecs: Record<string, Codec> = {
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
    sign(bodyOf('end', v1, { outcome: 'complete', reason: 'done', seed: bytes32 })),
    (record) => openEnd(record, sha256, trusting),
  ),
  draw: recordCodec(sign(bodyOf('draw', v1, { candidates: [{ peer: v1, owner: 'o1' }] })), (record) =>
    openDrawBasis(record, sha256, trusting),
  ),
  certificate: recordCodec(certificate, (record) => openCertificate(record, sha256, trusting)),
  charter: recordCodec(
    sign(
      bodyOf('charter', v1, {
        name: 'fleet',
        keys: [v1],
        registrars: ['/ip4/192.0.2.1/tcp/4001'],
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
  'shard list': {
    good: encodeList([{ shard: cidNamed('s'), pages: 2, costMs: 4 }]),
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
function strict({ decode, encode }: Codec, bytes: Uint8Array, how: string): boolean {
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

for (const [name, codec] of Object.entries(codecs)) {
  test(`a ${name} that was written is read back, and written the same again`, () => {
    assert.equal(strict(codec, codec.good, name), false)
  })

  test(`no bit of a ${name} can be flipped unnoticed`, () => {
    for (let i = 0; i < codec.good.length * 8; i += 1) {
      const flipped = Uint8Array.from(codec.good) // slice() of a Buffer is no copy
      flipped[i >> 3]! ^= 1 << (i & 7)
      strict(codec, flipped, `${name}, bit ${i}`)
    }
  })
}

test('100,000 random mutations are refused by name or are canonical', () => {
  const seed = process.env.CARPOOL_SEED ?? `${Date.now()}`
  const chance = new RandomStream(sha256, fromString(seed), 'mutations')
  const all = Object.entries(codecs)
  let refused = 0
  for (let i = 0; i < 100_000; i += 1) {
    const [name, codec] = all[chance.below(all.length)]!
    const mutated = mutate(codec.good, all[chance.below(all.length)]![1].good, chance)
    try {
      if (strict(codec, mutated, name)) refused += 1
    } catch (error) {
      console.error(`replay: CARPOOL_SEED=${seed} node --test test/protocol/encoding.test.ts (mutation ${i})`)
      throw error
    }
  }
  assert(refused > 50_000, `most mutations are refused: ${refused}`)
})

function mutate(good: Uint8Array, other: Uint8Array, chance: RandomStream): Uint8Array {
  const bytes = [...good]
  for (let times = 1 + chance.below(3); times > 0; times -= 1) {
    const at = chance.below(bytes.length + 1)
    const from = chance.below(other.length)
    const piece = other.subarray(from, from + 1 + chance.below(12))
    switch (chance.below(6)) {
      case 0:
        bytes[Math.min(at, bytes.length - 1)] = chance.below(256)
        break
      case 1:
        bytes.splice(at, 1 + chance.below(4))
        break
      case 2:
        bytes.splice(at, 0, chance.below(256))
        break
      case 3:
        bytes.splice(at, piece.length, ...piece)
        break
      case 4:
        bytes.splice(at, 0, ...piece)
        break
      default:
        // Heads of maps, arrays, strings, tags and floats, where decoders go wrong.
        bytes[Math.min(at, bytes.length - 1)] = [
          0x5f, 0x9b, 0xbb, 0xbf, 0xd8, 0xf6, 0xf7, 0xf9, 0xfa, 0xfb, 0xff,
        ][chance.below(11)]!
    }
    if (bytes.length === 0) bytes.push(0)
  }
  return Uint8Array.from(bytes)
}

test('random bytes are refused by name or are canonical', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      for (const [name, codec] of Object.entries(codecs)) strict(codec, bytes, name)
    }),
    { numRuns: 2_000 },
  )
})

test('a page that names its document by anything but a link is refused, whatever it is', () => {
  for (const document of ['text', 5, null, [], { toString: 1, valueOf: 1 }, { '/': 'x' }, bytes32])
    assert.throws(
      () => decodeShard(encodeCbor({ pages: [{ document, bytes: 1, page: 0, key: new Uint8Array(40) }] })),
      (error) => error instanceof ProtocolError && error.refusal.code === 'malformed',
    )
})

test('a cid has one text: another base32 spelling of the same bytes is refused', () => {
  const good = cidNamed('a')
  const spelled = (cid: string) => encodeCbor({ type: 'ended', job: cid })
  decodeMessage(spelled(good))
  const last = 'abcdefghijklmnopqrstuvwxyz234567'.indexOf(good.at(-1)!)
  for (let more = 1; more < 4; more += 1) {
    const bent = good.slice(0, -1) + 'abcdefghijklmnopqrstuvwxyz234567'[last + more]
    assert.throws(() => decodeMessage(spelled(bent)), ProtocolError)
  }
  for (const bad of ['', 'bafy', good.toUpperCase(), `${good}a`, 'Qm'.padEnd(46, 'a')])
    assert.throws(() => decodeMessage(spelled(bad)), ProtocolError)
  assert.equal(`${linkOf(good)}`, good)
})

test('values that nest too deep, and sizes beyond the bound, are refused before they cost anything', () => {
  const nested = (depth: number) => Uint8Array.from([...Array(depth).fill(0x81), 0])
  decodeCbor('nest', nested(decodeDepthMax), 1_000)
  for (const depth of [decodeDepthMax + 1, 900, 100_000])
    assert.throws(
      () => decodeCbor('nest', nested(depth), 1_000_000),
      (error) => error instanceof ProtocolError && error.refusal.code === 'malformed',
    )
  assert.throws(
    () => decodeCbor('size', new Uint8Array(11), 10),
    (error) => error instanceof ProtocolError && error.refusal.code === 'too-large',
  )
})

test('a record counts only as its own kind, with the signature of its signer, of the right length', () => {
  const code = (run: () => unknown) => {
    try {
      run()
    } catch (error) {
      return error instanceof ProtocolError ? error.refusal.code : error
    }
    return 'taken'
  }
  assert.equal(
    code(() => openReceipt(lease, sha256, trusting)),
    'malformed',
  )
  assert.equal(
    code(() => openLease(lease, sha256, () => false)),
    'wrong-signature',
  )
  const short = { body: lease.body, signature: lease.signature.subarray(1) }
  assert.equal(
    code(() => openLease(short, sha256, trusting)),
    'wrong-signature',
  )
  const bent = { body: lease.body, signature: lease.signature.map((byte) => byte ^ 1) }
  assert.equal(openLease(bent, sha256, trusting).id, openLease(lease, sha256, trusting).id)
})

test('an advert speaks for its owner only with a certificate for this very peer', () => {
  const open = (changes: object, expiresMs = 100_000) =>
    openAdvert(sign(bodyOf('advert', v1, { ...advert, ...changes }, { expiresMs })), sha256, trusting, 1_000)
  const alone = open({})
  const owned = open({ certificate })
  assert.notEqual(alone.owner, owned.owner)
  const others = sign(bodyOf('owner', peerNamed('owner key'), { peer: peerNamed('v2') }))
  const over = sign(bodyOf('owner', peerNamed('owner key'), { peer: v1 }, { expiresMs: 999 }))
  for (const changes of [{ certificate: others }, { certificate: over }, { slots: { total: 1, free: 2 } }])
    assert.throws(() => open(changes), ProtocolError)
  assert.throws(() => open({}, 10_000_000), ProtocolError, 'it would outlive every advert')
  assert.throws(
    () => open({ name: 'x'.repeat(advertBytesMax) }),
    (error) => error instanceof ProtocolError && error.refusal.code === 'too-large',
  )
})
