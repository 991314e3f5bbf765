/** Clocks that are set back and forward while real nodes work. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { Gate, Mesh } from '../support/mesh.ts'

const hourMs = 3_600_000
const cars = ['car-1', 'car-2', 'car-3']

let mesh: Mesh
before(async () => {
  mesh = await Mesh.start({ vehicles: 3, standbys: 1 })
})
after(() => mesh.stop())

/** How often a document was begun, by any car. */
function runsOf(text: string): number {
  return cars.flatMap((name) => mesh.node(name).executed.items).filter((one) => one === text).length
}

for (const byMs of [-hourMs, hourMs])
  test(`leases go on, and nobody gets a second copy, when the clock is set by ${byMs / hourMs} h`, async () => {
    const { submitter, clock } = mesh
    const gate = new Gate()
    for (const name of cars) mesh.node(name).script = gate.script
    const text = `set by ${byMs}`
    const { job } = await submitter.api.submit(mesh.request([text], { standbys: 1 }))
    await mesh.until('two cars are at it', () => runsOf(text) === 2)
    clock.set(byMs)
    // Two looks: whoever takes the step for a time that has passed gives the leases up, or has them copied.
    for (let i = 0; i < 25; i += 1) {
      clock.skip(100)
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
    assert.equal(runsOf(text), 2)
    gate.open()
    const { state, shards, contradicted } = await clock.hurry(submitter.ended(job))
    assert.deepEqual([state, shards.verified, contradicted], ['complete', 1, []])
    assert.equal(runsOf(text), 2)
  })

test('a car that hangs is not waited for any longer because the clock was set back by an hour', async () => {
  const { submitter, clock } = mesh
  const gate = new Gate()
  const text = 'hangs at first'
  for (const name of cars) mesh.node(name).script = (said) => (runsOf(text) === 1 ? gate.script(said) : said)
  const { job } = await submitter.api.submit(mesh.request([text]))
  await mesh.until('one has answered, and one hangs', () => runsOf(text) === 2)
  clock.set(-hourMs)
  const sinceMs = clock.monotonicMs()
  const { state, shards } = await clock.hurry(submitter.ended(job))
  const tookMs = clock.monotonicMs() - sinceMs
  gate.open()
  assert.deepEqual([state, shards.verified], ['complete', 1])
  assert.equal(runsOf(text), 3)
  assert(tookMs < hourMs / 4, `${tookMs} ms`)
})

test('a car whose clock is an hour ahead is told so, its neighbours name it and work on, and it works once the clock is right', async () => {
  const { submitter, clock } = mesh
  let aheadMs = hourMs
  const car = await mesh.join({ name: 'car-4', clock: clock.ahead(() => aheadMs) }, false)
  const said = (name: string, words: RegExp) =>
    mesh.until(`${name} says ${words}`, () => mesh.node(name).lines.items.some(({ msg }) => words.test(msg)))
  await said('car-4', /^this node's clock is (1 h|59 min).* ahead of/)
  for (const name of ['submitter', ...cars])
    await said(name, new RegExp(`clock of ${car.peer}.* (1 h|59 min).* ahead`))
  for (const name of cars) mesh.node(name).script = (text) => text
  const { job } = await submitter.api.submit(mesh.request(['beside a clock that is off'], { replicas: 3 }))
  const { state, contradicted } = await clock.hurry(submitter.ended(job))
  assert.deepEqual([state, contradicted], ['complete', []])
  assert.equal(car.executed.items.length, 0, 'whose advert counts for nothing gets no lease')
  aheadMs = 0
  const next = await submitter.api.submit(mesh.request(['with four owners'], { replicas: 4 }))
  assert.equal((await clock.hurry(submitter.ended(next.job))).state, 'complete')
  assert.equal(car.executed.items.length, 1)
})
