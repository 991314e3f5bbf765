/** Records of strangers' jobs take a bounded part of a node's memory and disk, whatever their stewards sign. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { RecordRoom } from '../../src/host/jobs/record-room.ts'
import { StoreError } from '../../src/host/store/errors.ts'
import type { JobId } from '../../src/protocol/ids.ts'

const [small, large, other] = ['small', 'large', 'other'] as unknown as [JobId, JobId, JobId]
const mebi = 2 ** 20

/** A disk on which so many bytes more may be set aside. */
function diskOf(bytes: number) {
  let left = bytes
  const reserve = {
    setAside(job: JobId, asked: number) {
      if (asked > left) throw new StoreError({ code: 'no-room', job, bytes: asked })
      left -= asked
      return { settle: () => {} }
    },
  }
  return { reserve, left: () => left }
}

test('of strangers’ jobs that take too much memory together, the one that takes the most goes', () => {
  const room = new RecordRoom({ ...diskOf(1_000 * mebi), bytesMax: 100 })
  assert.equal(room.take(small, 20), undefined)
  assert.equal(room.take(large, 80), undefined)
  assert.equal(room.take(small, 21), large)
  room.leave(large)
  assert.equal(room.take(small, 90), undefined)
  assert.equal(room.take(other, 10), undefined)
  assert.equal(room.take(other, 9), undefined, 'records that gave way leave room')
  assert.equal(room.take(small, 92), small)
})

test('a job that was let go is refused, and the list of those has a bound', () => {
  const room = new RecordRoom(diskOf(0))
  room.refuse(large)
  assert(room.isRefused(large) && !room.isRefused(small))
  for (let i = 0; i < 5_000; i += 1) room.refuse(`${i}` as unknown as JobId)
  assert(!room.isRefused(large))
})

test('a job for whose records the disk has no room goes', () => {
  const disk = diskOf(4 * mebi)
  const room = new RecordRoom({ reserve: disk.reserve, bytesMax: 1_000 * mebi })
  assert.equal(room.take(large, 10 * mebi), undefined, 'they are on the disk already')
  assert.equal(room.take(large, 12 * mebi), undefined)
  assert.equal(disk.left(), 2 * mebi)
  assert.equal(room.take(large, 12 * mebi + 1), undefined, 'in steps')
  assert.equal(room.take(large, 15 * mebi), large)
})
