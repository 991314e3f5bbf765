import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test, { type TestContext } from 'node:test'
import { openProvider } from '../../src/host/signals/open.ts'
import type { SignalPath } from '../../src/protocol/rules/signals.ts'
import { eventually, type Listener, listen, recordedLog } from '../support/signals.ts'
import { temporaryDirectory } from '../support/store.ts'
import { VissServer, type VissServerOptions } from '../support/viss-server.ts'

const speed = 'Vehicle.Speed' satisfies SignalPath
const gear = 'Vehicle.Powertrain.Transmission.SelectedGear' satisfies SignalPath
const brake = 'Vehicle.Chassis.ParkingBrake.IsEngaged' satisfies SignalPath
const state = 'Vehicle.LowVoltageSystemState' satisfies SignalPath
const plugged =
  'Vehicle.Powertrain.TractionBattery.Charging.ChargingPort.AnyPosition.IsChargingCableConnected' satisfies SignalPath

for (const version of [2, 3] as const) {
  test(`version ${version}: strings become values by their signal's type; what the car does not have is unknown`, async (t) => {
    const server = await VissServer.start(t, { version })
    server.set(speed, '0.5')
    server.set(gear, '126')
    server.set(brake, 'true')
    server.set(state, 'OFF')
    server.set('Vehicle.Powertrain.TractionBattery.Charging.IsChargingCableConnected', 'false')
    const { listener, log } = listening(t, server, { version })
    await listener.until((known) => [speed, gear, brake, state, plugged].every((path) => path in known))
    assert.deepEqual(
      Object.fromEntries(Object.entries(listener.known).map(([path, reading]) => [path, reading.value])),
      { [speed]: 0.5, [gear]: 126, [brake]: true, [state]: 'OFF', [plugged]: false },
    )
    assert.deepEqual(log, [])
  })

  test(`version ${version}: a change is heard at once, and what holds is heard again with the server's new time`, async (t) => {
    const server = await VissServer.start(t, { version })
    server.set(gear, '126')
    const { listener } = listening(t, server, { version })
    await eventually(() => subscriptionsOf(server).length === 2, 'both subscriptions')
    const first = listener.known[gear]!.atMs
    await listener.until((_, part) => part[gear] !== undefined && part[gear].atMs > first + 500)
    assert.equal(listener.known[gear]!.value, 126)
    server.set(gear, '1')
    await listener.until((known) => known[gear]?.value === 1)
    assert.equal(server.events.find(({ value }) => value === '1')?.variant, 'change')
    server.set(gear, 'visserr:Data-not-available')
    await listener.until((known) => known[gear]?.value === null)
  })
}

test('what a server shows of a dead sensor keeps its time, and so grows old', async (t) => {
  const server = await VissServer.start(t, { version: 2 })
  const atMs = Date.now() - 60_000
  server.set(speed, '0', new Date(atMs).toISOString())
  server.set(gear, '126')
  const { listener } = listening(t, server)
  let heard = 0
  await listener.until((_, part) => gear in part && ++heard === 3, 'three periods')
  assert.deepEqual(listener.known[speed], { value: 0, atMs })
  assert(listener.known[gear]!.atMs > Date.now() - 5_000)
})

test('where the owner says that the server holds values, its answers count from when they come', async (t) => {
  const server = await VissServer.start(t, { version: 2 })
  const began = Date.now()
  server.set(brake, 'true', new Date(began - 3_600_000).toISOString())
  const { listener } = listening(t, server, { settings: '&held' })
  await listener.until((known) => brake in known)
  const first = listener.known[brake]!.atMs
  assert(first >= began)
  await listener.until((known) => known[brake]!.atMs > first)
})

