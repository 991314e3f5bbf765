/** Money as people write it, and as the ledger counts it. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { formatMoney, isAffordable, parseMoney, unitsOf } from '../../src/protocol/price.ts'

test('an amount is read exactly, to a millionth, or not at all', () => {
  assert.deepEqual(parseMoney('0.0002EUR'), { currency: 'EUR', micros: 200 })
  assert.deepEqual(parseMoney(' 5 EUR'), { currency: 'EUR', micros: 5_000_000 })
  assert.deepEqual(parseMoney('0.29USD'), { currency: 'USD', micros: 290_000 })
  assert.deepEqual(parseMoney('9007199254.740991CHF'), { currency: 'CHF', micros: Number.MAX_SAFE_INTEGER })
  for (const text of [
    '',
    '5',
    'EUR',
    '5eur',
    '-1EUR',
    '.5EUR',
    '1.EUR',
    '1,5EUR',
    '1e3EUR',
    '0.0000001EUR',
    '5EURO',
  ])
    assert.equal(parseMoney(text), undefined, text)
  assert.equal(parseMoney('9007199254.740992EUR'), undefined)
})

test('what is written is read again as the same amount', () => {
  fc.assert(
    fc.property(fc.maxSafeNat(), (micros) => {
      assert.deepEqual(parseMoney(formatMoney(micros, 'EUR')), { currency: 'EUR', micros })
    }),
  )
  assert.equal(formatMoney(-1_230_000, 'EUR'), '-1.23 EUR')
  assert.equal(formatMoney(200, 'EUR'), '0.0002 EUR')
  assert.equal(formatMoney(5_000_000, 'EUR'), '5.00 EUR')
})

test('a job may have the work of those whom it pays what they ask', () => {
  const payment = { currency: 'EUR', unit: 'page', unitMicrosMax: 300, budgetMicros: 1 } as const
  const asks = (unitMicros: number, currency = 'EUR') => ({ currency, unitMicros })
  assert(isAffordable(null, null) && isAffordable(null, payment))
  assert(isAffordable(asks(300), payment) && isAffordable(asks(0, 'USD'), null))
  assert(
    !isAffordable(asks(301), payment) &&
      !isAffordable(asks(1, 'USD'), payment) &&
      !isAffordable(asks(1), null),
  )
})

test('units are pages, or begun kibibytes', () => {
  assert.equal(unitsOf({ pages: 3, bytes: 5_000 }, 'page'), 3)
  assert.equal(unitsOf({ pages: 3, bytes: 5_000 }, 'kibibyte'), 5)
  assert.equal(unitsOf({ pages: 3, bytes: 0 }, 'kibibyte'), 1)
})
