import assert from 'node:assert/strict'
import { test } from 'node:test'
import { BoundedMap } from '../../src/base/bounded-map.ts'

test('a bounded map forgets what was used longest ago, and says what', () => {
  const forgotten: [string, number][] = []
  const map = new BoundedMap<string, number>(3, (key, value) => forgotten.push([key, value]))
  for (const [key, value] of [
    ['a', 1],
    ['b', 2],
    ['c', 3],
  ] as const)
    map.set(key, value)
  assert.equal(map.get('a'), 1)
  map.set('d', 4)
  assert.deepEqual(forgotten, [['b', 2]])
  assert.deepEqual(
    [...map],
    [
      ['c', 3],
      ['a', 1],
      ['d', 4],
    ],
  )
  assert.equal(map.size, 3)
})

test('a bounded map keeps its size when a key is set again, or only looked at', () => {
  const forgotten: string[] = []
  const map = new BoundedMap<string, number>(2, (key) => forgotten.push(key))
  map.set('a', 1)
  map.set('b', 2)
  assert.equal(map.peek('a'), 1)
  map.set('b', 3)
  assert.deepEqual(forgotten, [])
  map.set('c', 4)
  assert.deepEqual(forgotten, ['a'], 'a look is no use')
  assert.deepEqual([...map.values()], [3, 4])
})

test('a bounded map says nothing of what is deleted', () => {
  const map = new BoundedMap<string, number>(1, assert.fail)
  map.set('a', 1)
  assert.equal(map.delete('a'), true)
  assert.equal(map.has('a'), false)
  map.set('b', 2)
})
