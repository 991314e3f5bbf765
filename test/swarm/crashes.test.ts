/** Vehicles that vanish, leave or pause in the middle of a lease, and a submitter that dies. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import test from 'node:test'
import type { Member } from '../../src/cli/swarm/member.ts'
import { auditFile } from '../../src/host/jobs/audit.ts'
import { sha256 } from '../../src/host/sha256.ts'
import { verifyByPeerId } from '../../src/host/store/keys.ts'
import { openStore } from '../../src/host/store.ts'
import { openReceipt } from '../../src/protocol/job/lease.ts'
import type { SignedRecord } from '../../src/protocol/record/record.ts'
import { pacedProgram } from '../support/launcher.ts'
import {
  cars,
  sharedSwarm,
  slowTexts,
  temporaryFolder,
  testTimeout,
  textsOf,
  until,
  untilAtWork,
  untilEnded,
  untilStatus,
  wasmJob,
  writeHeldDocuments,
  writePacedDocuments,
} from '../support/swarm.ts'

/** Two vehicles at first, of which each test but the first ends one. */
const swarmOf = sharedSwarm({ vehicles: cars(2), laterOwners: ['car-3'], program: pacedProgram })

test('a vehicle that drives off and comes back works again', testTimeout, async (t) => {
  const swarm = await swarmOf(t)
  const { submitter } = swarm
  const { job } = await submitter.node.submit(await wasmJob(t, 'slow', writePacedDocuments(t, 6, 5)))
  const car = swarm.vehicle('car-1')
  await untilAtWork(car)
  await car.node.pause(null)
  const stopped = (await car.node.info()).vehicle
  assert.deepEqual([stopped.mode, stopped.leases, stopped.slots.free], ['stop', 0, 0])
  // Of two owners both are needed: the job waits for this one, and keeps what the other does.
  await untilStatus(submitter, job, 'car-2 did what it could', ({ vehicles }) =>
    vehicles.some(({ peer, claims }) => peer === swarm.vehicle('car-2').peer && claims === 6),
  )
  assert.equal((await car.node.info()).vehicle.shardsDone, stopped.shardsDone)
  await car.node.resume()
  const status = await untilEnded(submitter, job)
  assert.deepEqual([status.state, status.shards.verified, status.executions], ['complete', 6, 12])
})

test('a vehicle that is killed and comes back returns what it had finished', testTimeout, async (t) => {
  const swarm = await swarmOf(t)
  const { submitter } = swarm
  const victim = swarm.vehicle('car-2')
  const before = await shardsDoneBy(victim)
  const { folder, texts, openGate } = writeHeldDocuments(t, 6)
  const { job } = await submitter.node.submit(await wasmJob(t, 'slow', folder))
  await until('car-2 has done a shard', async () => (await shardsDoneBy(victim)) > before)
  await victim.end('SIGKILL')
  const store = openStore(victim.dataDir)
  const notes = store.database.all<{ lease: string; place: number }>(
    'SELECT lease, place FROM finished WHERE job = ?',
    job,
  )
  store.close()
  assert.ok(notes.length > 0, 'what was done is on the disk')
  openGate()

  await swarm.join({ name: 'car-2' })
  const status = await untilEnded(submitter, job)
  const handedIn = handedInTo(submitter, job)
  for (const { lease, place } of notes)
    assert(handedIn.has(`${lease}/${place}`), `place ${place} of lease ${lease} was done, and is lost`)
  assert.equal(status.state, 'complete')
  assert.deepEqual(await textsOf(submitter, job), texts)
})

test(
  'a vehicle that is told to end hands back what is done, and waits for nothing else',
  testTimeout,
  async (t) => {
    const swarm = await swarmOf(t)
    const { submitter } = swarm
    const leaving = swarm.vehicle('car-2')
    const before = await shardsDoneBy(leaving)
    const { folder, texts, openGate } = writeHeldDocuments(t, 6)
    const { job } = await submitter.node.submit(await wasmJob(t, 'slow', folder))
    // In the middle of a lease: something is done that no receipt has told yet, and something is not.
    await until('car-2 has done a shard', async () => (await shardsDoneBy(leaving)) > before)
    const { vehicle } = await leaving.node.info()
    assert.ok(vehicle.leases > 0, 'it has finished its leases before it could be ended')
    // The gate is shut: it would wait for what is not done until its own bound, which is within five seconds, and say so.
    assert.equal(await leaving.end('SIGTERM'), 0)
    assert.doesNotMatch(leaving.log(), /did not stop in time/)
    openGate()

    await untilStatus(submitter, job, 'its claims are counted', ({ vehicles }) =>
      vehicles.some(({ peer, claims }) => peer === leaving.peer && claims >= vehicle.shardsDone - before),
    )
    await swarm.join({ name: 'car-3' })
    const status = await untilEnded(submitter, job)
    assert.equal(status.state, 'complete')
    assert.equal(status.executions, 12, 'nothing that was handed back was executed again')
    assert.deepEqual(await textsOf(submitter, job), texts)
  },
)

test(
  'the shards of a vehicle that is killed in the middle of a lease are leased again',
  testTimeout,
  async (t) => {
    const swarm = await swarmOf(t)
    const { submitter } = swarm
    const victim = await swarm.join({ name: 'car-2' })
    await swarm.untilKnown(3)
    const { job } = await submitter.node.submit(await wasmJob(t, 'slow', writePacedDocuments(t, 8, 5, 300)))
    await untilAtWork(victim)
    await victim.end('SIGKILL')

    const status = await untilEnded(submitter, job)
    assert.deepEqual([status.state, status.shards.verified, status.contradicted], ['complete', 8, []])
    assert.deepEqual(await textsOf(submitter, job), slowTexts(8, 5, 300))
    const path = `${temporaryFolder(t)}/report.car`
    await submitter.node.report(job, path)
    assert.deepEqual((await auditFile(path)).problems, [])
  },
)

test('a second signal ends a node at once', testTimeout, async (t) => {
  const swarm = await swarmOf(t)
  const member = swarm.vehicle('car-1')
  const ended = member.end('SIGTERM')
  process.kill(member.pid, 'SIGTERM')
  const code = await ended
  assert.ok(code === 0 || code === 143, `it ended with ${code}`)
})

async function shardsDoneBy({ node }: Member): Promise<number> {
  return (await node.info()).vehicle.shardsDone
}

/** The places of leases for which this steward has receipts. */
function handedInTo({ dataDir }: Member, job: string): Set<string> {
  const database = new DatabaseSync(join(dataDir, 'carpool.sqlite'), { readOnly: true })
  try {
    const rows = database
      .prepare("SELECT body, signature FROM records WHERE kind = 'receipt' AND job = ?")
      .all(job)
    const receipts = rows.map((row) => openReceipt(row as unknown as SignedRecord, sha256, verifyByPeerId))
    return new Set(
      receipts.flatMap(({ payload: { lease, covers } }) => covers.map((place) => `${lease}/${place}`)),
    )
  } finally {
    database.close()
  }
}
