/** Batches by the unmodified client of OpenAI's API, on a mesh whose vehicles answer by a script. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type OpenAI from 'openai'
import { toFile } from 'openai'
import type { GatewayOptions } from '../../src/gateway/gateway.ts'
import { RequestError } from '../../src/host/errors.ts'
import { askMicros, batchWhen, chat, GatewayStage, isOver, linesIn, uploadLines } from '../support/gateway.ts'
import { Gate } from '../support/mesh.ts'

let stage: GatewayStage
let gate = new Gate()
let client: OpenAI
before(async () => {
  stage = await GatewayStage.start(async (message) => {
    if (message.startsWith('wait')) await gate.script('')
  })
  client = stage.client(stage.key('team', { budgetDay: { currency: 'EUR', micros: 5_000_000 } }))
})
after(() => stage.stop())

const create = (file: string, more: object = {}) =>
  client.batches.create({
    input_file_id: file,
    endpoint: '/v1/chat/completions',
    completion_window: '24h',
    ...more,
  })

const when = (id: string, holds: Parameters<typeof batchWhen>[2]) => stage.hurry(batchWhen(client, id, holds))

const png = Buffer.concat([Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'), Buffer.alloc(12)])
const dataUrl = `data:image/png;base64,${png.toString('base64')}`
const tiffUrl = `data:image/tiff;base64,${Buffer.from('II*\0 and so on').toString('base64')}`
const scan = (custom_id: string, url = dataUrl) => {
  const messages = [{ role: 'user', content: [{ type: 'image_url', image_url: { url } }] }]
  return { ...chat(custom_id, ''), body: { model: 'ocr', messages } }
}

test('a record that owners agree on, and no model writes, is the fault of its line and keeps no other from its answer', async () => {
  const file = await uploadLines(client, [chat('a', 'malformed'), chat('b', 'well')])
  const batch = await when((await create(file.id)).id, isOver)
  assert.equal(batch.status, 'completed', JSON.stringify(batch))
  assert.deepEqual([batch.request_counts!.completed, batch.usage?.total_tokens], [1, 5])
  const [line] = await linesIn(client, batch.error_file_id)
  assert.deepEqual([line!.custom_id, line!.response!.status_code], ['a', 500])
})

test('a batch of chats comes back in its order, with a fault of its own for each line that cannot be answered', async () => {
  const models = await client.models.list()
  assert(models.data.some(({ id }) => id === 'letters') && models.data.some(({ id }) => id === 'ocr'))
  assert.equal((await client.models.retrieve('letters')).owned_by, 'carpool')
  const file = await uploadLines(client, [
    `\uFEFF${JSON.stringify(chat('a/1', 'one'))}\r`,
    '',
    chat('.b', 'too long'),
    chat('c', 'three', 'nobody'),
    { ...chat('d', 'four'), body: { model: 'letters', messages: [], stream: true } },
    chat('e', 'five'),
  ])
  assert.deepEqual(
    [file.object, file.purpose, file.filename, file.status],
    ['file', 'batch', 'in.jsonl', 'processed'],
  )
  const made = await create(file.id, { metadata: { who: 'me' } })
  assert.deepEqual([made.status, made.object, made.metadata], ['validating', 'batch', { who: 'me' }])
  const batch = await when(made.id, isOver)
  assert.equal(batch.status, 'completed', JSON.stringify(batch))
  assert.deepEqual(batch.request_counts, { total: 5, completed: 2, failed: 3 })
  assert.deepEqual([batch.model, batch.usage?.total_tokens], ['letters', 10])
  const [output, errors] = [
    await linesIn(client, batch.output_file_id),
    await linesIn(client, batch.error_file_id),
  ]
  assert.deepEqual(
    output.map(({ custom_id, response }) => [custom_id, response?.status_code]),
    [
      ['a/1', 200],
      ['e', 200],
    ],
  )
  const { choices, object, usage } = output[0]!.response!.body as OpenAI.ChatCompletion
  assert.deepEqual(
    [object, choices[0]!.message.content, choices[0]!.finish_reason],
    ['chat.completion', 'ONE', 'stop'],
  )
  assert.equal(usage?.total_tokens, 5)
  const faults = errors.map(({ custom_id, response }) => {
    const { error } = response!.body as { error: { code: string | null; param: string | null } }
    return [custom_id, response!.status_code, error.code, error.param]
  })
  assert.deepEqual(faults, [
    ['.b', 400, 'context-length', null],
    ['c', 404, 'model_not_found', 'body.model'],
    ['d', 400, null, 'body.stream'],
  ])
  const { proof_file_id: proof, cost } = (
    batch as unknown as { carpool: { proof_file_id: string; cost: { owed_micros: number } } }
  ).carpool
  // Two owners did three of the lines, one of which ended in an error.
  assert.equal(cost.owed_micros, (2 * 3 * askMicros) / 1000)
  assert((await (await client.files.content(proof)).arrayBuffer()).byteLength > 1000)
})

test('lines that are no requests fail the batch, each by its number', async () => {
  const file = await uploadLines(client, [
    chat('a', 'one'),
    '{"custom_id": ',
    '[1]',
    'null',
    '',
    chat('a', 'again'),
    { ...chat('b', 'x'), url: '/v1/embeddings' },
    { ...chat('c', 'x'), custom_id: 7 },
    { ...chat('d', 'x'), body: undefined },
  ])
  const { id } = await create(file.id)
  const batch = await when(id, isOver)
  assert.equal(batch.status, 'failed')
  const found = batch
    .errors!.data!.map(({ code, line }) => [line, code])
    .sort((a, b) => Number(a[0]) - Number(b[0]))
  assert.deepEqual(found, [
    [2, 'invalid_json_line'],
    [3, 'invalid_json_line'],
    [4, 'invalid_json_line'],
    [6, 'duplicate_custom_id'],
    [7, 'url_mismatch'],
    [8, 'missing_required_parameter'],
    [9, 'missing_required_parameter'],
  ])
  const empty = await create((await uploadLines(client, ['', ''])).id)
  const failed = await when(empty.id, isOver)
  assert.deepEqual([failed.status, failed.errors!.data![0]!.code], ['failed', 'empty_file'])
})

test('a batch that all vehicles here ask too much for fails with the price, and does not wait for its end', async () => {
  const file = await uploadLines(client, [chat('a', 'one')])
  const { id } = await create(file.id, { metadata: { 'carpool.price_cap': '0.09EUR' } })
  const { status, errors } = await when(id, isOver)
  assert.deepEqual([status, errors!.data![0]!.code], ['failed', 'submission_refused'])
  assert.match(errors!.data![0]!.message!, /ask at least 0\.10 EUR for 1000 tokens.* pays at most 0\.09 EUR/)
})

test('a batch that waits for owners says so, and how many are there', async () => {
  const file = await uploadLines(client, [chat('a', 'one')])
  const { id } = await create(file.id, { metadata: { 'carpool.replicas': '9' } })
  const waiting = (batch: object) => (batch as { carpool: { waiting?: readonly string[] } }).carpool.waiting
  await when(id, (batch) => batch.status === 'in_progress')
  const shown = await client.batches.retrieve(id)
  assert.match(waiting(shown)!.join('; '), /^9 owners needed, [1-8] known beside those of the submitter/)
  await client.batches.cancel(id)
  await when(id, isOver)
  assert.deepEqual(waiting(await client.batches.retrieve(id)), [])
})

test('embeddings come as numbers or as base64, as each line asks, and lists of texts in order', async () => {
  const line = (custom_id: string, body: object) => ({
    custom_id,
    method: 'POST',
    url: '/v1/embeddings',
    body: { model: 'letters', ...body },
  })
  const file = await uploadLines(client, [
    line('numbers', { input: 'four' }),
    line('bytes', { input: ['a', 'bb'], encoding_format: 'base64' }),
    line('none', { input: [] }),
  ])
  const { id } = await create(file.id, { endpoint: '/v1/embeddings' })
  const batch = await when(id, isOver)
  assert.deepEqual(batch.request_counts, { total: 3, completed: 2, failed: 1 })
  const [numbers, bytes] = await linesIn(client, batch.output_file_id)
  const { data } = numbers!.response!.body as OpenAI.CreateEmbeddingResponse
  assert.deepEqual(data[0]!.embedding, [0.5, 0.25, -4])
  const encoded = (bytes!.response!.body as { data: { embedding: string }[] }).data
  const decoded = encoded.map(({ embedding }) => Buffer.from(embedding, 'base64').readFloatLE(8))
  assert.deepEqual(decoded, [-1, -2])
})

test('documents are read from data URLs and from uploads, and two models in a file are two jobs', async () => {
  const upload = await client.files.create({ file: await toFile(png, 'scan.png'), purpose: 'user_data' })
  const file = await uploadLines(client, [
    scan('data'),
    chat('text', 'hello'),
    scan('upload', upload.id),
    scan('remote', 'https://example.org/a.png'),
    scan('other', 'file-000000000000000000000000'),
    scan('word', `data:text/plain;base64,${Buffer.from('a letter').toString('base64')}`),
  ])
  const batch = await when((await create(file.id)).id, isOver)
  assert.deepEqual(batch.request_counts, { total: 6, completed: 3, failed: 3 })
  const { jobs } = (batch as unknown as { carpool: { jobs: string[] } }).carpool
  assert.equal(jobs.length, 2)
  const contents = (await linesIn(client, batch.output_file_id)).map(({ custom_id, response }) => [
    custom_id,
    (response!.body as OpenAI.ChatCompletion).choices[0]!.message.content,
  ])
  assert.deepEqual(contents, [
    ['data', 'read 20'],
    ['text', 'HELLO'],
    ['upload', 'read 20'],
  ])
  assert.deepEqual(
    (await linesIn(client, batch.error_file_id)).map(({ custom_id, response }) => [
      custom_id,
      response!.status_code,
    ]),
    [
      ['remote', 400],
      ['other', 404],
      ['word', 400],
    ],
  )
  const ocr = await uploadLines(client, [
    {
      custom_id: 'x',
      method: 'POST',
      url: '/v1/ocr',
      body: { model: 'ocr', document: { type: 'image_url', image_url: tiffUrl } },
    },
  ])
  const read = await when((await create(ocr.id, { endpoint: '/v1/ocr' })).id, isOver)
  const [line] = await linesIn(client, read.output_file_id)
  const { pages } = line!.response!.body as { pages: { index: number; markdown: string }[] }
  assert.deepEqual(
    pages.map(({ index, markdown }) => [index, markdown]),
    [
      [0, 'read 14'],
      [1, 'read 14'],
    ],
  )
})

test('answers are there while the batch runs, a restart loses none, and a cancelled batch keeps them', async () => {
  gate = new Gate()
  const lines = [chat('1', 'wait'), scan('2'), scan('3'), chat('4', 'hello', 'nobody')]
  const { id } = await create((await uploadLines(client, lines)).id)
  const half = await when(id, ({ request_counts: counts }) => counts?.completed === 2 && counts.failed === 1)
  assert.equal(half.status, 'in_progress')
  const early = (await linesIn(client, half.output_file_id)).map(({ custom_id }) => custom_id).sort()
  assert.deepEqual(early, ['2', '3'])
  const held = gate
  await stage.restart()
  client = stage.client(client.apiKey!)
  await when(id, ({ request_counts }) => request_counts?.completed === 2)
  const cancelling = await client.batches.cancel(id)
  assert(['cancelling', 'cancelled'].includes(cancelling.status))
  const batch = await when(id, isOver)
  held.open()
  assert.equal(batch.status, 'cancelled')
  assert.deepEqual(batch.request_counts, { total: 4, completed: 2, failed: 2 })
  assert.deepEqual(
    (await linesIn(client, batch.output_file_id)).map(({ custom_id }) => custom_id),
    ['2', '3'],
  )
  assert.deepEqual(
    (await linesIn(client, batch.error_file_id)).map(({ custom_id, error }) => [custom_id, error?.code]),
    [
      ['1', 'batch_cancelled'],
      ['4', undefined],
    ],
  )
})

test('a batch that is refused after a part of it has cost something keeps that from the budget of the day', async () => {
  const { node } = stage.mesh.submitter
  const after: GatewayOptions['node'] = {
    api: node.api,
    quoteGiven: node.quoteGiven.bind(node),
    followResults: node.followResults.bind(node),
    submitGiven: async (request, given) => {
      if (request.runtime === 'ocr') {
        for await (const status of node.api.watch(jobs[0]!, AbortSignal.timeout(60_000)))
          if (status.state !== 'running') break
        throw new RequestError('this part is not taken')
      }
      const submitted = await node.submitGiven(request, given)
      jobs.push(submitted.job)
      return submitted
    },
  }
  const jobs: string[] = []
  await stage.close()
  await stage.open({ node: after })
  const budgetDay = { currency: 'EUR', micros: 1_000_000 }
  client = stage.client(stage.key('refused', { budgetDay }))
  const file = await uploadLines(client, [chat('a', 'one'), scan('b')])
  const batch = await when((await create(file.id, { metadata: { 'carpool.budget': '0.9EUR' } })).id, isOver)
  assert.equal(batch.errors?.data?.[0]?.code, 'submission_refused')
  const { payment } = await node.api.status(jobs[0]!)
  assert(payment!.owedMicros > 0)
  await assert.rejects(create(file.id, { metadata: { 'carpool.budget': '1EUR' } }), /budget/)
})
