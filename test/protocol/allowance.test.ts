/** Allowances: what stewards may promise, in whatever order they hear of each other's records. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { type Allowance, firstAllowances } from '../../src/protocol/job/allowance.ts'
import type { Lease } from '../../src/protocol/job/lease.ts'
import type { Verified } from '../../src/protocol/record/record.ts'
import { Allowances } from '../../src/protocol/state/allowances.ts'
import { bodyOf, cidNamed, manifestWith, ownerNamed, peerNamed, placeOf } from '../support/core-fakes.ts'

const names = ['a', 'b', 'c']
const paying = (budgetMicros: number) =>
  manifestWith({
    stewards: names.map(placeOf),
    payment: { currency: 'EUR', unit: 'page', unitMicrosMax: 100, budgetMicros },
  })

function leaseOf(
  name: string,
  signer: string,
  units: readonly number[],
  unitMicros: number,
): Verified<Lease> {
  const payload: Lease = {
    vehicle: peerNamed('v'),
    owner: ownerNamed('o'),
    shards: units.map((_, i) => cidNamed(`s${i}`)),
    positions: units.map((_, i) => i),
    isa: null,
    costMs: 1,
    units,
    price: { currency: 'EUR', unitMicros, operatorPpm: 0 },
    draw: { basis: cidNamed('basis'), eligible: new Uint8Array([1]), index: 0 },
  }
  return { ...bodyOf('lease', peerNamed(signer), payload), id: cidNamed(name) }
}

function allowanceOf(name: string, signer: string, payload: Partial<Allowance>): Verified<Allowance> {
  const whole = { writtenOff: [], given: [], ...payload }
  return { ...bodyOf('allowance', peerNamed(signer), whole), id: cidNamed(name) }
}

test('the parts of stewards add up to the budget', () => {
  fc.assert(
    fc.property(fc.maxSafeNat(), (budget) => {
      const parts = [...firstAllowances(paying(budget)).values()]
      assert.equal(
        parts.reduce((sum, part) => sum + part, 0),
        budget,
      )
      assert(parts.every((part) => part >= 0 && part <= parts[0]!))
    }),
  )
})

test('a lease promises all its units; what no receipt covers comes back when its own steward writes it off', () => {
  const allowances = new Allowances(paying(3_000))
  const lease = leaseOf('l', 'a', [1, 2, 3], 100)
  allowances.lease(lease)
  allowances.lease(lease)
  assert.equal(allowances.freeOf(peerNamed('a')), 400)
  allowances.apply(allowanceOf('x', 'b', { writtenOff: [{ lease: lease.id, places: [] }] }))
  assert.equal(allowances.freeOf(peerNamed('a')), 400, 'another steward has no say')
  assert.equal(allowances.gain(lease.id, new Set([1])), 400)
  allowances.apply(allowanceOf('y', 'a', { writtenOff: [{ lease: lease.id, places: [1] }] }))
  assert.equal(allowances.freeOf(peerNamed('a')), 800)
  assert.deepEqual(
    [0, 1, 2].map((place) => allowances.isOpen(lease.id, place)),
    [false, true, false],
  )
  assert.equal(allowances.promised, 200)
})

test('the order in which records come makes no difference, and gifts make no money', () => {
  const records = [
    leaseOf('l1', 'a', [1, 1], 100),
    leaseOf('l2', 'b', [4], 50),
    leaseOf('l3', 'a', [2, 2], 10),
    allowanceOf('a1', 'a', { writtenOff: [{ lease: cidNamed('l1'), places: [0, 1] }] }),
    allowanceOf('a2', 'a', { writtenOff: [{ lease: cidNamed('l1'), places: [1] }] }),
    allowanceOf('a3', 'b', { given: [{ to: peerNamed('a'), micros: 77 }] }),
    allowanceOf('a4', 'a', { given: [{ to: peerNamed('taker'), micros: 5 }] }),
    allowanceOf('a5', 'c', { writtenOff: [{ lease: cidNamed('l2'), places: [] }] }),
  ]
  const budget = 3_000
  const everybody = [...names, 'taker'].map(peerNamed)
  const after = (order: readonly (typeof records)[number][]) => {
    const allowances = new Allowances(paying(budget))
    for (const record of order)
      if (record.kind === 'lease') allowances.lease(record as Verified<Lease>)
      else allowances.apply(record as Verified<Allowance>)
    const free = everybody.map((peer) => allowances.freeOf(peer))
    assert.equal(free.reduce((sum, micros) => sum + micros, 0) + allowances.promised, budget)
    return free
  }
  const expected = [1_000 - 100 - 40 + 77 - 5, 1_000 - 200 - 77, 1_000, 5]
  assert.deepEqual(after(records), expected)
  fc.assert(
    fc.property(fc.shuffledSubarray(records, { minLength: records.length }), (order) => {
      assert.deepEqual(after(order), expected)
    }),
  )
})
