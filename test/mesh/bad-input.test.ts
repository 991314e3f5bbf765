/** What people get wrong, with real engines: one line, an exit code, and a node that lives. */

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { after, before, test } from 'node:test'
import { pino } from 'pino'
import { ProcessExecutor } from '../../src/host/executor/executor.ts'
import { serveLocal } from '../../src/host/local/server.ts'
import type { EngineDescription } from '../../src/runtimes/messages.ts'
import { assemblePng, encodePng, pngHeader } from '../support/images.ts'
import { launcher } from '../support/launcher.ts'
import { Mesh } from '../support/mesh.ts'
import { locked, pdfOf, textAt } from '../support/pdfs.ts'
import { wasmModule } from '../support/wasm/modules.ts'

const log = pino({ level: 'silent' })

/** Describing engines takes a second, and all nodes have the same. */
let described: Promise<EngineDescription[]> | undefined
/** Checks that a submitter with other software may leave out. */
let tries = true
class Engines extends ProcessExecutor {
  override describeEngines(): Promise<EngineDescription[]> {
    described ??= super.describeEngines()
    return described
  }

  override tryWeight(...tried: Parameters<ProcessExecutor['tryWeight']>): Promise<string | null> {
    return tries ? super.tryWeight(...tried) : Promise.resolve(null)
  }
}

let mesh: Mesh
before(async () => {
  mesh = await Mesh.start({ vehicles: 2, createExecutor: () => new Engines({ log }) })
})
after(() => mesh.stop())

test('what cannot be submitted is refused in one line that names it, and the node lives', async (t) => {
  const { submitter } = mesh
  const server = await serveLocal(submitter.api, submitter.dataDir, log)
  t.after(() => server.close())
  const page = join(mesh.folder, 'page.png')
  writeFileSync(page, blankPage())
  // Two stand for all: submission.test.ts has the rest, and the command line writes each of them the same way.
  const refused: readonly (readonly [args: readonly string[], said: RegExp])[] = [
    [['submit', join(mesh.folder, 'nowhere'), '--runtime', 'ocr'], /nowhere cannot be read/],
    [['status', 'bafynothing'], /no job 'bafynothing'/],
  ]
  for (const [args, said] of refused) {
    const { code, err } = await carpool([...args, '--data-dir', submitter.dataDir])
    assert.notEqual(code, 0, args.join(' '))
    assert.match(err, said)
    assert.match(err, /^carpool: .*\n$/)
  }
  const audited = await carpool(['audit', page])
  assert.notEqual(audited.code, 0)
  assert.match(audited.err, /not a whole report/)
  assert.equal(submitter.api.info().name, 'submitter')
})

test('a document that cannot be read is refused and not sent, and one that is only torn is an error in the output', async () => {
  const whole = blankPage()
  const documents: Readonly<Record<string, Uint8Array>> = {
    'a-blank.png': whole,
    'b-nothing.png': new Uint8Array(0),
    'c-letter.txt': Buffer.from('Dear Sirs'),
    'd-torn.png': whole.subarray(0, whole.byteLength - 40),
    'e-bomb.png': assemblePng(pngHeader(20_000, 20_000, 8, 0), new Uint8Array(0)),
  }
  const folder = join(mesh.folder, 'pages')
  mkdirSync(folder)
  for (const [name, bytes] of Object.entries(documents)) writeFileSync(join(folder, name), bytes)
  const { submitter } = mesh
  const request = mesh.request([], { paths: [folder], runtime: 'ocr', module: null })
  const { job, documents: sent, refused } = await submitter.api.submit(request)
  assert.equal(sent, 2)
  assert.deepEqual(
    refused.map(({ what, documents: names }) => [what, ...names]),
    [
      ['empty', 'b-nothing.png'],
      ['more than 40 megapixels', 'e-bomb.png'],
      ['text', 'c-letter.txt'],
    ],
  )
  await assert.rejects(
    submitter.api.submit({ ...request, strict: true }),
    /3 of 5 documents cannot be read: 1 empty \(.*\): .*; 1 more than 40 megapixels \(reduce it.*\): .*; 1 text \(.*\): .*; leave out --strict/,
  )
  const status = await submitter.ended(job)
  assert.equal(status.state, 'complete')
  assert.deepEqual(status.contradicted, [], 'it is nobody’s fault')
  const { lines } = await submitter.results(job)
  assert.deepEqual(
    lines.map(({ document, error }) => [document, error?.code ?? null]),
    [
      ['a-blank.png', null],
      ['d-torn.png', 'damaged-image'],
    ],
  )
})

