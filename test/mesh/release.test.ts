/** What the owner of a standby can do with a job of somebody else. */
import assert from 'node:assert/strict'
import { after, afterEach, before, test } from 'node:test'
import { Gate, Mesh } from '../support/mesh.ts'
import { honest } from '../support/scripted-executor.ts'

let mesh: Mesh
before(async () => {
  mesh = await Mesh.start({ vehicles: 2, standbys: 1 })
})
after(() => mesh.stop())
afterEach(() => {
  for (const car of cars()) car.script = honest
})

const cars = () => ['car-1', 'car-2'].map((name) => mesh.node(name))

/** A job that its standby could finish, and whose vehicles wait until the gate opens. */
async function submitted(texts: readonly string[]) {
  const gate = new Gate()
  for (const car of cars()) car.script = gate.script
  const { job } = await mesh.submitter.api.submit(mesh.request(texts, { standbys: 1 }))
  await mesh.submitter.status(job, 'the standby holds the inputs', ({ standbys }) => standbys.holding === 1)
  return { job, gate }
}

test('a standby neither cancels nor forgets a job that runs, whether it acts or not; both are its submitter’s', async () => {
  const { submitter } = mesh
  const standby = mesh.node('standby-1')
  const { job, gate } = await submitted(['one', 'two'])
  const refuses = async () => {
    const why = new RegExp(`stands by for job ${job}; only its submitter can cancel it`)
    await assert.rejects(standby.api.cancel(job), why)
    await assert.rejects(standby.api.forget(job), why)
    assert.equal((await standby.api.status(job)).state, 'running')
  }
  await refuses()
  await submitter.stop()
  await mesh.clock.hurry(standby.status(job, 'it acts', ({ acting }) => acting))
  await refuses()
  await submitter.start(mesh.addresses())
  await mesh.acquainted()
  await submitter.api.cancel(job)
  gate.open()
  assert.equal((await standby.ended(job)).state, 'cancelled')
  await standby.api.forget(job)
  await assert.rejects(standby.api.status(job), /there is no job/)
})
