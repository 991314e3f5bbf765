/** What a lease lets its vehicle read: shards, their documents with all parts, and that until it is over. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Grants } from '../../src/host/stewardship/grants.ts'
import type { Block } from '../../src/host/store/blocks.ts'
import { cidOf } from '../../src/host/store/cid.ts'
import { chunkFile, fileBlockBytesMax } from '../../src/host/store/files.ts'
import type { Cid, PeerId } from '../../src/protocol/ids.ts'
import { encodeShard } from '../../src/protocol/job/shard.ts'
import { cidNamed, peerNamed } from '../support/core-fakes.ts'
import { blockOf, jobNamed, temporaryStore } from '../support/store.ts'

const [vehicle, other] = ['vehicle', 'other'].map(peerNamed) as [PeerId, PeerId]
const [first, second] = ['first lease', 'second lease'].map(cidNamed) as [Cid, Cid]

test('a lease opens its shards and their documents, with all parts of them, and nothing else', async (t) => {
  const { blocks } = temporaryStore(t)
  const [small, large, alien] = [blockOf(100, 1), blockOf(fileBlockBytesMax + 1, 2), blockOf(100, 3)]
  const parts: Block[] = []
  for await (const part of chunkFile(large.bytes)) parts.push(part)
  assert.equal(parts.length, 3)
  const root = parts.at(-1)!
  const shardOf = (...documents: readonly Block[]): Block => {
    const pages = documents.map(({ cid }) => ({
      document: cid,
      bytes: 100,
      page: 0,
      key: new Uint8Array(40),
    }))
    const bytes = encodeShard({ pages })
    return { cid: cidOf('dag-cbor', bytes), bytes }
  }
  const [one, two] = [shardOf(small, root), shardOf(alien)]
  await blocks.of(jobNamed('job')).putMany([small, ...parts, alien, one, two], 'input')

  const grants = new Grants(blocks)
  const allowed = (peer = vehicle) =>
    [one, small, ...parts, two, alien].map(({ cid }) => grants.allows(peer, cid))
  await grants.grant(vehicle, first, [one.cid])
  assert.deepEqual(allowed(), [true, true, true, true, true, false, false])
  assert.deepEqual(new Set(allowed(other)), new Set([false]))

  await grants.grant(vehicle, second, [two.cid])
  assert.deepEqual(new Set(allowed()), new Set([true]))
  assert.deepEqual(
    [vehicle, other].map((peer) => grants.holds(peer, first)),
    [true, false],
  )
  grants.revoke(vehicle, first)
  assert(!grants.holds(vehicle, first) && grants.holds(vehicle, second))
  assert.deepEqual(allowed(), [false, false, false, false, false, true, true])
  grants.revoke(vehicle, second)
  assert.deepEqual(new Set(allowed()), new Set([false]))
})
