/** The bounds on memory, disk and time that a stranger's jobs can make honest nodes give. */
import assert from 'node:assert/strict'
import { after, afterEach, before, mock, type TestContext, test } from 'node:test'
import { JobRows } from '../../src/host/jobs/job-rows.ts'
import { drawCommitment, drawSecretOf, sealCommitment } from '../../src/host/sealing/sealing.ts'
import { sha256 } from '../../src/host/sha256.ts'
import { cidOf } from '../../src/host/store/cid.ts'
import { DataDirectory } from '../../src/host/store/data-directory.ts'
import { chunkFile, fileBlockBytesMax } from '../../src/host/store/files.ts'
import { openStore } from '../../src/host/store.ts'
import { encodeShard } from '../../src/protocol/job/shard.ts'
import { shardEntryBytesMax, weightsBytesMax } from '../../src/protocol/limits.ts'
import { encodeCbor, linkOf } from '../../src/protocol/record/block.ts'
import { recordId } from '../../src/protocol/record/record.ts'
import { manifestWith } from '../support/core-fakes.ts'
import { HostileVehicle } from '../support/hostile-vehicle.ts'
import { Mesh, type MeshNode, storedBytes } from '../support/mesh.ts'
import { blockOf } from '../support/store.ts'

/** Above what an honest node needs for a job of nothing; the attacks here name a hundred times as much and more. */
const residentBytesMax = 256 * 2 ** 20
const MiB = 2 ** 20

let mesh: Mesh
before(async () => {
  mesh = await Mesh.start({ vehicles: 1 })
})
after(() => mesh.stop())
afterEach(() => mock.restoreAll())

function stranger(t: TestContext, node: MeshNode): Promise<HostileVehicle> {
  return HostileVehicle.start(t, mesh.clock, node.api.info().addresses)
}

/** A file of so many parts that are all the same block. */
function repeated(parts: number) {
  const part = blockOf(fileBlockBytesMax)
  const bytes = parts * fileBlockBytesMax
  const node = encodeCbor({ bytes, parts: Array.from({ length: parts }, () => linkOf(part.cid)) })
  const root = { cid: cidOf('dag-cbor', node), bytes: node }
  return { reference: { file: root.cid, bytes }, blocks: [part, root] }
}

/** The most that this process, in which all nodes of the mesh live, grows to while something goes on. */
async function growthDuring(action: () => Promise<unknown>): Promise<number> {
  const { rss } = process.memoryUsage()
  let most = rss
  const look = setInterval(() => {
    most = Math.max(most, process.memoryUsage().rss)
  }, 5)
  try {
    await action()
  } finally {
    clearInterval(look)
  }
  return most - rss
}

test('a vehicle declines by name what no job may ask for, and fetches none of it', async (t) => {
  const car = mesh.node('car-1')
  const hostile = await stranger(t, car)
  const to = { peer: car.peer, owner: car.api.info().owner }
  const { reference } = repeated(6_000)
  const third = { file: reference.file, bytes: weightsBytesMax / 2 }
  const cases = {
    'too-large': [
      { weights: [{ name: 'model', file: reference.file, bytes: weightsBytesMax + 1 }] },
      { weights: ['a', 'b', 'c'].map((name) => ({ name, ...third })) },
      { shards: { file: reference.file, bytes: 2 * shardEntryBytesMax, count: 1, pages: 1 } },
    ],
    deadline: [
      { deadlineMs: mesh.clock.now() + 366 * 24 * 3_600_000 },
      { deadlineMs: Number.MAX_SAFE_INTEGER - 2 ** 40 },
    ],
    options: [
      { options: { pageCpuMsMax: 'never' } },
      { options: { pageCpuMsMax: 1e300 } },
      { options: { pageCpuMsMax: -1 } },
      { options: { pageCpuMsMax: true } },
      { options: { memoryPagesMax: 65_536 } },
      { options: { lines: true } },
    ],
  }
  for (const [reason, manifests] of Object.entries(cases))
    for (const changes of manifests)
      assert.equal((await hostile.offer(to, changes)).reason, reason, JSON.stringify(changes))
  assert.deepEqual(hostile.asked.items, [])
  assert.equal(car.api.info().vehicle.mode, 'run')
})

