/**
 * The owner's rules against a walk through the nights in which clocks change: every change of ten years, of each set of rules
 * that time zones have. The walk asks `Date` in that zone, which reads the zone's data by itself.
 */
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { nextDeparture } from '../../src/protocol/rules/forecast.ts'
import { Hours } from '../../src/protocol/rules/hours.ts'
import { defaultPreferences } from '../../src/protocol/rules/preferences.ts'
import { OwnerRules } from '../../src/protocol/rules/rules.ts'
import { LocalTime, type WeekSpan, weekMinutes } from '../../src/protocol/rules/week.ts'

const quarterMs = 900_000
const hourMs = 3_600_000
const dayMs = 24 * hourMs
const [firstMs, lastMs] = [Date.UTC(2025, 0, 1), Date.UTC(2035, 0, 1)]
const ownZone = process.env.TZ
const changes = changesOfAllZones()

after(() => {
  if (ownZone === undefined) delete process.env.TZ
  else process.env.TZ = ownZone
})

test('zones have at least the changes that are known of', () => {
  assert.ok(changes.length > 300, `${changes.length}`)
  for (const zone of [
    'America/Santiago',
    'Europe/Berlin',
    'America/Havana',
    'Australia/Lord_Howe',
    'Africa/Casablanca',
  ])
    assert.ok(
      changes.some((change) => change.zones.includes(zone)),
      zone,
    )
})

test('hours begin and end when the clock on the wall first shows it, a day ends when its date is over for good', () => {
  const seed = Date.now() % 1e9
  const random = randomOf(seed)
  for (const { zones, atMs } of changes) {
    process.env.TZ = zones[0]!
    const local = LocalTime.in(zones[0]!)
    const span = spanNear(minuteOf(atMs - 1), random)
    const hours = new Hours([span])
    const nowMs = atMs + Math.floor(random() * 30 - 26) * quarterMs + Math.floor(random() * quarterMs)
    const at = `${zones[0]} at ${new Date(nowMs).toISOString()}, ${JSON.stringify(span)}, seed ${seed}`
    assert.equal(
      hours.nextBeginning(local, nowMs),
      walk(nowMs, (t) => isIn(span, t) && !isIn(span, t - 1)),
      `begins: ${at}`,
    )
    assert.equal(
      hours.nextEnd(local, nowMs),
      walk(nowMs, (t) => !isIn(span, t) && isIn(span, t - 1)),
      `ends: ${at}`,
    )
    const date = dateOf(nowMs)
    let overMs = nowMs
    for (let t = nextQuarter(nowMs); t < nowMs + 28 * hourMs; t += quarterMs)
      if (dateOf(t - 1) <= date) overMs = t
    assert.equal(local.nextMidnight(nowMs), overMs, `midnight: ${at}`)
  }
})

test('a time of day is the instant that shows it, the first that is not over, or the one at which the clocks skip it', () => {
  for (const { zones, atMs, byMs } of changes) {
    process.env.TZ = zones[0]!
    const local = LocalTime.in(zones[0]!)
    const beforeMs = local.toLocal(atMs - quarterMs) + quarterMs
    for (const [localMs, nowMs] of [-hourMs, -quarterMs, 0, quarterMs, hourMs].flatMap((d) =>
      [atMs - 2 * hourMs, atMs, atMs + 2 * hourMs].map((nowMs) => [beforeMs + d, nowMs] as const),
    )) {
      const showing = [-2, -1, 0, 1, 2]
        .map((n) => atMs + localMs - beforeMs + (n * byMs) / 2)
        .filter((t) => wallOf(t) === localMs)
        .sort((a, b) => a - b)
      const expected = showing.find((t) => t >= nowMs) ?? showing.at(-1) ?? atMs
      assert.equal(local.toUtc(localMs, nowMs), expected, `${zones[0]} ${new Date(localMs).toISOString()}`)
    }
  }
})

test('a vehicle never says that it is there for longer than its quiet hours, times to leave and habits let it', () => {
  const seed = Date.now() % 1e9
  const random = randomOf(seed)
  for (const { zones, atMs } of changes) {
    const zone = zones[0]!
    process.env.TZ = zone
    const minute = Math.floor((minuteOf(atMs - 1) % 1440) / 15) * 15 + 15 * Math.floor(random() * 16 - 6)
    const time = clock(((minute % 1440) + 1440) % 1440)
    const later = clock((minute + 15 + 15 * Math.floor(random() * 20) + 1440) % 1440)
    const nowMs = atMs - Math.floor(random() * 20 * hourMs)
    const [which] = random() < 0.5 ? ['quiet'] : ['ready']
    const preferences =
      which === 'quiet'
        ? { ...defaultPreferences, timeZone: zone, quietHours: [`${time}-${later}`] }
        : { ...defaultPreferences, timeZone: zone, readyBy: [time] }
    const promised = new OwnerRules(preferences, { vehicle: false }).handle({ type: 'look' }, nowMs).judgement
    if (promised.verdict !== 'run') continue
    let stopsMs = nextQuarter(nowMs)
    const verdictAt = (t: number) =>
      new OwnerRules(preferences, { vehicle: false }).handle({ type: 'look' }, t).judgement.verdict
    // From some time before what it promised: nothing stops earlier (the test above), and each look costs.
    stopsMs = Math.max(stopsMs, Math.floor((promised.availableUntilMs! - hourMs) / quarterMs) * quarterMs)
    while (verdictAt(stopsMs) === 'run') stopsMs += quarterMs
    assert.ok(
      promised.availableUntilMs! <= stopsMs,
      `${zone} ${time} at ${new Date(nowMs).toISOString()}, seed ${seed}: promised ${new Date(promised.availableUntilMs!).toISOString()}, stopped ${new Date(stopsMs).toISOString()}`,
    )
  }
})

