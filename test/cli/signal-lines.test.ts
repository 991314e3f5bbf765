import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'node:test'
import { signalLines, signalsDocument } from '../../src/cli/signal-lines.ts'
import { serverSignals, signalPathOf } from '../../src/host/signals/values.ts'
import { rules } from '../../src/protocol/rules/catalogue.ts'
import { Hours } from '../../src/protocol/rules/hours.ts'
import { defaultPreferences } from '../../src/protocol/rules/preferences.ts'
import type { Moment } from '../../src/protocol/rules/rule.ts'
import { signalList } from '../../src/protocol/rules/signal-list.ts'
import { LocalTime } from '../../src/protocol/rules/week.ts'

const preferences = {
  ...defaultPreferences,
  unmeteredOnly: true,
  powerWattsMax: 100,
  energyWhPerDayMax: 100,
  surplusOnly: true,
}

test('docs/signals.md is what the catalogue of signals says', () => {
  const path = join(import.meta.dirname, '../../docs/signals.md')
  if (process.env.CARPOOL_REWRITE === '1') writeFileSync(path, signalsDocument())
  assert.equal(
    readFileSync(path, 'utf8'),
    signalsDocument(),
    'CARPOOL_REWRITE=1 npm test -- signal-lines writes it again',
  )
})

test('the list has every signal that a server is asked for, and help all that a source may send', () => {
  for (const name of serverSignals) assert.ok(signalPathOf(name)! in signalList, name)
  assert.equal(signalLines().length, Object.keys(signalList).length - 3)
  assert.ok(signalLines().some((line) => line.includes('Carpool.Energy.SurplusWatts')))
})

test('a signal lists the rules that read it, and no others', () => {
  const found = new Map<string, Set<string>>(Object.keys(signalList).map((path) => [path, new Set()]))
  for (const value of [undefined, true, false, 1])
    for (const rule of rules)
      for (const unmeteredOnly of [true, false]) {
        const ask = (path: string) => {
          found.get(path)!.add(rule.code)
          return value
        }
        const readings = { get: ask, whyUnknown: (path: string) => `${ask(path)}`, wasRead: () => false }
        rule.look({
          preferences: { ...preferences, unmeteredOnly },
          readings,
          local: LocalTime.in('UTC'),
          nowMs: 0,
          minuteOfWeek: 0,
          quiet: new Hours([]),
          leaving: new Hours([]),
          wasCrossed: false,
          cabinBeganCelsius: null,
          isVehicle: true,
          pausedUntilMs: null,
        } as unknown as Moment)
      }
  for (const [path, codes] of found)
    assert.deepEqual([...codes].sort(), [...signalList[path as keyof typeof signalList].rules].sort(), path)
})
