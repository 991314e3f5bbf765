import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import { CID } from 'multiformats/cid'
import type { Block } from '../../src/host/store/blocks.ts'
import { cidOf } from '../../src/host/store/cid.ts'
import { StoreError } from '../../src/host/store/errors.ts'
import {
  chunkFile,
  fileBlockBytesMax,
  fileBytesMax,
  missingFileBlocks,
  parseFileRoot,
  partsOfFile,
  readFile,
  readFileRange,
  writeFile,
} from '../../src/host/store/files.ts'
import type { Cid } from '../../src/protocol/ids.ts'
import { encodeCbor, linkOf } from '../../src/protocol/record/block.ts'
import { blockOf } from '../support/store.ts'

const edges = [0, 1, fileBlockBytesMax - 1, fileBlockBytesMax, fileBlockBytesMax + 1, 3 * fileBlockBytesMax]

test('a file comes back as it was, however its stream was cut, under one name', async () => {
  const sizes = fc.oneof(fc.constantFrom(...edges), fc.nat(4 * fileBlockBytesMax))
  await fc.assert(
    fc.asyncProperty(
      sizes,
      fc.array(fc.integer({ min: 1, max: 2_000_000 }), { maxLength: 20 }),
      async (size, cuts) => {
        const file = blockOf(size, size).bytes
        const whole = await split(file)
        const streamed = await split(cut(file, cuts))
        assert.equal(streamed.root, whole.root)
        assert.ok([...whole.blocks.values()].every(({ byteLength }) => byteLength <= fileBlockBytesMax))
        const back = await readFile({ file: whole.root, bytes: size }, (cid) => whole.blocks.get(cid), size)
        assert.equal(Buffer.compare(back, file), 0)
      },
    ),
    { numRuns: 25 },
  )
})

test('a file that fits in a block is that block', async () => {
  for (const size of [0, 1, fileBlockBytesMax]) {
    const file = blockOf(size).bytes
    const { root, blocks } = await split(file)
    assert.equal(root, cidOf('raw', file))
    assert.equal(blocks.size, 1)
  }
})

test('a writer learns the name and the length of what it streamed', async () => {
  for (const size of edges) {
    const written: Block[] = []
    const { root, bytes } = await writeFile(blockOf(size).bytes, (block) => void written.push(block))
    assert.deepEqual([root, bytes], [written.at(-1)!.cid, size])
  }
})

test('a fetcher asks for the root, then for each part that is missing, then for nothing', async () => {
  const { root, blocks } = await split(blockOf(2.5 * fileBlockBytesMax).bytes)
  const file = { file: root, bytes: 2.5 * fileBlockBytesMax }
  const here = new Map<Cid, Uint8Array>()
  const store = { get: (cid: Cid) => here.get(cid), size: (cid: Cid) => here.get(cid)?.byteLength }
  assert.deepEqual(await missingFileBlocks(file, store), [root])
  here.set(root, blocks.get(root)!)
  const missing = await missingFileBlocks(file, store)
  assert.equal(missing.length, 3)
  for (const cid of missing) here.set(cid, blocks.get(cid)!)
  assert.deepEqual(await missingFileBlocks(file, store), [])
})

test('a file of equal parts is fetched once and read in full', async () => {
  const file = new Uint8Array(5 * fileBlockBytesMax)
  const { root, blocks } = await split(file)
  assert.equal(blocks.size, 2)
  const reference = { file: root, bytes: file.byteLength }
  const missing = await missingFileBlocks(reference, { get: () => blocks.get(root), size: () => undefined })
  assert.equal(missing.length, 1)
  const whole = await readFile(reference, (cid) => blocks.get(cid), file.byteLength)
  assert.equal(whole.byteLength, file.byteLength)
})

test('one block that is named thousands of times counts each time, before a part of it is read', async () => {
  const part = blockOf(fileBlockBytesMax)
  const node = encodeCbor({
    bytes: 6_000 * fileBlockBytesMax,
    parts: Array.from({ length: 6_000 }, () => linkOf(part.cid)),
  })
  const root = cidOf('dag-cbor', node)
  const read: Cid[] = []
  const get = (cid: Cid) => {
    read.push(cid)
    return cid === root ? node : part.bytes
  }
  const stated = 6_000 * fileBlockBytesMax
  await assert.rejects(readFile({ file: root, bytes: stated }, get, stated - 1), { code: 'too-large' })
  assert.deepEqual(read, [], 'what is stated is too much already')
  // One that states less than the root says is caught by the root.
  await assert.rejects(readFile({ file: root, bytes: 10 }, get, stated), { code: 'not-a-file' })
  assert.deepEqual(read, [root])
  const blocks = { get, size: () => undefined }
  await assert.rejects(missingFileBlocks({ file: root, bytes: 10 }, blocks), { code: 'not-a-file' })
})

