/** Nodes as such: they find each other, stop, come back, and leave nothing behind. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { Mesh } from '../support/mesh.ts'

let mesh: Mesh
before(async () => {
  mesh = await Mesh.start({ vehicles: 2, standbys: 1 })
})
after(() => mesh.stop())

test('a job is executed and verified by two owners', async () => {
  const { submitter } = mesh
  const { job, shards, owners } = await submitter.api.submit(mesh.request(['one', 'two', 'three']))
  assert.deepEqual([shards, owners], [3, { needed: 2, available: 2 }])
  const { state, executions } = await submitter.ended(job)
  assert.deepEqual([state, executions], ['complete', 6])
  assert.deepEqual(await submitter.texts(job), ['one', 'two', 'three'])
})
