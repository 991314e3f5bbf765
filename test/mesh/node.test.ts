/** Nodes as such: they find each other, stop, come back, and leave nothing behind. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { describeWhy } from '../../src/cli/commands/why.ts'
import { Gate, Mesh } from '../support/mesh.ts'
import { honest, ScriptedExecutor } from '../support/scripted-executor.ts'

let mesh: Mesh
before(async () => {
  mesh = await Mesh.start({ vehicles: 2, standbys: 1 })
})
after(() => mesh.stop())

test('every node knows every other, what it offers and that nobody vouches for it', () => {
  for (const { api, peer } of mesh.running()) {
    const rows = api.peers().map(({ name, slots, self, counts }) => [name, slots.total, self, counts])
    const { name } = api.info()
    const expected = ['car-1', 'car-2', 'standby-1', 'submitter'].map((one) => [
      one,
      one.startsWith('car') ? 1 : 0,
      one === name,
      null,
    ])
    assert.deepEqual(rows.sort(), expected)
    assert.equal(api.info().peer, peer)
  }
})

test('a pause stops a vehicle at once, everybody hears of it, and a restart does not end it', async () => {
  const car = mesh.node('car-1')
  await car.api.pause(null)
  assert.equal(car.api.why().verdict, 'stop')
  const modes = () => mesh.submitter.api.peers().filter(({ peer }) => peer === car.peer)
  await mesh.until('it is known to stand still', () => modes()[0]?.mode === 'stop')
  assert.deepEqual(modes()[0]?.reasons, ['paused'])
  await car.restart()
  assert.equal(car.api.why().verdict, 'stop')
  await car.api.resume()
  await mesh.acquainted()
  await mesh.until('it is known to work again', () => modes()[0]?.mode === 'run')
})

test('a vehicle that leaves hands in what is done, says goodbye, and comes back as the same', async () => {
  const { submitter } = mesh
  const [gate, car] = [new Gate(), mesh.node('car-1')]
  car.script = (text) => (text === 'first' ? text : gate.script(text))
  mesh.node('car-2').script = gate.script
  const { job } = await submitter.api.submit(mesh.request(['first', 'second']))
  await submitter.status(job, 'one claim is there', ({ shards }) => shards.returned === 1)
  await car.stop()
  await mesh.until('its goodbye is heard', () =>
    submitter.api.peers().some(({ peer, mode }) => peer === car.peer && mode === 'stop'),
  )
  gate.open()
  await car.start(mesh.addresses())
  assert.equal(car.api.info().peer, car.peer)
  assert.equal((await submitter.ended(job)).state, 'complete')
  assert.deepEqual(await submitter.texts(job), ['first', 'second'])
  const again = car.executed.items.filter((text) => text === 'first')
  assert.equal(again.length, 1, 'what it handed in is not done twice')
  car.script = honest
  mesh.node('car-2').script = honest
})

test('a submitter that starts again goes on with its job', async () => {
  const { submitter } = mesh
  const gate = new Gate()
  const cars = ['car-1', 'car-2'].map((name) => mesh.node(name))
  for (const car of cars) car.script = gate.script
  const { job } = await submitter.api.submit(mesh.request(['one', 'two', 'three']))
  await Promise.all(cars.map(({ executed }) => executed.find((text) => text === 'one')))
  await submitter.restart()
  // Nobody asks for it before.
  await mesh.until('it is looked after', () =>
    submitter.api.jobs().some((one) => one.job === job && one.state === 'running'),
  )
  gate.open()
  assert.equal((await submitter.ended(job)).state, 'complete')
  assert.deepEqual(await submitter.texts(job), ['one', 'two', 'three'])
  for (const { executed } of cars)
    assert.equal(executed.items.filter((text) => text === 'one').length, 1, 'nothing was executed twice')
})

test('a node does not start on a data directory that another one uses, and leaves that one alone', async () => {
  const { submitter } = mesh
  await assert.rejects(submitter.startTwin(), /in use by another node/)
  assert.equal(submitter.api.jobs().length, 2)
})

test('a vehicle with less memory than its slots may need opens fewer, and says why to its owner and its log', async () => {
  const createExecutor = () =>
    Object.assign(new ScriptedExecutor(honest), { slotBytesMax: 2 ** 50, killedByMemory: 2 })
  const car = await mesh.join({ name: 'small', slots: 3, createExecutor })
  assert.equal(car.api.info().vehicle.slots.total, 1)
  const row = mesh.submitter.api.peers().find(({ peer }) => peer === car.peer)
  assert.equal(row?.slots.total, 1)
  const [scarce, killed] = car.api.why().memory
  assert.match(scarce!, /^the node opens one slot instead of 3: a slot may need /)
  assert.match(killed!, /^memory ran out 2 times, and the kernel ended a slot's process/)
  assert(car.lines.items.some(({ msg, level }) => msg === scarce && level === 40))
  assert.match(describeWhy(car.api.why(), 0).join('\n'), /instead of 3: .*\nmemory ran out 2 times/)
  assert.deepEqual(mesh.node('car-1').api.why().memory, [])
  await mesh.leave('small')
})
