/** Nodes under their operators' hands: traced, told other rules while they run, and asked to end by a deadline. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { pino } from 'pino'
import { Gateway } from '../../src/gateway/gateway.ts'
import { defaultPreferences } from '../../src/protocol/rules/preferences.ts'
import { Mesh } from '../support/mesh.ts'
import { keepTraces, type Traces } from '../support/traces.ts'

let mesh: Mesh
let traces: Traces
before(async () => {
  traces = keepTraces()
  mesh = await Mesh.start({ vehicles: 2 })
})
after(async () => {
  await mesh.stop()
  traces.stop()
})

const wish = (changes: object) => ({
  preferences: { ...defaultPreferences, ...changes },
  origins: Object.fromEntries(Object.keys(defaultPreferences).map((name) => [name, 'a test'])) as never,
})

test('a job is traced from its submission over leases and executions to the check of its results', async () => {
  const { submitter, clock } = mesh
  const { job } = await submitter.api.submit(mesh.request(['one', 'two']))
  await clock.hurry(submitter.ended(job))
  const [submitted] = traces.named('carpool.submit')
  assert.equal(submitted?.attributes['carpool.job'], job)
  assert.equal(submitted.attributes['carpool.shards'], 2)
  const leases = traces.named('carpool.lease')
  const executed = traces.named('carpool.execute')
  assert.equal(executed.length, 4, 'two shards, two owners')
  for (const { parent } of executed) assert(leases.some(({ id }) => id === parent))
  assert(traces.named('carpool.verify').length > 0)
  await mesh.until('every lease is over', () => leases.every(({ tookMs }) => tookMs !== null))
  await assert.rejects(submitter.api.submit(mesh.request([], { paths: ['/nowhere'] })))
  assert.equal(traces.named('carpool.submit').at(-1)?.status.code, 2)
})

test('a request over HTTP is a span that is named by the pattern of its path, with its outcome', async (t) => {
  const { submitter, clock } = mesh
  const gateway = await Gateway.start({
    node: submitter.node,
    dataDir: submitter.dataDir,
    listen: { host: '127.0.0.1', port: 0 },
    hosts: [],
    clock,
    log: pino({ level: 'silent' }),
  })
  t.after(() => gateway.stop())
  await fetch(`http://127.0.0.1:${gateway.listening.port}/readyz?verbose`)
  const [span] = traces.named('carpool.http')
  assert.deepEqual(span?.attributes, {
    'http.request.method': 'GET',
    'http.route': '/readyz',
    'http.response.status_code': 200,
  })
})

test('an owner’s rules, prices and categories change while the node runs, and `why` says where each was set', async () => {
  const { api, node } = mesh.node('car-1')
  const asks = new Map([['wasm', { currency: 'EUR', unitMicros: 7 }]])
  const quietHours = ['00:00-12:00', '12:00-23:59']
  await node.change({ wish: wish({ quietHours, categories: ['maps'] }), asks })
  const rule = api.why().rules.find(({ code }) => code === 'quiet-hours')
  assert.equal(rule?.origin, 'a test')
  const { submitter } = mesh
  await mesh.until('the mesh knows the new price', () => {
    const row = submitter.api.peers().find(({ name }) => name === 'car-1')
    return row?.engines[0]?.ask?.unitMicros === 7
  })
  await node.change({ wish: wish({}), asks: new Map() })
  assert.equal(api.why().verdict, 'run')
  await mesh.until('the mesh knows that it works for nothing again', () => {
    const row = submitter.api.peers().find(({ name }) => name === 'car-1')
    return row?.engines[0]?.ask === null && row.mode === 'run'
  })
})

test('a node that drains takes no more work, finishes what runs, and gives up at the deadline', async () => {
  const { submitter, clock } = mesh
  const vehicle = mesh.node('car-2')
  const [begun, held] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
  vehicle.script = async (text) => {
    begun.resolve()
    await held.promise
    return text
  }
  const { job } = await submitter.api.submit(mesh.request(['slow'], { replicas: 2 }))
  await clock.hurry(begun.promise)
  const late = new AbortController()
  late.abort()
  await vehicle.node.drain(late.signal)
  assert.equal(vehicle.api.info().vehicle.mode, 'drain')
  assert.equal(vehicle.api.info().vehicle.leases, 1, 'the deadline was over, the lease is not')
  const drained = vehicle.node.drain(new AbortController().signal)
  held.resolve()
  await drained
  assert.equal(vehicle.api.info().vehicle.leases, 0)
  await clock.hurry(submitter.ended(job))
  assert.deepEqual(await submitter.texts(job), ['slow'])
  // A rule that allows work does not bring it back.
  vehicle.api.pause(null)
  vehicle.api.resume()
  assert.notEqual(vehicle.api.info().vehicle.mode, 'run')
})
