/** How long a vehicle keeps the weights of a job apart from its cache. */
import assert from 'node:assert/strict'
import test, { type TestContext } from 'node:test'
import { BlockRemoval } from '../../src/host/store/block-removal.ts'
import type { JobId } from '../../src/protocol/ids.ts'
import { type Life, World } from '../support/lone-vehicle.ts'
import { MeshClock } from '../support/mesh-clock.ts'
import { blockOf, jobNamed } from '../support/store.ts'

const MiB = 2 ** 20
/** The vehicle waits for 25 s. */
const [notYetMs, longMs] = [20_000, 10_000]
const weights = blockOf(MiB, 7)

function world(t: TestContext) {
  const clock = new MeshClock()
  return { clock, world: new World(t, { clock, weights: weights.bytes }) }
}

/** Does a lease of one document, and waits until it is over. */
async function work(life: Life, world: World, text: string): Promise<void> {
  const { id, record } = world.lease([text])
  life.vehicle.hear(world.steward.peerId, world.offer(record))
  while (!life.store.journal.leases.over(world.job).has(id)) await new Promise(setImmediate)
  assert(life.executed.includes(text))
}

function usesOfWeights({ store }: Life, job: JobId) {
  return { ofJob: store.blocks.of(job).kindsOf(weights.cid), isHere: store.blocks.has(weights.cid) }
}

const kept = { ofJob: ['weights'], isHere: true }
const cached = { ofJob: [], isHere: true }

test('many short leases in a row fetch, take and release the weights once', async (t) => {
  const { clock, world: w } = world(t)
  const rest = t.mock.method(BlockRemoval.prototype, 'rest')
  const life = w.live('life')
  for (let i = 0; i < 20; i += 1) {
    await work(life, w, `document ${i}`)
    assert.deepEqual(usesOfWeights(life, w.job), kept)
    clock.skip(notYetMs)
  }
  assert.equal(rest.mock.callCount(), 0)
  clock.skip(longMs)
  assert.equal(rest.mock.callCount(), 1)
  await rest.mock.calls[0]!.result
  assert.deepEqual(usesOfWeights(life, w.job), cached)
  clock.skip(10 * longMs)
  assert.equal(rest.mock.callCount(), 1)
  await work(life, w, 'another one')
  assert.deepEqual(usesOfWeights(life, w.job), kept)
  assert.deepEqual(
    w.fetched.filter((cid) => cid === weights.cid),
    [weights.cid],
  )
})

test('a vehicle that is killed while a job is idle has its weights afterwards, and lets them go later', async (t) => {
  const { clock, world: w } = world(t)
  const before = w.live('before')
  await work(before, w, 'one')
  w.copy('before', 'after')
  const rest = t.mock.method(BlockRemoval.prototype, 'rest')
  const after = w.live('after')
  assert.deepEqual(usesOfWeights(after, w.job), kept)
  await work(after, w, 'two')
  assert.equal(w.fetched.filter((cid) => cid === weights.cid).length, 1)
  w.copy('after', 'later')

  const later = w.live('later')
  clock.skip(notYetMs + longMs)
  await Promise.all(rest.mock.calls.map(({ result }) => result))
  assert.deepEqual(usesOfWeights(later, w.job), cached)
})

test('the weights of an idle job make room for another job at once, and those of a lease under way do not', async (t) => {
  const { world: w } = world(t)
  const idle = w.live('idle')
  await work(idle, w, 'one')
  w.copy('idle', 'busy')
  const busy = w.live('busy', (text) => text === 'hangs')
  busy.vehicle.hear(w.steward.peerId, w.offer(w.lease(['hangs']).record))
  while (!busy.executed.includes('hangs')) await new Promise(setImmediate)

  // Half a mebibyte is free above five percent and the margin, and another job wants a little more.
  const ask = async ({ store: { blocks, directory } }: Life) => {
    const freeBytes = () => 21.5 * MiB + (blocks.has(weights.cid) ? 0 : MiB)
    t.mock.method(directory, 'space', () => ({ freeBytes: freeBytes(), totalBytes: 100 * MiB }))
    await blocks.of(jobNamed('other')).withRoom(Math.ceil(0.6 * MiB), async () => {})
  }
  await assert.rejects(ask(busy), { code: 'no-room' })
  assert.deepEqual(usesOfWeights(busy, w.job), kept)
  await ask(idle)
  assert.deepEqual(usesOfWeights(idle, w.job), { ofJob: [], isHere: false })
})

test('a job that is forgotten while it is idle takes nothing with it later', async (t) => {
  const { clock, world: w } = world(t)
  const rest = t.mock.method(BlockRemoval.prototype, 'rest')
  const life = w.live('life')
  await work(life, w, 'one')
  life.vehicle.hear(w.steward.peerId, w.ended())
  clock.skip(notYetMs + longMs)
  assert.equal(rest.mock.callCount(), 0)
})
