import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { RuleVerdict } from '../../src/protocol/rules/judgement.ts'
import { sentenceOf } from '../../src/protocol/rules/judgement.ts'
import {
  contradictionIn,
  defaultPreferences,
  type Preferences,
} from '../../src/protocol/rules/preferences.ts'
import { OwnerRules, type RulesOptions } from '../../src/protocol/rules/rules.ts'
import type { SignalPath, SignalValues, VehicleState } from '../../src/protocol/rules/signals.ts'

const minuteMs = 60_000
const hourMs = 60 * minuteMs
/** A Monday, 00:00 UTC. */
const monday = Date.UTC(2026, 5, 1)
const battery = 'Vehicle.Powertrain.TractionBattery'
const charge = `${battery}.StateOfCharge.Displayed` as const
const plug = `${battery}.Charging.ChargingPort.AnyPosition.IsChargingCableConnected` as const
const pack = `${battery}.Temperature.Average` as const
const cabin = 'Vehicle.Cabin.HVAC.AmbientAirTemperature'

type Values = { readonly [Path in SignalPath]?: SignalValues[Path] | null }

/** All that the rules want. */
const willing: Partial<SignalValues> = {
  [charge]: 85,
  [plug]: true,
  [pack]: 25,
  'Vehicle.LowVoltageSystemState': 'OFF',
  'Vehicle.Speed': 0,
  'Vehicle.Powertrain.Transmission.SelectedGear': 126,
  'Vehicle.Powertrain.Transmission.IsParkLockEngaged': true,
  'Vehicle.Exterior.AirTemperature': 15,
  [cabin]: 18,
  'Vehicle.LowVoltageBattery.CurrentVoltage': 12.9,
  'Carpool.Network.IsMetered': false,
}

/** The signals that safety rests on. */
const vital = [
  'Vehicle.Speed',
  'Vehicle.LowVoltageSystemState',
  plug,
  charge,
  pack,
  cabin,
  'Vehicle.Exterior.AirTemperature',
  'Vehicle.LowVoltageBattery.CurrentVoltage',
] as const

test('a vehicle that has all that is asked for works after the settling time, and not a moment before', () => {
  const car = new Car()
  assert.equal(car.tell(willing), 'stop')
  assert.deepEqual(car.reasons, ['settling'])
  assert.equal(car.after(10 * minuteMs - 1_000), 'stop')
  assert.equal(car.after(1_000), 'run')
  assert.deepEqual(car.reasons, [])
})

test('what its source calls unavailable stops the vehicle at once, and says so', () => {
  for (const path of vital) {
    const car = new Car().settled()
    assert.equal(car.after(1_000, { ...willing, [path]: null }), 'stop', path)
    assert.equal(car.valueOf(path), `unknown: ${path} is not available, says its source`)
    assert.equal(car.after(1_000, willing), 'stop', 'it settles first')
    assert.equal(car.after(10 * minuteMs, willing), 'run')
  }
})

test('a rule that waits for a signal names its path, and those like it that come and are not used', () => {
  const { [charge]: _, ...others } = willing
  const car = new Car()
  const branch = charge.slice(0, charge.lastIndexOf('.'))
  car.tell(others)
  assert.equal(car.valueOf(charge), `unknown: ${charge} was never read`)
  for (const name of [
    `${branch}.Current`,
    'Vehicle.OBD.Speed',
    'Vehicle.Body.Lights.IsBackupOn',
    'x'.repeat(9_999),
  ])
    car.rules.handle({ type: 'unused', name }, car.nowMs)
  car.tell(others)
  assert.equal(
    car.valueOf(charge),
    `unknown: ${charge} was never read; there is ${branch}.Current, which is not used`,
  )
  const { 'Vehicle.Speed': __, ...unmoved } = willing
  const stranger = new Car()
  stranger.rules.handle({ type: 'unused', name: 'Vehicle.OBD.Speed' }, stranger.nowMs)
  stranger.tell(unmoved)
  assert.match(stranger.valueOf('Vehicle.Speed'), /; there is Vehicle\.OBD\.Speed, which is not used$/)
  assert.equal(
    new Car().settled().valueOf(charge),
    `${willing[charge]} %`,
    'a value that is known needs no words',
  )
})

