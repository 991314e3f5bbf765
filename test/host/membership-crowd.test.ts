/** A node among many: a renewed advert changes nothing for its jobs, and a newcomer is told without telling everybody. */
import assert from 'node:assert/strict'
import test from 'node:test'
import { pino } from 'pino'
import { systemClock } from '../../src/host/clock.ts'
import { Membership, type MembershipOptions } from '../../src/host/membership/membership.ts'
import { authorRates } from '../../src/host/network/rates.ts'
import { SigningKey } from '../../src/host/store/keys.ts'
import type { PeerId } from '../../src/protocol/ids.ts'
import type { Advert } from '../../src/protocol/membership/advert.ts'
import { Roster, type RosterChange } from '../../src/protocol/membership/roster.ts'
import { decodeMessage } from '../../src/protocol/message.ts'
import { encodeCbor } from '../../src/protocol/record/block.ts'
import { encodeBody, type SignedRecord } from '../../src/protocol/record/record.ts'
import { bodyOf } from '../../src/protocol/records.ts'

const offer: Advert = {
  name: 'car',
  certificate: null,
  credential: null,
  slots: { total: 1, free: 1 },
  mode: 'run',
  reasons: [],
  availableUntilMs: null,
  engines: [],
  addresses: [],
  software: 'carpool/test',
}

function node(monotonicMs = () => systemClock.monotonicMs(), cells?: Partial<MembershipOptions['cells']>) {
  const key = SigningKey.generate()
  const log = pino({ level: 'silent' })
  let gossip: (message: Uint8Array, from: PeerId) => string = () => ''
  let subscribes: (peer: PeerId) => void = () => {}
  const published: Uint8Array[] = []
  const sent: { to: PeerId; bytes: Uint8Array }[] = []
  const lapsed: PeerId[] = []
  let serial = 0
  const membership = new Membership({
    key,
    network: {
      onGossip: (validator: typeof gossip) => {
        gossip = validator
      },
      onSubscriber: (handler: typeof subscribes) => {
        subscribes = handler
      },
      onReachability() {},
      connectedPeers: () => [],
      publish: async (message: Uint8Array) => void published.push(message),
      send: async (to: PeerId, bytes: Uint8Array) => void sent.push({ to, bytes }),
      addresses: () => [],
      learn() {},
      lapse: (peer: PeerId) => void lapsed.push(peer),
    },
    roster: new Roster(),
    nextSerial: () => ++serial,
    describe: () => offer,
    isBanned: () => false,
    fleet: null,
    clock: {
      ...systemClock,
      monotonicMs,
      after: (_: number, action: () => void) => {
        due.push(action)
        return () => {}
      },
    },
    notices: { tell() {}, drop() {} },
    clocks: { heard() {} },
    log,
    cells,
  } as unknown as MembershipOptions)
  const due: (() => void)[] = []
  const changes: RosterChange[] = []
  membership.onChange((change) => changes.push(change))
  return {
    key,
    membership,
    published,
    sent,
    lapsed,
    due,
    changes,
    gossip: (record: SignedRecord, from: PeerId) => gossip(encodeCbor(record), from),
    subscribes: (peer: PeerId) => subscribes(peer),
  }
}

function advertBy(
  key: SigningKey,
  serial: number,
  change: Partial<Advert> = {},
  ttlMs = 60_000,
): SignedRecord {
  const fields = {
    signer: key.peerId,
    serial,
    expiresMs: Date.now() + ttlMs,
    payload: { ...offer, ...change },
  }
  const body = encodeBody(bodyOf('advert', fields))
  return { body, signature: key.sign(body) }
}

test('an advert that is only renewed is passed on, and reaches no job', () => {
  const { gossip, changes } = node()
  const other = SigningKey.generate()
  assert.equal(gossip(advertBy(other, 1), other.peerId), 'accept')
  assert.equal(changes.length, 1)
  assert.deepEqual(
    changes[0]!.changed.map(({ peer }) => peer),
    [other.peerId],
  )
  assert.equal(gossip(advertBy(other, 2), other.peerId), 'accept')
  assert.equal(changes.length, 1)
  assert.equal(gossip(advertBy(other, 3, { slots: { total: 1, free: 0 } }), other.peerId), 'accept')
  assert.equal(changes.length, 2)
})

test('a vehicle whose advert has lapsed is named as gone, once', () => {
  const { gossip, changes, lapsed, membership } = node()
  const [gone, other] = [SigningKey.generate(), SigningKey.generate()]
  gossip(advertBy(gone, 1, {}, 500), gone.peerId)
  const untilMs = Date.now() + 501
  while (Date.now() < untilMs) membership.everybody()
  gossip(advertBy(other, 1), other.peerId)
  gossip(advertBy(other, 2, { mode: 'drain' }), other.peerId)
  assert.deepEqual(lapsed, [gone.peerId])
  assert.deepEqual(
    changes.map((change) => change.gone),
    [[], [gone.peerId], []],
  )
})

