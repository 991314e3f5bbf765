/** Two recognisers, several languages, and the doubts that a record states. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import test from 'node:test'
import { fileURLToPath } from 'node:url'
import { readWeights, weightSources } from '../../src/host/submission/weights.ts'
import { submitDefaults } from '../../src/host/submit-defaults.ts'
import { decodePage } from '../../src/runtimes/imaging/document.ts'
import type { GrayImage } from '../../src/runtimes/imaging/gray-image.ts'
import { quarterTurned } from '../../src/runtimes/imaging/turn.ts'
import { secondOpinion } from '../../src/runtimes/ocr/by-paddle.ts'
import { readByTesseract } from '../../src/runtimes/ocr/by-tesseract.ts'
import { ocr } from '../../src/runtimes/ocr/ocr.ts'
import type { TextLine } from '../../src/runtimes/ocr/page-text.ts'
import type { PageReader, Word } from '../../src/runtimes/ocr/tesseract.ts'
import { traineddataFault } from '../../src/runtimes/ocr/traineddata.ts'
import { isOfAnotherScript } from '../../src/runtimes/ocr/warnings.ts'
import { encodePng } from '../support/images.ts'

const { resolve } = createRequire(import.meta.url)
const english = readFileSync(
  join(dirname(resolve('@tesseract.js-data/eng/package.json')), '4.0.0_best_int/eng.traineddata.gz'),
)
const hasNative = (await ocr.engines()).some(({ engine }) => engine === 'native')
const onlyTesseract = new Map([['traineddata-0-eng', english]])

/** The first lines of a page with little grain. */
const rabbit = await decodePage(
  readFileSync(fileURLToPath(new URL('../../samples/scans/rabbit.jpg', import.meta.url))),
  0,
)
const lines: GrayImage = {
  width: rabbit.width,
  height: 346,
  pixels: rabbit.pixels.subarray(0, rabbit.width * 346),
}

interface PageRecord {
  readonly text: string
  readonly turnedDegrees: number
  readonly model: string
  readonly warnings: readonly string[]
  readonly lines: readonly { readonly text: string; readonly box: readonly (readonly [number, number])[] }[]
}

const parse = (output: Uint8Array) => JSON.parse(new TextDecoder().decode(output)) as PageRecord

test('by tesseract alone, a page reads the same whichever way up it comes, leaves no trace, and says that it was turned', async () => {
  const session = await ocr.load('exact', onlyTesseract, { model: 'tesseract' })
  const read = async (turns: number) => (await session.run(encodePng(quarterTurned(lines, turns)), 0)).output
  const first = await read(0)
  const upright = parse(first)
  assert.match(upright.text, /^Down the Rabbit-Hole\nAlice was beginning to get very tired/)
  assert.deepEqual([upright.model, upright.turnedDegrees, upright.warnings], ['tesseract', 0, []])
  for (const [turns, degrees, warning] of [
    [1, 270, 'page-turned-90'],
    [2, 180, 'page-turned-180'],
    [3, 90, 'page-turned-90'],
  ] as const) {
    const turned = parse(await read(turns))
    assert.equal(turned.text, upright.text)
    assert.deepEqual([turned.turnedDegrees, turned.warnings], [degrees, [warning]])
    const [start, end] = turned.lines[1]!.box
    const [along, down] = [end![0] - start![0], end![1] - start![1]]
    assert.ok([along, down, -along, -down][turns]! > 300, `the second line runs from ${start} to ${end}`)
  }
  assert.deepEqual(await read(0), first)
})

test('ink that is no text is a page of which nothing was read; a blank page has no such warning', async () => {
  const session = await ocr.load('exact', onlyTesseract, { model: 'tesseract' })
  const page = { width: 300, height: 300, pixels: new Uint8Array(90_000).fill(255) }
  assert.deepEqual(parse((await session.run(encodePng(page), 0)).output).warnings, [])
  for (let y = 100; y < 200; y += 1) page.pixels.fill(0, y * 300 + 100, y * 300 + 200)
  const { text, warnings } = parse((await session.run(encodePng(page), 0)).output)
  assert.deepEqual([text, warnings], ['', ['nothing-read']])
})

test('a clean page in a script that neither recogniser knows says so, however sure one of them is', async () => {
  const sources = weightSources('ocr', submitDefaults)
  const weights = new Map(sources.map((source) => [source.name, readWeights('ocr', source)]))
  const engine = hasNative ? 'native' : 'exact'
  const both = await ocr.load(engine, weights, {})
  const tesseract = await ocr.load(engine, onlyTesseract, { model: 'tesseract' })
  for (const [script, session] of [
    ['russian', both],
    ['greek', both],
    ['arabic', both],
    ['russian', tesseract],
  ] as const) {
    const page = readFileSync(new URL(`scripts/${script}.png`, import.meta.url))
    const { warnings, text } = parse((await session.run(page, 0)).output)
    assert(warnings.includes('script-not-covered'), `${script}: ${warnings.join()} ${text}`)
  }
  const { warnings } = parse((await both.run(encodePng(lines), 0)).output)
  assert.deepEqual(warnings, [])
})

