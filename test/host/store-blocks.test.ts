import assert from 'node:assert/strict'
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'node:test'
import fc from 'fast-check'
import { rowBytesMax, storedBytesMax } from '../../src/host/store/block-writer.ts'
import { type Block, cacheBytesMaxDefault } from '../../src/host/store/blocks.ts'
import { openStore, type Store } from '../../src/host/store.ts'
import type { Cid } from '../../src/protocol/ids.ts'
import { blockOf, ended, jobNamed, runChild, temporaryDirectory, temporaryStore } from '../support/store.ts'

const jobA = jobNamed('a')
const jobB = jobNamed('b')
const small = blockOf(rowBytesMax, 1)
const large = blockOf(rowBytesMax + 1, 2)

test('a block comes back byte for byte, whether it is a row or a file', async (t) => {
  const { blocks, directory } = temporaryStore(t)
  for (const block of [blockOf(0), small, large]) {
    assert.equal(blocks.has(block.cid), false)
    assert.equal(await blocks.get(block.cid), undefined)
    await blocks.of(jobA).put(block.cid, block.bytes, 'input')
    assert.equal(blocks.size(block.cid), block.bytes.byteLength)
    assert.deepEqual(await blocks.get(block.cid), block.bytes)
  }
  assert.deepEqual(
    readdirSync(directory.blocksPath),
    [large.cid],
    'the limit between row and file is where it says',
  )
})

test('bytes under another hash are refused, and none of their company is kept', async (t) => {
  const { blocks, directory } = temporaryStore(t)
  const liar = { cid: small.cid, bytes: blockOf(10).bytes }
  const problem = { cid: small.cid, code: 'hash-mismatch', bytes: 10 }
  await assert.rejects(blocks.of(jobA).putMany([large, liar], 'input'), { problem })
  assert.equal(blocks.has(large.cid), false)
  assert.deepEqual(readdirSync(directory.blocksPath), [])
})

test('what is no CID, or too large, is refused by name', async (t) => {
  const { blocks } = temporaryStore(t)
  for (const text of [
    '',
    '../../etc/passwd',
    'QmYwAPJzv5CZsnA625s3Xf2nemtYgPpHdWEz79ojWnPbdG',
    large.cid.toUpperCase(),
  ])
    await assert.rejects(blocks.of(jobA).put(text as Cid, large.bytes, 'input'), { code: 'not-a-cid' })
  const tooLarge = { byteLength: storedBytesMax + 1 } as Uint8Array
  await assert.rejects(blocks.of(jobA).put(large.cid, tooLarge, 'input'), { code: 'too-large' })
})

test('the same block may be put many times at once', async (t) => {
  const { blocks } = temporaryStore(t)
  const puts = [jobA, jobB, jobA, jobB].flatMap((job) =>
    [small, large].map(({ cid, bytes }) => blocks.of(job).put(cid, bytes, 'input')),
  )
  await Promise.all(puts)
  assert.deepEqual(await blocks.get(large.cid), large.bytes)
  assert.deepEqual(blocks.jobsOf(large.cid), [jobA, jobB].sort())
})

test('what is another job’s result is not here for a job until it brings it', async (t) => {
  const { blocks } = temporaryStore(t)
  await blocks.of(jobA).put(small.cid, small.bytes, 'result')
  await blocks.of(jobA).put(large.cid, large.bytes, 'input')
  for (const kind of ['input', 'weights', 'result'] as const)
    assert.deepEqual(await blocks.of(jobB).take([small.cid, large.cid], kind), [small.cid], kind)
  assert(!blocks.of(jobB).isHeld(small.cid))
  assert.deepEqual(blocks.jobsOf(small.cid), [jobA])
  await blocks.of(jobB).put(small.cid, small.bytes, 'input')
  assert.deepEqual(await blocks.of(jobB).take([small.cid], 'input'), [])
  assert.deepEqual(
    blocks.jobsOf(small.cid, 'result'),
    [jobA],
    'as an input it is not read by the other job’s steward',
  )
  assert.deepEqual(await blocks.of(jobA).take([small.cid], 'report'), [])
})

