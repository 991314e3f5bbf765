/** Packing a shard's outputs: none is lost for its neighbours' sake, and no more than a part of them is in memory. */
import assert from 'node:assert/strict'
import test from 'node:test'
import { Backlog, ByteBudget } from '../../src/host/byte-budget.ts'
import type { RecordResult, Slot } from '../../src/host/executor/contract.ts'
import { ResultPacker } from '../../src/host/result-packer.ts'
import { PartMissing, readPages } from '../../src/host/result-reader.ts'
import { seal, Unsealable, wrapKey } from '../../src/host/sealing/sealing.ts'
import type { Block } from '../../src/host/store/blocks.ts'
import { cidOf } from '../../src/host/store/cid.ts'
import type { JobBlocks } from '../../src/host/store/job-blocks.ts'
import { runShard } from '../../src/host/vehicle/runtime-session.ts'
import type { Cid } from '../../src/protocol/ids.ts'
import type { Manifest } from '../../src/protocol/job/manifest.ts'
import { decodeResult, type PageRecord } from '../../src/protocol/job/result.ts'
import { decodeParted, isParted } from '../../src/protocol/job/result-parts.ts'
import type { Shard } from '../../src/protocol/job/shard.ts'
import { blockBytesMax, resultBytesMax } from '../../src/protocol/limits.ts'
import { pageRecordBytesMax } from '../../src/protocol/sizes.ts'
import { manifestWith } from '../support/core-fakes.ts'

const key = new Uint8Array(32).fill(7)
const blind: Manifest['blind'] = { key: new Uint8Array(32), candidates: [], keys: manifestWith().documents }
const kib = 1024

function pageOf(bytes: number, fill = 'a'): PageRecord {
  return { output: Buffer.from(JSON.stringify({ text: fill.repeat(bytes) })), text: '', error: null }
}

async function packed(manifest: Manifest, pages: readonly PageRecord[]) {
  const blocks = new Map<Cid, Uint8Array>()
  const keptAfter: number[] = []
  const packer = new ResultPacker({
    manifest,
    key,
    keep: async (some, bytes) => {
      assert(some.reduce((sum, block) => sum + block.bytes.byteLength, 0) <= bytes)
      assert.equal(new Set(some.map(({ cid }) => cid)).size, some.length)
      for (const block of some) blocks.set(block.cid, block.bytes)
    },
  })
  for (const page of pages) {
    await packer.add(page)
    keptAfter.push(blocks.size)
  }
  const root: Block = await packer.finish()
  assert.equal(root.cid, cidOf('dag-cbor', root.bytes))
  assert(root.bytes.byteLength <= resultBytesMax)
  for (const bytes of blocks.values()) assert(bytes.byteLength <= blockBytesMax)
  const read = async (from = key) => {
    const records: PageRecord[] = []
    for await (const some of readPages(manifest, root.bytes, pages.length, from, (cid) => blocks.get(cid)))
      records.push(...some)
    return records
  }
  return { root, blocks, keptAfter, read, compared: packer.compared }
}

test('a result that fits in a block is one, as ever; above that it is in parts, and every page is there', async () => {
  const few = Array.from({ length: 3 }, (_, i) => pageOf(kib, `${i}`))
  const short = await packed(manifestWith(), few)
  assert(!isParted(short.root.bytes) && short.blocks.size === 0)
  assert.deepEqual(decodeResult(short.root.bytes, 3).records.length, 3)

  // 256 pages of 16 KB, as 300 documents of 8 KB had that lost all of their outputs.
  const many = Array.from({ length: 256 }, (_, i) => pageOf(16 * kib, String.fromCharCode(97 + (i % 26))))
  const long = await packed(manifestWith(), many)
  assert(isParted(long.root.bytes))
  assert.deepEqual(await long.read(), many.map(plainly))
  const { parts } = decodeParted(long.root.bytes, 256)
  assert(parts.every(({ blocks }) => blocks.length === 1) && parts.length < 6, `${parts.length} parts`)
})

test('pages go to the disk as soon as they fill a block, and long ones at once', async () => {
  const pages = [pageOf(10), pageOf(3 * kib * kib), pageOf(10), pageOf(900 * kib), pageOf(900 * kib, 'b')]
  const { keptAfter, root, read } = await packed(manifestWith(), pages)
  // Blocks of the same letter are the same, and kept once.
  assert.deepEqual(keptAfter, [0, 4, 4, 4, 5])
  assert.deepEqual(
    decodeParted(root.bytes, pages.length).parts.map((part) => part.pages),
    [1, 1, 2, 1],
  )
  assert.deepEqual(await read(), pages.map(plainly))
})

test('a page that is longer than any may be has an error of its own, and its neighbours are there', async () => {
  const exact = pageOf(0)
  const longest = pageRecordBytesMax - 42
  const pages = [pageOf(5), { ...exact, output: Buffer.alloc(pageRecordBytesMax, 32) }, pageOf(6)]
  const { read } = await packed(manifestWith(), pages)
  const [before, over, after] = await read()
  assert.deepEqual([before, after], [pages[0]!, pages[2]!].map(plainly))
  assert.deepEqual([over!.error?.code, over!.output.byteLength], ['output-limit', 0])
  const fitting = await packed(manifestWith(), [{ ...exact, output: Buffer.alloc(longest, 32) }])
  assert.deepEqual(
    (await fitting.read()).map(({ error, output }) => [error, output.byteLength]),
    [[null, longest]],
  )
})

