/** Which part of a node hears a message, and that a message costs the job that it names and no other. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { CouncilInput } from '../../src/protocol/council/contract.ts'
import { Council } from '../../src/protocol/council/council.ts'
import type { LeaseId } from '../../src/protocol/ids.ts'
import { deliveryOf, isToSteward } from '../../src/protocol/inbox.ts'
import { decodeMessage, type Message } from '../../src/protocol/message.ts'
import { codecs } from '../support/codecs.ts'
import { seatOf } from '../support/core-council-job.ts'
import { cidNamed, drawSecret, manifestWith, peerNamed, sha256 } from '../support/core-fakes.ts'
import { capacityOf } from '../support/core-steward-stage.ts'

const [job, lease, foreign] = ['job', 'lease', 'a lease of another job'].map(cidNamed) as [
  LeaseId,
  LeaseId,
  LeaseId,
]
const from = peerNamed('v1')
const root = new Uint8Array(32)

test('what a vehicle says of a lease is one input, for the council of the job that it names', () => {
  const said: readonly [Message, CouncilInput][] = [
    [
      { type: 'accept', job, lease },
      { type: 'accepted', lease, from },
    ],
    [
      { type: 'decline', job, lease, reason: 'busy', retryMs: 7 },
      { type: 'declined', lease, from, reason: 'busy', retryMs: 7 },
    ],
    [
      { type: 'progress', job, lease, done: 3 },
      { type: 'progress', lease, from, done: 3 },
    ],
    [
      { type: 'beat', job, acting: true, root, asks: true, count: 5, heard: null },
      {
        type: 'fellow',
        from,
        message: { type: 'beat', job, acting: true, root, asks: true, count: 5, heard: null },
      },
    ],
  ]
  for (const [message, input] of said) {
    assert(isToSteward(message))
    assert.deepEqual(deliveryOf(from, message), { to: 'council', job, input })
  }
})

test('a node hears as a steward what is said to stewards, and nothing else', () => {
  const examples = Object.entries(codecs).filter(([name]) => name.startsWith('message '))
  const heard = examples.map(([, { good }]) => decodeMessage(good)).filter(isToSteward)
  const places = Object.fromEntries(heard.map((message) => [message.type, deliveryOf(from, message).to]))
  assert.deepEqual(places, {
    accept: 'council',
    decline: 'council',
    progress: 'council',
    beat: 'council',
    branches: 'council',
    leaves: 'council',
    ids: 'council',
    want: 'council',
    willing: 'inviter',
    unwilling: 'inviter',
    receipt: 'records',
    record: 'records',
    account: 'payables',
    accounted: 'payables',
    invite: 'node',
    entrust: 'node',
    find: 'node',
  })
})

test('a word about a lease of another job neither looks for vehicles nor is answered', () => {
  const self = peerNamed('a')
  const manifest = manifestWith({ stewards: [seatOf('a')], deadlineMs: 1_000_000 })
  const council = new Council({ job, manifest, self, drawSecret, sha256 })
  const shards = [{ shard: cidNamed('shard 0'), pages: 1, bytes: 1, costMs: 1_000 }]
  council.begin({ records: [], shards, fresh: true }, 0)
  const offers = council
    .handle({ type: 'roster', capacities: [capacityOf('v1:o1')] }, 0)
    .filter((effect) => effect.type === 'offer')
  const own = offers[0]!.lease
  council.handle({ type: 'declined', lease: own, from, reason: 'busy', retryMs: 2_000 }, 0)

  // Its vehicle has room again, so that an input that may free somebody leads to a lease.
  const words = (about: LeaseId): CouncilInput[] => [
    { type: 'accepted', lease: about, from },
    { type: 'declined', lease: about, from, reason: 'busy', retryMs: 0 },
    { type: 'progress', lease: about, from, done: 1 },
  ]
  for (const word of words(foreign)) assert.deepEqual(council.handle(word, 3_000), [])
  assert(council.handle(words(own)[1]!, 3_000).some(({ type }) => type === 'offer'))

  council.handle({ type: 'cancel' }, 4_000)
  for (const word of words(foreign)) assert.deepEqual(council.handle(word, 5_000), [])
  assert.deepEqual(council.handle(words(own)[0]!, 5_000), [{ type: 'tell-end', to: from }])
})
