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

let serial = 0

/** A signer's records are in the order in which they are made here. */
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
  serial += 1
  return { ...bodyOf('lease', peerNamed(signer), payload, { serial }), id: cidNamed(name) }
}

function allowanceOf(name: string, signer: string, payload: Partial<Allowance>): Verified<Allowance> {
  const whole = { writtenOff: [], given: [], ...payload }
  serial += 1
  return { ...bodyOf('allowance', peerNamed(signer), whole, { serial }), id: cidNamed(name) }
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

type MoneyRecord = Verified<Lease> | Verified<Allowance>

function isLease(record: MoneyRecord): record is Verified<Lease> {
  return record.kind === 'lease'
}

/** Each signer's records in the order of their serials, as far as its allowance reaches, tried again until nothing changes. */
function countedBy(records: readonly MoneyRecord[], budget: number): Set<string> {
  const inOrder = records.toSorted((x, y) => x.serial - y.serial)
  let counted = new Set<string>()
  for (;;) {
    const next = new Set<string>()
    const taken = new Map<string, ReadonlySet<number>>()
    for (const [signer, first] of [
      ...firstAllowances(paying(budget)),
      ...['taker'].map((n) => [peerNamed(n), 0] as const),
    ]) {
      const gifts = records.filter((one) => !isLease(one) && counted.has(one.id)) as Verified<Allowance>[]
      let left = gifts
        .flatMap(({ payload }) => payload.given)
        .filter(({ to }) => to === signer)
        .reduce((sum, { micros }) => sum + micros, first)
      for (const record of inOrder) {
        if (record.signer !== signer) continue
        if (isLease(record)) {
          const { units, price } = record.payload
          const worth = units.reduce((sum, count) => sum + count * price!.unitMicros, 0)
          if (worth > left) break
          left -= worth
          taken.set(record.id, new Set(units.keys()))
        } else {
          const given = record.payload.given.reduce((sum, { micros }) => sum + micros, 0)
          if (given > left) break
          left -= given
          for (const { lease: id, places } of record.payload.writtenOff) {
            const lease = records.find((one) => one.id === id)
            const open = taken.get(id)
            if (lease === undefined || !isLease(lease) || lease.signer !== signer || open === undefined)
              continue
            const { units, price } = lease.payload
            for (const place of open) if (!places.includes(place)) left += units[place]! * price!.unitMicros
            taken.set(id, new Set([...open].filter((place) => places.includes(place))))
          }
        }
        next.add(record.id)
      }
    }
    if (next.size === counted.size) return new Set([...next].filter((id) => taken.has(id)))
    counted = next
  }
}

/** Money that stewards promise, give and take back, whether they have it or not. */
const signed = fc
  .array(
    fc.record({
      by: fc.constantFrom(...names, 'taker'),
      units: fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 3 }),
      micros: fc.integer({ min: 0, max: 90 }),
      does: fc.constantFrom('lease' as const, 'lease' as const, 'give' as const, 'write off' as const),
      to: fc.constantFrom(...names, 'taker'),
      of: fc.nat({ max: 11 }),
      keeps: fc.subarray([0, 1, 2]),
    }),
    { minLength: 1, maxLength: 12 },
  )
  .map((parts) =>
    parts.map(({ by, units, micros, does, to, of, keeps }, i): MoneyRecord => {
      const name = `record ${i}`
      if (does === 'lease') return leaseOf(name, by, units, micros)
      if (does === 'give') return allowanceOf(name, by, { given: [{ to: peerNamed(to), micros }] })
      // Mostly a lease of its own, before or after it.
      const own = parts.flatMap((part, k) => (part.by === by && part.does === 'lease' ? [k] : []))
      const lease = cidNamed(`record ${own[of % Math.max(1, own.length)] ?? of}`)
      return allowanceOf(name, by, { writtenOff: [{ lease, places: keeps }] })
    }),
  )

test('what stewards sign counts as far as their allowances reach, in any order, and never beyond the budget', () => {
  let [over, within] = [0, 0]
  const budget = 900
  fc.assert(
    fc.property(signed, fc.array(fc.nat(), { minLength: 12, maxLength: 12 }), (records, dice) => {
      const allowances = new Allowances(paying(budget))
      const order = records.map((record, i) => ({ record, turn: dice[i]! })).sort((x, y) => x.turn - y.turn)
      for (const [i, { record }] of order.entries()) {
        if (isLease(record)) allowances.lease(record)
        else allowances.apply(record)
        // Asked in between or not, the outcome is the same.
        if (dice[i]! % 2 === 0) allowances.takeChanged()
      }
      const expected = countedBy(records, budget)
      const leases = records.filter(isLease)
      for (const { id } of leases) assert.equal(allowances.counts(id), expected.has(id), id)
      assert(allowances.promised >= 0 && allowances.promised <= budget)
      for (const name of [...names, 'taker']) assert(allowances.freeOf(peerNamed(name)) >= 0)
      over += Number(leases.length > expected.size)
      within += Number(leases.length === expected.size)
    }),
    { numRuns: 5_000 },
  )
  assert(over > 0 && within > 0)
})
