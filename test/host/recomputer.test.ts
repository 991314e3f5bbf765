/** The bench on which a steward runs disputed shards, where strangers' shards never end. */
import assert from 'node:assert/strict'
import test from 'node:test'
import type { Executor, Slot } from '../../src/host/executor/contract.ts'
import { Recomputer } from '../../src/host/stewardship/recomputer.ts'
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
  const recomputer = new Recomputer(executor, [engine], blocks, 50)
  const run = (isOwn: boolean) =>
    recomputer.recompute(
      cidNamed('job'),
      manifest,
      { shard: cidNamed('shard'), key: new Uint8Array(32), claimed: [] },
      isOwn,
    )
  const strangers = [run(false), run(false)]
  const own = run(true)
  for (const one of strangers) await assert.rejects(one, /the slot was killed/)
  assert.equal(slots.length, 2, 'its own jobs have a slot of their own')
  await slots[1]!.kill()
  await assert.rejects(own, /the slot was killed/)
})
