import assert from 'node:assert/strict'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test, { type TestContext } from 'node:test'
import { openProvider } from '../../src/host/signals/open.ts'
import { Throttle } from '../../src/host/signals/throttle.ts'
import type { SignalPath } from '../../src/protocol/rules/signals.ts'
import { eventually, type Listener, listen, recordedLog } from '../support/signals.ts'
import { temporaryDirectory } from '../support/store.ts'

const speed = 'Vehicle.Speed' satisfies SignalPath
const gear = 'Vehicle.Powertrain.Transmission.SelectedGear' satisfies SignalPath

test("a program's lines are readings, with their own times, or that of the line's arrival", async (t) => {
  const atMs = Date.now() - 5_000
  const { listener } = listening(
    t,
    lines({ [speed]: 0, [gear]: { value: 126, ts: new Date(atMs).toISOString() }, 'Maker.Own': [1] }),
  )
  const began = Date.now()
  await listener.until((known) => speed in known && gear in known)
  assert.deepEqual(listener.known[gear], { value: 126, atMs })
  assert.equal(listener.known[speed]?.value, 0)
  assert(listener.known[speed]!.atMs >= began - 1_000)
})

test('what is of the wrong type, out of range, from the future or no JSON is unknown, and a line of the log', async (t) => {
  const inAnHour = new Date(Date.now() + 3_600_000).toISOString()
  const { listener, log } = listening(
    t,
    `echo 'nonsense'; echo '[1]'; ${lines(
      { [speed]: 'fast' },
      { [speed]: { value: 1, ts: inAnHour } },
      { 'Vehicle.IsMoving': { value: false, ts: 'yesterday' } },
      { 'Vehicle.Powertrain.TractionBattery.StateOfCharge.Displayed': 655.35 },
      { 'Vehicle.LowVoltageBattery.CurrentVoltage': '' },
      { [gear]: 126 },
    )}`,
  )
  await listener.until((known) => gear in known)
  assert.deepEqual(Object.keys(listener.known), [gear])
  assert.deepEqual(log, [
    'a line is not JSON: "nonsense"',
    'Vehicle.Speed is not "fast": unknown',
    'Vehicle.IsMoving has no time: unknown',
    'Vehicle.Powertrain.TractionBattery.StateOfCharge.Displayed is not "655.35": unknown',
    'Vehicle.LowVoltageBattery.CurrentVoltage is not "": unknown',
  ])
})

test('what a source calls unavailable, or what no vehicle can be, is unknown from that moment', async (t) => {
  const pack = 'Vehicle.Powertrain.TractionBattery.Temperature.Average'
  const charge = 'Vehicle.Powertrain.TractionBattery.StateOfCharge.Displayed'
  const volts = 'Vehicle.LowVoltageBattery.CurrentVoltage'
  const atMs = Date.now() - 3_600_000
  const folder = temporaryDirectory(t)
  const cases = [
    [pack, 25, 255],
    [pack, 25, -40],
    [pack, 25, null],
    [pack, 25, { value: null }],
    [pack, 25, { value: null, ts: new Date(atMs).toISOString() }],
    [pack, 25, { value: 26, ts: 'soon' }],
    [pack, 25, 'NaN'],
    [pack, 25, '87.5'],
    [charge, 90, 127.5],
    [charge, 90, 'visserr:Data-not-available'],
    [volts, 12.8, 25.5],
    [volts, 12.8, 65.535],
    [speed, 0, 255],
    [speed, 0, null],
    [speed, 0, 65535],
    [gear, 126, 255],
    ['Vehicle.LowVoltageSystemState', 'OFF', 'SNA'],
    ['Vehicle.Powertrain.Transmission.IsParkLockEngaged', true, 3],
  ] as const satisfies readonly (readonly [SignalPath, unknown, unknown])[]
  for (const [i, [path, good, bad]] of cases.entries()) {
    const seen = join(folder, String(i))
    const first = `echo '${JSON.stringify({ [path]: good })}'; until [ -e ${seen} ]; do sleep 0.02; done`
    const { listener } = listening(t, `${first}; ${lines({ [path]: bad })}`)
    const what = `${path} ${JSON.stringify(bad)}`
    await listener.until((known) => known[path]?.value === good, `${what}: first`)
    writeFileSync(seen, '')
    await listener.until((known) => known[path]?.value === null, what)
    await listener.stop()
  }
})

