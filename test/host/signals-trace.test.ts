import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { type TestContext } from 'node:test'
import pino from 'pino'
import { openProvider } from '../../src/host/signals/open.ts'
import type { SignalPath, VehicleState } from '../../src/protocol/rules/signals.ts'

const log = pino({ level: 'silent' })
const speed = 'Vehicle.Speed' satisfies SignalPath
const gear = 'Vehicle.Powertrain.Transmission.SelectedGear' satisfies SignalPath

test('a trace plays at the speed asked for, each line with the time at which it comes', async (t) => {
  const file = trace(t, { at: 0, [gear]: 126, [speed]: 0 }, { at: 6, [speed]: 30 }, { at: 12, [speed]: 60 })
  const began = Date.now()
  const states = await take(t, `trace:${file}?speed=60`, (state) => state[speed]?.value === 60)
  assert.deepEqual(
    states.map((state) => state[speed]?.value),
    [0, 30, 60],
  )
  assert.equal(states[0]![gear]?.value, 126)
  assert(states[0]![speed]!.atMs >= began)
  assert(states[2]![speed]!.atMs - states[0]![speed]!.atMs >= 190)
  assert(states[2]![speed]!.atMs <= Date.now())
})

test('after its last line a trace goes on saying what holds, with fresh times, until it is aborted', async (t) => {
  const file = trace(t, { at: 0, [gear]: 126 })
  let seen = 0
  const states = await take(t, `trace:${file}`, () => ++seen === 3)
  assert.deepEqual(
    states.map((state) => state[gear]?.value),
    [126, 126, 126],
  )
  assert(states[1]![gear]!.atMs > states[0]![gear]!.atMs && states[2]![gear]!.atMs > states[1]![gear]!.atMs)
})

test('a signal that a trace says is lost is unknown from then on', async (t) => {
  const file = trace(t, { at: 0, [gear]: 126, [speed]: 0 }, { at: 60, [speed]: null })
  const states = await take(t, `trace:${file}?speed=600`, (_, index) => index === 2)
  assert.deepEqual(states.map(Object.keys), [[gear, speed], [speed], [gear]])
  assert.equal(states[1]![speed]!.value, null)
})

test('with loop a trace begins anew at its last line, and without what that line had added', async (t) => {
  const file = trace(t, { at: 0, [speed]: 0 }, { at: 60, [speed]: 9, [gear]: 1 })
  const states = await take(t, `trace:${file}?speed=60&loop`, (_, index) => index === 2)
  assert.deepEqual(
    states.map((state) => [state[speed]?.value, state[gear]?.value]),
    [
      [0, undefined],
      [9, 1],
      [0, undefined],
    ],
  )
})

test('a recording has dates, names of an older VSS, and signals that are of no use', async (t) => {
  const plugged =
    'Vehicle.Powertrain.TractionBattery.Charging.ChargingPort.AnyPosition.IsChargingCableConnected'
  const file = trace(
    t,
    { at: '2026-03-01T20:00:00.000+01:00', 'Vehicle.Cabin.Sunroof.Position': 'x', [speed]: '3.5' },
    {
      at: '2026-03-01T19:00:00.250Z',
      'Vehicle.Powertrain.TractionBattery.Charging.IsChargingCableConnected': 'true',
    },
  )
  const states = await take(t, `trace:${file}`, (state) => plugged in state)
  assert.deepEqual(states.map(Object.keys), [[speed], [plugged]])
  assert.equal(states[0]![speed]?.value, 3.5)
  assert.equal(states[1]![plugged]?.value, true)
})

test('a trace that cannot be played is refused in a sentence that names the line', (t) => {
  const refused: readonly (readonly [string, RegExp])[] = [
    ['', /has no lines/],
    ['{"at": 0}\nfoo', /, line 2, is not JSON: "foo"$/],
    ['{"Vehicle.Speed": 0}', /, line 1, has no "at"/],
    ['{"at": -1}', /, line 1, has no "at"/],
    ['{"at": 5}\n\n{"at": 4}', /, line 3, is earlier/],
    ['{"at": 5}\n{"at": "2026-03-01T20:00:00Z"}', /, line 2, mixes/],
    [`{"at": 0, "${speed}": "fast"}`, /, line 1, is wrong: Vehicle.Speed is not "fast"$/],
    [`{"at": 0, "${gear}": 1.5}`, /SelectedGear is not "1.5"$/],
  ]
  for (const [text, message] of refused) {
    const file = written(t, text)
    assert.throws(() => openProvider(`trace:${file}`, log), { message })
  }
  assert.throws(() => openProvider('trace:/nowhere/at-all', log), {
    message: /^\/nowhere\/at-all cannot be read/,
  })
  const file = trace(t, { at: 0 })
  for (const [settings, message] of [
    ['speed=0', /speed is a number above 0/],
    ['speed=fast', /speed is a number above 0/],
    ['sped=1', /sped is none of speed, loop/],
    ['loop', /what loops must last a second/],
  ] as const)
    assert.throws(() => openProvider(`trace:${file}?${settings}`, log), { message })
})

async function take(
  t: TestContext,
  spec: string,
  isLast: (state: VehicleState, index: number) => boolean,
): Promise<VehicleState[]> {
  const states: VehicleState[] = []
  const abort = new AbortController()
  t.after(() => abort.abort())
  for await (const state of openProvider(spec, log).readings(abort.signal)) {
    states.push(state)
    if (isLast(state, states.length - 1)) abort.abort()
  }
  return states
}

function trace(t: TestContext, ...lines: readonly object[]): string {
  return written(t, lines.map((line) => `${JSON.stringify(line)}\n`).join(''))
}

function written(t: TestContext, text: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'carpool-trace-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  const path = join(folder, 'trace.jsonl')
  writeFileSync(path, text)
  return path
}
