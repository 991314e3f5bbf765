/**
 * A client's program against a gateway, by the unmodified package of OpenAI, in plain JavaScript, so that each of its versions runs
 * under the Node that it is made for:
 *
 *   node acceptance.js <package> <base URL> <key> <another tenant's key> <model for chats> <model for embeddings>
 *
 * Ends with 0, or with the first thing that is not as upstream has it.
 */
import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { Readable } from 'node:stream'

const [packageName, baseURL, key, otherKey, chatModel, embedModel] = process.argv.slice(2)
const openai = await import(packageName)
const { default: OpenAI, toFile } = openai
const client = new OpenAI({ apiKey: key, baseURL })
const other = new OpenAI({ apiKey: otherKey, baseURL })
/** A client that sends nothing twice, so that a refusal is seen as it is. */
const once = new OpenAI({ apiKey: key, baseURL, maxRetries: 0 })

const chats = '/v1/chat/completions'
const line = (custom_id, body, url = chats) => ({ custom_id, method: 'POST', url, body })
const chat = (custom_id, content, more = {}) =>
  line(custom_id, { model: chatModel, max_tokens: 4, messages: [{ role: 'user', content }], ...more })
const jsonl = (lines) => lines.map((one) => (typeof one === 'string' ? one : JSON.stringify(one))).join('\n')
const upload = async (lines, more = {}) =>
  client.files.create({
    file: await toFile(Buffer.from(jsonl(lines)), 'in.jsonl'),
    purpose: 'batch',
    ...more,
  })
const create = (input_file_id, endpoint = chats, more = {}) =>
  client.batches.create({ input_file_id, endpoint, completion_window: '24h', ...more })
const isOver = ({ status }) => ['completed', 'failed', 'expired', 'cancelled'].includes(status)
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms))

/** Asks again and again, as clients do. */
async function until(id, holds = isOver) {
  for (;;) {
    const batch = await client.batches.retrieve(id)
    if (holds(batch)) return batch
    if (isOver(batch)) assert.fail(`it never came to that: ${JSON.stringify(batch)}`)
    await sleep(200)
  }
}

async function linesOf(id) {
  if (id === null || id === undefined) return []
  const text = await (await client.files.content(id)).text()
  return text
    .split('\n')
    .filter((one) => one !== '')
    .map((one) => JSON.parse(one))
}

async function refused(act, status, code, param) {
  const error = await act().then(
    () => assert.fail('it was not refused'),
    (reason) => reason,
  )
  assert(error instanceof OpenAI.APIError, String(error))
  const { message, type } = error.error
  assert.equal(typeof message, 'string')
  assert(message.length > 5 && typeof type === 'string', JSON.stringify(error.error))
  assert.deepEqual([error.status, error.code, error.param], [status, code, param], message)
  assert.match(error.requestID ?? error.request_id ?? '', /^req_/)
  return error
}

async function models() {
  const ids = (await client.models.list()).data.map(({ id, object }) => {
    assert.equal(object, 'model')
    return id
  })
  for (const id of ['ocr', 'use-lite', chatModel]) {
    assert(ids.includes(id), `${id} is not among ${ids}`)
    assert.equal((await client.models.retrieve(id)).id, id)
  }
  await refused(() => once.models.retrieve('a/b:c'), 404, 'model_not_found', 'model')
}

