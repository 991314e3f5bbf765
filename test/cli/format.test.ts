import assert from 'node:assert/strict'
import { test } from 'node:test'
import { keyValue, numberBetween, wholeNumber } from '../../src/cli/flags.ts'
import {
  formatBound,
  formatCount,
  formatDuration,
  formatNumber,
  formatRate,
  parseDuration,
  quoted,
  shortJob,
  shortPeer,
} from '../../src/cli/format.ts'

test('a duration is told in two units at most', () => {
  const told = [0, 499, 4_000, 59_600, 125_000, 3_599_000, 12_000_000, 187_200_000].map(formatDuration)
  assert.deepEqual(told, [
    '0 s',
    '0 s',
    '4 s',
    '1 min 00 s',
    '2 min 05 s',
    '59 min 59 s',
    '3 h 20 min',
    '2 d 4 h',
  ])
})

test('a time that lies ahead of this clock is no negative age', () => {
  assert.equal(formatDuration(-5_000), '0 s')
})

test('durations are read in the units that people write', () => {
  const read = ['90s', '45m', '45min', '2h', '1d', '1h30m', '1.5h', '2 H'].map(parseDuration)
  assert.deepEqual(
    read,
    [90_000, 2_700_000, 2_700_000, 7_200_000, 86_400_000, 5_400_000, 5_400_000, 7_200_000],
  )
})

test('what is not a duration is refused with an example', () => {
  for (const text of ['', '2', 'h', '2 weeks', '-1h', '0s', '1h later', 'Infinityh', '1..2h'])
    assert.throws(() => parseDuration(text), /Say a duration/, text)
})

test('numbers have a comma for each thousand, and nouns their plural', () => {
  assert.deepEqual([0, 999, 1_000, 1_234_567].map(formatNumber), ['0', '999', '1,000', '1,234,567'])
  assert.deepEqual(
    [0, 1, 2].map((count) => formatCount(count, 'page')),
    ['0 pages', '1 page', '2 pages'],
  )
})

test('a rate has the unit in which it does not start with zeros', () => {
  const told = [0, 123.456, 3.24159, 0.5, 0.001].map(formatRate)
  assert.deepEqual(told, ['–', '123 pages/s', '3.24 pages/s', '30 pages/min', '3.6 pages/h'])
})

test('a missing bound is said in words', () => {
  assert.deepEqual([1e-4, 1e-9, null].map(formatBound), [
    'error bound 0.0001',
    'error bound 1e-9',
    'no bound',
  ])
})

test('a short peer is the end of its id, a short job the beginning', () => {
  assert.equal(shortPeer('12D3KooWGRUVh7sTvFn3mDqJbYzEYCkjjxGYV2TzEYrBcPXsvoUp'), '…cPXsvoUp')
  assert.equal(shortJob('bafyreihdwdcefgh4dqkjv67uzcmw7o'), 'bafyreihdwdcefgh4d')
})

test('a path is quoted when a shell would take it apart', () => {
  assert.deepEqual(['/a/b-c.d', '/my data', "/it's"].map(quoted), ['/a/b-c.d', "'/my data'", "'/it'\\''s'"])
})

test('key=value keeps what is text as text, and reads numbers and switches', () => {
  const pairs = ['language=en', 'columns=2', 'deskew=true', 'code=007', 'formula=a=b', 'none=']
  const read = pairs.reduce((before, pair) => keyValue(pair, before), {})
  assert.deepEqual(read, { language: 'en', columns: 2, deskew: true, code: '007', formula: 'a=b', none: '' })
  assert.throws(() => keyValue('columns'), /key=value/)
  assert.throws(() => keyValue('=2'), /key=value/)
})

test('a number outside its bounds is refused, the bounds of a probability included', () => {
  assert.equal(numberBetween(0, 1)('1e-6'), 1e-6)
  for (const text of ['0', '1', '-1', 'x', '', 'NaN'])
    assert.throws(() => numberBetween(0, 1)(text), /between 0 and 1/)
  assert.equal(wholeNumber(1, 64)('64'), 64)
  for (const text of ['0', '65', '1.5', '1e1', ''])
    assert.throws(() => wholeNumber(1, 64)(text), /from 1 to 64/)
})
