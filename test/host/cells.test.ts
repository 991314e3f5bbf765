/** A node's part in its cell, with others that lie, flood, or are not admitted. */
import assert from 'node:assert/strict'
import test from 'node:test'
import { pino } from 'pino'
import { DigestDesk, type DigestDeskOptions } from '../../src/host/cells/digest-desk.ts'
import { cellMessageRates } from '../../src/host/cells/door.ts'
import { handsOf } from '../../src/host/cells/hands.ts'
import { SignedAdverts } from '../../src/host/cells/signed-adverts.ts'
import { Talk, type TalkOptions } from '../../src/host/cells/talk.ts'
import { Door } from '../../src/host/network/rates.ts'
import { SigningKey } from '../../src/host/store/keys.ts'
import type { CellsInput } from '../../src/protocol/cells/contract.ts'
import { type CellMessage, encodeCellMessage } from '../../src/protocol/cells/message.ts'
import { topicOf } from '../../src/protocol/cells/moving.ts'
import { ProtocolError } from '../../src/protocol/errors.ts'
import type { CellId, PeerId } from '../../src/protocol/ids.ts'
import { decodeCbor } from '../../src/protocol/record/block.ts'
import { encodeBody, type SignedRecord } from '../../src/protocol/record/record.ts'
import { bodyOf } from '../../src/protocol/records.ts'
import { messageBytesMax } from '../../src/protocol/sizes.ts'
import { digestOf } from '../support/core-cells.ts'
import { cidNamed, ownerNamed, peerNamed } from '../support/core-fakes.ts'
import { advert as payload } from '../support/good-records.ts'
import { SteppedClock } from '../support/stepped-clock.ts'

const log = pino({ level: 'silent' })
const [liar, honest] = [peerNamed('liar'), peerNamed('honest')]
const owner = ownerNamed('accused')

/** One that talks, to whom it said what, and what its machine heard. */
function talking(more: Partial<TalkOptions> = {}) {
  const clock = new SteppedClock(1_000_000)
  const said: (readonly [PeerId, CellMessage])[] = []
  const told: CellsInput[] = []
  const put: PeerId[] = []
  const talk = new Talk({
    network: {
      cells: {
        send: async (to: PeerId, bytes: Uint8Array) =>
          void said.push([to, decodeCbor('said', bytes, messageBytesMax) as CellMessage]),
      },
      point: () => {},
      addressesOf: () => [],
    },
    ...{ fleet: null, clock, log, take: () => {}, believed: () => undefined, showProof: () => {} },
    tell: (input: CellsInput) => void told.push(input),
    adverts: new SignedAdverts(),
    censuses: { put: (peer: PeerId) => void put.push(peer) },
    contactOf: (peer: PeerId) => ({ peer }),
    ...more,
  } as unknown as TalkOptions)
  return { talk, clock, said, told, put }
}

function signedAdvert(key: SigningKey, expiresMs: number): SignedRecord {
  const body = encodeBody(
    bodyOf('advert', {
      signer: key.peerId,
      serial: 1,
      expiresMs,
      payload: { ...payload, certificate: null },
    }),
  )
  return { body, signature: key.sign(body) }
}

test('a node that is not admitted does not speak, and goes on', () => {
  const topic = topicOf('' as CellId)
  let standing = { state: 'waiting' }
  const said: Uint8Array[] = []
  const desk = new DigestDesk({
    key: SigningKey.generate(),
    network: { gossip: { publishIn: async (_: string, bytes: Uint8Array) => void said.push(bytes) } },
    fleet: {
      credential: null,
      get standing() {
        return standing
      },
      belief: {
        vouch: () => {
          if (standing.state !== 'admitted')
            throw new ProtocolError({ code: 'not-admitted', why: 'it shows no credential' } as never)
        },
      },
    },
    journal: { nextSerial: () => 1 },
    clock: new SteppedClock(1_000_000),
    ...{ log, tell: () => {} },
  } as unknown as DigestDeskOptions)
  desk.speak(digestOf(''), [topic])
  assert.equal(said.length, 0)
  standing = { state: 'admitted' }
  desk.speak(digestOf(''), [topic])
  assert.equal(said.length, 1)
})

