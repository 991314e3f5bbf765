import assert from 'node:assert/strict'
import { test } from 'node:test'
import { answerKind, encodeAnswerHead } from '../../src/host/network/block-frames.ts'
import { blocksProtocol } from '../../src/host/network/blocks.ts'
import type { Cid, PeerId } from '../../src/protocol/ids.ts'
import {
  cidOf,
  Inbox,
  type LogLine,
  logInbox,
  RawPeer,
  startNetwork,
  startPair,
  testBlocks,
} from '../support/network.ts'

const timeout = 400_000
const MiB = 1024 * 1024

test('64 blocks of 1 MiB all arrive, each with the bytes of its CID', { timeout }, async (t) => {
  const { left, right } = await startPair(t)
  const held = testBlocks(64, MiB)
  right.blocks.serve((cid) => held.get(cid))
  const missing = new Set(held.keys())
  for await (const { cid, bytes } of left.blocks.fetch(right.peer, [...held.keys()])) {
    assert.ok(missing.delete(cid))
    assert.ok(bytes !== undefined && Buffer.compare(bytes, held.get(cid)!) === 0)
  }
  assert.equal(missing.size, 0)
})

test('a block that was given back leaves its memory to others, and one that was not keeps its bytes', {
  timeout,
}, async (t) => {
  const { left, right } = await startPair(t)
  const held = testBlocks(40, MiB)
  right.blocks.serve((cid) => held.get(cid))
  const memory = new Set<ArrayBufferLike>()
  const kept = new Map<Cid, Uint8Array>()
  for await (const { cid, bytes } of left.blocks.fetch(right.peer, [...held.keys()])) {
    memory.add(bytes!.buffer)
    if (kept.size < 2) kept.set(cid, bytes!)
    else for (let times = 0; times < 2; times += 1) left.blocks.giveBack(bytes!) // twice is once
    for (const [one, its] of new Map([...kept, [cid, bytes!]]))
      assert.ok(Buffer.compare(its, held.get(one)!) === 0)
  }
  assert.ok(memory.size < 30, `${memory.size} pieces of memory for 40 blocks`)
})

test('blocks of every size arrive, from none to the bound', { timeout }, async (t) => {
  const { left, right } = await startPair(t)
  const sizes = [0, 1, 127, 128, 16_383, 16_384, 65_536, MiB - 1, MiB]
  const held = new Map(
    sizes.map((size) => new Uint8Array(size).fill(7)).map((block) => [cidOf(block), block]),
  )
  right.blocks.serve(async (cid) => held.get(cid))
  const fetched = new Map<Cid, Uint8Array | undefined>()
  for await (const { cid, bytes } of left.blocks.fetch(right.peer, [...held.keys()])) fetched.set(cid, bytes)
  assert.deepEqual(new Set(fetched.keys()), new Set(held.keys()))
  for (const [cid, bytes] of fetched) assert.deepEqual(bytes, held.get(cid))
})

test('what a peer has not, will not give, or cannot read is yielded as undefined', { timeout }, async (t) => {
  const { left, right } = await startPair(t)
  const [has, denied, broken, lacks, huge] = [...testBlocks(4, 100).values(), new Uint8Array(MiB + 1)]
  right.blocks.serve((cid, peer) => {
    assert.equal(peer, left.peer)
    if (cid === cidOf(denied!)) return undefined
    if (cid === cidOf(broken!)) throw new Error('on purpose')
    return [has!, huge!].find((block) => cidOf(block) === cid)
  })
  const cids = [has!, denied!, broken!, lacks!, huge!].map(cidOf)
  const fetched = new Map<Cid, Uint8Array | undefined>()
  for await (const { cid, bytes } of left.blocks.fetch(right.peer, cids)) fetched.set(cid, bytes)
  assert.deepEqual(
    cids.map((cid) => fetched.get(cid)),
    [has, undefined, undefined, undefined, undefined],
  )
  assert.deepEqual(await left.blocks.have(right.peer, cids), new Set([cidOf(has!), cidOf(huge!)]))
})