test('pages of a PDF come back under its name, by their numbers', async () => {
  const { submitter } = mesh
  const folder = join(mesh.folder, 'books')
  mkdirSync(folder)
  const page = (number: number) => ({ content: textAt(72, 700, 12, `This is page ${number}.`) })
  writeFileSync(join(folder, 'book.pdf'), await locked(pdfOf([1, 2, 3].map(page)), 'sesame'))
  const passwordFile = join(mesh.folder, 'passwords')
  writeFileSync(passwordFile, 'sesame\n')
  const pages = [
    { first: 1, last: 1 },
    { first: 3, last: null },
  ]
  const request = mesh.request([], { paths: [folder], runtime: 'ocr', module: null, passwordFile, pages })
  const { job } = await submitter.api.submit(request)
  assert.equal((await submitter.ended(job)).state, 'complete')
  const { lines } = await submitter.results(job)
  assert.deepEqual(
    lines.map(({ document, page: number, result }) => [document, number, result?.text]),
    [1, 3].map((number) => ['book.pdf', number, `This is page ${number}.`]),
  )
})

test('a module that loops, traps or hoards fails its document and no other, and the vehicles live', async () => {
  const { submitter } = mesh
  const module = join(mesh.folder, 'moody.wasm')
  writeFileSync(module, await wasmModule('moody'))
  const texts = ['s spins', 't traps', 'x exits', 'f floods', 'well', 'z']
  const request = mesh.request(texts, { module, options: { pageCpuMsMax: 300 } })
  const { job } = await submitter.api.submit(request)
  const status = await submitter.ended(job)
  assert.equal(status.state, 'complete')
  assert.deepEqual(status.contradicted, [])
  const { lines } = await submitter.results(job)
  assert.deepEqual(
    lines.map(({ error }) => error?.code ?? null),
    ['cpu-limit', 'trap', 'exit-code', 'output-limit', null, null],
  )
  const { outcomes } = await submitter.status(job, 'it is counted', (now) => now.outcomes?.pages === 6)
  assert.equal(status.code, 'verified')
  assert.deepEqual([outcomes?.withError, outcomes?.failed, outcomes?.withWarning], [4, 0, 0])
  assert.deepEqual(
    outcomes?.errors.map(({ code, count }) => `${code} × ${count}`),
    ['cpu-limit × 1', 'exit-code × 1', 'output-limit × 1', 'trap × 1'],
  )
  await mesh.until('the list of jobs says so', () =>
    submitter.api.jobs().some((listed) => listed.job === job && listed.outcomes?.withError === 4),
  )
  for (const { api } of mesh.running()) assert.equal(api.info().vehicle.mode, 'run')
})

test('a file that is no module is refused before a job is made of it', async () => {
  const { api } = mesh.submitter
  const module = join(mesh.folder, 'letter.wasm')
  writeFileSync(module, 'not a module at all')
  const jobs = api.jobs().length
  await assert.rejects(
    api.submit(mesh.request(['x'], { module })),
    /no vehicle would run the module at .*letter\.wasm: .*not WebAssembly/,
  )
  assert.equal(api.jobs().length, jobs)
})

test('where a submitter tries nothing, a file that is no module fails every document of its job by name', async (t) => {
  tries = false
  t.after(() => {
    tries = true
  })
  const { submitter } = mesh
  const module = join(mesh.folder, 'notes.wasm')
  writeFileSync(module, 'not a module at all')
  const { job } = await submitter.api.submit(mesh.request(['x'], { module }))
  assert.equal((await submitter.ended(job)).state, 'complete')
  const { lines } = await submitter.results(job)
  assert.equal(lines[0]!.error?.code, 'not-a-wasi-command')
})

test('an address in use is said in one line', async () => {
  const taken = mesh
    .node('car-1')
    .api.info()
    .addresses[0]!.replace(/\/p2p\/.*/, '')
  const { code, err } = await carpool(['node', '--data-dir', join(mesh.folder, 'twin'), '--listen', taken])
  assert.equal(code, 1)
  assert.match(err, /in use/)
  assert.equal(
    err
      .trim()
      .split('\n')
      .filter((line) => line.startsWith('carpool:')).length,
    1,
  )
})

function blankPage(): Uint8Array {
  return encodePng({ width: 320, height: 240, pixels: new Uint8Array(320 * 240).fill(255) })
}

async function carpool(args: readonly string[]): Promise<{ code: number | null; out: string; err: string }> {
  const child = spawn(process.execPath, [launcher, ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
  const [out, err, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'exit')])
  return { code, out, err }
}
