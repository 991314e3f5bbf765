import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { departuresMax, nextDeparture, noteDeparture } from '../../src/protocol/rules/forecast.ts'
import { Hours } from '../../src/protocol/rules/hours.ts'
import {
  coversWeek,
  isTimeZone,
  isWithin,
  LocalTime,
  parseHours,
  parseTimes,
  weekMinutes,
} from '../../src/protocol/rules/week.ts'

const hourMs = 3_600_000
const dayMs = 24 * hourMs
const utc = LocalTime.in('UTC')
/** A Monday, 00:00 UTC. */
const monday = Date.UTC(2026, 5, 1)

test('hours and times read as people write them, and nothing else does', () => {
  assert.equal(parseHours('22:00-06:00')?.length, 7)
  assert.deepEqual(parseHours('mon 22:00-06:00'), [{ start: 1320, end: 1800 }])
  assert.deepEqual(parseHours(' Sat,Sun  8:30 – 24:00'), [
    { start: 5 * 1440 + 510, end: 6 * 1440 },
    { start: 6 * 1440 + 510, end: 7 * 1440 },
  ])
  assert.equal(parseHours('fri-mon 00:00-24:00')?.length, 4)
  assert.deepEqual(parseTimes('tue-wed 07:30'), [1440 + 450, 2 * 1440 + 450])
  for (const text of [
    '',
    '22-6',
    '22:00',
    '22:00-22:00',
    '25:00-26:00',
    '24:00-06:00',
    '22:60-23:00',
    'noon-13:00',
  ])
    assert.equal(parseHours(text), null, text)
  for (const text of ['', '7', '24:00', '07:30-08:00', 'mo 07:30', 'mon- 07:30', 'mon-tue-wed 07:30'])
    assert.equal(parseTimes(text), null, text)
})

test('a minute is within a span also where the span goes over Sunday midnight', () => {
  const spans = parseHours('sun 22:00-06:00')!
  for (const [minute, expected] of [
    [6 * 1440 + 1319, false],
    [6 * 1440 + 1320, true],
    [0, true],
    [359.9, true],
    [360, false],
  ] as const)
    assert.equal(isWithin(spans, minute), expected, `${minute}`)
})

test('hours over Sunday midnight neither end nor begin there, and hours that touch are one', () => {
  const hours = new Hours([...parseHours('sun 22:00-06:00')!, ...parseHours('mon 06:00-07:00')!])
  assert.deepEqual([hours.has(0), hours.has(419), hours.has(420)], [true, true, false])
  assert.equal(hours.nextEnd(utc, monday - hourMs), monday + 7 * hourMs)
  assert.equal(hours.nextBeginning(utc, monday - hourMs), monday + 7 * dayMs - 2 * hourMs)
  assert.equal(new Hours([]).nextBeginning(utc, monday), null)
})

test('spans cover the week when every minute is within one, and only then', () => {
  const span = fc
    .record({ start: fc.nat(weekMinutes - 1), length: fc.integer({ min: 1, max: 1440 * 3 }) })
    .map(({ start, length }) => ({ start, end: start + length }))
  fc.assert(
    fc.property(fc.array(span, { maxLength: 12 }), (spans) => {
      const left = Array.from({ length: weekMinutes }, (_, minute) => minute).some(
        (minute) => !isWithin(spans, minute),
      )
      assert.equal(coversWeek(spans), !left)
    }),
    { numRuns: 40 },
  )
})

test('local time is that of the wall clock, in every zone and on both sides of a change', () => {
  const zones = [
    'UTC',
    'Europe/Berlin',
    'America/New_York',
    'Asia/Kathmandu',
    'Australia/Lord_Howe',
    'Africa/Cairo',
  ]
  fc.assert(
    fc.property(
      fc.constantFrom(...zones),
      fc.integer({ min: Date.UTC(2000, 0, 1), max: Date.UTC(2040, 0, 1) }),
      (zone, atMs) => {
        const local = LocalTime.in(zone)
        const wall = new Date(local.toLocal(atMs)).toISOString().slice(0, 16).replace('T', ', ')
        const expected = new Intl.DateTimeFormat('sv-SE', {
          timeZone: zone,
          dateStyle: 'short',
          timeStyle: 'short',
        }).format(atMs)
        assert.equal(wall, expected.replace(' ', ', '))
        // An hour that comes twice has two times.
        assert.ok(Math.abs(local.toUtc(local.toLocal(atMs)) - atMs) <= hourMs)
        const midnight = local.nextMidnight(atMs)
        assert.ok(midnight > atMs && midnight - atMs <= 25 * hourMs)
      },
    ),
  )
  assert.deepEqual(
    [isTimeZone('Europe/Berlin'), isTimeZone('Europe/Atlantis'), isTimeZone('')],
    [true, false, false],
  )
})