async function files() {
  const text = jsonl([chat('a', 'one')])
  const sized = await client.files.create({
    file: await toFile(Buffer.from(text), 'sized näme.jsonl'),
    purpose: 'batch',
    expires_after: { anchor: 'created_at', seconds: 7200 },
  })
  assert.deepEqual(
    [sized.object, sized.purpose, sized.filename, sized.bytes, sized.status],
    ['file', 'batch', 'sized näme.jsonl', Buffer.byteLength(text), 'processed'],
  )
  assert.equal(sized.expires_at, sized.created_at + 7200)
  assert(Math.abs(sized.created_at - Date.now() / 1000) < 86_400 * 400, 'seconds, and not milliseconds')
  const ids = [sized.id]
  // Newest SDKs stream; a chunked body has no length.
  if (openai.toStreamingFile !== undefined) {
    const streamed = await client.files.create({
      file: await openai.toStreamingFile(Readable.from([Buffer.from(text)]), 'streamed.jsonl'),
      purpose: 'batch',
    })
    assert.equal(streamed.bytes, Buffer.byteLength(text))
    ids.push(streamed.id)
  }
  for (const purpose of ['user_data', 'vision', 'batch'])
    ids.push((await client.files.create({ file: await toFile(Buffer.from(purpose), 'x.txt'), purpose })).id)
  const collect = async (query) => {
    const found = []
    for await (const { id } of client.files.list(query)) found.push(id)
    return found
  }
  const asc = await collect({ order: 'asc', limit: 2 })
  assert.deepEqual(asc.slice(-ids.length), ids)
  assert.deepEqual(await collect({ limit: 2 }), [...asc].reverse())
  assert.deepEqual(await collect({ purpose: 'vision' }), [ids.at(-2)])
  const page = await client.files.list({ limit: 1, after: ids[1], order: 'asc' })
  assert.deepEqual([page.data[0].id, page.has_more], [ids[2], true])
  assert.equal(await (await client.files.content(sized.id)).text(), text)
  assert.equal(
    (await (await client.files.content(sized.id)).arrayBuffer()).byteLength,
    Buffer.byteLength(text),
  )
  // Clients clean up while they page.
  const left = []
  for await (const { id } of client.files.list({ limit: 2, order: 'asc' })) {
    if (!ids.includes(id)) left.push(id)
    else assert.deepEqual(await client.files.delete(id), { id, object: 'file', deleted: true })
  }
  assert.deepEqual(await collect({ order: 'asc' }), left)
  await refused(() => once.files.retrieve(ids[0]), 404, 'not_found', null)
  await refused(() => once.files.content(ids[0]), 404, 'not_found', null)
  await refused(() => once.files.delete(ids[0]), 404, 'not_found', null)
  await refused(() => once.files.list({ after: 'file-none' }), 404, 'not_found', null)
  await refused(() => once.files.list({ limit: 0 }), 400, null, 'limit')
  await refused(() => once.files.list({ order: 'up' }), 400, null, 'order')
  const file = await toFile(Buffer.from('x'), 'x')
  await refused(() => once.files.create({ file, purpose: 'evals' }), 400, null, 'purpose')
  await refused(() => once.files.create({ purpose: 'batch' }), 400, null, 'file')
  await refused(
    () => once.files.create({ file, purpose: 'batch', expires_after: { anchor: 'created_at', seconds: 60 } }),
    400,
    null,
    'expires_after[seconds]',
  )
}

async function refusals() {
  const { id } = await upload([chat('a', 'x')])
  const body = { input_file_id: id, endpoint: chats, completion_window: '24h' }
  const made = (changes) => () => once.batches.create({ ...body, ...changes })
  await refused(made({ input_file_id: 'file-none' }), 404, 'not_found', null)
  await refused(made({ input_file_id: undefined }), 400, null, 'input_file_id')
  await refused(made({ endpoint: '/v1/images' }), 400, null, 'endpoint')
  await refused(made({ completion_window: 'soon' }), 400, null, 'completion_window')
  const many = Object.fromEntries(Array.from({ length: 17 }, (_, i) => [`k${i}`, 'v']))
  await refused(made({ metadata: many }), 400, null, 'metadata')
  await refused(made({ metadata: { k: 'v'.repeat(513) } }), 400, null, 'metadata.k')
  await refused(
    made({ output_expires_after: { anchor: 'created_at', seconds: 1 } }),
    400,
    null,
    'output_expires_after.seconds',
  )
  await refused(() => once.post('/batches', { body: [] }), 400, null, null)
  await refused(() => once.post('/nothing', { body: {} }), 404, 'not_found', null)
  await refused(() => once.batches.retrieve('batch_none'), 404, 'not_found', null)
  await refused(() => once.batches.cancel('batch_none'), 404, 'not_found', null)
  await refused(() => once.batches.list({ after: 'batch_none' }), 404, 'not_found', null)
  await refused(() => once.batches.list({ limit: 101 }), 400, null, 'limit')
  await refused(
    () => once.chat.completions.create({ model: chatModel, messages: [] }),
    404,
    'batches_only',
    null,
  )
  await refused(
    () => new OpenAI({ apiKey: 'cpk-wrong', baseURL, maxRetries: 0 }).models.list(),
    401,
    'invalid_api_key',
    null,
  )
  const scan = await client.files.create({ file: await toFile(Buffer.from('x'), 'x'), purpose: 'vision' })
  await refused(made({ input_file_id: scan.id }), 400, null, 'input_file_id')
}

