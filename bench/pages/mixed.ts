/** Layouts in which several kinds meet: a picture across a gutter, a leaflet's panels, a paper with footnotes, a ruled table. */
import { type Canvas, type Kind, paper, setting } from './layouts.ts'
import type { Look } from './look.ts'
import type { Random } from './random.ts'
import { fonts, type Setting, Sheet } from './sheet.ts'
import { money, prose } from './words.ts'

/** Two columns that both give way to a picture with its caption in the middle of the page. */
export const pictureInGutter: Kind = (canvas, random) => {
  const dpi = random.of([150, 200])
  const sheet = new Sheet(canvas, paper.width * dpi, paper.height * dpi)
  const text = { ...setting(random, dpi, random.of([9, 10]), fonts.serif), justified: true }
  const small = { ...text, size: text.size * 0.85, leading: Math.round(text.leading * 0.9), italic: true }
  const margin = 0.5 * dpi
  const gap = (random.of([14, 18]) * dpi) / 72
  const width = (sheet.width - 2 * margin - gap) / 2
  const half = random.between(0.6, 0.9) * dpi
  const middle = sheet.width / 2
  const [top, bottom] = [margin, sheet.height - margin]
  const from = top + text.leading * (8 + random.below(8))
  const height = half * 1.2
  const caption = random.of(['A view from the old bridge', 'The mill before the fire', 'Boats at low water'])
  const to = from + height + small.leading * 2.6
  // No wider than its picture.
  const own = {
    ...small,
    size: Math.min(small.size, (small.size * 2 * half) / sheet.widthOf(caption, small)),
  }
  let words = prose(random, 5000).join(' ').split(' ')
  for (const left of [margin, margin + width + gap]) {
    const isFirst = left === margin
    const narrow = isFirst ? middle - half - gap / 2 - left : left + width - (middle + half + gap / 2)
    const beside = isFirst ? left : middle + half + gap / 2
    const above = sheet.fill(words, { left, top, width, bottom: from }, text)
    const by = sheet.fill(above.rest, { left: beside, top: above.top, width: narrow, bottom: to }, text)
    words = [...sheet.fill(by.rest, { left, top: by.top, width, bottom }, text).rest]
    if (isFirst) {
      sheet.picture(middle - half, from + 6, 2 * half, height - 6, () => random.unit())
      sheet.line(caption, middle - sheet.widthOf(caption, own) / 2, from + height + small.size * 1.2, own)
    }
  }
  return { sheet, look: { paper: 244, ink: 20, grain: 4, blur: 0.4, skewDegrees: random.between(-0.5, 0.5) } }
}

/** Three panels, each with a heading, on a bar or not, and lists. */
export const leaflet: Kind = (canvas, random) => {
  const dpi = random.of([150, 200])
  const sheet = new Sheet(canvas, 9.5 * dpi, 6 * dpi)
  const text = setting(random, dpi, random.of([9, 10, 11]), fonts.sans, 1.35)
  const margin = 0.35 * dpi
  const panel = sheet.width / 3
  for (let at = 0; at < 3; at += 1) {
    const left = at * panel + margin
    const width = panel - 2 * margin
    const title = random.of(['Opening hours', 'How to get here', 'Our services', 'Good to know'])
    const heading = { ...text, size: text.size * 1.5, bold: true }
    let top = margin
    if (random.unit() < 0.5) {
      sheet.rule(left - margin * 0.5, top, panel - margin, heading.size * 1.6)
      sheet.context.fillStyle = '#ffffff'
      sheet.line(title, left, top + heading.size * 1.15, heading)
      sheet.context.fillStyle = '#000000'
    } else sheet.line(title, left, top + heading.size * 1.15, heading)
    top += heading.size * 2.2
    for (let part = 0; part < 2; part += 1) {
      const words = prose(random, 220).join(' ').split(' ')
      top = sheet.fill(words, { left, top, width, bottom: sheet.height }, text).top + text.leading / 2
      for (let item = 0; item < 3; item += 1) {
        const short = prose(random, 60).join(' ').split(' ').slice(0, 4).join(' ')
        sheet.line(`• ${short}`, left, top + text.size, text)
        top += text.leading
      }
      top += text.leading / 2
    }
  }
  return { sheet, look: { paper: 240, ink: 25, grain: 4, blur: 0.4, skewDegrees: random.between(-1, 1) } }
}

