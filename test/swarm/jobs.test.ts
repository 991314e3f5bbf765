/** What a submitter can do with a job, and what a job does when it cannot be done. */
import assert from 'node:assert/strict'
import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import type { Member } from '../../src/cli/swarm/member.ts'
import {
  cars,
  resultsOf,
  sharedSwarm,
  testTimeout,
  until,
  untilAtWork,
  untilEnded,
  untilStatus,
  wasmJob,
  writeSlowDocuments,
} from '../support/swarm.ts'

/** One vehicle at first; a second comes in the middle, and a second submitter after it. */
const swarmOf = sharedSwarm({ vehicles: cars(1), laterOwners: ['car-2', 'rival'] })

test('a job whose deadline passes fails and says so', testTimeout, async (t) => {
  const swarm = await swarmOf(t)
  const request = await wasmJob(t, 'slow', writeSlowDocuments(t, 2, 0), { deadlineMs: 3_000 })
  const { job, owners } = await swarm.submitter.node.submit(request)
  assert.deepEqual(owners, { needed: 2, available: 1 })
  const status = await untilEnded(swarm.submitter, job)
  assert.equal(status.state, 'failed')
  assert.match(status.reason, /deadline passed with 2 shards open/)
})

test('a job that waits for owners is done when they come', testTimeout, async (t) => {
  const swarm = await swarmOf(t)
  const { submitter } = swarm
  const documents = writeSlowDocuments(t, 2, 0, 100)
  const { job } = await submitter.node.submit(await wasmJob(t, 'slow', documents))
  await untilStatus(submitter, job, 'car-1 has done its part', ({ executions }) => executions === 2)
  await swarm.join({ name: 'car-2' })
  assert.equal((await untilEnded(submitter, job)).state, 'complete')
})

test('a job with too few owners says how many it needs, and fails if asked to', testTimeout, async (t) => {
  const swarm = await swarmOf(t)
  const request = await wasmJob(t, 'slow', writeSlowDocuments(t, 1, 0, 200), {
    replicas: 3,
    shortage: 'fail',
  })
  const { job, owners } = await swarm.submitter.node.submit(request)
  assert.deepEqual(owners, { needed: 3, available: 2 })
  const status = await untilEnded(swarm.submitter, job)
  assert.equal(status.state, 'failed')
  assert.match(status.reason, /3 distinct owners are needed and 2 are known|1 of 1 shards failed/)
})

test('two submitters share the vehicles evenly', testTimeout, async (t) => {
  const swarm = await swarmOf(t)
  const first = swarm.submitter
  const second = await swarm.join({ name: 'rival', slots: 0 })
  await swarm.untilKnown(2, second)
  // Three leases for each vehicle, of which the last takes far longer than a busy machine needs to submit another job.
  // That one comes in the middle of the first, and gets its turn after the second.
  const documents = writeSlowDocuments(t, 80, (place) => (place < 37 ? 0 : place < 74 ? 2 : 30), 300)
  const ours = await first.node.submit(await wasmJob(t, 'slow', documents, { replicas: 2 }))
  await untilAtWork(swarm.vehicle('car-1'))
  const theirs = await second.node.submit(await wasmJob(t, 'slow', writeSlowDocuments(t, 1, 1, 400)))
  const done = await untilEnded(second, theirs.job)
  assert.equal(done.state, 'complete')
  const { state, pages } = await first.node.status(ours.job)
  assert.equal(state, 'running', 'the second submitter waited for all of the first one’s work')
  assert.ok(pages.verified > 0, 'the first submitter got nothing meanwhile')
  await first.node.cancel(ours.job)
})

test(
  'a job that is cancelled frees its vehicles and keeps what is done; forgotten, it frees the disk',
  testTimeout,
  async (t) => {
    const swarm = await swarmOf(t)
    const { submitter } = swarm
    const emptyBytes = storedBytes(submitter)
    const before = new Map(swarm.vehicles().map((vehicle) => [vehicle, storedBytes(vehicle)]))
    // The second half takes far longer than a busy machine needs to tell that something is verified, and is never done.
    const documents = writeSlowDocuments(t, 12, (place) => (place < 6 ? 0 : 60), 500)
    const request = await wasmJob(t, 'slow', documents)
    const { job } = await submitter.node.submit(request)
    assert.ok(storedBytes(submitter) - emptyBytes > 12 * 1_000_000)
    await untilStatus(submitter, job, 'something is verified', ({ shards }) => shards.verified > 0)
    await submitter.node.cancel(job)
    const status = await submitter.node.status(job)
    assert.equal(status.state, 'cancelled')
    assert.match(status.reason, /cancelled by its submitter/)
    for (const { name, node } of swarm.vehicles().filter(({ name }) => name !== 'rival'))
      await until(`${name} is free again`, async () => {
        const { vehicle } = await node.info()
        return vehicle.leases === 0 && vehicle.slots.free === 1
      })
    const { lines, end } = await resultsOf(submitter, job)
    assert.equal(lines.length, status.pages.verified)
    assert.equal(end.missing.length, 12 - status.pages.verified)

    await submitter.node.forget(job)
    await until(
      'the disk of the submitter is free again',
      () => storedBytes(submitter) - emptyBytes < 1_000_000,
    )
    for (const [vehicle, bytes] of before)
      await until(`the disk of ${vehicle.name} is free again`, () => storedBytes(vehicle) - bytes < 1_000_000)
  },
)

function storedBytes({ dataDir }: Member): number {
  const blocks = join(dataDir, 'blocks')
  return readdirSync(blocks, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .reduce((sum, entry) => {
      const { size = 0 } = statSync(join(entry.parentPath, entry.name), { throwIfNoEntry: false }) ?? {}
      return sum + size
    }, 0)
}
