import assert from 'node:assert/strict'
import { test } from 'node:test'
import { pino } from 'pino'
import { DeskWatch } from '../../src/host/supervisor/desk-watch.ts'
import { PauseNote } from '../../src/host/supervisor/pause-note.ts'
import { watchWhy } from '../../src/host/supervisor/why.ts'
import type { Judgement } from '../../src/protocol/rules/judgement.ts'
import { defaultPreferences, type PreferenceName } from '../../src/protocol/rules/preferences.ts'

const hourMs = 3_600_000
const log = pino({ level: 'silent' })
const names = Object.keys(defaultPreferences) as PreferenceName[]
const origins = Object.fromEntries(names.map((name) => [name, 'default'])) as Record<PreferenceName, string>

test('a desk works until its owner pauses it, and again after', async () => {
  const { watch, seen } = start()
  assert.equal(watch.judgement().verdict, 'run')
  await watch.pause(null)
  await watch.pause(null)
  await watch.resume()
  assert.deepEqual(seen(), ['stop', 'run'])
})

test('a pause ends by itself at its time, and everybody hears of it', async () => {
  const { watch } = start()
  const ended = new Promise<Judgement>((resolve) =>
    watch.onChange((judgement) => {
      if (judgement.verdict === 'run') resolve(judgement)
    }),
  )
  await watch.pause(Date.now() + 20)
  assert.equal(watch.judgement().verdict, 'stop')
  // The timer does not keep a process alive: this one does.
  const alive = setTimeout(() => {}, 60_000)
  assert.deepEqual((await ended).reasons, [])
  clearTimeout(alive)
})

test('a pause outlives a restart, unless its time has come or it was ended', async () => {
  const settings = new Map<string, string>()
  await start(settings).watch.pause(null)
  assert.equal(start(settings).watch.judgement().verdict, 'stop')
  await start(settings).watch.resume()
  assert.equal(start(settings).watch.judgement().verdict, 'run')
  await start(settings).watch.pause(Date.now() - 1)
  assert.equal(start(settings).watch.judgement().verdict, 'run')
})

test('what is kept of a pause goes with the clock, unless it is until a time of day', () => {
  for (const isDate of [false, true]) {
    const settings = new Map<string, string>()
    const journal = {
      getSetting: (name: string) => settings.get(name),
      putSetting: (name: string, value: string) => void settings.set(name, value),
    }
    let [wallMs, passedMs] = [10 * hourMs, 0]
    const clock = { now: () => wallMs, monotonicMs: () => passedMs }
    const note = new PauseNote(journal, log, clock)
    note.write({ untilMs: wallMs + hourMs, isDate })
    for (const byMs of [-2 * hourMs, 3 * hourMs, 0]) {
      const before = note.read()!.untilMs!
      wallMs += 5_000 + byMs
      passedMs += 5_000
      note.look()
      assert.equal(new PauseNote(journal, log, clock).read()?.untilMs, before + (isDate ? 0 : byMs))
    }
    note.write({ untilMs: null, isDate })
    wallMs += hourMs
    note.look()
    assert.equal(note.read()?.untilMs, null)
  }
})

test('a pause of an earlier version is one for so long', () => {
  const journal = { getSetting: () => '{"untilMs":5}', putSetting: () => {} }
  assert.deepEqual(new PauseNote(journal, log).read(), { untilMs: 5, isDate: false })
})

test('a pause that can no longer be read is a pause', () => {
  const settings = new Map([['pause', '{"untilMs":']])
  assert.deepEqual(start(settings).watch.judgement().reasons, ['paused'])
})

test('whoever watches gets the present view, then each change, and ends when they leave', async () => {
  const { watch } = start()
  const leaving = new AbortController()
  const sentences: string[] = []
  for await (const view of watchWhy(watch, () => origins, leaving.signal)) {
    sentences.push(view.sentence)
    if (sentences.length === 1) setImmediate(() => watch.pause(null))
    else leaving.abort()
  }
  assert.deepEqual(sentences, [
    'It may work: every rule allows it.',
    'It stands still: paused (until told otherwise; asked for: not paused).',
  ])
})

function start(settings = new Map<string, string>()) {
  const watch = new DeskWatch({
    preferences: defaultPreferences,
    network: 'auto',
    slotWatts: 10,
    trafficBytes: () => 0,
    journal: {
      getSetting: (name) => settings.get(name),
      putSetting: (name, value) => void settings.set(name, value),
    },
    log,
  })
  const verdicts: string[] = []
  watch.onChange(({ verdict }) => verdicts.push(verdict))
  return { watch, seen: () => verdicts }
}