/** White, 64 by 32. */
const png = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAEAAAAAgCAAAAACH9iFYAAAAH0lEQVR42mP4TyFgGDVg1IBRA0YNGDVg1IBRA4abAQBtz/hqtjT8QgAAAABJRU5ErkJggg==',
  'base64',
)

async function chatBatch() {
  const file = await upload([
    `\uFEFF${JSON.stringify(chat('a/1', 'first'))}\r`,
    '',
    chat('none', 'x', { model: 'nobody' }),
    chat('tools', 'x', { tools: [{ type: 'function', function: { name: 'f' } }] }),
    chat('again', 'x', {
      messages: [
        { role: 'user', content: 'hello' },
        { role: 'assistant', content: 'yes', refusal: null },
        { role: 'user', content: [{ type: 'text', text: 'once more' }] },
      ],
    }),
    chat('\u{1F697}', 'last'),
  ])
  const made = await create(file.id, chats, {
    metadata: { who: 'me' },
    output_expires_after: { anchor: 'created_at', seconds: 7200 },
  })
  assert.deepEqual(
    [made.object, made.status, made.endpoint, made.input_file_id, made.completion_window],
    ['batch', 'validating', chats, file.id, '24h'],
  )
  assert.deepEqual(made.metadata, { who: 'me' })
  for (const field of [
    'errors',
    'output_file_id',
    'error_file_id',
    'completed_at',
    'failed_at',
    'cancelled_at',
  ])
    assert.equal(made[field], null, field)
  assert.equal(made.expires_at, made.created_at + 86_400)
  const batch = await until(made.id)
  assert.equal(batch.status, 'completed', JSON.stringify(batch))
  assert.deepEqual(batch.request_counts, { total: 5, completed: 3, failed: 2 })
  assert(batch.in_progress_at >= batch.created_at && batch.completed_at >= batch.finalizing_at)
  assert.equal(batch.model, chatModel)
  const output = await linesOf(batch.output_file_id)
  assert.deepEqual(
    output.map(({ custom_id }) => custom_id),
    ['a/1', 'again', '\u{1F697}'],
  )
  let [input, written] = [0, 0]
  for (const { id, response, error } of output) {
    assert.equal(error, null)
    assert.match(id, /^batch_req_/)
    assert.deepEqual([response.status_code, typeof response.request_id], [200, 'string'])
    const { object, choices, usage, model } = response.body
    assert.deepEqual(
      [object, choices.length, choices[0].message.role, model],
      ['chat.completion', 1, 'assistant', chatModel],
    )
    assert.equal(usage.total_tokens, usage.prompt_tokens + usage.completion_tokens)
    input += usage.prompt_tokens
    written += usage.completion_tokens
  }
  assert.deepEqual(
    [batch.usage.input_tokens, batch.usage.output_tokens, batch.usage.total_tokens],
    [input, written, input + written],
  )
  assert.deepEqual(
    [batch.usage.input_tokens_details, batch.usage.output_tokens_details],
    [{ cached_tokens: 0 }, { reasoning_tokens: 0 }],
  )
  const errors = await linesOf(batch.error_file_id)
  assert.deepEqual(
    errors.map(({ custom_id, response, error }) => [
      custom_id,
      response.status_code,
      response.body.error.code,
      error,
    ]),
    [
      ['none', 404, 'model_not_found', null],
      ['tools', 400, null, null],
    ],
  )
  const kept = await client.files.retrieve(batch.output_file_id)
  assert.deepEqual([kept.purpose, kept.expires_at - kept.created_at], ['batch_output', 7200])
  const late = await refused(() => once.batches.cancel(batch.id), 400, null, null)
  assert.match(late.message, /completed/)
}

