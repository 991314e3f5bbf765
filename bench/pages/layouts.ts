/** How pages are laid out: columns of prose, magazines, statements, forms and receipts, each with the true text in reading order. */
import type { Look } from './look.ts'
import type { Random } from './random.ts'
import { fonts, type Setting, Sheet } from './sheet.ts'
import { labels, money, type otherLanguages, prose, receiptRows, statementRows } from './words.ts'

export type Canvas = ConstructorParameters<typeof Sheet>[0]

export type Kind = (canvas: Canvas, random: Random) => { sheet: Sheet; look: Look }

/** A4 without most of its margins, so that pages stay quick to read. */
export const paper = { width: 6.5, height: 8 }

export function setting(
  random: Random,
  dpi: number,
  points: number,
  families: readonly string[],
  loose = 1.25,
): Setting {
  const size = (points * dpi) / 72
  return { family: random.of(families), size, leading: Math.round(size * loose) }
}

/** Text in columns under a heading. `gutter` in points. */
export function columns(
  canvas: Canvas,
  random: Random,
  options: {
    readonly dpi: number
    readonly points: number
    readonly count: number
    readonly gutter: number
    readonly inches?: { readonly width: number; readonly height: number }
    readonly families?: readonly string[]
    readonly characters?: number
    readonly heading?: boolean
    readonly language?: keyof typeof otherLanguages
  },
): Sheet {
  const { dpi, points, count, gutter, inches = paper, families = [...fonts.serif, ...fonts.sans] } = options
  const sheet = new Sheet(canvas, inches.width * dpi, inches.height * dpi)
  const text = { ...setting(random, dpi, points, families), justified: random.unit() < 0.5 }
  const margin = 0.5 * dpi
  let top = margin
  if (options.heading === true) {
    const large = { ...text, size: text.size * 1.7, bold: true }
    sheet.line(
      random.of(['The Ferry', 'A Quiet Morning', 'Notes on the Valley', 'Chapter the Third']),
      margin,
      top + large.size,
      large,
    )
    top += large.size * 2
  }
  const gap = (gutter * dpi) / 72
  const width = (sheet.width - 2 * margin - gap * (count - 1)) / count
  const capacity = (count * width * (sheet.height - top - margin)) / (text.leading * text.size * 0.46)
  let words = prose(random, Math.min(options.characters ?? 2200, capacity * 0.95), options.language)
    .join(' ')
    .split(' ')
  const lines = Math.ceil((words.join(' ').length * text.size * 0.5) / width / count) + 2
  const bottom = Math.min(sheet.height - margin, top + lines * text.leading)
  for (let column = 0; column < count; column += 1) {
    const last = column === count - 1
    const place = { left: margin + column * (width + gap), top, width, bottom: last ? sheet.height : bottom }
    words = [...sheet.fill(words, place, text).rest]
  }
  return sheet
}

/** Two or three columns, with a picture and its caption within one column, or between bands of columns. */
export function magazine(canvas: Canvas, random: Random): { sheet: Sheet; look: Look } {
  const dpi = random.of([150, 200])
  const sheet = new Sheet(canvas, paper.width * dpi, paper.height * dpi)
  const text = { ...setting(random, dpi, random.of([9, 10]), fonts.serif), justified: true }
  const small = { ...text, size: text.size * 0.85, leading: Math.round(text.leading * 0.85), italic: true }
  const margin = 0.5 * dpi
  const count = random.of([2, 3])
  const gap = (random.of([12, 16, 20]) * dpi) / 72
  const width = (sheet.width - 2 * margin - gap * (count - 1)) / count
  const title = { ...text, size: text.size * 2.2, bold: true }
  sheet.line(
    random.of(['Harbours of the North', 'Bread and Salt', 'The Long Road Home']),
    margin,
    margin + title.size,
    title,
  )
  const top = margin + title.size * 2
  let words = prose(random, 5000).join(' ').split(' ')
  const caption = random.of(['A view from the old bridge', 'The mill before the fire', 'Boats at low water'])
  for (let column = 0; column < count; column += 1) {
    const left = margin + column * (width + gap)
    const bottom = sheet.height - margin - dpi * 1.5
    if (column === 0) {
      const half = top + (bottom - top) * random.between(0.25, 0.5)
      const first = sheet.fill(words, { left, top, width, bottom: half }, text)
      const height = width * 0.6
      sheet.picture(left, first.top + 8, width, height, () => random.unit())
      const under = sheet.fill(
        caption.split(' '),
        { left, top: first.top + 12 + height, width, bottom },
        small,
      )
      words = [
        ...sheet.fill(first.rest, { left, top: under.top + text.leading / 2, width, bottom }, text).rest,
      ]
    } else {
      words = [...sheet.fill(words, { left, top, width, bottom }, text).rest]
    }
  }
  return { sheet, look: { blur: 0.5, paper: 240, ink: 20, grain: 4, skewDegrees: random.between(-0.8, 0.8) } }
}