/** A page of a paper: numbered headings, justified lines of serif, footnotes in small print, and the page's number. */
export const article: Kind = (canvas, random) => {
  const dpi = random.of([150, 200])
  const sheet = new Sheet(canvas, paper.width * dpi, paper.height * dpi)
  const text = { ...setting(random, dpi, 10, fonts.serif, 1.2), justified: true }
  const note = { ...text, size: text.size * 0.8, leading: Math.round(text.leading * 0.8) }
  const margin = 0.6 * dpi
  const width = sheet.width - 2 * margin
  let top = margin
  for (let section = 1; section <= 3; section += 1) {
    const heading = { ...text, size: text.size * 1.3, bold: true }
    sheet.line(
      `${section}.${1 + random.below(4)} ${random.of(['Introduction', 'Related work', 'Results', 'Method'])}`,
      margin,
      top + heading.size,
      heading,
    )
    top += heading.size * 1.8
    const words = prose(random, 600).join(' ').split(' ')
    words.splice(10, 0, `[${1 + random.below(40)}],`, `${(random.unit() * 9).toFixed(2)}`, '%')
    top = sheet.fill(words, { left: margin, top, width, bottom: sheet.height }, text).top + text.leading * 0.6
  }
  top += text.leading
  sheet.rule(margin, top, width / 3, 1)
  const words = `1 ${prose(random, 160).join(' ')}`.split(' ')
  const rest = sheet.fill(words, { left: margin, top: top + 6, width, bottom: sheet.height }, note)
  const number = `${100 + random.below(800)}`
  sheet.line(number, sheet.width / 2 - sheet.widthOf(number, text) / 2, rest.top + text.leading * 1.5, text)
  return { sheet, look: { paper: 250, ink: 10, grain: 3, blur: 0.4, skewDegrees: random.between(-0.6, 0.6) } }
}

/** Cells within lines, the first row white on dark. */
export const ruledTable: Kind = (canvas, random) => {
  const dpi = random.of([150, 200])
  const sheet = new Sheet(canvas, 7.5 * dpi, 5 * dpi)
  const text = setting(random, dpi, random.of([9, 10]), fonts.sans, 1.9)
  const margin = 0.5 * dpi
  const [first, ...widths] = [2.2, 1.3, 1.3, 1.5].map((inches) => inches * dpi) as [number, ...number[]]
  const lefts = [0, first, ...widths.map((_, i) => first + widths.slice(0, i + 1).reduce((a, b) => a + b, 0))]
  const right = lefts.at(-1)!
  const rows = Array.from({ length: 11 }, (_, row) =>
    row === 0
      ? ['Item', 'Quantity', 'Price', 'Sum']
      : [
          prose(random, 60).join(' ').split(' ').slice(0, 2).join(' '),
          `${1 + random.below(400)}`,
          money(100 + random.below(90_000)),
          money(100 + random.below(900_000)),
        ],
  )
  for (const [row, cells] of rows.entries()) {
    const top = margin + row * text.leading
    if (row === 0) sheet.rule(margin, top, right, text.leading)
    else for (const left of lefts) sheet.rule(margin + left, top, 1, text.leading)
    sheet.rule(margin, top + text.leading, right, 1)
    sheet.context.fillStyle = row === 0 ? '#ffffff' : '#000000'
    for (const [column, cell] of cells.entries()) {
      const [left, end] = [
        margin + lefts[column]! + text.size * 0.4,
        margin + lefts[column + 1]! - text.size * 0.4,
      ]
      const own: Setting = { ...text, bold: row === 0 }
      if (column === 0 || row === 0) sheet.line(cell, left, top + text.size * 1.3, own, false)
      else sheet.rightAligned(cell, end, top + text.size * 1.3, own)
    }
    sheet.context.fillStyle = '#000000'
    sheet.truth.push(cells.join(' '))
  }
  return { sheet, look: { paper: 246, ink: 20, grain: 3, blur: 0.4, skewDegrees: random.between(-0.8, 0.8) } }
}

/** The same sheet as another kind's, as something else has made it look. */
export function seenAs(kind: Kind, look: (random: Random) => Look): Kind {
  return (canvas: Canvas, random) => ({ sheet: kind(canvas, random).sheet, look: look(random) })
}
