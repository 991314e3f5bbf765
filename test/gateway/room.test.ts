/** Tenants that would fill the disk, or keep others waiting: without a node, by the parts that hold against it. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { existsSync, readdirSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { test } from 'node:test'
import { pino } from 'pino'
import type { AppContext } from '../../src/gateway/app-context.ts'
import { compose } from '../../src/gateway/console/compose.ts'
import { createBatch } from '../../src/gateway/create-batch.ts'
import { ApiError } from '../../src/gateway/errors.ts'
import { Files } from '../../src/gateway/files.ts'
import { openTables } from '../../src/gateway/tables.ts'
import { Webhooks } from '../../src/gateway/webhooks.ts'
import { systemClock } from '../../src/host/clock.ts'
import { batchStage } from '../support/batch-stage.ts'
import { settings } from '../support/gateway.ts'
import { temporaryDirectory } from '../support/store.ts'

const refusedWith = (code: string) => (error: unknown) =>
  error instanceof ApiError && error.facts.code === code

test('a tenant whose room is taken makes no batches, whose errors would take more, and no empty files', (t) => {
  const { tables, files, batches, key, add } = batchStage(t)
  const body = { input_file_id: add('batch', Buffer.from('{}')), endpoint: '/v1/embeddings' }
  const create = () => {
    const asked = { ...body, completion_window: '1h' }
    return createBatch(asked, { batches, files, key, nowMs: 0, isRetry: false })
  }
  create()
  tables.run('UPDATE files SET bytes = ?', 20 * 2 ** 30)
  assert.throws(create, refusedWith('storage_quota_exceeded'))
  tables.run(
    `INSERT INTO files (id, tenant, filename, purpose, bytes, created_at_ms)
     WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100000)
     SELECT 'file-' || i, 'other', 'x', 'batch', 0, 0 FROM n`,
  )
  assert.throws(() => files.checkRoom('other', 0), refusedWith('storage_quota_exceeded'))
  files.checkRoom('third', 0)
})

test('one text that is named a thousand times makes no file larger than an upload', async (t) => {
  const { dataDir, files, key, add } = batchStage(t)
  const id = add('user_data', new Uint8Array(2 ** 20))
  const model = { name: 'letters', path: '/letters.gguf', bytes: 1, addedAtMs: 0 }
  const node = { api: { models: () => [model] } }
  const asked = { model: 'letters', endpoint: '/v1/chat/completions', files: Array(1000).fill(id) }
  const context = { files, node, clock: systemClock } as unknown as AppContext
  await assert.rejects(compose(asked, key, context), refusedWith('file_too_large'))
  assert.deepEqual(readdirSync(join(dataDir, 'gateway')), [id])
})

test('a tenant whose webhook hangs keeps nobody else’s news waiting', async (t) => {
  const { tables, keys, batches, files, add } = batchStage(t)
  const urlOf = async (answer: (heard: () => void) => Parameters<typeof createServer>[1]) => {
    const heard = Promise.withResolvers<void>()
    const server = createServer(answer(heard.resolve) as never).listen(0, '127.0.0.1')
    t.after(() => {
      server.closeAllConnections()
      server.close()
    })
    await once(server, 'listening')
    return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, heard: heard.promise }
  }
  let isGivenUp = false
  const hanging = await urlOf((heard) => (request) => {
    request.on('close', () => {
      isGivenUp = true
    })
    heard()
  })
  const taking = await urlOf((heard) => (_, response) => {
    response.writeHead(204).end()
    heard()
  })
  for (const [tenant, { url }] of [
    ['hangs', hanging],
    ['takes', taking],
  ] as const)
    keys.create(tenant, { ...settings, webhook: { url, secret: 'whsec_AAAA', mayBePrivate: true } }, 0)
  const key = keys.of('team')!
  const body = {
    input_file_id: add('batch', Buffer.from('x')),
    endpoint: '/v1/embeddings',
    completion_window: '1h',
  }
  const { batch } = createBatch(body, { batches, files, key, nowMs: 0, isRetry: false })
  const webhooks = new Webhooks({ tables, keys, clock: systemClock, log: pino({ level: 'silent' }) })
  webhooks.ended('hangs', batch)
  await hanging.heard
  webhooks.ended('takes', batch)
  await taking.heard
  assert(!isGivenUp, 'the one that hangs still does')
  await webhooks.stop()
})

test('a download that goes on while the gateway stops ends it for nobody, and a file that was deleted meanwhile goes with its last reader', (t) => {
  const dataDir = temporaryDirectory(t)
  const tables = openTables(dataDir)
  const files = new Files(tables, dataDir, systemClock)
  const row = { tenant: 'team', filename: 'x', purpose: 'batch', createdAtMs: 0, expiresAtMs: null }
  const added = () => {
    const path = files.spoolPath()
    writeFileSync(path, 'text')
    return files.add(row, { path, bytes: 4 }).id
  }
  const [kept, deleted] = [added(), added()]
  const releases = [files.hold(kept), files.hold(deleted), files.hold(deleted)]
  files.remove(deleted)
  tables.close()
  releases[1]!()
  assert(existsSync(files.pathOf(deleted)), 'somebody reads it yet')
  for (const release of releases) release()
  assert.deepEqual([existsSync(files.pathOf(kept)), existsSync(files.pathOf(deleted))], [true, false])
})
