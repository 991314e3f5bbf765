/**
 * The text that a page of a PDF has in itself, where it can be believed.
 *
 * A page that was typed is its text: no recogniser is better. But a file may say anything. A scan has a hidden layer of somebody else's
 * recogniser, of unknown quality; layers may be hidden, with their text; fonts without a map to characters give signs at random; text may be drawn as shapes, or stand in
 * pictures. Each of these shows in numbers, and where one does, the page is read from its picture, as every page was before. What is
 * believed wrongly would be wrong silently, so that each rule leans to the picture.
 */
import { objectsOf } from './page-objects.ts'
import { allocate, doublesIn, floatsOf, intsIn, type Pdf, type Pdfium, withPage } from './pdfium.ts'
import { type PageScale, scaleOf } from './picture.ts'

/** In pixels of the page as it is drawn. */
interface Place {
  readonly left: number
  readonly top: number
  readonly right: number
  readonly bottom: number
}

/** Characters without a space between them. */
interface PlacedWord {
  readonly text: string
  readonly box: Place
}

/** Words on one line, without a wide gap. */
export interface TextRun extends Place {
  readonly words: readonly PlacedWord[]
}

export interface TextLayer extends PageScale {
  readonly runs: readonly TextRun[]
  /** Some of the page is pictures, whose text, if they have any, is not among the runs. */
  readonly hasPictures: boolean
}

/** The part of a page; where pictures cover more, it is a scan, or what they say matters. A guess. */
const pictureShareMax = 0.5
/** Logos cover less. A guess. */
const pictureShareShown = 0.02
/** The part of the characters: those that stand for nothing, are hidden, or do not run across the page. Guesses. */
const strangeShareMax = 0.01
const hiddenShareMax = 0.05
const turnedShareMax = 0.05
/** Shapes that may be letters, for each character. A guess: charts have dozens. */
const letterShapesMin = 200
const letterShapesShareMax = 0.5

/** Null where the page has no text that can be believed. Throws PdfError. */
export function textLayerOf(pdf: Pdf, index: number, dpi: number): TextLayer | null {
  if (pdf.hidesLayers) return null
  const { pictureShare, letterShapes, annotations } = objectsOf(pdf, index)
  if (pictureShare > pictureShareMax || annotations > 0) return null
  const { pdfium } = pdf
  return withPage(pdf, index, (page) => {
    const scale = scaleOf(pdfium, page, dpi)
    const characters = charactersOf(pdfium, page, scale)
    const count = characters.filter(({ text }) => text.trim() !== '').length
    if (count === 0 || (letterShapes >= letterShapesMin && letterShapes > letterShapesShareMax * count))
      return null
    if (!areBelievable(characters, count)) return null
    const runs = runsOf(
      characters.filter(({ isHidden }) => !isHidden),
      scale,
    )
    return runs.length === 0 ? null : { ...scale, runs, hasPictures: pictureShare >= pictureShareShown }
  })
}

interface Character {
  readonly text: string
  readonly endsLine: boolean
  readonly isStrange: boolean
  readonly isHidden: boolean
  readonly isTurned: boolean
  /** In pixels; null for a space. */
  readonly box: Place | null
}

function areBelievable(characters: readonly Character[], count: number): boolean {
  const sum = (has: (character: Character) => boolean): number => characters.filter(has).length
  if (sum(({ isStrange }) => isStrange) > strangeShareMax * count) return false
  if (sum(({ isHidden }) => isHidden) > hiddenShareMax * count) return false
  if (sum(({ isTurned }) => isTurned) > turnedShareMax * count) return false
  return looksLikeText(characters.map(({ text }) => text).join(''))
}

/** Share of letters among Latin ones: 0.6 to 0.7 in the languages of Europe, 0.3 where codes are mixed up (counted). */
const frequentLetters = /[etaoinsr]/gi
const frequentShareMin = 0.45

