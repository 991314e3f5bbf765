/** What a node can do that is asked to stand by for a job and never acts, among honest nodes. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { after, before, type TestContext, test } from 'node:test'
import { auditFile } from '../../src/host/jobs/audit.ts'
import type { Cid, RecordId } from '../../src/protocol/ids.ts'
import type { ShardVerdict } from '../../src/protocol/job/verdict.ts'
import { HostileSteward } from '../support/hostile-steward.ts'
import { Gate, Mesh, type MeshNode } from '../support/mesh.ts'
import { honest } from '../support/scripted-executor.ts'

let mesh: Mesh
let steward: HostileSteward
const ending: (() => Promise<void>)[] = []
before(async () => {
  mesh = await Mesh.start({ vehicles: 3 })
  const { api } = mesh.submitter
  steward = await HostileSteward.start(
    { after: (stop) => ending.push(stop) },
    mesh.clock,
    api.info().addresses,
  )
  await mesh.until('the hostile node is known', () => api.peers().some(({ peer }) => peer === steward.peer))
})
after(async () => {
  for (const stop of ending) await stop()
  await mesh.stop()
})

const cars = () => ['car-1', 'car-2', 'car-3'].map((name) => mesh.node(name))

/** A job that the hostile node stands by for, and that its vehicles hold until the gate opens. */
async function startAttacked(t: TestContext, name: string) {
  const { submitter } = mesh
  const gate = new Gate()
  for (const car of cars()) car.script = gate.script
  t.after(() => {
    for (const car of cars()) car.script = honest
  })
  const texts = Array.from({ length: 6 }, (_, i) => `${name}: document ${i}`)
  const { job } = await submitter.api.submit(mesh.request(texts, { standbys: 1 }))
  const manifest = await steward.entrusted(job)
  const shards = await steward.shards(submitter.peer, manifest.id, 1)
  return { submitter, gate, job, manifest, shards, texts }
}

/** Resolves when these records are on the node's disk. */
function known({ dataDir, name }: MeshNode, ids: readonly RecordId[]): Promise<void> {
  return mesh.until(`${name} has the records`, () => {
    const database = new DatabaseSync(join(dataDir, 'carpool.sqlite'), { readOnly: true })
    try {
      return ids.every((id) => database.prepare('SELECT 1 FROM records WHERE id = ?').get(id) !== undefined)
    } finally {
      database.close()
    }
  })
}

/** The verdict that a made-up result is right, for each shard. */
function forged(
  shards: ReadonlyMap<number, Cid>,
  result: Cid,
  changes: Partial<ShardVerdict>,
): ShardVerdict[] {
  return [...shards].map(([position, shard]) => ({
    ...{ position, shard, outcome: 'accepted', status: 'final', result, because: 'unanimous' },
    ...{ agreeing: [], contradicting: [], settles: [] },
    ...changes,
  }))
}

test('a standby that never acts decides nothing and ends nothing, whatever it signs', async (t) => {
  const { submitter, gate, job, manifest, shards, texts } = await startAttacked(t, 'idle')
  const { peer } = submitter
  const result = steward.vehicle.result(manifest.payload, 'forged')
  const leases = steward
    .of(job)
    .filter(({ kind }) => kind === 'lease')
    .map(({ record }) => record.id)
  const signed = [
    await steward.decide(peer, manifest.id, forged(shards, result, {})),
    await steward.decide(peer, manifest.id, forged(shards, result, { because: 'recomputed' })),
    await steward.decide(peer, manifest.id, forged(shards, result, { because: 'audited' })),
    // Receipts that nobody has signed.
    await steward.decide(peer, manifest.id, forged(shards, result, { agreeing: leases.slice(0, 2) })),
    await steward.decide(
      peer,
      manifest.id,
      forged(shards, result, { outcome: 'failed', result: null, because: 'no-owner-left' }),
    ),
    await steward.end(peer, manifest.id, 'complete'),
    await steward.end(peer, manifest.id, 'failed'),
    await steward.end(peer, manifest.id, 'cancelled'),
  ]
  await known(submitter, signed)
  const before = await submitter.api.status(job)
  assert.deepEqual([before.state, before.pages.verified, before.shards.failed], ['running', 0, 0])
  assert.match(before.doubts.join('\n'), /decided by another steward alone/)
  assert.match(before.doubts.join('\n'), /another steward says that the job is complete/)
  gate.open()
  const ended = await submitter.ended(job)
  assert.deepEqual([ended.state, ended.contradicted], ['complete', []])
  assert.deepEqual(await submitter.texts(job), texts)
})

test('nothing that a standby signs after the end changes results, payment or the report, here or after a restart', async (t) => {
  const { submitter, gate, job, manifest, shards, texts } = await startAttacked(t, 'late')
  gate.open()
  await submitter.ended(job)
  await steward.catchUp(submitter.peer, manifest.id)
  await steward.records.until(() => steward.of(job).some(({ kind }) => kind === 'end'))
  const honestVerdicts = steward
    .of(job)
    .filter(({ kind, record }) => kind === 'verdict' && record.signer === submitter.peer)
    .map(({ record }) => record.id)
  assert.notDeepEqual(honestVerdicts, [])
  const result = steward.vehicle.result(manifest.payload, 'forged')
  const settles = honestVerdicts.slice(0, 8)
  const signed = [
    await steward.decide(submitter.peer, manifest.id, forged(shards, result, { settles })),
    await steward.end(submitter.peer, manifest.id, 'cancelled'),
  ]
  await known(submitter, signed)
  const isAsItWas = async () => {
    const { state, pages } = await submitter.api.status(job)
    assert.deepEqual([state, pages.verified], ['complete', texts.length])
    assert.deepEqual(await submitter.texts(job), texts)
    const path = join(mesh.folder, `${job}.car`)
    await submitter.api.report(job, path)
    const { problems } = await auditFile(path)
    assert.deepEqual(problems, [])
  }
  await isAsItWas()
  await submitter.stop()
  await submitter.start(mesh.addresses())
  await isAsItWas()
  await mesh.acquainted()
})

test('a standby that says it acts and does nothing loses its turn to another, and the job is done', async () => {
  const { submitter } = mesh
  const watcher = await mesh.join({ name: 'watcher', slots: 0 })
  // The submitter was started anew, elsewhere, and nobody has told it of a node that is no member.
  await steward.vehicle.dial(submitter.api.info().addresses[0]!)
  await mesh.until('the hostile node is known again', () =>
    submitter.api.peers().some(({ peer }) => peer === steward.peer),
  )
  for (const car of cars()) await car.api.pause(null)
  await mesh.until('all cars stand still', () =>
    submitter.api.peers().every(({ slots, mode }) => slots.total === 0 || mode === 'stop'),
  )
  const texts = ['kept waiting']
  const { job } = await submitter.api.submit(mesh.request(texts, { standbys: 2 }))
  await steward.entrusted(job)
  await submitter.status(job, 'the honest standby holds the inputs', ({ standbys }) => standbys.holding === 1)
  steward.pretends = true
  await submitter.stop()
  for (const car of cars()) await car.api.resume()
  assert.equal((await mesh.clock.hurry(watcher.ended(job))).state, 'complete')
  assert.deepEqual(await watcher.texts(job), texts)
})
