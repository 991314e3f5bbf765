/**
 * Renders the sample pages and their true texts, the same for the same version of its tools.
 *
 * Its renderer and fonts are no dependencies of the project, since only who changes the samples needs them:
 *
 *     mkdir /tmp/tools && cd /tmp/tools && npm install @napi-rs/canvas@1.1.1 @fontsource/eb-garamond@5.3.0 \
 *       @fontsource/libre-baskerville@5.3.0 @fontsource/courier-prime@5.3.0 @fontsource/old-standard-tt@5.3.0 \
 *       @fontsource/source-serif-4@5.3.1 @fontsource/open-sans@5.3.0
 *     node <repository>/samples/make-samples.ts
 *
 * They are looked up from the current folder. All fonts are under the SIL Open Font Licence 1.1. Words are
 * placed one by one, lines wrap without hyphens, and the truth is what was placed, line by line, column by column.
 */
import { mkdir, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { encodeJpeg, encodePng, encodeTiff, packBits, toBits } from '../test/support/images.ts'
import { letters } from './letter-sheets.ts'
import { passages } from './passages.ts'
import { type Page, scan } from './scanner.ts'
import { booklet, type Sheet, usual } from './sheet.ts'

const samplesFolder = dirname(fileURLToPath(import.meta.url))
const tools = createRequire(join(process.cwd(), 'tools.js'))

/** The part of @napi-rs/canvas that is used. */
interface Canvas {
  createCanvas(width: number, height: number): { getContext(kind: '2d'): Context }
  readonly GlobalFonts: { registerFromPath(path: string, family: string): unknown }
}

interface Context {
  fillStyle: string
  font: string
  fillRect(x: number, y: number, width: number, height: number): void
  fillText(text: string, x: number, y: number): void
  measureText(text: string): { readonly width: number }
  getImageData(x: number, y: number, width: number, height: number): { readonly data: Uint8ClampedArray }
}

const sheets: readonly Sheet[] = [
  {
    ...booklet,
    name: 'prejudice',
    heading: 'Chapter I',
    paragraphs: passages.prejudice,
    font: 'EB Garamond',
    size: 32,
    leading: 48,
    look: { ...usual, skewDegrees: 0.8, seed: 1 },
  },
  {
    ...booklet,
    name: 'origin',
    heading: 'On the Origin of Species',
    paragraphs: passages.origin,
    font: 'Libre Baskerville',
    size: 21,
    leading: 36,
    columns: 2,
    width: 1000,
    look: { ...usual, skewDegrees: -0.9, seed: 2 },
  },
  {
    ...booklet,
    name: 'whale',
    heading: 'Loomings',
    paragraphs: passages.whale,
    font: 'Old Standard TT',
    size: 30,
    leading: 49,
    look: { ...usual, skewDegrees: 1.9, shade: 50, specks: 140, seed: 3 },
  },
  {
    ...booklet,
    name: 'constitution',
    heading: 'Constitution of the United States',
    paragraphs: passages.constitution,
    font: 'Source Serif 4',
    size: 23,
    leading: 37,
    columns: 2,
    justified: false,
    look: { ...usual, skewDegrees: 1.2, paper: 222, seed: 4 },
  },
  {
    ...booklet,
    name: 'detective',
    paragraphs: passages.detective,
    font: 'Courier Prime',
    size: 25,
    leading: 46,
    justified: false,
    look: { ...usual, skewDegrees: -1.4, ink: 70, specks: 200, seed: 5 },
  },
  {
    ...booklet,
    name: 'gettysburg',
    heading: 'Address at Gettysburg',
    paragraphs: passages.gettysburg,
    font: 'Open Sans',
    size: 28,
    leading: 49,
    justified: false,
    look: { ...usual, skewDegrees: 0.3, paper: 205, ink: 95, grain: 7, seed: 6 },
  },
  {
    ...booklet,
    name: 'declaration',
    heading: 'In Congress, July 4, 1776',
    paragraphs: passages.declaration,
    font: 'Source Serif 4',
    size: 22,
    leading: 36,
    columns: 3,
    justified: false,
    width: 1060,
    height: 840,
    look: { ...usual, skewDegrees: -0.5, seed: 7 },
  },
]

const rabbit: Sheet = {
  ...booklet,
  name: 'rabbit',
  heading: 'Down the Rabbit-Hole',
  paragraphs: passages.rabbit,
  font: 'EB Garamond',
  size: 34,
  leading: 50,
  look: { ...usual, skewDegrees: -0.4, seed: 8 },
}

/** Two pages of one file: the first gray, the second in black and white, as fax machines sent it. */
const twoPages: readonly Sheet[] = [
  {
    ...booklet,
    name: 'dickens',
    heading: 'The Period',
    paragraphs: passages.cities,
    font: 'Old Standard TT',
    size: 31,
    leading: 49,
    look: { ...usual, skewDegrees: 0.7, seed: 9 },
  },
  {
    ...booklet,
    name: 'dickens',
    heading: "Marley's Ghost",
    paragraphs: passages.carol,
    font: 'Libre Baskerville',
    size: 27,
    leading: 50,
    look: { ...usual, skewDegrees: -1, blur: 0.3, shade: 10, grain: 3, seed: 10 },
  },
]

const canvas = await loadTools()
for (const folder of ['scans/letters', 'truth/letters'])
  await mkdir(join(samplesFolder, folder), { recursive: true })
for (const sheet of sheets) {
  const { page, truth } = draw(sheet)
  await save(`scans/${sheet.name}.png`, encodePng(scan(page, sheet.look)))
  await save(`truth/${sheet.name}.txt`, truth)
}
await saveJpeg()
await saveTiff()
await saveLetters()

async function saveJpeg(): Promise<void> {
  const { page, truth } = draw(rabbit)
  await save('scans/rabbit.jpg', encodeJpeg(scan(page, rabbit.look), 60))
  await save('truth/rabbit.txt', truth)
}

async function saveTiff(): Promise<void> {
  const [gray, bilevel] = twoPages.map((sheet) => {
    const { page, truth } = draw(sheet)
    return { page: scan(page, sheet.look), truth }
  })
  const bits = toBits(bilevel!.page, 168)
  await save(
    'scans/dickens.tiff',
    encodeTiff([
      { ...gray!.page, bits: 8, photometric: 1, compression: 8, raw: gray!.page.pixels },
      { ...bilevel!.page, bits: 1, photometric: 1, compression: 32773, raw: bits, compress: packBits },
    ]),
  )
  await save('truth/dickens-1.txt', gray!.truth)
  await save('truth/dickens-2.txt', bilevel!.truth)
}

async function saveLetters(): Promise<void> {
  for (const { category: _, ...sheet } of letters) {
    const { page, truth } = draw(sheet)
    await save(`scans/letters/${sheet.name}.png`, encodePng(scan(page, sheet.look)))
    await save(`truth/letters/${sheet.name}.txt`, truth)
  }
  const filed = letters.map(
    ({ name, category }) => `${JSON.stringify({ document: `letters/${name}.png`, category })}\n`,
  )
  await save('truth/categories.jsonl', filed.join(''))
}

async function save(name: string, content: Uint8Array | string): Promise<void> {
  await writeFile(join(samplesFolder, name), content)
}

async function loadTools(): Promise<Canvas> {
  try {
    const module = (await import(pathToFileURL(tools.resolve('@napi-rs/canvas')).href)) as Canvas
    const families = [...sheets, rabbit, ...twoPages, ...letters].map((sheet) => sheet.font)
    for (const family of new Set(families)) {
      const name = family.toLowerCase().replaceAll(' ', '-')
      for (const weight of [400, 700]) {
        const path = tools.resolve(`@fontsource/${name}/files/${name}-latin-${weight}-normal.woff2`)
        module.GlobalFonts.registerFromPath(path, `${family} ${weight}`)
      }
    }
    return module
  } catch (error) {
    console.error(
      'Install the renderer and fonts in the current folder first: see the head of make-samples.ts.',
    )
    throw error
  }
}

function draw(sheet: Sheet): { page: Page; truth: string } {
  const { width, height } = sheet
  const context = canvas.createCanvas(width, height).getContext('2d')
  context.fillStyle = '#ffffff'
  context.fillRect(0, 0, width, height)
  context.fillStyle = '#000000'
  const margin = Math.round(width * 0.09)
  const truth: string[] = []
  let top = margin + sheet.leading
  if (sheet.heading !== undefined) {
    const size = Math.round(sheet.size * 1.5)
    context.font = `${size}px "${sheet.font} 700"`
    context.fillText(sheet.heading, (width - context.measureText(sheet.heading).width) / 2, top)
    truth.push(sheet.heading)
    top += sheet.leading * 2
  }
  context.font = `${sheet.size}px "${sheet.font} 400"`
  const gutter = sheet.columns > 1 ? Math.round(sheet.size * 1.7) : 0
  const columnWidth = (width - 2 * margin - gutter * (sheet.columns - 1)) / sheet.columns
  const lines = wrap(context, sheet, columnWidth)
  const linesPerColumn = Math.ceil(lines.length / sheet.columns)
  for (const [index, line] of lines.entries()) {
    const column = Math.floor(index / linesPerColumn)
    const left = margin + column * (columnWidth + gutter)
    const baseline = top + (index % linesPerColumn) * sheet.leading
    if (baseline > height - margin / 2) throw new Error(`${sheet.name} does not fit its page`)
    placeLine(context, line, left, baseline, columnWidth, sheet.justified)
    truth.push(line.words.join(' '))
  }
  return { page: { width, height, pixels: grayOf(context, width, height) }, truth: `${truth.join('\n')}\n` }
}

interface Line {
  readonly words: readonly string[]
  readonly indent: number
  readonly endsParagraph: boolean
}

function wrap(context: Context, sheet: Sheet, columnWidth: number): Line[] {
  const lines: Line[] = []
  for (const paragraph of sheet.paragraphs) {
    let words: string[] = []
    let indent = sheet.size * 1.2
    for (const word of paragraph.split(' ')) {
      const isTooWide = context.measureText([...words, word].join(' ')).width > columnWidth - indent
      if (isTooWide && words.length > 0) {
        lines.push({ words, indent, endsParagraph: false })
        words = []
        indent = 0
      }
      words.push(word)
    }
    lines.push({ words, indent, endsParagraph: true })
  }
  return lines
}

function placeLine(
  context: Context,
  line: Line,
  left: number,
  baseline: number,
  columnWidth: number,
  justified: boolean,
): void {
  const space = context.measureText(' ').width
  const inked = line.words.reduce((sum, word) => sum + context.measureText(word).width, 0)
  const gaps = line.words.length - 1
  const stretched = gaps > 0 ? (columnWidth - line.indent - inked) / gaps : space
  const gap = justified && !line.endsParagraph && stretched < space * 4 ? stretched : space
  let x = left + line.indent
  for (const word of line.words) {
    context.fillText(word, x, baseline)
    x += context.measureText(word).width + gap
  }
}

function grayOf(context: Context, width: number, height: number): Uint8Array {
  const { data } = context.getImageData(0, 0, width, height)
  return Uint8Array.from({ length: width * height }, (_, pixel) => data[4 * pixel + 1]!)
}