test('somebody who leaves at a time of day is expected no later in the days around a change', () => {
  for (const { zones, atMs } of changes) {
    process.env.TZ = zones[0]!
    const local = LocalTime.in(zones[0]!)
    const wallMs = Math.floor(local.toLocal(atMs) / dayMs) * dayMs + 7.5 * hourMs
    const departures = Array.from({ length: 10 }, (_, i) => local.toUtc(wallMs - (10 - i) * dayMs))
    for (const [nowMs, leavesMs] of [
      [atMs - hourMs, local.toUtc(wallMs)],
      [local.toUtc(wallMs - 10 * hourMs), local.toUtc(wallMs)],
    ] as const)
      if (nowMs < leavesMs && nowMs > departures.at(-1)! + 2 * hourMs)
        assert.ok(
          nextDeparture(departures, local, nowMs)! <= leavesMs,
          `${zones[0]} ${new Date(atMs).toISOString()}`,
        )
  }
})

interface Change {
  /** All that have the same changes in these years; the first stands for them. */
  readonly zones: readonly string[]
  readonly atMs: number
  /** The clocks are set forward by so much, or back when negative. */
  readonly byMs: number
}

function changesOfAllZones(): Change[] {
  const known = new Map<string, { zones: string[]; changes: (readonly [number, number])[] }>()
  for (const zone of Intl.supportedValuesOf('timeZone')) {
    process.env.TZ = zone
    const changes: [number, number][] = []
    const offsetAt = (t: number) => -new Date(t).getTimezoneOffset() * 60_000
    for (let t = firstMs; t < lastMs; t += 7 * dayMs) {
      let [before, after] = [t, t + 7 * dayMs]
      const byMs = offsetAt(after) - offsetAt(before)
      if (byMs === 0) continue
      while (after - before > quarterMs) {
        const middle = Math.floor((before + after) / 2 / quarterMs) * quarterMs
        if (offsetAt(middle) === offsetAt(t)) before = middle
        else after = middle
      }
      changes.push([after, byMs])
    }
    const key = JSON.stringify([changes, changes.length === 0 ? 0 : offsetAt(firstMs)])
    const same = known.get(key)
    if (same === undefined) known.set(key, { zones: [zone], changes })
    else same.zones.push(zone)
  }
  return [...known.values()].flatMap(({ zones, changes }) =>
    changes.map(([atMs, byMs]) => ({ zones, atMs, byMs })),
  )
}

/** The time that a clock on the wall shows, in milliseconds since 1970 of a zone without an offset. */
function wallOf(atMs: number): number {
  return atMs - new Date(atMs).getTimezoneOffset() * 60_000
}

function minuteOf(atMs: number): number {
  const date = new Date(atMs)
  return ((date.getDay() + 6) % 7) * 1440 + date.getHours() * 60 + date.getMinutes()
}

function dateOf(atMs: number): number {
  const date = new Date(atMs)
  return date.getFullYear() * 10_000 + date.getMonth() * 100 + date.getDate()
}

function isIn({ start, end }: WeekSpan, atMs: number): boolean {
  return (minuteOf(atMs) - start + 2 * weekMinutes) % weekMinutes < end - start
}

function nextQuarter(atMs: number): number {
  return (Math.floor(atMs / quarterMs) + 1) * quarterMs
}

function walk(nowMs: number, isIt: (atMs: number) => boolean): number {
  for (let t = nextQuarter(nowMs); ; t += quarterMs) if (isIt(t)) return t
}

/** Begins within some hours of the minute, on a quarter. */
function spanNear(minute: number, random: () => number): WeekSpan {
  const start = Math.floor(minute / 15) * 15 + 15 * Math.floor(random() * 16 - 8)
  const begin = (start + weekMinutes) % weekMinutes
  return { start: begin, end: begin + 15 * (1 + Math.floor(random() * 20)) }
}

function clock(minute: number): string {
  return `${`${Math.floor(minute / 60)}`.padStart(2, '0')}:${`${minute % 60}`.padStart(2, '0')}`
}

/** mulberry32: uniform in [0, 1). */
function randomOf(seed: number): () => number {
  let state = seed | 0
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}
