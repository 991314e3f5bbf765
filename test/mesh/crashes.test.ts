/** A submitter that dies in the middle of its job. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { after, before, test } from 'node:test'
import { auditFile } from '../../src/host/jobs/audit.ts'
import { sha256 } from '../../src/host/sha256.ts'
import { openStore } from '../../src/host/store.ts'
import type { JobId, RecordId } from '../../src/protocol/ids.ts'
import { openLease } from '../../src/protocol/job/lease.ts'
import { openVerdict } from '../../src/protocol/job/verdict.ts'
import { Gate, Mesh } from '../support/mesh.ts'
import { honest } from '../support/scripted-executor.ts'

let mesh: Mesh
before(async () => {
  mesh = await Mesh.start({ vehicles: 2, fleet: {} })
})
after(() => mesh.stop())

test('a job goes on from what it had when its submitter is killed', async () => {
  const { submitter } = mesh
  const cars = ['car-1', 'car-2'].map((name) => mesh.node(name))
  const gate = new Gate()
  for (const car of cars) car.script = (text) => (text.startsWith('quick') ? text : gate.script(text))
  const texts = Array.from({ length: 16 }, (_, i) => `${i < 8 ? 'quick' : 'slow'} ${i}`)
  const request = mesh.request(texts)
  const { job } = await submitter.api.submit(request)
  await mesh.clock.hurry(submitter.status(job, 'something is verified', ({ shards }) => shards.verified > 0))
  const { dataDir } = submitter
  await mesh.until('a verdict is on the disk', () => hasVerdict(dataDir))
  await submitter.crash()
  const before = recordedOf(dataDir, job as JobId)
  assert(before.verified.size > 0 && before.verified.size <= 8, `${before.verified.size} were verified`)

  await submitter.start(mesh.addresses())
  gate.open()
  const { state, shards, contradicted } = await mesh.clock.hurry(submitter.ended(job))
  assert.deepEqual([state, shards.verified, contradicted], ['complete', texts.length, []])
  assert.deepEqual(await submitter.texts(job), texts)
  const path = join(mesh.folder, 'killed.car')
  await submitter.api.report(job, path)
  assert.deepEqual((await auditFile(path)).problems, [])
  assert.equal((await submitter.api.submit(request)).known, true)
  for (const car of cars) car.script = honest

  await submitter.stop()
  for (const [lease, positions] of recordedOf(dataDir, job as JobId).leases)
    if (!before.leases.has(lease))
      for (const position of positions)
        assert(!before.verified.has(position), `shard ${position} was verified and leased again`)
})

/** Looks past a node that runs: what it has shown may not be on its disk yet. */
function hasVerdict(dataDir: string): boolean {
  const database = new DatabaseSync(join(dataDir, 'carpool.sqlite'), { readOnly: true })
  try {
    return database.prepare("SELECT 1 FROM records WHERE kind = 'verdict' LIMIT 1").get() !== undefined
  } finally {
    database.close()
  }
}

/** Reads what the journal of a node that does not run says about a job. */
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
