/** What a steward lets others read of a job, and what it answers its vehicles. */
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { Jobs } from '../../src/host/jobs/jobs.ts'
import { sha256 } from '../../src/host/sha256.ts'
import { SigningKey } from '../../src/host/store/keys.ts'
import type { JobId, PeerId } from '../../src/protocol/ids.ts'
import { type Lease, type Opening, type Receipt, receiptRoot } from '../../src/protocol/job/lease.ts'
import type { Manifest } from '../../src/protocol/job/manifest.ts'
import { cborCid } from '../../src/protocol/record/block.ts'
import type { Verified } from '../../src/protocol/record/record.ts'
import { placeOf } from '../support/core-fakes.ts'
import { JobsStage, vehicleOf } from '../support/jobs-stage.ts'

/** For what is waited for, on a machine at a standstill. */
const patiently = { timeout: 400_000 }

const vehicle = SigningKey.generate()
const fellow = SigningKey.generate().peerId

function started(t: TestContext): JobsStage {
  const stage = new JobsStage()
  t.after(() => stage.close())
  return stage
}

async function running(stage: JobsStage, name: string, changes: Partial<Manifest> = {}): Promise<JobId> {
  const { job } = await stage.plant(name, 1, changes)
  await stage.jobs.status(job)
  return job
}

/** Once it is offered. */
async function leased(stage: JobsStage, job: JobId): Promise<Verified<Lease>> {
  stage.roster([vehicleOf(vehicle.peerId)])
  const lease = await stage.leaseFor(job, vehicle.peerId)
  await stage.untilSaid(({ message }) => message.type === 'offer')
  return lease
}

test(
  'a vehicle reads the shards that it has a lease for, nothing else, and nothing once that is over',
  patiently,
  async (t) => {
    const stage = started(t)
    const job = await running(stage, 'read')
    const { payload } = await leased(stage, job)
    const [shard] = payload.shards
    const [list] = stage.store.blocks.of(job).list('input')
    const mayRead = (peer: PeerId) => [shard!, list!].map((cid) => stage.jobs.mayRead(peer, cid))
    assert.deepEqual(mayRead(vehicle.peerId), [true, false])
    assert.deepEqual(mayRead(fellow), [false, false])
    await stage.jobs.cancel(job)
    await stage.pass(500)
    assert.deepEqual(stage.jobs.inMemory(), [job])
    assert.deepEqual(mayRead(vehicle.peerId), [false, false])
  },
)

test('a steward reads the blocks of its job, and of no other', async (t) => {
  const stage = started(t)
  const stewards = [stage.place(), { ...placeOf('fellow'), peer: fellow }]
  const [shared, alone] = [await running(stage, 'shared', { stewards }), await running(stage, 'alone')]
  const mayRead = (job: JobId) => {
    const [list] = stage.store.blocks.of(job).list('input')
    return stage.jobs.mayRead(fellow, list!)
  }
  assert.deepEqual([mayRead(shared), mayRead(alone)], [true, false])
})

test(
  'a receipt that comes again is acknowledged again: its vehicle did not hear the first answer',
  patiently,
  async (t) => {
    const stage = started(t)
    const job = await running(stage, 'twice')
    const { id, payload } = await leased(stage, job)
    const opening: Opening = { results: [cborCid(sha256, new Uint8Array(1))], nonce: new Uint8Array(32) }
    const work = { id, job, worker: vehicle.peerId, shards: payload.shards }
    const root = receiptRoot(sha256, work, [0], opening)
    const receipt: Receipt = { lease: id, covers: [0], root, cpuMs: 1, wallMs: 1, energy: null }
    const record = stage.sign(vehicle, 'receipt', job, receipt)
    for (let times = 0; times < 2; times += 1) {
      stage.said.length = 0
      stage.jobs.hear(vehicle.peerId, { type: 'receipt', record, opening, released: null })
      const { to } = await stage.untilSaid(({ message }) => message.type === 'acknowledge')
      assert.equal(to, vehicle.peerId)
    }
    // The result that it claims is sought, and is nowhere: the shard is leased again.
    await stage.clock.hurry(stage.untilSaid(({ message }) => message.type === 'offer'))
  },
)

test('a lease that did not reach its vehicle leaves its shards to others at once', patiently, async (t) => {
  const stage = started(t)
  const { job } = await stage.plant('away', 1)
  const options = stage.options()
  const refused = Promise.withResolvers<void>()
  const send = async () => {
    refused.resolve()
    throw new Error('it is away')
  }
  const jobs = new Jobs({ ...options, network: { ...options.network, send } })
  t.after(() => jobs.stop())
  await jobs.status(job)
  stage.roster([vehicleOf(vehicle.peerId)])
  jobs.rosterChanged()
  await refused.promise
  await new Promise((resolve) => setImmediate(resolve))
  const { shards } = await jobs.status(job)
  assert.deepEqual([shards.queued, shards.leased], [1, 0])
})
