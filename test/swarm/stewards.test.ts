/** Jobs that outlive those who look after them. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  cars,
  slowTexts,
  startSwarm,
  testTimeout,
  textsOf,
  untilEnded,
  untilStatus,
  wasmJob,
  writeSlowDocuments,
} from '../support/swarm.ts'

const stewards = [
  { name: 'steward-1', slots: 0 },
  { name: 'steward-2', slots: 0 },
]

test('a durable job ends without its submitter, and its results are on a standby', testTimeout, async (t) => {
  const swarm = await startSwarm(t, { vehicles: [...cars(3), ...stewards] })
  const request = await wasmJob(t, 'slow', writeSlowDocuments(t, 8, 5), { standbys: 2 })
  const plan = await swarm.submitter.node.submit(request)
  assert.equal(plan.standbys, 2)
  await untilStatus(
    swarm.submitter,
    plan.job,
    'both standbys hold the inputs',
    ({ standbys }) => standbys.holding === 2,
  )
  await swarm.submitter.end('SIGKILL')

  const standby = swarm.vehicles().find(({ name }) => name === 'steward-1')!
  const status = await untilEnded(standby, plan.job)
  assert.deepEqual([status.state, status.shards.verified, status.contradicted], ['complete', 8, []])
  assert.deepEqual(await textsOf(standby, plan.job), slowTexts(8, 5))
})
