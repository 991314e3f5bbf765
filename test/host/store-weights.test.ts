/** Weights that are one file on the disk: put together from blocks in any order, served, repaired and dropped as a whole. */
import assert from 'node:assert/strict'
import {
  chmodSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { join } from 'node:path'
import test, { type TestContext } from 'node:test'
import fc from 'fast-check'
import { rowBytesMax } from '../../src/host/store/block-writer.ts'
import type { Block } from '../../src/host/store/blocks.ts'
import { cidOf } from '../../src/host/store/cid.ts'
import type { StoreError } from '../../src/host/store/errors.ts'
import { chunkFile, fileBlockBytesMax } from '../../src/host/store/files.ts'
import type { JobBlocks } from '../../src/host/store/job-blocks.ts'
import { WeightFiles, type Written } from '../../src/host/store/weight-files.ts'
import { WeightRows } from '../../src/host/store/weight-rows.ts'
import { openStore, type Store } from '../../src/host/store.ts'
import { Staging } from '../../src/host/submission/staging.ts'
import { weightsOf as weightsOfNode } from '../../src/host/weights.ts'
import type { Cid } from '../../src/protocol/ids.ts'
import { encodeCbor, linkOf } from '../../src/protocol/record/block.ts'
import { blockOf, ended, jobNamed, runChild, temporaryDirectory, temporaryStore } from '../support/store.ts'

const [jobA, jobB] = [jobNamed('a'), jobNamed('b')]

interface Weights {
  readonly file: Cid
  readonly bytes: number
  readonly whole: Uint8Array
  readonly root: Block
  readonly parts: readonly Block[]
}

async function weightsOf(whole: Uint8Array): Promise<Weights> {
  const blocks: Block[] = []
  for await (const block of chunkFile(whole)) blocks.push(block)
  const root = blocks.at(-1)!
  return { file: root.cid, bytes: whole.byteLength, whole, root, parts: blocks.slice(0, -1) }
}

/** Weights of these parts, which others may share, and of a short one. */
function weightsWith(...seeds: readonly number[]): Promise<Weights> {
  const parts = [
    ...seeds.map((seed) => blockOf(fileBlockBytesMax, seed)),
    blockOf(1_000 + seeds[0]!, seeds[0]),
  ]
  return weightsOf(Buffer.concat(parts.map(({ bytes }) => bytes)))
}

/** As a vehicle does: the root first, and then the parts that are not here. */
async function fetchInto(mine: JobBlocks, weights: Weights, order = weights.parts): Promise<void> {
  if ((await mine.take([weights.file], 'weights')).length > 0)
    await mine.put(weights.file, weights.root.bytes, 'weights')
  await mine.plan(weights)
  const missing = new Set(
    await mine.take(
      weights.parts.map(({ cid }) => cid),
      'weights',
    ),
  )
  for (const { cid, bytes } of order) if (missing.delete(cid)) await mine.put(cid, bytes, 'weights')
}

/** Without assert's own comparison, which takes minutes to show how megabytes differ. */
function same(actual: Uint8Array | undefined, expected: Uint8Array): void {
  assert(
    actual !== undefined && Buffer.compare(actual, expected) === 0,
    `${actual?.byteLength} bytes are not the ${expected.byteLength} that were kept`,
  )
}

const filesIn = ({ directory }: Store) => ({
  blocks: readdirSync(directory.blocksPath),
  weights: readdirSync(directory.weightsPath),
})

function damage(path: string, at: number): void {
  chmodSync(path, 0o600)
  writeSync(openSync(path, 'r+'), new Uint8Array([1, 2, 3]), 0, 3, at)
  chmodSync(path, 0o400)
}

test('weights come in any order, are one read-only file, and their blocks are served from it', async (t) => {
  const store = temporaryStore(t, { hotBytesMax: 0 })
  const weights = await weightsWith(1, 2, 3)
  const mine = store.blocks.of(jobA)
  await fetchInto(mine, weights, [...weights.parts].reverse())
  const path = (await mine.pathOf(weights))!
  same(readFileSync(path), weights.whole)
  assert.equal(statSync(path).mode & 0o777, 0o400)
  for (const { cid, bytes } of weights.parts) same(await store.blocks.get(cid), bytes)
  assert.deepEqual(filesIn(store), { blocks: [], weights: [weights.file] }, 'nothing is on the disk twice')
  assert.equal(await mine.pathOf(weights), path)
  await store.blocks.release(jobA)
  assert.equal(await store.blocks.of(jobB).pathOf(weights), path, 'it outlives its job as a cache')
})

test('blocks that were here before move into the file, also the ones of one block and of none', async (t) => {
  const store = temporaryStore(t)
  const weights = await weightsWith(1, 2)
  const mine = store.blocks.of(jobA)
  await mine.putMany([...weights.parts, weights.root], 'weights')
  assert.equal(filesIn(store).blocks.length, 2)
  const path = (await mine.pathOf(weights))!
  same(readFileSync(path), weights.whole)
  assert.deepEqual(filesIn(store), { blocks: [], weights: [weights.file] })
  const [one, tiny] = [blockOf(rowBytesMax + 1, 7), blockOf(rowBytesMax, 8)]
  await mine.putMany([one, tiny], 'weights')
  const pathOfOne = await mine.pathOf({ file: one.cid, bytes: one.bytes.byteLength })
  same(readFileSync(pathOfOne!), one.bytes)
  assert.equal(await mine.pathOf({ file: tiny.cid, bytes: tiny.bytes.byteLength }), null)
})

test('a file of which a part is missing, or has another length than its place, is refused by name', async (t) => {
  const store = temporaryStore(t)
  const weights = await weightsWith(1, 2)
  const mine = store.blocks.of(jobA)
  await mine.putMany([weights.root, ...weights.parts.slice(1)], 'weights')
  await assert.rejects(mine.pathOf(weights), { code: 'block-missing' })
  await assert.rejects(mine.pathOf({ ...weights, bytes: weights.bytes + 1 }), { code: 'not-a-file' })
  // The short block comes first; or one that is longer than the last place.
  for (const [bytes, parts] of [
    [weights.bytes, [...weights.parts].reverse()],
    [weights.bytes - 10, weights.parts],
  ] as const) {
    const root = encodeCbor({ bytes, parts: parts.map(({ cid }) => linkOf(cid)) })
    const cid = cidOf('dag-cbor', root)
    const other = temporaryStore(t).blocks.of(jobB)
    await fetchInto(other, { ...weights, file: cid, bytes, root: { cid, bytes: root }, parts })
    await assert.rejects(other.pathOf({ file: cid, bytes }), { code: 'not-a-file' })
  }
})

test('a file that names one block many times is set aside in full before it is written', async (t) => {
  const store = temporaryStore(t)
  const { freeBytes, totalBytes } = store.directory.space()
  t.mock.method(store.directory, 'space', () => ({
    freeBytes: Math.ceil(totalBytes * 0.05) + 80 * 2 ** 20,
    totalBytes,
  }))
  assert(freeBytes > 0)
  const part = blockOf(fileBlockBytesMax)
  const reference = (count: number) => {
    const bytes = encodeCbor({
      bytes: count * fileBlockBytesMax,
      parts: Array.from({ length: count }, () => linkOf(part.cid)),
    })
    return { root: { cid: cidOf('dag-cbor', bytes), bytes }, bytes: count * fileBlockBytesMax }
  }
  const mine = store.blocks.of(jobA)
  const [large, small] = [reference(500), reference(10)]
  await mine.putMany([part, large.root, small.root], 'weights')
  await assert.rejects(mine.pathOf({ file: large.root.cid, bytes: large.bytes }), { code: 'no-room' })
  const path = await mine.pathOf({ file: small.root.cid, bytes: small.bytes })
  assert.equal(statSync(path!).size, small.bytes)
})

test('damage in the file is found when a block is read, and before a process maps it; the block alone comes again', async (t) => {
  const store = temporaryStore(t, { hotBytesMax: 0 })
  const weights = await weightsWith(1, 2, 3)
  const mine = store.blocks.of(jobA)
  await fetchInto(mine, weights)
  const path = (await mine.pathOf(weights))!
  for (const [look, part] of [
    [() => store.blocks.get(weights.parts[1]!.cid), 1],
    [() => mine.pathOf(weights).catch((error: StoreError) => assert.equal(error.code, 'block-missing')), 2],
  ] as const) {
    damage(path, part * fileBlockBytesMax + 5)
    assert.equal(await look(), undefined)
    const { cid, bytes } = weights.parts[part]!
    assert.deepEqual(
      await mine.take(
        weights.parts.map((one) => one.cid),
        'weights',
      ),
      [cid],
    )
    await mine.put(cid, bytes, 'weights')
    assert.equal(await mine.pathOf(weights), path)
    same(readFileSync(path), weights.whole)
    assert.equal(statSync(path).mode & 0o777, 0o400)
  }
  // Touched and not changed.
  chmodSync(path, 0o440)
  assert.equal(await mine.pathOf(weights), path)
})

test('a part that is written while its file goes is kept all the same', async (t) => {
  const store = temporaryStore(t, { hotBytesMax: 0, cacheBytesMax: 0 })
  const weights = await weightsWith(1, 2)
  const [first, second] = weights.parts as [Block, Block]
  const mine = store.blocks.of(jobA)
  await mine.put(weights.file, weights.root.bytes, 'weights')
  await mine.plan(weights)
  await mine.put(first.cid, first.bytes, 'weights')
  const { sync } = WeightFiles.prototype
  t.mock.method(
    WeightFiles.prototype,
    'sync',
    async function (this: WeightFiles, written: readonly Written[]) {
      if (store.blocks.has(first.cid)) await store.blocks.release(jobA)
      return sync.call(this, written)
    },
  )
  await store.blocks.of(jobB).put(second.cid, second.bytes, 'weights')
  same(await store.blocks.get(second.cid), second.bytes)
  assert.deepEqual(filesIn(store), { blocks: [second.cid], weights: [] })
})

test('a file that vanished while the node was away is missing as a whole', async (t) => {
  const path = temporaryDirectory(t)
  const weights = await weightsWith(1, 2)
  const first = openStore(path)
  await fetchInto(first.blocks.of(jobA), weights)
  const file = (await first.blocks.of(jobA).pathOf(weights))!
  first.close()
  rmSync(file)
  const store = openStore(path)
  t.after(() => store.close())
  const mine = store.blocks.of(jobA)
  assert.equal(
    (
      await mine.take(
        weights.parts.map(({ cid }) => cid),
        'weights',
      )
    ).length,
    weights.parts.length,
  )
  await fetchInto(mine, weights)
  same(readFileSync((await mine.pathOf(weights))!), weights.whole)
})

test('the cache forgets weights as a whole, the least recently used first', async (t) => {
  let now = 0
  const store = temporaryStore(t, { cacheBytesMax: 5 * 2 ** 20, now: () => (now += 1) })
  const all = [await weightsWith(1, 2), await weightsWith(3, 4), await weightsWith(5, 6)]
  for (const weights of all) {
    await fetchInto(store.blocks.of(jobA), weights)
    await store.blocks.of(jobA).pathOf(weights)
  }
  await store.blocks.of(jobA).pathOf(all[0]!)
  await store.blocks.release(jobA)
  const kept = all.map(({ file, parts }) =>
    [file, ...parts.map(({ cid }) => cid)].map((cid) => store.blocks.has(cid)),
  )
  assert.deepEqual(
    kept.map((some) => [...new Set(some)]),
    [[true], [false], [true]],
  )
  assert.deepEqual(new Set(filesIn(store).weights), new Set([all[0]!.file, all[2]!.file]))
})

test('after kill -9, the blocks that were acknowledged need not come again', {
  timeout: 400_000,
}, async (t) => {
  const path = temporaryDirectory(t)
  const weights = await weightsWith(...Array.from({ length: 24 }, (_, i) => i))
  const program = `
    import { openStore } from './store.ts'
    import { chunkFile } from './store/files.ts'
    import { cidOf } from './store/cid.ts'
    const blocks = []
    const part = (bytes, seed) => {
      const body = new Uint8Array(bytes)
      for (let i = 0; i < bytes; i += 1) body[i] = (i * 31 + seed * 7 + (i >> 8)) & 0xff
      new DataView(body.buffer).setUint32(0, seed)
      return body
    }
    const whole = Buffer.concat([...Array.from({ length: 24 }, (_, i) => part(${fileBlockBytesMax}, i)), part(1000, 0)])
    for await (const block of chunkFile(whole)) blocks.push(block)
    const root = blocks.pop()
    const mine = openStore(process.argv[1]).blocks.of('${jobA}')
    await mine.put(root.cid, root.bytes, 'weights')
    await mine.plan({ file: root.cid, bytes: whole.byteLength })
    const missing = new Set(await mine.take(blocks.map(({ cid }) => cid), 'weights'))
    for (const { cid, bytes } of blocks) if (missing.has(cid)) {
      await mine.put(cid, bytes, 'weights')
      process.stdout.write(cid + '\\n')
    }`
  const acknowledged: Cid[] = []
  for (let round = 0; round < 3; round += 1) {
    const child = runChild(t, program, path)
    let count = 0
    for await (const line of child.lines) {
      acknowledged.push(line as Cid)
      count += 1
      if (count === 3 + round) child.kill('SIGKILL')
    }
    await ended(child)
  }
  assert.equal(new Set(acknowledged).size, acknowledged.length, 'none was put twice')
  const store = openStore(path)
  t.after(() => store.close())
  const mine = store.blocks.of(jobA)
  const missing = new Set(
    await mine.take(
      weights.parts.map(({ cid }) => cid),
      'weights',
    ),
  )
  for (const cid of acknowledged) assert(!missing.has(cid))
  await fetchInto(mine, weights)
  same(readFileSync((await mine.pathOf(weights))!), weights.whole)
  assert.deepEqual(filesIn(store), { blocks: [], weights: [weights.file] })
})

test('however jobs share weights, no job loses a part, and after all are gone nothing is left', async (t) => {
  const path = temporaryDirectory(t)
  let store = openStore(path, { cacheBytesMax: 0, hotBytesMax: 0 })
  t.after(() => store.close())
  const world = await Promise.all([weightsWith(1, 2), weightsWith(2, 3, 2), weightsWith(3, 1)])
  const jobs = [0, 1, 2].map((i) => jobNamed(`job ${i}`))
  const step = fc.record({
    job: fc.nat(2),
    weights: fc.nat(2),
    what: fc.constantFrom('fetch', 'fetch', 'path', 'release', 'restart'),
    isAwaited: fc.boolean(),
  })
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 12 }), async (steps) => {
      const held = jobs.map(() => new Set<Weights>())
      let underWay: Promise<void>[] = []
      const settled = async () => {
        await Promise.all(underWay)
        underWay = []
      }
      for (const { job, weights, what, isAwaited } of steps) {
        const [id, mine, file] = [jobs[job]!, held[job]!, world[weights]!]
        if (what === 'fetch') {
          const fetching = fetchInto(store.blocks.of(id), file).then(
            () => void mine.add(file),
            (error) => assert.equal(error.code, 'released'),
          )
          underWay.push(fetching)
        } else if (what === 'path') {
          if (!mine.has(file)) continue
          const whole = await store.blocks.of(id).pathOf(file)
          same(readFileSync(whole!), file.whole)
        } else if (what === 'release') {
          // What is still coming for it is nobody's.
          held[job] = new Set()
          underWay.push(store.blocks.release(id))
        } else {
          await settled()
          store.close()
          store = openStore(path, { cacheBytesMax: 0, hotBytesMax: 0 })
        }
        if (isAwaited) await settled()
      }
      await settled()
      for (const [job, files] of held.entries())
        for (const file of files) {
          for (const { cid, bytes } of file.parts) same(await store.blocks.get(cid), bytes)
          same(readFileSync((await store.blocks.of(jobs[job]!).pathOf(file))!), file.whole)
        }
      for (const id of jobs) await store.blocks.release(id)
      assert.deepEqual(filesIn(store), { blocks: [], weights: [] })
      for (const table of ['blocks', 'block_uses', 'weight_files', 'weight_parts'] as const)
        assert.deepEqual(store.database.all(sqlOf[table]), [], table)
    }),
    { numRuns: 25 },
  )
})

