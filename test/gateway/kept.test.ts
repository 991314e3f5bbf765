/** What batches leave behind counts as their tenant's, and goes; and connections that nobody has a name for give way. */
import assert from 'node:assert/strict'
import { EventEmitter } from 'node:events'
import type { Socket } from 'node:net'
import { test } from 'node:test'
import { Connections } from '../../src/gateway/connections.ts'
import { createBatch } from '../../src/gateway/create-batch.ts'
import { ApiError } from '../../src/gateway/errors.ts'
import { submitPart } from '../../src/gateway/submit.ts'
import type { SubmitRequest } from '../../src/host/api.ts'
import { systemClock } from '../../src/host/clock.ts'
import { RequestError } from '../../src/host/errors.ts'
import { chat, settings, batchStage as stageOf } from '../support/batch-stage.ts'

const dayMs = 86_400_000
const quota = 20 * 2 ** 30

test('by one Idempotency-Key there is one batch, also with a new key of the tenant, and another request is refused', (t) => {
  const { keys, files, batches, key, add } = stageOf(t)
  const input = add('batch', Buffer.from('{}'))
  const body = { input_file_id: input, endpoint: '/v1/embeddings', completion_window: '1h' }
  const make = (changes: object = {}, as = key, nowMs = 0) =>
    createBatch(
      { ...body, ...changes },
      { batches, files, key: as, nowMs, isRetry: false, idempotencyKey: 'mine' },
    )
  const { batch } = make()
  assert.deepEqual([make().isNew, make().batch.id], [false, batch.id])
  assert.throws(() => make({ completion_window: '2h' }), refusedWith('idempotency_key_reused'))
  keys.revoke('team', 0)
  const renewed = keys.check(keys.create('team', settings, 0)!)!
  assert.equal(make({}, renewed).batch.id, batch.id)
  const other = keys.check(keys.create('others', settings, 0)!)!
  assert.throws(() => make({}, other), refusedWith('not_found'))
  assert(make({}, renewed, dayMs + 1).isNew)
})

const refusedWith = (code: string) => (error: unknown) =>
  error instanceof ApiError && error.facts.code === code

test('jobs of a batch count as its tenant’s, also when its files are gone, until they are let go a day later', async (t) => {
  const { tables, files, batches, add, create, check, end } = stageOf(t)
  const input = add('batch', Buffer.from(JSON.stringify(chat('a', 'x'.repeat(1000)))))
  const batch = create(input)
  assert('counts' in (await check(batch)))
  batches.submitted(batch.id, 0, 'job-1')
  end(batch, 0)
  files.remove(input)
  const held = tables.get<{ held: number }>('SELECT held_bytes AS held FROM batches')!.held
  assert(held > 1000 && held < 2000, `${held}`)
  // The disk may have less room than a tenant.
  const isOverQuota = (tenant: string, bytes: number) =>
    files.refusal(tenant, bytes)?.code === 'storage_quota_exceeded'
  assert(!isOverQuota('team', quota - held))
  assert(isOverQuota('team', quota - held + 1))
  assert(!isOverQuota('other', quota - held + 1))

  const forgotten: string[] = []
  const kept = new Map<string, object | null>([['job-1', { micros: 1 }]])
  const api = {
    owes: (job: string) => {
      if (!kept.has(job)) throw new RequestError('there is no such job')
      return kept.get(job) as never
    },
    forget: async (job: string) => {
      forgotten.push(job)
      kept.delete(job)
    },
  }
  const look = (nowMs: number) => batches.kept.look(nowMs, api)
  await look(dayMs)
  assert.deepEqual(forgotten, [], 'it owes money')
  kept.set('job-1', null)
  await look(dayMs - 1)
  assert.deepEqual(forgotten, [], 'the day is not over')
  await look(dayMs)
  assert.deepEqual(forgotten, ['job-1'])
  assert(!isOverQuota('team', quota))
  await look(30 * dayMs - 1)
  batches.get('team', batch.id)
  await look(30 * dayMs)
  assert.throws(() => batches.get('team', batch.id), /there is no batch/)
  assert.deepEqual(batches.parts(batch.id), [])
})

test('a file that a thousand lines name is stored for each of them, and a batch for which there is no room fails by name', async (t) => {
  const { tables, add, create, check } = stageOf(t)
  const scan = add('vision', Uint8Array.of(0xff, 0xd8, 0xff, ...new Uint8Array(100)))
  tables.run('UPDATE files SET bytes = ? WHERE id = ?', Math.ceil(quota / 1000), scan)
  const ask = (n: number) => ({
    custom_id: `${n}`,
    method: 'POST',
    url: '/v1/ocr',
    body: { model: 'ocr', document: { type: 'document_url', document_url: scan } },
  })
  const lines = Array.from({ length: 1000 }, (_, n) => JSON.stringify(ask(n))).join('\n')
  const checked = await check(create(add('batch', Buffer.from(lines)), 0, '/v1/ocr'))
  assert('errors' in checked)
  assert.equal(checked.errors[0]!.code, 'storage_quota_exceeded', JSON.stringify(checked.errors[0]))
})

