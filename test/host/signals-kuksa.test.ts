import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import test, { type TestContext } from 'node:test'
import { create, fromBinary, toBinary } from '@bufbuild/protobuf'
import { readDatapoint } from '../../src/host/signals/kuksa.ts'
import { subscribeRequest, subscribeResponse } from '../../src/host/signals/kuksa-schema.ts'
import { openProvider } from '../../src/host/signals/open.ts'
import type { SignalPath } from '../../src/protocol/rules/signals.ts'
import { KuksaServer } from '../support/kuksa-server.ts'
import { eventually, type Listener, listen, recordedLog } from '../support/signals.ts'
import { temporaryDirectory } from '../support/store.ts'

const speed = 'Vehicle.Speed' satisfies SignalPath
const gear = 'Vehicle.Powertrain.Transmission.SelectedGear' satisfies SignalPath
const brake = 'Vehicle.Chassis.ParkingBrake.IsEngaged' satisfies SignalPath
const state = 'Vehicle.LowVoltageSystemState' satisfies SignalPath
const charge = 'Vehicle.Powertrain.TractionBattery.StateOfCharge.Displayed' satisfies SignalPath
const plugged =
  'Vehicle.Powertrain.TractionBattery.Charging.ChargingPort.AnyPosition.IsChargingCableConnected' satisfies SignalPath
const pluggedOf4 = 'Vehicle.Powertrain.TractionBattery.Charging.IsChargingCableConnected'

test('all types of a broker become values with its times; None and what it does not know are unknown', async (t) => {
  const server = await KuksaServer.start(t)
  const atMs = Date.now() - 3_000
  server.set(speed, { case: 'float', value: 0.5 }, atMs)
  server.set(gear, { case: 'int32', value: -1 }, atMs)
  server.set(brake, { case: 'bool', value: true }, atMs)
  server.set(state, { case: 'string', value: 'OFF' }, atMs)
  server.set(charge, { case: 'uint64', value: 80n }, atMs)
  server.set(pluggedOf4, { case: 'bool', value: false }, atMs)
  server.set('Vehicle.IsMoving', null, atMs)
  const { listener, log } = listening(t, server)
  await listener.until((known) => [speed, gear, brake, state, charge, plugged].every((path) => path in known))
  assert.deepEqual(listener.known, {
    [speed]: { value: 0.5, atMs },
    [gear]: { value: -1, atMs },
    [brake]: { value: true, atMs },
    [state]: { value: 'OFF', atMs },
    [charge]: { value: 80, atMs },
    [plugged]: { value: false, atMs },
  })
  assert.deepEqual(log, [])
})

test('a change is streamed; the same value published anew gets its new time; a dead sensor keeps its own', async (t) => {
  const server = await KuksaServer.start(t)
  const died = Date.now() - 60_000
  server.set(speed, { case: 'float', value: 0 }, died)
  server.set(gear, { case: 'int32', value: 126 })
  const { listener } = listening(t, server)
  await eventually(() => server.subscriptions === 1, 'a subscription')
  server.set(gear, { case: 'int32', value: 1 })
  await listener.until((known) => known[gear]?.value === 1)
  const { atMs } = listener.known[gear]!
  server.set(gear, { case: 'int32', value: 1 }, atMs + 1)
  await listener.until((known) => known[gear]?.atMs === atMs + 1)
  assert.deepEqual(listener.known[speed], { value: 0, atMs: died })
  server.set(gear, null)
  await listener.until((known) => known[gear]?.value === null)
})

test('where the owner says that the broker holds values, its answers count from when they come', async (t) => {
  const server = await KuksaServer.start(t)
  const began = Date.now()
  server.set(brake, { case: 'bool', value: true }, began - 3_600_000)
  const { listener } = listening(t, server, '?held')
  await listener.until((known) => brake in known)
  const { atMs } = listener.known[brake]!
  assert(atMs >= began)
  await listener.until((known) => known[brake]!.atMs > atMs)
})

test('a broker that restarts is found again; in between nothing is said, and the log names it once', async (t) => {
  const server = await KuksaServer.start(t)
  server.set(speed, { case: 'float', value: 0 })
  const { listener, log } = listening(t, server)
  await eventually(() => server.subscriptions === 1, 'a subscription')
  const { port } = server
  await server.stop()
  await eventually(() => log.length > 0, 'a line')
  const parts = listener.states.length
  await new Promise((resolve) => setTimeout(resolve, 1_500))
  assert.equal(listener.states.length, parts, 'nothing is repeated')
  const again = await KuksaServer.start(t, { port })
  again.set(speed, { case: 'float', value: 42 })
  await listener.until((known) => known[speed]?.value === 42)
  assert.equal(log.length, 1, log.join('\n'))
  assert.match(log[0]!, /^no readings, will keep trying: the broker says /)
})

test('a subscription that the broker ends is begun anew', async (t) => {
  const server = await KuksaServer.start(t)
  server.set(speed, { case: 'float', value: 0 })
  const { listener } = listening(t, server)
  await eventually(() => server.subscriptions === 1, 'a subscription')
  server.endSubscriptions()
  await eventually(() => server.subscriptions === 2, 'a second subscription')
  server.set(speed, { case: 'float', value: 9 })
  await listener.until((known) => known[speed]?.value === 9)
})