const sqlOf = {
  blocks: 'SELECT cid FROM blocks',
  block_uses: 'SELECT cid FROM block_uses',
  weight_files: 'SELECT file FROM weight_files',
  weight_parts: 'SELECT file FROM weight_parts',
}

/** A submitter's file that is named by its path. */
async function submitted(t: TestContext, store: Store, weights: Weights) {
  const path = join(temporaryDirectory(t), 'model.gguf')
  writeFileSync(path, weights.whole, { mode: 0o640 })
  const staging = new Staging(store.blocks)
  const told: number[] = []
  const kept = await staging.keepWeights(path, (bytes) => told.push(bytes))
  assert.deepEqual(kept, { file: weights.file, bytes: weights.bytes })
  assert.equal(told.at(-1), weights.bytes)
  const mine = store.blocks.of(jobA)
  await staging.handTo(mine)
  await staging.letGo()
  return { path, mine, staging }
}

test('a submitter’s file is linked and not copied, keeps its mode, and outlives its own name', async (t) => {
  const store = temporaryStore(t, { hotBytesMax: 0, cacheBytesMax: 0 })
  const weights = await weightsWith(1, 2)
  const { path, mine } = await submitted(t, store, weights)
  const here = (await mine.pathOf(weights))!
  assert.equal(statSync(here).ino, statSync(path).ino)
  assert.equal(statSync(path).mode & 0o777, 0o640)
  assert.deepEqual(filesIn(store), { blocks: [], weights: [weights.file] })
  for (const { cid, bytes } of weights.parts) same(await store.blocks.get(cid), bytes)
  rmSync(path)
  same(readFileSync((await mine.pathOf(weights))!), weights.whole)
  await store.blocks.release(jobA)
  assert.deepEqual(filesIn(store), { blocks: [], weights: [] })
})

