/** Whom a submitter takes for standbys: those that it asked, and that said yes themselves. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Recruiting } from '../../src/host/stewardship/recruiting.ts'
import type { PeerId } from '../../src/protocol/ids.ts'
import { decodeMessage, type Message } from '../../src/protocol/message.ts'
import { peerNamed } from '../support/core-fakes.ts'
import { vehicleOf } from '../support/jobs-stage.ts'

test('only the node that was invited can answer for itself', async () => {
  const [asked, other] = [peerNamed('asked'), peerNamed('other')]
  const invited = Promise.withResolvers<Extract<Message, { type: 'invite' }>>()
  const recruiting = new Recruiting({
    connectedPeers: () => [],
    send: async (to: PeerId, bytes: Uint8Array) => {
      const message = decodeMessage(bytes)
      assert(to === asked && message.type === 'invite')
      invited.resolve(message)
    },
    blocks: {
      fetch: () => {
        throw new Error('nobody here has blocks')
      },
    },
  })
  const places = recruiting.invite([vehicleOf(asked)], 1)
  const { nonce } = await invited.promise
  recruiting.heard(other, { type: 'willing', nonce, consent: null })
  recruiting.heard(other, { type: 'unwilling', nonce, reason: 'no-space' })
  recruiting.heard(asked, { type: 'willing', nonce, consent: null })
  assert.deepEqual(await places, [{ peer: asked, owner: vehicleOf(asked).owner, nonce }])
})

test('a node that says no has no place, and one that cannot be reached neither', async () => {
  const [unwilling, away, willing] = ['unwilling', 'away', 'willing'].map(peerNamed) as [
    PeerId,
    PeerId,
    PeerId,
  ]
  const recruiting: Recruiting = new Recruiting({
    connectedPeers: () => [],
    send: async (to: PeerId, bytes: Uint8Array) => {
      if (to === away) throw new Error('it is away')
      const message = decodeMessage(bytes)
      assert(message.type === 'invite')
      const { nonce } = message
      if (to === willing) recruiting.heard(to, { type: 'willing', nonce, consent: null })
      else recruiting.heard(to, { type: 'unwilling', nonce, reason: 'too-many-jobs' })
    },
    blocks: {
      fetch: () => {
        throw new Error('nobody here has blocks')
      },
    },
  })
  const places = await recruiting.invite(
    [unwilling, away, willing].map((peer) => vehicleOf(peer)),
    1,
  )
  assert.deepEqual(
    places.map(({ peer }) => peer),
    [willing],
  )
})
