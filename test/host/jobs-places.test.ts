/** How long a node keeps a place among the stewards of a stranger's job: strangers decide how many ask for one. */
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { JobRows } from '../../src/host/jobs/job-rows.ts'
import { Registry } from '../../src/host/jobs/registry.ts'
import { sha256 } from '../../src/host/sha256.ts'
import { Holdings } from '../../src/host/stewardship/holdings.ts'
import { Recomputer } from '../../src/host/stewardship/recomputer.ts'
import { SigningKey } from '../../src/host/store/keys.ts'
import type { Cid, JobId, PeerId } from '../../src/protocol/ids.ts'
import { cancellationOf } from '../../src/protocol/job/cancellation.ts'
import { encodeList } from '../../src/protocol/job/lists.ts'
import { openManifest } from '../../src/protocol/job/manifest.ts'
import { encodeShard } from '../../src/protocol/job/shard.ts'
import { jobDeadlineMsMax } from '../../src/protocol/limits.ts'
import { cborCid, rawCid } from '../../src/protocol/record/block.ts'
import { encodeBody, recordId } from '../../src/protocol/record/record.ts'
import { bodyOf } from '../../src/protocol/records.ts'
import { deadlineGraceMs, endedOfOthersMax, inputsPatienceMs } from '../../src/protocol/standing-by-limits.ts'
import { cidNamed, drawSecret, manifestWith, placeOf } from '../support/core-fakes.ts'
import { entrust, known } from '../support/entrusting.ts'
import { JobsStage } from '../support/jobs-stage.ts'
import { blockOf } from '../support/store.ts'

const minuteMs = 60_000
const patiently = { timeout: 400_000 }

function started(t: TestContext, bounds: { readonly endedShardsMax?: number } = {}): JobsStage {
  const stage = new JobsStage(bounds)
  t.after(() => stage.close())
  return stage
}

/** Time passes; what is due is done, and written, between two steps. */
async function pass(stage: JobsStage, ms: number, stepMs = minuteMs): Promise<void> {
  for (let leftMs = ms; leftMs > 0; leftMs -= stepMs) {
    stage.clock.skip(Math.min(stepMs, leftMs))
    for (let turn = 0; turn < 10; turn += 1) await new Promise((resolve) => setImmediate(resolve))
  }
}

async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await new Promise((resolve) => setImmediate(resolve))
}

/** A list of one shard with one document: the blocks of its inputs, and what its manifest says of them. */
function inputsOf() {
  const document = blockOf(100, 1)
  const page = { document: document.cid, bytes: 100, page: 0, key: new Uint8Array(40) }
  const shardBytes = encodeShard({ pages: [page] })
  const shard = { cid: cborCid(sha256, shardBytes), bytes: shardBytes }
  const listBytes = encodeList([{ shard: shard.cid, pages: 1, bytes: 100, costMs: 1 }])
  const list = { cid: rawCid(sha256, listBytes), bytes: listBytes }
  const documents = blockOf(50, 2)
  const changes = {
    shards: { file: list.cid, bytes: listBytes.byteLength, count: 1, pages: 1 },
    documents: { file: documents.cid, bytes: 50, count: 1 },
  }
  return { blocks: [list, documents, shard, document], changes }
}

test('a place in a stranger’s job whose inputs nobody gives is free after an hour', patiently, async (t) => {
  const stage = started(t)
  let again = () => {}
  const job = await entrust(stage, 'no inputs', {
    deadlineMs: stage.clock.now() + jobDeadlineMsMax,
    keep: (entrusting) => {
      again = entrusting
    },
  })
  await pass(stage, inputsPatienceMs - minuteMs)
  assert.deepEqual(known(stage), [job])
  await pass(stage, 5 * minuteMs)
  await until(() => known(stage).length === 0)
  again()
  assert.deepEqual(known(stage), [], 'it is not taken on again')
})

test('inputs that come one by one keep the place', patiently, async (t) => {
  const stage = started(t)
  const { blocks, changes } = inputsOf()
  const job = await entrust(stage, 'slow', { deadlineMs: stage.clock.now() + jobDeadlineMsMax, changes })
  for (const { cid, bytes } of blocks) {
    await pass(stage, inputsPatienceMs - 5 * minuteMs)
    assert.deepEqual(known(stage), [job])
    stage.elsewhere.set(cid, bytes)
  }
  await pass(stage, 3 * inputsPatienceMs)
  assert.deepEqual(known(stage), [job])
})

