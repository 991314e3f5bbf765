/**
 * The kinds of pages that people have, each drawn from a seed together with its true text.
 *
 * Sizes are those of paper and print: points at a resolution. Every kind varies its font, size, resolution and damage with the
 * seed, so that a reader tuned on some seeds can be measured on others.
 */
import type { Gray } from '../../test/support/images.ts'
import { type Canvas, columns, form, type Kind, magazine, receipt, statement } from './layouts.ts'
import { type Look, seen } from './look.ts'
import { article, leaflet, pictureInGutter, ruledTable, seenAs } from './mixed.ts'
import { Random } from './random.ts'

export interface MadePage {
  readonly page: Gray
  readonly truth: string
  /** The file is a JPEG of this quality; else a PNG. */
  readonly jpegQuality: number | undefined
}

/** A page of prose under the look of its kind. */
function proseWith(look: (random: Random) => Look, dpis: readonly number[] = [150, 200]): Kind {
  return (canvas, random) => ({
    sheet: columns(canvas, random, {
      dpi: random.of(dpis),
      points: random.of([10, 11, 12]),
      count: 1,
      gutter: 0,
      heading: true,
      characters: 1500,
    }),
    look: { paper: 245, ink: 20, grain: 4, blur: 0.5, ...look(random) },
  })
}

/** A page of prose in this language. */
function letterIn(language: 'deu' | 'fra'): Kind {
  return (canvas, random) => ({
    sheet: columns(canvas, random, {
      ...{ dpi: 150, points: 11, count: 1, gutter: 0, characters: 900 },
      language,
    }),
    look: { paper: 245, ink: 20, grain: 3, blur: 0.4 },
  })
}

function faxed(random: Random): Look {
  return {
    ink: 0,
    paper: 255,
    blur: 0.6,
    grain: 30,
    fax: { threshold: random.between(120, 190), flipped: random.between(1, 5) },
    skewDegrees: random.between(-1.5, 1.5),
  }
}

export const kinds: Readonly<Record<string, Kind>> = {
  prose: proseWith((random) => ({ skewDegrees: random.between(-1, 1) })),
  'large-print': (canvas, random) => ({
    sheet: columns(canvas, random, {
      dpi: 200,
      points: random.of([18, 24]),
      count: 1,
      gutter: 0,
      characters: 500,
    }),
    look: { paper: 250, grain: 2 },
  }),
  'small-print': (canvas, random) => ({
    sheet: columns(canvas, random, {
      dpi: 150,
      points: random.of([6.5, 7.5, 8]),
      count: random.of([1, 2]),
      gutter: 30,
      characters: 3500,
    }),
    look: { paper: 250, ink: 10, grain: 2, blur: 0.3, skewDegrees: random.of([0, 0, random.between(-3, 3)]) },
  }),
  'low-resolution': (canvas, random) => ({
    sheet: columns(canvas, random, {
      dpi: random.of([72, 90, 100]),
      points: random.of([10, 11]),
      count: 1,
      gutter: 0,
      characters: 1800,
    }),
    look: { paper: 250, ink: 10, grain: 2, jpegQuality: random.of([undefined, 75]) },
  }),
  'narrow-gutter': (canvas, random) => ({
    sheet: columns(canvas, random, {
      dpi: random.of([150, 200]),
      points: random.of([9, 10]),
      count: random.of([2, 3]),
      gutter: random.of([8, 10, 12]),
      characters: 3000,
    }),
    look: { paper: 250, ink: 10, grain: 3, blur: 0.4, skewDegrees: random.between(-0.5, 0.5) },
  }),
  magazine,
  statement,
  form,
  receipt,
  'quarter-turn': proseWith((random) => ({
    quarterTurns: random.of([1, 3]),
    skewDegrees: random.between(-1, 1),
  })),
  'upside-down': proseWith(() => ({ quarterTurns: 2 })),
  skew: proseWith((random) => ({ skewDegrees: random.sign() * random.between(4, 20) })),
  inverted: proseWith(() => ({ inverted: true })),
  fax: proseWith(faxed, [200]),
  photo: proseWith(
    (random) => ({
      perspective: random.between(0.06, 0.16),
      shade: 80,
      paper: 215,
      ink: 50,
      grain: 6,
      blur: 0.9,
      jpegQuality: 70,
    }),
    [150, 180],
  ),
  german: letterIn('deu'),
  french: letterIn('fra'),
  'picture-in-gutter': pictureInGutter,
  leaflet,
  article,
  'ruled-table': ruledTable,
  'faxed-form': seenAs(form, faxed),
  'photographed-columns': seenAs(pictureInGutter, (random) => ({
    perspective: random.between(0.04, 0.12),
    shade: 60,
    paper: 215,
    ink: 50,
    grain: 6,
    blur: 0.7,
    jpegQuality: 75,
  })),
}

export function makePage(canvas: Canvas, kind: string, seed: number): MadePage {
  const random = new Random(seed * 1000 + Object.keys(kinds).indexOf(kind))
  const { sheet, look } = kinds[kind]!(canvas, random)
  const page = seen(sheet.gray(), look, random)
  return { page, truth: `${sheet.truth.join('\n')}\n`, jpegQuality: look.jpegQuality }
}
