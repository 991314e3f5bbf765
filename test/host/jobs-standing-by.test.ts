/** Which jobs of others a node looks after, and to whom it shows them. */
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { JobRows } from '../../src/host/jobs/job-rows.ts'
import { sha256 } from '../../src/host/sha256.ts'
import { SigningKey } from '../../src/host/store/keys.ts'
import type { JobId, PeerId } from '../../src/protocol/ids.ts'
import { encodeBody, type SignedRecord } from '../../src/protocol/record/record.ts'
import { bodyOf } from '../../src/protocol/records.ts'
import { standingByMax, willingPerInviterMax, willingTtlMs } from '../../src/protocol/standing-by-limits.ts'
import { cidNamed } from '../support/core-fakes.ts'
import { entrust, known, secret } from '../support/entrusting.ts'
import { JobsStage } from '../support/jobs-stage.ts'

/** For what is waited for, on a machine at a standstill. */
const patiently = { timeout: 400_000 }

function started(t: TestContext): JobsStage {
  const stage = new JobsStage()
  t.after(() => stage.close())
  return stage
}

async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await new Promise((resolve) => setImmediate(resolve))
}

test('a node stands by for a job that names it, with the job’s secrets', patiently, async (t) => {
  const stage = started(t)
  const stranger = SigningKey.generate().peerId
  await entrust(stage, 'another node', { placed: (place) => ({ ...place, peer: stranger }) })
  await entrust(stage, 'draws of another', { draws: new Uint8Array(32) })
  await entrust(stage, 'another secret', { given: secret.with(0, 8) })
  await entrust(stage, 'no secret', { given: null })
  const right = await entrust(stage, 'its own')
  assert.deepEqual(known(stage), [right])
})

test('a node takes on no stranger’s job to which it did not say yes', patiently, async (t) => {
  const stage = started(t)
  await entrust(stage, 'never asked', { isInvited: false })
  const nonce = sha256(Buffer.from('once')).slice(0, 16)
  const [giver, other] = [SigningKey.generate(), SigningKey.generate()]
  const once = await entrust(stage, 'once', { giver, nonce })
  await entrust(stage, 'the same yes once more', { giver, nonce, isInvited: false })
  await entrust(stage, 'the yes to another', { giver: other, nonce, isInvited: false })
  await entrust(stage, 'a yes long ago', { before: async () => stage.clock.skip(willingTtlMs + 1) })
  await entrust(stage, 'of this node', { first: stage.key.peerId })
  const before = async () => {
    stage.standsBy = false
    await stage.restart()
  }
  await entrust(stage, 'it stands by no more', { before })
  assert.deepEqual(known(stage), [once])
})

test('a yes holds after a restart, and whichever steward entrusts the job', patiently, async (t) => {
  const stage = started(t)
  const job = await entrust(stage, 'its yes', {
    from: SigningKey.generate().peerId,
    before: () => stage.restart(),
  })
  assert.deepEqual(known(stage), [job])
})

test('a node remembers as many yeses of one inviter as it takes jobs', patiently, async (t) => {
  const stage = started(t)
  const giver = SigningKey.generate()
  const nonceOf = (i: number) => sha256(Buffer.from(`${i}`)).slice(0, 16)
  for (let i = 0; i <= willingPerInviterMax; i += 1) {
    stage.clock.skip(1)
    stage.jobs.hear(giver.peerId, { type: 'invite', nonce: nonceOf(i), bytes: 1, place: null })
  }
  await stage.untilSaid(() => stage.said.length > willingPerInviterMax)
  await entrust(stage, 'the first', { giver, nonce: nonceOf(0), isInvited: false })
  const second = await entrust(stage, 'the second', { giver, nonce: nonceOf(1), isInvited: false })
  assert.deepEqual(known(stage), [second])
})

test('a node that looks after many jobs of others says no, and takes no more', patiently, async (t) => {
  const stage = started(t)
  const rows = new JobRows(stage.store.journal)
  const plant = (i: number, requestDigest: string, endedAtMs: number | null) =>
    rows.put({ job: cidNamed(`job ${i}`), state: { requestDigest }, createdAtMs: 0, endedAtMs })
  for (let i = 0; i < standingByMax; i += 1) plant(i, '', null)
  const many = known(stage).length
  await entrust(stage, 'one too many')
  assert.equal(known(stage).length, many)
  assert.deepEqual(
    stage.said.map(({ message }) => message.type === 'unwilling' && message.reason),
    ['too-many-jobs'],
  )
  // Jobs that have ended, and those that were submitted here, are no burden.
  plant(0, '', 1)
  plant(1, 'its own', null)
  await entrust(stage, 'room again')
  assert.equal(known(stage).length, many + 1)
})