async function embeddingsBatch() {
  const url = '/v1/embeddings'
  const file = await upload([
    line('default', { model: embedModel, input: 'a car' }, url),
    line('base64', { model: embedModel, input: ['a car', 'a boat'], encoding_format: 'base64' }, url),
    line('none', { model: embedModel, input: [] }, url),
    line('tokens', { model: embedModel, input: [[1, 2]] }, url),
  ])
  const batch = await until((await create(file.id, url)).id)
  assert.deepEqual(batch.request_counts, { total: 4, completed: 2, failed: 2 }, JSON.stringify(batch))
  const [float, base64] = (await linesOf(batch.output_file_id)).map(({ response }) => response.body)
  assert.deepEqual([float.object, float.model, float.data[0].object], ['list', embedModel, 'embedding'])
  assert(Array.isArray(float.data[0].embedding), 'the default of a batch is float')
  assert.deepEqual(
    base64.data.map(({ index }) => index),
    [0, 1],
  )
  const bytes = Buffer.from(base64.data[0].embedding, 'base64')
  const decoded = float.data[0].embedding.map((_, i) => bytes.readFloatLE(4 * i))
  assert.deepEqual(decoded, float.data[0].embedding.map(Math.fround))
  assert.equal(batch.usage.input_tokens, float.usage.prompt_tokens + base64.usage.prompt_tokens)
  assert.deepEqual(
    (await linesOf(batch.error_file_id)).map(({ custom_id }) => custom_id),
    ['none', 'tokens'],
  )
}

async function ocrBatch() {
  const dataUrl = `data:image/png;base64,${png.toString('base64')}`
  const scan = await client.files.create({ file: await toFile(png, 'scan.png'), purpose: 'user_data' })
  const read = (custom_id, document) => line(custom_id, { model: 'ocr', document }, '/v1/ocr')
  const file = await upload([
    read('text', { type: 'image_url', image_url: dataUrl }),
    read('object', { type: 'document_url', document_url: { url: dataUrl } }),
    read('upload', { type: 'image_url', image_url: scan.id }),
    read('remote', { type: 'image_url', image_url: 'https://example.org/a.png' }),
  ])
  const batch = await until((await create(file.id, '/v1/ocr')).id)
  assert.deepEqual(batch.request_counts, { total: 4, completed: 3, failed: 1 }, JSON.stringify(batch))
  for (const { response } of await linesOf(batch.output_file_id)) {
    const { pages, usage_info } = response.body
    assert.deepEqual([pages[0].index, typeof pages[0].markdown, pages[0].images], [0, 'string', []])
    assert.equal(usage_info.pages_processed, 1)
  }
  assert.deepEqual(batch.usage.total_tokens, 0)
}

async function severalModels() {
  const url = `data:image/png;base64,${png.toString('base64')}`
  const see = { messages: [{ role: 'user', content: [{ type: 'image_url', image_url: { url } }] }] }
  const file = await upload([line('see', { model: 'ocr', ...see }), chat('say', 'a word')])
  const batch = await until((await create(file.id)).id)
  assert.deepEqual(batch.request_counts, { total: 2, completed: 2, failed: 0 }, JSON.stringify(batch))
  assert.equal(batch.error_file_id, null)
  assert.deepEqual(
    (await linesOf(batch.output_file_id)).map(({ custom_id }) => custom_id),
    ['see', 'say'],
  )
  assert.equal(batch.carpool.jobs.length, 2)
  assert((await (await client.files.content(batch.carpool.proof_file_id)).arrayBuffer()).byteLength > 500)
}

async function badFiles() {
  const cases = [
    [[''], [['empty_file', null]]],
    [
      [
        '',
        '{',
        chat('a', 'x'),
        '[1]',
        chat('a', 'again'),
        'null',
        { ...chat('b', 'x'), url: '/v1/embeddings' },
      ],
      [
        ['invalid_json_line', 2],
        ['invalid_json_line', 4],
        ['duplicate_custom_id', 5],
        ['invalid_json_line', 6],
        ['url_mismatch', 7],
      ],
    ],
  ]
  for (const [lines, expected] of cases) {
    const made = await create((await upload(lines)).id)
    assert.equal(made.status, 'validating', 'bad content never refuses the create')
    const batch = await until(made.id)
    assert.deepEqual([batch.status, batch.output_file_id, batch.error_file_id], ['failed', null, null])
    assert.equal(batch.errors.object, 'list')
    assert.deepEqual(
      batch.errors.data.map(({ code, line: at }) => [code, at]),
      expected,
    )
    for (const { message } of batch.errors.data) assert(message.length > 5)
    assert(batch.failed_at >= batch.created_at)
  }
}

