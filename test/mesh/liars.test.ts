/** Vehicles that lie: named, outvoted, and paid for by nobody but their owner. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { Mesh } from '../support/mesh.ts'
import type { Script } from '../support/scripted-executor.ts'

const lies: Script = (text) => `not ${text}`
const cartel = ['cartel-1', 'cartel-2']

/** A cartel of one owner at first. The others come later, and each liar lies once: it is banned then. */
let mesh: Mesh
before(async () => {
  const vehicles = cartel.map((name) => ({ name, owner: 'cartel', script: lies }))
  mesh = await Mesh.start({ vehicles, fleet: {} })
})
after(() => mesh.stop())

test('with nobody but one owner’s liars a job waits: one voice is not two', async () => {
  const { submitter } = mesh
  const { job, owners } = await submitter.api.submit(mesh.request(['x'], { shortage: 'fail' }))
  assert.deepEqual(owners, { needed: 2, available: 1 })
  const { state, pages } = await mesh.clock.hurry(submitter.ended(job))
  assert.deepEqual([state, pages.verified], ['failed', 0])
})

test('two liars of one owner are one voice: their agreement is worth nothing', async () => {
  const { submitter } = mesh
  for (const name of ['honest-1', 'honest-2']) await mesh.join({ name })
  for (const round of ['first round', 'second round', 'third round']) {
    const { job } = await submitter.api.submit(mesh.request([round]))
    assert.equal((await mesh.clock.hurry(submitter.ended(job))).state, 'complete')
    assert.deepEqual(await submitter.texts(job), [round])
  }
})

test('a liar is contradicted by the steward’s own recomputation, and named', async () => {
  const { submitter } = mesh
  for (const name of cartel) await mesh.leave(name)
  const liar = await mesh.join({ name: 'liar-1', script: lies })
  const request = mesh.request(['truth'], { arbiter: 'steward', replicas: 3 })
  const { job } = await submitter.api.submit(request)
  const { state, contradicted } = await mesh.clock.hurry(submitter.ended(job))
  assert.equal(state, 'complete')
  assert.deepEqual(await submitter.texts(job), ['truth'])
  assert.deepEqual(
    contradicted.flatMap(({ peers }) => peers),
    [liar.peer],
  )
})

test('without an arbiter, honest owners outvote a liar by the lead that the bound asks for', async () => {
  const { submitter } = mesh
  for (const name of ['honest-3', 'honest-4']) await mesh.join({ name })
  const liar = await mesh.join({ name: 'liar-2', script: lies })
  const request = mesh.request(['truth again'], { arbiter: 'owners', replicas: 5 })
  const { job } = await submitter.api.submit(request)
  const { state, executions, contradicted } = await mesh.clock.hurry(submitter.ended(job))
  assert.equal(state, 'complete')
  assert.equal(executions, 5, 'four for the truth lead one lie by three')
  assert.deepEqual(await submitter.texts(job), ['truth again'])
  assert.deepEqual(
    contradicted.flatMap(({ peers }) => peers),
    [liar.peer],
  )
})
