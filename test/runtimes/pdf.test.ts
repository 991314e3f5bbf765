/** Pages of PDFs: drawn, cut, and read by the text that they have in themselves. */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import test from 'node:test'
import wabt from 'wabt'
import { characterErrorRate } from '../../src/base/text-distance.ts'
import { ocr } from '../../src/runtimes/ocr/ocr.ts'
import { readPdfPage } from '../../src/runtimes/ocr/pdf-page.ts'
import { shapeOfPdf } from '../../src/runtimes/pdf/inspection.ts'
import { openPdf, pdfiumDecoder } from '../../src/runtimes/pdf/pdfium.ts'
import { drawPage, type PdfPicture } from '../../src/runtimes/pdf/picture.ts'
import { cutPages } from '../../src/runtimes/pdf/pieces.ts'
import { textLayerOf } from '../../src/runtimes/pdf/text-layer.ts'
import { imageAt, locked, type PdfPage, pdfOf, textAt } from '../support/pdfs.ts'

const prose = [
  'The parcel left the harbour on a quiet morning and came to',
  'the village before noon. Nobody had asked for it, yet',
  'everybody wanted to see what was inside.',
]
const lines = (x: number, top: number, texts: readonly string[], size = 12): string =>
  texts.map((text, i) => textAt(x, top - i * size * 1.25, size, text)).join('')
const typed: PdfPage = { content: lines(72, 700, prose) }
const plain = { dpi: 0, takesText: true, hasWords: true }

test('a page that was typed is its text, and its record says so', async () => {
  const record = await recordOf(pdfOf([typed]))
  assert.equal(record.text, prose.join('\n'))
  assert.deepEqual(
    [record.model, record.dpi, record.width, record.height, record.warnings],
    ['text-layer', 200, 1652, 2338, []],
  )
  const [left, top] = record.lines[0]!.box[0]!
  const { words } = record.lines[1]!
  assert.equal(words.map(({ text }) => text).join(' '), prose[1])
  assert(
    words.every(({ box }, i) => i === 0 || box[0]! >= words[i - 1]!.box[2]!),
    'words follow each other',
  )
  assert(Math.abs(left! - 200) < 6 && Math.abs(top! - ((842 - 709) * 200) / 72) < 12, `${left}, ${top}`)
})

test('columns are read one after the other, rows of a table across, and a raised figure belongs to its word', async () => {
  const left = [
    'On the left one reads',
    'of a clerk who cut the',
    'string and smiled, and',
    'then went home to rest.',
  ]
  const right = [
    'On the right there is',
    'another tale, of a ship',
    'that came too late and',
    'lay there over night.',
  ]
  // Drawn row by row, as some programs write columns.
  const rows = left.map(
    (text, i) => textAt(60, 700 - 15 * i, 12, text) + textAt(210, 700 - 15 * i, 12, right[i]!),
  )
  const columns = await recordOf(pdfOf([{ content: rows.join('') }]))
  assert.equal(columns.text, [...left, ...right].join('\n'))
  const cells = [
    ['Tea', '3', '4.50'],
    ['Bread', '12', '30.00'],
    ['Milk', '1', '0.90'],
  ]
  const table = cells.flatMap((row, y) => row.map((cell, x) => textAt(72 + 150 * x, 700 - 20 * y, 12, cell)))
  const read = await recordOf(pdfOf([{ content: table.join('') }]))
  assert.equal(read.text, cells.map((row) => row.join(' ')).join('\n'))
  const raised = await recordOf(
    pdfOf([{ content: `${textAt(72, 700, 12, 'as it was shown')}${textAt(156, 704, 7, '12')}` }]),
  )
  assert.equal(raised.text, 'as it was shown12')
})

for (const quarters of [1, 2, 3])
  test(`a page that is turned by ${90 * quarters} degrees is drawn upright, and its text read as it is seen`, async () => {
    const turned = turnedPage(quarters)
    const upright = await drawn(pdfOf([typed]))
    const seen = await drawn(pdfOf([turned]))
    assert.deepEqual([seen.width, seen.height], [upright.width, upright.height])
    const different = seen.pixels.filter((level, i) => Math.abs(level - upright.pixels[i]!) > 128).length
    assert(different < 1500, `${different} pixels differ`)
    assert.equal((await recordOf(pdfOf([turned]))).text, prose.join('\n'))
  })

