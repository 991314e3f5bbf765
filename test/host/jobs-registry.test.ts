/** Jobs that have ended are let go, and come back when they are asked for; no job is ever looked after twice. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { JobRows } from '../../src/host/jobs/job-rows.ts'
import { Registry } from '../../src/host/jobs/registry.ts'
import { sha256 } from '../../src/host/sha256.ts'
import { CouncilDriver } from '../../src/host/stewardship/council-driver.ts'
import { Recomputer } from '../../src/host/stewardship/recomputer.ts'
import { SigningKey, verifyByPeerId } from '../../src/host/store/keys.ts'
import type { JobId, LeaseId, PeerId } from '../../src/protocol/ids.ts'
import type { MessageToSteward } from '../../src/protocol/inbox.ts'
import { type Opening, type Receipt, receiptRoot } from '../../src/protocol/job/lease.ts'
import { openEnd } from '../../src/protocol/job/verdict.ts'
import { cborCid } from '../../src/protocol/record/block.ts'
import { JobsStage, vehicleOf } from '../support/jobs-stage.ts'

function started(t: { after(done: () => Promise<void>): void }): JobsStage {
  const stage = new JobsStage()
  t.after(() => stage.close())
  return stage
}

/** Plants a job that runs. */
async function running(stage: JobsStage, name: string, shards = 1): Promise<JobId> {
  const { job } = await stage.plant(name, shards)
  await stage.jobs.status(job)
  return job
}

/** So many small jobs, one after the other, each cancelled; time passes in between. */
async function manyEnd(stage: JobsStage, from: number, to: number): Promise<JobId[]> {
  const jobs: JobId[] = []
  for (let i = from; i < to; i += 1) {
    const job = await running(stage, `job ${i}`)
    await stage.jobs.cancel(job)
    jobs.push(job)
    await stage.pass(2_000)
  }
  return jobs
}

test('a job that has ended is out of memory soon, and its timers with it', async (t) => {
  const stage = started(t)
  await manyEnd(stage, 0, 5)
  await stage.pass(30_000)
  assert.deepEqual(stage.jobs.inMemory(), [])
  assert.equal(stage.clock.waiting, 0, 'nobody waits for a time')
})

test('two hundred small jobs take hardly more memory than twenty', async (t) => {
  const stage = started(t)
  await manyEnd(stage, 0, 20)
  await stage.pass(30_000)
  const twenty = heapBytes()
  await manyEnd(stage, 20, 200)
  await stage.pass(30_000)
  const twoHundred = heapBytes()
  t.diagnostic(`heap after 20 jobs ${twenty}, after 200 ${twoHundred}`)
  assert(twoHundred < 1.2 * twenty, `${twoHundred} bytes after ${twenty}`)
})

test('a job that has ended and is asked for again answers as before, and goes again', async (t) => {
  const stage = started(t)
  const [job] = (await manyEnd(stage, 0, 1)) as [JobId]
  const before = await stage.jobs.status(job)
  await stage.pass(30_000)
  assert.deepEqual(stage.jobs.inMemory(), [])

  // It acted for the job until it ended.
  assert.deepEqual(await stage.jobs.status(job), { ...before, acting: false })
  assert.deepEqual(stage.jobs.inMemory(), [job])
  await stage.pass(30_000)
  assert.deepEqual(stage.jobs.inMemory(), [])
  assert.deepEqual(
    stage.jobs.list().map(({ job: listed, state }) => [listed, state]),
    [[job, 'cancelled']],
  )
})

test('a job that is used stays in memory however long it takes', async (t) => {
  const stage = started(t)
  const [job] = (await manyEnd(stage, 0, 1)) as [JobId]
  await stage.pass(30_000)
  const options = stage.options()
  const recomputer = new Recomputer(options.executor, [], stage.store.blocks)
  const registry = new Registry({ ...options, recomputer })
  const { release } = await registry.hold(job)
  await stage.pass(60_000)
  assert(registry.get(job) !== undefined)
  release()
  await stage.pass(30_000)
  assert(registry.get(job) === undefined)
})

test('no job has two stewardships, however it is asked for while it comes and goes', async (t) => {
  const living = new Map<JobId, number>()
  const [start, stop] = [CouncilDriver.prototype.start, CouncilDriver.prototype.stop]
  t.mock.method(
    CouncilDriver.prototype,
    'start',
    function (this: CouncilDriver, ...args: Parameters<typeof start>) {
      const count = (living.get(this.job) ?? 0) + 1
      living.set(this.job, count)
      assert.equal(count, 1, 'it is alone')
      return start.apply(this, args)
    },
  )
  const stopped = new Set<CouncilDriver>()
  t.mock.method(CouncilDriver.prototype, 'stop', async function (this: CouncilDriver) {
    await stop.apply(this)
    await new Promise((resolve) => setImmediate(resolve)) // a disk that takes its time
    if (!stopped.has(this)) living.set(this.job, living.get(this.job)! - 1)
    stopped.add(this)
  })
  const stage = started(t)
  const [job] = (await manyEnd(stage, 0, 1)) as [JobId]
  for (let round = 0; round < 5; round += 1) {
    stage.clock.skip(30_000) // it is about to go, and asked for at once
    const answers = await Promise.all([
      stage.jobs.status(job),
      stage.jobs.status(job),
      stage.jobs.cancel(job),
    ])
    assert.equal(answers[0].state, 'cancelled')
  }
  const forgotten = stage.jobs.forget(job)
  await assert.rejects(
    Promise.all([forgotten, stage.jobs.status(job).then(() => forgotten)]).then(() => stage.jobs.status(job)),
    /there is no job/,
  )
  assert.deepEqual([...living.values()], [0])
})