test('a submitter’s file that is named by a link, as in a cache of models, is linked itself', async (t) => {
  const store = temporaryStore(t)
  const weights = await weightsWith(1, 2)
  const folder = temporaryDirectory(t)
  writeFileSync(join(folder, 'blob'), weights.whole)
  mkdirSync(join(folder, 'snapshot'))
  symlinkSync('../blob', join(folder, 'snapshot', 'model.gguf'))
  const kept = await new Staging(store.blocks).keepWeights(join(folder, 'snapshot', 'model.gguf'), () => {})
  assert.deepEqual(kept, { file: weights.file, bytes: weights.bytes })
  const here = join(store.directory.weightsPath, weights.file)
  assert.equal(lstatSync(here).ino, statSync(join(folder, 'blob')).ino)
})

test('where it cannot be linked it is copied', async (t) => {
  const store = temporaryStore(t)
  const weights = await weightsWith(1, 2)
  t.mock.method(WeightFiles.prototype, 'link', async () => null)
  const { path, mine } = await submitted(t, store, weights)
  const here = (await mine.pathOf(weights))!
  assert.notEqual(statSync(here).ino, statSync(path).ino)
  same(readFileSync(here), weights.whole)
  assert.deepEqual(filesIn(store), { blocks: [], weights: [weights.file] })
})