test('a sensor that the vehicle does not have, says its owner, is not asked for until it says something', () => {
  const { [cabin]: _, [pack]: __, ...others } = willing
  assert.equal(new Car({ noSignal: ['cabin-temperature'] }).tell(others), 'stop')
  const car = new Car({ noSignal: ['cabin-temperature', 'pack-temperature'] }).settled(others)
  assert.equal(car.valueOf(cabin), 'this vehicle has no such sensor, says its owner')
  assert.equal(car.after(1_000, { ...others, [pack]: 90 }), 'stop', 'it has one')
  assert.equal(car.after(minuteMs, { ...others, [pack]: null }), 'stop', 'and it is broken')
  assert.equal(car.after(11 * minuteMs, others), 'stop')
})

test('each signal that safety rests on, when unknown or stale, stops the vehicle', () => {
  for (const path of vital) {
    const unknown = new Car()
    const { [path]: _, ...others } = willing
    unknown.tell(others)
    assert.equal(unknown.after(hourMs, others), 'stop', `${path} unknown`)
    const stale = new Car().settled()
    assert.equal(stale.after(6 * minuteMs, others), 'stop', `${path} stale`)
    assert.match(stale.valueOf(path), /^unknown: no reading of (Vehicle|Carpool)\.[\w.]+ for \d+ s$/)
  }
})

test('time alone makes a reading stale: the vehicle says when to look, and stops then', () => {
  const car = new Car().settled()
  const { wakeAtMs } = car.rules.handle({ type: 'look' }, car.nowMs)
  assert.equal(wakeAtMs, car.nowMs + 10_000)
  assert.equal(car.rules.handle({ type: 'look' }, wakeAtMs - 1).judgement.verdict, 'run')
  assert.equal(car.rules.handle({ type: 'look' }, wakeAtMs).judgement.verdict, 'stop')
})

test('what stops at once, and what lets the shard under way finish', () => {
  const cases: [Partial<SignalValues>, RuleVerdict, string][] = [
    [{ 'Vehicle.Speed': 3 }, 'stop', 'driving'],
    [{ 'Vehicle.IsMoving': true }, 'stop', 'driving'],
    [{ 'Vehicle.Powertrain.Transmission.SelectedGear': 1 }, 'stop', 'not-parked'],
    [{ 'Vehicle.Powertrain.Transmission.IsParkLockEngaged': false }, 'stop', 'not-park-locked'],
    [{ 'Vehicle.LowVoltageSystemState': 'ON' }, 'stop', 'ignition-on'],
    [{ 'Vehicle.LowVoltageSystemState': 'START' }, 'stop', 'ignition-on'],
    [{ 'Vehicle.LowVoltageSystemState': 'UNDEFINED' }, 'stop', 'ignition-on'],
    [{ [plug]: false }, 'stop', 'unplugged'],
    [{ [charge]: 49.9 }, 'stop', 'reserve'],
    [{ [charge]: 77.9 }, 'drain', 'charge-low'],
    [{ [pack]: 40.1 }, 'stop', 'pack-hot'],
    [{ 'Vehicle.Exterior.AirTemperature': -10.1 }, 'stop', 'outside-cold'],
    [{ 'Vehicle.Exterior.AirTemperature': 35.1 }, 'stop', 'outside-hot'],
    [{ [cabin]: 23.1 }, 'stop', 'cabin-warm'],
    [{ 'Vehicle.LowVoltageBattery.CurrentVoltage': 12.3 }, 'stop', 'low-voltage'],
    [{ 'Carpool.Network.IsMetered': true }, 'drain', 'metered'],
  ]
  for (const [change, verdict, reason] of cases) {
    const car = new Car().settled()
    assert.equal(car.tell({ ...willing, ...change }), verdict, reason)
    assert.equal(car.reasons[0], reason)
    assert.match(sentenceOf(car.judgement), new RegExp(`: ${reason} \\(`))
  }
})

