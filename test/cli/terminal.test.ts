/** The output of commands fits the terminal, whatever its width and its locale. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { describeConfig } from '../../src/cli/commands/config.ts'
import { describePeers } from '../../src/cli/commands/peers.ts'
import { describeStatus } from '../../src/cli/job-view.ts'
import { LiveLines } from '../../src/cli/live-lines.ts'
import { formatTable } from '../../src/cli/table.ts'
import { asciiOf, fold, terminalOf, widthOf } from '../../src/cli/terminal.ts'
import { peerRow, status } from '../support/fake-node.ts'

/** Runs as if stdout were a terminal of this width. */
function onTerminal<Result>(columns: number, show: () => Result): Result {
  const { isTTY, columns: before } = process.stdout
  Object.assign(process.stdout, { isTTY: true, columns })
  try {
    return show()
  } finally {
    Object.assign(process.stdout, { isTTY, columns: before })
  }
}

const reasons = ['quiet-hours', 'unplugged', 'low-charge']
const peers = [
  { ...peerRow, self: true },
  { ...peerRow, name: 'a vehicle with a name of some length', reasons },
]
const option = {
  option: 'dataDir',
  value: `/${'folder/'.repeat(20)}`,
  layer: 'flag',
  where: '--data-dir',
} as const

for (const columns of [30, 40, 80, 132])
  test(`tables fit ${columns} columns, and lose no figure`, () => {
    const lines = onTerminal(columns, () => [
      ...describePeers(peers).slice(0, -1),
      ...describeConfig([option]),
    ])
    for (const line of lines) assert(widthOf(line) <= columns, `${widthOf(line)}: ${line}`)
    assert(lines.join('\n').includes(`${peers[0]!.slots.free}/${peers[0]!.slots.total}`))
    assert(lines.join('\n').includes('--data-dir'))
  })

test('texts are cut before rows become blocks, and where nothing needs to be, nothing is', () => {
  const columns = [
    { title: 'NAME', cell: (row: { name: string }) => row.name },
    { title: 'COUNT', align: 'right' as const, cell: () => '1,234,567' },
  ]
  const rows = [{ name: 'a rather long name' }, { name: 'short' }]
  const at = (width: number) => formatTable(columns, rows, { columns: width, isUnicode: true })
  assert.deepEqual(at(29), [
    'NAME                    COUNT',
    'a rather long name  1,234,567',
    'short               1,234,567',
  ])
  assert.deepEqual(at(20), ['NAME           COUNT', 'a rather…  1,234,567', 'short      1,234,567'])
  assert.deepEqual(at(18), [
    'NAME   a rather',
    '       long name',
    'COUNT  1,234,567',
    '',
    'NAME   short',
    'COUNT  1,234,567',
  ])
})

test('a pipe gets whole tables, and every letter', () => {
  assert.deepEqual(terminalOf({ isTTY: false }, { LANG: 'C' }), {
    columns: Number.POSITIVE_INFINITY,
    isUnicode: true,
  })
})

for (const columns of [30, 40, 80])
  test(`progress fits ${columns} columns, and is drawn over itself`, () => {
    let written = ''
    const write = (text: string | Uint8Array) => {
      written += String(text)
      return true
    }
    const live = new LiveLines({ write, columns, rows: 50, isTTY: true } as never)
    live.draw(describeStatus(status))
    const lines = written.replace('\r\x1b[J', '').trimEnd().split('\n')
    for (const line of lines) assert(widthOf(line) < columns, line)
    assert(lines.join(' ').includes('verified'))
    written = ''
    live.draw(['done'])
    assert.equal(written, `\x1b[${lines.length}A\r\x1b[Jdone\n`)
  })

test('a line is broken at spaces, a word that is too long anywhere, and nothing is lost', () => {
  assert.deepEqual(fold('one two three', 8, 2), ['one two', '  three'])
  assert.deepEqual(fold('abcdefghijkl', 5), ['abcde', 'fghij', 'kl'])
  assert.deepEqual(fold('', 5), [''])
  for (let columns = 10; columns < 60; columns += 1) {
    const text = 'the quick brown fox jumps over a-word-that-is-longer-than-many-lines and the lazy dog'
    const folded = fold(text, columns, 2)
    assert(folded.every((line) => widthOf(line) <= columns))
    assert.equal(folded.join('').replaceAll(' ', ''), text.replaceAll(' ', ''))
  }
})

test('with a locale of ASCII our own dashes, quotes and dots are ASCII, and names stay', () => {
  assert.equal(terminalOf({ isTTY: true, columns: 80 }, { LANG: 'C' }).isUnicode, false)
  assert.equal(terminalOf({ isTTY: true, columns: 80 }, { LANG: 'C', LC_ALL: 'de_DE.UTF-8' }).isUnicode, true)
  assert.equal(asciiOf('Müller’s – 3 × …'), "Müller's - 3 x ...")
})