test('a tenant’s oldest batches make room for new ones, but for those of today and those whose jobs are kept', (t) => {
  const { tables, batches, add, create, end } = stageOf(t)
  const input = add('batch', Buffer.from('{}'))
  const [held, oldest] = [create(input), create(input)]
  for (const batch of [held, oldest]) end(batch, 0)
  batches.kept.hold(held.id, 1)
  tables.run(
    `INSERT INTO batches (id, tenant, status, request_hash, facts, created_at_ms, budget_micros, is_over)
     WITH RECURSIVE n(i) AS (SELECT 3 UNION ALL SELECT i + 1 FROM n WHERE i < 10000)
     SELECT 'batch_' || i, 'team', 'failed', '', '{}', ?, 0, 1 FROM n`,
    2 * dayMs,
  )
  create(input, 2 * dayMs)
  assert.throws(() => batches.get('team', oldest.id), /there is no batch/)
  batches.get('team', held.id)
  assert.throws(() => create(input, 2 * dayMs), refusedWith('too_many_batches'))
})

test('early jobs have the first lines of each model, and are few', async (t) => {
  const { batches, add, create, check } = stageOf(t)
  const partsOf = async (count: number) => {
    const lines = Array.from({ length: count }, (_, n) => JSON.stringify(chat(`${n}`, 'x')))
    const batch = create(add('batch', Buffer.from(lines.join('\n'))))
    await check(batch)
    return batches.parts(batch.id).map(({ part, isEarly }) => [part, isEarly])
  }
  assert.deepEqual(await partsOf(999), [[0, false]])
  assert.deepEqual(await partsOf(1000), [
    [0, false],
    [16, true],
  ])
})

test('a batch that names no price pays what its budget allows by its tokens, and is enough for three executions of its first lines and two of the others', async (t) => {
  const { batches, files, lines, models, add, create, check } = stageOf(t)
  const some = Array.from({ length: 1000 }, (_, n) => JSON.stringify(chat(`${n}`, 'x'.repeat(1000))))
  const input = add('batch', Buffer.from(some.join('\n')))
  const batch = { ...create(input, systemClock.now()), currency: 'EUR', budgetMicros: 1e6 }
  await check(batch)
  const parts = batches.parts(batch.id)
  const paid: SubmitRequest['payment'][] = []
  const node = {
    api: { peers: () => [] },
    submitGiven: async (request: SubmitRequest) => {
      paid.push(request.payment)
      return { job: 'job' }
    },
  } as never
  const signal = new AbortController().signal
  const context = { node, files, lines, models, parts, clock: systemClock, signal }
  for (const part of parts) await submitPart(batch, part, context)
  const [rest, early] = paid
  assert.equal(early!.unitMicrosMax, rest!.unitMicrosMax)
  // 1,000 requests of some 1,060 bytes are 132,000 tokens at least: a euro is for two executions of them, and a few more.
  assert(rest!.unitMicrosMax > 3_500 && rest!.unitMicrosMax < 4_000, `${rest!.unitMicrosMax}`)
  assert.deepEqual(
    [rest!.budgetMicros, early!.budgetMicros].map((micros) => micros! / 1e6),
    [(2 * 968) / 2032, (3 * 32) / 2032].map((share) => Math.floor(share * 1e6) / 1e6),
  )
})

/** A socket as far as connections are concerned. */
function socketOf(remoteAddress: string): Socket & { isGone: boolean } {
  const socket = Object.assign(new EventEmitter(), {
    remoteAddress,
    isGone: false,
    destroy: () => {
      socket.isGone = true
      socket.emit('close')
    },
  })
  return socket as never
}

test('connections without a key give way, the oldest of the address that has the most first, and those with one stay', () => {
  const connections = new Connections({ connectionsMax: 5, namelessOfAddressMax: 3 })
  const opened = (address: string) => {
    const socket = socketOf(address)
    connections.add(socket)
    return socket
  }
  const named = opened('10.0.0.1')
  connections.named(named, 'a')
  const flood = [opened('10.0.0.1'), opened('10.0.0.1'), opened('10.0.0.1')]
  const other = opened('10.0.0.2')
  // The address has as many as it may have.
  flood.push(opened('10.0.0.1'))
  assert.deepEqual(
    flood.map(({ isGone }) => isGone),
    [true, false, false, false],
  )
  // All places are taken: the fuller address gives one up.
  const third = opened('10.0.0.3')
  assert.deepEqual(
    flood.map(({ isGone }) => isGone),
    [true, true, false, false],
  )
  assert(!named.isGone && !other.isGone && !third.isGone)
  for (const socket of [...flood, other, third]) if (!socket.isGone) connections.named(socket, 'b')
  // Everybody has shown a key: the tenant with the most gives its oldest up.
  const last = opened('10.0.0.4')
  assert(flood[2]!.isGone && !flood[3]!.isGone && !last.isGone && !named.isGone)
  flood[3]!.destroy()
  assert(!opened('10.0.0.4').isGone && !last.isGone)
  connections.endAll()
  assert(named.isGone && other.isGone)
})