test('caps drain when they are reached, and only where they are set', () => {
  const capped = { powerWattsMax: 500, energyWhPerDayMax: 2_000, unmeteredOnly: false }
  const using = {
    ...willing,
    'Carpool.Compute.PowerWatts': 400,
    'Carpool.Compute.EnergyTodayWh': 100,
    'Carpool.Network.IsMetered': true,
    'Carpool.Network.MeteredBytesThisMonth': 1e9,
  }
  for (const [change, reason] of [
    [{ 'Carpool.Compute.PowerWatts': 501 }, 'power-cap'],
    [{ 'Carpool.Compute.EnergyTodayWh': 2_000 }, 'energy-cap'],
    [{ 'Carpool.Network.MeteredBytesThisMonth': 1e10 }, 'metered-cap'],
  ] as const) {
    const car = new Car(capped).settled(using)
    assert.equal(car.tell({ ...using, ...change }), 'drain')
    assert.deepEqual(car.reasons, [reason])
    assert.equal(new Car().settled().tell({ ...willing, ...change }), 'run', `${reason} is not asked for`)
  }
  const free = new Car(capped).settled(using)
  const spent = { 'Carpool.Network.MeteredBytesThisMonth': 1e10, 'Carpool.Network.IsMetered': false }
  assert.equal(free.tell({ ...using, ...spent }), 'run', 'the month is over, and the network is free')
})

test("a vehicle that is charged to its own limit works, though it is below the owner's charge to begin", () => {
  const car = new Car()
  const full = { ...willing, [charge]: 69.5, [`${battery}.Charging.ChargeLimit`]: 70 }
  car.tell(full)
  assert.equal(car.after(10 * minuteMs, full), 'run')
  const low = new Car()
  low.tell({ ...full, [charge]: 44, [`${battery}.Charging.ChargeLimit`]: 45 })
  assert.match(low.valueOf(charge), /it charges to 45 % only/)
})

test('work that runs goes on below the charge that it needed to begin, and begins again only there', () => {
  const car = new Car().settled()
  assert.equal(car.tell({ ...willing, [charge]: 78.5 }), 'run')
  assert.equal(car.tell({ ...willing, [charge]: 77 }), 'drain')
  assert.equal(car.after(20 * minuteMs, { ...willing, [charge]: 79.5 }), 'drain')
  car.tell({ ...willing, [charge]: 80 })
  assert.equal(car.after(10 * minuteMs, { ...willing, [charge]: 80 }), 'run')
})

test('work on solar surplus begins with enough of it, goes on until power would be bought, and knows nothing without the signal', () => {
  const watts = 'Carpool.Energy.SurplusWatts'
  const car = new Car({ surplusOnly: true })
  const at = (surplus: number | null) => ({ ...willing, [watts]: surplus })
  assert.equal(car.after(20 * minuteMs, at(299)), 'drain')
  car.tell(at(300))
  assert.equal(car.after(10 * minuteMs, at(300)), 'run')
  // The computer draws it now.
  assert.equal(car.tell(at(0)), 'run')
  assert.equal(car.tell(at(-1)), 'drain')
  assert.equal(car.after(20 * minuteMs, at(299)), 'drain', 'as much as to begin')
  car.tell(at(300))
  assert.equal(car.after(10 * minuteMs, at(300)), 'run')
  assert.notEqual(car.tell(at(null)), 'run')
  // One good reading is not enough of it: it has to be there when work begins, after a pause as well.
  const cloudy = new Car({ surplusOnly: true })
  cloudy.tell(at(320))
  assert.equal(cloudy.after(20 * minuteMs, at(20)), 'drain')
  const without = new Car({ surplusOnly: true })
  without.tell(willing)
  assert.notEqual(without.after(20 * minuteMs, willing), 'run')
  const asked = new Car()
  asked.tell({ ...willing, [watts]: -500 })
  assert.equal(
    asked.after(10 * minuteMs, { ...willing, [watts]: -500 }),
    'run',
    'only where its owner says so',
  )
})

test('a temperature that was too high must fall below its limit by the hysteresis', () => {
  const car = new Car().settled()
  car.tell({ ...willing, [pack]: 41 })
  assert.equal(car.after(20 * minuteMs, { ...willing, [pack]: 38.5 }), 'stop')
  car.tell({ ...willing, [pack]: 38 })
  assert.equal(car.after(10 * minuteMs, { ...willing, [pack]: 38 }), 'run')
})

