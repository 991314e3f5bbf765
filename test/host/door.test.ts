/** How often a peer is heard with each kind of message. A kind that has no rate does not compile, and one that has none in fact fails here. */
import assert from 'node:assert/strict'
import test from 'node:test'
import { Door } from '../../src/host/network/rates.ts'
import { type DoorKind, messageRates } from '../../src/host/node/door.ts'
import { peerNamed } from '../support/core-fakes.ts'
import { goodMessages } from '../support/good-messages.ts'

const [flooder, other] = [peerNamed('flooder'), peerNamed('other')]
const kinds: readonly DoorKind[] = [...goodMessages.map(({ type }) => type), 'refused']

for (const kind of kinds)
  test(`a peer that never stops sending '${kind}' is heard at a bounded rate, and holds up nobody else`, () => {
    let nowMs = 0
    const door = new Door(messageRates, () => nowMs)
    const { burst, perSecond } = messageRates[kind]
    // A minute of it, sent as fast as it is read: the work itself takes no time.
    let heard = 0
    for (; nowMs < 60_000; heard += 1) nowMs += door.took(flooder, kind)
    assert(heard <= burst + 60 * perSecond + 1 && heard >= burst, `${heard} in a minute`)
    assert.equal(door.took(other, kind), 0, 'another peer')
    const another = kinds.find((one) => one !== kind)!
    assert.equal(door.took(flooder, another), 0, 'other words of the same peer')
    // After some quiet it has its burst again, and no more than that.
    nowMs += 3_600_000
    for (let i = 0; i < burst; i += 1) assert.equal(door.took(flooder, kind), 0)
    const waitMs = door.took(flooder, kind)
    assert(waitMs > 0 && waitMs <= 1_000 / perSecond, `${waitMs} ms`)
  })

test('whoever is forgotten for many others has its burst again: memory is bounded', () => {
  const door = new Door(messageRates, () => 0)
  const { burst } = messageRates.find
  for (let i = 0; i < burst; i += 1) door.took(flooder, 'find')
  assert(door.took(flooder, 'find') > 0)
  for (let i = 0; i < 8_192; i += 1) door.took(peerNamed(`p${i}`), 'find')
  assert.equal(door.took(flooder, 'find'), 0)
})
