/**
 * A sheet on which text is set word by word, so that its true text is known: the drawing half of the page generator.
 *
 * The renderer is no dependency of the project, since only those who measure need it: `npm install @napi-rs/canvas@1.1.1` in the
 * folder from which the bench is started, or in the one that CARPOOL_TOOLS names. Fonts are those that Debian installs with
 * fonts-dejavu, fonts-liberation2, fonts-texgyre, fonts-freefont-ttf, fonts-ebgaramond and fonts-lato.
 */
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'

/** The part of @napi-rs/canvas that is used. */
interface Canvas {
  createCanvas(width: number, height: number): { getContext(kind: '2d'): Context }
  readonly GlobalFonts: { loadFontsFromDir(path: string): number; has(family: string): boolean }
}

export interface Context {
  fillStyle: string
  strokeStyle: string
  lineWidth: number
  font: string
  fillRect(x: number, y: number, width: number, height: number): void
  strokeRect(x: number, y: number, width: number, height: number): void
  fillText(text: string, x: number, y: number): void
  measureText(text: string): { readonly width: number }
  getImageData(x: number, y: number, width: number, height: number): { readonly data: Uint8ClampedArray }
}

export const fonts = {
  serif: [
    'Liberation Serif',
    'TeX Gyre Termes',
    'DejaVu Serif',
    'EB Garamond',
    'TeX Gyre Schola',
    'FreeSerif',
  ],
  sans: ['Liberation Sans', 'DejaVu Sans', 'Lato', 'TeX Gyre Heros', 'FreeSans'],
  mono: ['Liberation Mono', 'DejaVu Sans Mono', 'TeX Gyre Cursor'],
} as const

/** Undefined where the renderer or a font is missing; `missing` says what to install. */
export async function loadCanvas(missing: (advice: string) => void): Promise<Canvas | undefined> {
  const folder = process.env.CARPOOL_TOOLS ?? process.env.INIT_CWD ?? process.cwd()
  try {
    const path = createRequire(join(folder, 'tools.js')).resolve('@napi-rs/canvas')
    const canvas = (await import(pathToFileURL(path).href)) as Canvas
    for (const path of ['/usr/share/fonts', '/usr/share/texmf/fonts/opentype'])
      canvas.GlobalFonts.loadFontsFromDir(path)
    const absent = Object.values(fonts)
      .flat()
      .filter((family) => !canvas.GlobalFonts.has(family))
    if (absent.length === 0) return canvas
    missing(`install the fonts ${absent.join(', ')}: see the head of bench/pages/sheet.ts`)
  } catch {
    missing(`install @napi-rs/canvas in ${folder}: see the head of bench/pages/sheet.ts`)
  }
  return undefined
}

export interface Setting {
  readonly family: string
  /** Height of type, and distance of lines, in pixels. */
  readonly size: number
  readonly leading: number
  readonly bold?: boolean
  readonly italic?: boolean
  readonly justified?: boolean
}

/** Place of a column, in pixels. */
export interface Column {
  readonly left: number
  readonly top: number
  readonly width: number
  readonly bottom: number
}

export class Sheet {
  readonly width: number
  readonly height: number
  readonly context: Context
  readonly truth: string[] = []

  constructor(canvas: Canvas, width: number, height: number) {
    this.width = Math.round(width)
    this.height = Math.round(height)
    this.context = canvas.createCanvas(this.width, this.height).getContext('2d')
    this.context.fillStyle = '#ffffff'
    this.context.fillRect(0, 0, this.width, this.height)
    this.context.fillStyle = '#000000'
  }

  use({ family, size, bold, italic }: Setting): void {
    this.context.font = `${italic === true ? 'italic ' : ''}${bold === true ? 'bold ' : ''}${size}px "${family}"`
  }

  /** One line of text at a baseline; adds to the truth unless told otherwise. Returns its width. */
  line(text: string, x: number, baseline: number, setting: Setting, says = true): number {
    this.use(setting)
    this.context.fillText(text, x, baseline)
    if (says) this.truth.push(text)
    return this.context.measureText(text).width
  }

  rightAligned(text: string, right: number, baseline: number, setting: Setting): void {
    this.use(setting)
    this.context.fillText(text, right - this.context.measureText(text).width, baseline)
  }

  widthOf(text: string, setting: Setting): number {
    this.use(setting)
    return this.context.measureText(text).width
  }

  /** Sets words into a column until it is full or they are; returns the words left and the next line's top. */
  fill(words: readonly string[], column: Column, setting: Setting): { rest: readonly string[]; top: number } {
    this.use(setting)
    const space = this.context.measureText(' ').width
    let top = column.top
    let at = 0
    while (at < words.length && top + setting.leading <= column.bottom) {
      const line: string[] = []
      let width = 0
      while (at < words.length) {
        const word = this.context.measureText(words[at]!).width
        if (line.length > 0 && width + space + word > column.width) break
        width += (line.length > 0 ? space : 0) + word
        line.push(words[at]!)
        at += 1
      }
      const spread = (column.width - width) / Math.max(1, line.length - 1)
      const gap =
        setting.justified === true && at < words.length && spread < 2.5 * space ? space + spread : space
      let x = column.left
      for (const word of line) {
        this.context.fillText(word, x, top + setting.size)
        x += this.context.measureText(word).width + gap
      }
      this.truth.push(line.join(' '))
      top += setting.leading
    }
    return { rest: words.slice(at), top }
  }

  /** A picture that has no text: gray patches and stripes within a frame. */
  picture(x: number, y: number, width: number, height: number, tone: () => number): void {
    const { context } = this
    const cell = Math.max(3, Math.round(width / 24))
    for (let top = y; top < y + height; top += cell) {
      for (let left = x; left < x + width; left += cell) {
        const gray = Math.floor(60 + 170 * tone() * ((top - y) / height + 0.3))
        const level = Math.min(235, gray)
        context.fillStyle = `rgb(${level},${level},${level})`
        context.fillRect(left, top, Math.min(cell, x + width - left), Math.min(cell, y + height - top))
      }
    }
    context.fillStyle = '#000000'
  }

  rule(x: number, y: number, width: number, height: number): void {
    this.context.fillRect(x, y, width, height)
  }

  gray(): { width: number; height: number; pixels: Uint8Array } {
    const { width, height } = this
    const { data } = this.context.getImageData(0, 0, width, height)
    return {
      width,
      height,
      pixels: Uint8Array.from({ length: width * height }, (_, pixel) => data[4 * pixel + 1]!),
    }
  }
}
