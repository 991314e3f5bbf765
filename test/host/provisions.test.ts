/** What leases of several jobs fetch at the same time, over a network that only remembers. */
import assert from 'node:assert/strict'
import test, { type TestContext } from 'node:test'
import { pino } from 'pino'
import type { Network } from '../../src/host/network/network.ts'
import type { Block } from '../../src/host/store/blocks.ts'
import { chunkFile, fileBlockBytesMax } from '../../src/host/store/files.ts'
import type { Store } from '../../src/host/store.ts'
import { MissingBlocks } from '../../src/host/vehicle/fetching.ts'
import { Provisions } from '../../src/host/vehicle/provisions.ts'
import type { Cid, JobId, PeerId } from '../../src/protocol/ids.ts'
import type { Lease } from '../../src/protocol/job/lease.ts'
import type { Manifest } from '../../src/protocol/job/manifest.ts'
import type { Verified } from '../../src/protocol/record/record.ts'
import { manifestWith, peerNamed } from '../support/core-fakes.ts'
import { blockOf, jobNamed, temporaryStore } from '../support/store.ts'

const jobs = ['one', 'two'].map(jobNamed) as [JobId, JobId]
const stewards = ['first steward', 'second steward'].map(peerNamed) as [PeerId, PeerId]

/** A block that is due for so long is late. */
const lateMs = 50

function gone(signal: AbortSignal): Promise<unknown> {
  return new Promise((resolve) => signal.addEventListener('abort', resolve))
}

/** Two jobs with the same weights, a file of three blocks, each from a steward of its own. */
class World {
  readonly blocks: readonly Block[]
  readonly store: Store
  readonly provisions: Provisions
  readonly asked: PeerId[] = []
  /** Peers that say that they have them. */
  readonly providers: PeerId[] = []
  /** What their blocks wait for. */
  readonly gates = new Map<PeerId, PromiseWithResolvers<void>>()
  readonly lacksAll = new Set<PeerId>()

  static async on(t: TestContext): Promise<World> {
    const blocks: Block[] = []
    for await (const block of chunkFile(blockOf(fileBlockBytesMax + 10).bytes)) blocks.push(block)
    return new World(blocks, temporaryStore(t, { cacheBytesMax: 0 }))
  }

  private constructor(blocks: readonly Block[], store: Store) {
    this.blocks = blocks
    this.store = store
    const world = this
    const network = {
      connectedPeers: () => world.providers,
      blocks: {
        have: async (_: PeerId, cids: readonly Cid[]) => new Set(cids),
        async *fetch(peer: PeerId, cids: readonly Cid[], signal: AbortSignal) {
          world.asked.push(peer)
          await Promise.race([world.gates.get(peer)?.promise, gone(signal)])
          signal.throwIfAborted()
          for (const cid of cids)
            yield { cid, bytes: world.lacksAll.has(peer) ? undefined : world.bytesOf(cid) }
        },
      },
    }
    const log = pino({ level: 'silent' })
    this.provisions = new Provisions(network as unknown as Network, store.blocks, log, undefined, lateMs)
  }

  bytesOf(cid: Cid): Uint8Array {
    return this.blocks.find((block) => block.cid === cid)!.bytes
  }

  prepare(which: 0 | 1): Promise<void> {
    const weights = [{ name: 'model', file: this.blocks.at(-1)!.cid, bytes: fileBlockBytesMax + 10 }]
    const manifest = { id: jobs[which], payload: manifestWith({ weights }) } as Verified<Manifest>
    const lease = { payload: { shards: [] as readonly Cid[] } } as unknown as Verified<Lease>
    return this.provisions.ofLease(
      { manifest, lease, stewards: [stewards[which]] },
      new AbortController().signal,
    )
  }

  holds(which: 0 | 1): boolean {
    return this.blocks.every(({ cid }) => this.store.blocks.of(jobs[which]).isHeld(cid))
  }
}

test('weights that two jobs fetch together are fetched once, and each job holds all of them', async (t) => {
  const world = await World.on(t)
  await Promise.all([world.prepare(0), world.prepare(1)])
  assert.deepEqual([...new Set(world.asked)], [stewards[0]])
  assert.deepEqual([world.holds(0), world.holds(1)], [true, true])
  await world.store.blocks.release(jobs[0])
  assert(world.holds(1), 'not even a cache without room takes a part of them')
  await world.store.blocks.release(jobs[1])
  assert(world.blocks.every(({ cid }) => !world.store.blocks.has(cid)))
})

test('where the stewards of one job lack the weights, those of another one that waits for them help', async (t) => {
  const world = await World.on(t)
  world.lacksAll.add(stewards[0])
  await Promise.all([world.prepare(0), world.prepare(1)])
  assert.deepEqual([world.holds(0), world.holds(1)], [true, true])
  world.lacksAll.add(stewards[1])
  const alone = await World.on(t)
  for (const steward of stewards) alone.lacksAll.add(steward)
  await assert.rejects(alone.prepare(0), MissingBlocks)
})

test('a stranger that says it has the weights, or a job that waits for them from its own steward, holds up no other job', async (t) => {
  const world = await World.on(t)
  const stranger = peerNamed('stranger')
  const never = Promise.withResolvers<void>()
  for (const peer of [stranger, stewards[0]]) world.gates.set(peer, never)
  world.providers.push(stranger)
  const held = world.prepare(0)
  await world.prepare(1)
  assert(world.holds(1))
  assert(world.asked.includes(stranger), 'it was asked first')
  await held
})

test('a job that is forgotten while its weights arrive keeps none of them, and harms nobody', async (t) => {
  const world = await World.on(t)
  const gate = Promise.withResolvers<void>()
  world.gates.set(stewards[0], gate)
  const [first, second] = [world.prepare(0), world.prepare(1)]
  await world.store.blocks.release(jobs[0])
  gate.resolve()
  await assert.rejects(first, { code: 'released' })
  await second
  assert.deepEqual([world.holds(0), world.holds(1)], [false, true])
  await world.store.blocks.release(jobs[1])
  assert.equal(world.store.database.get<{ n: number }>('SELECT count(*) AS n FROM block_uses')!.n, 0)
})
