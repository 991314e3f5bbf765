/**
 * Encodings: what was written is read back alike, one thing has one encoding, and bytes from outside are refused
 * with a ProtocolError or are canonical; nothing else ever comes out of a decoder.
 *
 *   CARPOOL_SEED=17 node test/protocol/encoding.test.ts    replays the mutations of one seed
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { fromString } from 'uint8arrays'
import { RandomStream } from '../../src/base/prng.ts'
import { ProtocolError } from '../../src/protocol/errors.ts'
import { openLease, openReceipt } from '../../src/protocol/job/lease.ts'
import { decodePart, encodePart } from '../../src/protocol/job/result-parts.ts'
import { decodeShard } from '../../src/protocol/job/shard.ts'
import { decodeDepthMax, shardPagesMax } from '../../src/protocol/limits.ts'
import { isUntimely, openAdvert } from '../../src/protocol/membership/advert.ts'
import { decodeMessage } from '../../src/protocol/message.ts'
import { decodeCbor, encodeCbor, linkOf } from '../../src/protocol/record/block.ts'
import { recordBytesMax } from '../../src/protocol/sizes.ts'
import { advert, bytes32, certificate, codecs, lease, strict, trusting, v1 } from '../support/codecs.ts'
import { bodyOf, cidNamed, peerNamed, sha256, sign } from '../support/core-fakes.ts'

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

test('10,000 random mutations are refused by name or are canonical', () => {
  const seed = process.env.CARPOOL_SEED ?? `${Date.now()}`
  const chance = new RandomStream(sha256, fromString(seed), 'mutations')
  const all = Object.entries(codecs)
  let refused = 0
  for (let i = 0; i < 10_000; i += 1) {
    const [name, codec] = all[chance.below(all.length)]!
    const mutated = mutate(codec.good, all[chance.below(all.length)]![1].good, chance)
    try {
      if (strict(codec, mutated, name)) refused += 1
    } catch (error) {
      console.error(`replay: CARPOOL_SEED=${seed} node test/protocol/encoding.test.ts (mutation ${i})`)
      throw error
    }
  }
  assert(refused > 5_000, `most mutations are refused: ${refused}`)
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

test('a field of which a message of this version knows nothing is left out, and nothing else is', () => {
  for (const [name, codec] of Object.entries(codecs).filter(([name]) => name.startsWith('message'))) {
    const read = decodeCbor(name, codec.good, codec.good.length) as object
    assert.equal(strict(codec, encodeCbor({ ...read, unheard: 1 }), name), false)
  }
})

test('random bytes are refused by name or are canonical', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      for (const [name, codec] of Object.entries(codecs)) strict(codec, bytes, name)
    }),
    { numRuns: 200 },
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
  const spelled = (cid: string) => encodeCbor({ type: 'account', job: cid, before: null })
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
  // By a clock that is off, an honest advert is over or not yet true: it counts for nothing, and is no fault.
  for (const expiresMs of [10_000_000, 1_000]) assert(isUntimely(open({}, expiresMs), 1_000))
  assert(!isUntimely(open({}), 1_000))
  assert.throws(
    () => open({ name: 'x'.repeat(recordBytesMax.advert) }),
    (error) => error instanceof ProtocolError && error.refusal.code === 'too-large',
  )
})

test('an advert in which a name, a reason, an engine or an address would draw on a terminal is refused', () => {
  const open = (changes: object) =>
    openAdvert(
      sign(bodyOf('advert', v1, { ...advert, ...changes }, { expiresMs: 100_000 })),
      sha256,
      trusting,
      1_000,
    )
  open({})
  const engine = { runtime: 'ocr', engine: 'exact', id: 'ocr/1', isa: 'x', unitsPerHour: 0, ask: null }
  open({ engines: [engine] })
  for (const text of ['a\x1b[2J', 'a\nb', 'a\u202eb', 'a\x9bb'])
    for (const changes of [
      { name: text },
      { reasons: [text] },
      { software: text },
      { addresses: [text] },
      ...['runtime', 'engine', 'id', 'isa'].map((field) => ({ engines: [{ ...engine, [field]: text }] })),
    ])
      assert.throws(() => open(changes), ProtocolError, JSON.stringify(changes))
})

test('items are counted before anything is decoded: a megabyte of empty maps is refused, and the fullest list of parts is not', () => {
  const count = 2 ** 20
  const bomb = new Uint8Array(count + 5).fill(0xa0)
  bomb.set([0x9a, 0x00, 0x10, 0x00, 0x00])
  assert.throws(() => decodeCbor('bomb', bomb, 2 ** 21), /has more than \d+ items/)
  const parts = Array.from({ length: 24_000 }, (_, i) => linkOf(cidNamed(`part ${i}`)))
  const list = encodeCbor({ bytes: 1, parts })
  assert(list.byteLength < 2 ** 20)
  assert.doesNotThrow(() => decodeCbor('file', list, 2 ** 20))
  const records = Array.from({ length: shardPagesMax }, () => ({
    output: new Uint8Array(100),
    text: 'x'.repeat(100),
    error: { code: 'trap', message: 'm' },
  }))
  assert.equal(decodePart(encodePart(records as never), shardPagesMax).length, shardPagesMax)
  assert.throws(() => decodePart(bomb.subarray(0, 2 ** 16), 1), ProtocolError)
})
