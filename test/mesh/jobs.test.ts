/** The jobs of a node, and what can be asked about them. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { jobRetentionMs } from '../../src/protocol/limits.ts'
import { Gate, Mesh } from '../support/mesh.ts'
import { honest } from '../support/scripted-executor.ts'

let mesh: Mesh
before(async () => {
  mesh = await Mesh.start({ vehicles: 3 })
})
after(() => mesh.stop())

const cars = () => ['car-1', 'car-2', 'car-3'].map((name) => mesh.node(name))

test('a job ends with its results in the order of its documents, whoever was quicker', async () => {
  const { submitter } = mesh
  const steps: string[] = []
  const request = mesh.request(['one', 'two', 'three'])
  const submitted = await submitter.api.submit(request, ({ step }) => steps.push(step))
  assert.deepEqual([...new Set(steps)], ['importing-weights', 'reading', 'storing', 'signing'])
  const { state, pages, executions, contradicted, vehicles } = await submitter.ended(submitted.job)
  assert.deepEqual([state, pages], ['complete', { total: 3, verified: 3 }])
  assert.deepEqual([executions, contradicted], [6, []])
  assert.equal(
    vehicles.reduce((sum, { agreed }) => sum + agreed, 0),
    6,
  )
  const { lines, end } = await submitter.results(submitted.job)
  assert.deepEqual(
    lines.map(({ document, page, result }) => [document, page, result?.text]),
    ['one', 'two', 'three'].map((text, i) => [`00${i}.txt`, 1, text]),
  )
  assert.deepEqual(end, { pages: 3, missing: [] })

  const again = await submitter.api.submit(request)
  assert.deepEqual([again.job, again.known], [submitted.job, true])
})

test('a liar is outvoted, named, and has no voice in the rest of the job', async () => {
  const { submitter } = mesh
  const [liar] = cars()
  liar!.script = (text) => `not ${text}`
  const { job } = await submitter.api.submit(mesh.request(['truth'], { replicas: 3, arbiter: 'steward' }))
  const { state, contradicted, vehicles } = await submitter.ended(job)
  liar!.script = honest
  assert.equal(state, 'complete')
  assert.deepEqual(
    contradicted.flatMap(({ peers }) => peers),
    [liar!.peer],
  )
  assert.equal(vehicles.find(({ peer }) => peer === liar!.peer)?.agreed, 0)
  assert.deepEqual(await submitter.texts(job), ['truth'])
})

test('while a job runs, its results are those so far, and what is missing is named with its reason', async () => {
  const { submitter } = mesh
  const gate = new Gate()
  for (const car of cars()) car.script = (text) => (text === 'quick' ? text : gate.script(text))
  const { job } = await submitter.api.submit(mesh.request(['quick', 'slow']))
  await submitter.status(job, 'the first is verified', ({ pages }) => pages.verified === 1)
  const { lines, end } = await submitter.results(job)
  assert.deepEqual(
    lines.map(({ document }) => document),
    ['000.txt'],
  )
  assert.deepEqual(end.missing, [{ document: '001.txt', page: 1, why: 'not verified yet' }])
  await assert.rejects(
    submitter.api.report(job, '/nowhere/job.car'),
    /has not ended; its report is made at the end/,
  )
  gate.open()
  assert.equal((await submitter.ended(job)).state, 'complete')
})

test('a job that is cancelled ends at once, and its vehicles stop and keep nothing of it', async () => {
  const { submitter } = mesh
  const gate = new Gate()
  for (const car of cars()) car.script = gate.script
  const { job } = await submitter.api.submit(mesh.request(['never', 'ever']))
  await Promise.any(cars().map(({ executed }) => executed.find((text) => text === 'never')))
  await submitter.api.cancel(job)
  assert.equal((await submitter.api.status(job)).state, 'cancelled')
  await mesh.until('no vehicle has a lease', () => cars().every(({ api }) => api.info().vehicle.leases === 0))
  for (const car of cars()) car.script = honest
  const { lines, end } = await submitter.results(job)
  assert.deepEqual([lines, end.missing.length], [[], 2])
})

test('a job that is forgotten is gone, and an answer that is too short names no job', async () => {
  const { submitter } = mesh
  const jobs = submitter.api.jobs()
  assert(jobs.length > 2)
  await assert.rejects(submitter.api.status('baf'), new RegExp(`'baf' begins the ids of ${jobs.length} jobs`))
  const { job } = jobs[0]!
  assert.equal((await submitter.api.status(job.slice(0, 20))).job, job)
  await submitter.api.forget(job)
  assert.equal(submitter.api.jobs().length, jobs.length - 1)
  await assert.rejects(submitter.api.status(job), /there is no job/)
})

test('what became of a job is known after a restart, and its results are still there', async () => {
  const { submitter } = mesh
  const before = submitter.api.jobs()
  await submitter.restart()
  assert.deepEqual(submitter.api.jobs(), before)
  for (const { job, state } of before)
    if (state === 'complete') assert.equal((await submitter.results(job)).end.missing.length, 0)
  await mesh.acquainted()
})

test('a job and its results expire thirty days after its end', async () => {
  const { submitter } = mesh
  const kept = submitter.api.jobs().length
  assert(kept > 2)
  mesh.clock.skip(jobRetentionMs + 3_600_000)
  await mesh.until('they are gone', () => submitter.api.jobs().length === 0)
})