test('weights larger than the disk are not begun: the vehicle stays at work, and two such jobs do not add up', async (t) => {
  const car = mesh.node('car-1')
  const hostile = await stranger(t, car)
  const to = { peer: car.peer, owner: car.api.info().owner }
  const before = storedBytes(car.dataDir)
  mock.method(DataDirectory.prototype, 'space', () => ({
    freeBytes: 160 * MiB - (storedBytes(car.dataDir) - before),
    totalBytes: 160 * MiB,
  }))
  const vast = await hostile.offer(to, { weights: [{ name: 'model', ...repeated(400).reference }] })
  assert.deepEqual(
    [vast.reason, hostile.asked.items],
    ['no-space', []],
    'it is declined before anything is fetched',
  )
  const { reference, blocks } = repeated(200)
  const document = blockOf(16)
  const page = { document: document.cid, bytes: 16, page: 0, key: new Uint8Array(40) }
  const shard = encodeShard({ pages: [page] })
  const file = cidOf('dag-cbor', shard)
  // Two pages, where the lease counts one: that shows when all is here.
  const other = encodeShard({ pages: [page, page] })
  const shards = { file: cidOf('dag-cbor', other), bytes: 1, count: 1, pages: 2 }
  for (const block of [...blocks, document, { cid: file, bytes: shard }, { cid: shards.file, bytes: other }])
    hostile.serve(block)
  const large = await hostile.offer(to, {
    weights: [{ name: 'model', ...reference }],
    shards: { file, bytes: 1, count: 1, pages: 1 },
  })
  assert.equal(large.reason, 'no-space')
  assert(!hostile.asked.items.includes(reference.file), 'nothing of the weights was asked for')
  // Each of two jobs may have its share, and what cannot be prepared goes at once.
  const jobs = await Promise.all(
    [1, 2].map(async (seed) => {
      const file = blockOf(40 * MiB + seed, seed).bytes
      let root = blocks[0]!.cid
      for await (const block of chunkFile(file)) {
        hostile.serve(block)
        root = block.cid
      }
      return hostile.offer(to, {
        weights: [{ name: `model ${seed}`, file: root, bytes: file.byteLength }],
        shards,
      })
    }),
  )
  for (const { reason } of jobs) assert(['no-space', 'wrong-blocks'].includes(reason), reason)
  assert(jobs.some(({ reason }) => reason === 'wrong-blocks'))
  await mesh.until('nothing is left of what was fetched in vain', () => storedBytes(car.dataDir) <= before)
  assert.equal(car.api.info().vehicle.mode, 'run')
})

/** Invites a standby and entrusts it with a job that has these lists; answers with the job. */
async function entrust(hostile: HostileVehicle, standby: MeshNode, name: string, changes: object) {
  const secret = new Uint8Array(32)
  const drawSecret = drawSecretOf(secret)
  const nonce = sha256(Buffer.from(name)).slice(0, 16)
  await hostile.say(standby.peer, { type: 'invite', nonce, bytes: 1, place: null })
  await hostile.heard.find(
    (message) => message.type === 'willing' && Buffer.from(message.nonce).equals(nonce),
  )
  const manifest = manifestWith({
    seal: { nonce, commitment: sealCommitment(secret) },
    drawCommitment: drawCommitment(drawSecret),
    deadlineMs: mesh.clock.now() + 3_600_000,
    stewards: [
      { peer: hostile.key.peerId, owner: hostile.owner, nonce },
      { peer: standby.peer, owner: standby.api.info().owner, nonce },
    ],
    ...changes,
  })
  const record = hostile.sign('manifest', null, manifest)
  await hostile.say(standby.peer, { type: 'entrust', manifest: record, handovers: [], secret, drawSecret })
  return { job: recordId(sha256, record.body), record }
}

test('a list of shards that is one block a hundred times is let go by name, and costs no more memory than its bound', async (t) => {
  const depot = await mesh.join({ name: 'depot', slots: 0 })
  const hostile = await stranger(t, depot)
  const { reference, blocks } = repeated(100)
  for (const block of blocks) hostile.serve(block)
  const documents = { ...reference, count: 1 }
  const shards = { ...reference, count: 1_000_000, pages: 1_000_000 }
  const grown = await growthDuring(async () => {
    const refused = depot.says(/not what its manifest says/)
    await entrust(hostile, depot, 'a list of one block', { shards, documents })
    await refused
  })
  assert(grown < residentBytesMax, `${grown} bytes`)
  await mesh.until('nothing of it is kept', () => storedBytes(depot.dataDir) === 0)
  const taken = depot.api.jobs().length
  const declined = depot.says(/asks for more than this node gives/)
  await entrust(hostile, depot, 'weights without end', {
    weights: [{ name: 'model', ...repeated(6_000).reference, bytes: weightsBytesMax + 1 }],
  })
  await declined
  const tooLong = depot.says(/asks for more than this node gives/)
  await entrust(hostile, depot, 'for ever', { deadlineMs: Number.MAX_SAFE_INTEGER - 2 ** 40 })
  await tooLong
  assert.equal(depot.api.jobs().length, taken)
  await depot.stop()
})

test('a node starts with a stranger’s poisoned job on its disk, and drops it by name', async (t) => {
  const depot = await mesh.join({ name: 'poisoned', slots: 0 })
  const hostile = await stranger(t, depot)
  await depot.stop()
  const { reference, blocks } = repeated(6_000)
  const store = openStore(depot.dataDir)
  const manifest = manifestWith({
    weights: [{ name: 'model', ...reference, bytes: weightsBytesMax + 1 }],
    deadlineMs: mesh.clock.now() + 3_600_000,
  })
  const record = hostile.sign('manifest', null, manifest)
  const job = recordId(sha256, record.body)
  await store.blocks.of(job).putMany(blocks, 'weights')
  store.journal.append([{ id: job, job, kind: 'manifest', ...record, extra: null }])
  new JobRows(store.journal).put({ job, state: { requestDigest: '' }, createdAtMs: 0, endedAtMs: null })
  store.close()
  const grown = await growthDuring(async () => {
    const dropped = depot.says(/cannot go on and is dropped/)
    await depot.restart()
    await dropped
  })
  assert(grown < residentBytesMax, `${grown} bytes`)
  await mesh.until('it is gone', () => depot.api.jobs().every((known) => known.job !== job))
  await depot.stop()
})