test('the same pages make the same root, also sealed, and other pages another', async () => {
  const pages = [pageOf(700 * kib), pageOf(700 * kib, 'b')]
  for (const manifest of [manifestWith(), manifestWith({ blind })]) {
    const [first, again] = [await packed(manifest, pages), await packed(manifest, pages)]
    assert.equal(first.root.cid, again.root.cid)
    const other = await packed(manifest, [pages[0]!, pageOf(700 * kib, 'c')])
    assert.notEqual(first.root.cid, other.root.cid)
  }
})

test('a blind job’s parts are ciphertext, and open with the key of their shard alone', async () => {
  const pages = [pageOf(700 * kib, 'secret'), pageOf(10)]
  const { blocks, read } = await packed(manifestWith({ blind }), pages)
  assert.deepEqual(await read(), pages.map(plainly))
  await assert.rejects(read(new Uint8Array(32)), Unsealable)
  for (const bytes of blocks.values()) assert(!Buffer.from(bytes).includes('secret'))
})

test('a part that is gone is said, and what comes before it is read', async () => {
  const pages = [pageOf(2 * kib * kib), pageOf(2 * kib * kib, 'b')]
  const { root, blocks } = await packed(manifestWith(), pages)
  const { parts } = decodeParted(root.bytes, 2)
  blocks.delete(parts[1]!.blocks[2]!)
  const reading = readPages(manifestWith(), root.bytes, 2, key, (cid) => blocks.get(cid))
  assert.equal((await reading.next()).value?.length, 1)
  await assert.rejects(reading.next(), PartMissing)
})

test('pages are packed in their order, and the slot holds back while more wait than memory has room for', async () => {
  const text = 'document'
  const sealed = seal(key, Buffer.from(text))
  const file = cidOf('raw', sealed)
  const page = { document: file, bytes: sealed.byteLength, key: wrapKey(key, key) }
  const shard: Shard = { pages: Array.from({ length: 9 }, (_, i) => ({ ...page, page: i })) }
  const said: boolean[] = []
  const output = Buffer.alloc(100)
  const slot: Pick<Slot, 'run' | 'holdBack'> = {
    run: async (_, index): Promise<RecordResult> => ({
      ...{ output, text: `${index}`, error: null },
      ...{ cpuMs: 1, wallMs: 2 },
    }),
    holdBack: (isHeld) => said.push(isHeld),
  }
  const blocks = { get: async () => sealed } as unknown as JobBlocks
  const backlog = new Backlog(500, (isHeld) => slot.holdBack?.(isHeld))
  const source = { key, blocks, memory: new ByteBudget(10_000), backlog }
  const taken: string[] = []
  const run = await runShard(slot as Slot, manifestWith(), shard, source, async (record) => {
    taken.push(record.text)
    await new Promise((resolve) => setImmediate(resolve))
  })
  assert.deepEqual(taken.join(''), '012345678')
  assert.deepEqual(run, { cpuMs: 9, wallMs: 18 })
  assert.deepEqual(said, [true, false])

  // Whatever ends the run, nothing is held back for ever.
  said.length = 0
  await assert.rejects(
    runShard(slot as Slot, manifestWith(), shard, source, async () => {
      throw new Error('the disk is full')
    }),
    /the disk is full/,
  )
  assert.deepEqual(said, [true, false])
})

test('of a pack each page gets its own document, by its own key', async () => {
  const documents = ['one', 'two', 'three'].map((text, i) => {
    const own = new Uint8Array(32).fill(i + 1)
    return { own, sealed: seal(own, Buffer.from(text)) }
  })
  const pack = Buffer.concat(documents.map(({ sealed }) => sealed))
  const document = cidOf('raw', pack)
  let offset = 0
  const pages = documents.map(({ own, sealed }) => {
    const slice = { offset, bytes: sealed.byteLength }
    offset += sealed.byteLength
    return { document, bytes: pack.byteLength, slice, page: 0, key: wrapKey(key, own) }
  })
  let reads = 0
  const blocks = {
    get: async () => {
      reads += 1
      return pack
    },
  } as unknown as JobBlocks
  const slot = {
    run: async (bytes: Uint8Array) => ({
      ...{ output: new Uint8Array(0), text: Buffer.from(bytes).toString(), error: null },
      ...{ cpuMs: 1, wallMs: 1 },
    }),
  }
  const source = { key, blocks, memory: new ByteBudget(10_000), backlog: new Backlog(10_000, () => {}) }
  const taken: string[] = []
  await runShard(slot as unknown as Slot, manifestWith(), { pages }, source, async ({ text }) => {
    taken.push(text)
  })
  assert.deepEqual(taken, ['one', 'two', 'three'])
  assert.equal(reads, 1)
})

function plainly({ output, text, error }: PageRecord): PageRecord {
  return { output: Uint8Array.from(output), text, error }
}