test('inputs that are not what the manifest says free the place at once', patiently, async (t) => {
  const stage = started(t)
  const { blocks, changes } = inputsOf()
  for (const { cid, bytes } of blocks) stage.elsewhere.set(cid, bytes)
  const shards = { ...changes.shards, count: 2, pages: 2 }
  await entrust(stage, 'wrong', { changes: { ...changes, shards } })
  assert.equal(known(stage).length, 1)
  await until(() => known(stage).length === 0)
})

test(
  'a place in a stranger’s job that nobody ended is free some hours after the deadline',
  patiently,
  async (t) => {
    const stage = started(t)
    stage.jobs.resume()
    const deadlineMs = stage.clock.now() + 10 * minuteMs
    const job = await entrust(stage, 'no end', { deadlineMs })
    await until(() => stage.jobs.inMemory().includes(job))
    // It had the inputs before, and what others may lack.
    await stage.store.blocks.of(job).putMany([blockOf(10, 3)], 'result')
    await pass(stage, deadlineGraceMs)
    assert.deepEqual(known(stage), [job])
    await pass(stage, 2 * 3_600_000)
    await until(() => known(stage).length === 0)
  },
)

test(
  'a stranger’s job that cannot begin is dropped, and one that cannot be read goes with the longest deadline',
  patiently,
  async (t) => {
    const stage = started(t)
    const stranger = SigningKey.generate()
    const first = manifestWith({ stewards: [stage.place(), { ...placeOf('x'), peer: stranger.peerId }] })
    const [record, newer] = [
      stage.sign(stranger, 'manifest', null, first),
      stage.sign(stranger, 'manifest', null, { of: 'a later version' }),
    ]
    const rows = new JobRows(stage.store.journal)
    for (const signed of [record, newer]) {
      const job = recordId(sha256, signed.body)
      stage.store.journal.append([{ id: job, job, kind: 'manifest', ...signed, extra: null }])
      rows.put({ job, state: { requestDigest: '' }, createdAtMs: stage.clock.now(), endedAtMs: null })
    }
    await stage.restart()
    await until(() => known(stage).length === 1)
    assert.deepEqual(known(stage), [recordId(sha256, newer.body)])
    await pass(stage, jobDeadlineMsMax + deadlineGraceMs + 3_600_000, 3_600_000)
    await until(() => known(stage).length === 0)
  },
)

test('a job that cannot be read can be forgotten', patiently, async (t) => {
  const stage = started(t)
  const { job } = await stage.plant('damaged', 1)
  await stage.store.blocks.of(job).letGo(['input'])
  await stage.jobs.forget(job)
  assert.deepEqual(known(stage), [])
})

/** Entrusts the node with a job of one shard, all of which is here, and has its submitter cancel it. */
async function cancelled(stage: JobsStage, name: string, giver: SigningKey): Promise<JobId> {
  const { blocks, changes } = inputsOf()
  for (const { cid, bytes } of blocks) stage.elsewhere.set(cid, bytes)
  const job = await entrust(stage, name, { giver, changes })
  await until(() => stage.store.blocks.of(job).isHeld(blocks.at(-1)!.cid))
  const { payload } = openManifest(stage.store.journal.get(job)!, sha256, () => true)
  const body = encodeBody(cancellationOf(job, payload, giver.peerId))
  const cancellation = { body, signature: giver.sign(body) }
  stage.jobs.hear(giver.peerId, { type: 'record', job, record: cancellation, opening: null })
  const end = { outcome: 'cancelled', reason: '', secret: drawSecret }
  const ended = stage.sign(giver, 'end', job, end, 1, giver.peerId)
  stage.jobs.hear(giver.peerId, { type: 'record', job, record: ended, opening: null })
  await until(() => (new JobRows(stage.store.journal).get(job)?.endedAtMs ?? null) !== null)
  return job
}

test(
  'lists of strangers’ jobs that have ended are in memory up to a bound, whatever their fellows have not said',
  patiently,
  async (t) => {
    const stage = started(t, { endedShardsMax: 2 })
    const giver = SigningKey.generate()
    stage.connected.add(giver.peerId)
    const jobs: JobId[] = []
    for (let i = 0; i < 4; i += 1) {
      jobs.push(await cancelled(stage, `ended ${i}`, giver))
      await until(() => stage.jobs.inMemory().length <= 2)
    }
    // They come back when they are asked for, and others go.
    for (const job of jobs) {
      await stage.jobs.status(job)
      assert(stage.jobs.inMemory().includes(job))
      assert(stage.jobs.inMemory().length <= 2)
    }
  },
)

