/** Jobs that outlive those who look after them. */
import assert from 'node:assert/strict'
import { copyFileSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import type { Member } from '../../src/cli/swarm/member.ts'
import type { JobStatus } from '../../src/host/api.ts'
import { auditFile } from '../../src/host/jobs/audit.ts'
import { pacedProgram } from '../support/launcher.ts'
import {
  cars,
  sharedSwarm,
  slowTexts,
  temporaryFolder,
  testTimeout,
  textsOf,
  until,
  untilEnded,
  untilStatus,
  wasmJob,
  writePacedDocuments,
} from '../support/swarm.ts'

const stewards = [
  { name: 'steward-1', slots: 0 },
  { name: 'steward-2', slots: 0 },
]

const swarmOf = sharedSwarm({ vehicles: [...cars(3), ...stewards], program: pacedProgram })

test('a durable job ends without its submitter, and its results are on a standby', testTimeout, async (t) => {
  const swarm = await swarmOf(t)
  const request = await wasmJob(t, 'slow', writePacedDocuments(t, 8, 40), { standbys: 2 })
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
  assert.deepEqual(await textsOf(standby, plan.job), slowTexts(8, 40))
  const path = join(temporaryFolder(t), 'report.car')
  await standby.node.report(plan.job, path)
  const audit = await auditFile(path)
  assert.deepEqual(audit.problems, [])

  const laptop = join(swarm.folder, 'laptop')
  mkdirSync(laptop, { mode: 0o700 })
  copyFileSync(join(swarm.submitter.dataDir, 'submitter.key'), join(laptop, 'submitter.key'))
  const elsewhere = await swarm.join({ name: 'laptop', owner: 'submitter', slots: 0 }, standby.addresses)
  assert.deepEqual(await textsOf(elsewhere, plan.job), slowTexts(8, 40), 'read with the submitter’s key')
  const stranger = await swarm.join({ name: 'stranger', owner: 'submitter', slots: 0 }, standby.addresses)
  await assert.rejects(textsOf(stranger, plan.job), /there is no job/)
  for (const reader of [elsewhere, stranger]) await reader.end('SIGTERM')

  const submitter = await swarm.restartSubmitter()
  assert.equal((await untilEnded(submitter, plan.job)).state, 'complete')
  assert.deepEqual(await textsOf(submitter, plan.job), slowTexts(8, 40))
})

test('acting stewards die one after the other, are replaced, and the job ends', {
  timeout: 400_000,
}, async (t) => {
  const swarm = await swarmOf(t)
  // It has just been started again, and may still know those who only read.
  const wanted = [...cars(3), ...stewards].map(({ name }) => swarm.vehicle(name).peer)
  await until('the submitter is connected to those, and to nobody else', async () => {
    const peers = await swarm.submitter.node.peers()
    const connected = peers.filter((row) => row.connected && !row.self).map<string>(({ peer }) => peer)
    return connected.length === wanted.length && wanted.every((peer) => connected.includes(peer))
  })
  const request = await wasmJob(t, 'slow', writePacedDocuments(t, 15, 18, 100), { standbys: 2 })
  const { job } = await swarm.submitter.node.submit(request)
  const held = ({ standbys }: JobStatus) => standbys.holding === 2
  await untilStatus(swarm.submitter, job, 'both standbys hold the inputs', held)
  await swarm.submitter.end('SIGKILL')
  const named = swarm.vehicles().filter(({ name }) => name.startsWith('steward'))
  let killedMs = performance.now()
  const first = await actingOf(named, job)
  t.diagnostic(`takeover ${Math.round(performance.now() - killedMs)} ms after the submitter's kill -9`)
  killedMs = performance.now()
  await first.end('SIGKILL')
  const second = await actingOf(
    named.filter((member) => member !== first),
    job,
  )
  t.diagnostic(`takeover ${Math.round(performance.now() - killedMs)} ms after its successor's kill -9`)
  const status = await untilEnded(second, job)
  assert.deepEqual([status.state, status.shards.verified], ['complete', 15])
  assert.deepEqual(await textsOf(second, job), slowTexts(15, 18, 100))
})

async function actingOf(members: readonly Member[], job: string): Promise<Member> {
  let acting: Member | undefined
  await until('a standby acts', async () => {
    for (const member of members) if ((await member.node.status(job)).acting) acting = member
    return acting !== undefined
  })
  return acting!
}
