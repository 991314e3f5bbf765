/** Vehicles that lie: named, outvoted, and paid for by nobody but their owner. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { liarProgram } from '../../src/cli/swarm/cast.ts'
import type { Swarm, SwarmVehicle } from '../../src/cli/swarm/swarm.ts'
import {
  sharedSwarm,
  testTimeout,
  textsOf,
  until,
  untilEnded,
  wasmJob,
  writeDocuments,
} from '../support/swarm.ts'

const texts = ['one', 'two', 'three', 'four']

const cartel = [1, 2].map((i) => ({ name: `cartel-${i}`, owner: 'cartel', program: liarProgram }))
const honest = [1, 2, 3, 4].map((i) => ({ name: `honest-${i}` }))
/** Each lies once: it is banned then. */
const liars = [1, 2].map((i) => ({ name: `liar-${i}`, program: liarProgram }))
const swarmOf = sharedSwarm({ vehicles: cartel, laterOwners: [...honest, ...liars].map(({ name }) => name) })

/** Resolves when the submitter knows them, and may draw them. */
async function join(swarm: Swarm, vehicles: readonly SwarmVehicle[]): Promise<void> {
  const members = await Promise.all(vehicles.map((vehicle) => swarm.join(vehicle)))
  for (const { name, peer } of members)
    await until(`${name} is known`, async () => {
      return (await swarm.submitter.node.peers()).some((row) => row.peer === peer && row.mode === 'run')
    })
}

test('with nobody but one owner’s liars a job waits: one voice is not two', testTimeout, async (t) => {
  const swarm = await swarmOf(t)
  const request = await wasmJob(t, 'echo', writeDocuments(t, ['x']), { shortage: 'fail' })
  const { job, owners } = await swarm.submitter.node.submit(request)
  assert.deepEqual(owners, { needed: 2, available: 1 })
  const status = await untilEnded(swarm.submitter, job)
  assert.equal(status.state, 'failed')
  assert.equal(status.pages.verified, 0)
})

test('two liars of one owner are one voice: their agreement is worth nothing', testTimeout, async (t) => {
  const swarm = await swarmOf(t)
  await join(swarm, honest.slice(0, 2))
  for (const round of ['first', 'second', 'third']) {
    const documents = writeDocuments(t, [`${round} round`])
    const { job } = await swarm.submitter.node.submit(await wasmJob(t, 'echo', documents))
    assert.equal((await untilEnded(swarm.submitter, job)).state, 'complete')
    assert.deepEqual(await textsOf(swarm.submitter, job), [`${round} round`])
  }
})

test('a liar is contradicted by the steward’s own recomputation, and named', testTimeout, async (t) => {
  const swarm = await swarmOf(t)
  for (const { name } of cartel) await swarm.vehicle(name).end('SIGTERM')
  await until('the cartel is gone', async () => {
    const known = await swarm.submitter.node.peers()
    return cartel.every(({ name }) => !known.some((row) => row.name === name && row.mode === 'run'))
  })
  await join(swarm, liars.slice(0, 1))
  const request = await wasmJob(t, 'echo', writeDocuments(t, texts), { arbiter: 'steward', replicas: 3 })
  const { job } = await swarm.submitter.node.submit(request)
  const status = await untilEnded(swarm.submitter, job)
  assert.equal(status.state, 'complete')
  assert.deepEqual(await textsOf(swarm.submitter, job), texts)
  assert.deepEqual(
    status.contradicted.flatMap(({ peers }) => peers),
    [swarm.vehicle('liar-1').peer],
  )
})

test(
  'without an arbiter, honest owners outvote a liar by the lead that the bound asks for',
  testTimeout,
  async (t) => {
    const swarm = await swarmOf(t)
    await join(swarm, [...honest.slice(2), ...liars.slice(1)])
    const documents = writeDocuments(
      t,
      texts.map((text) => `${text} again`),
    )
    const request = await wasmJob(t, 'echo', documents, { arbiter: 'owners', replicas: 5 })
    const { job } = await swarm.submitter.node.submit(request)
    const status = await untilEnded(swarm.submitter, job)
    assert.equal(status.state, 'complete')
    assert.equal(status.executions, 5, 'four for the truth lead one lie by three')
    assert.deepEqual(
      await textsOf(swarm.submitter, job),
      texts.map((text) => `${text} again`),
    )
    assert.deepEqual(
      status.contradicted.flatMap(({ peers }) => peers),
      [swarm.vehicle('liar-2').peer],
    )
  },
)
