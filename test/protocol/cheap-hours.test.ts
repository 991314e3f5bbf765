import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { cheapHours, type PricedVehicle } from '../../src/protocol/energy/cheap-hours.ts'
import { askAt, askNow, hourlyAsks, type UnitEnergy } from '../../src/protocol/energy/own-ask.ts'
import { costOfJoules, flatTariff, tariffOf } from '../../src/protocol/energy/tariff.ts'

const hourMs = 3_600_000
const hour = 490_000
const nowMs = hour * hourMs
const deadlineIn = (hours: number) => nowMs + (hours + 0.5) * hourMs

test('work waits while cheaper hours before its deadline have room for twice of it, and no longer', () => {
  const asks = [9, 8, 3, 4, 9, 9]
  const vehicles = [vehicle(asks), vehicle(asks), vehicle(asks)]
  // Three slots and twice the work: three hours of it take two hours.
  const waits = (needHours: number, deadlineHours: number) =>
    !cheapHours(vehicles, needHours * hourMs, nowMs, deadlineIn(deadlineHours)).isTime
  assert.deepEqual([waits(3, 6), waits(4.5, 6), waits(4.6, 6)], [true, true, false])
  assert.deepEqual([waits(3, 3), waits(3, 2), waits(3, 1)], [true, false, false])
  assert.deepEqual(cheapHours(vehicles, 3 * hourMs, nowMs, deadlineIn(6)), {
    isTime: false,
    nowMicros: 9,
    thenMicros: 3.5,
  })
})

test('an hour in which vehicles have left has no room, and one without a forecast asks what it asks now', () => {
  const asks = [9, 1, 1, 1, 1, 1]
  const leaving = { ...vehicle(asks), availableUntilMs: nowMs + hourMs }
  const wait = (...vehicles: PricedVehicle[]) => cheapHours(vehicles, hourMs, nowMs, deadlineIn(6)).isTime
  assert.deepEqual([wait(vehicle(asks)), wait(leaving)], [false, true])
  assert.equal(wait({ ...vehicle(asks), ahead: undefined }), true)
  assert.equal(wait(), true, 'nobody is there')
})

test('few that ask for little do not make others wait, and the cheapest are not preferred', () => {
  const cheap = vehicle([1, 1, 1, 1])
  const others = Array.from({ length: 5 }, () => vehicle([5, 5, 5, 5]))
  assert.equal(cheapHours([cheap, ...others], hourMs, nowMs, deadlineIn(4)).nowMicros, 5)
})

test('a few vehicles that say they have a thousand slots do not have work wait for an hour that has no room for it', () => {
  const asks = [9, 9, 9, 1]
  const honest = Array.from({ length: 5 }, () => vehicle(asks))
  const liars = Array.from({ length: 4 }, () => ({ ...vehicle(asks), slots: 1_024 }))
  const isTime = (...vehicles: PricedVehicle[]) =>
    cheapHours(vehicles, 5 * hourMs, nowMs, deadlineIn(4)).isTime
  assert.deepEqual(
    [isTime(...honest), isTime(...honest, ...liars), isTime(honest[0]!, liars[0]!)],
    [true, true, true],
  )
})

test('whatever vehicles ask, work that waits at each hour at which it may is done by its deadline', () => {
  fc.assert(
    fc.property(
      fc.array(fc.array(fc.integer({ min: 1, max: 99 }), { minLength: 24, maxLength: 24 }), {
        minLength: 1,
        maxLength: 4,
      }),
      fc.integer({ min: 1, max: 20 }),
      fc.integer({ min: 2, max: 23 }),
      (asks, need, deadline) => {
        let left = need
        const isPossible = need * 2 <= asks.length * deadline
        for (let h = 0; h < deadline && left > 0; h += 1) {
          const atMs = nowMs + h * hourMs
          const vehicles = asks.map((each) => ({ ...vehicle(each), unitMicros: each[h]! }))
          if (cheapHours(vehicles, left * hourMs, atMs, deadlineIn(deadline)).isTime) left -= asks.length
        }
        assert.ok(!isPossible || left <= 0, `${left} left`)
      },
    ),
  )
})

const energy: UnitEnergy = { joules: 3_600, per: 1, margin: 0.2, operatorPpm: 0 }

test('an ask covers the energy of its units with the margin, and what the operator keeps, rounded up to two digits', () => {
  assert.equal(askAt(300_000, energy), 360)
  assert.equal(askAt(301_000, energy), 370)
  assert.equal(askAt(300_000, { ...energy, per: 1_000 }), 360_000)
  assert.equal(askAt(300_000, { ...energy, operatorPpm: 250_000 }), 480)
  assert.deepEqual([askAt(0, energy), askAt(-50_000, energy)], [1, 1])
  fc.assert(
    fc.property(
      fc.double({ min: 0.001, max: 1e6, noNaN: true }),
      fc.integer({ min: 0, max: 1_000_000 }),
      fc.double({ min: 0, max: 3, noNaN: true }),
      (joules, kwhMicros, margin) => {
        const ask = askAt(kwhMicros, { ...energy, joules, margin })
        const cost = costOfJoules(joules, kwhMicros) * (1 + margin)
        assert.ok(ask >= cost * (1 - 1e-9) && ask <= Math.max(cost * 1.11, cost + 1), `${ask} for ${cost}`)
      },
    ),
  )
})

test('an ask is that of the dearest time until a lease that is taken now is done; unknown prices give none', () => {
  const prices = [0.1, 0.4, 0.2].map((price, i) => ({
    from: new Date(nowMs + i * hourMs).toISOString(),
    price,
  }))
  const tariff = tariffOf({ currency: 'EUR', prices })
  const at = (minutes: number) => askNow(tariff, energy, nowMs + minutes * 60_000)
  assert.deepEqual([at(0), at(29), at(31), at(100), at(149), at(151)], [120, 120, 480, 480, 240, null])
  assert.deepEqual(hourlyAsks(tariff, energy, nowMs), { hour, unitMicros: [120, 480, 240] })
  assert.equal(hourlyAsks(flatTariff('EUR', 300_000), energy, nowMs)!.unitMicros.length, 24)
})

function vehicle(asks: readonly number[]): PricedVehicle {
  return { slots: 1, unitMicros: asks[0]!, ahead: { hour, unitMicros: asks }, availableUntilMs: null }
}
