import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { rawCid } from '../../src/protocol/record/block.ts'
import { sha256 } from '../support/core-fakes.ts'
import { StewardedJob } from '../support/stewarded-job.ts'

/** Bytes of the heap, buffers included, that a job of so many shards takes once it has ended. */
function bytesOf(shards: number): number {
  const before = heapBytes()
  const job = new StewardedJob({ shards, vehicles: 8 })
  job.run()
  const bytes = heapBytes() - before
  assert.equal(job.council.observe()?.view().shards.verified, shards)
  return bytes
}

function heapBytes(): number {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  for (let i = 0; i < 3; i += 1) collect()
  const { heapUsed, arrayBuffers } = process.memoryUsage()
  return heapUsed + arrayBuffers
}

test('the name of a block that was made here takes no more than its letters', () => {
  const before = heapBytes()
  const names = Array.from({ length: 2_000 }, (_, i) => rawCid(sha256, new Uint8Array([i, i >> 8])))
  const each = (heapBytes() - before) / names.length
  assert(each < 300, `${Math.round(each)} bytes each`)
})

test('a decided shard keeps none of what decided it: neither claims, nor findings, nor names that the list has', () => {
  bytesOf(500) // the code is compiled
  const [few, many] = [bytesOf(1_500), bytesOf(4_000)] // what is kept of the last thousand results is in both
  const each = (many - few) / 2_500
  assert(each < 1_200, `${Math.round(each)} bytes each`)
})