test('what the cabin was before work began is measured anew when it has stood still for an hour', () => {
  const car = new Car().settled()
  assert.equal(car.tell({ ...willing, [cabin]: 24 }), 'stop')
  assert.equal(car.after(30 * minuteMs, { ...willing, [cabin]: 24 }), 'stop', 'the sun shines in')
  car.after(30 * minuteMs, { ...willing, [cabin]: 24 })
  assert.equal(car.after(10 * minuteMs, { ...willing, [cabin]: 24 }), 'run')
  assert.equal(car.tell({ ...willing, [cabin]: 28.5 }), 'run')
  assert.equal(car.tell({ ...willing, [cabin]: 29.5 }), 'stop')
})

test('a cabin that cooled in a pause may be warmed only from there, and one that warmed in it only from before', () => {
  const car = new Car().settled()
  const pause = (celsius: number) => {
    car.rules.handle({ type: 'pause', untilMs: car.nowMs + 30 * minuteMs }, car.nowMs)
    return car.after(30 * minuteMs, { ...willing, [cabin]: celsius })
  }
  assert.equal(pause(12), 'run')
  assert.equal(car.tell({ ...willing, [cabin]: 17 }), 'run')
  assert.equal(pause(16), 'run')
  assert.equal(car.tell({ ...willing, [cabin]: 17.5 }), 'stop')
})

test('a pause stops at once, ends by itself at its time, and needs no settling', () => {
  const car = new Car().settled()
  car.rules.handle({ type: 'pause', untilMs: car.nowMs + hourMs }, car.nowMs)
  assert.equal(car.after(hourMs - 1_000), 'stop')
  assert.deepEqual(car.reasons, ['paused'])
  assert.equal(car.after(1_000), 'run')
  car.rules.handle({ type: 'pause', untilMs: null }, car.nowMs)
  assert.equal(car.after(48 * hourMs), 'stop')
  assert.equal(car.rules.handle({ type: 'resume' }, car.nowMs).judgement.verdict, 'run')
})

test('a pause for an hour is an hour long, and one until a time of day ends then, when the clock is set', () => {
  for (const byMs of [-8 * hourMs, -60_000, 60_000, 8 * hourMs])
    for (const isDate of [false, true]) {
      const desk = new OwnerRules(defaultPreferences, { vehicle: false })
      const untilMs = monday + 12 * hourMs
      let nowMs = untilMs - hourMs
      desk.handle({ type: 'pause', untilMs, isDate }, nowMs)
      nowMs += byMs
      desk.handle({ type: 'clock-set', byMs }, nowMs)
      const endMs = isDate ? untilMs : untilMs + byMs
      const verdictAt = (ms: number) => desk.handle({ type: 'look' }, Math.max(nowMs, ms)).judgement.verdict
      if (endMs > nowMs) assert.equal(verdictAt(endMs - 1_000), 'stop', `${byMs} ms, ${isDate}`)
      assert.equal(verdictAt(endMs), 'run', `${byMs} ms, ${isDate}`)
    }
})

test('a machine without a vehicle works at once, and keeps to pause, hours and caps', () => {
  const desk = new Car({ quietHours: ['22:00-06:00'], energyWhPerDayMax: 1_000 }, { vehicle: false })
  desk.nowMs = monday + 12 * hourMs
  assert.equal(desk.tell({}), 'drain', 'nobody measures what is capped')
  assert.deepEqual(desk.reasons, ['energy-cap'])
  const free = new Car({ quietHours: ['22:00-06:00'] }, { vehicle: false })
  free.nowMs = monday + 12 * hourMs
  assert.equal(free.tell({}), 'run')
  assert.equal(free.after(10 * hourMs, {}), 'drain')
  assert.ok(free.judgement.rules.some(({ code }) => code === 'no-signals'))
  assert.ok(free.judgement.rules.every(({ code }) => code !== 'unplugged'))
})

