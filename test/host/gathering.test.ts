/** Weights that come from several peers at once, some of which lack blocks, fail or are slow. */
import assert from 'node:assert/strict'
import test, { type TestContext } from 'node:test'
import fc from 'fast-check'
import { gather } from '../../src/host/gathering.ts'
import { NetworkError } from '../../src/host/network/errors.ts'
import type { Cid, PeerId } from '../../src/protocol/ids.ts'
import { peerNamed } from '../support/core-fakes.ts'
import { blockOf, jobNamed, temporaryStore } from '../support/store.ts'

const blocks = Array.from({ length: 100 }, (_, seed) => blockOf(20, seed))
const cids = blocks.map(({ cid }) => cid)
const bytesOf = new Map(blocks.map(({ cid, bytes }) => [cid, bytes]))

interface Peer {
  /** The blocks that it lacks, by their number. */
  readonly lacks: readonly number[]
  /** It fails after so many blocks. */
  readonly failsAfter: number
}

function setUp(t: TestContext, peers: readonly Peer[]) {
  const store = temporaryStore(t)
  const names = peers.map((_, i) => peerNamed(`peer ${i}`))
  const gave = names.map(() => 0)
  const asked: { readonly peer: PeerId; readonly count: number }[] = []
  const gate = { waits: async (_peer: PeerId) => {} }
  async function* fetch(peer: PeerId, some: readonly Cid[], signal: AbortSignal) {
    const number = names.indexOf(peer)
    const { lacks, failsAfter } = peers[number]!
    asked.push({ peer, count: some.length })
    await Promise.race([gate.waits(peer), aborted(signal)])
    for (const cid of some) {
      signal.throwIfAborted()
      await new Promise(setImmediate)
      if (gave[number]! >= failsAfter) throw new NetworkError('closed', 'the peer went', { peer })
      gave[number]! += 1
      yield { cid, bytes: lacks.includes(cids.indexOf(cid)) ? undefined : bytesOf.get(cid) }
    }
  }
  const use = { mine: store.blocks.of(jobNamed('a')), kind: 'weights' as const }
  /** `reserves`: the last so many peers are. `lateMs`: left out, no block is late before the test ends. */
  const run = (signal = new AbortController().signal, reserves = 0, lateMs = 600_000) => {
    const from = names.slice(0, names.length - reserves)
    const others = () => names.slice(names.length - reserves)
    const bytesMaxOf = () => 20
    return gather(
      cids,
      from,
      { fetch, giveBack: () => {}, use, bytesMaxOf, reserves: others, lateMs },
      signal,
    )
  }
  return { store, run, asked, gate, names, gave }
}

function aborted(signal: AbortSignal): Promise<unknown> {
  return new Promise((resolve) => signal.addEventListener('abort', resolve))
}

const honest: Peer = { lacks: [], failsAfter: Number.POSITIVE_INFINITY }

test('blocks come from all peers at once, and none comes twice', async (t) => {
  const { run, gate, names, gave, store } = setUp(t, [honest, honest, honest])
  const here = new Set<PeerId>()
  const all = Promise.withResolvers<void>()
  gate.waits = (peer) => {
    if (here.add(peer).size === names.length) all.resolve()
    return all.promise
  }
  assert.deepEqual((await run()).left, [])
  assert(gave.every((count) => count > 0))
  assert.equal(
    gave.reduce((sum, count) => sum + count),
    cids.length,
  )
  assert(cids.every((cid) => store.blocks.has(cid)))
})

test('a slow peer holds up no more than what it was asked for', async (t) => {
  const { run, gate, names, asked } = setUp(t, [honest, honest])
  const [slow] = names
  const gone = Promise.withResolvers<void>()
  let fastTurns = 0
  gate.waits = async (peer) => {
    if (peer === slow) return gone.promise
    fastTurns += 1
    // All but the blocks that the slow one has.
    if (fastTurns === Math.ceil((cids.length - 32) / 16)) gone.resolve()
  }
  assert.deepEqual((await run()).left, [])
  assert.equal(asked.filter(({ peer }) => peer === slow).length, 2)
})

test('what one peer does not bring is asked of another that has nothing else to bring, and of the reserves', async (t) => {
  for (const reserves of [0, 1]) {
    const { run, gate, names, asked, store } = setUp(t, [honest, honest])
    gate.waits = (peer) => (peer === names[0] ? new Promise(() => {}) : Promise.resolve())
    assert.deepEqual((await run(undefined, reserves, 20)).left, [])
    assert(cids.every((cid) => store.blocks.has(cid)))
    assert.equal(asked.filter(({ peer }) => peer === names[0]).length, 2, 'two turns, and no more')
  }
})

test('a store that takes no more, or a signal, ends all at once', async (t) => {
  const first = setUp(t, [honest, honest])
  await first.store.blocks.release(jobNamed('a'))
  await assert.rejects(first.run(), { code: 'released' })
  const second = setUp(t, [honest, honest])
  const controller = new AbortController()
  second.gate.waits = async () => controller.abort(new Error('the lease is over'))
  await assert.rejects(second.run(controller.signal), /the lease is over/)
})

test('whatever peers lack and whenever they fail, all comes that a peer has which stays', async (t) => {
  const peer = fc.record({
    lacks: fc.array(fc.nat(99), { maxLength: 60 }),
    failsAfter: fc.oneof(fc.nat(80), fc.constant(Number.POSITIVE_INFINITY)),
  })
  await fc.assert(
    fc.asyncProperty(fc.array(peer, { minLength: 1, maxLength: 4 }), async (peers) => {
      const { run, store } = setUp(t, peers)
      const { left, failure } = await run(undefined, 0, 20)
      const stay = peers.filter(({ failsAfter }) => failsAfter === Number.POSITIVE_INFINITY)
      for (const [i, cid] of cids.entries()) {
        assert.equal(store.blocks.has(cid), !left.includes(cid))
        if (stay.some(({ lacks }) => !lacks.includes(i))) assert(!left.includes(cid), `block ${i}`)
      }
      assert.equal(new Set(left).size, left.length)
      // What everybody lacks is left though nobody failed.
      const isHad = (cid: Cid) => peers.some(({ lacks }) => !lacks.includes(cids.indexOf(cid)))
      if (left.some(isHad) && stay.length === 0) assert(failure instanceof NetworkError)
    }),
    { numRuns: 8 },
  )
})
