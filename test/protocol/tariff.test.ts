import assert from 'node:assert/strict'
import { test } from 'node:test'
import { pricesAhead, tariffOf } from '../../src/protocol/energy/tariff.ts'

const hourMs = 3_600_000
/** A Monday, 00:00 UTC. */
const monday = Date.UTC(2026, 5, 1)

test('a tariff of hours has the price of the first that fit, in its own zone, through the week', () => {
  const tariff = tariffOf({
    currency: 'EUR',
    timeZone: 'Europe/Berlin',
    price: 0.32,
    hours: [
      { hours: 'sat,sun 00:00-24:00', price: 0.2 },
      { hours: '22:00-06:00', price: 0.21 },
    ],
  })
  const at = (hours: number) => tariff.priceAt(monday + hours * hourMs)
  // Berlin is two hours ahead.
  assert.deepEqual([at(3.9), at(4), at(20), at(5 * 24)], [210_000, 320_000, 210_000, 200_000])
  const ahead = pricesAhead(tariff, monday + 5 * hourMs, monday + 29 * hourMs, 10)
  assert.deepEqual(
    ahead.map(({ fromMs, kwhMicros }) => [(fromMs - monday) / hourMs, kwhMicros]),
    [
      [5, 320_000],
      [20, 210_000],
      [28, 320_000],
    ],
  )
})

test('a list of prices says nothing before its first hour and after its last, and may be negative', () => {
  const tariff = tariffOf({
    currency: 'EUR',
    prices: [
      { from: '2026-06-01T01:00:00Z', price: -0.02 },
      { from: '2026-06-01T00:00:00+00:00', price: 0.1 },
    ],
  })
  const prices = [-0.1, 0, 0.9, 1, 1.9, 2].map((hours) => tariff.priceAt(monday + hours * hourMs))
  assert.deepEqual(prices, [null, 100_000, 100_000, -20_000, -20_000, null])
  assert.equal(tariff.nextChange(monday + hourMs), monday + 2 * hourMs)
  assert.equal(pricesAhead(tariff, monday, monday + 9 * hourMs, 10).length, 2)
})

test('what is no tariff is refused with the field that is wrong', () => {
  for (const [json, why] of [
    [null, /the tariff is not understood/],
    [{ currency: 'EUR', timeZone: 'Mars/Olympus', price: 1 }, /timeZone/],
    [{ currency: 'EUR', timeZone: 'UTC', price: 32_000 }, /price/],
    [{ currency: 'EUR', timeZone: 'UTC', price: 1, hours: [{ hours: '22-6', price: 1 }] }, /hours\.0\.hours/],
    [{ currency: 'euro', prices: [{ from: '2026-06-01T00:00:00Z', price: 1 }] }, /currency/],
    [{ currency: 'EUR', prices: [] }, /prices/],
  ] as const)
    assert.throws(() => tariffOf(json), why)
})