test('a linked file that its user changes is damaged for the job, is never written, and can be submitted or fetched again', async (t) => {
  const store = temporaryStore(t, { hotBytesMax: 0 })
  const weights = await weightsWith(1, 2)
  const { path, mine } = await submitted(t, store, weights)
  const changed = Uint8Array.from(weights.whole)
  changed[fileBlockBytesMax + 7]! ^= 1
  writeFileSync(path, changed)
  await assert.rejects(mine.pathOf(weights), { code: 'block-missing' })
  for (const { cid } of weights.parts) assert.equal((await store.blocks.get(cid))?.byteLength, undefined)
  await fetchInto(mine, weights)
  same(readFileSync((await mine.pathOf(weights))!), weights.whole)
  same(readFileSync(path), changed)
  assert.equal(statSync(path).mode & 0o777, 0o640)
})

test('a kill while a user’s file is linked leaves nothing that could write it', async (t) => {
  const folder = temporaryDirectory(t)
  const weights = await weightsWith(1, 2)
  const first = openStore(folder)
  t.mock.method(WeightRows.prototype, 'whole', () => {
    throw new Error('killed')
  })
  await assert.rejects(submitted(t, first, weights), /killed/)
  assert.equal(filesIn(first).weights.length, 1)
  first.close()
  t.mock.restoreAll()
  const store = openStore(folder)
  t.after(() => store.close())
  assert.deepEqual(filesIn(store), { blocks: [], weights: [] })
  await fetchInto(store.blocks.of(jobB), weights)
  same(readFileSync((await store.blocks.of(jobB).pathOf(weights))!), weights.whole)
})