/** Shows where codes were taken for characters: signs in the place of letters, or letters that no language uses so. */
function looksLikeText(text: string): boolean {
  const visible = text.match(/\S/g)?.length ?? 0
  const letters = text.match(/[\p{L}\p{N}]/gu)?.length ?? 0
  if (visible >= 40 && letters < 0.5 * visible) return false
  const latin = text.match(/[a-z]/gi)?.length ?? 0
  const frequent = text.match(frequentLetters)?.length ?? 0
  return latin < 100 || frequent >= frequentShareMin * latin
}

/** FPDF_TEXTRENDERMODE_INVISIBLE and …_CLIP (fpdf_edit.h). */
const hiddenModes = new Set([3, 7])

/** PDFium says so of a hyphen at a line's end. */
const softHyphen = 2

function charactersOf(pdfium: Pdfium, page: number, scale: PageScale): Character[] {
  const layer = pdfium.FPDFText_LoadPage(page)
  if (layer === 0) return []
  const toPixels = mapOf(pdfium, page, scale)
  const rotation = pdfium.FPDFPage_GetRotation(page)
  const hidden = new Map<number, boolean>()
  const isHidden = (index: number): boolean => {
    const object = pdfium.FPDFText_GetTextObject(layer, index)
    const known = hidden.get(object)
    if (known !== undefined) return known
    const found = object !== 0 && hiddenModes.has(pdfium.FPDFTextObj_GetTextRenderMode(object))
    hidden.set(object, found)
    return found
  }
  const count = Math.min(charactersMax, pdfium.FPDFText_CountChars(layer))
  const characters: Character[] = []
  for (let index = 0; index < count; index += 1) {
    const code = pdfium.FPDFText_GetUnicode(layer, index)
    const isSpace = code === 32 || code === 160 || code === 9
    const endsLine = code === 10 || code === 13
    if (isSpace || endsLine) {
      const text = isSpace ? ' ' : ''
      characters.push({ text, endsLine, isStrange: false, isHidden: false, isTurned: false, box: null })
      continue
    }
    const box = toPixels(boxOf(pdfium, layer, index))
    if (box.right < 0 || box.bottom < 0 || box.left > scale.width || box.top > scale.height) continue
    const isHyphen = code === softHyphen
    characters.push({
      text: isHyphen ? '-' : textOf(code),
      endsLine: false,
      isStrange: !isHyphen && (isStrange(code) || pdfium.FPDFText_HasUnicodeMapError(layer, index) === 1),
      isHidden: isHidden(index),
      isTurned: isTurned(pdfium.FPDFText_GetCharAngle(layer, index), rotation),
      box,
    })
  }
  pdfium.FPDFText_ClosePage(layer)
  return characters
}

/** A page of a telephone book has 30,000. */
const charactersMax = 200_000

/** Ligatures are their letters. */
function textOf(code: number): string {
  const text = String.fromCodePoint(code)
  return code >= 0xfb00 && code <= 0xfb06 ? text.normalize('NFKC') : text
}

/** Controls, what stands for no character, and what fonts use for themselves. */
function isStrange(code: number): boolean {
  return code < 32 || (code >= 0x7f && code < 0xa0) || code === 0xfffd || (code >= 0xe000 && code <= 0xf8ff)
}

const turnTolerance = 0.1

/** `angle`: in radians, clockwise, before the page is turned by so many quarters clockwise. */
function isTurned(angle: number, quarters: number): boolean {
  const full = 2 * Math.PI
  const shown = (((angle + (quarters * Math.PI) / 2) % full) + full) % full
  return Math.min(shown, full - shown) > turnTolerance
}

/**
 * Left, right, bottom and top, in points from the page's lower left corner: as high as its font, so that a full stop stands on the
 * line of its letters; or around its ink where the font does not say how high it is.
 */
function boxOf(pdfium: Pdfium, layer: number, index: number): readonly [number, number, number, number] {
  const [left, top, right, bottom] = floatsOf(pdfium, 4, (place) => {
    pdfium.FPDFText_GetLooseCharBox(layer, index, place)
  }) as unknown as [number, number, number, number]
  if (top > bottom && right > left) return [left, right, bottom, top]
  const place = allocate(pdfium, 32)
  pdfium.FPDFText_GetCharBox(layer, index, place, place + 8, place + 16, place + 24)
  const box = doublesIn(pdfium).slice(place / 8, place / 8 + 4) as unknown as [number, number, number, number]
  pdfium.pdfium.wasmExports.free(place)
  return box
}

