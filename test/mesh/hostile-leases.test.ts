/** What a standby can do that signs whatever it likes and never acts, while the submitter's node acts. */
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { sha256 } from '../../src/host/sha256.ts'
import { SigningKey } from '../../src/host/store/keys.ts'
import type { Cid, RecordId } from '../../src/protocol/ids.ts'
import { bitsOf } from '../../src/protocol/job/draw.ts'
import { type Lease, type Opening, type Receipt, receiptRoot } from '../../src/protocol/job/lease.ts'
import { decodeShardList } from '../../src/protocol/job/lists.ts'
import type { Verdict } from '../../src/protocol/job/verdict.ts'
import { ownerIdOf } from '../../src/protocol/membership/owner.ts'
import { recordId, type SignedRecord } from '../../src/protocol/record/record.ts'
import { trieFanout } from '../../src/protocol/record/record-trie.ts'
import { HostileStandby } from '../support/hostile-standby.ts'
import { Gate, Mesh } from '../support/mesh.ts'
import { billOf } from '../support/mesh-money.ts'

const askMicros = 20_000
const payment = { currency: 'EUR', unitMicrosMax: 100_000, budgetMicros: 1_000_000 }
const texts = ['one', 'two', 'three', 'four', 'five', 'six']

/** A job of which the hostile node is the only standby, and whose vehicles are held back until the gate opens. */
async function standingBy(t: TestContext) {
  const gate = new Gate()
  const vehicles = ['car-1', 'car-2'].map((name) => ({ name, askMicros, script: gate.script }))
  const mesh = await Mesh.start({ vehicles })
  t.after(() => mesh.stop())
  const { submitter } = mesh
  const hostile = await HostileStandby.join(t, mesh)
  const { job } = await submitter.api.submit(mesh.request(texts, { payment, standbys: 1 }))
  await hostile.standBy(job)
  const { manifest } = hostile
  const shards = decodeShardList(await hostile.vehicle.read(submitter.peer, manifest.payload.shards))
  return { submitter, hostile, gate, job, manifest, shards }
}

type Attack = Awaited<ReturnType<typeof standingBy>>

/** Leases of every shard to two accomplices at this price, their receipts, and verdicts that name them. */
async function lease({ hostile, submitter, manifest, shards }: Attack, unitMicros: number): Promise<void> {
  const { id: job } = manifest
  const tell = async (record: SignedRecord, opening: Opening | null = null) => {
    await hostile.vehicle.say(submitter.peer, { type: 'record', job, record, opening })
    return recordId(sha256, record.body)
  }
  const accomplices = [SigningKey.generate(), SigningKey.generate()]
  const candidates = accomplices.map(({ peerId: peer }) => ({ peer, owner: ownerIdOf(sha256, peer) }))
  const basis = await tell(hostile.sign('draw', { candidates }))
  let index = 0
  for (const [position, { shard, pages }] of shards.entries()) {
    const result = hostile.vehicle.result(manifest.payload, 'a lie')
    const agreeing: RecordId[] = []
    for (const [i, key] of accomplices.entries()) {
      const { peer: vehicle, owner } = candidates[i]!
      const leased: Lease = {
        ...{ vehicle, owner, shards: [shard], positions: [position], isa: null, costMs: 1, units: [pages] },
        price: { currency: 'EUR', unitMicros, operatorPpm: 0 },
        draw: { basis, eligible: bitsOf(accomplices.length, [i]), index },
      }
      index += 1
      const id = await tell(hostile.sign('lease', leased))
      const opening: Opening = { results: [result], nonce: new Uint8Array(32) }
      const root = receiptRoot(sha256, { id, job, worker: vehicle, shards: [shard] }, [0], opening)
      const receipt: Receipt = { lease: id, covers: [0], root, cpuMs: 1, wallMs: 1, energy: null }
      agreeing.push(await tell(hostile.signAs(key, 'receipt', receipt, index), opening))
    }
    const verdict: Verdict = { shards: [accepted(position, shard, result, agreeing)] }
    await tell(hostile.sign('verdict', verdict))
  }
  // An answer to this comes after all that was said before.
  const hashes = Array.from({ length: trieFanout }, () => new Uint8Array(16))
  await hostile.vehicle.say(submitter.peer, { type: 'branches', job, hashes })
  await hostile.vehicle.heard.find((message) => message.type === 'leaves' && message.job === job)
}

function accepted(position: number, shard: Cid, result: Cid, agreeing: readonly RecordId[]) {
  const decided = { outcome: 'accepted', status: 'final', because: 'unanimous' } as const
  return { ...decided, position, shard, result, agreeing, contradicting: [], settles: [] }
}

test('an idle standby’s leases at a thousand euros a page are owed by nobody, and the job ends as if they were not', async (t) => {
  const attack = await standingBy(t)
  const { submitter, gate, job } = attack
  const mayPromise = async (what: string) => {
    const status = await submitter.status(job, what, () => true)
    const { promisedMicros, owedMicros, budgetMicros } = status.payment!
    assert(promisedMicros <= budgetMicros, `${what}: ${promisedMicros} of ${budgetMicros} are promised`)
    assert(owedMicros <= promisedMicros, `${what}: ${owedMicros} of ${promisedMicros} are owed`)
  }
  await lease(attack, 1_000_000_000)
  await mayPromise('leases at a thousand euros')
  assert.deepEqual((await submitter.status(job, 'no claim counts', () => true)).vehicles, [])
  gate.open()
  assert.equal((await submitter.ended(job)).state, 'complete')
  assert.deepEqual(await submitter.texts(job), texts)
  await mayPromise('the end')
  const { totals } = await billOf(submitter, job)
  assert.equal(totals.owedMicros, 2 * texts.length * askMicros)
  const { owed } = await submitter.api.settle({ action: 'preview', thresholds: {} })
  assert.equal(
    owed.reduce((sum, { owedMicros }) => sum + owedMicros, 0),
    totals.owedMicros,
  )
})

test('an idle standby’s leases at the price of the job count as far as its part of the budget reaches', async (t) => {
  const attack = await standingBy(t)
  const { submitter, gate, job } = attack
  await lease(attack, payment.unitMicrosMax)
  const { promisedMicros, owedMicros, budgetMicros } = (await submitter.status(job, 'leased', () => true))
    .payment!
  assert(promisedMicros <= budgetMicros, `${promisedMicros} of ${budgetMicros} are promised`)
  assert(owedMicros <= budgetMicros / 2, `${owedMicros} of ${budgetMicros} are owed`)
  gate.open()
  assert.equal((await submitter.ended(job)).state, 'complete')
  const { totals } = await billOf(submitter, job)
  assert(totals.owedMicros <= budgetMicros)
})