test('a list that is not in memory waits for those that are being read', patiently, async (t) => {
  const stage = started(t, { endedShardsMax: 1 })
  const giver = SigningKey.generate()
  const [first, second] = [await cancelled(stage, 'first', giver), await cancelled(stage, 'second', giver)]
  const options = stage.options()
  const registry = new Registry({
    ...options,
    recomputer: new Recomputer(options.executor, [], stage.store.blocks),
  })
  const { release } = await registry.hold(first)
  await assert.rejects(registry.hold(second), /1 are the most; try again in a moment/)
  release()
  const held = await registry.hold(second)
  held.release()
  await registry.stop()
})

test('a long list of shards is read with turns for all else between its entries', patiently, async (t) => {
  const stage = started(t)
  const count = 20_000
  const { job } = await stage.plant('long', count)
  const { payload } = openManifest(stage.store.journal.get(job)!, sha256, () => true)
  const mine = stage.store.blocks.of(job)
  const blocks = new Map<Cid, Uint8Array | undefined>()
  for (const cid of mine.list()) blocks.set(cid, await mine.get(cid))
  // Without a disk, whose reads would give turns, too.
  t.mock.method(mine, 'get', async (cid: Cid) => blocks.get(cid))
  const holdings = new Holdings({ ...stage.options(), isOwn: true }, mine)
  let turns = 0
  let isDone = false
  const turn = () => {
    turns += 1
    if (!isDone) setImmediate(turn)
  }
  turn()
  const shards = await holdings.shardsOf(payload)
  isDone = true
  assert.equal(shards?.length, count)
  assert(turns > count / 4_096, `${turns} turns`)
})

/** Rows of strangers' jobs that ended at these times. */
function plantEnded(stage: JobsStage, count: number, submitter: PeerId): JobId[] {
  const rows = new JobRows(stage.store.journal)
  const jobs = Array.from({ length: count }, (_, i) => cidNamed(`ended ${i}`))
  stage.store.database.transaction(() => {
    for (const [i, job] of jobs.entries())
      rows.put({
        job,
        state: { requestDigest: '', submitter },
        createdAtMs: i,
        endedAtMs: stage.clock.now() + i,
      })
  })
  return jobs
}

test(
  'what a stranger asks costs no look at the jobs of others, however many are kept',
  patiently,
  async (t) => {
    const stage = started(t)
    const [own, stranger] = [SigningKey.generate(), SigningKey.generate()]
    const job = await entrust(stage, 'own', { giver: own })
    plantEnded(stage, 300, SigningKey.generate().peerId)
    // A row of an older version is given its submitter once.
    const row = new JobRows(stage.store.journal).get(job)!
    const { submitter: _, ...older } = row.state
    new JobRows(stage.store.journal).put({ ...row, state: older })
    const looks = [
      t.mock.method(stage.store.journal, 'get'),
      t.mock.method(stage.store.journal, 'getJob'),
      t.mock.method(stage.store.journal, 'listJobs'),
    ]
    const reader = SigningKey.generate().peerId
    for (const signer of [stranger, own]) {
      const expiresMs = stage.clock.now() + minuteMs
      const payload = { reader }
      const body = encodeBody(bodyOf('access', { signer: signer.peerId, serial: 0, expiresMs, payload }))
      const access = { body, signature: signer.sign(body) }
      stage.jobs.hear(reader, { type: 'find', access })
      for (let turn = 0; turn < 20; turn += 1) await new Promise((resolve) => setImmediate(resolve))
    }
    await stage.untilSaid(({ to }) => to === reader)
    stage.jobs.hear(stranger.peerId, { type: 'invite', nonce: new Uint8Array(16), bytes: 1, place: null })
    await stage.untilSaid(({ to }) => to === stranger.peerId)
    const looked = looks.reduce((sum, { mock }) => sum + mock.callCount(), 0)
    assert(looked < 10, `${looked} looks`)
  },
)

test(
  'ended jobs of strangers are kept up to a bound, and the first to end goes first',
  patiently,
  async (t) => {
    const stage = started(t)
    const jobs = plantEnded(stage, endedOfOthersMax + 2, SigningKey.generate().peerId)
    const own = (await stage.plant('own', 1)).job
    const taken = await entrust(stage, 'one more')
    await until(() => stage.store.journal.getJob(jobs[1]!, 'steward') === undefined)
    const kept = new Set(known(stage))
    assert.deepEqual([...kept].sort(), [...jobs.slice(2), own, taken].sort())
  },
)
