/** The jobs of a node, and what can be asked about them. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { jobRetentionMs } from '../../src/protocol/limits.ts'
import { Gate, Mesh, type MeshNode, storedBytes } from '../support/mesh.ts'
import { honest } from '../support/scripted-executor.ts'

let mesh: Mesh
before(async () => {
  // A slot for each replica of a job's three documents: one that is held up keeps no other waiting.
  const vehicles = [1, 2, 3].map((n) => ({ name: `car-${n}`, slots: 2 }))
  mesh = await Mesh.start({ vehicles })
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
  assert.deepEqual([end.pages, end.missing, end.doubts], [3, [], []])
  assert.deepEqual([end.outcomes.withError, end.outcomes.errors], [0, []])

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
    /has not ended; it has no report before its end/,
  )
  const followed = submitter.api.followResults(job)
  assert.partialDeepStrictEqual(await followed.next(), { done: false, value: { document: '000.txt' } })
  const last = followed.next()
  gate.open()
  assert.equal((await submitter.ended(job)).state, 'complete')
  assert.partialDeepStrictEqual(await last, { done: false, value: { document: '001.txt' } })
  const { done, value } = await followed.next()
  assert(done && value.missing.length === 0 && value.pages === 2, 'each once, and the end with the job')
})

test('whoever stops to follow a job is noticed at once', async () => {
  const { submitter } = mesh
  const gate = new Gate()
  for (const car of cars()) car.script = gate.script
  const { job } = await submitter.api.submit(mesh.request(['never finished while it is followed']))
  const gone = new AbortController()
  const follow = submitter.api.followResults as (job: string, signal: AbortSignal) => AsyncGenerator<unknown>
  const waiting = follow(job, gone.signal).next()
  await submitter.status(job, 'it is under way', ({ shards }) => shards.leased === 1)
  gone.abort()
  await assert.rejects(waiting, { name: 'AbortError' })
  gate.open()
  assert.equal((await submitter.ended(job)).state, 'complete')
})

test('a job that is cancelled frees its vehicles and keeps what is done; forgotten, it frees the disk', async () => {
  const { submitter } = mesh
  const nodes = [submitter, ...cars()]
  const emptyBytes = new Map(nodes.map((node) => [node, storedBytes(node.dataDir)]))
  const gate = new Gate()
  for (const car of cars()) car.script = (text) => (text.startsWith('done') ? text : gate.script(text))
  // Each is a file of its own, and not a row of the database.
  const texts = ['done', 'never', 'ever'].map((text) => text.padEnd(100_000, '.'))
  const { job } = await submitter.api.submit(mesh.request(texts))
  await mesh.clock.hurry(submitter.status(job, 'one is verified', ({ shards }) => shards.verified === 1))
  const keepsBytes = (node: MeshNode) => storedBytes(node.dataDir) - emptyBytes.get(node)! > 100_000
  assert(keepsBytes(submitter))
  await assert.rejects(submitter.api.forget(job), /runs; to end it first: carpool cancel/)
  await submitter.api.cancel(job)
  const { state, reason } = await submitter.api.status(job)
  assert.equal(state, 'cancelled')
  assert.match(reason, /cancelled by its submitter/)
  await mesh.until('no vehicle has a lease', () => cars().every(({ api }) => api.info().vehicle.leases === 0))
  for (const car of cars()) car.script = honest
  const { lines, end } = await submitter.results(job)
  assert.deepEqual([lines.map(({ result }) => result?.text), end.missing.length], [[texts[0]], 2])

  await submitter.api.forget(job)
  await mesh.until('all disks are free again', () => !nodes.some(keepsBytes))
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
  assert(kept > 1)
  mesh.clock.skip(jobRetentionMs + 3_600_000)
  await mesh.until('they are gone', () => submitter.api.jobs().length === 0)
})