test('a status says how far weights have come to a vehicle that has a lease, and nobody else is listened to', async (t) => {
  const stage = started(t)
  const [vehicle, stranger] = [SigningKey.generate(), SigningKey.generate()]
  stage.roster([vehicleOf(vehicle.peerId)])
  const job = await running(stage, 'large', 2)
  const lease = (await stage.leaseFor(job, vehicle.peerId)).id
  const weights = { bytes: 3, of: 9, peers: 2 }
  const hear = (from: PeerId, more: object) => {
    stage.jobs.hear(from, { type: 'progress', job, lease, done: 0, ...more })
    return stage.jobs.status(job).then(({ fetching }) => fetching)
  }
  assert.deepEqual(await hear(stranger.peerId, { weights }), [])
  assert.deepEqual(await hear(vehicle.peerId, { weights }), [{ peer: vehicle.peerId, name: '', ...weights }])
  assert.deepEqual(await hear(vehicle.peerId, {}), [])
  await hear(vehicle.peerId, { weights })
  stage.jobs.hear(vehicle.peerId, { type: 'decline', job, lease, reason: 'no-space', retryMs: 0 })
  assert.deepEqual((await stage.jobs.status(job)).fetching, [])
})

test('a late word about a job that has ended is answered, and brings nothing into memory', async (t) => {
  const stage = started(t)
  const vehicle = SigningKey.generate()
  stage.roster([vehicleOf(vehicle.peerId)])
  const job = await running(stage, 'late', 2)
  const lease = (await stage.leaseFor(job, vehicle.peerId)).id
  const receipt = receiptOf(stage, job, vehicle, lease)
  await stage.jobs.cancel(job)
  await stage.pass(30_000)
  assert.deepEqual(stage.jobs.inMemory(), [])

  for (const message of [
    receipt,
    { type: 'progress', job, lease, done: 1 },
    { type: 'accept', job, lease },
  ] as const) {
    stage.said.length = 0
    stage.jobs.hear(vehicle.peerId, message)
    const [said] = stage.said
    assert(said?.message.type === 'ended' && stage.said.length === 1, message.type)
    assert.equal(said.to, vehicle.peerId)
    assert.equal(openEnd(said.message.end, sha256, verifyByPeerId).payload.outcome, 'cancelled')
  }
  assert.deepEqual(stage.jobs.inMemory(), [])

  // Rows of older versions do not say which end counts.
  const rows = new JobRows(stage.store.journal)
  const { state, ...row } = rows.get(job)!
  const { end: _, ...former } = state
  rows.put({ ...row, state: former })
  stage.said.length = 0
  stage.jobs.hear(vehicle.peerId, receipt)
  assert.deepEqual(
    stage.said.map(({ message }) => message.type),
    ['ended'],
  )

  // Of a job that this node does not know it can show no end, and says nothing.
  const elsewhere = cborCid(sha256, new Uint8Array(3))
  stage.said.length = 0
  stage.jobs.hear(vehicle.peerId, { type: 'progress', job: elsewhere, lease, done: 1 })
  stage.jobs.hear(vehicle.peerId, receiptOf(stage, elsewhere, vehicle, lease))
  assert.deepEqual(stage.said, [])
})

test('a receipt for a job that is kept but cannot be read, or that this node has left, is not answered: its vehicle keeps it', async (t) => {
  const stage = started(t)
  const vehicle = SigningKey.generate()
  const file = cborCid(sha256, new Uint8Array(2)) // a list of shards that is not there
  const { job } = await stage.plant('damaged', 2, { shards: { file, bytes: 1, count: 2, pages: 2 } })
  await assert.rejects(stage.jobs.status(job), /the list of shards of job .* is damaged/)
  stage.jobs.hear(vehicle.peerId, receiptOf(stage, job, vehicle, file))
  assert.deepEqual(stage.said, [])

  // One that this node has left goes on at others.
  const left = cborCid(sha256, new Uint8Array(5))
  stage.store.journal.noteLeft(left, 1, stage.clock.now())
  stage.said.length = 0
  stage.jobs.hear(vehicle.peerId, receiptOf(stage, left, vehicle, file))
  assert.deepEqual(stage.said, [])
})

test('a node that was ended between a job’s end and its row finds the end when it starts', async (t) => {
  const stage = started(t)
  const job = await running(stage, 'cut')
  await stage.jobs.cancel(job)
  const rows = new JobRows(stage.store.journal)
  const row = rows.get(job)!
  assert.notEqual(row.endedAtMs, null)
  await stage.restart(() => rows.put({ ...row, state: { requestDigest: 'cut' }, endedAtMs: null }))
  await stage.jobs.status(job)
  assert.equal(new JobRows(stage.store.journal).get(job)?.state.summary?.state, 'cancelled')
  await stage.pass(30_000)
  assert.deepEqual(stage.jobs.inMemory(), [])
})

/** A receipt for a shard of this lease. */
function receiptOf(
  stage: JobsStage,
  job: JobId,
  vehicle: SigningKey,
  lease: LeaseId,
): Extract<MessageToSteward, { type: 'receipt' }> {
  const opening: Opening = { results: [cborCid(sha256, new Uint8Array(1))], nonce: new Uint8Array(32) }
  const work = { id: lease, job, worker: vehicle.peerId, shards: [lease] }
  const root = receiptRoot(sha256, work, [0], opening)
  const receipt: Receipt = { lease, covers: [0], root, cpuMs: 1, wallMs: 1, energy: null }
  return { type: 'receipt', record: stage.sign(vehicle, 'receipt', job, receipt), opening, released: null }
}

function heapBytes(): number {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  for (let i = 0; i < 3; i += 1) collect()
  return process.memoryUsage().heapUsed
}