test('a node that said yes to more jobs than it has room for takes as many as that', patiently, async (t) => {
  const stage = started(t)
  const rows = new JobRows(stage.store.journal)
  for (let i = 1; i < standingByMax; i += 1)
    rows.put({ job: cidNamed(`job ${i}`), state: { requestDigest: '' }, createdAtMs: 0, endedAtMs: null })
  const many = known(stage).length
  // Both are invited before either is there.
  let isLast: JobId | undefined
  const first = await entrust(stage, 'invited first', {
    before: async () => {
      isLast = await entrust(stage, 'entrusted first')
    },
  })
  assert.deepEqual([known(stage).length, known(stage).includes(isLast!)], [many + 1, true])
  assert(!known(stage).includes(first))
})

test(
  'of strangers’ jobs whose records take too much memory, the one that takes the most is let go for good',
  patiently,
  async (t) => {
    const stage = new JobsStage({ recordBytesMax: 2 ** 20 })
    t.after(() => stage.close())
    const hostile = SigningKey.generate()
    let again = () => {}
    const keep = (entrusting: () => void) => {
      again = entrusting
    }
    const [small, large] = [
      await entrust(stage, 'small'),
      await entrust(stage, 'large', { giver: hostile, keep }),
    ]
    const own = (await stage.plant('own', 1)).job
    await stage.jobs.status(own)
    await until(() => stage.jobs.inMemory().length === 3)
    const verdicts = Array.from({ length: 128 }, (_, i) => cidNamed(`${i}`))
    const flood = (job: JobId, key: SigningKey, serial: number) => {
      const record = stage.sign(key, 'holding', job, { inputs: false, verdicts }, serial)
      stage.jobs.hear(key.peerId, { type: 'record', job, record, opening: null })
    }
    // Each takes some 60 KiB of memory.
    for (let serial = 0; serial < 40; serial += 1) flood(large, hostile, serial)
    await until(() => !known(stage).includes(large))
    assert.deepEqual(known(stage).sort(), [small, own].sort())
    again()
    await stage.pass(2_000)
    assert.deepEqual(known(stage).sort(), [small, own].sort(), 'it is not taken on again')
  },
)

test('a node without room for a job says so', async (t) => {
  const stage = started(t)
  const { peerId } = SigningKey.generate()
  const nonce = new Uint8Array(16)
  stage.jobs.hear(peerId, { type: 'invite', nonce, bytes: Number.MAX_SAFE_INTEGER, place: null })
  const message = { type: 'unwilling', nonce, reason: 'no-space' } as const
  assert.deepEqual(stage.said, [{ to: peerId, message }])
})

test(
  'a job is shown to the reader that its submitter’s key names, while the permission lasts',
  patiently,
  async (t) => {
    const stage = started(t)
    const { job } = await stage.plant('read', 1)
    await stage.jobs.status(job)
    const nowMs = stage.clock.now()
    const permit = (signer: SigningKey, reader: PeerId, expiresMs: number): SignedRecord => {
      const body = encodeBody(
        bodyOf('access', { signer: signer.peerId, serial: nowMs, expiresMs, payload: { reader } }),
      )
      return { body, signature: signer.sign(body) }
    }
    const [late, thief, other, reader] = Array.from({ length: 4 }, () => SigningKey.generate().peerId) as [
      PeerId,
      PeerId,
      PeerId,
      PeerId,
    ]
    const { submitter } = stage
    const shown: readonly [PeerId, SignedRecord][] = [
      [late, permit(submitter, late, nowMs - 1)],
      [thief, permit(submitter, reader, nowMs + 60_000)],
      [other, permit(SigningKey.generate(), other, nowMs + 60_000)],
      [reader, permit(submitter, reader, nowMs + 60_000)],
    ]
    for (const [from, access] of shown) stage.jobs.hear(from, { type: 'find', access })
    await stage.untilSaid(({ to }) => to === reader)
    await stage.pass(2_000)
    assert.deepEqual([...new Set(stage.said.map(({ to }) => to))], [reader])
    assert(stage.said.some(({ message }) => message.type === 'entrust'))
  },
)