test('a node that serves nothing has nothing', { timeout }, async (t) => {
  const { left, right } = await startPair(t)
  const cids = [...testBlocks(3, 10).keys()]
  assert.deepEqual(await left.blocks.have(right.peer, cids), new Set())
  for await (const { bytes } of left.blocks.fetch(right.peer, cids)) assert.equal(bytes, undefined)
})

test('have() answers for more CIDs than fit one question, without reading a block', {
  timeout,
}, async (t) => {
  const { left, right } = await startPair(t)
  const cids = [...testBlocks(2000, 8).keys()]
  const kept = new Set(cids.filter((_, index) => index % 3 === 0))
  right.blocks.serve(
    () => assert.fail('a block was read'),
    (cid, peer) => peer === left.peer && kept.has(cid),
  )
  assert.deepEqual(await left.blocks.have(right.peer, cids), kept)
})

test('many fetches from one peer at once do not disturb each other', { timeout }, async (t) => {
  const { left, right } = await startPair(t)
  const held = testBlocks(200, 10_000)
  right.blocks.serve((cid) => held.get(cid))
  const fetches = Array.from({ length: 8 }, async () => {
    let count = 0
    for await (const { bytes } of left.blocks.fetch(right.peer, [...held.keys()]))
      if (bytes !== undefined) count++
    return count
  })
  assert.deepEqual(await Promise.all(fetches), Array(8).fill(200))
})

test('a slow consumer is not sent more than the window', { timeout }, async (t) => {
  const window = 4
  const { left, right } = await startPair(t, { bounds: { blockWindowCountMax: window } })
  const held = testBlocks(40, 1000)
  let read = 0
  right.blocks.serve(
    (cid) => {
      read++
      return held.get(cid)
    },
    (cid) => held.has(cid),
  )
  const cids = [...held.keys()]
  let taken = 0
  for await (const _ of left.blocks.fetch(right.peer, cids)) {
    // Answered after everything that was asked before it.
    await left.blocks.have(right.peer, cids)
    assert.ok(read <= taken + window, `${read} read when ${taken} were taken`)
    taken++
  }
  assert.equal(taken, cids.length)
})

test('a corrupt block is named, ends the stream, and the next fetch starts afresh', {
  timeout,
}, async (t) => {
  const { left, right } = await startPair(t)
  const [good, bad] = [...testBlocks(2, 1000).values()]
  let lying = true
  right.blocks.serve((cid) => (cid === cidOf(good!) ? good : lying ? good : bad))
  const fetched = async () => {
    const all: FetchedBlocks = []
    for await (const block of left.blocks.fetch(right.peer, [cidOf(bad!)])) all.push(block.bytes)
    return all
  }
  await assert.rejects(fetched(), { code: 'corrupt-block', cid: cidOf(bad!), peer: right.peer })
  lying = false
  assert.deepEqual(await fetched(), [bad])
})

type FetchedBlocks = (Uint8Array | undefined)[]

test('a server that stalls is given up, and one that trickles too', { timeout }, async (t) => {
  const node = await startNetwork(t, { bounds: { stallTimeoutMs: 200 } })
  const block = new Uint8Array(1000)
  for (const trickle of [false, true]) {
    const raw = await RawPeer.start(t)
    const asked = new Inbox<true>()
    const timers: NodeJS.Timeout[] = []
    t.after(() => {
      for (const timer of timers) clearInterval(timer)
    })
    await raw.handle(blocksProtocol, (stream) => {
      asked.put(true)
      if (!trickle) return
      stream.send(encodeAnswerHead(answerKind.block, 0, block.byteLength))
      timers.push(setInterval(() => stream.send(new Uint8Array(1)), 50))
    })
    node.learn(raw.peer, raw.addresses())
    const fetch = async () => {
      for await (const _ of node.blocks.fetch(raw.peer, [cidOf(block)])) assert.fail('a block came')
    }
    await assert.rejects(fetch(), { code: 'stalled', peer: raw.peer })
    await asked.find(Boolean)
  }
})

