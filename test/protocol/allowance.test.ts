/** Allowances: what stewards may promise, in whatever order they hear of each other's records. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { LeaseId } from '../../src/protocol/ids.ts'
import { type Allowance, firstAllowances } from '../../src/protocol/job/allowance.ts'
import type { Lease } from '../../src/protocol/job/lease.ts'
import type { Verdict } from '../../src/protocol/job/verdict.ts'
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

/** A verdict that names the receipt of one place of a lease as agreeing. */
interface Agrees {
  readonly verdict: Verified<Verdict>
  readonly lease: LeaseId
  readonly place: number
  readonly units: number
}

function verdictOf(name: string, signer: string): Verified<Verdict> {
  serial += 1
  // Which receipts it names is told to allowances apart (state/agreed-places.ts).
  return { ...bodyOf('verdict', peerNamed(signer), { shards: [] }, { serial }), id: cidNamed(name) }
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
  assert.equal(allowances.gain(lease.id, new Map([[1, 2]])), 400)
  allowances.apply(allowanceOf('y', 'a', { writtenOff: [{ lease: lease.id, places: [1] }] }))
  assert.equal(allowances.freeOf(peerNamed('a')), 800)
  assert.deepEqual(
    [0, 1, 2].map((place) => allowances.isOpen(lease.id, place, place + 1)),
    [false, true, false],
  )
  assert.equal(allowances.promised, 200)
})

test('what results took less than a lease promised comes back, and a claim of more is not owed from then on', () => {
  const allowances = new Allowances(paying(3_600))
  const lease = leaseOf('l', 'a', [4, 4, 4], 100)
  allowances.lease(lease)
  assert.equal(
    allowances.gain(
      lease.id,
      new Map([
        [0, 1],
        [2, 4],
      ]),
    ),
    700,
  )
  allowances.apply(
    allowanceOf('w', 'a', { writtenOff: [{ lease: lease.id, places: [0, 2], units: [1, 4] }] }),
  )
  assert.deepEqual([allowances.promised, allowances.freeOf(peerNamed('a'))], [500, 700])
  const isOpen = (place: number, units: number) => allowances.isOpen(lease.id, place, units)
  assert.deepEqual([isOpen(0, 1), isOpen(0, 2), isOpen(1, 1), isOpen(2, 4)], [true, false, false, true])
  // Its signer counts more all the same: that is promised anew, and no write-off takes it back.
  const verdict = verdictOf('v', 'a')
  allowances.agree(lease.id, 0, 3, verdict)
  assert.deepEqual([allowances.promised, isOpen(0, 3), isOpen(0, 4)], [700, true, false])
  allowances.apply(allowanceOf('again', 'a', { writtenOff: [{ lease: lease.id, places: [] }] }))
  assert.deepEqual([allowances.promised, isOpen(0, 3), isOpen(2, 1)], [300, true, false])
})

test('what a steward counts of its own lease it owes: no write-off takes it back, and after one it is promised anew', () => {
  const lease = leaseOf('l', 'a', [1, 2, 3], 100)
  const before = verdictOf('before', 'a')
  const writeOff = allowanceOf('w', 'a', { writtenOff: [{ lease: lease.id, places: [] }] })
  const after = verdictOf('after', 'a')
  const steps = [
    (allowances: Allowances) => allowances.lease(lease),
    (allowances: Allowances) => allowances.apply(writeOff),
    (allowances: Allowances) => allowances.agree(lease.id, 0, 1, before),
    (allowances: Allowances) => allowances.agree(lease.id, 1, 2, after),
  ]
  fc.assert(
    fc.property(fc.shuffledSubarray(steps, { minLength: steps.length }), fc.boolean(), (order, asks) => {
      const allowances = new Allowances(paying(3_000))
      for (const step of order) {
        step(allowances)
        if (asks) allowances.takeMoved()
      }
      assert.deepEqual(
        [0, 1, 2].map((place) => allowances.isOpen(lease.id, place, place + 1)),
        [true, true, false],
      )
      assert.deepEqual([allowances.freeOf(peerNamed('a')), allowances.promised], [700, 300])
      assert.equal(allowances.gain(lease.id, new Map()), 0, 'it offers no such place')
    }),
  )
})

