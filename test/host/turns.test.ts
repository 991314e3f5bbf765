import assert from 'node:assert/strict'
import test from 'node:test'
import { Turns } from '../../src/host/turns.ts'

test('what is done under one key waits for what came before it, even when that failed; other keys do not', async () => {
  const turns = new Turns()
  const done: string[] = []
  const gate = Promise.withResolvers<void>()
  const first = turns.inTurn('a', async () => {
    await gate.promise
    done.push('first')
    throw new Error('in vain')
  })
  const second = turns.inTurn('a', async () => void done.push('second'))
  await turns.inTurn('b', async () => void done.push('other'))
  gate.resolve()
  await assert.rejects(first, /in vain/)
  await second
  assert.deepEqual(done, ['other', 'first', 'second'])
})