test('a put that overlaps a release of the same block keeps it', async (t) => {
  const { blocks } = temporaryStore(t)
  await blocks.of(jobA).put(large.cid, large.bytes, 'input')
  const put = blocks.of(jobB).put(large.cid, large.bytes, 'input')
  await Promise.all([blocks.release(jobA), put])
  assert.deepEqual(await blocks.get(large.cid), large.bytes)
  const again = blocks.of(jobA).put(large.cid, large.bytes, 'result')
  await Promise.all([again, blocks.release(jobB)])
  assert.deepEqual(await blocks.get(large.cid), large.bytes)
})

test('however puts and releases of one block overlap, it stays exactly as long as a job holds it', async (t) => {
  const { blocks, directory } = temporaryStore(t, { hotBytesMax: 0 })
  const turns = fc.nat(12)
  const part = fc.record({ before: turns, after: turns, isKept: fc.boolean() })
  let round = 0
  await fc.assert(
    fc.asyncProperty(fc.array(part, { minLength: 1, maxLength: 6 }), async (parts) => {
      round += 1
      const block = blockOf(rowBytesMax + 1, round)
      const jobs = parts.map((_, i) => jobNamed(`${round} ${i}`))
      const play = async ({ before, after, isKept }: (typeof parts)[number], i: number) => {
        for (let turn = 0; turn < before; turn += 1) await new Promise(setImmediate)
        await blocks.of(jobs[i]!).put(block.cid, block.bytes, 'input')
        assert.deepEqual(await blocks.get(block.cid), block.bytes)
        for (let turn = 0; turn < after; turn += 1) await new Promise(setImmediate)
        if (!isKept) await blocks.release(jobs[i]!)
      }
      await Promise.all(parts.map(play))
      const isKept = parts.some((one) => one.isKept)
      assert.deepEqual(await blocks.get(block.cid), isKept ? block.bytes : undefined)
      assert.deepEqual(readdirSync(directory.blocksPath), isKept ? [block.cid] : [])
      for (const job of jobs) await blocks.release(job)
      assert.deepEqual(readdirSync(directory.blocksPath), [])
    }),
    { numRuns: 60 },
  )
})

test('a damaged file is put aside, reported missing and whole again after the next put', async (t) => {
  const path = temporaryDirectory(t)
  const warnings: string[] = []
  const store = openStore(path, { log: { warn: (_facts, message) => warnings.push(message) } })
  t.after(() => store.close())
  const { blocks, directory } = store
  await blocks.of(jobA).put(large.cid, large.bytes, 'input')
  const file = join(directory.blocksPath, large.cid)
  const damaged = readFileSync(file)
  damaged[5]! ^= 1
  writeFileSync(file, damaged)
  assert.equal(await blocks.get(large.cid), undefined)
  assert.equal(blocks.has(large.cid), false)
  assert.deepEqual(readFileSync(join(directory.quarantinePath, large.cid)), damaged)
  assert.deepEqual(warnings, ['put a damaged block aside'])
  assert.deepEqual(blocks.jobsOf(large.cid), [jobA], 'who needs it is not forgotten')
  await blocks.of(jobB).put(large.cid, large.bytes, 'input')
  assert.deepEqual(await blocks.get(large.cid), large.bytes)
})

test('a put mends a damaged file and a damaged row that nobody has read since', async (t) => {
  const { blocks, directory, database } = temporaryStore(t)
  const both = [small, large]
  await blocks.of(jobA).putMany(both, 'input')
  writeFileSync(join(directory.blocksPath, large.cid), 'damaged')
  database.run('UPDATE blocks SET body = ? WHERE cid = ?', new Uint8Array(3), small.cid)
  await blocks.of(jobA).putMany(both, 'input')
  for (const { cid, bytes } of both) assert.deepEqual(await blocks.get(cid), bytes)
})

test('a damaged row and a vanished file are found out as well', async (t) => {
  const { blocks, database, directory } = temporaryStore(t, { hotBytesMax: 0 })
  await blocks.of(jobA).putMany([small, large], 'input')
  database.run('UPDATE blocks SET body = zeroblob(9) WHERE cid = ?', small.cid)
  rmSync(join(directory.blocksPath, large.cid))
  assert.equal(await blocks.get(small.cid), undefined)
  assert.equal(await blocks.get(large.cid), undefined)
  assert.deepEqual([blocks.has(small.cid), blocks.has(large.cid)], [false, false])
  assert.deepEqual(readdirSync(directory.quarantinePath), [small.cid])
})

