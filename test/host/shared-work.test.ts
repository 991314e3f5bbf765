import assert from 'node:assert/strict'
import test from 'node:test'
import { SharedWork } from '../../src/host/vehicle/shared-work.ts'

class Work {
  readonly done = Promise.withResolvers<void>()
  signal: AbortSignal | undefined

  readonly begin = (signal: AbortSignal): Promise<void> => {
    this.signal = signal
    return this.done.promise
  }
}

test('shared work goes on until the last who waits for it gives up', async () => {
  const [shared, work] = [new SharedWork(), new Work()]
  const [first, second] = [new AbortController(), new AbortController()]
  const begun = shared.begin(['a', 'b'], first.signal, work.begin)
  const joined = shared.join(['b', 'unknown'], second.signal)
  first.abort(new Error('first'))
  await assert.rejects(begun, /first/)
  assert.equal(work.signal!.aborted, false)
  second.abort(new Error('second'))
  await assert.rejects(joined, /second/)
  assert.equal(work.signal!.aborted, true)
})

test('who comes after the last has given up begins anew, and is not disturbed by the end of the old work', async () => {
  const [shared, old, fresh] = [new SharedWork(), new Work(), new Work()]
  const gone = new AbortController()
  const begun = shared.begin(['a'], gone.signal, old.begin)
  gone.abort(new Error('gone'))
  await assert.rejects(begun, /gone/)
  assert(!shared.has('a'))
  const { signal } = new AbortController()
  const again = shared.begin(['a'], signal, fresh.begin)
  old.done.reject(new Error('aborted'))
  await new Promise(setImmediate)
  assert(shared.has('a'))
  const joined = shared.join(['a'], signal)
  fresh.done.resolve()
  await Promise.all([again, joined])
  assert(!shared.has('a'))
})

test('shared work that fails fails for all who wait', async () => {
  const [shared, work] = [new SharedWork(), new Work()]
  const { signal } = new AbortController()
  const all = [shared.begin(['a'], signal, work.begin), shared.join(['a'], signal)]
  work.done.reject(new Error('broken'))
  for (const one of all) await assert.rejects(one, /broken/)
})

test('nothing begins for somebody who has given up already', async () => {
  const [shared, work] = [new SharedWork(), new Work()]
  await assert.rejects(shared.begin(['a'], AbortSignal.abort(new Error('late')), work.begin), /late/)
  assert.equal(work.signal, undefined)
})