test('a verdict promises nothing anew that its signer’s allowance does not reach for, so that no gift is undone by it', () => {
  const lease = leaseOf('l', 'a', [5], 100)
  const writeOff = allowanceOf('w', 'a', { writtenOff: [{ lease: lease.id, places: [] }] })
  const gift = allowanceOf('g', 'a', { given: [{ to: peerNamed('b'), micros: 600 }] })
  const allowances = new Allowances(paying(3_000))
  allowances.lease(lease)
  allowances.apply(writeOff)
  allowances.apply(gift)
  assert.equal(allowances.freeOf(peerNamed('b')), 1_600)
  allowances.agree(lease.id, 0, 5, verdictOf('v', 'a'))
  assert.equal(allowances.freeOf(peerNamed('b')), 1_600)
  assert.equal(allowances.isOpen(lease.id, 0, 5), false)
})

test('leases of which other places are open are told once, but for those that a record names which just came', () => {
  const lease = leaseOf('l', 'a', [1, 2], 100)
  const [verdict, later] = [verdictOf('v', 'a'), verdictOf('later', 'a')]
  const allowances = new Allowances(paying(3_000))
  allowances.lease(lease)
  allowances.apply(allowanceOf('w', 'a', { writtenOff: [{ lease: lease.id, places: [] }] }))
  assert.deepEqual([...allowances.takeMoved()], [])
  allowances.agree(lease.id, 0, 1, verdict)
  assert.deepEqual([...allowances.takeMoved()], [lease.id])
  allowances.agree(lease.id, 0, 1, later)
  assert.deepEqual([...allowances.takeMoved()], [])
})

test('a steward passes on what it had at first and got from the submitter’s node, since others may take back what they gave', () => {
  const allowances = new Allowances(paying(300))
  const hidden = allowanceOf('hidden', 'c', { given: [{ to: peerNamed('accomplice'), micros: 100 }] })
  allowances.apply(allowanceOf('own', 'a', { given: [{ to: peerNamed('b'), micros: 40 }] }))
  allowances.apply(allowanceOf('lie', 'c', { given: [{ to: peerNamed('b'), micros: 100 }] }))
  assert.deepEqual([allowances.freeOf(peerNamed('b')), allowances.assuredOf(peerNamed('b'))], [240, 140])
  const passedOn = allowanceOf('on', 'b', { given: [{ to: peerNamed('a'), micros: 140 }] })
  allowances.apply(passedOn)
  allowances.apply(hidden)
  assert.deepEqual([allowances.freeOf(peerNamed('b')), allowances.assuredOf(peerNamed('b'))], [0, 0])
  assert.equal(allowances.freeOf(peerNamed('a')), 200, 'what was passed on stays')
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

type MoneyRecord = Verified<Lease> | Verified<Allowance> | Verified<Verdict>

function isLease(record: MoneyRecord): record is Verified<Lease> {
  return record.kind === 'lease'
}

function isAllowance(record: MoneyRecord): record is Verified<Allowance> {
  return record.kind === 'allowance'
}

/** Each signer's records in the order of their serials, as far as its allowance reaches, tried again until nothing changes. */
function countedBy(
  records: readonly MoneyRecord[],
  agreed: readonly Agrees[],
  budget: number,
): Map<string, ReadonlyMap<number, number>> {
  const unitMicrosOf = (id: LeaseId) =>
    records.filter(isLease).find((lease) => lease.id === id)!.payload.price!.unitMicros
  const inOrder = records.toSorted((x, y) => x.serial - y.serial)
  let counted = new Set<string>()
  for (;;) {
    const next = new Set<string>()
    const taken = new Map<string, Map<number, number>>()
    const named = new Map<string, number>()
    for (const [signer, first] of [
      ...firstAllowances(paying(budget)),
      ...['taker'].map((n) => [peerNamed(n), 0] as const),
    ]) {
      const gifts = records.filter(isAllowance).filter(({ id }) => counted.has(id))
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
          taken.set(record.id, new Map(units.entries()))
        } else if (!isAllowance(record)) {
          const own = agreed.filter(
            ({ verdict, lease, place }) => verdict.id === record.id && !named.has(`${lease}/${place}`),
          )
          const lacking = own.flatMap(({ lease, place, units }) => {
            const has = taken.get(lease)?.get(place) ?? 0
            return taken.has(lease) && units > has ? [{ lease, place, units, more: units - has }] : []
          })
          const worth = lacking.reduce((sum, { lease, more }) => sum + more * unitMicrosOf(lease), 0)
          if (worth > left) break
          left -= worth
          for (const { lease, place, units } of lacking) taken.get(lease)!.set(place, units)
          for (const { lease, place, units } of own) named.set(`${lease}/${place}`, units)
        } else {
          const given = record.payload.given.reduce((sum, { micros }) => sum + micros, 0)
          if (given > left) break
          left -= given
          for (const { lease: id, places, units } of record.payload.writtenOff) {
            const lease = records.find((one) => one.id === id)
            const open = taken.get(id)
            if (lease === undefined || !isLease(lease) || lease.signer !== signer || open === undefined)
              continue
            for (const [place, has] of [...open]) {
              const said = places.includes(place) ? (units?.[places.indexOf(place)] ?? has) : 0
              const stays = Math.min(has, Math.max(said, named.get(`${id}/${place}`) ?? 0))
              left += (has - stays) * unitMicrosOf(id)
              if (stays > 0) open.set(place, stays)
              else open.delete(place)
            }
          }
        }
        next.add(record.id)
      }
    }
    if (next.size === counted.size) return taken
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
      does: fc.constantFrom('lease', 'lease', 'give', 'write off', 'agree'),
      to: fc.constantFrom(...names, 'taker'),
      of: fc.nat({ max: 11 }),
      keeps: fc.subarray([0, 1, 2]),
      counts: fc.integer({ min: 1, max: 4 }),
      isPartial: fc.boolean(),
    }),
    { minLength: 1, maxLength: 12 },
  )
  .map((parts) =>
    parts.map(({ by, units, micros, does, to, of, keeps, counts, isPartial }, i): Signed => {
      const name = `record ${i}`
      if (does === 'lease') return { record: leaseOf(name, by, units, micros), agreed: [] }
      if (does === 'give')
        return { record: allowanceOf(name, by, { given: [{ to: peerNamed(to), micros }] }), agreed: [] }
      // Mostly a lease of its own, before or after it.
      const own = parts.flatMap((part, k) => (part.by === by && part.does === 'lease' ? [k] : []))
      const index = own[of % Math.max(1, own.length)]
      const lease = cidNamed(`record ${index ?? of}`)
      if (does === 'write off') {
        const left = isPartial ? { units: keeps.map(() => counts) } : {}
        const writtenOff = [{ lease, places: keeps, ...left }]
        return { record: allowanceOf(name, by, { writtenOff }), agreed: [] }
      }
      const verdict = verdictOf(name, by)
      const leased = index === undefined ? [] : parts[index]!.units
      const agreed = keeps
        .filter((place) => place < leased.length)
        .map((place) => ({ verdict, lease, place, units: Math.min(counts, leased[place]!) }))
      return { record: verdict, agreed }
    }),
  )