test('quarantine never holds more than sixteen blocks', async (t) => {
  const { blocks, database, directory } = temporaryStore(t, { hotBytesMax: 0 })
  const many = Array.from({ length: 20 }, (_, seed) => blockOf(100, seed))
  await blocks.of(jobA).putMany(many, 'input')
  database.run('UPDATE blocks SET body = zeroblob(9)')
  for (const { cid } of many) assert.equal(await blocks.get(cid), undefined)
  assert.equal(readdirSync(directory.quarantinePath).length, 16)
})

test('what a crash left behind is collected at the next start', async (t) => {
  const path = temporaryDirectory(t)
  let store = openStore(path)
  const gone = blockOf(50_000, 9)
  await store.blocks.of(jobA).putMany([large, gone], 'input')
  store.close()
  const orphan = blockOf(50_000, 3)
  writeFileSync(join(path, 'blocks', `${large.cid}.123.1.part`), 'half')
  writeFileSync(join(path, 'blocks', orphan.cid), orphan.bytes)
  rmSync(join(path, 'blocks', gone.cid))
  store = openStore(path)
  t.after(() => store.close())
  assert.deepEqual(readdirSync(join(path, 'blocks')), [large.cid])
  assert.deepEqual(await store.blocks.get(large.cid), large.bytes)
  assert.equal(store.blocks.has(gone.cid), false)
})

test("a job's end deletes what nobody else uses", async (t) => {
  const { blocks, directory } = temporaryStore(t)
  const shared = blockOf(40_000, 5)
  await blocks.of(jobA).putMany([small, large, shared], 'input')
  await blocks.of(jobB).put(shared.cid, shared.bytes, 'result')
  assert.deepEqual(blocks.of(jobA).list('input'), [small.cid, large.cid, shared.cid].sort())
  await blocks.release(jobA)
  assert.deepEqual(
    [small, large, shared].map(({ cid }) => blocks.has(cid)),
    [false, false, true],
  )
  assert.deepEqual(readdirSync(directory.blocksPath), [shared.cid])
  assert.equal(await blocks.get(large.cid), undefined, 'not from memory either')
  await blocks.release(jobB)
  assert.deepEqual(readdirSync(directory.blocksPath), [])
})

test('a job of thousands of results is released in several commits', async (t) => {
  const { blocks, database } = temporaryStore(t)
  const results = Array.from({ length: 2000 }, (_, seed) => blockOf(20, seed))
  await blocks.of(jobA).putMany(results, 'result')
  await blocks.release(jobA)
  assert.equal(database.get<{ n: number }>('SELECT count(*) AS n FROM blocks')!.n, 0)
  assert.equal(database.get<{ n: number }>('SELECT count(*) AS n FROM block_uses')!.n, 0)
})

test('weights outlive their job within the budget, and the least recently read go first', async (t) => {
  let nowMs = 0
  const { blocks } = temporaryStore(t, { cacheBytesMax: 200_000, now: () => nowMs })
  const weights: Block[] = []
  for (nowMs = 1; nowMs <= 4; nowMs += 1) {
    const block = blockOf(50_000, nowMs)
    weights.push(block)
    await blocks.of(jobA).put(block.cid, block.bytes, 'weights')
  }
  const inUse = blockOf(50_000, 5)
  await blocks.of(jobB).put(inUse.cid, inUse.bytes, 'weights')
  await blocks.release(jobA)
  assert.deepEqual(
    weights.map(({ cid }) => blocks.has(cid)),
    [true, true, true, true],
  )
  await blocks.get(weights[0]!.cid)
  const fifth = blockOf(50_000, 6)
  await blocks.of(jobA).put(fifth.cid, fifth.bytes, 'weights')
  await blocks.release(jobA)
  assert.deepEqual(
    weights.map(({ cid }) => blocks.has(cid)),
    [true, false, true, true],
  )
  assert.equal(blocks.has(inUse.cid), true, 'what a job uses is outside of the budget')
})

test('which weights were read lately is remembered across a restart', async (t) => {
  const path = temporaryDirectory(t)
  let nowMs = 1
  let store = openStore(path, { now: () => nowMs })
  const [first, second] = [blockOf(50_000, 1), blockOf(50_000, 2)]
  await store.blocks.of(jobA).put(first.cid, first.bytes, 'weights')
  nowMs = 2
  await store.blocks.of(jobA).put(second.cid, second.bytes, 'weights')
  await store.blocks.release(jobA)
  nowMs = 3
  await store.blocks.get(first.cid)
  store.close()
  store = openStore(path, { cacheBytesMax: 50_000 })
  t.after(() => store.close())
  assert.deepEqual(
    [first, second].map(({ cid }) => store.blocks.has(cid)),
    [true, false],
  )
})

