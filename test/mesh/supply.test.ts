/** Jobs and the vehicles that there are for them: too few, some that come late, and some that two submitters want. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { Gate, Mesh, type MeshNode } from '../support/mesh.ts'
import { honest } from '../support/scripted-executor.ts'

/** One vehicle at first; a second comes in the middle, and a second submitter after it. */
let mesh: Mesh
before(async () => {
  mesh = await Mesh.start({ vehicles: 1 })
})
after(() => mesh.stop())

test('a job whose deadline passes fails and says so', async () => {
  const { submitter } = mesh
  const { job, owners } = await submitter.api.submit(mesh.request(['one', 'two'], { deadlineMs: 60_000 }))
  assert.deepEqual(owners, { needed: 2, available: 1 })
  const { state, reason } = await mesh.clock.hurry(submitter.ended(job))
  assert.equal(state, 'failed')
  assert.match(reason, /deadline passed with 2 shards open/)
})

test('a job that waits for owners is done when they come', async () => {
  const { submitter } = mesh
  const { job } = await submitter.api.submit(mesh.request(['three', 'four']))
  await submitter.status(job, 'car-1 has done its part', ({ executions }) => executions === 2)
  await mesh.join({ name: 'car-2' })
  assert.equal((await submitter.ended(job)).state, 'complete')
})

test('a job with too few owners says how many it needs, and fails if asked to', async () => {
  const { submitter } = mesh
  const request = mesh.request(['five'], { replicas: 3, shortage: 'fail' })
  const { job, owners } = await submitter.api.submit(request)
  assert.deepEqual(owners, { needed: 3, available: 2 })
  const { state, reason } = await mesh.clock.hurry(submitter.ended(job))
  assert.equal(state, 'failed')
  assert.match(reason, /3 distinct owners are needed and 2 are known|1 of 1 shards failed/)
})

/** Documents of the two leases that a car has before the second submitter comes. */
const [firstShards, earlierShards] = [4, 8]

test('two submitters share the vehicles evenly', async () => {
  const { submitter } = mesh
  const rival = await mesh.join({ name: 'rival', slots: 0 })
  const cars = ['car-1', 'car-2'].map((name) => mesh.node(name))
  const [first, rest] = [new Gate(), new Gate()]
  for (const car of cars)
    car.script = (text) => (/^ours [0-3]$/.test(text) ? first.script(text) : rest.script(text))
  const texts = Array.from({ length: 40 }, (_, i) => `ours ${i}`)
  const ours = await submitter.api.submit(mesh.request(texts))
  const holds = (count: number) => () => cars.every(({ api }) => api.info().vehicle.leases === count)
  await mesh.until('each car executes a lease and keeps another', holds(2))
  const theirs = await rival.api.submit(mesh.request(['theirs']))
  await mesh.until('each car has one of the second submitter, too', holds(3))
  first.open()
  const isNext = ({ executed: { items } }: MeshNode) => items.includes('ours 4') || items.includes('theirs')
  await mesh.until('each car executes the next lease', () => cars.every(isNext))
  await mesh.until('a third has come after that of the second submitter', holds(3))
  rest.open()
  assert.equal((await rival.ended(theirs.job)).state, 'complete')
  assert.equal((await submitter.ended(ours.job)).state, 'complete')
  for (const { executed } of cars) {
    const order = executed.items.filter((text) => /^ours|^theirs/.test(text))
    const place = order.indexOf('theirs')
    // The lease under way is not interrupted; whether the next one is theirs depends on whose blocks came first.
    assert([firstShards, earlierShards].includes(place), `behind ${place} documents`)
  }
  for (const car of cars) car.script = honest
})
