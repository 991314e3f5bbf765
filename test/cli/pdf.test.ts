/** Searchable PDFs: pictures as they came, and words that are found where they stand. */
import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, type TestContext, test } from 'node:test'
import { inflateSync } from 'node:zlib'
import { pino } from 'pino'
import { isRead, pageOf, type ReadPage } from '../../src/cli/formats/page.ts'
import { PdfWriter } from '../../src/cli/formats/pdf.ts'
import { glyphlessFont } from '../../src/cli/formats/pdf-font.ts'
import { type Draw, type PdfImage, pdfImageOf } from '../../src/cli/formats/pdf-image.ts'
import { writeResults } from '../../src/cli/results-output.ts'
import { ProcessExecutor } from '../../src/host/executor/executor.ts'
import type { RemoteApi } from '../../src/host/local/client.ts'
import { resultsEnd } from '../support/fake-node.ts'
import { assemblePng, encodeJpeg, encodePng, pngHeader } from '../support/images.ts'
import { temporaryDirectory } from '../support/store.ts'

const hasPoppler = spawnSync('pdftotext', ['-v']).status === 0
const poppler = hasPoppler ? {} : { skip: 'pdftotext (poppler-utils) is not installed' }

const [width, height] = [400, 200]
const gray = { width, height, pixels: new Uint8Array(width * height).fill(230) }

const executor = new ProcessExecutor({ log: pino({ level: 'silent' }) })
after(() => executor.close())
const draw: Draw = (document, page, dpi) => executor.draw('ocr', document, page, dpi)

async function imageOf(document: Uint8Array, page: number, dpi: number | null = null): Promise<PdfImage> {
  const image = await pdfImageOf(draw, document, page, dpi)
  assert(image !== null)
  return image
}

type Corner = readonly [number, number]
type Placed = readonly [text: string, box: readonly [number, number, number, number]]

function page(
  lines: readonly { corners: readonly Corner[]; words: readonly Placed[] }[],
  more = {},
): ReadPage {
  const record = { width, height, turnedDegrees: 0, ...more }
  const read = pageOf({
    document: 'd',
    page: 1,
    error: null,
    result: {
      ...record,
      lines: lines.map(({ corners, words }) => ({
        box: corners,
        words: words.map(([text, box]) => ({ text, box, confidence: 1 })),
      })),
    },
  })
  assert(isRead(read))
  return read
}

const level = page([
  {
    corners: [
      [20, 20],
      [380, 20],
      [380, 50],
      [20, 50],
    ],
    words: [
      ['Größe', [20, 20, 120, 50]],
      ['Łódź', [124, 20, 200, 50]],
      ['€', [202, 20, 215, 50]],
      ['Привет', [220, 20, 380, 50]],
    ],
  },
])

async function pdfOf(pages: readonly (readonly [PdfImage, ReadPage | null])[]): Promise<Buffer> {
  const parts: Uint8Array[] = []
  const pdf = new PdfWriter(async (bytes) => void parts.push(bytes))
  await pdf.begin()
  for (const [image, read] of pages) await pdf.page(image, read)
  await pdf.end()
  return Buffer.concat(parts)
}

test('every object is where the table says, and the streams are as long as they say', async () => {
  const image = await imageOf(encodePng(gray), 0)
  const bytes = await pdfOf([
    [image, level],
    [image, null],
  ])
  const text = bytes.toString('latin1')
  const start = Number(/startxref\n(\d+)\n%%EOF\n$/.exec(text)![1])
  assert.equal(text.slice(start, start + 5), 'xref\n')
  const entries = [...text.slice(start).matchAll(/^(\d{10}) 00000 n $/gm)].map(([, offset]) => Number(offset))
  assert.equal(entries.length, 8 + 2 * 3)
  for (const [i, offset] of entries.entries())
    assert(text.slice(offset).startsWith(`${i + 1} 0 obj\n`), `object ${i + 1}`)
  for (const { 0: whole, 1: length, index } of text.matchAll(/\/Length (\d+) >>\nstream\n/g))
    assert.equal(text.slice(index + whole.length + Number(length)).slice(0, 18), '\nendstream\nendobj\n')
  assert.match(text, /\/Count 2 /)
})

