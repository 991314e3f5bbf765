/**
 * Plain tables: columns as wide as their widest cell, two spaces apart; no lines, so that awk can read them too.
 *
 * On a terminal that is too narrow, texts are cut, as far as they still say something. Where that is not enough, each row becomes a
 * few lines of its own. Figures are never cut: half of one is another.
 */
import { clean } from '../base/printable.ts'
import { cut, fold, type Terminal, terminalOf, widthOf } from './terminal.ts'

export interface Column<Row> {
  readonly title: string
  readonly align?: 'left' | 'right'
  readonly cell: (row: Row) => string
}

const gap = '  '
/** A text that is cut to less is a riddle. A guess. */
const cutColumnsMin = 8

/** The title line first; without rows, only that. */
export function formatTable<Row>(
  columns: readonly Column<Row>[],
  rows: readonly Row[],
  terminal: Terminal = terminalOf(),
): string[] {
  const cells = [
    columns.map(({ title }) => title),
    ...rows.map((row) => columns.map(({ cell }) => clean(cell(row)))),
  ]
  const natural = columns.map((_, index) => Math.max(...cells.map((line) => widthOf(line[index]!))))
  const widths = shrunk(natural, columns, terminal.columns)
  if (widths === null) return blocks(cells, terminal)
  return cells.map((line) =>
    line
      .map((text, index) =>
        pad(cut(text, widths[index]!, terminal), widths[index]!, columns[index]!.align ?? 'left'),
      )
      .join(gap)
      .trimEnd(),
  )
}

/** Takes from the widest text as long as there is too little room. Null: it cannot be done. */
function shrunk(
  natural: readonly number[],
  columns: readonly Pick<Column<unknown>, 'align'>[],
  room: number,
): readonly number[] | null {
  const widths = [...natural]
  let excess = widths.reduce((sum, width) => sum + width, (widths.length - 1) * gap.length) - room
  for (; excess > 0; excess -= 1) {
    let widest = -1
    for (const [index, width] of widths.entries())
      if (columns[index]!.align !== 'right' && width > cutColumnsMin && width > (widths[widest] ?? 0))
        widest = index
    if (widest === -1) return null
    widths[widest]! -= 1
  }
  return widths
}

/** A row's cells below each other, each behind its title, and an empty line between rows. */
function blocks([titles = [], ...rows]: readonly (readonly string[])[], { columns }: Terminal): string[] {
  const titleWidth = Math.min(Math.max(...titles.map(widthOf)), Math.floor(columns / 3))
  const lines = rows.map((row) =>
    row.flatMap((text, index) => {
      const title = cut(titles[index]!, titleWidth, { isUnicode: false })
      return text === ''
        ? []
        : fold(`${pad(title, titleWidth, 'left')}${gap}${text}`, columns, titleWidth + 2)
    }),
  )
  return lines.flatMap((block, index) => (index === 0 ? block : ['', ...block]))
}

function pad(text: string, columns: number, align: 'left' | 'right'): string {
  const space = ' '.repeat(columns - widthOf(text))
  return align === 'left' ? text + space : space + text
}
