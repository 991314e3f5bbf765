import assert from 'node:assert/strict'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { OwnPrices, type OwnPricesOptions } from '../../src/host/energy/own-prices.ts'
import { readTariff, TariffSource } from '../../src/host/energy/tariff-source.ts'
import { statOf } from '../../src/host/executor/usage.ts'
import { unitMicrosMax } from '../../src/protocol/limits.ts'
import { SteppedClock } from '../support/stepped-clock.ts'
import { temporaryDirectory } from '../support/store.ts'
import { until } from '../support/wasm/executor.ts'

const hourMs = 3_600_000
const nowMs = Date.UTC(2026, 10, 30, 8)
const engines = [
  { runtime: 'ocr', id: 'ocr-1' },
  { runtime: 'llm', id: 'llm-1' },
]

const auto = { runtimes: null, margin: 0.2 }

function pricesWith(changes: Partial<OwnPricesOptions>) {
  const clock = new SteppedClock(nowMs)
  const told: ReadonlyMap<string, { readonly unitMicros: number } | null>[] = []
  const warned: string[] = []
  const prices = new OwnPrices({
    fixed: new Map(),
    auto,
    tariff: '0.30EUR',
    engines,
    unitJoules: () => 3_600,
    slotWatts: 10,
    idleWatts: 0,
    operatorPpm: () => 0,
    clock,
    log: { warn: (...args: unknown[]) => void warned.push(args.join(' ')) } as never,
    onChange: (asks) => void told.push(asks),
    ...changes,
  })
  return { prices, clock, told, warned }
}

test('a price that follows power is the cost of a unit’s energy and the margin, in its own units', () => {
  const { prices, told } = pricesWith({ unitJoules: (runtime) => (runtime === 'ocr' ? 3_600 : null) })
  prices.start()
  assert.deepEqual(prices.offer(engines[0]!).ask, { currency: 'EUR', unitMicros: 360 })
  // A guess of 3 J a token, for a thousand of them: 0.83 Wh.
  assert.deepEqual(prices.offer(engines[1]!).ask, { currency: 'EUR', unitMicros: 300, per: 1_000 })
  assert.equal(prices.offer(engines[0]!).ahead?.unitMicros.length, 24)
  assert.deepEqual([...told[0]!.keys()], ['ocr-1', 'llm-1'])
  prices.stop()
})

test('a runtime with a price of its own keeps it, and one that is not named asks nothing', () => {
  const ask = { currency: 'EUR', unitMicros: 7 }
  const { prices } = pricesWith({ fixed: new Map([['ocr', ask]]), auto: { runtimes: ['wasm'], margin: 0 } })
  assert.deepEqual(
    engines.map((engine) => prices.offer(engine).ask),
    [ask, null],
  )
})

test('it changes with the hour, before leases of the dearer hour begin, and asks more than anybody pays when nobody knows', (t) => {
  const path = join(temporaryDirectory(t), 'tariff.json')
  const from = (hours: number) => new Date(nowMs + hours * hourMs).toISOString()
  writeFileSync(
    path,
    JSON.stringify({
      currency: 'EUR',
      prices: [
        { from: from(0), price: 0.1 },
        { from: from(1), price: 0.5 },
      ],
    }),
  )
  const { prices, clock, told, warned } = pricesWith({ tariff: path })
  prices.start()
  const ask = () => told.at(-1)!.get('ocr-1')!.unitMicros
  assert.equal(ask(), 120)
  clock.pass(31 * 60_000)
  assert.equal(ask(), 600)
  assert.deepEqual(warned, [])
  clock.pass(hourMs)
  assert.equal(ask(), unitMicrosMax)
  assert.equal(warned.length, 1)
  prices.stop()
})

test('a price that follows power needs the price of power, and its currency', () => {
  assert.throws(() => pricesWith({ tariff: null }), /needs the price of power/)
  assert.throws(() => pricesWith({ tariff: '0.30' }), /with its currency/)
  assert.throws(() => readTariff('/nowhere/tariff.json'), /is no tariff/)
})

