/** Vehicles that lie: named, outvoted, and paid for by nobody but their owner. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { liarProgram } from '../../src/cli/swarm/cast.ts'
import { startSwarm, testTimeout, textsOf, untilEnded, wasmJob, writeDocuments } from '../support/swarm.ts'

const texts = ['one', 'two', 'three', 'four']

test('a liar is contradicted by the steward’s own recomputation, and named', testTimeout, async (t) => {
  const vehicles = [{ name: 'honest-1' }, { name: 'honest-2' }, { name: 'liar', program: liarProgram }]
  const swarm = await startSwarm(t, { vehicles })
  const request = await wasmJob(t, 'echo', writeDocuments(t, texts), { arbiter: 'steward', replicas: 3 })
  const { job } = await swarm.submitter.node.submit(request)
  const status = await untilEnded(swarm.submitter, job)
  assert.equal(status.state, 'complete')
  assert.deepEqual(await textsOf(swarm.submitter, job), texts)
  assert.deepEqual(
    status.contradicted.flatMap(({ peers }) => peers),
    [swarm.vehicle('liar').peer],
  )
})

test(
  'without an arbiter, honest owners outvote a liar by the lead that the bound asks for',
  testTimeout,
  async (t) => {
    const honest = ['a', 'b', 'c', 'd'].map((name) => ({ name }))
    const swarm = await startSwarm(t, { vehicles: [...honest, { name: 'liar', program: liarProgram }] })
    const request = await wasmJob(t, 'echo', writeDocuments(t, texts), { arbiter: 'owners', replicas: 5 })
    const { job } = await swarm.submitter.node.submit(request)
    const status = await untilEnded(swarm.submitter, job)
    assert.equal(status.state, 'complete')
    assert.equal(status.executions, 5, 'four for the truth lead one lie by three')
    assert.deepEqual(await textsOf(swarm.submitter, job), texts)
    assert.deepEqual(
      status.contradicted.flatMap(({ peers }) => peers),
      [swarm.vehicle('liar').peer],
    )
  },
)

test('two liars of one owner are one voice: their agreement is worth nothing', testTimeout, async (t) => {
  const liars = [1, 2].map((i) => ({ name: `liar-${i}`, owner: 'cartel', program: liarProgram }))
  const swarm = await startSwarm(t, { vehicles: [...liars, { name: 'honest-1' }, { name: 'honest-2' }] })
  for (const round of ['first', 'second', 'third']) {
    const documents = writeDocuments(t, [`${round} round`])
    const { job } = await swarm.submitter.node.submit(await wasmJob(t, 'echo', documents))
    assert.equal((await untilEnded(swarm.submitter, job)).state, 'complete')
    assert.deepEqual(await textsOf(swarm.submitter, job), [`${round} round`])
  }
})

test('with nobody but one owner’s liars a job waits: one voice is not two', testTimeout, async (t) => {
  const liars = [1, 2].map((i) => ({ name: `liar-${i}`, owner: 'cartel', program: liarProgram }))
  const swarm = await startSwarm(t, { vehicles: liars })
  const request = await wasmJob(t, 'echo', writeDocuments(t, ['x']), { shortage: 'fail' })
  const { job, owners } = await swarm.submitter.node.submit(request)
  assert.deepEqual(owners, { needed: 2, available: 1 })
  const status = await untilEnded(swarm.submitter, job)
  assert.equal(status.state, 'failed')
  assert.equal(status.pages.verified, 0)
})
