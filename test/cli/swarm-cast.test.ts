import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Books, balances } from '../../src/cli/swarm/books.ts'
import { castOf, faultsFor, parseFaults } from '../../src/cli/swarm/cast.ts'

test('as much goes wrong as leaves two vehicles to agree to the end', () => {
  assert.deepEqual(
    [8, 7, 5, 4, 3, 2, 1].map((count) => faultsFor(count).size),
    [6, 3, 3, 1, 1, 0, 0],
  )
  for (const count of [1, 2, 3, 5, 8, 64]) {
    const faults = faultsFor(count)
    const steady = castOf(count, faults).filter(({ part }) => part === 'steady').length
    assert.ok(steady - (faults.has('kill') ? 1 : 0) >= Math.min(count, 2))
  }
})

test('each thing that goes wrong has a vehicle of its own, and only the liar is another program', () => {
  const cast = castOf(8, parseFaults('liar,kill,drive-off,low-charge,hot,late'))
  assert.deepEqual(
    cast.map(({ part }) => part),
    ['steady', 'steady', 'steady', 'liar', 'drive-off', 'low-charge', 'hot', 'late'],
  )
  assert.deepEqual(
    cast.filter(({ program }) => program !== undefined).map(({ name }) => name),
    ['car-4'],
  )
})

test('what cannot be played is refused in one sentence', () => {
  assert.throws(() => parseFaults('liar,rain'), /there is no fault 'rain'; name none, or any of liar/)
  assert.throws(() => castOf(3, parseFaults('liar,kill')), /need at least 4 vehicles: raise --vehicles/)
  assert.deepEqual(parseFaults('none'), new Set())
})

test('books balance only if nothing is left and both sides of each account say the same', () => {
  const books = (changes: Partial<Books>): Books => ({
    bill: {} as Books['bill'],
    billed: new Map([['car-1', 400]]),
    earned: new Map([['car-1', 400]]),
    leftMicros: 0,
    ...changes,
  })
  assert.ok(balances(books({})))
  assert.ok(!balances(books({ leftMicros: 1 })))
  assert.ok(!balances(books({ earned: new Map([['car-1', 399]]) })))
  assert.ok(balances(books({ earned: new Map() })))
})
