/** Nodes that differ in the version of their records, or in one optional field. */
import assert from 'node:assert/strict'
import test from 'node:test'
import { pino } from 'pino'
import { systemClock } from '../../src/host/clock.ts'
import { decodeGreeting, decodeReply } from '../../src/host/membership/greeting.ts'
import { Membership, type MembershipOptions } from '../../src/host/membership/membership.ts'
import { Notices } from '../../src/host/notices.ts'
import { SigningKey } from '../../src/host/store/keys.ts'
import type { PeerId } from '../../src/protocol/ids.ts'
import { Roster } from '../../src/protocol/membership/roster.ts'
import { decodeMessage } from '../../src/protocol/message.ts'
import { decodeCbor, encodeCbor } from '../../src/protocol/record/block.ts'
import { encodeBody, type RecordBody, type SignedRecord } from '../../src/protocol/record/record.ts'

type Validator = (message: Uint8Array, from: PeerId) => 'accept' | 'ignore' | 'reject'

/** A node of this version, and how it judges gossip. */
function node() {
  const key = SigningKey.generate()
  const log = pino({ level: 'silent' })
  const notices = new Notices(log)
  const roster = new Roster()
  const said: Uint8Array[] = []
  const ahead: number[] = []
  let judge: Validator = () => 'ignore'
  const membership = new Membership({
    key,
    network: {
      onGossip: (validator: Validator) => {
        judge = validator
      },
      onSubscriber() {},
      onReachability() {},
      connectedPeers: () => [],
      publish: async (message: Uint8Array) => void said.push(message),
      addresses: () => [],
      learn() {},
      lapse() {},
    },
    roster,
    nextSerial: () => 1,
    describe: () => ({
      name: 'car',
      certificate: null,
      credential: null,
      slots: { total: 1, free: 1 },
      mode: 'run',
      reasons: [],
      availableUntilMs: null,
      engines: [],
      software: 'carpool/test',
    }),
    isBanned: () => false,
    fleet: null,
    clock: systemClock,
    notices,
    clocks: { heard: (_: unknown, aheadMs: number) => void ahead.push(aheadMs) },
    log,
  } as unknown as MembershipOptions)
  membership.start()
  membership.stop()
  return {
    ahead,
    key,
    notices,
    roster,
    advert: said[0]!,
    judge: (message: Uint8Array, from: PeerId) => judge(message, from),
  }
}

/** The same advert as another version would have it. */
function changed({ key, advert }: ReturnType<typeof node>, change: (body: RecordBody) => object): Uint8Array {
  const record = decodeCbor('advert', advert, 4_096) as SignedRecord
  const old = decodeCbor('advert', record.body, 4_096) as RecordBody
  const body = encodeBody({ ...old, ...change(old) } as RecordBody)
  return encodeCbor({ body, signature: key.sign(body) })
}

test('an advert with a field that this version does not know is believed and passed on', () => {
  const [ours, newer] = [node(), node()]
  const advert = changed(newer, ({ payload }) => ({ payload: { ...(payload as object), seats: 4 } }))
  assert.equal(ours.judge(advert, newer.key.peerId), 'accept')
  assert.equal(ours.roster.get(newer.key.peerId)?.name, 'car')
  // The newer node reads ours, which lacks the field.
  assert.equal(newer.judge(ours.advert, ours.key.peerId), 'accept')
})

test('records of another version are named, and cost the neighbour that sends them nothing', () => {
  const [ours, newer] = [node(), node()]
  const advert = changed(newer, () => ({ version: 2 }))
  assert.equal(ours.judge(advert, newer.key.peerId), 'ignore')
  const [notice] = ours.notices.list()
  assert.equal(notice?.kind, 'version')
  assert.match(notice.text, /records of version 2, and this node reads version 1: .* older one is updated/)
  assert.equal(ours.roster.get(newer.key.peerId), undefined)
  // What is no record at all is still a fault.
  assert.equal(
    ours.judge(
      encodeCbor({ body: encodeCbor({ version: 2 }), signature: new Uint8Array(64) }),
      newer.key.peerId,
    ),
    'reject',
  )
})

test('an advert by a clock that is off costs whoever passes it on nothing, and counts for nothing', () => {
  for (const byMs of [-3_600_000, 3_600_000]) {
    const [ours, other] = [node(), node()]
    const advert = changed(other, ({ expiresMs }) => ({ expiresMs: expiresMs + byMs }))
    assert.equal(ours.judge(advert, other.key.peerId), 'ignore')
    assert.equal(ours.judge(advert, SigningKey.generate().peerId), 'ignore')
    assert.equal(ours.roster.get(other.key.peerId), undefined)
    // Only what comes from its author says something of its clock.
    assert.equal(ours.ahead.length, 1)
    assert(Math.abs(ours.ahead[0]! - byMs) < 60_000)
  }
})

test('an advert that a node hears of itself and never made names its twin, and its own do not', () => {
  const ours = node()
  assert.equal(ours.judge(ours.advert, ours.key.peerId), 'ignore')
  assert.deepEqual(ours.notices.list(), [])
  ours.judge(
    changed(ours, () => ({ serial: 9 })),
    SigningKey.generate().peerId,
  )
  const [notice] = ours.notices.list()
  assert.equal(notice?.kind, 'clone')
  assert.match(notice.text, /another node runs under the identity of this one, .* data directory of its own/)
})

test('a greeting, a reply and a message with a field more are read without it', () => {
  const greeting = { credential: null, vehicle: 'car', certificate: null, charter: 3 }
  assert.deepEqual(decodeGreeting(encodeCbor({ ...greeting, seats: 4 })), greeting)
  const reply = { refused: null, credential: null, charters: [] }
  assert.deepEqual(decodeReply(encodeCbor({ ...reply, seats: 4 })), reply)
  const job = 'bafyreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku'
  const message = { type: 'account', job, before: null } as const
  assert.deepEqual(decodeMessage(encodeCbor({ ...message, seats: 4 })), message)
})