interface Signed {
  readonly record: MoneyRecord
  readonly agreed: readonly Agrees[]
}

test('what stewards sign counts as far as their allowances reach, in any order, and never beyond the budget', () => {
  let [over, within, held, partly] = [0, 0, 0, 0]
  const budget = 900
  fc.assert(
    fc.property(signed, fc.array(fc.nat(), { minLength: 12, maxLength: 12 }), (parts, dice) => {
      const records = parts.map(({ record }) => record)
      const agreed = parts.flatMap((part) => part.agreed)
      const allowances = new Allowances(paying(budget))
      const order = parts.map((part, i) => ({ part, turn: dice[i]! })).sort((x, y) => x.turn - y.turn)
      for (const [i, { part }] of order.entries()) {
        if (isLease(part.record)) allowances.lease(part.record)
        else if (isAllowance(part.record)) allowances.apply(part.record)
        else
          for (const { lease, place, units, verdict } of part.agreed)
            allowances.agree(lease, place, units, verdict)
        // Asked in between or not, the outcome is the same.
        if (dice[i]! % 2 === 0) allowances.takeChanged()
      }
      const expected = countedBy(records, agreed, budget)
      const leases = records.filter(isLease)
      for (const { id, payload } of leases) {
        const open = expected.get(id)
        assert.equal(allowances.counts(id), open !== undefined, id)
        for (const place of open === undefined ? [] : payload.units.keys())
          for (const units of [1, 2, 3, 4].filter((count) => count <= payload.units[place]!)) {
            const isOwed = units <= (open!.get(place) ?? 0)
            assert.equal(allowances.isOpen(id, place, units), isOwed, `${units} of ${id}/${place}`)
            partly += Number(!isOwed && open!.has(place))
          }
      }
      held += agreed.filter(({ lease, place }) => expected.get(lease)?.has(place)).length
      assert(allowances.promised >= 0 && allowances.promised <= budget)
      for (const name of [...names, 'taker']) assert(allowances.freeOf(peerNamed(name)) >= 0)
      over += Number(leases.length > expected.size)
      within += Number(leases.length === expected.size)
    }),
    { numRuns: 5_000 },
  )
  assert(over > 0 && within > 0 && held > 0 && partly > 0)
})