test('quiet hours and departures are in the time zone of the vehicle, through the nights in which clocks change', () => {
  const preferences = { quietHours: ['22:00-06:00'], timeZone: 'Europe/Berlin' }
  const desk = new OwnerRules({ ...defaultPreferences, ...preferences }, { vehicle: false })
  const verdictAt = (atMs: number) => desk.handle({ type: 'look' }, atMs).judgement.verdict
  // Summer time begins on 29 March 2026 at 01:00 UTC.
  for (const [day, utcHour] of [
    [28, 5],
    [29, 4],
    [30, 4],
  ] as const) {
    const six = Date.UTC(2026, 2, day, utcHour)
    assert.deepEqual([verdictAt(six - 1), verdictAt(six)], ['drain', 'run'])
  }
})

test('from a quarter of an hour before the vehicle is to be ready, it drains, and for an hour after', () => {
  const car = new Car({ readyBy: ['mon-fri 07:30'] }).settled()
  const ready = monday + 7.5 * hourMs
  assert.equal(car.judgement.availableUntilMs, ready - 15 * minuteMs)
  assert.equal(car.at(ready - 15 * minuteMs - 1), 'run')
  assert.equal(car.at(ready - 15 * minuteMs), 'drain')
  assert.deepEqual(car.reasons, ['ready-by'])
  assert.equal(car.at(ready + hourMs - 1), 'drain')
  assert.equal(car.at(ready + hourMs), 'run')
})

test('a machine that slept through staleness settles again, though the readings before and after are good', () => {
  const car = new Car().settled()
  car.nowMs += 8 * hourMs
  assert.equal(car.tell(willing), 'stop')
  assert.deepEqual(car.reasons, ['settling'])
})

test('readings from before a clock was set back are not believed, and newer ones are', () => {
  const car = new Car().settled()
  car.nowMs -= hourMs
  const { reasons } = car.rules.handle({ type: 'look' }, car.nowMs).judgement
  assert.ok(reasons.includes('driving'), 'it is known how fast it will be in an hour')
  car.tell(willing)
  assert.equal(car.after(10 * minuteMs), 'run')
})

test('it is a departure when a vehicle drives off that was parked for a while, and only once', () => {
  const car = new Car().settled()
  const drive = { ...willing, 'Vehicle.Speed': 20, 'Vehicle.Powertrain.Transmission.SelectedGear': 1 }
  const departed = (values: Partial<SignalValues>) =>
    car.rules.handle({ type: 'readings', readings: readingsOf(values, car.nowMs) }, car.nowMs).departed
  assert.equal(departed(drive), true)
  car.nowMs += minuteMs
  assert.equal(departed(drive), false)
  assert.equal(departed(willing), false)
  car.nowMs += minuteMs
  assert.equal(departed(willing), false)
  assert.equal(departed(drive), false, 'it stood at a shop for a minute')
})

test('the sentence names the strictest rule first, and the others by their codes', () => {
  const car = new Car().settled()
  car.tell({ ...willing, [charge]: 60, [plug]: false })
  assert.equal(
    sentenceOf(car.judgement),
    'It stands still: unplugged (unplugged; asked for: plugged in); charge-low would hold it, too.',
  )
})

test('preferences that no moment can meet are refused with the pair that contradicts', () => {
  const cases: [Partial<Preferences>, [string, string] | null][] = [
    [{}, null],
    [{ reservePercent: 80 }, null],
    [{ reservePercent: 81 }, ['reservePercent', 'chargePercentMin']],
    [{ chargePercentMin: 40 }, ['reservePercent', 'chargePercentMin']],
    [{ outsideCelsiusMin: 35 }, ['outsideCelsiusMin', 'outsideCelsiusMax']],
    [{ outsideCelsiusMin: 32 }, ['outsideCelsiusMin', 'outsideCelsiusMax']],
    [{ outsideCelsiusMin: 31 }, null],
    [{ quietHours: ['00:00-24:00'] }, ['quietHours', 'quietHours']],
    [{ quietHours: ['08:00-20:00', '20:00-08:00'] }, ['quietHours', 'quietHours']],
    [{ quietHours: ['08:00-20:00', '20:01-08:00'] }, null],
    [{ quietHours: ['mon-sat 00:00-24:00'] }, null],
    [{ quietHours: ['08:30-07:15'], readyBy: ['07:30'] }, ['quietHours', 'readyBy']],
    [{ readyBy: Array.from({ length: 24 }, (_, hour) => `${hour}:00`) }, ['readyBy', 'readyBy']],
  ]
  for (const [change, names] of cases)
    assert.deepEqual(
      contradictionIn({ ...defaultPreferences, ...change })?.names ?? null,
      names,
      JSON.stringify(change),
    )
})

