import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Command } from 'commander'
import { addOptions, ConfigError, resolveConfig } from '../../src/cli/config/config.ts'
import { preferenceNames, wishOf } from '../../src/cli/config/preferences.ts'
import { defaultPreferences } from '../../src/protocol/rules/preferences.ts'

test('without a word from the owner, the preferences are the defaults, in the time zone of the machine', () => {
  const { preferences, origins } = wish([])
  assert.deepEqual(preferences, { ...defaultPreferences, timeZone: 'Europe/Berlin' })
  assert.deepEqual(new Set(Object.values(origins)), new Set(['default']))
})

test('each preference can be said, and is known by where it was said', () => {
  const { preferences, origins } = wish(
    [
      '--plugged-only',
      'no',
      '--settle-ms',
      '5m',
      '--quiet-hours',
      '22:00-06:00',
      '--quiet-hours',
      'sun 12:00-14:00',
    ],
    {
      CARPOOL_METERED_BYTES_PER_MONTH_MAX: '2GB',
      CARPOOL_POWER_WATTS_MAX: '450',
      CARPOOL_ENERGY_WH_PER_DAY_MAX: 'none',
      CARPOOL_OUTSIDE_CELSIUS_MIN: '-20.5',
      CARPOOL_READY_BY: 'mon-fri 07:30, sat,sun 10:00',
    },
  )
  assert.equal(preferences.pluggedOnly, false)
  assert.equal(preferences.settleMs, 300_000)
  assert.deepEqual(preferences.quietHours, ['22:00-06:00', 'sun 12:00-14:00'])
  assert.deepEqual(preferences.readyBy, ['mon-fri 07:30', 'sat,sun 10:00'])
  assert.equal(preferences.meteredBytesPerMonthMax, 2e9)
  assert.deepEqual([preferences.powerWattsMax, preferences.energyWhPerDayMax], [450, null])
  assert.equal(preferences.outsideCelsiusMin, -20.5)
  assert.equal(origins.pluggedOnly, '--plugged-only')
  assert.equal(origins.readyBy, 'CARPOOL_READY_BY')
})

test('a preference that nobody can mean is refused on one line', () => {
  for (const args of [
    ['--plugged-only', 'maybe'],
    ['--reserve-percent', '101'],
    ['--settle-ms', '0'],
    ['--settle-ms', '2d'],
    ['--settle-ms', 'a while'],
    ['--quiet-hours', '22-6'],
    ['--ready-by', 'soon'],
    ['--time-zone', 'Europe/Atlantis'],
    ['--power-watts-max', '0'],
    ['--categories', 'Bank Statements'],
    ['--low-volts-min', ''],
  ])
    assert.throws(
      () => wish(args),
      (error) => {
        assert.ok(error instanceof ConfigError)
        assert.match(error.message, /^--[a-z-]+: ".*" is not .+$/)
        return true
      },
    )
})

test('preferences that can never be met together are refused with both, and where each was said', () => {
  assert.throws(
    () => wish(['--reserve-percent', '90'], { CARPOOL_CHARGE_PERCENT_MIN: '85' }),
    /^ConfigError: reservePercent \(--reserve-percent\) and chargePercentMin \(CARPOOL_CHARGE_PERCENT_MIN\) can never be met together: /,
  )
  assert.throws(
    () => wish(['--quiet-hours', '00:00-24:00']),
    /^ConfigError: quietHours \(--quiet-hours\) can never be met: the quiet hours leave no minute/,
  )
})

function wish(args: string[], environment: Record<string, string> = {}) {
  const command = addOptions(new Command(), preferenceNames).parse(args, { from: 'user' })
  const machine = {
    environment,
    home: '/nowhere',
    workingDirectory: '/',
    cores: 2,
    timeZone: 'Europe/Berlin',
  }
  return wishOf(resolveConfig(preferenceNames, command.opts(), machine))
}
