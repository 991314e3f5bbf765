/** A job that a standby ended by its own recomputation, and a submitter that comes back. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { Gate, Mesh } from '../support/mesh.ts'

let mesh: Mesh
before(async () => {
  mesh = await Mesh.start({ vehicles: 2, standbys: 1 })
})
after(() => mesh.stop())

test('what a standby alone has recomputed, the submitter computes again before it believes it', async () => {
  const { submitter } = mesh
  const gate = new Gate()
  const [standby, liar, other] = ['standby-1', 'car-1', 'car-2'].map((name) => mesh.node(name))
  liar!.script = async (text) => `not ${await gate.script(text)}`
  other!.script = gate.script
  const texts = ['disputed']
  const { job } = await submitter.api.submit(mesh.request(texts, { standbys: 1 }))
  await submitter.status(job, 'the standby holds the inputs', ({ standbys }) => standbys.holding === 1)
  await submitter.stop()
  await mesh.clock.hurry(standby!.lines.find(({ msg }) => /the acting steward changed/.test(msg)))
  gate.open()
  assert.equal((await standby!.ended(job)).state, 'complete')
  await submitter.start(mesh.addresses())
  await submitter.lines.find(({ msg }) => /recomputing with the exact engine/.test(msg))
  const { state, contradicted } = await submitter.ended(job)
  assert.deepEqual([state, contradicted.map(({ owner }) => owner)], ['complete', [liar!.api.info().owner]])
  assert.deepEqual(await submitter.texts(job), texts)
})
