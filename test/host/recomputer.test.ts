/** The bench on which a steward runs disputed shards, where strangers' shards never end. */
import assert from 'node:assert/strict'
import test from 'node:test'
import type { Executor, Slot } from '../../src/host/executor/contract.ts'
import { Recomputer } from '../../src/host/stewardship/recomputer.ts'
import {
  type StrangersBounds,
  StrangersTime,
  strangersBounds,
} from '../../src/host/stewardship/strangers-time.ts'
import type { BlockStore } from '../../src/host/store/blocks.ts'
import type { EngineDescription } from '../../src/runtimes/messages.ts'
import { cidNamed, manifestWith } from '../support/core-fakes.ts'

const manifest = manifestWith()
const engine: EngineDescription = {
  ...{ runtime: manifest.runtime, engine: 'exact', id: 'exact', isa: null, agreement: 'bytes' },
}

/** A slot in which nothing ends before it is killed. */
function endlessSlot(): Slot {
  let end = (_: Error) => {}
  const slot: Partial<Slot> = {
    prepare: () => new Promise((_, reject) => (end = reject)),
    kill: async () => end(new Error('the slot was killed')),
  }
  return slot as Slot
}

test('a stranger’s shard that does not end is given up, and holds up no job of this node’s submitter', async () => {
  const slots: Slot[] = []
  const executor = { openSlot: () => slots[slots.push(endlessSlot()) - 1] } as unknown as Executor
  const blocks = { of: () => ({ get: async () => new Uint8Array(1) }) } as unknown as BlockStore
  const recomputer = new Recomputer(executor, [engine], blocks, {
    ...strangersBounds,
    shardMs: 50,
    leastMs: 1,
  })
  const run = (isOwn: boolean) =>
    recomputer.recompute(
      cidNamed('job'),
      manifest,
      { shard: cidNamed('shard'), key: new Uint8Array(32), claimed: [] },
      isOwn,
    )
  const strangers = [run(false), run(false)]
  const own = run(true)
  let ended = 0
  for (const one of strangers) one.catch(() => (ended += 1))
  while (slots.length < 2) await new Promise((resolve) => setImmediate(resolve))
  assert.equal(ended, 0, 'it has waited for a stranger’s')
  for (const one of strangers) await assert.rejects(one, /the slot was killed/)
  await slots[1]!.kill()
  await assert.rejects(own, /the slot was killed/)
})

test('a stranger’s job that has had its time here is not recomputed any more, and another still is', async () => {
  const slots: Slot[] = []
  const executor = { openSlot: () => slots[slots.push(endlessSlot()) - 1] } as unknown as Executor
  const blocks = { of: () => ({ get: async () => new Uint8Array(1) }) } as unknown as BlockStore
  const recomputer = new Recomputer(executor, [engine], blocks, { ...strangersBounds, jobMs: 40, leastMs: 1 })
  const disputed = { shard: cidNamed('shard'), key: new Uint8Array(32), claimed: [] }
  const run = (job: string) => recomputer.recompute(cidNamed(job), manifest, disputed, false)
  await assert.rejects(run('every shard'), /the slot was killed/)
  // Timers may come a moment early by the clock that is measured with.
  await run('every shard').catch(() => {})
  assert.equal(await run('every shard'), null, 'owners decide')
  await assert.rejects(run('another'), /the slot was killed/)
})

test('all strangers’ jobs together get a share of the time, however many there are', () => {
  let nowMs = 0
  const time = new StrangersTime(strangersBounds, () => nowMs)
  const { burstMs, share } = strangersBounds
  const day = 24 * 3_600_000
  let used = 0
  for (let job = 0; nowMs < day; job += 1) {
    const ms = time.for(cidNamed(`job ${job}`))
    time.spent(cidNamed(`job ${job}`), ms)
    used += ms
    nowMs += Math.max(ms, 60_000)
  }
  assert(used >= day * share && used <= burstMs + day * share + 600_000, `${used} ms of a day`)
})

test('one job takes its own time and no more, also while the node has more for others', () => {
  const bounds: StrangersBounds = { shardMs: 10, jobMs: 25, burstMs: 1_000, leastMs: 1, share: 0.1 }
  const time = new StrangersTime(bounds, () => 0)
  const job = cidNamed('job')
  const given = [0, 1, 2, 3].map(() => {
    const ms = time.for(job)
    time.spent(job, ms)
    return ms
  })
  assert.deepEqual([given, time.for(cidNamed('other'))], [[10, 10, 5, 0], 10])
})

test('what is too short for a shard is saved up until it is not', () => {
  let nowMs = 0
  const time = new StrangersTime(strangersBounds, () => nowMs)
  const { burstMs, leastMs, share } = strangersBounds
  time.spent(cidNamed('job'), burstMs)
  const given: number[] = []
  // Somebody asks each second, and what was given would be used.
  for (; nowMs <= leastMs / share; nowMs += 1_000) {
    const ms = time.for(cidNamed('another'))
    time.spent(cidNamed('another'), ms)
    if (ms > 0) given.push(Math.round(ms))
  }
  assert.deepEqual(given, [leastMs])
})