test('however signals flap, work begins at most once in the settling time, and never within it of a stop', () => {
  fc.assert(
    fc.property(
      fc.array(
        fc.record({
          afterMs: fc.integer({ min: 1, max: 9_000 }),
          change: fc.constantFrom<Partial<SignalValues>>(
            {},
            {},
            {},
            { [plug]: false },
            { [charge]: 79.9 },
            { [charge]: 77.9 },
            { [charge]: 80 },
            { [pack]: 40.2 },
            { [pack]: 39.9 },
            { 'Vehicle.Speed': 5 },
            { 'Carpool.Network.IsMetered': true },
          ),
        }),
        { maxLength: 200 },
      ),
      (steps) => {
        const settleMs = 30_000
        const car = new Car({ settleMs })
        let before: RuleVerdict = 'stop'
        let lastStopMs = car.nowMs
        let changes = 0
        const fromMs = car.nowMs
        for (const { afterMs, change } of steps) {
          car.nowMs += afterMs
          const verdict = car.tell({ ...willing, ...change })
          if (verdict !== before) changes += 1
          if (before === 'stop' && verdict !== 'stop') assert.ok(car.nowMs - lastStopMs >= settleMs)
          if (car.holds('stop')) lastStopMs = car.nowMs
          before = verdict
        }
        // In a settling time: milder twice at most (to drain, to run), and stricter as often.
        assert.ok(changes <= 4 * (Math.ceil((car.nowMs - fromMs) / settleMs) + 1), `${changes} changes`)
      },
    ),
  )
})

test('what a bus repeats is judged as if it were looked at each time', () => {
  const change = fc.constantFrom<Partial<SignalValues>>(
    {},
    {},
    {},
    { [plug]: false },
    { [charge]: 77 },
    { [cabin]: 24 },
    { 'Vehicle.Speed': 30 },
    { 'Carpool.Network.IsMetered': true },
  )
  const step = fc.record({ afterMs: fc.integer({ min: -20_000, max: 40_000 }), times: fc.nat(30), change })
  fc.assert(
    fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
      const preferences = { ...defaultPreferences, settleMs: 90_000, quietHours: ['00:10-00:20'] }
      const [repeating, looking] = [new OwnerRules(preferences), new OwnerRules(preferences)]
      let nowMs = monday
      for (const { afterMs, times, change } of steps)
        for (let time = 0; time <= times; time += 1) {
          nowMs += time === 0 ? afterMs : 7_000
          const readings = readingsOf({ ...willing, ...change }, nowMs)
          const seen = repeating.handle({ type: 'readings', readings }, nowMs)
          const { departed } = looking.handle({ type: 'readings', readings }, nowMs)
          const looked = looking.handle({ type: 'look' }, nowMs)
          assert.deepEqual([seen.judgement, seen.departed], [looked.judgement, departed])
          assert.ok(seen.wakeAtMs! <= looked.wakeAtMs!, 'it may look in vain, and never late')
        }
    }),
  )
})