test(
  'words are found in any script, apart from each other, and none of them is drawn',
  poppler,
  async (t) => {
    const bytes = await pdfOf([[await imageOf(encodePng(gray), 0), level]])
    assert.equal(textIn(t, bytes), 'Größe Łódź € Привет\n')
    const [box] = boxesIn(t, bytes)
    // At 200 dots per inch a pixel is 0.36 points.
    assert.deepEqual([box!.word, Math.round(box!.xMin), Math.round(box!.xMax)], ['Größe', 7, 42])
    assert(Math.abs(box!.yMin - 0.36 * 20) < 4 && Math.abs(box!.yMax - 0.36 * 50) < 4, JSON.stringify(box))
    const content = [
      ...bytes.toString('latin1').matchAll(/\/Filter \/FlateDecode \/Length (\d+) >>\nstream\n/g),
    ].map(({ 0: whole, 1: length, index }) => {
      const begin = index + whole.length
      return inflateSync(bytes.subarray(begin, begin + Number(length))).toString('latin1')
    })
    const drawn = content.find((one) => one.includes('/Im Do'))!
    assert(drawn.indexOf('3 Tr') < drawn.indexOf('Tj'))
    assert(!/[0-2] Tr/.test(drawn))
  },
)

test('the words of a page that lies on its side run along with its lines', poppler, async (t) => {
  // To be turned by 90 degrees: its line begins at the bottom and runs upwards.
  const turned = page(
    [
      {
        corners: [
          [100, 180],
          [100, 20],
          [130, 20],
          [130, 180],
        ],
        words: [
          ['up', [100, 120, 130, 180]],
          ['wards', [100, 20, 130, 110]],
        ],
      },
    ],
    { turnedDegrees: 90 },
  )
  const bytes = await pdfOf([[await imageOf(encodePng(gray), 0), turned]])
  assert.match(textIn(t, bytes), /^up wards\s*$/)
  const boxes = boxesIn(t, bytes)
  for (const { xMin, xMax } of boxes) assert(xMin > 0.36 * 90 && xMax < 0.36 * 145, JSON.stringify(boxes))
  assert(boxes[0]!.yMin > boxes[1]!.yMin, 'from below')
})

test('a skewed line keeps its slope', poppler, async (t) => {
  // 10 degrees: 100 pixels along are 17 down.
  const skewed = page([
    {
      corners: [
        [25, 20],
        [325, 73],
        [320, 103],
        [20, 50],
      ],
      words: [
        ['one', [20, 20, 120, 67]],
        ['three', [220, 55, 325, 103]],
      ],
    },
  ])
  const boxes = boxesIn(t, await pdfOf([[await imageOf(encodePng(gray), 0), skewed]]))
  assert.deepEqual(boxes.map(({ word }) => word).sort(), ['one', 'three'])
  const [one, three] = ['one', 'three'].map((word) => boxes.find((box) => box.word === word)!)
  assert(three!.yMin > one!.yMin + 8)
})

