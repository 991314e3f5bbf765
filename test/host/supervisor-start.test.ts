/** The start of a supervisor on a machine that is busy, or where it cannot start. */
import assert from 'node:assert/strict'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test, { type TestContext } from 'node:test'
import { pathToFileURL } from 'node:url'
import { pino } from 'pino'
import { type LifeBounds, lifeBounds } from '../../src/host/supervisor/life.ts'
import { Silence } from '../../src/host/supervisor/silence.ts'
import { SupervisedWatch } from '../../src/host/supervisor/supervised-watch.ts'
import { defaultPreferences } from '../../src/protocol/rules/preferences.ts'
import { temporaryDirectory } from '../support/store.ts'

const options = { skip: process.platform === 'linux' ? false : 'reads /proc', timeout: 400_000 }
const quick = { tickMs: 20, startTicksMax: 10, restartMsMin: 1 }

/** A supervisor that notes each of its starts, and then does this. `begin()` makes it the real one. */
function program(t: TestContext, body: string) {
  const folder = temporaryDirectory(t)
  const [path, starts] = [join(folder, 'supervisor.mjs'), join(folder, 'starts')]
  writeFileSync(
    path,
    `import { appendFileSync, existsSync, readFileSync } from 'node:fs'
    appendFileSync(${JSON.stringify(starts)}, '.')
    const attempt = readFileSync(${JSON.stringify(starts)}, 'utf8').length
    const folder = ${JSON.stringify(folder)}
    const begin = () => import(${JSON.stringify(pathToFileURL(lifeBounds.program).href)})
    ${body}`,
  )
  return { path, folder, starts: () => (existsSync(starts) ? readFileSync(starts, 'utf8').length : 0) }
}

interface Logged {
  readonly msg: string
  readonly missing?: string
}

async function start(
  t: TestContext,
  bounds: Partial<LifeBounds>,
  { onTick = () => {}, source = 'command:exec sleep 600', log = [] as Logged[] } = {},
): Promise<SupervisedWatch> {
  const watch = await SupervisedWatch.start(
    {
      preferences: defaultPreferences,
      signals: [source],
      network: 'unmetered',
      slotWatts: 10,
      journal: { getSetting: () => undefined, putSetting: () => undefined },
      trafficBytes: () => {
        onTick()
        return 0
      },
      log: pino({ level: 'info' }, { write: (line: string) => void log.push(JSON.parse(line)) }),
    },
    bounds,
  )
  t.after(() => watch.stop())
  return watch
}

test('a supervisor that is slow to load is waited for, longer than one that hangs', options, async (t) => {
  const slow = program(
    t,
    "while (!existsSync(folder + '/go')) await new Promise((r) => setTimeout(r, 5))\nbegin()",
  )
  let ticks = 0
  const onTick = () => {
    ticks += 1
    if (ticks === 4 * lifeBounds.silentTicksMax) writeFileSync(join(slow.folder, 'go'), '')
  }
  const log: Logged[] = []
  const bounds = { program: slow.path, tickMs: 20, startTicksMax: 100_000, slowTicks: 5 }
  const watch = await start(t, bounds, { onTick, log })
  assert.deepEqual(watch.judgement().reasons.includes('unwatched'), false)
  assert.equal(slow.starts(), 1)
  const said = log.filter(({ msg }) => msg.startsWith('the supervisor takes long to start'))
  assert.deepEqual(
    said.map(({ missing }) => missing),
    ['its first word'],
  )
})

test(
  'a supervisor that never says a word is tried three times, and named with what was waited for',
  options,
  async (t) => {
    const mute = program(t, 'setInterval(() => {}, 1_000)')
    await assert.rejects(
      start(t, { ...quick, program: mute.path }),
      /^Error: the supervisor, a process that watches the vehicle's signals for this node, did not start in 3 attempts: the node waited 0\.2 s for its first word$/,
    )
  },
)

test('a supervisor that ends before it has judged is started again', options, async (t) => {
  const frail = program(t, 'if (attempt < 3) process.exit(7)\nbegin()')
  const log: Logged[] = []
  await start(t, { program: frail.path, restartMsMin: 1 }, { log })
  assert.equal(frail.starts(), 3)
  assert.equal(log.filter(({ msg }) => msg.includes('is started again')).length, 2)
})

test('a supervisor that always ends is named with how it ended', options, async (t) => {
  const broken = program(t, 'process.exit(7)')
  await assert.rejects(
    start(t, { program: broken.path, restartMsMin: 1 }),
    /the supervisor, .* 3 attempts: it ended with exit code 7$/,
  )
  assert.equal(broken.starts(), 3)
})

test(
  'a source of signals that is not understood is refused at once, and not tried again',
  options,
  async (t) => {
    const real = program(t, 'begin()')
    await assert.rejects(start(t, { program: real.path }, { source: 'nonsense:x' }), (error: Error) => {
      assert.match(error.message, /nonsense/)
      assert.doesNotMatch(error.message, /attempts/)
      return true
    })
    assert.equal(real.starts(), 1)
  },
)

test('silence counts from the first judgement on; until then there is a longer time, for a word as for a judgement', () => {
  const bounds = { startTicksMax: 6, silentTicksMax: 2, slowTicks: 3 }
  const ticks = (silence: Silence, count: number) => Array.from({ length: count }, () => silence.tick())
  const mute = new Silence(bounds)
  assert.deepEqual(ticks(mute, 7), ['wait', 'wait', 'slow', 'wait', 'wait', 'wait', 'give up'])
  assert.equal(mute.missing, 'its first word')
  const busy = new Silence(bounds)
  ticks(busy, 5)
  busy.heard(false) // a word is no judgement, and gives no new time for one
  assert.equal(busy.missing, 'its first judgement')
  assert.deepEqual(ticks(busy, 2), ['wait', 'give up'])
  const hanging = new Silence(bounds)
  ticks(hanging, 5)
  hanging.heard(true)
  assert.deepEqual(ticks(hanging, 2), ['wait', 'wait'])
  hanging.heard(false)
  assert.deepEqual(ticks(hanging, 3), ['wait', 'wait', 'give up'])
  assert.equal(hanging.missing, 'an answer')
})
