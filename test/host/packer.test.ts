/** Small documents share a file, in their order, each under its own key; a few, and large ones, do not. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { cidOf } from '../../src/host/store/cid.ts'
import { type InspectedDocument, Packer } from '../../src/host/submission/packer.ts'
import type { FileReference } from '../../src/protocol/job/manifest.ts'

/** Documents of these lengths, as they are placed; `files`: what was named, in its order. */
async function packed(lengths: readonly number[], pages = 1) {
  const files = new Map<string, Uint8Array>()
  const packer = new Packer(async (bytes): Promise<FileReference> => {
    const file = cidOf('raw', bytes)
    files.set(file, bytes)
    return { file, bytes: bytes.byteLength }
  })
  const contents = lengths.map((length, i) => new Uint8Array(length).fill(i + 1))
  const placed: InspectedDocument[] = []
  for (const [i, sealed] of contents.entries()) {
    const key = new Uint8Array(32).fill(i)
    for await (const one of packer.add({ name: `${i}`, key, pages, pageCostMs: 1 }, sealed)) placed.push(one)
  }
  for await (const one of packer.end()) placed.push(one)
  assert.deepEqual(
    placed.map(({ name }) => name),
    contents.map((_, i) => `${i}`),
  )
  for (const [i, { file, bytes, slice, key }] of placed.entries()) {
    const whole = files.get(file)!
    assert.equal(bytes, whole.byteLength)
    const own = slice === undefined ? whole : whole.subarray(slice.offset, slice.offset + slice.bytes)
    assert.deepEqual(Buffer.from(own), Buffer.from(contents[i]!), `document ${i}`)
    assert.equal(key[0], i & 255, 'a key of its own')
  }
  return { files, placed }
}

const equal = (count: number, length = 100) => Array.from({ length: count }, () => length)

test('small documents are one file, up to as many as a shard has pages, and as long as a vehicle may fetch in vain', async () => {
  assert.equal((await packed(equal(256))).files.size, 1)
  assert.equal((await packed(equal(300))).files.size, 2)
  const { files } = await packed(equal(100, 10_000))
  assert.equal(files.size, 4)
  for (const bytes of files.values()) assert(bytes.byteLength <= 256 * 1024)
})

test('a few documents, large ones and those of several pages are files of their own', async () => {
  assert.equal((await packed(equal(15))).placed.filter(({ slice }) => slice).length, 0)
  const mixed = await packed([...equal(20), 20_000, ...equal(20)])
  assert.deepEqual([mixed.files.size, mixed.placed[20]!.slice], [3, undefined])
  assert.equal((await packed(equal(20), 2)).files.size, 20)
})
