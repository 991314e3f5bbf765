/** Nothing leaves a node before what it rests on is on the disk. */
import assert from 'node:assert/strict'
import test from 'node:test'
import { Outbox } from '../../src/host/store/outbox.ts'

/** Longer than any chain of promises that waits for nothing. */
async function settled(): Promise<void> {
  for (let turn = 0; turn < 20; turn += 1) await new Promise(setImmediate)
}

test('what comes after a write is not said before the write is durable', async () => {
  const outbox = new Outbox(() => assert.fail())
  const first = Promise.withResolvers<void>()
  const second = Promise.withResolvers<void>()
  const said: string[] = []
  outbox.persist(first.promise)
  outbox.after(() => said.push('after the first'))
  outbox.persist(second.promise)
  outbox.after(() => said.push('after both'))
  second.resolve()
  await settled()
  assert.deepEqual(said, [], 'writes may end in any order')
  first.resolve()
  await outbox.idle()
  assert.deepEqual(said, ['after the first', 'after both'])
})

test('what takes a while is not overtaken by what comes after it', async () => {
  const outbox = new Outbox(() => assert.fail())
  const slow = Promise.withResolvers<void>()
  const done: string[] = []
  outbox.after(() => slow.promise.then(() => done.push('slow')))
  outbox.after(() => done.push('quick'))
  await settled()
  assert.deepEqual(done, [])
  slow.resolve()
  await outbox.idle()
  assert.deepEqual(done, ['slow', 'quick'])
})

test('after a write that failed nothing is said any more, and that is told once', async () => {
  const failures: unknown[] = []
  const outbox = new Outbox((error) => failures.push(error))
  outbox.persist(Promise.reject('the first'))
  outbox.after(() => assert.fail('it rests on what is not there'))
  outbox.persist(Promise.reject('the second'))
  outbox.persist(Promise.resolve())
  outbox.after(() => assert.fail('nothing behind a failed write is ever sent'))
  await outbox.idle()
  assert.deepEqual(failures, ['the first'])
})
