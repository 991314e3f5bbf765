/** How a standby that was away learns that its job has ended: two real nodes in this process. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Mesh } from '../support/mesh.ts'

test('a standby that was away learns of the end from a steward that was restarted since', async (t) => {
  const mesh = await Mesh.start({ vehicles: [], standbys: 1 })
  t.after(() => mesh.stop())
  const { submitter } = mesh
  const standby = mesh.node('standby-1')
  // On the mesh's clock: however busy the machine is, the standby has the time to answer.
  const submitting = submitter.api.submit(mesh.request(['one'], { standbys: 1 }))
  const { job, standbys } = await mesh.clock.wait(submitting)
  assert.equal(standbys, 1)
  // A standby that leaves before it has the inputs cannot say how far the job is when it comes back.
  const held = submitter.status(job, 'the standby has its inputs', (one) => one.standbys.holding === 1)
  await mesh.clock.hurry(held)
  await standby.stop()
  await submitter.api.cancel(job)
  await submitter.restart()
  await standby.start(mesh.addresses())
  assert.equal((await mesh.clock.hurry(standby.ended(job))).state, 'cancelled')
})
