/** The two halves of the clock, and steps of the first against the second. */
import assert from 'node:assert/strict'
import test from 'node:test'
import { at, type Clock, ClockSteps, guardedAt } from '../../src/host/clock.ts'
import { SteppedClock } from '../support/stepped-clock.ts'

const hourMs = 3_600_000

class TwoClocks implements Clock {
  wallMs = 10 * hourMs
  passedMs = 0
  readonly waits: number[] = []

  now(): number {
    return this.wallMs
  }

  monotonicMs(): number {
    return this.passedMs
  }

  after(delayMs: number): () => void {
    this.waits.push(delayMs)
    return () => {}
  }

  pass(ms: number, wallMs = ms): void {
    this.passedMs += ms
    this.wallMs += wallMs
  }
}

test('a step of the clock is noticed once, in either direction, and the passing of time is none', () => {
  const clock = new TwoClocks()
  const steps = new ClockSteps(clock)
  for (const byMs of [-hourMs, hourMs, 8 * hourMs, -100, 100, -3_000]) {
    clock.pass(5_000)
    assert.equal(steps.take(), 0)
    clock.pass(250, 250 + byMs)
    assert.equal(steps.take(), byMs)
    assert.equal(steps.take(), 0)
  }
})

test('a clock that a time server slows down is followed, a tenth of a second at a time', () => {
  const clock = new TwoClocks()
  const steps = new ClockSteps(clock)
  let sumMs = 0
  for (let i = 0; i < 10_000; i += 1) {
    clock.pass(1_000, 999.5)
    const byMs = steps.take()
    assert(byMs === 0 || byMs === -100, `${byMs} ms`)
    sumMs += byMs
  }
  assert.equal(sumMs, -5_000)
})

test('a wait until a time of day is as long as it is until then', () => {
  const clock = new TwoClocks()
  at(clock, clock.wallMs + 700, () => {})
  assert.deepEqual(clock.waits, [700])
})

test('what a timer wakes may throw: it is logged, and woken again', () => {
  const clock = new SteppedClock(hourMs)
  const errors: unknown[] = []
  let woken = 0
  const callOff = guardedAt(
    clock,
    hourMs + 10,
    () => {
      woken += 1
      if (woken < 3) throw new Error('broken promise')
    },
    { error: (facts: unknown) => errors.push(facts) } as never,
  )
  clock.pass(60_000)
  assert.deepEqual([woken, errors.length], [3, 2])
  callOff()
  const never = guardedAt(clock, clock.now() + 10, () => assert.fail('it was called off'), {
    error() {},
  } as never)
  never()
  clock.pass(60_000)
})

test('what a timer wakes, and called it off before it threw, is not woken twice', () => {
  const clock = new SteppedClock(hourMs)
  let woken = 0
  const callOff = guardedAt(
    clock,
    hourMs + 10,
    () => {
      woken += 1
      callOff()
      throw new Error('broken promise')
    },
    { error() {} } as never,
  )
  clock.pass(60_000)
  assert.equal(woken, 1)
})
