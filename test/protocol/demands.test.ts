/** The bounds that a job keeps, whatever its manifest and its lists say. */
import assert from 'node:assert/strict'
import test from 'node:test'
import { excessOf, outlastsAll } from '../../src/protocol/job/demands.ts'
import { decodeShardList, encodeList, ShardListReader } from '../../src/protocol/job/lists.ts'
import { decodeShard, encodeShard } from '../../src/protocol/job/shard.ts'
import { readShardEntry } from '../../src/protocol/job/shard-entry.ts'
import {
  clockSkewMaxMs,
  documentBytesMax,
  documentsMax,
  jobDeadlineMsMax,
  shardBlockBytesMax,
  shardEntryBytesMax,
  shardPagesMax,
  weightsBytesMax,
} from '../../src/protocol/limits.ts'
import { decodeCbor, encodeCbor } from '../../src/protocol/record/block.ts'
import { decodeItems } from '../../src/protocol/record/items.ts'
import { Chance } from '../../src/simulator/chance.ts'
import { cidNamed, manifestWith } from '../support/core-fakes.ts'

const file = cidNamed('file')

test('a job at its bounds is taken, and a byte above each is refused', () => {
  const weights = (bytes: number) => ({
    weights: [
      { name: 'a', file, bytes: 1 },
      { name: 'b', file, bytes },
    ],
  })
  assert.equal(excessOf(manifestWith(weights(weightsBytesMax - 1))), undefined)
  assert.match(excessOf(manifestWith(weights(weightsBytesMax)))!, /its weights/)
  const shards = { file, bytes: 10 * shardEntryBytesMax + 5, count: 10, pages: 10 * shardPagesMax }
  assert.equal(excessOf(manifestWith({ shards })), undefined)
  assert.match(
    excessOf(manifestWith({ shards: { ...shards, bytes: shards.bytes + 1 } }))!,
    /its list of 10 shards/,
  )
  assert.match(excessOf(manifestWith({ shards: { ...shards, pages: shards.pages + 1 } }))!, /pages/)
  const documents = { file, bytes: 1, count: documentsMax + 1 }
  assert.match(excessOf(manifestWith({ documents }))!, /documents/)
  const blind = { key: new Uint8Array(32), candidates: [], keys: { file, bytes: 40 } }
  assert.match(excessOf(manifestWith({ blind }))!, /wrapped keys/)
  const nowMs = 1_000
  const deadlineMs = nowMs + jobDeadlineMsMax + clockSkewMaxMs
  assert.equal(outlastsAll(manifestWith({ deadlineMs }), nowMs), false)
  assert.equal(outlastsAll(manifestWith({ deadlineMs: deadlineMs + 1 }), nowMs), true)
})

test('a list of shards is what the manifest says of it, or none', () => {
  const entry = { shard: file, pages: 2, bytes: 5, costMs: 1 }
  const other = { ...entry, shard: cidNamed('other') }
  const list = encodeList([entry, other])
  const stated = { file, bytes: list.byteLength, count: 2, pages: 4 }
  const read = (changes: object, entries: (typeof entry)[]) => [
    ...new ShardListReader({ ...stated, ...changes }).push(encodeList(entries), true),
  ]
  assert.deepEqual(read({}, [entry, other]), [entry, other])
  const wrong: [object, (typeof entry)[], RegExp][] = [
    [{ count: 3 }, [entry, other], /has 2 shards/],
    [{ pages: 5 }, [entry, other], /have 4 pages/],
    [{ pages: 2 }, [entry, { ...other, pages: 0 }], /shard 1 has 0 pages/],
    [{ pages: 2 + shardPagesMax + 1 }, [entry, { ...other, pages: shardPagesMax + 1 }], /shard 1 has/],
    [{}, [entry, { ...other, bytes: documentBytesMax + 1 }], /bytes of documents/],
    [{ count: 3, pages: 6 }, [entry, other, entry], /shard 2 is the same block as one before it/],
  ]
  for (const [changes, entries, why] of wrong) assert.throws(() => read(changes, entries), why)
})

