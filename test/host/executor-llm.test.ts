/** Models in the sandboxed child: what a stranger's model can do to a submitter's machine, and to a vehicle. */
import assert from 'node:assert/strict'
import { cpSync, createReadStream, mkdirSync, readdirSync, statSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { pino } from 'pino'
import { type SessionSpec, SlotKilled } from '../../src/host/executor/contract.ts'
import { ProcessExecutor } from '../../src/host/executor/executor.ts'
import { statOf } from '../../src/host/executor/usage.ts'
import { childrenCpuSeconds } from '../runner/cpu.ts'
import { lettersModel, lettersModelPath, withTemplate } from '../support/letters.ts'
import { temporaryDirectory } from '../support/store.ts'
import { standsStill } from '../support/threads.ts'

const log = pino({ level: 'silent' })
test('a model whose template never ends is given up within its limit, and the next one is loaded', async () => {
  const tried = (bytes: Uint8Array) => executor.tryWeight('llm', { name: 'model', bytes }, {})
  let executor = new ProcessExecutor({ log })
  const before = childrenCpuSeconds()
  assert.equal(await tried(lettersModel()), null)
  await executor.close()
  // What a good model takes on this machine, as busy as it is now.
  const goodMs = (childrenCpuSeconds() - before) * 1000
  executor = new ProcessExecutor({ log, limits: { loadMsMax: 2 * goodMs } })
  const endless = withTemplate('{% for i in range(1000000000) %}{% endfor %}')
  try {
    assert.equal(await tried(endless), 'too much work to open')
    assert.equal(await tried(lettersModel()), null)
  } finally {
    await executor.close()
  }
})

test('a vehicle without the engine’s package says so, and offers all others', async (t) => {
  const [folder] = [temporaryDirectory(t)]
  const root = fileURLToPath(new URL('../..', import.meta.url))
  for (const name of ['src', 'package.json'])
    cpSync(join(root, name), join(folder, name), { recursive: true })
  mkdirSync(join(folder, 'node_modules', '@fugood'), { recursive: true })
  for (const name of readdirSync(join(root, 'node_modules')))
    if (name !== '@fugood') symlinkSync(join(root, 'node_modules', name), join(folder, 'node_modules', name))
  const other = (await import(join(folder, 'src/host/executor/executor.ts'))) as {
    ProcessExecutor: typeof ProcessExecutor
  }
  const lacking = new other.ProcessExecutor({ log })
  try {
    const engines = await lacking.describeEngines()
    assert.deepEqual(
      new Set(
        engines
          .map(({ runtime, engine }) => `${runtime}/${engine}`)
          .filter((name) => !name.endsWith('native')),
      ),
      new Set(['ocr/exact', 'wasm/exact']),
    )
    const withheld = await lacking.withheldEngines()
    const [{ why } = { why: '' }] = withheld.filter(({ runtime }) => runtime === 'llm')
    assert.match(why, /@fugood\/node-llama-wasm 1.7.15 is not installed/)
  } finally {
    await lacking.close()
  }
})

const { size: bytes } = statSync(lettersModelPath)
const model = { bytes, path: lettersModelPath, read: () => createReadStream(lettersModelPath) }
const session: SessionSpec = {
  ...{ key: 'letters', runtime: 'llm', engine: 'exact', options: {} },
  weights: async () => new Map([['model', model]]),
}

/** Drawn, so that one token that differs changes all that follow. */
function requestOf(max_tokens: number): Uint8Array {
  const messages = [{ role: 'user', content: 'In the beginning God created' }]
  return Buffer.from(JSON.stringify({ messages, max_tokens, temperature: 1, seed: 11 }))
}

test('an answer that was frozen in the middle of it, again and again, has the same bytes', async () => {
  const pids: number[] = []
  const own = new ProcessExecutor({ log })
  own.observe({ began: (pid) => pids.push(pid), ended: () => {} })
  const slot = own.openSlot()
  try {
    await slot.prepare(session)
    const whole = await slot.run(requestOf(400), 0)
    const [pid] = pids
    const usedMs = () => statOf(pid!)!.cpuMs
    let [isDone, freezes] = [false, 0]
    const again = slot.run(requestOf(400), 0).finally(() => {
      isDone = true
    })
    again.catch(() => {}) // else its end hides what failed
    while (!isDone) {
      const before = usedMs()
      while (!isDone && usedMs() === before) await pause(1)
      slot.freeze()
      while (!standsStill(pid!)) await pause(1)
      const frozen = usedMs()
      await pause(20)
      assert.equal(usedMs(), frozen, 'it computes nothing while it is frozen')
      if (!isDone) freezes += 1
      slot.resume()
    }
    const { output, units } = await again
    assert.deepEqual(Buffer.from(output), Buffer.from(whole.output))
    assert.deepEqual(units, whole.units)
    assert(freezes > 1, 'it was frozen in the middle')
    assert.equal(pids.length, 1, 'by the same process')
  } finally {
    await own.close()
  }
})

test('a vehicle that leaves has the answers that are finished, and loses the one under way', async () => {
  const own = new ProcessExecutor({ log })
  const slot = own.openSlot()
  try {
    await slot.prepare(session)
    const [first, second, last] = [2, 2, 480].map((count) => slot.run(requestOf(count), 0))
    last!.catch(() => {})
    assert.deepEqual(
      (await Promise.all([first!, second!])).map(({ units }) => units?.output),
      [2, 2],
    )
    await slot.kill()
    await assert.rejects(last!, SlotKilled)
  } finally {
    await own.close()
  }
})
