/** A submitter whose client has been changed to send what ours refuses: the vehicles that get its offer refuse it, too. */
import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join, relative } from 'node:path'
import { after, before, test } from 'node:test'
import { pino } from 'pino'
import { ProcessExecutor } from '../../src/host/executor/executor.ts'
import { ocrWeights } from '../../src/runtimes/ocr/description.ts'
import { runtimes } from '../../src/runtimes/registry.ts'
import type { WeightFile } from '../../src/runtimes/runtime.ts'
import { encodePng } from '../support/images.ts'
import { Mesh } from '../support/mesh.ts'
import { spellingModel } from '../support/onnx.ts'

const log = pino({ level: 'silent' })
let mesh: Mesh
before(async () => {
  mesh = await Mesh.start({ vehicles: 2, createExecutor: () => new ProcessExecutor({ log }) })
})
after(() => mesh.stop())

test('vehicles refuse a job whose model names the private key of one of them, alike, and nobody is blamed', async (t) => {
  const { submitter } = mesh
  const keyPath = join(mesh.node('car-1').dataDir, 'node.key')
  const evil = join(mesh.folder, 'evil.onnx')
  writeFileSync(evil, spellingModel(keyPath.slice(1), readFileSync(keyPath).byteLength))
  changeClient(evil, t.after.bind(t))
  const page = join(mesh.folder, 'page.png')
  writeFileSync(page, encodePng({ width: 200, height: 100, pixels: new Uint8Array(20_000).fill(240) }))
  const engine = submitter.api.peers().some(({ engines }) => engines.some((one) => one.engine === 'native'))
    ? 'native'
    : 'exact'
  const request = mesh.request([], { paths: [page], runtime: 'ocr', module: null, engine })
  const { job } = await submitter.api.submit(request)
  const status = await submitter.ended(job)
  assert.equal(status.state, 'complete')
  assert.deepEqual(status.contradicted, [])
  const { lines } = await submitter.results(job)
  assert.deepEqual(
    lines.map(({ error }) => [error?.code, error?.message]),
    [['bad-weights', 'the model keeps data in another file']],
  )
  assert.doesNotMatch(JSON.stringify(lines), /PRIVATE KEY/)
})

/** The submitter runs in this process; children, which look at models, are processes of their own. */
function changeClient(model: string, after: (restore: () => void) => void): void {
  assert('files' in ocrWeights)
  const files = ocrWeights.files as Record<string, WeightFile>
  const ocr = runtimes.ocr as { faultOfWeights: (name: string, bytes: Uint8Array) => string | null }
  const [recognition, faultOfWeights] = [files.recognition, ocr.faultOfWeights]
  const { package: name, folder } = recognition!
  const beside = join(dirname(createRequire(import.meta.url).resolve(name)), folder)
  files.recognition = { package: name, folder, file: relative(beside, model) }
  ocr.faultOfWeights = () => null
  after(() => {
    files.recognition = recognition!
    ocr.faultOfWeights = faultOfWeights
  })
}
