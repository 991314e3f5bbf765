/** Plain tables: columns as wide as their widest cell, two spaces apart; no lines, so that awk can read them too. */
import { clean } from '../base/printable.ts'

export interface Column<Row> {
  readonly title: string
  readonly align?: 'left' | 'right'
  readonly cell: (row: Row) => string
}

/** The title line first; without rows, only that. */
export function formatTable<Row>(columns: readonly Column<Row>[], rows: readonly Row[]): string[] {
  const cells = [
    columns.map(({ title }) => title),
    ...rows.map((row) => columns.map(({ cell }) => clean(cell(row)))),
  ]
  const widths = columns.map((_, index) => Math.max(...cells.map((line) => width(line[index]!))))
  return cells.map((line) =>
    line
      .map((text, index) => pad(text, widths[index]!, columns[index]!.align ?? 'left'))
      .join('  ')
      .trimEnd(),
  )
}

function pad(text: string, columns: number, align: 'left' | 'right'): string {
  const space = ' '.repeat(columns - width(text))
  return align === 'left' ? text + space : space + text
}

/** Code points; wide letters would need a table of their own. */
function width(text: string): number {
  return [...text].length
}