export function statement(canvas: Canvas, random: Random): { sheet: Sheet; look: Look } {
  const dpi = random.of([130, 150, 200])
  const sheet = new Sheet(canvas, 8 * dpi, 5.5 * dpi)
  const text = setting(random, dpi, random.of([9, 10, 11]), fonts.sans, 1.7)
  const margin = 0.5 * dpi
  const lefts = [0, 0.9, 4.1, 5.6, 7].map((inch) => margin + inch * dpi)
  const ruled = random.unit() < 0.4
  const numbersRight = random.unit() < 0.6
  const rows = [['Date', 'Description', 'Number', 'Amount', 'Balance'], ...statementRows(random, 14)]
  let baseline = margin + text.size
  sheet.line('Statement of account 4471 0098', margin, baseline, {
    ...text,
    bold: true,
    size: text.size * 1.2,
  })
  for (const cells of rows) {
    baseline += text.leading
    for (const [column, cell] of cells.entries()) {
      if (cell === '') continue
      if (column >= 3 && numbersRight) sheet.rightAligned(cell, lefts[column]! + 0.4 * dpi, baseline, text)
      else sheet.line(cell, lefts[column]! - (column >= 3 ? 0.35 * dpi : 0), baseline, text, false)
    }
    sheet.truth.push(cells.filter((cell) => cell !== '').join(' '))
    if (ruled) sheet.rule(margin, baseline + text.size * 0.4, sheet.width - 2 * margin, 1)
  }
  return { sheet, look: { paper: 248, ink: 20, grain: 3, blur: 0.4, skewDegrees: random.between(-0.7, 0.7) } }
}

export function form(canvas: Canvas, random: Random): { sheet: Sheet; look: Look } {
  const dpi = random.of([150, 200])
  const sheet = new Sheet(canvas, 7 * dpi, 6 * dpi)
  const label = setting(random, dpi, 9, fonts.sans)
  const entry = setting(random, dpi, 11, [...fonts.mono, ...fonts.serif])
  const margin = 0.5 * dpi
  sheet.line(
    random.of(['Claim for Damages', 'Application Form B', 'Change of Address']),
    margin,
    margin + label.size * 2,
    {
      ...label,
      size: label.size * 1.8,
      bold: true,
    },
  )
  const boxed = random.unit() < 0.5
  const step = 0.38 * dpi
  for (const [row, [name, value]] of labels.entries()) {
    const baseline = margin + label.size * 3 + (row + 1) * step
    sheet.line(name, margin, baseline, label, false)
    sheet.line(value, margin + 2.2 * dpi, baseline, entry, false)
    sheet.truth.push(`${name} ${value}`)
    if (boxed) sheet.context.strokeRect(margin + 2.1 * dpi, baseline - step * 0.7, 3.6 * dpi, step * 0.95)
    else sheet.rule(margin + 2.1 * dpi, baseline + label.size * 0.4, 3.6 * dpi, 1)
  }
  return { sheet, look: { paper: 244, ink: 30, grain: 5, blur: 0.5, skewDegrees: random.between(-1.5, 1.5) } }
}

export function receipt(canvas: Canvas, random: Random): { sheet: Sheet; look: Look } {
  const size = random.of([20, 24, 28])
  const text: Setting = {
    family: random.of([...fonts.mono, 'Liberation Sans']),
    size,
    leading: Math.round(size * 1.35),
  }
  const rows = receiptRows(random, 8 + random.below(8))
  const width = size * 22
  const sheet = new Sheet(canvas, width + 4 * size, (rows.length + 12) * text.leading)
  let baseline = 2 * text.leading
  const put = (left: string, right = '') => {
    sheet.line(left, 2 * size, baseline, text, false)
    if (right !== '') sheet.rightAligned(right, 2 * size + width, baseline, text)
    sheet.truth.push(right === '' ? left : `${left} ${right}`)
    baseline += text.leading
  }
  put(random.of(['CORNER SHOP LTD', 'MARKET HALL 7', 'GREEN & SONS']))
  put(`${1 + random.below(90)} HIGH STREET`)
  put(`TEL 0${1000 + random.below(8000)} ${100000 + random.below(800000)}`)
  for (const [name, price] of rows) put(name!, price!)
  put('TOTAL', money(3000 + random.below(9000)))
  put('CASH', money(15000))
  put(
    `DATE ${10 + random.below(18)}/0${1 + random.below(8)}/2018`,
    `${10 + random.below(12)}:${10 + random.below(48)}`,
  )
  put('THANK YOU PLEASE COME AGAIN')
  return {
    sheet,
    look: {
      paper: random.between(170, 215),
      ink: random.between(80, 115),
      grain: random.between(8, 14),
      blur: random.between(0.8, 1.2),
      shade: random.between(20, 60),
      skewDegrees: random.between(-4, 4),
      jpegQuality: 55,
    },
  }
}
