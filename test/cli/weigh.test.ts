import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Command } from 'commander'
import { addOptions, resolveConfig } from '../../src/cli/config/config.ts'
import { optionNames } from '../../src/cli/config/options.ts'
import { warningsOf } from '../../src/cli/config/weigh.ts'

const machine = {
  environment: {},
  home: '/home/it',
  workingDirectory: '/',
  cores: 4,
  timeZone: 'Europe/Berlin',
}

test('options that hardly anybody means are warned of, with the figure', () => {
  for (const [args, warning] of [
    [['--quiet-hours', 'mon-sun 00:00-23:59'], /^quietHours leave 7 minutes a week/],
    [
      ['--quiet-hours', '10:00-09:00', '--ready-by', '09:30'],
      /^quietHours and readyBy leave 105 minutes a week/,
    ],
    [['--power-watts-max', '5', '--slot-watts', '10'], /5 W, and one busy slot draws 10 W/],
    [['--energy-wh-per-day-max', '1'], /1 Wh is 6 minutes a day of one slot at 10 W/],
    [['--categories', 'documnets'], /documnets is no such; did you mean documents\?/],
    [['--price', 'ocrr=0.0002EUR'], /^price names ocrr, .*did you mean ocr\?/],
    [
      ['--price', 'ocr=200EUR'],
      /asks 200\.00 EUR for a page of ocr, 1000000 times 0\.0002 EUR, since no other/,
    ],
    [['--price', 'auto'], /there is no tariff/],
    [['--price', 'auto', '--tariff', '0.30'], /the tariff 0\.30 has no currency: no node starts so/],
    [['--price', 'auto', '--tariff', '/nowhere/tariff.json'], /nowhere.*: no node starts so/],
    [['--price', 'orc=auto', '--tariff', '0.30EUR'], /^price names orc, .*did you mean ocr\?/],
    [
      ['--price', 'ocr=auto', '--price', 'ocr=0.0002EUR', '--tariff', '0.30EUR'],
      /an amount for ocr, and auto: the amount is asked/,
    ],
    [['--signals', 'trace:/nowhere/it.jsonl'], /\/nowhere\/it\.jsonl, and there is no such file/],
  ] as const) {
    const said = warnings([...args])
    assert.equal(said.length, 1, said.join('; '))
    assert.match(said[0]!, warning)
  }
})

test('a price is weighed against the median of those that others ask in the same currency', () => {
  const asks = [2, 3, 4_000].map((unitMicros) => ({ runtime: 'ocr', ask: { currency: 'EUR', unitMicros } }))
  const inFrancs = { runtime: 'ocr', ask: { currency: 'CHF', unitMicros: 1 } }
  assert.deepEqual(warnings(['--price', 'ocr=0.0029EUR'], [...asks, inFrancs]), [])
  assert.match(
    warnings(['--price', 'ocr=0.003EUR'], [...asks, inFrancs])[0]!,
    /1000 times the median of 3 vehicles that this node knows, 0\.000003 EUR/,
  )
})

test('usual options are not warned of', () => {
  assert.deepEqual(warnings([]), [])
  assert.deepEqual(
    warnings([
      ...['--quiet-hours', '22:00-06:00', '--ready-by', 'mon-fri 07:30', '--price', 'ocr=0.0002EUR'],
      ...['--price', 'llm=0.0002EUR/1k', '--power-watts-max', '60', '--categories', 'documents'],
    ]),
    [],
  )
})

test('a cap of ten bytes is refused', () => {
  assert.throws(() => warnings(['--metered-bytes-per-month-max', '10']), /at least 1MB/)
})

function warnings(args: string[], others: Parameters<typeof warningsOf>[1] = []): string[] {
  const command = addOptions(new Command(), optionNames).exitOverride()
  command.parse(args, { from: 'user' })
  return warningsOf(resolveConfig(optionNames, command.opts(), machine), others)
}