test('a server that dies half-way fails the fetch as closed', { timeout }, async (t) => {
  const { left, right } = await startPair(t)
  const held = testBlocks(16, MiB)
  right.blocks.serve((cid) => held.get(cid))
  const fetch = async () => {
    for await (const _ of left.blocks.fetch(right.peer, [...held.keys()])) await right.stop()
  }
  await assert.rejects(fetch(), { code: 'closed' })
})

test('a fetch ends at once by its signal, or by leaving the loop, and the stream stays usable', {
  timeout,
}, async (t) => {
  const { left, right } = await startPair(t)
  const held = testBlocks(20, 100_000)
  const gate = Promise.withResolvers<void>()
  const asked = new Inbox<Cid>()
  right.blocks.serve(async (cid) => {
    asked.put(cid)
    await gate.promise
    return held.get(cid)
  })
  const cids = [...held.keys()]
  const controller = new AbortController()
  const fetch = async () => {
    for await (const _ of left.blocks.fetch(right.peer, cids, controller.signal))
      assert.fail('the gate is closed')
  }
  const fetching = fetch()
  await asked.find(Boolean)
  controller.abort(new Error('enough'))
  await assert.rejects(fetching, /enough/)
  gate.resolve()
  for await (const _ of left.blocks.fetch(right.peer, cids)) break
  let count = 0
  for await (const _ of left.blocks.fetch(right.peer, cids)) count++
  assert.equal(count, cids.length)
})

test('bytes that nobody waits for any more stop coming, and those of others go on', {
  timeout,
}, async (t) => {
  const { log, lines } = logInbox()
  const { left, right } = await startPair(t, { log })
  const held = testBlocks(20, 100_000)
  const gate = Promise.withResolvers<void>()
  const asked = new Inbox<Cid>()
  right.blocks.serve(async (cid) => {
    asked.put(cid)
    await gate.promise
    return held.get(cid)
  })
  const cids = [...held.keys()]
  const fetch = async (signal?: AbortSignal) => {
    let count = 0
    for await (const _ of left.blocks.fetch(right.peer, cids, signal)) count++
    return count
  }
  const [first, second] = [new AbortController(), new AbortController()]
  const fetches = [fetch(first.signal), fetch(second.signal)]
  await asked.find(Boolean)
  const isReset = ({ msg }: LogLine) => msg.startsWith("reset a peer's stream")
  first.abort(new Error('enough'))
  await assert.rejects(fetches[0]!, /enough/)
  assert(!lines.items.some(isReset), 'the other one waits on the same stream')
  second.abort(new Error('enough of that, too'))
  await assert.rejects(fetches[1]!, /enough of that/)
  gate.resolve()
  await lines.find(isReset)
  assert.equal(await fetch(), cids.length)
})

test('a CID that names no sha2-256 block is refused before anything is sent', { timeout }, async (t) => {
  const { left, right } = await startPair(t)
  for (const text of ['', 'b', 'QmYwAPJzv5CZsnA625s3Xf2nemtYgPpHdWEz79ojWnPbdG', 'bafk', 'BAFK', 'b!!']) {
    const cid = text as Cid
    await assert.rejects(left.blocks.have(right.peer, [cid]), { code: 'bad-cid', cid })
    await assert.rejects(left.blocks.fetch(right.peer, [cid]).next(), { code: 'bad-cid', cid })
  }
})

test('fetching from a peer that cannot be reached is refused as unreachable', { timeout }, async (t) => {
  const node = await startNetwork(t)
  const raw = await RawPeer.start(t)
  const [cid] = testBlocks(1, 10).keys()
  await assert.rejects(node.blocks.fetch('nobody' as PeerId, [cid!]).next(), { code: 'unreachable' })
  node.learn(raw.peer, raw.addresses())
  await assert.rejects(node.blocks.fetch(raw.peer, [cid!]).next(), { code: 'unreachable' })
})
