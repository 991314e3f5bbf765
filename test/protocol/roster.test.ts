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
  const roster = new Roster()
  const honest = Array.from({ length: 100 }, (_, i) => advert(`h${i}`, `owner${i % 50}`, 0, 1_000 + i))
  for (const one of honest) roster.admit(one, 0)
  for (let i = 0; i < 5_000; i += 1) {
    roster.admit(advert(`f${i}`, 'flood', i, 100_000), 0)
    assert(roster.list(0).length <= rosterEntriesMax)
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