test('a token goes with every call, and is read again when the broker says that it is over', async (t) => {
  const tokens = new Set(['first'])
  const server = await KuksaServer.start(t, { tokens })
  server.set(speed, { case: 'float', value: 0 })
  const tokenFile = join(temporaryDirectory(t), 'token')
  writeFileSync(tokenFile, 'first\n', { mode: 0o600 })
  const { listener, log } = listening(t, server, `?token-file=${tokenFile}`)
  await listener.until((known) => speed in known)
  assert.deepEqual(new Set(server.authorizations), new Set(['Bearer first']))
  tokens.clear()
  tokens.add('second')
  await eventually(() => log.length > 0, 'a line')
  writeFileSync(tokenFile, 'second\n', { mode: 0o600 })
  server.set(speed, { case: 'float', value: 7 })
  await listener.until((known) => known[speed]?.value === 7)
  assert.deepEqual(log, ['no readings, will keep trying: the broker says Unauthenticated (Token expired)'])
})

test('a forbidden signal is unknown, and named; the others are heard', async (t) => {
  const server = await KuksaServer.start(t)
  server.set(speed, { case: 'float', value: 0 })
  server.set(gear, { case: 'int32', value: 126 })
  server.forbidden.add(gear)
  const { listener, log } = listening(t, server)
  await listener.until((known) => speed in known)
  assert(!(gear in listener.known))
  assert.deepEqual(log, [`${gear}: the broker says PermissionDenied (Permission denied): unknown`])
})

test('a broker that talks nonsense makes unknown readings and a bounded log, and is still heard', async (t) => {
  const server = await KuksaServer.start(t)
  server.set(speed, { case: 'double', value: Number.NaN })
  server.set(gear, { case: 'string', value: 'park' })
  server.set(brake, { case: 'int32', value: 1 })
  server.set(state, { case: 'string', value: 'x'.repeat(10_000) })
  server.set(charge, { case: 'float', value: 50 }, Date.now() + 3_600_000)
  server.set('Vehicle.IsMoving', { case: 'bool', value: false })
  const { listener, log } = listening(t, server)
  await listener.until((known) => 'Vehicle.IsMoving' in known)
  for (let i = 0; i < 200; i += 1)
    server.set(speed, { case: 'double', value: i % 2 === 0 ? 1e300 : Number.NaN })
  server.set('Vehicle.IsMoving', { case: 'bool', value: true })
  await listener.until((known) => known['Vehicle.IsMoving']?.value === true)
  assert.deepEqual(Object.keys(listener.known), ['Vehicle.IsMoving'])
  assert.equal(log.length, 5, log.join('\n'))
  assert(log.every((line) => line.length < 300))
})

test('a message of 10 MB ends the session and not this process', async (t) => {
  const server = await KuksaServer.start(t)
  server.set(state, { case: 'string', value: 'x'.repeat(10_000_000) })
  const { listener, log } = listening(t, server)
  await eventually(() => log.length > 0, 'a line')
  server.set(state, { case: 'string', value: 'LOCK' })
  await listener.until((known) => known[state]?.value === 'LOCK')
  assert.match(log[0]!, /ResourceExhausted/)
})

test('a server that speaks no HTTP/2, or none at all, is named, and tried again', async (t) => {
  const server = createServer((socket) => {
    socket.on('error', () => undefined)
    socket.resume().end('SSH-2.0-OpenSSH\r\n')
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => new Promise((resolve) => server.close(resolve)))
  const { port } = server.address() as { port: number }
  const { log } = listening(t, { url: `http://127.0.0.1:${port}` })
  await eventually(() => log.length > 0, 'a line')
  assert.match(log[0]!, /^no readings, will keep trying: the broker says /)
})

test('field numbers are those of the .proto files, byte for byte', () => {
  const asked = toBinary(subscribeRequest, create(subscribeRequest, { signalPaths: ['A'], bufferSize: 3 }))
  assert.equal(Buffer.from(asked).toString('hex'), '0a01411003')
  // entries { key: "A" value { timestamp { seconds: 5 nanos: 6000000 } value { int32: -1 } } }
  const bytes = Buffer.from('0a12 0a0141 120d 0a07080510809bee02 12026801'.replaceAll(' ', ''), 'hex')
  const { entries } = fromBinary(subscribeResponse, bytes)
  assert.deepEqual(readDatapoint('A', entries.A!), ['A', -1, 5_006])
})

test('what is no address of a broker is refused in one sentence', () => {
  const { log } = recordedLog()
  for (const [spec, message] of [
    [
      'kuksa:localhost:55555',
      /^kuksa:localhost:55555: the address is not http:\/\/host:port or https:\/\/host:port$/,
    ],
    ['kuksa:http://localhost:55555?version=2', /version is none of token-file, held$/],
  ] as const)
    assert.throws(() => openProvider(spec, log), { message })
})

function listening(
  t: TestContext,
  server: { readonly url: string },
  settings = '',
): { readonly listener: Listener; readonly log: readonly string[] } {
  const { log, lines } = recordedLog()
  return { listener: listen(t, openProvider(`kuksa:${server.url}${settings}`, log)), log: lines }
}