test('pictures are held as they came where a PDF can, and turned as EXIF says', async () => {
  const jpeg = encodeJpeg(gray, 80)
  assert.deepEqual((await imageOf(jpeg, 0)).data, jpeg)
  const turned = withOrientation(jpeg, 6)
  const image = await imageOf(turned, 0)
  assert.equal(image.orientation, 6)
  const text = (await pdfOf([[image, null]])).toString('latin1')
  assert.match(text, /\/MediaBox \[0 0 72 144\]/, 'upright: 200 pixels wide, 400 high')

  const plain = await imageOf(encodePng(gray), 0)
  assert.match(
    plain.dictionary,
    /DeviceGray \/BitsPerComponent 8 \/Filter \/FlateDecode \/DecodeParms << \/Predictor 15 \/Colors 1/,
  )
  const palette = [{ name: 'PLTE', body: Uint8Array.of(0, 0, 0, 255, 255, 255) }]
  const density = { name: 'pHYs', body: Uint8Array.of(0, 0, 0x2e, 0x23, 0, 0, 0x2e, 0x23, 1) }
  const rows = new Uint8Array(2 * 8)
  const two = await imageOf(assemblePng(pngHeader(8, 8, 1, 3), rows, [...palette, density]), 0)
  assert.match(two.dictionary, /\[\/Indexed \/DeviceRGB 1 <000000ffffff>\] \/BitsPerComponent 1 /)
  assert.equal(Math.round(two.dotsPerInch!), 300)
  const transparent = assemblePng(pngHeader(8, 8, 8, 4), new Uint8Array(8 * 17))
  assert.match(
    (await imageOf(transparent, 0)).dictionary,
    /DeviceGray \/BitsPerComponent 8 \/Filter \/FlateDecode$/,
  )
  assert.equal(await pdfImageOf(draw, Buffer.from('no image'), 0), null)
})

test('a command decodes no picture itself: JPEGs and plain PNGs go in as they came, and the child is asked for all else', async () => {
  const asked: Uint8Array[] = []
  const spy: Draw = async (document) => {
    asked.push(document)
    return null
  }
  for (const plain of [encodeJpeg(gray, 80), encodePng(gray)])
    assert.notEqual(await pdfImageOf(spy, plain, 0), null)
  assert.equal(asked.length, 0)
  const interlaced = assemblePng(pngHeader(2, 2, 8, 0, 1), Buffer.from([0, 10, 0, 20, 0, 30, 40]))
  const others = [interlaced, Buffer.from('%PDF-1.7'), Buffer.from('GIF89a'), Buffer.from('II*\0')]
  for (const other of others) assert.equal(await pdfImageOf(spy, other, 0), null)
  assert.deepEqual(asked, others)
})

test('a page of a PDF is drawn at the dots per inch of its record', async () => {
  const original = await pdfOf([[await imageOf(encodePng(gray), 0), level]])
  const image = await imageOf(original, 0, 100)
  assert.match(image.dictionary, /^\/Width 200 \/Height 100 \/ColorSpace \/DeviceGray /)
  assert.equal(image.dotsPerInch, 100)
  const [pixel] = inflateSync(image.data)
  assert.equal(pixel, 230, 'as it was')
  assert.equal(await pdfImageOf(draw, original, 1, 100), null)
})

test('the font has the tables that PDF asks for, and its sums are right', () => {
  const font = Buffer.from(glyphlessFont())
  const tables = Array.from({ length: font.readUInt16BE(4) }, (_, i) =>
    font.subarray(12 + 16 * i, 28 + 16 * i),
  )
  assert.deepEqual(
    tables.map((entry) => entry.toString('latin1', 0, 4)),
    ['glyf', 'head', 'hhea', 'hmtx', 'loca', 'maxp'],
  )
  const lengths: Record<string, number> = { head: 54, hhea: 36, maxp: 32 }
  for (const entry of tables) {
    const [name, offset, length] = [
      entry.toString('latin1', 0, 4),
      entry.readUInt32BE(8),
      entry.readUInt32BE(12),
    ]
    assert.equal(length, lengths[name] ?? length)
    assert(offset % 4 === 0 && offset + length <= font.byteLength)
  }
})

