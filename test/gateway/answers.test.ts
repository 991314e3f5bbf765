/** Single parts of the gateway that need no node: lines, addresses of webhooks, and why a batch waits. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { test } from 'node:test'
import { isGlobal } from '../../src/gateway/addresses.ts'
import { answerOf } from '../../src/gateway/answers.ts'
import { receive } from '../../src/gateway/upload.ts'
import { ocrEndpoints } from '../../src/runtimes/ocr/endpoints.ts'
import { temporaryDirectory } from '../support/store.ts'

test('a vehicle’s words about a failed line draw nothing in a terminal', () => {
  const batch = { id: 'batch_1', createdAtMs: 0 } as never
  const row = { line: 1, customId: 'a', part: 0, form: null, records: 1, fault: null, lost: null }
  const error = { code: 'bad\u009b', message: 'red: \u001b[31m\u202ethis\nway' }
  const record = { document: '1.0', page: 1, result: null, error } as never
  const { text, isSuccess } = answerOf(batch, row, { endpoint: {}, model: { id: 'm' } } as never, [record])
  const { response } = JSON.parse(text)
  assert(!isSuccess)
  assert.deepEqual([response.body.error.code, response.body.error.message], ['bad�', 'red: �[31m�this�way'])
})

test('what failed of a line is named: the page of its document, or which of its inputs', () => {
  const batch = { id: 'batch_1', createdAtMs: 0 } as never
  const row = { line: 1, customId: 'a', part: 0, form: null, records: 2, fault: null, lost: null }
  const said = (failed: number, places: readonly (readonly [document: string, page: number])[]) => {
    const records = places.map(([document, page], i) => ({
      ...{ document, page, result: {}, error: i === failed ? { code: 'long', message: 'it is long' } : null },
    }))
    const { text } = answerOf(batch, row, { endpoint: {}, model: { id: 'm' } } as never, records as never)
    return JSON.parse(text).response.body.error.message
  }
  const pages = [
    ['1.0', 1],
    ['1.0', 2],
  ] as const
  const inputs = [
    ['1.0', 1],
    ['1.1', 1],
  ] as const
  assert.deepEqual([said(0, pages), said(1, pages)], ['page 1: it is long', 'page 2: it is long'])
  assert.deepEqual([said(0, inputs), said(1, inputs)], ['input 1: it is long', 'input 2: it is long'])
})

test('pages that nobody could read are named in an answer, and the others keep their numbers', () => {
  const outputs = [[{ text: 'one' }, { text: 'three' }, { text: 'four' }]]
  const lost = { pages: [2, 5], why: 'damaged page of a PDF' }
  const asked = { model: 'ocr', id: 'x', createdAt: 0, form: null, lost }
  const [pages, chats] = ocrEndpoints.map(({ answer }) => answer(outputs, asked) as Record<string, unknown>)
  const shown = (pages!.pages as { index: number; markdown: string }[]).map((page) => [
    page.index,
    page.markdown,
  ])
  assert.deepEqual(shown, [
    [0, 'one'],
    [2, 'three'],
    [3, 'four'],
  ])
  assert.deepEqual(pages!.lost_pages, [
    { index: 1, reason: lost.why },
    { index: 4, reason: lost.why },
  ])
  const { content } = (chats!.choices as { message: { content: string } }[])[0]!.message
  const gap = (page: number) => `[page ${page} could not be read: damaged page of a PDF]`
  assert.equal(content, ['one', gap(2), 'three', 'four', gap(5)].join('\n\n'))
})

test('a request to read a page that asks for more than its text is refused by the name of the field', () => {
  const [pages, chats] = ocrEndpoints
  const image_url = { url: 'data:image/png;base64,AAAA' }
  const messages = [{ role: 'user', content: [{ type: 'image_url', image_url }] }]
  const same = {
    n: 1,
    stream: false,
    temperature: 0,
    max_tokens: 9,
    tools: null,
    response_format: { type: 'text' },
  }
  assert('documents' in chats!.read({ model: 'ocr', messages, ...same }))
  for (const more of [
    { n: 5 },
    { tools: [{}] },
    { response_format: { type: 'json_object' } },
    { constructor: 1 },
  ]) {
    const read = chats!.read({ model: 'ocr', messages, ...more })
    assert.equal('fault' in read && read.param, `body.${Object.keys(more)[0]}`)
  }
  const document = { type: 'image_url', image_url: image_url.url }
  assert('documents' in pages!.read({ model: 'ocr', document, id: 'x', image_limit: null }))
  const asked = pages!.read({ model: 'ocr', document, document_annotation_format: {} })
  assert.equal('fault' in asked && asked.param, 'body.document_annotation_format')
})

test('a file of more bytes than are taken is refused as soon as it has them, and one without a name is taken', async (t) => {
  const folder = temporaryDirectory(t)
  const bytesMax = 2 ** 20
  const server = createServer(async (request, response) => {
    const { bytes, filename } = await receive(request, join(folder, 'file'), bytesMax).catch(
      (error) => error.facts,
    )
    response.end(JSON.stringify({ bytes, filename, code: undefined }))
  })
  t.after(() => server.close())
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const head = (more: string) => `--b\r\nContent-Disposition: form-data; name="file"${more}\r\n\r\n`
  const send = async (body: ReadableStream | Buffer) => {
    const { port } = server.address() as AddressInfo
    const headers = { 'content-type': 'multipart/form-data; boundary=b' }
    const answer = await fetch(`http://127.0.0.1:${port}/`, {
      method: 'POST',
      body,
      headers,
      duplex: 'half',
    } as never)
    return (await answer.json()) as { bytes?: number; filename?: string }
  }
  const parts = function* () {
    yield Buffer.from(head('; filename="x"'))
    for (let i = 0; i < 64; i += 1) yield Buffer.alloc(2 ** 17)
  }
  assert.equal((await send(Readable.toWeb(Readable.from(parts())) as ReadableStream)).bytes, undefined)
  assert(!existsSync(join(folder, 'file')))
  const bare = head('').replace('\r\n\r\n', '\r\nContent-Type: application/octet-stream\r\n\r\n')
  const unnamed = await send(Buffer.from(`${bare}text\r\n--b--\r\n`))
  assert.deepEqual([unnamed.bytes, unnamed.filename], [4, 'upload'])
})

test('webhooks are sent to addresses of the whole internet alone, by the registries of special ones', () => {
  // One address of each block of the registries that is not for everybody, and those that hold an IPv4 address.
  const special = [
    '0.1.2.3, 10.1.2.3, 100.64.1.1, 100.127.255.255, 127.0.0.1, 127.9.9.9, 169.254.169.254, 172.16.0.1, 172.31.255.255',
    '192.0.0.1, 192.0.0.171, 192.0.2.1, 192.88.99.1, 192.168.1.1, 198.18.0.1, 198.19.255.255, 198.51.100.1, 203.0.113.1',
    '224.0.0.1, 239.255.255.255, 240.0.0.1, 255.255.255.255',
    '::, ::1, ::7f00:1, ::ffff:127.0.0.1, ::ffff:8.8.8.8, 64:ff9b::7f00:1, 64:ff9b:1::7f00:1, 100::1, 100:0:0:1::1',
    '2001::1, 2001:2::1, 2001:10::1, 2001:20::1, 2001:1ff::1, 2001:db8::1, 2002:7f00:1::, 3fff::1, 5f00::1',
    'fc00::1, fdff::1, fe80::1, fec0::1, ff02::1, 4000::1',
  ]
  const family = (address: string) => (address.includes(':') ? 6 : 4)
  for (const address of special.join(', ').split(', '))
    assert(!isGlobal({ address, family: family(address) }), address)
  for (const address of ['8.8.8.8', '100.63.255.255', '100.128.0.1', '172.15.0.1', '172.32.0.1', '192.0.1.1'])
    assert(isGlobal({ address, family: 4 }), address)
  for (const address of ['2001:4860:4860::8888', '2001:200::1', '2003::1', '2606:4700::1', '2a00:1450::1'])
    assert(isGlobal({ address, family: 6 }), address)
})
