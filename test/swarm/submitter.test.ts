/** A submitter that dies in the middle of its job. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { auditFile } from '../../src/host/jobs/audit.ts'
import { sha256 } from '../../src/host/sha256.ts'
import { openStore } from '../../src/host/store.ts'
import type { JobId, RecordId } from '../../src/protocol/ids.ts'
import { openLease } from '../../src/protocol/job/lease.ts'
import { openVerdict } from '../../src/protocol/job/verdict.ts'
import {
  cars,
  slowTexts,
  startSwarm,
  temporaryFolder,
  testTimeout,
  textsOf,
  untilEnded,
  untilStatus,
  wasmJob,
  writeSlowDocuments,
} from '../support/swarm.ts'

/** The second half takes far longer than a busy machine needs to tell that the first is done. */
const tenths = (place: number) => (place < shards / 2 ? 1 : 9)
const shards = 16

test('a job goes on from what it had when its submitter is killed', testTimeout, async (t) => {
  const swarm = await startSwarm(t, { vehicles: cars(2) })
  const request = await wasmJob(t, 'slow', writeSlowDocuments(t, shards, tenths))
  const { job } = await swarm.submitter.node.submit(request)
  await untilStatus(swarm.submitter, job, 'something is verified', ({ shards }) => shards.verified > 0)
  const { dataDir, peer } = swarm.submitter
  await swarm.submitter.end('SIGKILL')
  const before = recordedOf(dataDir, job as JobId)
  assert.ok(
    before.verified.size > 0 && before.verified.size < shards,
    `${before.verified.size} were verified`,
  )

  const submitter = await swarm.restartSubmitter()
  assert.equal(submitter.peer, peer)
  const status = await untilEnded(submitter, job)
  assert.deepEqual([status.state, status.shards.verified, status.contradicted], ['complete', shards, []])
  assert.deepEqual(await textsOf(submitter, job), slowTexts(shards, tenths))
  const path = join(temporaryFolder(t), 'report.car')
  await submitter.node.report(job, path)
  assert.deepEqual((await auditFile(path)).problems, [])
  assert.equal((await submitter.node.submit(request)).known, true)

  await submitter.end('SIGTERM')
  for (const [lease, positions] of recordedOf(dataDir, job as JobId).leases)
    if (!before.leases.has(lease))
      for (const position of positions)
        assert.ok(!before.verified.has(position), `shard ${position} was verified and leased again`)
})

/** What the journal of a node that does not run says about a job. */
function recordedOf(dataDir: string, job: JobId) {
  const store = openStore(dataDir)
  try {
    const leases = new Map<RecordId, readonly number[]>()
    const verified = new Set<number>()
    for (const row of store.journal.ofJob(job)) {
      if (row.kind === 'lease') leases.set(row.id, openLease(row, sha256, () => true).payload.positions)
      if (row.kind === 'verdict')
        for (const { position } of openVerdict(row, sha256, () => true).payload.shards) verified.add(position)
    }
    return { leases, verified }
  } finally {
    store.close()
  }
}