test('a signal is back with the next value, whatever time its absence was given', async (t) => {
  const atMs = Date.now() - 5_000
  const said = [0, null, 30].map((value) => ({ [speed]: { value, ts: new Date(atMs).toISOString() } }))
  const { listener } = listening(t, lines(...said))
  await listener.until((known) => known[speed]?.value === 30)
})

test('a program that ends is started again, and why is in the log once', async (t) => {
  const count = join(temporaryDirectory(t), 'count')
  writeFileSync(count, '')
  const { listener, log } = listening(
    t,
    `echo x >> ${count}; echo no battery >&2; [ $(wc -l < ${count}) -lt 4 ] && exit 3; ${lines({ [speed]: 7 })}`,
  )
  await listener.until((known) => speed in known)
  assert.equal(readFileSync(count, 'utf8'), 'x\nx\nx\nx\n')
  assert.deepEqual(log, ['no readings, will keep trying: the program ended with 3: no battery'])
})

test('a program that says one line and ends well is asked again, and nobody complains', async (t) => {
  const { listener, log } = listening(t, `echo '${JSON.stringify({ [speed]: 7 })}'`)
  await listener.until((_, part) => part[speed] !== listener.states[0]![speed])
  assert.deepEqual(log, [])
})

test('when nobody listens any more, the program and all that it started are gone', async (t) => {
  const folder = temporaryDirectory(t)
  const [own, other] = [join(folder, 'own'), join(folder, 'other')]
  const { listener } = listening(
    t,
    `trap '' TERM; echo $$ > ${own}; (trap '' TERM; sleep 1000 & echo $! > ${other}; ${lines({ [speed]: 1 })})`,
  )
  await listener.until((known) => speed in known)
  await eventually(() => existsSync(other), 'the second process')
  const pids = [own, other].map((file) => Number(readFileSync(file, 'utf8')))
  assert.deepEqual(pids.map(isAlive), [true, true])
  await listener.stop()
  await eventually(() => !pids.some(isAlive), 'both are gone')
})

test('a line without end costs its program its life, not this process its memory', async (t) => {
  const flag = join(temporaryDirectory(t), 'flag')
  const { listener, log } = listening(
    t,
    `[ -e ${flag} ] || { touch ${flag}; exec yes no-end | tr -d '\\n'; }; ${lines({ [speed]: 1 })}`,
  )
  await listener.until((known) => speed in known)
  assert.match(log[0]!, /the program a line has more than 65536 bytes$/)
})

test('a program that floods is read no faster than is useful, and its newest word is still heard', async (t) => {
  const { listener } = listening(t, `yes '{"${speed}": 1}' | head -n 30000; ${lines({ [gear]: 126 })}`)
  await listener.until((known) => gear in known)
  assert.equal(listener.known[speed]?.value, 1)
})

test('who says more in a second than all signals need waits unread until the second is paid for', async () => {
  const resumed = Promise.withResolvers<void>()
  const calls: string[] = []
  const throttle = new Throttle({
    pause: () => void calls.push('pause'),
    resume: () => {
      calls.push('resume')
      resumed.resolve()
    },
  })
  throttle.count(100 * 1024)
  assert.deepEqual(calls, [])
  throttle.count(200 * 1024)
  throttle.count(1)
  assert.deepEqual(calls, ['pause'])
  await resumed.promise
  assert.deepEqual(calls, ['pause', 'resume'])
})

function listening(
  t: TestContext,
  command: string,
): { readonly listener: Listener; readonly log: readonly string[] } {
  const { log, lines } = recordedLog()
  return { listener: listen(t, openProvider(`command:${command}`, log)), log: lines }
}

/** Says these, and stays. */
function lines(...objects: readonly object[]): string {
  return `${objects.map((object) => `echo '${JSON.stringify(object)}'`).join('; ')}; sleep 1000`
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return !/^\d+ \(.*\) Z/.test(readFileSync(`/proc/${pid}/stat`, 'utf8'))
  } catch {
    return false
  }
}