test('text that runs down the page is not taken for lines across: the page is read from its picture', async () => {
  const down = prose
    .map((text, i) => `BT /F1 12 Tf 0 1 -1 0 ${100 + 15 * i} 100 Tm (${text}) Tj ET\n`)
    .join('')
  await isPicture(pdfOf([{ content: down }]))
})

test('only what the crop box shows is drawn, and only its text taken', async () => {
  const cropped = pdfOf([
    {
      content: `${textAt(72, 700, 12, 'within the box')}${textAt(72, 100, 12, 'outside')}`,
      more: '/CropBox[50 600 400 750]',
    },
  ])
  const record = await recordOf(cropped)
  assert.equal(record.text, 'within the box')
  assert.deepEqual([record.width, record.height], [972, 416])
})

test('the hidden text of a scan is not believed, nor are pictures with a word or two beside them', async () => {
  const scan = { width: 400, height: 560, pixels: new Uint8Array(400 * 560).fill(200) }
  const hidden = `${imageAt(0, 0, 595, 842)}3 Tr\n${typed.content}`
  await isPicture(pdfOf([{ content: hidden, images: [scan] }]))
  await isPicture(pdfOf([{ content: `3 Tr\n${typed.content}` }]))
  await isPicture(pdfOf([{ content: `${textAt(72, 750, 12, 'Page 1 of a scan')}3 Tr\n${typed.content}` }]))
  await isPicture(pdfOf([{ content: `${typed.content}${imageAt(0, 0, 595, 842)}`, images: [scan] }]))
  const figure = await recordOf(
    pdfOf([{ content: typed.content + imageAt(72, 100, 300, 300), images: [scan] }]),
  )
  assert.deepEqual([figure.model, figure.warnings], ['text-layer', ['pictures-not-read']])
})

test('a font that maps letters to other letters, or to none, is not believed', async () => {
  const shifted = prose.map((text) =>
    text.replaceAll(/[a-z]/gi, (letter) =>
      String.fromCharCode(letter.charCodeAt(0) === 122 ? 97 : letter.charCodeAt(0) + 1),
    ),
  )
  await isPicture(pdfOf([{ content: lines(72, 700, shifted) }]))
  const withMap = (ranges: readonly string[]) => {
    const cmap = `/CIDInit /ProcSet findresource begin begincmap 1 begincodespacerange <00> <FF> endcodespacerange ${ranges.length} beginbfrange ${ranges.join(' ')} endbfrange endcmap end`
    const font = '<</Type/Font/Subtype/Type1/BaseFont/Helvetica/Encoding/WinAnsiEncoding/ToUnicode 4 0 R>>'
    const content = lines(72, 700, prose).replaceAll('/F1', '/F9')
    // The font of Times, which nothing uses, becomes the map.
    const file = Buffer.from(pdfOf([{ content, fonts: { F9: font } }]))
      .toString('latin1')
      .replace(
        /4 0 obj\n.*\nendobj/,
        `4 0 obj\n<</Length ${cmap.length}>>\nstream\n${cmap}\nendstream\nendobj`,
      )
    return Buffer.from(file, 'latin1')
  }
  assert.equal((await recordOf(withMap(['<20> <7E> <0020>']))).text, prose.join('\n'))
  await isPicture(withMap(['<20> <7E> <E020>']))
  await isPicture(withMap(['<20> <64> <0020>', '<65> <65> <E065>', '<66> <7E> <0066>']))
})

test('text that is drawn as shapes is read from the picture', async () => {
  const glyph = (x: number, y: number) =>
    `${x} ${y} m ${x + 2} ${y + 7} l ${x + 4} ${y} l ${x + 3} ${y} l ${x + 2} ${y + 4} l ${x + 1} ${y} l f\n`
  const shapes = Array.from({ length: 600 }, (_, i) =>
    glyph(72 + 7 * (i % 60), 600 - 15 * Math.floor(i / 60)),
  )
  await isPicture(pdfOf([{ content: textAt(72, 700, 12, 'Page 1') + shapes.join('') }]))
})

