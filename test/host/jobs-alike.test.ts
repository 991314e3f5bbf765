/**
 * Jobs that resemble each other, and requests that are made again: four real nodes in this process, a submitter, a
 * standby and two cars, each of an owner of its own.
 */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import type { SubmitRequest } from '../../src/host/api.ts'
import { auditFile } from '../../src/host/jobs/audit.ts'
import { openStore, type Store } from '../../src/host/store.ts'
import { Gate, Mesh, type MeshNode } from '../support/mesh.ts'
import { honest } from '../support/scripted-executor.ts'
import { blockOf, jobNamed } from '../support/store.ts'

const payment = { currency: 'EUR', unitMicrosMax: 1_000, budgetMicros: 1_000_000 }

let mesh: Mesh
before(async () => {
  mesh = await Mesh.start({ standbys: 1, vehicles: 2 })
})
after(() => mesh.stop())

async function audited({ api, name }: MeshNode, job: string): Promise<readonly string[]> {
  const path = join(mesh.folder, `${name}-${job}.car`)
  await api.report(job, path)
  return (await auditFile(path)).problems
}

/** Looks at what a node leaves on its disk while it does not run. */
async function atRest<T>(node: MeshNode, look: (store: Store) => T | Promise<T>): Promise<T> {
  await node.stop()
  const store = openStore(node.dataDir)
  try {
    return await look(store)
  } finally {
    store.close()
  }
}

/** The uses of blocks on the disk of a node, but for what the cache keeps. */
function usesIn({ database }: Store): number {
  return database.get<{ n: number }>(`SELECT count(*) AS n FROM block_uses WHERE job <> ''`)!.n
}

test('a job over the documents of another, at another price, is whole by itself', async () => {
  const { submitter } = mesh
  const standby = mesh.node('standby-1')
  const texts = ['one', 'two', 'three']
  const first = mesh.request(texts, { standbys: 1, payment })
  const second: SubmitRequest = { ...first, payment: { ...payment, budgetMicros: 900_000 } }
  const jobs: string[] = []
  for (const request of [first, second]) {
    const { job, known, standbys } = await mesh.clock.wait(submitter.api.submit(request))
    assert.deepEqual([known, standbys], [false, 1])
    assert.equal((await submitter.ended(job)).state, 'complete')
    jobs.push(job)
  }
  const [one, two] = jobs as [string, string]
  assert.notEqual(one, two)
  for (const job of jobs) assert.deepEqual(await audited(submitter, job), [])

  await mesh.until('the standby has what it says that it holds', async () => {
    const { end } = await standby.results(two)
    return end.missing.length === 0
  })
  for (const steward of [submitter, standby]) {
    await steward.api.forget(one)
    assert.deepEqual(await steward.texts(two), texts)
  }
  assert.deepEqual(await audited(submitter, two), [])

  for (const steward of [submitter, standby]) await steward.api.forget(two)
  for (const steward of [submitter, standby]) assert.equal(await atRest(steward, usesIn), 0)
  await submitter.start(mesh.addresses())
  await standby.start(mesh.addresses())
  await mesh.acquainted()
})

test('what a crash left of a job that is forgotten goes when the node starts', async () => {
  const standby = mesh.node('standby-1')
  const { cid, bytes } = blockOf(50_000)
  await atRest(standby, (store) => store.blocks.of(jobNamed('forgotten')).put(cid, bytes, 'input'))
  await standby.start(mesh.addresses())
  assert.equal(await atRest(standby, usesIn), 0)
})

test('a request whose job was cancelled or failed becomes a new job; one that runs or is complete is answered', async () => {
  const { submitter } = mesh
  const { api } = submitter
  const gate = new Gate()
  const cars = ['car-1', 'car-2'].map((name) => mesh.node(name))
  for (const car of cars) car.script = gate.script
  const request = mesh.request(['four', 'five'])

  const cancelled = await api.submit(request)
  await api.cancel(cancelled.job)
  const [again, twice] = await Promise.all([api.submit(request), api.submit(request)])
  assert.deepEqual([again.known, twice.known].sort(), [false, true])
  assert.equal(again.job, twice.job)
  assert.notEqual(again.job, cancelled.job)
  assert.deepEqual(await api.submit(request), { ...again, known: true, owners: twice.owners })
  await api.forget(cancelled.job) // whose documents are those of the job that runs
  gate.open()
  assert.equal((await mesh.clock.hurry(submitter.ended(again.job))).state, 'complete')
  assert.equal((await submitter.texts(again.job)).length, 2)
  const complete = await api.submit(request)
  assert.deepEqual([complete.job, complete.known], [again.job, true])

  for (const car of cars) car.script = honest
  const tooFew = { ...request, replicas: 3, deadlineMs: 1_500 }
  const failed = await api.submit(tooFew)
  assert.equal((await mesh.clock.hurry(submitter.ended(failed.job))).state, 'failed')
  const anew = await api.submit({ ...tooFew, deadlineMs: null })
  assert.equal(anew.known, false)
  assert.notEqual(anew.job, failed.job)
})
