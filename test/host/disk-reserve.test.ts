/** What jobs of strangers may take of the disk, with a disk that a test fills. */
import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import { DiskReserve } from '../../src/host/store/disk-reserve.ts'
import type { JobId } from '../../src/protocol/ids.ts'
import { jobNamed } from '../support/store.ts'

const MiB = 2 ** 20
const [one, two] = ['one', 'two'].map(jobNamed) as [JobId, JobId]

function disk({ freeBytes = 1_000 * MiB, cachedBytes = 0 } = {}) {
  const state = { freeBytes, cachedBytes, used: new Map<JobId, number>() }
  const reserve = new DiskReserve({
    space: () => ({ freeBytes: state.freeBytes, totalBytes: 2_000 * MiB }),
    usedBy: (job) => state.used.get(job) ?? 0,
    cachedBytes: () => state.cachedBytes,
    evict: (bytes) => {
      const evicted = Math.min(state.cachedBytes, bytes)
      state.cachedBytes -= evicted
      state.freeBytes += evicted
    },
  })
  return { state, reserve }
}

test('two jobs that fetch at the same time do not add up beyond the room, and what is settled counts no more', () => {
  const { reserve } = disk()
  const first = reserve.setAside(one, 440 * MiB)
  assert.throws(() => reserve.setAside(two, 440 * MiB), { code: 'no-room' })
  reserve.setAside(two, 200 * MiB).settle()
  first.settle()
  reserve.setAside(two, 200 * MiB).settle()
})

test('one job has at most half of the room, however many times it asks', () => {
  const { state, reserve } = disk()
  let taken = 0
  for (;;) {
    try {
      reserve.setAside(one, 10 * MiB).settle()
    } catch {
      break
    }
    taken += 10 * MiB
    state.used.set(one, taken)
    state.freeBytes -= 10 * MiB
  }
  // 1,000 MiB are free; 100 are five percent, and 16 the margin.
  assert(taken <= 442 * MiB && taken > 420 * MiB, `${taken / MiB} MiB`)
  reserve.setAside(two, 200 * MiB).settle()
  reserve.forget(one)
  assert.throws(() => reserve.setAside(one, 10 * MiB), { code: 'no-room' }, 'the database remembers')
  state.used.delete(one)
  state.freeBytes += taken
  reserve.forget(one)
  reserve.setAside(one, 10 * MiB)
})

test('a job of this node’s own has more than its half, below the floor as well, and never the last of the disk', () => {
  const { state, reserve } = disk({ freeBytes: 100 * MiB, cachedBytes: 50 * MiB })
  assert.throws(() => reserve.setAside(one, 30 * MiB), { code: 'no-room' })
  const first = reserve.setAside(one, 80 * MiB, true)
  assert.equal(state.cachedBytes, 50 * MiB)
  const second = reserve.setAside(one, 50 * MiB, true)
  assert.equal(state.cachedBytes, 4 * MiB, 'what can be fetched again makes room')
  assert.throws(() => reserve.setAside(one, 10 * MiB, true), { code: 'no-room' })
  second.settle()
  first.settle()
})

test('blocks that can be fetched again make room, and only then', () => {
  const { state, reserve } = disk({ freeBytes: 200 * MiB, cachedBytes: 400 * MiB })
  reserve.setAside(one, 40 * MiB).settle()
  assert.equal(state.cachedBytes, 400 * MiB)
  reserve.setAside(two, 200 * MiB)
  assert.equal(state.cachedBytes, 284 * MiB)
  assert(!reserve.hasRoom(300 * MiB))
  assert(reserve.hasRoom(50 * MiB))
})

test('room that somebody can make is asked for where the disk is short, and only there', () => {
  const { state, reserve } = disk({ freeBytes: 200 * MiB })
  let asked = 0
  reserve.onShortage(() => {
    asked += 1
    state.cachedBytes = 400 * MiB
  })
  reserve.setAside(one, 40 * MiB).settle()
  assert(reserve.hasRoom(20 * MiB))
  assert.equal(asked, 0)
  assert(reserve.hasRoom(50 * MiB))
  reserve.setAside(two, 200 * MiB)
  assert.equal(asked, 2)
})

test('whatever is asked for, in whatever order, the disk stays above its floor', () => {
  const asks = fc.array(
    fc.record({ job: fc.constantFrom(one, two), bytes: fc.nat(600 * MiB), arrives: fc.boolean() }),
  )
  fc.assert(
    fc.property(asks, (asked) => {
      const { state, reserve } = disk()
      for (const { job, bytes, arrives } of asked) {
        let room: ReturnType<DiskReserve['setAside']>
        try {
          room = reserve.setAside(job, bytes)
        } catch {
          continue
        }
        if (!arrives) continue // it is under way for ever
        state.freeBytes -= bytes
        state.used.set(job, (state.used.get(job) ?? 0) + bytes)
        room.settle()
        assert(state.freeBytes >= 100 * MiB)
      }
    }),
  )
})