async function noneSucceeded() {
  const batch = await until((await create((await upload([chat('a', 'x', { model: 'nobody' })])).id)).id)
  assert.deepEqual([batch.status, batch.output_file_id], ['completed', null])
  assert.deepEqual(batch.request_counts, { total: 1, completed: 0, failed: 1 })
  assert.equal((await linesOf(batch.error_file_id)).length, 1)
}

async function cancelled() {
  // At once, so that it may be anywhere on its way.
  const { id } = await create((await upload([chat('a', 'one'), chat('b', 'two', { model: 'nobody' })])).id)
  const cancelling = await client.batches.cancel(id)
  assert(['cancelling', 'cancelled'].includes(cancelling.status), cancelling.status)
  const batch = await until(id)
  assert.equal(batch.status, 'cancelled')
  assert(batch.cancelling_at !== null && batch.cancelled_at >= batch.cancelling_at)
  const [output, errors] = [await linesOf(batch.output_file_id), await linesOf(batch.error_file_id)]
  const { total, completed, failed } = batch.request_counts
  assert.deepEqual([output.length, errors.length, total], [completed, failed, completed + failed])
  assert.equal(total, 2)
  const lost = errors.find(({ custom_id }) => custom_id === 'a')
  if (lost !== undefined) assert.deepEqual([lost.response, lost.error.code], [null, 'batch_cancelled'])
  assert.equal((await client.batches.cancel(id)).status, 'cancelled')
}

async function lists() {
  const { id: file } = await upload([chat('a', 'x', { model: 'nobody' })])
  const made = []
  for (let i = 0; i < 3; i += 1) made.unshift((await create(file, chats, { metadata: { i: `${i}` } })).id)
  const listed = []
  for await (const { id } of client.batches.list({ limit: 2 })) listed.push(id)
  assert.deepEqual(listed.slice(0, 3), made)
  const { data, ...page } = await client.get('/batches?limit=2')
  assert.equal(data.length, 2)
  assert.deepEqual(page, { object: 'list', first_id: made[0], last_id: made[1], has_more: true })
  const body = { metadata: { i: '2' } }
  const again = await client.batches.create(
    { input_file_id: file, endpoint: chats, completion_window: '24h', ...body },
    { headers: { 'x-stainless-retry-count': '1' } },
  )
  assert.equal(again.id, made[0], 'a retry is the batch that it made before')
  assert.notEqual((await create(file, chats, body)).id, made[0], 'and another request is another one')
  for (const id of listed.slice(0, 3)) await until(id)
}

