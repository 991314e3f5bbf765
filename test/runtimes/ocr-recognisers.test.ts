/** Two recognisers, several languages, and the doubts that a record states. */
import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
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
import { surelyRead } from '../../src/runtimes/ocr/read-page.ts'
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

const engine = hasNative ? 'native' : 'exact'

/** As a job has it that names no language and no recogniser. */
let both: ReturnType<typeof ocr.load> | undefined
function loadBoth(): ReturnType<typeof ocr.load> {
  const sources = weightSources('ocr', submitDefaults)
  both ??= ocr.load(engine, new Map(sources.map((source) => [source.name, readWeights('ocr', source)])), {})
  return both
}

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

test('the letters of the demonstration are read as they were printed', { skip: !hasNative }, async () => {
  const samples = fileURLToPath(new URL('../../samples', import.meta.url))
  const session = await loadBoth()
  for (const letter of readdirSync(join(samples, 'truth/letters'))) {
    const scan = readFileSync(join(samples, 'scans/letters', letter.replace('.txt', '.png')))
    const { text } = await session.run(scan, 0)
    const truth = readFileSync(join(samples, 'truth/letters', letter), 'utf8')
    assert.deepEqual(text.split(/\s+/), truth.trim().split(/\s+/), letter)
  }
})

test('a clean page in a script that neither recogniser knows says so, however sure one of them is', async () => {
  const both = await loadBoth()
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

test('a page in another language is read in it, and its lines that leave doubt in the others', async () => {
  const eng = reader(
    [
      ['schon wie fiir eine Grofe Briicke', 0.8],
      ['a line in which there is no doubt', 0.97],
    ],
    ['a second look', 0.83],
  )
  const fra = reader([], ['schôn wie fûr eine grosse Brûcke', 0.89])
  const doubt: [string, number] = ['on ne sait pas', 0.84]
  const deu = reader(
    [['schön wie für eine große Brücke', 0.95], ['a line', 0.93], doubt],
    ['wie für eine große Brücke', 0.94],
  )
  const text = readByTesseract([eng.reads, fra.reads, deu.reads], blank).map((line) => line.text)
  assert.deepEqual(text, ['schön wie für eine große Brücke', 'a line', 'schôn wie fûr eine grosse Brûcke'])
  assert.deepEqual(
    [eng.asked, fra.asked, deu.asked],
    [
      [3, 7, 7],
      [7, 7],
      [7, 3],
    ],
  )
  const again = readByTesseract([eng.reads, fra.reads, deu.reads], blank)[2]!
  assert.equal(again.words[0]!.box.left, 50 + (50 - 8), 'on the page, and not on the picture of the line')
})

test('a language that is surer by no more than a second look of the first reads nothing, and none reads what is clean', async () => {
  const sure: [string, number] = ['a line in which there is no doubt', 0.97]
  for (const [unsure, secondLook, asked] of [
    [0.85, 0.92, [7]],
    [0.92, 0.92, []],
    [0.97, 0.97, []],
  ] as const) {
    const eng = reader([sure, ['how goad it is', unsure]], ['how good it is', secondLook])
    const deu = reader([['never read', 1]], ['how göod it is', 0.94])
    assert.deepEqual(
      readByTesseract([eng.reads, deu.reads], blank).map((line) => line.text),
      [sure[0], 'how goad it is'],
    )
    assert.deepEqual(deu.asked, asked)
  }
})

test('a second opinion is taken on doubtful lines, unless they have letters that its dictionary lacks, or it reads other signs alone', async () => {
  const characters = ['a', 'b', ' ']
  let runs = 0
  let classes = 4
  /** Blank, 'a', blank, 'b'. */
  const recogniser = {
    async run() {
      runs += 1
      const data = new Float32Array(4 * classes)
      for (const [column, best] of [0, 1, 0, 2].entries()) data[classes * column + best] = 1
      return { data, dims: [1, 4, classes] }
    },
  }
  const models = { detector: recogniser, recogniser, characters }
  const box = { left: 50, right: 800, top: 20, bottom: 50 }
  const read = [
    { text: 'b b', words: [], box, confidence: 0.5 },
    { text: 'b b', words: [], box, confidence: 0.95 },
    { text: 'a b', words: [], box, confidence: 0.5 },
    { text: 'ä b', words: [], box, confidence: 0.5 },
  ]
  const reviewed = await secondOpinion(models, blank, read)
  assert.deepEqual(
    reviewed.map((line) => line.text),
    ['ab', 'b b', 'a b', 'ä b'],
    'nor where it lost a space',
  )
  assert.equal(runs, 2)
  classes = 6
  const signs = [{ text: 'a,b;', words: [], box, confidence: 0.5 }]
  assert.deepEqual(
    await secondOpinion({ ...models, characters: ['a', 'b', ',', ';', ' '] }, blank, signs),
    signs,
  )
  const [word] = reviewed[0]!.words
  assert.deepEqual([word?.text, word?.confidence, word?.box.top, word?.box.bottom], ['ab', 1, 20, 50])
  assert(word!.box.left > 130 && word!.box.right <= 805, 'where the decoder saw its letters')
})

test('cells of a row that stand far apart get a second opinion one by one, and keep the space between them', async () => {
  const recogniser = {
    async run() {
      const data = new Float32Array(4 * 4)
      for (const [column, best] of [0, 1, 0, 2].entries()) data[4 * column + best] = 1
      return { data, dims: [1, 4, 4] }
    },
  }
  const models = { detector: recogniser, recogniser, characters: ['a', 'b', ' '] }
  const word = (text: string, left: number, right: number, confidence: number) => ({
    text,
    box: { left, right, top: 20, bottom: 50 },
    confidence,
  })
  const words = [
    word('a', 50, 70, 0.95),
    word('b', 85, 100, 0.95),
    word('bb', 300, 340, 0.5),
    word('bb', 700, 740, 0.6),
  ]
  const box = { left: 50, right: 740, top: 20, bottom: 50 }
  const [line] = await secondOpinion(models, blank, [{ text: 'a b bb bb', words, box, confidence: 0.7 }])
  assert.equal(line!.text, 'a b ab ab')
  assert.deepEqual(line!.words.slice(0, 2), words.slice(0, 2))
  assert(line!.words[2]!.box.right < 400 && line!.words[3]!.box.left > 650, 'each where its cell is')
})

test('of both ways up the one counts that says most, by how sure it is: one number of a page is not its text', () => {
  const box = { left: 0, right: 9, top: 0, bottom: 9 }
  const line = (text: string, confidence: number) => ({ text, words: [], box, confidence })
  const upright = [line('TOTAL. 98.61', 0.96), line('THANKY OU PLEASE', 0.97)]
  assert(surelyRead([line('1986', 0.99)]) < surelyRead(upright))
  const headDown = [line('19.86 7VLOL', 0.5), line('ASVA7d NOA XNVHL', 0.6)]
  assert(surelyRead(headDown) < surelyRead(upright))
  assert.equal(surelyRead([]), 0)
})
