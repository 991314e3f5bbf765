/**
 * The owner's rules on a clock that is set while they watch, with everything between a source and the verdict that takes
 * a time: a car that drives never works, and one that is parked works again after the settling time.
 */
import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import { pino } from 'pino'
import { ClockSteps } from '../../src/host/clock.ts'
import { Intake } from '../../src/host/signals/intake.ts'
import { Latest } from '../../src/host/signals/latest.ts'
import { nothingKept } from '../../src/host/supervisor/kept.ts'
import { RulesDriver } from '../../src/host/supervisor/rules-driver.ts'
import { defaultPreferences } from '../../src/protocol/rules/preferences.ts'
import type { VehicleState } from '../../src/protocol/rules/signals.ts'
import { driving, parked } from '../support/vehicle-bus.ts'

const hourMs = 3_600_000
const settleSeconds = defaultPreferences.settleMs / 1_000

/** A car that speaks once a second, and whose computer's clock can be set. */
class Car {
  wallMs = Date.UTC(2026, 2, 2, 12)
  passedMs = 0
  readonly #abort = new AbortController()
  readonly #steps = new ClockSteps({ now: () => this.wallMs, monotonicMs: () => this.passedMs })
  readonly #latest = new Latest(this.#abort.signal, {
    now: () => this.wallMs,
    monotonicMs: () => this.passedMs,
  })
  readonly #guard = new RulesDriver(
    { preferences: defaultPreferences, isVehicle: true, slotWatts: 10, kept: nothingKept },
    this.wallMs,
  )
  #values: object = parked

  constructor() {
    void this.#read()
  }

  get verdict(): string {
    return this.#guard.judgement.verdict
  }

  drive(): void {
    this.#values = { ...parked, ...driving }
  }

  /** A second passes, in which the clock may be set; the car says what it knows. */
  async second(setByMs = 0): Promise<void> {
    this.passedMs += 1_000
    this.wallMs += 1_000 + setByMs
    this.#tell(() => this.#guard.handle({ type: 'look' }, this.wallMs))
    const state = Object.entries(this.#values).map(([path, value]) => [path, { value, atMs: this.wallMs }])
    this.#latest.put(Object.fromEntries(state) as VehicleState)
    await new Promise(setImmediate)
    if (this.passedMs % 5_000 === 0) this.#tell(() => this.#guard.count(0, 0, this.wallMs))
  }

  async #read(): Promise<void> {
    for await (const readings of this.#latest)
      this.#tell(() => this.#guard.handle({ type: 'readings', readings }, this.wallMs))
  }

  /** As the supervisor does (src/host/supervisor/main.ts). */
  #tell(change: () => void): void {
    const byMs = this.#steps.take()
    if (byMs !== 0) this.#guard.handle({ type: 'clock-set', byMs }, this.wallMs)
    change()
  }
}

const step = fc.oneof(
  fc.constantFrom(-2 * hourMs, -hourMs, -6_000, -4_900, -3_000, 3_000, 6_000, hourMs, 8 * hourMs),
  fc.integer({ min: -hourMs, max: hourMs }),
)

test('a car that drives off while its clock is set does not work from its first word on', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { minLength: 1, maxLength: 5 }),
      fc.nat({ max: 4 }),
      async (steps, before) => {
        const car = new Car()
        for (let i = 0; i < settleSeconds + 5; i += 1) await car.second()
        assert.equal(car.verdict, 'run')
        for (const [i, byMs] of steps.entries()) {
          if (i === before % steps.length) car.drive()
          await car.second(byMs)
          if (i >= before % steps.length) assert.equal(car.verdict, 'stop', `after step ${i + 1}`)
        }
        for (let i = 0; i < 30; i += 1) {
          await car.second()
          assert.equal(car.verdict, 'stop')
        }
      },
    ),
    { numRuns: 50 },
  )
})

test('a car that is parked works again at the latest when it has settled after its clock was set', async () => {
  await fc.assert(
    fc.asyncProperty(step, async (byMs) => {
      const car = new Car()
      for (let i = 0; i < settleSeconds + 5; i += 1) await car.second()
      assert.equal(car.verdict, 'run')
      await car.second(byMs)
      let stopped = 0
      while (car.verdict !== 'run') {
        stopped += 1
        assert(stopped <= settleSeconds + 5, `it stands still for ${stopped} s`)
        await car.second()
      }
    }),
    { numRuns: 20 },
  )
})

test('a clock that is set forward does not settle a car that has just been parked', async () => {
  const car = new Car()
  for (let i = 0; i < 60; i += 1) await car.second()
  // By less than a reading is believed, so that nothing is unknown.
  for (let i = 0; i < 400; i += 1) await car.second(i % 2 === 0 ? 1_500 : 0)
  assert.equal(car.verdict, 'stop')
  for (let i = 0; i < settleSeconds; i += 1) await car.second()
  assert.equal(car.verdict, 'run')
})

test('a source whose times are those of a clock that was set is believed again with its next word', () => {
  const log = pino({ level: 'silent' })
  const latest = new Latest(new AbortController().signal)
  const intake = new Intake('bus', latest, log)
  assert(!intake.take([['Vehicle.Speed', 0, Date.now() + hourMs]]), 'read ahead of this clock')
  assert(intake.take([['Vehicle.Speed', 0, Date.now()]]))
})