/** As programs use the client beyond its plain calls. */
async function clients() {
  const { data, response, request_id: id } = await client.models.list().withResponse()
  assert(data.data.length > 0 && response.status === 200)
  assert.equal(response.headers.get('x-request-id'), id)
  assert.match(id, /^req_/)
  assert.equal((await client.models.list()._request_id) ?? id, id)
  const raw = await client.models.retrieve(chatModel).asResponse()
  assert.deepEqual([raw.status, (await raw.json()).id], [200, chatModel])
  const [one, two] = [await upload([chat('a', 'x')]), await upload([chat('b', 'y')])]
  assert.equal((await client.files.waitForProcessing(one.id)).status, 'processed')
  const first = await client.files.list({ limit: 1 })
  assert(first.hasNextPage())
  assert.deepEqual([first.data[0].id, (await first.getNextPage()).data[0].id], [two.id, one.id])
  const all = (await client.files.list({ order: 'asc', limit: 10_000 })).data
  assert.deepEqual(
    all.slice(-2).map((file) => file.id),
    [one.id, two.id],
  )
  let text = ''
  for await (const chunk of (await client.files.content(one.id)).body) text += Buffer.from(chunk).toString()
  assert.equal(JSON.parse(text).custom_id, 'a')
  assert.equal((await (await client.files.content(two.id)).blob()).size, two.bytes)
  const wrongKey = new OpenAI({ apiKey: 'cpk-none', baseURL, maxRetries: 0 })
  const refusal = await refused(() => wrongKey.files.list(), 401, 'invalid_api_key', null)
  assert(refusal instanceof OpenAI.AuthenticationError)
  await refused(() => once.post('/batches', { body: { x: 'y'.repeat(70_000) } }), 413, null, null)
  const deleted = await client.files.delete(two.id)
  assert.equal(deleted.deleted, true)
  const gone = await refused(
    () =>
      once.batches.create({
        input_file_id: two.id,
        endpoint: chats,
        completion_window: '24h',
      }),
    404,
    'not_found',
    null,
  )
  assert(gone instanceof OpenAI.NotFoundError)
  // A key that names the request makes one batch, however often it is sent.
  const made = (key) =>
    client.batches.create(
      { input_file_id: one.id, endpoint: chats, completion_window: '24h', metadata: null },
      { headers: { 'Idempotency-Key': key } },
    )
  const [same, again, next] = [await made('k-1'), await made('k-1'), await made('k-2')]
  assert.equal(same.id, again.id)
  assert.notEqual(same.id, next.id)
  assert.equal(same.metadata, null)
  for (const batch of [same, next]) assert.equal((await until(batch.id)).status, 'completed')
  const page = await client.batches.list({ limit: 1 })
  assert.equal((await page.getNextPage()).data[0].id, same.id)
}

async function tenants() {
  const lines = jsonl([chat('a', 'the same for both')])
  const file = async (of) =>
    of.files.create({ file: await toFile(Buffer.from(lines), 'same.jsonl'), purpose: 'batch' })
  const [mine, theirs] = [await file(client), await file(other)]
  assert.notEqual(mine.id, theirs.id)
  const of = { endpoint: chats, completion_window: '24h' }
  const [one, two] = [
    await client.batches.create({ ...of, input_file_id: mine.id }),
    await other.batches.create({ ...of, input_file_id: theirs.id }),
  ]
  for (const act of [
    () => other.files.retrieve(mine.id),
    () => other.files.content(mine.id),
    () => other.files.delete(mine.id),
    () => other.files.list({ after: mine.id }),
    () => other.batches.retrieve(one.id),
    () => other.batches.cancel(one.id),
    () => other.batches.list({ after: one.id }),
    () => other.batches.create({ ...of, input_file_id: mine.id }),
  ])
    await assert.rejects(act(), OpenAI.NotFoundError)
  assert.deepEqual(
    (await other.batches.list()).data.map(({ id }) => id),
    [two.id],
  )
  await other.batches.cancel(two.id)
  await until(one.id)
  assert.equal((await client.batches.retrieve(one.id)).status, 'completed', 'another’s cancel is another’s')
}

async function webhooks() {
  const secret = `whsec_${Buffer.alloc(32, 5).toString('base64')}`
  const body = JSON.stringify({
    id: 'evt_1',
    object: 'event',
    type: 'batch.completed',
    created_at: 1,
    data: { id: 'batch_1' },
  })
  const [id, at] = ['evt_1', `${Math.floor(Date.now() / 1000)}`]
  const signature = createHmac('sha256', Buffer.alloc(32, 5)).update(`${id}.${at}.${body}`).digest('base64')
  const headers = { 'webhook-id': id, 'webhook-timestamp': at, 'webhook-signature': `v1,${signature}` }
  assert.equal((await client.webhooks.unwrap(body, headers, secret)).type, 'batch.completed')
}

const all = {
  models,
  files,
  refusals,
  badFiles,
  noneSucceeded,
  lists,
  clients,
  chatBatch,
  embeddingsBatch,
  ocrBatch,
  severalModels,
  cancelled,
  tenants,
  webhooks,
}
for (const [name, act] of Object.entries(all)) {
  try {
    await act()
  } catch (error) {
    process.stdout.write(`not as upstream has it: ${name}\n`)
    console.error(error)
    process.exitCode = 1
    if (process.env.ACCEPTANCE_ALL === undefined) break
  }
}