test('a command tells the prices; one that fails leaves those that it told before', async (t) => {
  const path = join(temporaryDirectory(t), 'prices.json')
  writeFileSync(
    path,
    JSON.stringify({ currency: 'EUR', prices: [{ from: '2026-11-30T08:00:00Z', price: 0.2 }] }),
  )
  const clock = new SteppedClock(nowMs)
  const changed = Promise.withResolvers<void>()
  const warned = Promise.withResolvers<string>()
  const source = new TariffSource({
    spec: `command:cat ${path} && rm ${path}`,
    clock,
    log: { warn: (facts: { why: string }) => warned.resolve(facts.why) } as never,
    onChange: () => changed.resolve(),
  })
  assert.ok(source.tariff === null, 'not yet')
  await changed.promise
  assert.equal(priceOf(source), 200_000)
  clock.pass(15 * 60_000)
  assert.match(await warned.promise, /No such file/)
  assert.equal(priceOf(source), 200_000)
  source.stop()
})

test('a command that hangs ends with all that it has started when the node stops', async (t) => {
  const folder = temporaryDirectory(t)
  mkdirSync(folder, { recursive: true })
  const path = join(folder, 'pid')
  const source = new TariffSource({
    spec: `command:sleep 600 & echo $! > ${path}.part && mv ${path}.part ${path}; wait`,
    clock: new SteppedClock(nowMs),
    log: { warn: () => {} },
    onChange: () => {},
  })
  await until(() => existsSync(path))
  const pid = Number(readFileSync(path, 'utf8'))
  assert(statOf(pid) !== null)
  source.stop()
  await until(() => [undefined, 'Z'].includes(statOf(pid)?.state))
})

function priceOf({ tariff }: TariffSource): number | null | undefined {
  return tariff?.priceAt(nowMs)
}

test('prices that stand may change while the node runs, and those that follow power go on beside them', () => {
  const { prices, told } = pricesWith({})
  prices.start()
  const ask = { currency: 'EUR', unitMicros: 7 }
  prices.stand(new Map([['llm', { ...ask, per: 1_000 }]]), auto)
  assert.deepEqual(prices.offer(engines[1]!).ask, { ...ask, per: 1_000 })
  assert.equal(prices.offer(engines[0]!).ask?.unitMicros, 360)
  assert.deepEqual(told.at(-1)!.get('llm-1'), { ...ask, per: 1_000 })
  prices.stop()
})

test('a price that is taken away is nothing from then on', () => {
  const ask = { currency: 'EUR', unitMicros: 7 }
  const { prices, told } = pricesWith({ auto: null, fixed: new Map([['ocr', ask]]) })
  prices.start()
  assert.deepEqual([prices.offer(engines[0]!).ask, told.length], [ask, 0])
  prices.stand(new Map(), null)
  assert.deepEqual([prices.offer(engines[0]!).ask, told.at(-1)!.get('ocr-1')], [null, null])
  prices.stop()
})

test('prices may begin to follow power while the node runs, and stop; never for nothing where nobody knows its price', () => {
  const ask = { currency: 'EUR', unitMicros: 7 }
  const fixed = new Map([['ocr', ask]])
  const { prices, told } = pricesWith({ auto: null, fixed })
  prices.start()
  prices.stand(new Map(), auto)
  assert.deepEqual(
    [prices.offer(engines[0]!).ask?.unitMicros, told.at(-1)!.get('ocr-1')?.unitMicros],
    [360, 360],
  )
  prices.stand(fixed, null)
  assert.deepEqual(prices.offer(engines[0]!).ask, ask)
  prices.stop()
  for (const tariff of [null, '0.30']) {
    const without = pricesWith({ auto: null, fixed, tariff }).prices
    assert.throws(
      () => without.stand(new Map(), auto),
      /^RequestError: a price that follows power needs .*start again/,
    )
    assert.deepEqual(without.offer(engines[0]!).ask, ask)
    without.stop()
  }
})

test('before any work was measured, the computer that is awake for it is in the price', () => {
  const { prices } = pricesWith({ unitJoules: () => null, idleWatts: 250 })
  // A page takes half a minute of 260 W, 2.17 Wh; 1,000 tokens 300 s, 21.7 Wh.
  assert.deepEqual(
    engines.map((engine) => prices.offer(engine).ask?.unitMicros),
    [780, 7_800],
  )
  prices.stop()
})