test('a connection that drops is made anew; in between nothing is said, and the log names it once', async (t) => {
  const server = await VissServer.start(t, { version: 2 })
  server.set(speed, '0')
  const { listener, log } = listening(t, server)
  await eventually(() => subscriptionsOf(server).length === 2, 'both subscriptions')
  const { port } = server
  await server.stop()
  await eventually(() => log.length > 0, 'a line')
  const parts = listener.states.length
  await new Promise((resolve) => setTimeout(resolve, 1_500))
  assert.equal(listener.states.length, parts, 'nothing is repeated')
  const again = await VissServer.start(t, { version: 2, port })
  again.set(speed, '42')
  await listener.until((known) => known[speed]?.value === 42)
  again.set(speed, '43')
  await listener.until((known) => known[speed]?.value === 43)
  assert.deepEqual(log, ['no readings, will keep trying: the server closed the connection (1006)'])
})

test('a subscription that fails after it stood is asked for again', async (t) => {
  const server = await VissServer.start(t, { version: 3 })
  server.set(speed, '0')
  const { listener, log } = listening(t, server, { version: 3 })
  await eventually(() => subscriptionsOf(server).length === 2, 'both subscriptions')
  server.failSubscriptions(404)
  await eventually(() => server.connections === 2, 'a second connection')
  server.set(speed, '9')
  await listener.until((known) => known[speed]?.value === 9)
  assert.deepEqual(log, [
    'no readings, will keep trying: the server says 404 unavailable_data (The requested data was not found)',
  ])
})

test('a token goes with every request, and is read again when the server says that it is over', async (t) => {
  const tokens = new Set(['first'])
  const server = await VissServer.start(t, { version: 2, tokens })
  server.set(speed, '0')
  const tokenFile = join(temporaryDirectory(t), 'token')
  writeFileSync(tokenFile, 'first\n', { mode: 0o600 })
  const { listener, log } = listening(t, server, { settings: `&token-file=${tokenFile}` })
  await listener.until((known) => speed in known)
  assert(server.requests.every(({ authorization }) => authorization === 'first'))
  tokens.clear()
  tokens.add('second')
  writeFileSync(tokenFile, 'second\n', { mode: 0o600 })
  server.failSubscriptions(401)
  server.dropConnections()
  server.set(speed, '7')
  await listener.until((known) => known[speed]?.value === 7)
  assert(log.every((line) => !line.includes('first') && !line.includes('second')))
})

test('without its token a provider says so, and nothing else', async (t) => {
  const server = await VissServer.start(t, { version: 2 })
  const { log } = listening(t, server, { settings: '&token-file=/nowhere/token' })
  await eventually(() => log.length > 0, 'a line')
  assert.match(log[0]!, /^no readings, will keep trying: the token cannot be read: .*\/nowhere\/token/)
})

test('a forbidden signal is unknown, and named; a server that is busy is asked again', async (t) => {
  const server = await VissServer.start(t, { version: 2 })
  server.set(speed, '0')
  server.set(gear, '126')
  server.forbidden.add(gear)
  server.busy = 12
  const { listener, log } = listening(t, server)
  await listener.until((known) => speed in known)
  await eventually(
    () =>
      log.includes(
        `${gear}: the server says 403 forbidden_request (The server refuses to carry out the request): unknown`,
      ),
    'the line that names it',
  )
  assert(!(gear in listener.known))
  assert(log.some((line) => /503 service_unavailable .*, will ask again$/.test(line)))
})

for (const dialect of ['kuksa', 'bare'] as const)
  test(`a server that knows fewer filters is asked in the next best way: ${dialect}`, async (t) => {
    const server = await VissServer.start(t, { version: 2, dialect })
    server.set(speed, '0')
    const { listener, log } = listening(t, server)
    await listener.until((known) => known[speed]?.value === 0)
    server.set(speed, '3')
    await listener.until((known) => known[speed]?.value === 3)
    const first = listener.known[speed]!.atMs
    await listener.until((known) => known[speed]!.atMs > first)
    assert.deepEqual(log, [])
    const gets = server.requests.filter(({ action, path }) => action === 'get' && path === speed).length
    assert(dialect === 'bare' ? gets > 1 : gets === 1, `${gets} gets`)
  })