test('a midnight that the clocks skip is the instant at which they do, and today never ends before today does', () => {
  const quarterMs = 15 * 60_000
  // Each skips its midnight in spring; Lisbon and Berlin do not, and the Azores have theirs twice in autumn.
  for (const [zone, skipped] of [
    ['America/Havana', Date.UTC(2025, 2, 9, 5)],
    ['America/Santiago', Date.UTC(2025, 8, 7, 4)],
    ['Atlantic/Azores', Date.UTC(2025, 2, 30, 1)],
    ['Atlantic/Azores', Date.UTC(2025, 9, 26, 0)],
    ['Europe/Lisbon', Date.UTC(2025, 2, 30, 0)],
    ['Europe/Berlin', Date.UTC(2025, 9, 25, 22)],
  ] as const) {
    const local = LocalTime.in(zone)
    for (let atMs = skipped - 23 * hourMs; atMs < skipped; atMs += quarterMs)
      assert.equal(local.nextMidnight(atMs), skipped, `${zone} ${new Date(atMs).toISOString()}`)
    assert.ok(local.nextMidnight(skipped) > skipped)
  }
})

test('of an hour that comes twice, the first counts that is not over', () => {
  const local = LocalTime.in('Europe/Berlin')
  const [first, second] = [Date.UTC(2025, 9, 26, 0, 30), Date.UTC(2025, 9, 26, 1, 30)]
  assert.equal(local.toLocal(first), local.toLocal(second))
  assert.equal(local.toUtc(local.toLocal(first), first - hourMs), first)
  assert.equal(local.toUtc(local.toLocal(first), first + 1), second)
  assert.equal(local.toUtc(local.toLocal(first), second + 1), second)
})

test('the minute of the week begins on Monday', () => {
  assert.equal(utc.minuteOfWeek(monday), 0)
  assert.equal(utc.minuteOfWeek(monday - 60_000), weekMinutes - 1)
  assert.equal(LocalTime.in('Europe/Berlin').minuteOfWeek(monday), 120)
})

test('departures are kept in order, and the oldest are forgotten beyond the bound', () => {
  let departures: number[] = []
  for (let i = 0; i < departuresMax + 5; i += 1) departures = noteDeparture(departures, i)
  assert.deepEqual(
    [departures.length, departures[0], departures.at(-1)],
    [departuresMax, 5, departuresMax + 4],
  )
  assert.deepEqual(noteDeparture([3, 9], 5), [3, 5, 9])
})

test('a commuter is expected to leave when the early ones of its mornings did, and on Saturday to stay', () => {
  const departures = commutes(8)
  const night = monday + 2 * hourMs
  const leaves = nextDeparture(departures, utc, night)!
  assert.ok(
    leaves >= monday + 7.2 * hourMs && leaves <= monday + 7.5 * hourMs,
    new Date(leaves).toISOString(),
  )
  const noon = monday + 12 * hourMs
  assert.ok(nextDeparture(departures, utc, noon)! >= monday + 16.5 * hourMs)
  const friday = monday + 4 * dayMs + 20 * hourMs
  assert.ok(nextDeparture(departures, utc, friday)! > monday + 7 * dayMs, 'after the weekend')
})

test('a departure that is late is expected any moment for an hour, and then no more', () => {
  const departures = commutes(8)
  const late = monday + 7.9 * hourMs
  assert.ok(nextDeparture(departures, utc, late)! < late)
  const holiday = monday + 9 * hourMs
  assert.ok(nextDeparture(departures, utc, holiday)! > monday + 16 * hourMs)
})

test('with less than three days of history nobody guesses', () => {
  assert.equal(nextDeparture([], utc, monday), null)
  assert.equal(nextDeparture([monday - dayMs], utc, monday), null)
  assert.notEqual(nextDeparture([1, 2, 3, 4].map((day) => monday - day * dayMs).sort(), utc, monday), null)
})

test('a vehicle that has just come back is not overdue for the departure that it made', () => {
  const departures = noteDeparture(commutes(8), monday + 7.4 * hourMs)
  const back = monday + 8 * hourMs
  assert.ok(nextDeparture(departures, utc, back)! > back)
})

/** Weeks before `monday` in which somebody left at about 07:30 and 17:00 on working days. */
function commutes(weeks: number): number[] {
  const departures: number[] = []
  for (let week = weeks; week >= 1; week -= 1)
    for (let day = 0; day < 5; day += 1) {
      const jitter = ((week * 7 + day * 3) % 5) * 0.1 - 0.2
      departures.push(monday - week * 7 * dayMs + day * dayMs + (7.5 + jitter) * hourMs)
      departures.push(monday - week * 7 * dayMs + day * dayMs + (17 + jitter) * hourMs)
    }
  return departures
}
