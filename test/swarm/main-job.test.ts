/** The main job on real input: scanned pages in, verified text out, and a proof that cannot be bent. */
import assert from 'node:assert/strict'
import { randomInt } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { characterErrorRate } from '../../src/base/text-distance.ts'
import { auditFile } from '../../src/host/jobs/audit.ts'
import {
  cars,
  ocrJob,
  resultsOf,
  sharedSwarm,
  temporaryFolder,
  testTimeout,
  textsOf,
  until,
  untilEnded,
  wasmJob,
  writeDocuments,
} from '../support/swarm.ts'

const swarmOf = sharedSwarm({ vehicles: cars(2), laterOwners: ['late'], logLevel: 'debug' })
const samples = fileURLToPath(new URL('../../samples', import.meta.url))

test(
  'a scanned page is read by two owners alike, nearly without errors, and its report holds',
  testTimeout,
  async (t) => {
    const swarm = await swarmOf(t)
    const plan = await swarm.submitter.node.submit(ocrJob([join(samples, 'scans/prejudice.png')]))
    assert.equal(plan.replicas, 2)
    const status = await untilEnded(swarm.submitter, plan.job)
    assert.equal(status.state, 'complete')
    assert.equal(status.executions, 2)
    const [text] = await textsOf(swarm.submitter, plan.job)
    const truth = readFileSync(join(samples, 'truth/prejudice.txt'), 'utf8')
    assert(characterErrorRate(truth, String(text)) <= 0.02)

    const path = join(temporaryFolder(t), 'job.car')
    await swarm.submitter.node.report(plan.job, path)
    assert.deepEqual((await auditFile(path)).problems, [])
  },
)

test('a single flipped byte anywhere in a report fails its audit', testTimeout, async (t) => {
  const swarm = await swarmOf(t)
  const documents = writeDocuments(t, ['one', 'two', 'three'])
  const { job } = await swarm.submitter.node.submit(await wasmJob(t, 'echo', documents))
  await untilEnded(swarm.submitter, job)
  const path = join(temporaryFolder(t), 'job.car')
  await swarm.submitter.node.report(job, path)
  const { ok, summary } = await auditFile(path)
  assert.equal(ok, true)
  assert.doesNotMatch(summary.join(), /no credential/)
  const whole = readFileSync(path)
  for (let i = 0; i < 60; i += 1) {
    const [at, bit] = [randomInt(whole.byteLength), randomInt(8)]
    const bent = Buffer.from(whole)
    bent[at]! ^= 1 << bit
    writeFileSync(path, bent)
    assert.equal((await auditFile(path)).ok, false, `byte ${at}, bit ${bit} of ${whole.byteLength}`)
  }
  writeFileSync(path, whole.subarray(0, whole.byteLength - 1))
  assert.equal((await auditFile(path)).ok, false, 'the last byte is missing')
})

test(
  'the same submission is the same job, and a job forgotten leaves nothing behind',
  testTimeout,
  async (t) => {
    const swarm = await swarmOf(t)
    const { node } = swarm.submitter
    const request = await wasmJob(t, 'echo', writeDocuments(t, ['four', 'five']))
    const first = await node.submit(request)
    await untilEnded(swarm.submitter, first.job)
    const again = await node.submit(request)
    assert.equal(again.job, first.job)
    assert.equal(again.known, true)
    const { end } = await resultsOf(swarm.submitter, first.job)
    assert.deepEqual([end.pages, end.missing, end.doubts], [2, [], []])
    assert.deepEqual([end.outcomes.withError, end.outcomes.errors], [0, []])
    await node.forget(first.job)
    assert.equal(
      (await node.jobs()).some(({ job }) => job === first.job),
      false,
    )
    await assert.rejects(node.status(first.job), { name: 'RequestError' })
  },
)

test(
  'a vehicle that joins late gets its weights from another vehicle, not from the submitter',
  testTimeout,
  async (t) => {
    const swarm = await swarmOf(t)
    // Both have the weights since they read a page.
    await swarm.vehicle('car-2').end('SIGTERM')
    const late = await swarm.join({ name: 'late' })
    const { peer } = swarm.vehicle('car-1')
    await until('the late vehicle is connected to the one that has the weights', async () =>
      (await late.node.peers()).some((row) => row.peer === peer && row.connected),
    )
    const { job } = await swarm.submitter.node.submit(ocrJob([join(samples, 'scans/rabbit.jpg')]))
    assert.equal((await untilEnded(swarm.submitter, job)).state, 'complete')
    const fetched = late
      .log()
      .split('\n')
      .filter((line) => line.includes('weights were fetched'))
    assert.equal(fetched.length, 6, 'two of PaddleOCR, a dictionary, and three languages of Tesseract')
    for (const line of fetched) assert(line.includes(peer), line)
  },
)