type ToPixels = (box: readonly [number, number, number, number]) => Place

/** The map of the page's drawing, from where it takes three points. */
function mapOf(pdfium: Pdfium, page: number, { width, height }: PageScale): ToPixels {
  const place = allocate(pdfium, 8)
  // Sixteen times as large, since the answer is in whole pixels.
  const fine = 16
  const at = (x: number, y: number): readonly [number, number] => {
    pdfium.FPDF_PageToDevice(page, 0, 0, width * fine, height * fine, 0, x, y, place, place + 4)
    return [intsIn(pdfium)[place / 4]! / fine, intsIn(pdfium)[place / 4 + 1]! / fine]
  }
  const far = 1000
  const [x0, y0] = at(0, 0)
  const [xAlong, yAlong] = at(far, 0)
  const [xUp, yUp] = at(0, far)
  pdfium.pdfium.wasmExports.free(place)
  const map = (x: number, y: number): readonly [number, number] => [
    x0 + ((xAlong - x0) * x + (xUp - x0) * y) / far,
    y0 + ((yAlong - y0) * x + (yUp - y0) * y) / far,
  ]
  return ([left, right, bottom, top]) => {
    const [a, b] = [map(left, bottom), map(right, top)]
    return {
      left: Math.min(a[0], b[0]),
      right: Math.max(a[0], b[0]),
      top: Math.min(a[1], b[1]),
      bottom: Math.max(a[1], b[1]),
    }
  }
}

/** Times the height of a run: a wider gap ends it. Words of one line have half of that between them. */
const gapMax = 0.9

function runsOf(characters: readonly Character[], page: PageScale): TextRun[] {
  const runs: OpenRun[] = []
  let open: OpenRun | null = null
  for (const { text, endsLine, box } of characters) {
    if (endsLine) open = null
    else if (box === null) open?.endWord()
    else {
      if (open === null || open.isApartFrom(box)) {
        open = new OpenRun()
        runs.push(open)
      }
      open.add(text, box)
    }
  }
  return runs.flatMap((run) => run.closed(page) ?? [])
}

class OpenRun {
  readonly #words: { text: string; box: Place }[] = []
  #box: Place | null = null
  #last: Place | null = null
  #isWordOver = true

  add(text: string, box: Place): void {
    const word = this.#isWordOver ? undefined : this.#words.at(-1)
    if (word === undefined) this.#words.push({ text, box })
    else {
      word.text += text
      word.box = joined(word.box, box)
    }
    this.#box = this.#box === null ? box : joined(this.#box, box)
    this.#last = box
    this.#isWordOver = false
  }

  endWord(): void {
    this.#isWordOver = true
  }

  /** Whichever way the script runs. */
  isApartFrom(next: Place): boolean {
    const [run, last] = [this.#box, this.#last]
    if (run === null || last === null) return false
    const gap = Math.max(next.left - last.right, last.left - next.right)
    const shared = Math.min(run.bottom, next.bottom) - Math.max(run.top, next.top)
    return gap > gapMax * (run.bottom - run.top) || shared < 0
  }

  /** Undefined where there is nothing but spaces. */
  closed(page: PageScale): TextRun | undefined {
    const words = this.#words.flatMap(({ text, box }) => {
      const trimmed = text.trim().toWellFormed()
      return trimmed === '' ? [] : [{ text: trimmed, box: within(page, box) }]
    })
    if (words.length === 0 || this.#box === null) return undefined
    return { ...within(page, this.#box), words }
  }
}

function joined(a: Place, b: Place): Place {
  return {
    left: Math.min(a.left, b.left),
    top: Math.min(a.top, b.top),
    right: Math.max(a.right, b.right),
    bottom: Math.max(a.bottom, b.bottom),
  }
}

function within({ width, height }: PageScale, { left, top, right, bottom }: Place): Place {
  return {
    left: Math.max(0, left),
    top: Math.max(0, top),
    right: Math.min(width, right),
    bottom: Math.min(height, bottom),
  }
}