test('between two looks that it asks for, time alone changes nothing', () => {
  fc.assert(
    fc.property(
      fc.record({
        startMs: fc.oneof(
          fc.integer({ min: Date.UTC(2026, 0, 1), max: Date.UTC(2027, 0, 1) }),
          // Hours in which clocks change in one of the zones.
          fc
            .tuple(
              fc.constantFrom(
                Date.UTC(2026, 2, 29, 1),
                Date.UTC(2026, 9, 25, 1),
                Date.UTC(2026, 2, 8, 7),
                Date.UTC(2026, 10, 1, 6),
                Date.UTC(2026, 9, 3, 15, 30),
              ),
              fc.integer({ min: 0, max: 4 * hourMs }),
            )
            .map(([changeMs, beforeMs]) => changeMs - beforeMs),
        ),
        timeZone: fc.constantFrom(
          'Europe/Berlin',
          'America/New_York',
          'Australia/Lord_Howe',
          'Asia/Kathmandu',
        ),
        quietHours: fc.constantFrom<readonly string[]>([], ['22:00-06:00'], ['sat,sun 01:30-03:10']),
        readyBy: fc.constantFrom<readonly string[]>([], ['07:30'], ['sun 02:30', 'mon-fri 08:00']),
        pauseMs: fc.option(fc.integer({ min: 1, max: 5 * hourMs })),
      }),
      ({ startMs, pauseMs, ...preferences }) => {
        const desk = new OwnerRules({ ...defaultPreferences, ...preferences }, { vehicle: false })
        let { judgement, wakeAtMs } = desk.handle(
          pauseMs === null ? { type: 'look' } : { type: 'pause', untilMs: startMs + pauseMs },
          startMs,
        )
        for (let atMs = startMs; atMs < startMs + 12 * hourMs; atMs += 7 * minuteMs) {
          if (wakeAtMs !== null && atMs >= wakeAtMs) {
            ;({ judgement, wakeAtMs } = desk.handle({ type: 'look' }, atMs))
            continue
          }
          // A copy that did not look before, since looking must not be what changes it.
          const other = new OwnerRules({ ...defaultPreferences, ...preferences }, { vehicle: false })
          if (pauseMs !== null) other.handle({ type: 'pause', untilMs: startMs + pauseMs }, startMs)
          const seen = other.handle({ type: 'look' }, atMs).judgement
          assert.deepEqual([seen.verdict, seen.reasons], [judgement.verdict, judgement.reasons])
        }
      },
    ),
    { numRuns: 200 },
  )
})

class Car {
  readonly rules: OwnerRules
  nowMs = monday
  judgement: ReturnType<OwnerRules['handle']>['judgement']

  constructor(change: Partial<Preferences> = {}, options: RulesOptions = {}) {
    this.rules = new OwnerRules({ ...defaultPreferences, ...change }, options)
    this.judgement = this.rules.handle({ type: 'look' }, this.nowMs).judgement
  }

  get reasons(): readonly string[] {
    return this.judgement.reasons
  }

  tell(values: Values): RuleVerdict {
    this.judgement = this.rules.handle(
      { type: 'readings', readings: readingsOf(values, this.nowMs) },
      this.nowMs,
    ).judgement
    return this.judgement.verdict
  }

  /** Told the same every few seconds, as buses do. */
  after(ms: number, values: Values = willing): RuleVerdict {
    return this.at(this.nowMs + ms, values)
  }

  at(atMs: number, values: Values = willing): RuleVerdict {
    while (this.nowMs < atMs) {
      this.nowMs = Math.min(atMs, this.nowMs + 9_000)
      this.tell(values)
    }
    return this.judgement.verdict
  }

  settled(values: Values = willing): this {
    this.tell(values)
    assert.equal(this.after(10 * minuteMs, values), 'run')
    return this
  }

  holds(verdict: RuleVerdict): boolean {
    return this.judgement.rules.some((rule) => rule.verdict === verdict && rule.code !== 'settling')
  }

  /** What the rule about this signal says of it. */
  valueOf(path: SignalPath): string {
    const codes: Partial<Record<SignalPath, string>> = {
      'Vehicle.Speed': 'driving',
      'Vehicle.LowVoltageSystemState': 'ignition-on',
      [plug]: 'unplugged',
      [charge]: 'reserve',
      [pack]: 'pack-hot',
      [cabin]: 'cabin-warm',
      'Vehicle.Exterior.AirTemperature': 'outside-cold',
      'Vehicle.LowVoltageBattery.CurrentVoltage': 'low-voltage',
    }
    return this.judgement.rules.find(({ code }) => code === codes[path])!.value
  }
}

function readingsOf(values: Values, atMs: number): VehicleState {
  return Object.fromEntries(Object.entries(values).map(([path, value]) => [path, { value, atMs }]))
}