test('whoever names proofs that there are not shields nobody: each accuser is asked for what it named', () => {
  const { talk, said } = talking()
  for (let i = 0; i < 5; i += 1) talk.heardAccused(owner, cidNamed(`bogus ${i}`), liar, false)
  // It may even name the right one, and not show it.
  talk.heardAccused(owner, cidNamed('proof'), liar, false)
  talk.heardAccused(owner, cidNamed('proof'), honest, false)
  talk.fetchProofs(owner)
  const wanted = { type: 'proof-wanted', owner, proof: cidNamed('proof') }
  assert.deepEqual(said, [
    [liar, wanted],
    [honest, wanted],
  ])
  talk.fetchProofs(owner)
  assert.equal(said.length, 2, 'what was asked for is not asked for again')
})

test('a speaker asks whoever names a proof at once, whatever others have named', () => {
  const { talk, said } = talking()
  talk.heardAccused(owner, cidNamed('bogus'), liar, true)
  talk.heardAccused(owner, cidNamed('proof'), honest, true)
  assert.deepEqual(
    said.map(([to]) => to),
    [liar, honest],
  )
})

test('adverts count only as the answer to a question that was put to whoever sends them', async () => {
  const { talk, clock, put, told } = talking()
  const adverts = [signedAdvert(SigningKey.generate(), clock.now() + 60_000)]
  const these = encodeCellMessage({ type: 'these', question: 7, cell: '' as CellId, adverts, hasMore: false })
  await talk.hear(liar, these)
  const arc = { from: 0, length: 1 }
  talk.say({ peer: honest, addresses: [] }, { type: 'who', question: 7, arc, engine: null, after: null })
  await talk.hear(liar, these)
  assert.deepEqual([put, told], [[], []])
  await talk.hear(honest, these)
  await talk.hear(honest, these)
  assert.equal(put.length, 1, 'once')
})

test('a peer that never stops asking is heard at a bounded rate, and holds up nobody else', async () => {
  const { talk, clock } = talking()
  const question = encodeCellMessage({ type: 'where', question: 1, key: 1 })
  for (let i = 0; i < cellMessageRates.where.burst; i += 1) await talk.hear(liar, question)
  let isHeard = false
  const next = talk.hear(liar, question).then(() => {
    isHeard = true
  })
  await talk.hear(honest, question)
  assert(!isHeard)
  clock.pass(1_000 / cellMessageRates.where.perSecond)
  await next
  // Each kind has a rate.
  const door = new Door(cellMessageRates, () => 0)
  for (const kind of Object.keys(cellMessageRates) as (keyof typeof cellMessageRates)[]) {
    let waitMs = 0
    for (let i = 0; i <= cellMessageRates[kind].burst; i += 1) waitMs = door.took(liar, kind)
    assert(waitMs > 0 && waitMs <= 1_000, kind)
  }
})

test('one advert that does not hold keeps no news from a node on a metered network', async () => {
  const taken: SignedRecord[] = []
  const { talk, told } = talking({
    take: (_, advert) => {
      taken.push(advert)
      if (taken.length === 1) throw new ProtocolError({ code: 'malformed', what: 'advert', why: 'it is bad' })
    },
  })
  const adverts = [1, 2].map((i) => ({ body: Uint8Array.of(i), signature: new Uint8Array(64) }))
  await talk.hear(honest, encodeCellMessage({ type: 'news', adverts, next: 9, hasMore: true }))
  assert.equal(taken.length, 2)
  assert.deepEqual(told, [{ type: 'news-heard', from: honest, next: 9, hasMore: true }])
})

test('news that do not fit one message are said in several', () => {
  const adverts = new SignedAdverts()
  const peers = [1, 2, 3].map((i) => peerNamed(`p${i}`))
  for (const peer of peers)
    adverts.put(peer, { body: new Uint8Array(messageBytesMax / 2), signature: new Uint8Array(64) })
  const said: CellMessage[] = []
  const hands = handsOf({
    network: {},
    adverts,
    topics: new Set(),
    talk: { answer: (_: PeerId, message: CellMessage) => void said.push(message) },
  } as never)
  hands['answer-news']({ type: 'answer-news', to: honest, peers, next: 9, hasMore: true })
  const pages = said.map((message) => message.type === 'news' && [message.adverts.length, message.hasMore])
  assert.deepEqual(pages, [
    [1, false],
    [1, false],
    [1, true],
  ])
})