test('a server that talks nonsense makes unknown readings and a bounded log, and is still heard afterwards', async (t) => {
  const server = await VissServer.start(t, { version: 2 })
  server.set(speed, '0')
  server.set(gear, '126')
  server.set(brake, 'maybe')
  const { listener, log } = listening(t, server)
  await eventually(() => subscriptionsOf(server).length >= 6, 'all subscriptions')
  const ts = new Date().toISOString()
  const event = (path: string, dp: unknown): string =>
    JSON.stringify({ action: 'subscription', subscriptionId: 'x', data: { path, dp }, ts })
  for (const message of [
    'nonsense',
    'null',
    '[]',
    '{"error": "yes"}',
    '{"requestId": {}}',
    new Uint8Array([1, 2, 3]),
    event(speed, { value: 'NaN', ts }),
    event(speed, { value: 'Infinity', ts }),
    event(speed, { value: '1e999', ts }),
    event(speed, { value: ['1'], ts }),
    event(speed, { value: { toString: 1 }, ts }),
    event(speed, { value: '11', ts: '2999-01-01T00:00:00Z' }),
    event(speed, { value: '12', ts: 'soon' }),
    event(speed, { value: '13' }),
    event('__proto__', { value: '14', ts }),
    event('constructor', { value: '15', ts }),
  ])
    server.shout(message)
  for (let id = 0; id < 2_000; id += 1)
    server.shout(
      JSON.stringify({ action: 'subscribe', subscriptionId: `endless ${id}`, requestId: `r${id}`, ts }),
    )
  server.set(gear, '2')
  await listener.until((known) => known[gear]?.value === 2)
  const values = listener.states.flatMap((part) => (part[speed] === undefined ? [] : [part[speed].value]))
  assert.deepEqual(
    values.filter((value) => value !== 0),
    [null],
    'unknown once, and no other value',
  )
  assert(!(brake in listener.known))
  assert.equal(log.length, 3, log.join('\n'))
  assert.equal(server.connections, 1)
})

test('a message of 10 MB ends the connection and not this process, and the next one is good', async (t) => {
  const server = await VissServer.start(t, { version: 2 })
  server.set(speed, '0')
  const { listener, log } = listening(t, server)
  await listener.until((known) => speed in known)
  server.shout('x'.repeat(10_000_000))
  await eventually(() => server.connections === 2, 'a second connection')
  server.set(speed, '1')
  await listener.until((known) => known[speed]?.value === 1)
  assert.deepEqual(log, ['no readings, will keep trying: Max payload size exceeded'])
})

test('a server that holds the connection and is dead is left', async (t) => {
  const server = await VissServer.start(t, { version: 2, isAlive: false })
  const { log } = listening(t, server)
  await eventually(() => server.connections === 2, 'a second connection')
  assert.deepEqual(log, ['no readings, will keep trying: the server is silent'])
})

test('what is no address, or no version, or holds a secret, is refused in one sentence', () => {
  const { log } = recordedLog()
  for (const [spec, message] of [
    ['viss:host:6443', /^viss:host:6443: the address is not ws:\/\/host:port or wss:\/\/host:port$/],
    ['viss:https://host:6443', /the address is not ws/],
    ['viss:wss://host?version=4', /version is 2 or 3$/],
    ['viss:wss://host?verson=3', /verson is none of version, token-file, held$/],
    ['viss:wss://me:hunter2@host', /^viss: a secret belongs into token-file, not into the address$/],
    ['can0', /^can0 is no source of signals: write trace:<file>, command:/],
    ['', / is no source of signals/],
  ] as const)
    assert.throws(() => openProvider(spec, log), { message })
})

function subscriptionsOf(server: VissServer): readonly unknown[] {
  return server.requests.filter(({ action }) => action === 'subscribe')
}

function listening(
  t: TestContext,
  server: VissServer,
  { version = 2, settings = '' }: Partial<VissServerOptions> & { readonly settings?: string } = {},
): { readonly listener: Listener; readonly log: readonly string[] } {
  const { log, lines } = recordedLog()
  const provider = openProvider(`viss:${server.url}?version=${version}${settings}`, log)
  return { listener: listen(t, provider), log: lines }
}
