import assert from 'node:assert/strict'
import { test } from 'node:test'
import { pushTo } from '../../src/base/push-to.ts'

test('items are grouped by their keys, in the order in which they came', () => {
  const groups = new Map<string, number[]>()
  for (const [key, item] of [
    ['odd', 3],
    ['even', 2],
    ['odd', 1],
  ] as const)
    pushTo(groups, key, item)
  assert.deepEqual(
    [...groups],
    [
      ['odd', [3, 1]],
      ['even', [2]],
    ],
  )
})
