import assert from 'node:assert/strict'
import { test } from 'node:test'
import { formatJoules, formatWorkTime } from '../../src/cli/format.ts'
import { describeEarnings, describeOwner } from '../../src/cli/money/earnings-views.ts'
import { electricityOf } from '../../src/cli/money/electricity.ts'
import type { EarningsView, EnergyAccount } from '../../src/host/ledger/contract.ts'
import { flatTariff, tariffOf } from '../../src/protocol/energy/tariff.ts'

const hourMs = 3_600_000
const hour = 500_000
const nothing = { measuredJoules: 0, estimatedJoules: 0 }
const energy: EnergyAccount = {
  idleWatts: 100,
  hours: [
    { hour, drawnJoules: 3_600_000, doneJoules: 2_700_000, readyMs: hourMs, costMicros: { EUR: 440_000 } },
    { hour: hour + 1, drawnJoules: 1_800_000, doneJoules: 1_800_000, readyMs: 0, costMicros: {} },
  ],
}
const night = tariffOf({
  currency: 'EUR',
  timeZone: 'UTC',
  price: 0.4,
  hours: [{ hours: `${clock(hour + 1)}-${clock(hour + 2)}`, price: 0.2 }],
})

const byNight = { tariff: night, usual: null, nowMs: 0 }
const byNoted = { tariff: null, usual: null, nowMs: 0 }

test('each hour costs what it cost then, with the computer that was awake for it, and what was broken off', () => {
  const used = electricityOf(energy, { sinceMs: 0, ...nothing }, 'EUR', byNight)
  // 1 kWh and 0.1 kWh of an idle computer at 0.40, and half a kWh at 0.20; a quarter of the first was lost.
  assert.equal(used.costMicros, 440_000 + 100_000)
  assert.equal(used.lostMicros, 100_000)
  assert.deepEqual([used.drawnJoules, used.lostJoules, used.idleJoules], [5_400_000, 900_000, 360_000])
  const later = electricityOf(energy, { sinceMs: (hour + 1) * hourMs, ...nothing }, 'EUR', byNight)
  assert.equal(later.costMicros, 100_000)
})

test('without a tariff the costs count that were noted then, and an hour without one makes all unknown', () => {
  assert.equal(electricityOf(energy, { sinceMs: 0, ...nothing }, 'EUR', byNoted).costMicros, null)
  const first = { ...energy, hours: energy.hours.slice(0, 1) }
  assert.equal(electricityOf(first, { sinceMs: 0, ...nothing }, 'EUR', byNoted).costMicros, 440_000)
  assert.equal(electricityOf(first, { sinceMs: 0, ...nothing }, 'CHF', byNight).costMicros, null)
})

test('what receipts speak of and no hour has yet is counted at the price of now', () => {
  const work = { measuredJoules: 3_600_000, estimatedJoules: 3_600_000 }
  const used = electricityOf({ idleWatts: 0, hours: [] }, { sinceMs: 0, ...work }, 'EUR', {
    tariff: flatTariff(null, 300_000),
    usual: null,
    nowMs: 0,
  })
  assert.deepEqual([used.costMicros, used.drawnJoules], [600_000, 7_200_000])
})

test('the tariff of the configuration counts where nothing was noted, and energy without an hour costs as much as that of the hours', () => {
  const usual = flatTariff('EUR', 1_000_000)
  const used = electricityOf(energy, { sinceMs: 0, ...nothing }, 'EUR', { ...byNoted, usual })
  assert.equal(used.costMicros, 440_000 + 500_000, 'the first hour stays as it was noted')
  const first = { ...energy, hours: energy.hours.slice(0, 1) }
  // The hours have 1.1 kWh, of which receipts speak of 1 kWh and a half more.
  const work = { measuredJoules: 5_400_000, estimatedJoules: 0 }
  assert.equal(
    electricityOf(first, { sinceMs: 0, ...work }, 'EUR', byNoted).costMicros,
    440_000 + Math.round((440_000 * 1_800_000) / 3_960_000),
  )
})

test('energy and time are in units that show something', () => {
  assert.deepEqual([0, 1, 197, 44_000, 3_600_000, 5e9].map(formatJoules), [
    '–',
    '1 J',
    '0.0547 Wh',
    '12.2 Wh',
    '1 kWh',
    '1,389 kWh',
  ])
  assert.deepEqual([0, 1_500, 90_000, 5_400_000].map(formatWorkTime), ['–', '1.5 s', '1.5 min', '1.5 h'])
})

test('earnings show the net of electricity, and an owner sees the sum of its vehicles and who is silent', () => {
  const period = { name: 'in all', sinceMs: 0, verifiedMicros: 1_000_000, paidMicros: 0, ...work() }
  const currencies = [{ currency: 'EUR', pendingMicros: 0, owedMicros: 1_000_000, periods: [period] }]
  const view: EarningsView = {
    ...({ peer: 'p', owner: 'o', damagedAt: null, jobs: [] } as unknown as EarningsView),
    currencies,
    energy,
  }
  const shown = byNight
  const lines = describeEarnings(view, shown)
  assert.match(lines[1]!, /in all +1\.00 EUR +0\.00 EUR +3 pages +~750 Wh +1\.5 h +0\.46 EUR/)
  assert.ok(
    lines.some((line) =>
      /all work drew 1\.5 kWh, of which 250 Wh \(0\.10 EUR\) went into work that was broken off/.test(line),
    ),
  )
  const accounts = { currencies, energy }
  const all = describeOwner(
    {
      owner: 'o'.repeat(64) as never,
      vehicles: [
        { peer: 'a' as never, name: 'van-1', accounts },
        { peer: 'b' as never, name: 'van-2', accounts },
        { peer: 'c' as never, name: 'van-3', accounts: null },
      ],
    },
    shown,
  )
  assert.ok(
    all.some((line) => /^all +2\.00 EUR +2\.00 EUR +3\.2 kWh +0\.92 EUR/.test(line)),
    all.join('\n'),
  )
  assert.equal(all.at(-1), 'van-3 does not answer, and is not in it')
})

function work() {
  return {
    ...{ units: { page: 3 }, receipts: 1, wallMs: 5_400_000 },
    ...{ measuredJoules: 0, estimatedJoules: 2_700_000, receiptsWithoutEnergy: 0 },
  }
}

function clock(atHour: number): string {
  return new Date(atHour * hourMs).toISOString().slice(11, 16)
}
