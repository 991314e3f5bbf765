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
