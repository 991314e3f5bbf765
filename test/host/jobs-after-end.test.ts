/** What a node does for the other stewards of a job that has ended: it waits for them, goes, and comes back for them. */
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { sha256 } from '../../src/host/sha256.ts'
import { SigningKey } from '../../src/host/store/keys.ts'
import type { JobId, PeerId } from '../../src/protocol/ids.ts'
import { type Opening, type Receipt, receiptRoot } from '../../src/protocol/job/lease.ts'
import { stewardLostMs } from '../../src/protocol/limits.ts'
import type { Message } from '../../src/protocol/message.ts'
import { cborCid } from '../../src/protocol/record/block.ts'
import { placeOf } from '../support/core-fakes.ts'
import { JobsStage } from '../support/jobs-stage.ts'

/** For what is waited for, on a machine at a standstill. */
const patiently = { timeout: 400_000 }

type Beat = Extract<Message, { type: 'beat' }>

const fellow = SigningKey.generate().peerId

/** A job with two stewards, of which only this node is here when it ends. */
async function ended(t: TestContext): Promise<{ stage: JobsStage; job: JobId }> {
  const stage = new JobsStage()
  t.after(() => stage.close())
  const stewards = [stage.place(), { ...placeOf('fellow'), peer: fellow }]
  const { job } = await stage.plant('shared', 1, { stewards })
  await stage.jobs.status(job)
  await stage.jobs.cancel(job)
  return { stage, job }
}

/** … and that was let go since. */
async function letGo(t: TestContext): Promise<{ stage: JobsStage; job: JobId }> {
  const { stage, job } = await ended(t)
  await stage.pass(stewardLostMs + 30_000)
  assert.deepEqual(stage.jobs.inMemory(), [])
  return { stage, job }
}

function beat(job: JobId, root: Uint8Array = new Uint8Array(32)): Beat {
  return { type: 'beat', job, acting: false, root, asks: false, count: 0, heard: null }
}

test('a job that has ended waits for its other steward, as long as that may come', async (t) => {
  const { stage, job } = await ended(t)
  stage.connected.add(fellow)
  stage.jobs.peerChanged('connected', fellow)
  await stage.pass(30_000)
  assert.deepEqual(stage.jobs.inMemory(), [job])

  const said = stage.said.findLast(({ to, message }) => to === fellow && message.type === 'beat')
  assert(said?.message.type === 'beat')
  stage.jobs.hear(fellow, beat(job, said.message.root))
  await stage.pass(30_000)
  assert.deepEqual(stage.jobs.inMemory(), [], 'it knows all')
})

test('a steward with other records brings a job that has ended back, and nobody else does', async (t) => {
  const { stage, job } = await letGo(t)
  const stranger: PeerId = SigningKey.generate().peerId
  stage.jobs.hear(stranger, beat(job))
  await stage.pass(500)
  assert.deepEqual(stage.jobs.inMemory(), [])
  stage.jobs.hear(fellow, beat(job))
  await stage.pass(500)
  assert.deepEqual(stage.jobs.inMemory(), [job])
})

test('a steward that missed the end is told of it as soon as it is back', patiently, async (t) => {
  const { stage, job } = await letGo(t)
  stage.said.length = 0
  stage.connected.add(fellow)
  stage.jobs.peerChanged('connected', fellow)
  const { message } = await stage.untilSaid(({ to }) => to === fellow)
  assert(message.type === 'beat' && message.job === job)
})

test('a receipt that comes while its job is read from the disk is not answered yet', async (t) => {
  const { stage, job } = await letGo(t)
  const vehicle = SigningKey.generate()
  const opening: Opening = { results: [cborCid(sha256, new Uint8Array(1))], nonce: new Uint8Array(32) }
  const root = receiptRoot(sha256, { id: job, job, worker: vehicle.peerId, shards: [job] }, [0], opening)
  const receipt: Receipt = { lease: job, covers: [0], root, cpuMs: 1, wallMs: 1, energy: null }
  const record = stage.sign(vehicle, 'receipt', job, receipt)
  stage.said.length = 0
  const status = stage.jobs.status(job)
  stage.jobs.hear(vehicle.peerId, { type: 'receipt', record, opening, released: null })
  assert.deepEqual(stage.said, [])
  assert.equal((await status).state, 'cancelled')
})
