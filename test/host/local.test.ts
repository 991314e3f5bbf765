import assert from 'node:assert/strict'
import { once } from 'node:events'
import { existsSync, linkSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { connect, createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { pino } from 'pino'
import { RequestError } from '../../src/host/errors.ts'
import { connectLocal, type LocalClient } from '../../src/host/local/client.ts'
import { LineReader, LineTooLong } from '../../src/host/local/lines.ts'
import { connectionsMax, requestBytesMax } from '../../src/host/local/messages.ts'
import { operations } from '../../src/host/local/operations.ts'
import { type LocalServer, serveLocal } from '../../src/host/local/server.ts'
import {
  type FakeNode,
  fakeNode,
  info,
  job,
  peerRow,
  plan,
  request,
  resultLine,
  resultsEnd,
  status,
  summary,
  why,
} from '../support/fake-node.ts'

const log = pino({ level: 'silent' })

test('every method asks the node what the client was asked, and brings its answer back', async (t) => {
  const { node, client } = await startPair(t)

  assert.deepEqual(await client.info(), info)
  assert.deepEqual(await client.peers(), [peerRow])
  assert.deepEqual(await client.submit(request), plan)
  assert.deepEqual(await client.jobs(), [summary])
  assert.deepEqual(await client.status(job), status)
  await client.cancel(job)
  assert.deepEqual(await client.report(job, '/tmp/job.car'), { root: job, bytes: 12_345 })
  assert.deepEqual(await client.why(), why)
  await client.pause(5, true)
  await client.pause(null)
  await client.resume()
  await client.fleetAdmit(info.peer, null, 'car', 'ada')
  assert.deepEqual(node.calls, [
    ['info'],
    ['peers'],
    ['submit', request],
    ['jobs'],
    ['status', job],
    ['cancel', job],
    ['report', job, '/tmp/job.car'],
    ['why'],
    ['pause', 5, true],
    ['pause', null, undefined],
    ['resume'],
    ['fleetAdmit', info.peer, null, 'car', 'ada'],
  ])
})

test('every method can be asked for over the socket by name, and takes no argument that it does not know', async (t) => {
  const { dataDir } = await startPair(t)
  const socket = await connectRaw(t, dataDir)
  for (const [id, method] of Object.keys(operations).entries())
    socket.write(`${JSON.stringify({ id, method, params: { surprise: 1 } })}\n`)
  const answers = await readLines(socket, Object.keys(operations).length)
  for (const [id, method] of Object.keys(operations).entries()) {
    assert.deepEqual([answers[id].id, answers[id].error?.name], [id, 'Malformed'], method)
    assert.match(answers[id].error.message, new RegExp(`^${method}: params`))
  }
})

test('stdin crosses to the node at the pace at which it reads, and an early refusal comes back', async (t) => {
  const { node, client } = await startPair(t)
  const reads = { ...request, paths: ['-'] }
  const sent = Buffer.alloc(3 * 2 ** 20, 'some words 🚗 ')
  let pulled = 0
  async function* stdin() {
    for (let at = 0; at < sent.byteLength; at += 100_000) {
      pulled += 1
      yield sent.subarray(at, at + 100_000)
    }
  }
  const got: Uint8Array[] = []
  const isFull = Promise.withResolvers<void>()
  node.onSubmit = async (given) => {
    for await (const part of given!) {
      got.push(part)
      if (got.length === 1) await isFull.promise
    }
  }
  const submitted = client.submit(reads, undefined, stdin())
  await until(() => got.length === 1)
  assert(pulled < 32, 'it waits for the node')
  isFull.resolve()
  assert.deepEqual(await submitted, plan)
  assert.deepEqual(Buffer.concat(got), sent)

  node.onSubmit = async (given) => {
    for await (const _ of given!) throw new RequestError('stdin, line 1: it is no JSON')
  }
  await assert.rejects(client.submit(reads, undefined, stdin()), /line 1: it is no JSON/)
  async function* broken() {
    yield sent.subarray(0, 10)
    throw new Error('the pipe is broken')
  }
  node.onSubmit = async (given) => {
    for await (const _ of given!);
  }
  await assert.rejects(client.submit(reads, undefined, broken()), /the pipe is broken/)
})

test('a submission tells its progress before its plan', async (t) => {
  const { client } = await startPair(t)
  const steps: unknown[] = []
  await client.submit(request, (progress) => steps.push(progress))
  assert.deepEqual(steps, [
    { step: 'storing', done: 1, total: 2 },
    { step: 'storing', done: 2, total: 2 },
  ])
})

test('a watch brings every status and ends with the job', async (t) => {
  const { client } = await startPair(t)
  const states: string[] = []
  for await (const seen of client.watch(job, new AbortController().signal)) states.push(seen.state)
  assert.deepEqual(states, ['running', 'complete'])
})

test('a watch that is aborted ends quietly, and the node stops watching', async (t) => {
  const { node, client } = await startPair(t)
  const controller = new AbortController()
  const states: string[] = []
  for await (const seen of client.watch('endless', controller.signal)) {
    states.push(seen.state)
    controller.abort()
  }
  await node.watchAborted.promise
  assert.deepEqual(states, ['running'])
})

test('a client that vanishes aborts its watch', async (t) => {
  const { node, dataDir } = await startPair(t)
  const socket = await connectRaw(t, dataDir)
  socket.write('{"id":7,"method":"watch","params":{"job":"endless"}}\n')
  await readLines(socket, 1)
  socket.destroy()
  await node.watchAborted.promise
})

test('results come in order and end with what is missing', async (t) => {
  const { client } = await startPair(t)
  const results = client.results(job)
  assert.deepEqual(await results.next(), { done: false, value: resultLine })
  assert.deepEqual(await results.next(), { done: true, value: resultsEnd })
})

test('results are made no faster than they are read', async (t) => {
  const { node, client } = await startPair(t)
  const count = 400
  // 40 MB, where the buffers on the way hold less than one.
  node.resultLines = Array.from({ length: count }, (_, page) => ({
    ...resultLine,
    page,
    result: { text: 'x'.repeat(100_000) },
  }))
  const results = client.results(job)
  await results.next()
  // Round trips on another connection give the node every chance to run ahead.
  for (let i = 0; i < 50; i += 1) await client.info()
  assert.ok(
    node.resultsPulled < count / 2,
    `${node.resultsPulled} of ${count} lines were made for one that was read`,
  )

  let lines = 1
  for await (const line of results) {
    assert.equal(line.page, lines)
    lines += 1
  }
  assert.equal(lines, count)
})

test('a client that reads no answers gets few, and all of them once it reads', async (t) => {
  const { node, client, dataDir } = await startPair(t)
  let made = 0
  const rows = Array.from({ length: 2_000 }, () => peerRow)
  Object.assign(node, {
    peers: () => {
      made += 1
      return rows
    },
  })
  const count = 200
  const socket = await connectRaw(t, dataDir)
  for (let id = 0; id < count; id += 1) socket.write(`{"id":${id},"method":"peers"}\n`)
  // Round trips on another connection give the node every chance to run ahead.
  for (let i = 0; i < 50; i += 1) await client.info()
  assert.ok(made < count / 2, `${made} of ${count} answers were made for somebody who reads none`)
  const answers = await readLines(socket, count)
  assert.equal(answers.length, count)
  assert.equal(made, count)
})

test('results that are given up half way are let go by the node', async (t) => {
  const { node, client } = await startPair(t)
  node.resultLines = Array.from({ length: 1000 }, () => ({
    ...resultLine,
    result: { text: 'x'.repeat(100_000) },
  }))
  for await (const _ of client.results(job)) break
  assert.deepEqual(await client.info(), info)
  assert.ok(node.resultsPulled < 1000)
})

test('a refusal arrives as the RequestError that it was', async (t) => {
  const { client } = await startPair(t)
  await assert.rejects(client.status('other'), new RequestError("there is no job 'other'"))
})

test('a bug in the node is an error of its name, and the node lives', async (t) => {
  const { client } = await startPair(t)
  await assert.rejects(client.forget(job), { name: 'TypeError', message: 'a bug' })
  assert.deepEqual(await client.info(), info)
})

test('malformed lines are answered with what is wrong, and the connection goes on', async (t) => {
  const { dataDir } = await startPair(t)
  const socket = await connectRaw(t, dataDir)
  socket.write(
    [
      'not json',
      '[]',
      '{"id":{},"method":"info"}',
      '{"id":1,"method":"constructor"}',
      '{"id":2,"method":"status"}',
      '{"id":3,"method":"pause","params":{"untilMs":"soon"}}',
      '{"id":4,"method":"info"}',
    ]
      .map((line) => `${line}\n`)
      .join(''),
  )
  const [text, array, id, method, missing, wrong, last] = await readLines(socket, 7)
  for (const answer of [text, array, id])
    assert.deepEqual([answer.id, answer.error.name], [null, 'Malformed'])
  assert.deepEqual(method, {
    id: 1,
    error: { name: 'Malformed', message: "there is no method 'constructor'" },
  })
  assert.match(missing.error.message, /^status: params\.job: /)
  assert.match(wrong.error.message, /^pause: params\.untilMs: /)
  assert.deepEqual(last, { id: 4, result: info })
})

test('a line without end is refused before it fills the memory, and the node lives', async (t) => {
  const { client, dataDir } = await startPair(t)
  const socket = await connectRaw(t, dataDir)
  socket.write(Buffer.alloc(requestBytesMax + 1, 'x'))
  const [answer] = await readLines(socket, 1)
  assert.deepEqual(answer, {
    id: null,
    error: { name: 'Malformed', message: `a line has more than ${requestBytesMax} bytes` },
  })
  await once(socket, 'close')
  assert.deepEqual(await client.info(), info)
})

test('a request that is too long is refused before it is sent', async (t) => {
  const { client, node } = await startPair(t)
  const paths = Array.from({ length: 20_000 }, (_, i) => `/scans/${'x'.repeat(60)}${i}`)
  await assert.rejects(
    client.submit({ ...request, paths }),
    /too much for one request .*: name a folder instead/,
  )
  assert.deepEqual(node.calls, [])
})

test('clients beyond the bound are turned away with a reason', async (t) => {
  const { client, dataDir } = await startPair(t)
  for (let i = 0; i < connectionsMax; i += 1) {
    const guest = await connectRaw(t, dataDir)
    guest.write('{"id":1,"method":"info"}\n')
    await readLines(guest, 1)
  }
  await assert.rejects(client.info(), { name: 'Busy' })
})

test('only its user may ask a node', async (t) => {
  const { dataDir } = await startPair(t)
  assert.equal(statSync(join(dataDir, 'control.sock')).mode & 0o777, 0o600)
})

test('where no node ever ran, there is none to connect to', async (t) => {
  assert.equal(await connectLocal(newDirectory(t)), undefined)
})

test('a stale socket is no node, and the next node replaces it', async (t) => {
  const dataDir = newDirectory(t)
  const path = join(dataDir, 'control.sock')
  await leaveStaleSocket(path)
  assert.ok(existsSync(path))
  assert.equal(await connectLocal(dataDir), undefined)

  const { client } = await startPair(t, dataDir)
  assert.deepEqual(await client.info(), info)
})

test('a data directory too deep for a socket has it elsewhere, behind a door of its own', async (t) => {
  const dataDir = join(newDirectory(t), 'deep'.repeat(25), 'deep'.repeat(25))
  mkdirSync(dataDir, { recursive: true })
  const { client, server } = await startPair(t, dataDir)
  assert.deepEqual(await client.info(), info)

  const path = readFileSync(join(dataDir, 'control.sock.path'), 'utf8').trim()
  assert.equal(statSync(dirname(path)).mode & 0o777, 0o700)
  await server.close()
  assert.ok(!existsSync(dirname(path)))
  assert.equal(await connectLocal(dataDir), undefined)
})

test('a node that closes hangs up on those who watch, and leaves no socket', async (t) => {
  const { client, server, dataDir } = await startPair(t)
  const watched = client.watch('endless', new AbortController().signal)[Symbol.asyncIterator]()
  await watched.next()
  await Promise.all([assert.rejects(watched.next(), /the node hung up/), server.close()])
  assert.ok(!existsSync(join(dataDir, 'control.sock')))
})

test('a client that closes gives up its calls', async (t) => {
  const { client, node } = await startPair(t)
  const watched = client.watch('endless', new AbortController().signal)[Symbol.asyncIterator]()
  await watched.next()
  client.close()
  await assert.rejects(watched.next(), /hung up/)
  await node.watchAborted.promise
})

test('lines are cut alike wherever the stream is', () => {
  const bytes = Buffer.from('one\n\nzwölf 🚗\r\nlast\nrest')
  for (let size = 1; size <= bytes.byteLength; size += 1) {
    const reader = new LineReader(32)
    const lines: string[] = []
    for (let start = 0; start < bytes.byteLength; start += size)
      lines.push(...reader.push(bytes.subarray(start, start + size)))
    assert.deepEqual(lines, ['one', 'zwölf 🚗', 'last'])
  }
})

test('a line may have as many bytes as are allowed, and not one more', () => {
  assert.deepEqual([...new LineReader(4).push(Buffer.from('1234\n'))], ['1234'])
  assert.throws(() => [...new LineReader(4).push(Buffer.from('12345'))], LineTooLong)
})

interface Pair {
  readonly dataDir: string
  readonly node: FakeNode
  readonly server: LocalServer
  readonly client: LocalClient
}

async function startPair(t: TestContext, dataDir = newDirectory(t)): Promise<Pair> {
  const node = fakeNode()
  const server = await serveLocal(node, dataDir, log)
  const client = await connectLocal(dataDir)
  assert.ok(client)
  t.after(async () => {
    client.close()
    await server.close()
  })
  return { dataDir, node, server, client }
}

function newDirectory(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), 'carpool-test-'))
  t.after(() => rmSync(path, { recursive: true, force: true }))
  return path
}