test('another script is told by what both recognisers make of clear letters, and of nothing else', () => {
  const line = (text: string, confidence: number): TextLine => ({
    ...{ text, confidence, words: [] },
    box: { left: 0, top: 0, right: 9, bottom: 9 },
  })
  const [latin, chinese] = ['abcde '.repeat(20), '中文字'.repeat(20)]
  const clear = { letterHeight: 12 }
  const low = [line(latin, 0.4)]
  assert(isOfAnotherScript(clear, low, low))
  assert(isOfAnotherScript(clear, [], [line(latin, 0.89)]))
  // Measured on 51 made pages: 0.846 at least.
  const known = [line(latin, 0.8)]
  assert(!isOfAnotherScript(clear, known, known))
  assert(!isOfAnotherScript(clear, low, [line(latin, 0.97)]), 'a letter type that one of them knows')
  assert(!isOfAnotherScript(clear, low, [line(chinese, 0.85)]), 'Chinese is read')
  assert(!isOfAnotherScript({ letterHeight: 6 }, low, low), 'letters too small to be clear')
  assert(!isOfAnotherScript({ letterHeight: undefined }, low, low), 'a page of no letters')
  assert(!isOfAnotherScript(clear, [line('ab', 0.3)], [line('ab', 0.3)]), 'a picture')
})

test('a model without its weights is refused at load', async () => {
  const none = new Map<string, Uint8Array>()
  for (const [weights, model] of [
    [none, 'tesseract'],
    [none, 'auto'],
    [onlyTesseract, 'paddle'],
    [new Map([['traineddata-0-eng', new Uint8Array(100)]]), 'tesseract'],
  ] as const)
    await assert.rejects(ocr.load('exact', weights, { model }), { code: 'bad-weights' })
})

test('traineddata is known by its table of contents', async () => {
  assert.equal(traineddataFault(english), null)
  assert.match(traineddataFault(english.subarray(0, 1000))!, /gzip/)
  for (const bytes of [new Uint8Array(2), new Uint8Array(300), new Uint8Array(300).fill(255)])
    assert.match(traineddataFault(bytes)!, /traineddata/)
  const damaged = new Uint8Array(4 + 8 * 24 + 10)
  const view = new DataView(damaged.buffer)
  view.setInt32(0, 24, true)
  for (let entry = 0; entry < 24; entry += 1) view.setBigInt64(4 + 8 * entry, -1n, true)
  assert.match(traineddataFault(damaged)!, /no LSTM network/)
  view.setBigInt64(4 + 8 * 17, 10_000n, true)
  assert.match(traineddataFault(damaged)!, /damaged/)
})

const blank: GrayImage = { width: 900, height: 200, pixels: new Uint8Array(180_000).fill(255) }

/** Reads two lines; a single line it reads as `again`. */
function reader(words: readonly [string, number][], again: readonly [string, number] = ['never', 0]) {
  const asked: number[] = []
  const said = ([text, confidence]: readonly [string, number], place: number): Word => ({
    text,
    confidence,
    box: { left: 50, right: 800, top: 20 + 60 * place, bottom: 50 + 60 * place },
    startsLine: true,
  })
  const reads: PageReader = {
    layout: () => [],
    read(_, mode) {
      asked.push(mode)
      return mode === 7 ? [said(again, 0)] : words.map(said)
    },
  }
  return { reads, asked }
}

test('another language reads only the lines that the first is unsure of, and only where it is surer', async () => {
  const sure: [string, number] = ['a line in which there is no doubt', 0.97]
  const unsure: [string, number] = ['schon wie fiir eine Grofe Briicke', 0.85]
  const eng = reader([sure, unsure])
  const deu = reader([], ['schön wie für eine große Brücke', 0.95])
  const fra = reader([], ['schôn wie fûr eine grosse Brûcke', 0.86])
  const text = readByTesseract([eng.reads, fra.reads, deu.reads], blank).map((line) => line.text)
  assert.deepEqual(text, ['a line in which there is no doubt', 'schön wie für eine große Brücke'])
  assert.deepEqual([fra.asked, deu.asked], [[7], [7, 7]])
  const [again] = readByTesseract([eng.reads, deu.reads], blank).slice(1)
  assert.deepEqual(again!.words.map((word) => word.text).join(' '), again!.text)
  assert.equal(again!.words[0]!.box.left, 50 + (50 - 8), 'on the page, and not on the picture of the line')
  const clean = reader([sure, sure])
  const idle = reader([], ['never asked for', 1])
  readByTesseract([clean.reads, idle.reads], blank)
  assert.deepEqual(idle.asked, [])
})

test('a second opinion is taken on doubtful lines, unless they have letters that its dictionary lacks', async () => {
  const characters = ['a', 'b', ' ']
  let runs = 0
  /** Blank, 'a', blank, 'b'. */
  const recogniser = {
    async run() {
      runs += 1
      const data = new Float32Array(16)
      for (const [column, best] of [0, 1, 0, 2].entries()) data[4 * column + best] = 1
      return { data, dims: [1, 4, 4] }
    },
  }
  const models = { detector: recogniser, recogniser, characters }
  const box = { left: 50, right: 800, top: 20, bottom: 50 }
  const read = [
    { text: 'a b', words: [], box, confidence: 0.5 },
    { text: 'a b', words: [], box, confidence: 0.95 },
    { text: 'ä b', words: [], box, confidence: 0.5 },
  ]
  const reviewed = await secondOpinion(models, blank, read)
  assert.deepEqual(
    reviewed.map((line) => line.text),
    ['ab', 'a b', 'ä b'],
  )
  assert.equal(runs, 1)
  const [word] = reviewed[0]!.words
  assert.deepEqual([word?.text, word?.confidence, word?.box.top, word?.box.bottom], ['ab', 1, 20, 50])
  assert(word!.box.left > 130 && word!.box.right <= 805, 'where the decoder saw its letters')
})
