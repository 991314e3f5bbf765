/** Audits: one replica for a shard, and checks of each owner's window. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { auditFile } from '../../src/host/jobs/audit.ts'
import { Mesh } from '../support/mesh.ts'

const shards = 40
/** Two checks of each of four owners' windows of ten. */
const bought = { replicas: null, errorBound: 0.02, colludingShare: 0.05 }

/** One vehicle at first, then four; one that lies comes in the place of the fourth. */
let mesh: Mesh
before(async () => {
  mesh = await Mesh.start({ vehicles: 1, fleet: {} })
})
after(() => mesh.stop())

test('a submitter that checks by itself asks nobody for more than one execution', async () => {
  // With one owner nobody else can be asked, be it for a check or in the place of one who is slow.
  const { submitter } = mesh
  const texts = textsOf('alone', 24)
  const { job } = await submitter.api.submit(mesh.request(texts, { ...bought, selfCheck: true }))
  const { state, audits, executions } = await mesh.clock.hurry(submitter.ended(job))
  assert.deepEqual([state, audits?.auditor, executions], ['complete', 'steward', 24])
  assert.deepEqual(await submitter.texts(job), texts)
  await assertSound(job)
})

test('a large job takes fewer executions than two for each shard, and its report proves it', async () => {
  const { submitter } = mesh
  for (const name of ['car-2', 'car-3', 'car-4']) await mesh.join({ name })
  const texts = textsOf('large', shards)
  const request = mesh.request(texts, bought)
  const quote = await submitter.api.quote(request)
  assert.deepEqual(
    quote.plans.map(({ audits, replicas }) => audits?.checks ?? replicas),
    [2, 2],
  )
  const plan = await submitter.api.submit(request)
  assert.deepEqual(plan.audits, quote.plans[0]!.audits)
  const { state, contradicted, executions } = await mesh.clock.hurry(submitter.ended(plan.job))
  assert.deepEqual([state, contradicted], ['complete', []])
  // How many fewer depends on who is quick: where owners wait for each other, windows close small. The bench has figures.
  assert(executions < 2 * shards, `${executions} executions of ${shards} shards`)
  assert.deepEqual(await submitter.texts(plan.job), texts)
  await assertSound(plan.job)
})

test('a liar among them is caught by a check, all its results are taken back, and it is banned', async () => {
  const { submitter } = mesh
  await mesh.leave('car-4')
  const liar = await mesh.join({ name: 'liar', script: (text) => `not ${text}` })
  const { owner } = liar.api.info()
  const texts = textsOf('lied about', shards)
  const request = mesh.request(texts, bought)
  const { job } = await submitter.api.submit(request)
  const { state, contradicted } = await mesh.clock.hurry(submitter.ended(job))
  assert.deepEqual([state, contradicted.map((caught) => caught.owner)], ['complete', [owner]])
  assert.deepEqual(await submitter.texts(job), texts)
  await assertSound(job)

  const banned = submitter.api.peers().filter((peer) => peer.banned)
  assert.deepEqual(
    banned.map((peer) => peer.owner),
    [owner],
  )
  const next = await submitter.api.submit({ ...request, errorBound: 0.01 })
  const { vehicles } = await mesh.clock.hurry(submitter.ended(next.job))
  assert(vehicles.every((vehicle) => vehicle.owner !== owner))
})

function textsOf(job: string, count: number): string[] {
  return Array.from({ length: count }, (_, i) => `${job}: document ${i}`)
}

async function assertSound(job: string): Promise<void> {
  const path = join(mesh.folder, `${job}.car`)
  await mesh.submitter.api.report(job, path)
  assert.deepEqual((await auditFile(path)).problems, [])
}
