/** The list of a large submission's documents, which is put aside while it grows and read part by part. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  seal,
  sealParts,
  shardKey,
  Unsealable,
  unsealParts,
  unwrapKey,
} from '../../src/host/sealing/sealing.ts'
import { cidOf } from '../../src/host/store/cid.ts'
import { Catalogue } from '../../src/host/submission/catalogue.ts'
import type { InspectedDocument } from '../../src/host/submission/packer.ts'
import { sealShards } from '../../src/host/submission/sealed-shards.ts'
import { DocumentListReader, decodeDocumentList, encodeList } from '../../src/protocol/job/lists.ts'
import { decodeShard } from '../../src/protocol/job/shard.ts'
import { splitBounds } from '../../src/protocol/job/split.ts'
import { splitIntoShards } from '../support/split.ts'
import { temporaryStore } from '../support/store.ts'

/** More than one part; some of several pages, and some that are equal to the one before. */
const documents: readonly InspectedDocument[] = Array.from({ length: 4_000 }, (_, i) => ({
  name: `a name that is secret ${i}`,
  file: cidOf('raw', Buffer.from(`${i - (i % 10 === 1 ? 1 : 0)}`)),
  bytes: i - (i % 10 === 1 ? 1 : 0),
  pages: i % 500 === 0 ? 300 : 1,
  pageCostMs: 1 + (i % 5) / 3,
  key: Buffer.alloc(32, `${i - (i % 10 === 1 ? 1 : 0)}`),
}))
const listed = documents.map(({ name, file, bytes, pages }) => ({ name, file, bytes, pages }))

test('documents come back in order, and their list is that of the protocol', async (t) => {
  const store = temporaryStore(t, { cacheBytesMax: 0 })
  const catalogue = new Catalogue(store.blocks)
  for (const document of documents) await catalogue.add(document)
  const blocks = store.database.all<{ cid: string; body: Uint8Array | null }>('SELECT cid, body FROM blocks')
  assert(blocks.length >= 1, 'a part was put aside')
  for (const { cid } of blocks) {
    const bytes = await store.blocks.get(cid as InspectedDocument['file'])
    assert(!Buffer.from(bytes!).includes('secret'), 'sealed')
  }
  const back = await collected(catalogue.documents())
  assert.deepEqual(
    back.map((document) => ({ ...document, key: Buffer.from(document.key) })),
    documents,
  )
  assert.equal(catalogue.count, documents.length)
  assert.equal(
    catalogue.pages,
    documents.reduce((sum, { pages }) => sum + pages, 0),
  )
  const list = Buffer.concat(await collected(catalogue.list()))
  assert.deepEqual(list, Buffer.from(encodeList(listed)))
  assert.equal(catalogue.listBytes, list.byteLength)
  assert.deepEqual(
    Buffer.concat(await collected(new Catalogue(store.blocks).list())),
    Buffer.from(encodeList([])),
  )
  await catalogue.letGo()
  assert.equal(store.database.get<{ n: number }>('SELECT count(*) AS n FROM blocks')!.n, 0)
})

test('the parts of one document count as one', async (t) => {
  const catalogue = new Catalogue(temporaryStore(t).blocks)
  const [first, second] = documents
  for (const firstPage of [1, 4]) await catalogue.add({ ...first!, name: 'a.pdf', firstPage })
  await catalogue.add({ ...second!, name: 'b.png' })
  assert.deepEqual([catalogue.count, catalogue.named], [3, 2])
})

test('a part that the disk has lost is said', async (t) => {
  const store = temporaryStore(t, { cacheBytesMax: 0, hotBytesMax: 0 })
  const catalogue = new Catalogue(store.blocks)
  for (const document of documents) await catalogue.add(document)
  store.database.run('DELETE FROM blocks')
  await assert.rejects(collected(catalogue.list()), /damaged on this disk; submit again/)
})

test('shards of documents that come one by one are those of all of them, and have the keys of their documents', async () => {
  async function* coming() {
    yield* documents
  }
  const secret = new Uint8Array(32).fill(7)
  const cutting = {
    bounds: splitBounds(Number.MAX_SAFE_INTEGER, 2, 1),
    estimated: <T>(one: T) => one,
    costMs: 0,
  }
  const sealed = await collected(sealShards(coming(), cutting, secret))
  const planned = splitIntoShards(documents)
  assert.equal(sealed.length, planned.length)
  const keys = new Map(documents.map(({ file, key }) => [file, key]))
  for (const [position, { bytes }] of sealed.entries()) {
    const { pages } = decodeShard(bytes)
    assert.deepEqual(
      pages.map(({ document, page }) => [document, page]),
      planned[position]!.pages.map(({ document, page }) => [document, page]),
    )
    for (const { document, key } of pages)
      assert.deepEqual(Buffer.from(unwrapKey(shardKey(secret, position), key, 'a key')), keys.get(document))
  }
})

test('a list is read alike in whatever parts it comes, and refused in parts as it is as a whole', () => {
  const some = listed.slice(0, 400)
  const whole = encodeList(some)
  for (const size of [1_000, 13_000, 40_000, whole.byteLength]) assert.deepEqual(inParts(whole, size), some)
  const long = encodeList([{ ...some[0]!, name: 'x'.repeat(20_000) }])
  for (const bad of [
    whole.subarray(0, -1),
    Buffer.concat([whole, Buffer.of(0)]),
    long,
    Buffer.of(0xa0),
    Buffer.of(),
  ]) {
    assert.throws(() => decodeDocumentList(bad), { name: 'ProtocolError' })
    for (const size of [1_000, 15_000]) assert.throws(() => inParts(bad, size), { name: 'ProtocolError' })
  }
})

test('what is sealed in parts is what is sealed as a whole, and nothing of it opens that was changed', async () => {
  const key = new Uint8Array(32).fill(9)
  for (const length of [0, 1, 100, 5_000]) {
    const plain = Buffer.alloc(length, 'plain ')
    const sealed = seal(key, plain)
    for (const size of [1, 16, 17, 64, 6_000].filter((one) => length / one < 500)) {
      assert.deepEqual(Buffer.concat(await collected(sealParts(key, cut(plain, size)))), Buffer.from(sealed))
      const opened = unsealParts(key, sealed.byteLength, () => cut(sealed, size), 'it')
      assert.deepEqual(Buffer.concat(await collected(opened)), plain)
      for (const at of [0, sealed.byteLength - 1]) {
        const changed = Buffer.from(sealed)
        changed[at]! ^= 1
        const taken: Uint8Array[] = []
        const opening = async () => {
          for await (const part of unsealParts(key, changed.byteLength, () => cut(changed, size), 'it'))
            taken.push(part)
        }
        await assert.rejects(opening(), Unsealable)
        assert.equal(taken.length, 0, 'before anything is handed out')
      }
    }
  }
  await assert.rejects(collected(unsealParts(key, 7, () => cut(Buffer.alloc(7), 7), 'it')), Unsealable)
})

function inParts(list: Uint8Array, size: number) {
  const reader = new DocumentListReader()
  const parts = Array.from({ length: Math.ceil(list.byteLength / size) }, (_, i) =>
    list.subarray(i * size, (i + 1) * size),
  )
  return [...parts.flatMap((part) => [...reader.push(part, false)]), ...reader.push(new Uint8Array(0), true)]
}

async function* cut(bytes: Uint8Array, size: number) {
  for (let at = 0; at < bytes.byteLength; at += size) yield bytes.subarray(at, at + size)
}

async function collected<Item>(items: AsyncIterable<Item>): Promise<Item[]> {
  const all: Item[] = []
  for await (const item of items) all.push(item)
  return all
}