test('in a mesh of many a newcomer alone is told of a node, and in a small one everybody', () => {
  const { key, membership, gossip, subscribes, published, sent, due } = node()
  membership.start()
  assert.equal(published.length, 1)
  const newcomer = SigningKey.generate().peerId
  subscribes(newcomer)
  due.pop()!()
  assert.equal(published.length, 2, 'a small mesh hears it all')
  assert.equal(sent.length, 0)
  for (let i = 0; i < 30; i += 1) {
    const other = SigningKey.generate()
    gossip(advertBy(other, 1), other.peerId)
  }
  const before = published.length
  const waiting = due.length
  subscribes(newcomer)
  assert.equal(due.length, waiting, 'nothing more is to be published')
  assert.equal(published.length, before)
  assert.deepEqual(
    sent.map(({ to }) => to),
    [newcomer],
  )
  const message = decodeMessage(sent[0]!.bytes)
  assert(message.type === 'advert')
  const there = node()
  there.membership.hear(key.peerId, message.advert)
  assert.equal(there.membership.get(key.peerId)?.name, 'car')
})

test('an advert that was changed on its way is refused', () => {
  const { membership } = node()
  const other = SigningKey.generate()
  const { body } = advertBy(other, 1)
  assert.throws(() => membership.hear(other.peerId, { body, signature: new Uint8Array(64) }))
})

test('of a vehicle that signs adverts without end a node believes and passes on as many as an honest one says', () => {
  let nowMs = 0
  const { gossip, changes } = node(() => nowMs)
  const [flooder, other, neighbour] = [0, 1, 2].map(() => SigningKey.generate()) as [
    SigningKey,
    SigningKey,
    SigningKey,
  ]
  const first = advertBy(other, 1)
  assert.equal(gossip(first, neighbour.peerId), 'accept')
  // An old one that somebody says again is not its author's.
  for (let i = 0; i < 100; i += 1) assert.equal(gossip(first, neighbour.peerId), 'ignore')
  assert.equal(gossip(advertBy(other, 2), neighbour.peerId), 'accept')
  const { burst, perSecond } = authorRates.advert
  const seconds = 100
  let passedOn = 0
  for (let serial = 1; nowMs < seconds * 1_000; serial += 1, nowMs += 250)
    if (gossip(advertBy(flooder, serial, { name: `n${serial}` }), neighbour.peerId) === 'accept')
      passedOn += 1
  assert(passedOn >= burst && passedOn <= burst + seconds * perSecond, `${passedOn} in ${seconds} s`)
  assert.equal(changes.length, 1 + passedOn)
  assert.equal(gossip(advertBy(other, 3), neighbour.peerId), 'accept')
  nowMs += 3_600_000
  assert.equal(gossip(advertBy(flooder, 10_000), neighbour.peerId), 'accept', 'it is heard again after that')
})

test('who says much and goes is known to be gone, and no more of its goodbyes are heard than of its words', () => {
  const { gossip } = node(() => 0)
  const [hasty, neighbour] = [0, 1].map(() => SigningKey.generate()) as [SigningKey, SigningKey]
  const hear = (serial: number, mode: Advert['mode']) =>
    gossip(advertBy(hasty, serial, { mode }), neighbour.peerId)
  const { burst } = authorRates.advert
  const words = Array.from({ length: 2 * burst }, (_, i) => hear(i + 1, 'run'))
  assert.equal(words.at(-1), 'ignore')
  assert.equal(hear(100, 'stop'), 'accept')
  for (let serial = 101; serial < 120; serial += 2)
    assert.deepEqual([hear(serial, 'run'), hear(serial + 1, 'stop')], ['ignore', 'ignore'])
})

test('between cells an advert is passed on once more, if it is the one that is believed, and not without end', () => {
  const { gossip } = node(() => 0, { mayEnter: () => true, heard() {}, said: {} } as never)
  const [mover, neighbour] = [0, 1].map(() => SigningKey.generate()) as [SigningKey, SigningKey]
  const hear = (record: SignedRecord) => gossip(record, neighbour.peerId)
  const advert = advertBy(mover, 1)
  assert.deepEqual([hear(advert), hear(advert)], ['accept', 'accept'])
  assert.equal(hear(advertBy(mover, 1, { name: 'other' })), 'ignore', 'of one serial it has signed two')
  const again = Array.from({ length: 2 * authorRates.again.burst }, () => hear(advert))
  assert.equal(again.filter((verdict) => verdict === 'accept').length, authorRates.again.burst - 1)
})
