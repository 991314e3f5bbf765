/** Turns: one after the other under one key, and side by side under different ones. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Turns } from '../../src/host/turns.ts'

test('what is done under one key begins when all before it has settled, well or not', async () => {
  const turns = new Turns()
  const began: string[] = []
  const gates = ['first', 'second', 'third'].map((name) => {
    const { promise, resolve, reject } = Promise.withResolvers<string>()
    const settled = turns.inTurn('key', () => {
      began.push(name)
      return promise
    })
    return { settled, resolve, reject }
  })
  const [first, second, third] = gates as [(typeof gates)[0], (typeof gates)[0], (typeof gates)[0]]
  const other = turns.inTurn('other key', async () => void began.push('other'))
  await other
  assert.deepEqual(began, ['first', 'other'])
  first.reject(new Error('it failed'))
  await assert.rejects(first.settled, /it failed/)
  second.resolve('done')
  assert.equal(await second.settled, 'done')
  third.resolve('done, too')
  assert.equal(await third.settled, 'done, too')
  assert.deepEqual(began, ['first', 'other', 'second', 'third'])
})