test('a file of another length than was stated is none, be it of one block or of many', async () => {
  for (const size of [10, 2 * fileBlockBytesMax]) {
    const { root, blocks } = await split(blockOf(size).bytes)
    const get = (cid: Cid) => blocks.get(cid)
    const store = { get, size: (cid: Cid) => blocks.get(cid)?.byteLength }
    for (const bytes of [size - 1, size + 1]) {
      await assert.rejects(readFile({ file: root, bytes }, get, fileBytesMax), { code: 'not-a-file' })
      await assert.rejects(partsOfFile({ file: root, bytes }, store), { code: 'not-a-file' })
    }
  }
})

test('some bytes of a file are read with no more of its parts than they are in', async () => {
  const size = 3 * fileBlockBytesMax + 7
  const file = blockOf(size).bytes
  const { root, blocks } = await split(file)
  await fc.assert(
    fc.asyncProperty(fc.nat(size), fc.nat(2 * fileBlockBytesMax), async (start, wish) => {
      const length = Math.min(wish, size - start)
      let parts = -1 // the root
      const get = (cid: Cid) => {
        parts += 1
        return blocks.get(cid)
      }
      const range = await readFileRange({ file: root, bytes: size }, get, start, length)
      assert.equal(Buffer.compare(range, file.subarray(start, start + length)), 0)
      assert(parts <= 1 + Math.ceil(length / fileBlockBytesMax))
    }),
    { numRuns: 25 },
  )
  const get = (cid: Cid) => blocks.get(cid)
  await assert.rejects(readFileRange({ file: root, bytes: size }, get, size, 1), { code: 'not-a-file' })
})

test('a reader refuses more than it asked for, and a missing part by name', async () => {
  const { root, blocks } = await split(blockOf(2 * fileBlockBytesMax).bytes)
  const get = (cid: Cid) => blocks.get(cid)
  const file = { file: root, bytes: 2 * fileBlockBytesMax }
  await assert.rejects(readFile(file, get, 2 * fileBlockBytesMax - 1), { code: 'too-large' })
  const [part] = parseFileRoot(root, blocks.get(root)!).parts
  blocks.delete(part!)
  await assert.rejects(readFile(file, get, fileBytesMax), { problem: { code: 'block-missing', cid: part } })
})

test('a root that any other writer would have written otherwise is refused', () => {
  const part = linkOf(blockOf(fileBlockBytesMax).cid)
  const node = linkOf(cidOf('dag-cbor', new Uint8Array(1)))
  const bytes = 2 * fileBlockBytesMax
  const bad: unknown[] = [
    null,
    [],
    { bytes },
    { bytes, parts: [part] },
    { bytes, parts: [part, part, part] },
    { bytes, parts: [part, node] },
    { bytes, parts: [part, part.toString()] },
    { bytes, parts: [part, part], more: 1 },
    { bytes: bytes - 0.5, parts: [part, part] },
    { bytes: -1, parts: [] },
    { bytes: fileBlockBytesMax, parts: [part] },
    { bytes: fileBytesMax + 1, parts: [part] },
    { bytes, parts: [part, CID.parse('QmYwAPJzv5CZsnA625s3Xf2nemtYgPpHdWEz79ojWnPbdG')] },
  ]
  for (const value of bad) {
    const block = encodeCbor(value)
    assert.throws(() => parseFileRoot(cidOf('dag-cbor', block), block), { code: 'not-a-file' }, String(value))
  }
  const good = encodeCbor({ bytes, parts: [part, part] })
  assert.equal(parseFileRoot(cidOf('dag-cbor', good), good).parts.length, 2)
})

test('no bytes at all make a root reader throw anything but a named refusal', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (block) => {
      try {
        parseFileRoot(cidOf('dag-cbor', block), block)
        assert.fail('a random block is no file')
      } catch (error) {
        assert.ok(error instanceof StoreError, String(error))
      }
    }),
  )
})

test('a part of the wrong length is not passed on', async () => {
  const short = blockOf(10)
  const node = encodeCbor({ bytes: fileBlockBytesMax + 10, parts: [linkOf(short.cid), linkOf(short.cid)] })
  const root = cidOf('dag-cbor', node)
  const get = (cid: Cid) => (cid === root ? node : short.bytes)
  const file = { file: root, bytes: fileBlockBytesMax + 10 }
  await assert.rejects(readFile(file, get, fileBytesMax), { code: 'not-a-file' })
})

async function split(
  source: Uint8Array | Iterable<Uint8Array>,
): Promise<{ root: Cid; blocks: Map<Cid, Uint8Array> }> {
  const blocks = new Map<Cid, Uint8Array>()
  let root: Cid | undefined
  for await (const { cid, bytes } of chunkFile(source)) {
    blocks.set(cid, bytes)
    root = cid
  }
  return { root: root!, blocks }
}

/** Pieces of the given sizes, and the rest. */
function* cut(file: Uint8Array, sizes: readonly number[]): Generator<Uint8Array> {
  let used = 0
  for (const size of sizes) {
    yield file.subarray(used, used + size)
    used += size
  }
  yield file.subarray(used)
}