test('results become PDFs with the pictures of the job’s documents', poppler, async (t) => {
  const folder = temporaryDirectory(t)
  const png = encodePng(gray)
  const line = {
    box: [
      [20, 20],
      [120, 20],
      [120, 50],
      [20, 50],
    ],
    words: [{ text: 'found', box: [20, 20, 120, 50], confidence: 1 }],
  }
  const node = {
    async *results() {
      yield {
        document: 'a.png',
        page: 1,
        error: null,
        result: { width, height, turnedDegrees: 0, lines: [line] },
      }
      return { pages: 1, missing: [], doubts: [] }
    },
    async *document(_: string, name: string, _page: number) {
      assert.equal(name, 'a.png')
      for (let at = 0; at < png.byteLength; at += 100)
        yield { base64: Buffer.from(png.subarray(at, at + 100)).toString('base64') }
      return { firstPage: 1, pages: 1 }
    },
  } as unknown as RemoteApi
  await writeResults(node, 'job', { format: 'pdf', folder, overwrite: false })
  assert.equal(textIn(t, readFileSync(join(folder, 'a.png.pdf'))), 'found\n')
  const torn = { error: { code: 'damaged-image', message: 'torn' }, result: null }
  const noPicture = {
    async *results() {
      yield { document: 'torn.png', page: 1, ...torn }
      yield* node.results('job')
      yield {
        document: 'b.txt',
        page: 1,
        error: null,
        result: { width, height, turnedDegrees: 0, lines: [] },
      }
      return { ...resultsEnd, missing: [] }
    },
    async *document(job: string, name: string, page: number) {
      if (name === 'a.png') return yield* node.document(job, name, page)
      yield { base64: 'AAAA' }
      return { firstPage: 1, pages: 1 }
    },
  } as unknown as RemoteApi
  const other = temporaryDirectory(t)
  await assert.rejects(writeResults(noPicture, 'job', { format: 'pdf', folder: other, overwrite: false }), {
    exitCode: 3,
    message:
      /^1 of 3 pages cannot be shown as pdf; the first is b\.txt page 1: no picture can be made of it$/,
  })
  assert.deepEqual(readdirSync(other), ['a.png.pdf'], 'what is no picture harms no other document')
  async function* gone(): AsyncGenerator<never> {
    yield* []
    throw new Error('is not on this node')
  }
  const refusing = {
    ...node,
    document: gone,
  } as unknown as RemoteApi
  await assert.rejects(
    writeResults(refusing, 'job', { format: 'pdf', folder, overwrite: false }),
    /is not on this node/,
  )
})

function textIn(t: TestContext, pdf: Uint8Array): string {
  return run(t, pdf, ['-nopgbrk']).trimStart().replace(/\n+$/, '\n')
}

function boxesIn(t: TestContext, pdf: Uint8Array) {
  const found = run(t, pdf, ['-bbox']).matchAll(
    /<word xMin="([\d.]+)" yMin="([\d.]+)" xMax="([\d.]+)" yMax="([\d.]+)">([^<]+)<\/word>/g,
  )
  return [...found].map(([, xMin, yMin, xMax, yMax, word]) => ({
    word: word!,
    xMin: Number(xMin),
    yMin: Number(yMin),
    xMax: Number(xMax),
    yMax: Number(yMax),
  }))
}

/** Fails where pdftotext complains of anything. */
function run(t: TestContext, pdf: Uint8Array, flags: readonly string[]): string {
  const path = join(temporaryDirectory(t), 'it.pdf')
  writeFileSync(path, pdf)
  const { stdout, stderr } = spawnSync('pdftotext', [...flags, path, '-'], { encoding: 'utf8' })
  assert.equal(stderr, '')
  assert.doesNotThrow(() => execFileSync('pdftoppm', ['-r', '20', '-png', path, join(path, '..', 'picture')]))
  return stdout
}

/** With an EXIF segment of one entry behind the first marker. */
function withOrientation(jpeg: Uint8Array, orientation: number): Uint8Array {
  const exif = [
    0xff,
    0xe1,
    0,
    34,
    ...Buffer.from('Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01', 'latin1'),
    0,
    orientation,
    0,
    0,
    0,
    0,
    0,
    0,
  ]
  return Buffer.concat([jpeg.subarray(0, 2), Uint8Array.from(exif), jpeg.subarray(2)])
}