test("only weights are public, and another job's document never becomes so by being called weights", async (t) => {
  const { blocks } = temporaryStore(t)
  await blocks.of(jobA).put(large.cid, large.bytes, 'weights')
  await blocks.of(jobA).put(small.cid, small.bytes, 'input')
  assert.deepEqual([blocks.isPublic(large.cid), blocks.isPublic(small.cid)], [true, false])
  const other = blockOf(3)
  assert.deepEqual(await blocks.of(jobB).take([small.cid, other.cid], 'weights'), [other.cid])
  assert.equal(blocks.isPublic(small.cid), false)
})

test('a job that drops its inputs keeps its results, and nobody else loses anything', async (t) => {
  const { blocks } = temporaryStore(t)
  const shared = blockOf(40_000, 5)
  await blocks.of(jobA).putMany([small, large, shared], 'input')
  await blocks.of(jobA).take([large.cid], 'result')
  await blocks.of(jobB).take([shared.cid], 'input')
  blocks.of(jobA).dropAll('input')
  assert.deepEqual(
    [small, large, shared].map(({ cid }) => blocks.has(cid)),
    [false, true, true],
  )
  assert.deepEqual(blocks.of(jobA).list(), [large.cid])
})

test('a small block is in memory as it was kept, until it goes; one that was not kept never is', async (t) => {
  const { blocks, database } = temporaryStore(t)
  const own = small.bytes.slice()
  await blocks.of(jobA).put(small.cid, own, 'input')
  own.fill(0)
  database.run('UPDATE blocks SET body = zeroblob(9)') // so that only memory has it
  assert.deepEqual(await blocks.get(small.cid), small.bytes)
  blocks.of(jobA).dropAll('input')
  assert.equal(await blocks.get(small.cid), undefined)
  const along = () => {
    throw new Error('no')
  }
  await assert.rejects(blocks.of(jobA).put(small.cid, small.bytes, 'input', along), { message: 'no' })
  assert.equal(await blocks.get(small.cid), undefined)
})

test('what is written along with blocks is there if they are, and only then', async (t) => {
  const { blocks, database } = temporaryStore(t)
  const note = (value: string) => () => void database.run('INSERT INTO settings VALUES (?, ?)', value, value)
  await blocks.of(jobA).putMany([small, large], 'result', note('kept'))
  const late = blocks.of(jobB).putMany([small, large], 'result', note('late'))
  await blocks.release(jobB)
  await assert.rejects(late, { problem: { code: 'released', job: jobB } })
  assert.deepEqual(
    database.all<{ name: string }>('SELECT name FROM settings').map(({ name }) => name),
    ['kept'],
  )
})

test('weights that rest a few at a time stay where a lease takes the job up in between', async (t) => {
  const { blocks } = temporaryStore(t)
  const weights = Array.from({ length: 300 }, (_, i) => blockOf(1_000, i + 1))
  await blocks.of(jobA).putMany(weights, 'weights')
  let commits = 0
  await blocks.of(jobA).rest(() => {
    commits += 1
    return commits < 3
  })
  const left = blocks.of(jobA).list('weights').length
  assert(left > 0 && left < weights.length, `${left} are the job's`)
  blocks.of(jobA).restNow()
  assert.deepEqual(blocks.of(jobA).list(), [])
  assert(weights.every(({ cid }) => blocks.has(cid)))
})

test('what arrives for a job after it was released is not kept, and the same job taken up again keeps its own', async (t) => {
  const { blocks, directory, database } = temporaryStore(t)
  for (const block of [small, large]) {
    const before = blocks.of(jobA)
    const late = before.put(block.cid, block.bytes, 'result')
    const released = blocks.release(jobA)
    const after = blocks.of(jobA).put(block.cid, block.bytes, 'input')
    await assert.rejects(late, { problem: { code: 'released', job: jobA } })
    await Promise.all([released, after])
    assert.deepEqual(blocks.of(jobA).kindsOf(block.cid), ['input'])
    await assert.rejects(before.take([block.cid], 'result'), { code: 'released' })
    await blocks.release(jobA)
    assert.equal(blocks.has(block.cid), false)
  }
  assert.deepEqual(readdirSync(directory.blocksPath), [])
  assert.equal(database.get<{ n: number }>('SELECT count(*) AS n FROM block_uses')!.n, 0)
})

