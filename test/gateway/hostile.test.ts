/** Clients that mean harm: whatever they send, or do not send, the node goes on answering others. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readdirSync, readlinkSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { chat, GatewayStage, uploadLines } from '../support/gateway.ts'

const connectionsMax = 48
let stage: GatewayStage
let key: string
before(async () => {
  stage = await GatewayStage.start(undefined, 0)
  await stage.close()
  await stage.open({
    bounds: { connectionsMax, headMsMax: 400, silenceMsMax: 800, bodyMsMax: 1_200, requestsOfTenantMax: 4 },
  })
  key = stage.key('team')
})
after(() => stage.stop())

/** A connection that has said this. What it hears is thrown away, and told at its end. */
async function say(text: string): Promise<{ readonly socket: Socket; readonly heard: Promise<string> }> {
  const { hostname, port } = new URL(stage.url)
  const socket = connect(Number(port), hostname)
  let heard = ''
  socket.on('data', (chunk) => {
    heard += chunk.toString('latin1')
  })
  socket.on('error', () => {})
  const over = new Promise<string>((resolve) => socket.on('close', () => resolve(heard)))
  await once(socket, 'connect')
  socket.write(text)
  return { socket, heard: over }
}

const head = (line: string, more = '') =>
  `${line} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${key}\r\n${more}`

async function works(): Promise<void> {
  assert((await stage.client(key).models.list()).data.length > 0)
}

test('who opens a connection and says nothing, or half a head, or half an upload, is hung up on', async () => {
  const type = 'Content-Type: multipart/form-data; boundary=b\r\nContent-Length: 1000000\r\n\r\n'
  const part = '--b\r\nContent-Disposition: form-data; name="file"; filename="x"\r\n\r\nhalf'
  const slow = await Promise.all([say(''), say('GET /v1/mod'), say(head('POST /v1/files', type) + part)])
  await Promise.all(slow.map(({ heard }) => heard))
  await works()
  const folder = join(stage.mesh.submitter.dataDir, 'gateway')
  await stage.mesh.until('the half upload is gone', () => readdirSync(folder).length === 0)
})

test('more connections than the bound are not taken, and when they go others are served', async () => {
  const many = await Promise.all(Array.from({ length: 2 * connectionsMax }, () => say('')))
  await Promise.all(many.map(({ heard }) => heard))
  await works()
})

test('a body without end, a head of megabytes and a head that is none are refused', async () => {
  const endless = await say(head('POST /v1/batches', 'Transfer-Encoding: chunked\r\n\r\n'))
  const chunk = `4000\r\n${'x'.repeat(0x4000)}\r\n`
  for (let i = 0; i < 16 && !endless.socket.destroyed; i += 1) endless.socket.write(chunk)
  assert.match(await endless.heard, /^(HTTP\/1.1 413 |$)/)
  const flood = await say(head('GET /v1/models', `X-Flood: ${'y'.repeat(100_000)}\r\n\r\n`))
  assert.match(await flood.heard, /^(HTTP\/1.1 431 |$)/)
  const none = await say('\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n')
  assert.match(await none.heard, /^HTTP\/1.1 400 /)
  await works()
})

test('who says a byte of a body now and then is hung up on, with a key and without', async () => {
  for (const line of ['POST /api/session', 'POST /v1/batches', 'GET /livez']) {
    const { socket, heard } = await say(head(line, 'Content-Length: 60000\r\n\r\n{'))
    const drip = setInterval(() => socket.write(' '), 100)
    await heard.finally(() => clearInterval(drip))
  }
  await works()
})