test('form fields and notes are drawn, and cut pages carry them as text', async () => {
  const appearance = 'q BT /F1 12 Tf 2 4 Td (filled in by hand) Tj ET Q'
  const widget = `/Annots[<</Type/Annot/Subtype/Widget/FT/Tx/T(name)/V(filled in by hand)/F 4/Rect[72 500 300 520]/AP<</N 9 0 R>>>>]`
  const file = Buffer.from(pdfOf([{ content: textAt(72, 700, 12, 'Your name:'), more: widget }]))
    .toString('latin1')
    .replace(
      'xref\n0 7',
      `9 0 obj\n<</Type/XObject/Subtype/Form/BBox[0 0 228 20]/Resources<</Font<</F1 3 0 R>>>>/Length ${appearance.length}>>\nstream\n${appearance}\nendstream\nendobj\nxref\n0 7`,
    )
  const bytes = Buffer.from(file, 'latin1')
  await isPicture(bytes)
  const [piece] = await cutPages(bytes, [], [[0]])
  assert.equal((await recordOf(piece!)).text, 'Your name:\nfilled in by hand')
})

test('a picture is drawn on white, with what is transparent in it, and CMYK in its colours', async () => {
  const content = '/G0 gs 0 0 0 rg 100 100 100 100 re f\n/G1 gs 0 0 0 1 k 300 100 100 100 re f\n'
  const more = '/Group<</S/Transparency/CS/DeviceRGB>>'
  const file = Buffer.from(pdfOf([{ content, more }]))
    .toString('latin1')
    .replace('/XObject<<', '/ExtGState<</G0<</ca 0.5>>/G1<</ca 1>>>>/XObject<<')
  const { pixels, width } = await drawn(Buffer.from(file, 'latin1'), 72)
  const at = (x: number, y: number) => pixels[(842 - y) * width + x]!
  assert.equal(at(10, 10), 255)
  assert(Math.abs(at(150, 150) - 128) <= 2, `${at(150, 150)}`)
  assert(at(350, 150) < 60, `${at(350, 150)}`)
})

test('the same page is the same bytes on every machine, and after a file that breaks PDFium', async () => {
  const digests: string[] = []
  for (const _ of [1, 2]) {
    const { pixels } = await drawn(
      pdfOf([{ content: lines(72, 700, prose) + lines(72, 400, prose, 9).replaceAll('/F1', '/F2') }]),
    )
    digests.push(createHash('sha256').update(pixels).digest('hex').slice(0, 16))
    await readPdfPage(pdfOf([typed]).fill(0x5a, 300, 500), 0, plain).catch(() => undefined)
  }
  assert.deepEqual(digests, [pinned, pinned])
})
const pinned = '617aab0b08091f13'

test('PDFium has neither threads nor relaxed SIMD, which may differ between processors', async () => {
  const { readWasm } = await wabt()
  const off = { threads: false, relaxed_simd: false, tail_call: false, memory64: false }
  const on = {
    mutable_globals: true,
    sat_float_to_int: true,
    sign_extension: true,
    multi_value: true,
    bulk_memory: true,
    reference_types: true,
    simd: true,
  }
  const module = readWasm(readFileSync(pdfiumDecoder.path), { readDebugNames: false, ...on, ...off } as never)
  module.validate()
  module.destroy()
})

test('pages are cut into files of their own: the same each time, unlocked, and with their own text alone', async () => {
  const book = pdfOf(
    Array.from({ length: 20 }, (_, i) => ({ content: textAt(72, 700, 12, `This is page number ${i + 1}.`) })),
  )
  const secret = await locked(book, 'öpen sesame')
  for (const [file, passwords] of [
    [book, []],
    [secret, ['wrong', 'öpen sesame']],
  ] as const) {
    const groups = [[0], [4, 5], [19], [20]]
    const pieces = await cutPages(file, passwords, groups)
    const again = await cutPages(file, passwords, groups)
    assert.deepEqual(pieces, again)
    assert.equal(pieces[3]!.byteLength, 0, 'there is no page 21')
    assert.equal((await openPdf(pieces[1]!)).pages, 2)
    assert.equal((await recordOf(pieces[1]!, 1)).text, 'This is page number 6.')
    assert.equal((await recordOf(pieces[2]!)).text, 'This is page number 20.')
    for (const piece of pieces) assert(!Buffer.from(piece).includes('number 7'))
  }
})

