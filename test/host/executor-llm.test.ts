/** Models in the sandboxed child: what a stranger's model can do to a submitter's machine, and to a vehicle. */
import assert from 'node:assert/strict'
import { cpSync, mkdirSync, readdirSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { pino } from 'pino'
import { ProcessExecutor } from '../../src/host/executor/executor.ts'
import { lettersModel, withTemplate } from '../support/letters.ts'
import { temporaryDirectory } from '../support/store.ts'

const log = pino({ level: 'silent' })
const executor = new ProcessExecutor({ log, limits: { loadMsMax: 2000 } })
after(() => executor.close())

test('a model whose template never ends is given up within its limit, and the next one is loaded', async () => {
  const tried = (bytes: Uint8Array) => executor.tryWeight('llm', { name: 'model', bytes }, {})
  const endless = withTemplate('{% for i in range(1000000000) %}{% endfor %}')
  assert.equal(await tried(endless), 'too much work to open')
  assert.equal(await tried(lettersModel()), null)
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