test('a job that is taken up again while its thousands of uses are released keeps what it gets then', async (t) => {
  const { blocks } = temporaryStore(t)
  const results = Array.from({ length: 1000 }, (_, seed) => blockOf(20, seed))
  await blocks.of(jobA).putMany(results, 'result')
  const released = blocks.release(jobA)
  await blocks.of(jobA).putMany(results.slice(0, 10), 'result')
  await released
  assert.equal(blocks.of(jobA).list('result').length, 10)
  for (const { cid, bytes } of results.slice(0, 10)) assert.deepEqual(await blocks.get(cid), bytes)
})

test('weights that were damaged when their job ended leave nothing behind', async (t) => {
  const { blocks, database } = temporaryStore(t, { hotBytesMax: 0 })
  await blocks.of(jobA).put(small.cid, small.bytes, 'weights')
  database.run('UPDATE blocks SET body = zeroblob(9)')
  assert.equal(await blocks.get(small.cid), undefined)
  await blocks.release(jobA)
  assert.equal(database.get<{ n: number }>('SELECT count(*) AS n FROM block_uses')!.n, 0)
})

test('a full disk is one clear error, loses nothing acknowledged and leaves no half files', {
  timeout: 400_000,
}, async (t) => {
  const path = temporaryDirectory(t)
  // A limit on the size of files is a full disk that needs no privileges: the kernel cuts writes short, then refuses.
  const program = `
    import { openStore } from './store.ts'
    import { cidOf } from './store/cid.ts'
    const { blocks } = openStore(process.argv[1])
    for (const size of [100_000, 6_000_000, 150_000]) {
      const bytes = new Uint8Array(size)
      const put = blocks.of('${jobA}').put(cidOf('raw', bytes), bytes, 'input')
      await put.then(() => console.log(size + ' kept'), (error) => console.log(size + ' ' + error.code))
    }`
  const child = runChild(t, program, path, { fileBytesMax: 5 * 2 ** 20 })
  const said: string[] = []
  for await (const line of child.lines) said.push(line)
  await ended(child)
  assert.deepEqual(said, ['100000 kept', '6000000 disk-full', '150000 kept'])
  assert.equal(readdirSync(join(path, 'blocks')).length, 2)
})

test('after kill -9, every acknowledged block is there and whole, and nothing else takes room', {
  timeout: 400_000,
}, async (t) => {
  const path = temporaryDirectory(t)
  const program = `
    import { openStore } from './store.ts'
    import { cidOf } from './store/cid.ts'
    const { blocks } = openStore(process.argv[1])
    for (let n = 0; ; n += 1) {
      const sizes = [200, 20_000, 100_000]
      await Promise.all(sizes.map(async (size) => {
        const bytes = new Uint8Array(size)
        new DataView(bytes.buffer).setFloat64(0, Math.random())
        const cid = cidOf('raw', bytes)
        await blocks.of('${jobA}').put(cid, bytes, 'input')
        process.stdout.write(cid + '\\n')
      }))
    }`
  const acknowledged: Cid[] = []
  for (let round = 0; round < 12; round += 1) {
    const child = runChild(t, program, path)
    let count = 0
    for await (const line of child.lines) {
      acknowledged.push(line as Cid)
      count += 1
      if (count >= 1 + round * 5) child.kill('SIGKILL')
    }
    await ended(child)
  }
  const store = openStore(path)
  t.after(() => store.close())
  for (const cid of acknowledged) assert.notEqual(await store.blocks.get(cid), undefined)
  assert.deepEqual(unknownFiles(store), [])
  t.diagnostic(`${acknowledged.length} acknowledged blocks survived 12 kills`)
})

test('the budget that the store defaults to is the one that the command line promises', async () => {
  const { options } = await import('../../src/cli/config/options.ts')
  assert.equal(
    options.cacheBytesMax.fallback({
      environment: {},
      home: '/',
      workingDirectory: '/',
      cores: 1,
      timeZone: 'UTC',
    }),
    cacheBytesMaxDefault,
  )
})

function unknownFiles({ blocks, directory }: Store): string[] {
  return readdirSync(directory.blocksPath).filter((name) => !blocks.has(name as Cid))
}
