/** What becomes of a job on its stewards once it has ended: they agree, fall silent, and still answer each other. */
import assert from 'node:assert/strict'
import { copyFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { CouncilDriver } from '../../src/host/stewardship/council-driver.ts'
import { openStore } from '../../src/host/store.ts'
import type { JobId } from '../../src/protocol/ids.ts'
import { stewardLostMs } from '../../src/protocol/limits.ts'
import { Gate, Mesh } from '../support/mesh.ts'
import { honest } from '../support/scripted-executor.ts'
import { blockOf } from '../support/store.ts'

/** Of all nodes, since they share a process. */
const alive = new Set<CouncilDriver>()
let mesh: Mesh
before(async () => {
  const { start, stop } = CouncilDriver.prototype
  CouncilDriver.prototype.start = function (...args) {
    alive.add(this)
    return start.apply(this, args)
  }
  CouncilDriver.prototype.stop = async function () {
    await stop.apply(this)
    alive.delete(this)
  }
  mesh = await Mesh.start({ vehicles: 2, standbys: 1 })
})
after(() => mesh.stop())

/** Lets time pass until no node has the job in memory. */
async function untilLetGo(job: string): Promise<void> {
  const gone = mesh.until(`job ${job} is let go`, () => [...alive].every((one) => one.job !== job))
  await mesh.clock.hurry(gone)
}

test('a job that has ended is let go by all its stewards, and each still knows its results', async () => {
  const { submitter } = mesh
  const { job } = await submitter.api.submit(mesh.request(['one', 'two'], { standbys: 1 }))
  assert.equal((await submitter.ended(job)).state, 'complete')
  await untilLetGo(job)
  assert.deepEqual(await submitter.texts(job), ['one', 'two'])
  assert.equal((await mesh.node('standby-1').ended(job)).state, 'complete')
  await untilLetGo(job)
})

test('of a stranger’s job that has ended a standby keeps the lists and the results, and whoever has the key reads them there', async () => {
  const { submitter } = mesh
  const standby = mesh.node('standby-1')
  const { job } = await submitter.api.submit(mesh.request(['here', 'and there'], { standbys: 1 }))
  assert.equal((await submitter.ended(job)).state, 'complete')
  await standby.ended(job)
  await untilLetGo(job)
  await standby.stop()
  const store = openStore(standby.dataDir)
  const mine = store.blocks.of(job as JobId)
  const kept = (['input', 'weights', 'report', 'result'] as const).map((kind) => mine.list(kind).length)
  assert.deepEqual(kept, [0, 0, 2, new Set(mine.list('result')).size])
  assert(mine.list('result').length > 0)
  // As a node that was ended before it had let go of them leaves them.
  await mine.put(blockOf(1_000).cid, blockOf(1_000).bytes, 'input')
  store.close()
  await standby.start(mesh.addresses())
  const laptop = await mesh.join({
    name: 'laptop',
    slots: 0,
    prepare: (dataDir) =>
      copyFileSync(join(submitter.dataDir, 'submitter.key'), join(dataDir, 'submitter.key')),
  })
  await submitter.stop()
  assert.deepEqual(await laptop.texts(job), ['here', 'and there'])
  await laptop.stop()
  await standby.stop()
  const again = openStore(standby.dataDir)
  assert.deepEqual(again.blocks.of(job as JobId).list('input'), [])
  again.close()
  await standby.start(mesh.addresses())
  await submitter.start(mesh.addresses())
})

test('a steward that was away when a job ended learns of it from one that had let it go', async () => {
  const { submitter } = mesh
  const standby = mesh.node('standby-1')
  const cars = ['car-1', 'car-2'].map((name) => mesh.node(name))
  const gate = new Gate()
  for (const car of cars) car.script = gate.script
  const { job } = await submitter.api.submit(mesh.request(['late'], { standbys: 1 }))
  await submitter.status(job, 'the standby holds it', ({ standbys }) => standbys.holding === 1)
  await standby.stop()
  gate.open()
  for (const car of cars) car.script = honest
  const ended = submitter.ended(job)
  assert.equal((await mesh.clock.hurry(ended)).state, 'complete')
  await untilLetGo(job)

  mesh.clock.skip(stewardLostMs)
  await standby.start(mesh.addresses())
  const known = standby.ended(job)
  assert.equal((await mesh.clock.hurry(known)).state, 'complete')
  await untilLetGo(job)
  assert.equal(cars.flatMap(({ executed }) => executed.items).filter((text) => text === 'late').length, 2)
})
