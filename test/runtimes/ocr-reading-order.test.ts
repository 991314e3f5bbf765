import assert from 'node:assert/strict'
import test from 'node:test'
import { hasColumns, inReadingOrder } from '../../src/runtimes/ocr/reading-order.ts'

interface Word {
  readonly name: string
  readonly left: number
  readonly top: number
  readonly right: number
  readonly bottom: number
}

function word(name: string, left: number, top: number, width = 200, height = 24): Word {
  return { name, left, top, right: left + width, bottom: top + height }
}

/** Lines named a1, a2, ... */
function column(name: string, left: number, top: number, lines: number, pitch = 30): Word[] {
  return Array.from({ length: lines }, (_, i) => word(`${name}${i + 1}`, left, top + i * pitch))
}

function read(words: readonly Word[]): string {
  return inReadingOrder(words)
    .map((line) => line.map((item) => item.name).join('+'))
    .join(' ')
}

test('one column is read from top to bottom', () => {
  assert.equal(read(column('a', 50, 100, 4).reverse()), 'a1 a2 a3 a4')
})

test('two columns are read one after the other, even when their lines align', () => {
  assert.equal(read([...column('b', 290, 100, 4), ...column('a', 50, 100, 4)]), 'a1 a2 a3 a4 b1 b2 b3 b4')
})

test('two columns whose lines do not align are no different', () => {
  assert.equal(read([...column('a', 50, 100, 4), ...column('b', 290, 113, 4)]), 'a1 a2 a3 a4 b1 b2 b3 b4')
})

test('three columns are read from left to right', () => {
  const words = [...column('c', 530, 100, 3), ...column('a', 50, 100, 3), ...column('b', 290, 100, 3)]
  assert.equal(read(words), 'a1 a2 a3 b1 b2 b3 c1 c2 c3')
})

test('a heading and a foot that span the columns are read before and after them', () => {
  const words = [
    ...column('a', 50, 100, 4),
    ...column('b', 290, 100, 4),
    word('heading', 100, 40, 300, 40),
    word('foot', 60, 240, 420),
  ]
  assert.equal(read(words), 'heading a1 a2 a3 a4 b1 b2 b3 b4 foot')
})

test('a heading between two blocks of columns parts them', () => {
  const words = [
    ...column('a', 50, 100, 3),
    ...column('b', 290, 100, 3),
    word('heading', 60, 200, 420),
    ...column('c', 50, 240, 3),
    ...column('d', 290, 240, 3),
  ]
  assert.equal(read(words), 'a1 a2 a3 b1 b2 b3 heading c1 c2 c3 d1 d2 d3')
})

test('a caption in the middle of two columns that give way to its picture is read between them', () => {
  const wide = (name: string, left: number) => [
    ...[1, 2, 3, 4].map((i) => word(`${name}${i}`, left, 70 + 30 * i, 300)),
    ...[6, 7, 8].map((i) => word(`${name}${i}`, left, 70 + 30 * i, 300)),
  ]
  const middle = [word('a5', 50, 220, 200), word('caption', 280, 222, 160), word('b5', 470, 220, 200)]
  const all = 'a1 a2 a3 a4 a5 a6 a7 a8 caption b1 b2 b3 b4 b5 b6 b7 b8'
  assert.equal(read([...wide('a', 50), ...wide('b', 370), ...middle]), all)
})

test('a short column beside a long one is read after it', () => {
  assert.equal(read([...column('a', 50, 100, 6), ...column('b', 290, 100, 3)]), 'a1 a2 a3 a4 a5 a6 b1 b2 b3')
})

test('parts of one line are joined from left to right', () => {
  const words = [...column('a', 50, 100, 2), word('right', 270, 165, 90), word('left', 50, 160, 200)]
  assert.equal(read(words), 'a1 a2 left+right')
})

test('page numbers of a table of contents stay with their lines', () => {
  const entries = [1, 2, 3, 4].flatMap((n) => [
    word(`t${n}`, 50, 70 + 30 * n),
    word(`p${n}`, 400, 70 + 30 * n, 30),
  ])
  assert.equal(read(entries), 't1+p1 t2+p2 t3+p3 t4+p4')
})

test('the order in which boxes were found does not matter', () => {
  const words = [...column('a', 50, 100, 5), ...column('b', 290, 107, 5), word('heading', 100, 40, 300, 40)]
  const expected = read(words)
  for (let turn = 1; turn < words.length; turn += 1) {
    assert.equal(read([...words.slice(turn), ...words.slice(0, turn)]), expected)
  }
})

test('no boxes give no lines', () => {
  assert.deepEqual(inReadingOrder([]), [])
})

/** Rows of a statement: cells of several widths at the same places. */
function statement(rows: number): Word[] {
  return Array.from({ length: rows }, (_, row) => [
    word(`d${row}`, 50, 100 + 40 * row, 70),
    word(`t${row}`, 160, 100 + 40 * row, 140 + ((row * 37) % 150)),
    word(`n${row}`, 600, 100 + 40 * row, 60),
    word(`m${row}`, 800, 100 + 40 * row, 60 + ((row * 17) % 40)),
  ]).flat()
}

test('cells that share baselines are rows, however wide the gaps between them', () => {
  assert.equal(
    read(statement(12)),
    Array.from({ length: 12 }, (_, row) => `d${row}+t${row}+n${row}+m${row}`).join(' '),
  )
  assert.equal(hasColumns(statement(12)), false)
})

test('columns of prose are told from tables, and a few lines are no columns', () => {
  const prose = (lines: number) => [...column('a', 50, 100, lines), ...column('b', 290, 100, lines)]
  assert.equal(hasColumns(prose(12)), true)
  assert.equal(hasColumns(prose(3)), false)
})
