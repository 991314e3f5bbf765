/** Audits: one replica for a shard, and checks of each owner's window. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { liarProgram } from '../../src/cli/swarm/cast.ts'
import type { Member } from '../../src/cli/swarm/member.ts'
import { auditFile } from '../../src/host/jobs/audit.ts'
import {
  cars,
  sharedSwarm,
  slowTexts,
  temporaryFolder,
  testTimeout,
  textsOf,
  until,
  untilEnded,
  wasmJob,
  writeSlowDocuments,
} from '../support/swarm.ts'

const shards = 40
const swarmOf = sharedSwarm({ vehicles: cars(1), laterOwners: ['car-2', 'car-3', 'car-4', 'liar'] })
/** Two checks of each of four owners' windows of ten. */
const bought = { errorBound: 0.02, colludingShare: 0.05 }

test('a submitter that checks by itself asks nobody for more than one execution', testTimeout, async (t) => {
  // With one owner nobody else can be asked, be it for a check or in the place of one who is slow.
  const swarm = await swarmOf(t)
  const request = await wasmJob(t, 'slow', writeSlowDocuments(t, 24, 0), { ...bought, selfCheck: true })
  const { job } = await swarm.submitter.node.submit(request)
  const status = await untilEnded(swarm.submitter, job)
  assert.deepEqual([status.state, status.audits?.auditor, status.executions], ['complete', 'steward', 24])
  assert.deepEqual(await textsOf(swarm.submitter, job), slowTexts(24, 0))
  await assertSound(swarm.submitter, job, join(temporaryFolder(t), 'report.car'))
})

test(
  'a large job takes fewer executions than two for each shard, and its report proves it',
  testTimeout,
  async (t) => {
    const swarm = await swarmOf(t)
    await Promise.all(['car-2', 'car-3', 'car-4'].map((name) => swarm.join({ name })))
    await swarm.untilKnown(4)
    const request = await wasmJob(t, 'slow', writeSlowDocuments(t, shards, 0, 100), bought)
    const quote = await swarm.submitter.node.quote(request)
    assert.deepEqual(
      quote.plans.map(({ audits, replicas }) => audits?.checks ?? replicas),
      [2, 2],
    )
    const plan = await swarm.submitter.node.submit(request)
    assert.deepEqual(plan.audits, quote.plans[0]!.audits)
    const status = await untilEnded(swarm.submitter, plan.job)
    assert.deepEqual([status.state, status.contradicted], ['complete', []])
    // How many fewer depends on the machine: where owners wait for each other, windows close small. The bench has figures.
    assert.ok(status.executions < 2 * shards, `${status.executions} executions of ${shards} shards`)
    assert.deepEqual(await textsOf(swarm.submitter, plan.job), slowTexts(shards, 0, 100))
    await assertSound(swarm.submitter, plan.job, join(temporaryFolder(t), 'report.car'))
  },
)

test(
  'a liar among them is caught by a check, all its results are taken back, and it is banned',
  testTimeout,
  async (t) => {
    const swarm = await swarmOf(t)
    const { submitter } = swarm
    const { peer } = swarm.vehicle('car-4')
    await swarm.vehicle('car-4').end('SIGTERM')
    await until('car-4 has left', async () => {
      return !(await submitter.node.peers()).some((row) => row.peer === peer && row.mode === 'run')
    })
    await swarm.join({ name: 'liar', program: liarProgram })
    await swarm.untilKnown(4)
    const request = await wasmJob(t, 'slow', writeSlowDocuments(t, shards, 0, 200), bought)
    const { job } = await submitter.node.submit(request)
    const status = await untilEnded(submitter, job)
    const { owner } = await swarm.vehicle('liar').node.info()
    assert.deepEqual([status.state, status.contradicted.map((caught) => caught.owner)], ['complete', [owner]])
    assert.deepEqual(await textsOf(submitter, job), slowTexts(shards, 0, 200))
    await assertSound(submitter, job, join(temporaryFolder(t), 'report.car'))

    const banned = (await submitter.node.peers()).filter((peer) => peer.banned).map((peer) => peer.owner)
    assert.deepEqual(banned, [owner])
    const next = await submitter.node.submit({ ...request, errorBound: 0.01 })
    const { vehicles } = await untilEnded(submitter, next.job)
    assert.ok(vehicles.every((vehicle) => vehicle.owner !== owner))
  },
)

async function assertSound(member: Member, job: string, path: string): Promise<void> {
  await member.node.report(job, path)
  assert.deepEqual((await auditFile(path)).problems, [])
}