test('what cannot be opened is said with what to do', async () => {
  const secret = await locked(pdfOf([typed]), 'sesame')
  const whatOf = async (bytes: Uint8Array, passwords: readonly string[] = []) => {
    const { refused } = await shapeOfPdf(bytes, passwords, true, 2000)
    return refused === undefined ? null : `${refused.what}: ${refused.wayOut}`
  }
  assert.match((await whatOf(secret))!, /^PDF encrypted: .*--password-file/)
  assert.match((await whatOf(secret, ['simsalabim']))!, /^PDF encrypted with another password: .*line/)
  assert.equal(await whatOf(secret, ['sesame']), null)
  assert.match((await whatOf(Buffer.from('%PDF-1.7\nnothing else')))!, /^damaged PDF: .*print it/)
  const empty = Buffer.from(pdfOf([typed]))
    .toString('latin1')
    .replace(/\/Count 1\/Kids\[.*?\]/, '/Count 0/Kids[]')
  assert.match((await whatOf(Buffer.from(empty, 'latin1')))!, /^(PDF without pages|damaged PDF): [a-z]/)
  await assert.rejects(readPdfPage(secret, 0, plain), { code: 'damaged-image', message: /encrypted/ })
  await assert.rejects(readPdfPage(pdfOf([typed]), 1, plain), { code: 'no-such-page' })
})

test('a page of a square mile is drawn as large as fits, and one without a size as a letter', async () => {
  const huge = await drawn(pdfOf([{ ...typed, box: [0, 0, 14_400, 14_400] }]), 600)
  assert(huge.width * huge.height <= 40_000_000 && huge.dpi < 40, `${huge.dpi}`)
  const strip = await drawn(pdfOf([{ ...typed, box: [0, 0, 14_400, 1] }]), 600)
  assert(strip.width <= 20_000)
  const none = await drawn(pdfOf([{ ...typed, box: [0, 0, 0, 0] }]), 72)
  assert.deepEqual([none.width, none.height], [612, 792])
})

test('typed pages are cheap where their text is taken, and scans never are', async () => {
  const scan = { width: 400, height: 560, pixels: new Uint8Array(400 * 560).fill(200) }
  const cost = async (bytes: Uint8Array, takesText: boolean) =>
    (await shapeOfPdf(bytes, [], takesText, 2000)).pageCostMs
  assert((await cost(pdfOf([typed]), true)) < 500)
  assert.equal(await cost(pdfOf([typed]), false), 2000)
  assert.equal(await cost(pdfOf([typed, { content: imageAt(0, 0, 595, 842), images: [scan] }]), true), 2000)
})

for (const name of ['scan.pdf', 'scan.webp'])
  test(`${name} is read`, async () => {
    const file = (path: string) => readFileSync(new URL(path, import.meta.url))
    const eng = file('../../node_modules/@tesseract.js-data/eng/4.0.0_best_int/eng.traineddata.gz')
    const session = await ocr.load('exact', new Map([['traineddata-0-eng', eng]]), { model: 'tesseract' })
    const { text } = await session.run(file(`../support/documents/${name}`), 0)
    const truth = file('../support/documents/scan.txt').toString('utf8')
    assert(characterErrorRate(truth, text) < 0.02, text)
  })

/** As `typed`, drawn so that it stands upright once its viewer has turned it by so many quarters clockwise. */
function turnedPage(quarters: number): PdfPage {
  const matrix = ['1 0 0 1 0 0', '0 1 -1 0 842 0', '-1 0 0 -1 595 842', '0 -1 1 0 0 595'][quarters]
  const box = quarters % 2 === 1 ? ([0, 0, 842, 595] as const) : ([0, 0, 595, 842] as const)
  return { content: `q ${matrix} cm\n${typed.content}Q`, box, more: `/Rotate ${90 * quarters}` }
}

async function drawn(file: Uint8Array, dpi = 200): Promise<PdfPicture> {
  return drawPage(await openPdf(file), 0, dpi)
}

async function isPicture(file: Uint8Array): Promise<void> {
  assert.equal(textLayerOf(await openPdf(file), 0, 200), null)
  assert('pixels' in (await readPdfPage(file, 0, plain)))
}

interface Record {
  readonly text: string
  readonly model: string
  readonly dpi: number
  readonly width: number
  readonly height: number
  readonly warnings: readonly string[]
  readonly lines: readonly {
    readonly box: readonly (readonly number[])[]
    readonly words: readonly { readonly text: string; readonly box: readonly number[] }[]
  }[]
}

async function recordOf(file: Uint8Array, page = 0): Promise<Record> {
  const read = await readPdfPage(file, page, plain)
  assert('output' in read, 'it is read from its picture')
  return JSON.parse(new TextDecoder().decode(read.output)) as Record
}
