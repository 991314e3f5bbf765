/** Keys and their tenants, files and lists, by the unmodified client and by plain requests, on a node that is alone. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { statSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { json } from 'node:stream/consumers'
import { after, before, test } from 'node:test'
import OpenAI, { toFile } from 'openai'
import { Keys } from '../../src/gateway/keys.ts'
import { openTables } from '../../src/gateway/tables.ts'
import { batchWhen, chat, GatewayStage, isOver, uploadLines } from '../support/gateway.ts'

let stage: GatewayStage
before(async () => {
  stage = await GatewayStage.start(undefined, 0)
})
after(() => stage.stop())

const request = { endpoint: '/v1/chat/completions', completion_window: '24h' } as const

function revoke(tenant: string): void {
  const tables = openTables(stage.mesh.submitter.dataDir)
  assert(new Keys(tables).revoke(tenant, Date.now()))
  tables.close()
}

test('nobody is served without a key in force, on loopback either, and none is on the disk', async () => {
  const key = stage.key('short')
  const get = (authorization?: string) =>
    fetch(`${stage.url}/v1/models`, authorization === undefined ? {} : { headers: { authorization } })
  for (const shown of [undefined, 'Bearer x', `Bearer ${key.slice(0, -1)}x`, `Basic ${key}`])
    assert.equal((await get(shown)).status, 401, shown)
  assert.equal((await get(`Bearer ${key}`)).status, 200)
  revoke('short')
  await assert.rejects(stage.client(key).models.list(), OpenAI.AuthenticationError)
  const path = join(stage.mesh.submitter.dataDir, 'gateway.sqlite')
  assert.equal(statSync(path).mode & 0o777, 0o600)
  const tables = openTables(stage.mesh.submitter.dataDir)
  assert(!JSON.stringify(tables.all('SELECT * FROM keys')).includes(key.slice(-43)))
  tables.close()
})

test('a page that leads a name of its own to this machine gets nothing', async () => {
  const { hostname, port } = new URL(stage.url)
  const asked = async (host: string) => {
    const { default: http } = await import('node:http')
    const sent = http.get({ hostname, port, path: '/livez', headers: { host } })
    const [response] = (await once(sent, 'response')) as [import('node:http').IncomingMessage]
    response.resume()
    return response.statusCode
  }
  assert.equal(await asked('rebound.example.org'), 403)
  assert.equal(await asked(`rebound.example.org:${port}`), 403)
  assert.equal(await asked(`localhost:${port}`), 200)
})

test('tenants see nothing of each other, equal files included', async () => {
  const [mine, others] = ['left', 'right'].map((tenant) => stage.client(stage.key(tenant)))
  const lines = [chat('a', 'the same')]
  const [file, same] = [await uploadLines(mine!, lines), await uploadLines(others!, lines)]
  assert.notEqual(file.id, same.id)
  const { id } = await mine!.batches.create({ ...request, input_file_id: file.id })
  const { id: other } = await others!.batches.create({ ...request, input_file_id: same.id })
  const running = async (client: OpenAI, batch: string) =>
    (await batchWhen(client, batch, ({ status }) => status !== 'validating')) as unknown as {
      carpool: { jobs: string[] }
    }
  const jobs = [await running(mine!, id), await running(others!, other)].map(({ carpool }) => carpool.jobs[0])
  assert(jobs[0] !== undefined && jobs[0] !== jobs[1])
  for (const act of [
    () => others!.files.retrieve(file.id),
    () => others!.files.content(file.id),
    () => others!.files.delete(file.id),
    () => others!.batches.retrieve(id),
    () => others!.batches.cancel(id),
    () => others!.batches.create({ ...request, input_file_id: file.id }),
    () => others!.batches.list({ after: id }),
  ])
    await assert.rejects(act(), OpenAI.NotFoundError)
  assert.deepEqual(
    (await others!.batches.list()).data.map((one) => one.id),
    [other],
  )
  await mine!.batches.cancel(id)
  assert.equal((await stage.hurry(batchWhen(mine!, id, isOver))).status, 'cancelled')
  assert.equal((await others!.batches.retrieve(other)).status, 'in_progress')
})

test('files have an end, lists have pages, and a retry is the batch that it made before', async () => {
  const client = stage.client(stage.key('files'))
  const file = await client.files.create({
    file: await toFile(Buffer.from(JSON.stringify(chat('a', 'x'))), 'näme.jsonl'),
    purpose: 'batch',
    expires_after: { anchor: 'created_at', seconds: 3600 },
  })
  assert.deepEqual([file.filename, file.expires_at! - file.created_at], ['näme.jsonl', 3600])
  assert.equal(await (await client.files.content(file.id)).text(), JSON.stringify(chat('a', 'x')))
  const ids: string[] = []
  for (let i = 0; i < 3; i += 1)
    ids.unshift(
      (await client.batches.create({ ...request, input_file_id: file.id, metadata: { i: `${i}` } })).id,
    )
  const listed: string[] = []
  for await (const { id } of client.batches.list({ limit: 2 })) listed.push(id)
  assert.deepEqual(listed, ids)
  const again = { headers: { 'x-stainless-retry-count': '1' } }
  const body = { ...request, input_file_id: file.id, metadata: { i: '2' } }
  assert.equal((await client.batches.create(body, again)).id, ids[0])
  assert.notEqual((await client.batches.create(body)).id, ids[0])
  const kept = await uploadLines(client, [chat('b', 'y')])
  assert.deepEqual(
    (await client.files.list({ limit: 1 })).data.map(({ id }) => id),
    [kept.id],
  )
  stage.mesh.clock.skip(3_700_000)
  await stage.mesh.until('the file is gone', async () =>
    client.files.retrieve(file.id).then(
      () => false,
      (error) => error instanceof OpenAI.NotFoundError,
    ),
  )
  assert.deepEqual(await client.files.delete(kept.id), { id: kept.id, object: 'file', deleted: true })
  await assert.rejects(client.files.retrieve(kept.id), OpenAI.NotFoundError)
})

test('wrong requests are refused at once, each with the field that is wrong', async () => {
  const client = stage.client(stage.key('wrong'))
  const { id } = await uploadLines(client, [chat('a', 'x')])
  const wrong = async (changes: object) => {
    const body = { ...request, input_file_id: id, ...changes }
    const error = await client.batches.create(body as never).then(
      () => assert.fail(JSON.stringify(changes)),
      (reason) => reason as InstanceType<typeof OpenAI.APIError>,
    )
    return [error.status, error.param]
  }
  assert.deepEqual(await wrong({ endpoint: '/v1/images' }), [400, 'endpoint'])
  assert.deepEqual(await wrong({ completion_window: 'soon' }), [400, 'completion_window'])
  assert.deepEqual(await wrong({ metadata: { 'carpool.speed': '1' } }), [400, 'carpool.speed'])
  assert.deepEqual(await wrong({ metadata: JSON.parse('{"__proto__": "x"}') }), [400, 'metadata'])
  assert.deepEqual(await wrong({ metadata: { 'carpool.budget': 'much' } }), [400, 'carpool.budget'])
  assert.deepEqual(await wrong({ carpool: { budget: '1EUR' } }), [400, 'carpool.budget'])
  assert.deepEqual(await wrong({ input_file_id: undefined }), [400, 'input_file_id'])
  await assert.rejects(
    client.files.create({ file: await toFile(Buffer.from('x'), 'x'), purpose: 'evals' }),
    OpenAI.BadRequestError,
  )
  await assert.rejects(client.chat.completions.create(chat('a', 'x') as never), /batch/)
})

test('the batches of a key never hold more than its budget of the day', async () => {
  const budgetDay = { currency: 'EUR', micros: 5_000_000 }
  const client = stage.client(stage.key('payer', { budgetDay }))
  const { id } = await uploadLines(client, [chat('a', 'x')])
  const create = (budget?: string) =>
    client.batches.create({
      ...request,
      input_file_id: id,
      ...(budget === undefined ? {} : { metadata: { 'carpool.budget': budget } }),
    })
  await create('3EUR')
  await assert.rejects(create('2.1EUR'), OpenAI.RateLimitError)
  const { carpool } = (await create('2EUR')) as unknown as { carpool: { cost: { budget_micros: number } } }
  assert.equal(carpool.cost.budget_micros, 2_000_000)
  await assert.rejects(create(), OpenAI.RateLimitError)
})

test('a webhook is told of the end of a batch, again until it is taken, signed as clients check it', async () => {
  const heard: { headers: Record<string, string>; body: object }[] = []
  const server = createServer(async (incoming, outgoing) => {
    heard.push({
      headers: incoming.headers as Record<string, string>,
      body: (await json(incoming)) as object,
    })
    outgoing.writeHead(heard.length === 1 ? 500 : 204).end()
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const secret = `whsec_${Buffer.alloc(32, 7).toString('base64')}`
  const webhook = { url: `http://127.0.0.1:${port}/hook`, secret, mayBePrivate: true }
  const client = stage.client(stage.key('told', { webhook }))
  const { id } = await client.batches.create({
    ...request,
    input_file_id: (await uploadLines(client, [''])).id,
  })
  await stage.hurry(stage.mesh.until('it was told twice', () => heard.length === 2))
  server.close()
  const { headers, body } = heard[1]!
  const event = await client.webhooks.unwrap(JSON.stringify(body), headers, secret, 1_000_000)
  assert.deepEqual([event.type, (event.data as { id: string }).id], ['batch.failed', id])
  assert.equal(heard[0]!.headers['webhook-id'], headers['webhook-id'])
})

test('operators’ tools need no key, and learn nothing of anybody', async () => {
  const text = async (path: string) => (await fetch(`${stage.url}${path}`)).text()
  assert.equal(await text('/livez'), 'ok\n')
  assert.match(await text('/readyz?verbose'), /^\[\+\]running ok\n/)
  const metrics = await text('/metrics')
  assert.match(metrics, /^carpool_batches\{status="in_progress"\} \d+$/m)
  assert.match(
    metrics,
    /^carpool_http_request_duration_seconds_count\{route="\/v1\/batches\/:id",code="200"\} \d+$/m,
  )
  assert.doesNotMatch(metrics, /batch_|file-|cpk-|12D3/)
})