async function connectRaw(t: TestContext, dataDir: string): Promise<Socket> {
  const socket = connect(join(dataDir, 'control.sock'))
  socket.on('error', () => {})
  t.after(() => socket.destroy())
  await once(socket, 'connect')
  return socket
}

/** Reads with listeners only, so that the socket stays open. */
// biome-ignore lint/suspicious/noExplicitAny: whatever the node says.
function readLines(socket: Socket, count: number): Promise<any[]> {
  const reader = new LineReader(2 ** 20)
  const lines: unknown[] = []
  return new Promise((resolve, reject) => {
    const read = (chunk: Buffer) => {
      for (const line of reader.push(chunk)) lines.push(JSON.parse(line))
      if (lines.length < count) return
      socket.off('data', read)
      socket.resume()
      resolve(lines)
    }
    socket.on('data', read)
    socket.on('close', () => reject(new Error(`closed after ${lines.length} of ${count} lines`)))
  })
}

/** What a killed process leaves: a socket file that nobody listens on. */
async function leaveStaleSocket(path: string): Promise<void> {
  const elsewhere = `${path}.old`
  const server = createServer().listen(elsewhere)
  await once(server, 'listening')
  // Node removes the path it listened on; the same file under another name stays.
  linkSync(elsewhere, path)
  server.close()
  await once(server, 'close')
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise(setImmediate)
}