test('a tenant has so many requests at a time, streams of events among them, and a stream ends with its key', async () => {
  const [most, shown] = [4, stage.key('greedy')]
  const client = stage.client(shown)
  const { id } = await client.batches.create({
    input_file_id: (await uploadLines(client, [chat('a', 'x')])).id,
    endpoint: '/v1/chat/completions',
    completion_window: '24h',
  })
  const headers = { authorization: `Bearer ${shown}` }
  const events = () => fetch(`${stage.url}/v1/batches/${id}/events`, { headers })
  const streams = await Promise.all(Array.from({ length: most }, events))
  assert.equal((await events()).status, 429)
  await works()
  stage.revoke('greedy')
  await streams[0]!.body!.cancel()
  await stage.client(stage.key('greedy')).batches.cancel(id)
  for (const stream of streams.slice(1)) assert.doesNotMatch(await stream.text(), /"status":"cancel/)
})

/** Files of tenants that this process has open. */
function openFiles(): number {
  const folder = join(stage.mesh.submitter.dataDir, 'gateway')
  return readdirSync('/proc/self/fd').filter((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`).startsWith(join(folder, '/'))
    } catch {
      return false // the one by which this list was read
    }
  }).length
}

test('uploads that break off, and answers that nobody reads, keep no file open and no stream alive', async () => {
  const headers = { authorization: `Bearer ${key}` }
  const file = new File([new Uint8Array(300_000)], 'scan')
  const { id } = await stage.client(key).files.create({ file, purpose: 'vision' })
  for (let i = 0; i < 3; i += 1)
    await fetch(`${stage.url}/v1/files/${id}/content`, { method: 'HEAD', headers })
  const type = 'Content-Type: multipart/form-data; boundary=b\r\nContent-Length: 1000000\r\n\r\n'
  const part = '--b\r\nContent-Disposition: form-data; name="file"; filename="x"\r\n\r\nhalf'
  const folder = join(stage.mesh.submitter.dataDir, 'gateway')
  const { socket } = await say(head('POST /v1/files', type) + part)
  await stage.mesh.until('the upload has begun', () => readdirSync(folder).length > 1)
  socket.destroy()
  await stage.mesh.until('no file is open', () => openFiles() === 0)
  await stage.client(key).files.delete(id)
  const opened = await fetch(`${stage.url}/api/session`, {
    method: 'POST',
    headers: { origin: stage.url },
    body: JSON.stringify({ key }),
  })
  const cookie = opened.headers.getSetCookie()[0]!.split(';')[0]!
  const page = (method: string) => fetch(`${stage.url}/api/events?view=jobs`, { method, headers: { cookie } })
  for (let i = 0; i < 16; i += 1) await page('HEAD')
  await stage.mesh.until('a page can be opened', async () => {
    const { status, body } = await page('GET')
    await body!.cancel()
    return status === 200
  })
})

test('a body that ends in the middle of a part that is refused is refused as a whole, and the node lives', async () => {
  const body = '--b\r\nContent-Disposition: form-data; name="other"; filename="x"\r\n\r\nhalf'
  const type = `Content-Type: multipart/form-data; boundary=b\r\nContent-Length: ${body.length}\r\nConnection: close\r\n\r\n`
  const { heard } = await say(head('POST /v1/files', type) + body)
  assert.match(await heard, /^HTTP\/1.1 400 /)
  await works()
})

test('no path leads out of the folder of files', async () => {
  const close = 'Connection: close\r\n\r\n'
  for (const path of [
    '/v1/files/../../../etc/passwd/content',
    '/v1/files/..%2f..%2fcarpool.sqlite/content',
    '/v1/files/%2e%2e%2fnode.key/content',
    '/v1/files/..\\node.key/content',
    '/v1/files/file-%00/content',
    '/v1/files/%ff%fe/content',
    '//v1/files',
    '/v1/files/%',
    'http://evil.example/v1/files',
  ]) {
    const { heard } = await say(head(`GET ${path}`, close))
    assert.match(await heard, /^HTTP\/1.1 (400|403|404) /, path)
  }
  await works()
})

test('a gateway whose node is about to stop says that it is not ready, and answers meanwhile', async () => {
  assert.equal((await fetch(`${stage.url}/readyz`)).status, 200)
  stage.drain()
  const response = await fetch(`${stage.url}/readyz`)
  assert.equal(response.status, 503)
  assert.match(await response.text(), /^\[-\]running failed: the node is stopping$/m)
  assert.equal((await fetch(`${stage.url}/livez`)).status, 200)
  await works()
})
