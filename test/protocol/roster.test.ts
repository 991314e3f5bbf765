/** The roster: bounded, hard to flood, deaf to replays. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { rosterEntriesMax } from '../../src/protocol/limits.ts'
import type { Capacity } from '../../src/protocol/membership/advert.ts'
import { Roster } from '../../src/protocol/membership/roster.ts'
import { capacityOf } from '../support/core-steward-stage.ts'

function advert(peer: string, owner: string, serial: number, expiresMs: number): Capacity {
  return { ...capacityOf(`${peer}:${owner}`), serial, expiresMs }
}

test('a flood by one owner displaces nobody of an owner with fewer entries', () => {
  const roster = new Roster(512)
  const honest = Array.from({ length: 100 }, (_, i) => advert(`h${i}`, `owner${i % 50}`, 0, 1_000 + i))
  for (const one of honest) roster.admit(one, 0)
  for (let i = 0; i < 5_000; i += 1) {
    roster.admit(advert(`f${i}`, 'flood', i, 100_000), 0)
    assert(roster.size <= 512)
  }
  for (const one of honest) assert.equal(roster.get(one.peer), one)
  // And a newcomer still finds room: it is the flood that makes way.
  assert.equal(roster.admit(advert('late', 'newcomer', 0, 100_000), 0), 'new')
  for (const one of honest) assert.equal(roster.get(one.peer), one)
})

test('a full roster of single vehicles takes no more, and renews those it has', () => {
  const roster = new Roster()
  for (let i = 0; i < rosterEntriesMax; i += 1)
    assert.equal(roster.admit(advert(`v${i}`, `o${i}`, 0, 1_000), 0), 'new')
  assert.equal(roster.admit(advert('x', 'x', 0, 1_000), 0), 'full')
  assert.equal(roster.admit(advert('v1', 'o1', 1, 2_000), 0), 'renewed')
  // What has lapsed makes room.
  assert.equal(roster.admit(advert('x', 'x', 0, 3_000), 1_000), 'new')
})

test('an advert that was superseded, or has lapsed, changes nothing', () => {
  const roster = new Roster()
  assert.equal(roster.admit(advert('v', 'o', 5, 1_000), 0), 'new')
  assert.equal(roster.admit(advert('v', 'o', 5, 9_000), 0), 'stale')
  assert.equal(roster.admit(advert('v', 'o', 4, 9_000), 0), 'stale')
  assert.equal(roster.admit(advert('w', 'o', 0, 10), 10), 'untimely')
  assert.deepEqual(roster.expire(999), [])
  assert.equal(roster.expire(1_000).length, 1)
  assert.deepEqual(roster.list(1_000), [])
})

/** The dumb reference, where there is room for everybody: newest serial of each peer, unless it has lapsed. */
test('what is listed is the newest advert of each peer that has not lapsed', () => {
  const step = fc.record({
    peer: fc.nat(5),
    owner: fc.nat(2),
    serial: fc.nat(5),
    ttlMs: fc.integer({ min: -5, max: 50 }),
    passMs: fc.nat(10),
  })
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const roster = new Roster()
      let known: Capacity[] = []
      let nowMs = 100
      for (const { peer, owner, serial, ttlMs, passMs } of steps) {
        nowMs += passMs
        roster.expire(nowMs)
        known = known.filter((one) => one.expiresMs > nowMs)
        const one = advert(`v${peer}`, `o${owner}`, serial, nowMs + ttlMs)
        roster.admit(one, nowMs)
        const before = known.find((other) => other.peer === one.peer)
        if (one.expiresMs > nowMs && (before === undefined || before.serial < serial))
          known = [...known.filter((other) => other !== before), one]
        assert.deepEqual(
          roster.list(nowMs),
          known.toSorted((a, b) => (a.peer < b.peer ? -1 : 1)),
        )
      }
    }),
  )
})

test('an advert is looked at alone, in a full roster and while one owner floods it', () => {
  const roster = new Roster(2_000)
  for (let i = 0; i < 2_000; i += 1) roster.admit(advert(`v${i}`, `o${i % 700}`, 0, 10_000 + i), 0)
  const before = roster.steps
  for (let i = 0; i < 500; i += 1) {
    roster.admit(advert(`v${i}`, `o${i % 700}`, 1, 20_000 + i), 0)
    roster.admit(advert(`f${i}`, 'flood', 0, 30_000), 0)
  }
  assert(roster.size <= 2_000)
  assert(roster.steps - before <= 2 * 1_000, `${roster.steps - before} steps for 1,000 adverts`)
})

test('an advert that says nothing new but until when it holds is a renewal, and no change', () => {
  const roster = new Roster()
  const credential = () => ({ body: new Uint8Array([1, 2]), signature: new Uint8Array([3]) })
  const one = (serial: number, more: Partial<Capacity> = {}) =>
    roster.admit({ ...advert('v', 'o', serial, 1_000 + serial), credential: credential(), ...more }, 0)
  assert.equal(one(0), 'new')
  assert.equal(one(1), 'renewed')
  assert.equal(one(2, { slots: { total: 1, free: 0 } }), 'changed')
  assert.equal(one(3, { slots: { total: 1, free: 0 } }), 'renewed')
  assert.equal(one(4, { slots: { total: 1, free: 0 }, reach: 'direct' }), 'changed')
  assert.equal(one(5, { slots: { total: 1, free: 0 }, reach: 'direct', credential: null }), 'changed')
})

/** The dumb reference: the owners with the most entries, by counting all of them. */
test('a newcomer to a full roster takes the place of an owner that has the most', () => {
  const step = fc.record({ peer: fc.nat(40), owner: fc.nat(6), passMs: fc.nat(3) })
  fc.assert(
    fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
      const roster = new Roster(12)
      let nowMs = 100
      for (const [serial, { peer, owner, passMs }] of steps.entries()) {
        nowMs += passMs
        const before = roster.list(nowMs)
        const counts = new Map<string, number>()
        for (const one of before) counts.set(one.owner, (counts.get(one.owner) ?? 0) + 1)
        const most = Math.max(0, ...counts.values())
        const one = advert(`v${peer}`, `o${owner}`, serial, nowMs + 40)
        const isNew = before.every((other) => other.peer !== one.peer)
        const admission = roster.admit(one, nowMs)
        const after = new Set(roster.list(nowMs).map((other) => other.peer))
        const gone = before.filter((other) => !after.has(other.peer))
        const isFull = isNew && before.length === 12
        const hasMost = most === 1 || counts.get(one.owner) === most
        assert.equal(admission === 'full', isFull && hasMost)
        assert.equal(gone.length, isFull && !hasMost ? 1 : 0)
        for (const { owner } of gone) assert.equal(counts.get(owner), most)
      }
    }),
  )
})
