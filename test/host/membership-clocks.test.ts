/** Clocks that are off: who is told of whose, and that it costs nobody anything. */
import assert from 'node:assert/strict'
import test from 'node:test'
import { ClockOffsets, differenceOfClocks, spanOf } from '../../src/host/membership/clock-offsets.ts'
import { decodeGreeting, encodeGreeting, vouchFor } from '../../src/host/membership/greeting.ts'
import { Notices } from '../../src/host/notices.ts'
import { SigningKey } from '../../src/host/store/keys.ts'
import { ProtocolError } from '../../src/protocol/errors.ts'
import type { OwnerId } from '../../src/protocol/ids.ts'
import { logInbox } from '../support/network.ts'

const hourMs = 3_600_000
const minuteMs = 60_000

/** A node that hears how far the clocks of others are ahead, each of an owner of its own. */
function listener() {
  const { log, lines } = logInbox()
  const notices = new Notices(log)
  let [wallMs, passedMs] = [1_000 * hourMs, 0]
  const offsets = new ClockOffsets({ now: () => wallMs, monotonicMs: () => passedMs }, notices)
  let serial = 0
  return {
    lines,
    texts: () => notices.list().map(({ text }) => text),
    hear: (...aheadMs: readonly number[]) => {
      for (const [i, ms] of aheadMs.entries())
        offsets.heard({ peer: peers[i]!, owner: `owner ${i}` as OwnerId, serial: ++serial }, ms)
    },
    pass: (ms: number) => {
      wallMs += ms
      passedMs += ms
    },
    set: (ms: number) => {
      wallMs += ms
    },
  }
}
const peers = Array.from({ length: 5 }, () => SigningKey.generate().peerId)

test('a node whose clock is off is told so once, by how much, and no neighbour is blamed', () => {
  const { hear, texts, lines, pass } = listener()
  for (let i = 0; i < 10; i++) {
    hear(3 * hourMs, 3 * hourMs + 900, 3 * hourMs - 2_000)
    pass(minuteMs)
  }
  assert.equal(texts().length, 1)
  assert.match(texts()[0]!, /^this node's clock is 3 h behind those of its neighbours: set it/)
  // The first hears of one neighbour alone, where nobody can say which of the two is off.
  const told = lines.items.filter(({ msg }) => msg.startsWith("this node's clock"))
  assert.equal(told.length, 1)
})

test('a neighbour whose clock is off is named, with by how much, until it is right', () => {
  const { hear, texts, lines } = listener()
  hear(0, 200, -100)
  assert.deepEqual(texts(), [])
  hear(0, -26 * hourMs)
  assert.equal(texts().length, 1)
  assert.match(
    texts()[0]!,
    new RegExp(`^the clock of ${peers[1]} is 1 day 2 h behind this node's: its owner has to set it`),
  )
  hear(0, -26 * hourMs - 3_000)
  assert.equal(lines.items.length, 1, 'told once')
  hear(0, -500)
  assert.deepEqual(texts(), [])
})

test('of two nodes nobody can say whose clock is off, and both are told', () => {
  const { hear, texts } = listener()
  hear(10 * minuteMs)
  assert.match(texts()[0]!, /is 10 min ahead of this node's: one of the two has to be set/)
})

test('clocks that differ by less than a minute are near enough', () => {
  const { hear, texts } = listener()
  hear(minuteMs - 1, 1 - minuteMs, 0)
  assert.deepEqual(texts(), [])
})

test('a clock that was set is compared anew, and an advert that comes twice counts once', () => {
  const { hear, texts, set } = listener()
  hear(hourMs, hourMs, hourMs)
  assert.equal(texts().length, 1)
  set(hourMs)
  hear(0)
  assert.deepEqual(texts(), [])
})

test('a greeting that is refused says by how much the clocks differ, and one without a time is read', () => {
  const greeting = { credential: null, vehicle: 'car', certificate: null, charter: 1 }
  const { atMs } = decodeGreeting(encodeGreeting(greeting))
  assert(typeof atMs === 'number')
  const vouch = () => {
    throw new ProtocolError({ code: 'not-admitted', why: 'its credential is over' })
  }
  const refuse = (said: object) => () => vouchFor({ vouch }, peers[0]!, { ...greeting, ...said }, null)
  assert.throws(refuse({ atMs: atMs - 5 * hourMs }), /its credential is over; the clock of/)
  assert.throws(refuse({}), /why its credential is over$/)
  assert.equal(differenceOfClocks(atMs, atMs), '')
  assert.match(differenceOfClocks(0, 90 * minuteMs), /is 1 h 30 min behind the other's/)
})

test('lengths of time are said in their two largest units', () => {
  const spans = [0, 59_000, minuteMs, 61_000, hourMs, 25 * hourMs, 48 * hourMs, 24 * hourMs + 1]
  assert.deepEqual(spans.map(spanOf), [
    '0 s',
    '59 s',
    '1 min',
    '1 min 1 s',
    '1 h',
    '1 day 1 h',
    '2 days',
    '1 day',
  ])
})