test('an entry of the list of shards is read as the decoder reads it, or left to it', () => {
  const seed = Number(process.env.CARPOOL_SEED ?? 1)
  const chance = new Chance(seed, 'entries')
  const random = (below: number) => chance.between(0, below - 1)
  const numbers = [0, 23, 24, 255, 256, 65_535, 65_536, 2 ** 32 - 1, 2 ** 32, Number.MAX_SAFE_INTEGER]
  const number = () => numbers[random(numbers.length)]!
  for (let i = 0; i < 2_000; i += 1) {
    const entry = { shard: cidNamed(`${i}`), pages: number(), bytes: number(), costMs: number() }
    const item = encodeCbor(entry)
    assert.deepEqual(readShardEntry(item), entry, `CARPOOL_SEED=${seed}`)
    // Whatever is changed in it: it is never read as something that the decoder would not read.
    item[random(item.byteLength)] = random(256)
    const changed = random(2) === 0 ? item : item.subarray(0, random(item.byteLength))
    const read = readShardEntry(changed)
    if (read !== undefined) assert.deepEqual(decodeCbor('entry', changed, 200), read, `CARPOOL_SEED=${seed}`)
  }
  const fraction = encodeCbor({ ...{ shard: file, pages: 1, bytes: 1 }, costMs: 0.5 })
  assert.equal(readShardEntry(fraction), undefined)
  assert.throws(
    () => decodeShardList(encodeCbor([{ shard: file, pages: 1, bytes: 1, costMs: -1 }])),
    /costMs/,
  )
})

test('a list of something else is refused at its first entry, before the others make anything', () => {
  const zeros = new Uint8Array(50 * 2 ** 20)
  zeros.set([0x9a, 0x00, 0x0f, 0x42, 0x40]) // a list of a million zeros
  const before = process.memoryUsage().heapUsed
  assert.throws(() => decodeShardList(zeros), { name: 'ProtocolError' })
  assert(process.memoryUsage().heapUsed - before < 2 ** 20)
  const long = encodeCbor([{ shard: 'x'.repeat(shardEntryBytesMax) }])
  assert.throws(() => decodeShardList(long), /too-large/)
})

test('items come one by one as they were written, and only in their one encoding', () => {
  const bounds = { what: 'test', countMax: 300, itemBytesMax: 64 }
  const values = [0, 'text', [1, [2]], { a: 1, bb: [] }, null, 2 ** 40, -1, new Uint8Array(3), true]
  const all = Array.from({ length: 30 }, (_, i) => values[i % values.length])
  assert.deepEqual([...decodeItems(encodeCbor(all), bounds)], all)
  const refused: Uint8Array[] = [
    encodeCbor({}),
    encodeCbor(Array.from({ length: 301 }, () => 0)),
    Uint8Array.of(0x98, 0x01, 0x00), // a longer head than needed
    Uint8Array.of(0x9f, 0x00, 0xff), // without a length
    Uint8Array.of(0x82, 0x00), // an entry is missing
    Uint8Array.of(0x81, 0x00, 0x00), // and here is one too many
    Uint8Array.of(0x81, 0x18, 0x01), // an integer padded
    Uint8Array.of(0x81, 0x5b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff), // bytes without end
    new Uint8Array(0),
  ]
  for (const bytes of refused) assert.throws(() => [...decodeItems(bytes, bounds)], { name: 'ProtocolError' })
})

test('a shard whose file has overlapping parts, parts beyond its end or two lengths is none, and one of a whole pack is', () => {
  const key = new Uint8Array(40)
  const part = (offset: number, bytes: number, fileBytes = 100) => ({
    ...{ document: cidNamed('pack'), bytes: fileBytes, page: 0, key },
    slice: { offset, bytes },
  })
  const decoded = (...pages: Parameters<typeof encodeShard>[0]['pages']) =>
    decodeShard(encodeShard({ pages }))
  assert.equal(decoded(part(0, 40), part(40, 60)).pages.length, 2)
  const whole = { document: cidNamed('pack'), bytes: 100, page: 0, key }
  assert.equal(decoded(whole, whole, part(0, 100)).pages.length, 3)
  const refused = [
    [part(0, 100), part(0, 1)],
    [part(99, 2)],
    [part(Number.MAX_SAFE_INTEGER, 1)],
    [part(0, 40), part(0, 40, 101)],
    [whole, { ...whole, bytes: 99 }],
  ]
  for (const pages of refused) assert.throws(() => decoded(...pages), /malformed: what shard/)
})

test('a shard with more documents than a vehicle takes is none, and the fullest honest one is', () => {
  const page = (i: number, bytes: number) => ({
    document: cidNamed(`${i}`),
    bytes,
    page: Number.MAX_SAFE_INTEGER,
    key: new Uint8Array(40),
  })
  const full = encodeShard({ pages: Array.from({ length: shardPagesMax }, (_, i) => page(i, 1_000)) })
  assert(full.byteLength < shardBlockBytesMax)
  assert.equal(decodeShard(full).pages.length, shardPagesMax)
  const half = documentBytesMax / 2
  assert.equal(decodeShard(encodeShard({ pages: [page(0, half), page(1, half)] })).pages.length, 2)
  const over = encodeShard({ pages: [page(0, half), page(1, half + 1)] })
  assert.throws(() => decodeShard(over), /too-large/)
})
