import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'node:test'
import { traces } from '../../samples/vehicle-days.ts'
import { parseTrace } from '../../src/host/signals/trace.ts'
import { defaultPreferences } from '../../src/protocol/rules/preferences.ts'
import { OwnerRules } from '../../src/protocol/rules/rules.ts'
import type { SignalPath, VehicleState } from '../../src/protocol/rules/signals.ts'

const folder = join(import.meta.dirname, '../../samples/traces')

test('the sample traces are what samples/make-traces.ts writes', () => {
  assert.deepEqual(readdirSync(folder).sort(), [...traces().keys()].map((name) => `${name}.jsonl`).sort())
  for (const [name, text] of traces())
    assert.equal(readFileSync(join(folder, `${name}.jsonl`), 'utf8'), text, name)
})

test('one arrives and plugs in: it settles, and works from then on', () => {
  const verdicts = judged('arrives-and-plugs-in')
  assert.deepEqual(
    verdicts.map(({ verdict }) => verdict),
    ['stop', 'run'],
  )
  // Plugged in 40 s after it stood; ten minutes to settle, from the last look at which it was not.
  const { atSeconds } = verdicts.at(-1)!
  assert(Math.abs(atSeconds - (300 + 40 + 600)) <= 5, `${atSeconds}`)
})

test('one is at 30 % of charge: it never works, and says why', () => {
  assert.deepEqual(
    judged('charge-30-percent').map(({ verdict }) => verdict),
    ['stop'],
  )
  assert.deepEqual(reasonsAtEnd('charge-30-percent'), ['reserve', 'charge-low'])
})

test('one drives off: it works, and stops when the cable is pulled, before anybody has sat down', () => {
  const verdicts = judged('drives-off')
  assert.deepEqual(
    verdicts.map(({ verdict }) => verdict),
    ['stop', 'run', 'stop'],
  )
  assert.deepEqual(
    verdicts.map(({ atSeconds }) => atSeconds),
    [0, 600, 1_810],
  )
})

test('one gets hot: it stops above 40 °C', () => {
  const verdicts = judged('gets-hot')
  assert.deepEqual(
    verdicts.slice(0, 3).map(({ verdict }) => verdict),
    ['stop', 'run', 'stop'],
  )
  assert.deepEqual(verdicts[2]!.reasons, ['pack-hot'])
})

for (const [name, least, most] of [
  ['robotaxi-day', 0.2, 0.6],
  ['commuter-day', 0.3, 0.7],
] as const)
  test(`a day of a ${name.replace('-day', '')} has hours in which it works, and hours in which it does not`, () => {
    const verdicts = judged(name)
    const ran = verdicts.reduce(
      (sum, { verdict, atSeconds }, i) =>
        sum + (verdict === 'run' ? (verdicts[i + 1]?.atSeconds ?? 86_400) - atSeconds : 0),
      0,
    )
    assert(ran > least * 86_400 && ran < most * 86_400, `${ran / 3_600} h: ${JSON.stringify(verdicts)}`)
  })

interface Change {
  readonly atSeconds: number
  readonly verdict: string
  readonly reasons: readonly string[]
}

/** As it plays at its own speed, under the default preferences: each change of the verdict. */
function judged(name: string): Change[] {
  return [...run(name)].filter(({ verdict }, i, all) => verdict !== all[i - 1]?.verdict)
}

function reasonsAtEnd(name: string): readonly string[] {
  return run(name).at(-1)!.reasons
}

function run(name: string): Change[] {
  const moments = parseTrace(name, readFileSync(join(folder, `${name}.jsonl`), 'utf8'))
  const rules = new OwnerRules(defaultPreferences)
  const known = new Map<SignalPath, unknown>()
  const changes: Change[] = []
  let next = 0
  // Ten seconds are what a signal may be old; a trace repeats each every second.
  for (let atSeconds = 0; atSeconds <= moments.at(-1)!.atMs / 1_000; atSeconds += 1) {
    const isNews = moments[next]?.atMs === atSeconds * 1_000
    if (isNews) for (const [path, value] of moments[next++]!.values) known.set(path, value)
    if (!isNews && atSeconds % 5 !== 0) continue
    const nowMs = 1_790_000_000_000 + atSeconds * 1_000
    const readings = Object.fromEntries([...known].map(([path, value]) => [path, { value, atMs: nowMs }]))
    const { judgement } = rules.handle({ type: 'readings', readings: readings as VehicleState }, nowMs)
    changes.push({ atSeconds, verdict: judgement.verdict, reasons: judgement.reasons })
  }
  return changes
}