test('an owner adds weights, pins, unpins and removes them, and is told why where that cannot be', async (t) => {
  const store = temporaryStore(t, { cacheBytesMax: 0 })
  const owner = weightsOfNode(store.blocks)
  const weights = await weightsWith(1, 2)
  const path = join(temporaryDirectory(t), 'model.gguf')
  writeFileSync(path, weights.whole)
  const added = await owner.addWeights(path)
  assert.deepEqual(
    [added.file, added.bytes, added.parts, added.partsHere, added.isPinned, added.jobs],
    [weights.file, weights.bytes, 3, 3, true, 0],
  )
  assert(store.blocks.isPublic(weights.parts[0]!.cid), 'peers may have them')
  const mine = store.blocks.of(jobA)
  assert.deepEqual(await mine.take([weights.file, ...weights.parts.map(({ cid }) => cid)], 'weights'), [])
  assert.throws(() => owner.removeWeights(weights.file), /is in use by a job: it can go when/)
  await store.blocks.release(jobA)
  assert.equal(owner.weights().length, 1, 'not even a cache without room takes what is pinned')
  assert.equal(owner.pinWeights(weights.file.slice(0, 20), false), null)
  assert.deepEqual([owner.weights(), filesIn(store)], [[], { blocks: [], weights: [] }])
  same(readFileSync(path), weights.whole)

  await owner.addWeights(path)
  assert.equal(owner.removeWeights(weights.file).file, weights.file)
  assert.deepEqual(filesIn(store), { blocks: [], weights: [] })
  assert.deepEqual(store.database.all(sqlOf.block_uses), [])
  assert.throws(() => owner.removeWeights(weights.file), /no weights are called so on this node/)
  await assert.rejects(owner.addWeights(`${path}.gone`), /cannot be read/)
  writeFileSync(`${path}.small`, 'x')
  await assert.rejects(owner.addWeights(`${path}.small`), /has 1 bytes: only weights of more than 1048576/)
  const part = await weightsWith(5, 6)
  const other = store.blocks.of(jobB)
  await other.put(part.file, part.root.bytes, 'weights')
  await other.plan(part)
  assert.throws(() => owner.pinWeights(part.file, true), /0 of 3 parts are here/)
})
