/** Promises of the succession: who may sign for a job follows from its manifest and its handovers, in any order. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { RecordId } from '../../src/protocol/ids.ts'
import {
  type Handover,
  openHandover,
  pathTo,
  type Succession,
  successionOf,
} from '../../src/protocol/job/handover.ts'
import { handoverShare, handoversMax } from '../../src/protocol/limits.ts'
import type { Verified } from '../../src/protocol/record/record.ts'
import {
  cidNamed,
  manifestWith,
  nameOfPeer,
  peerNamed,
  placeOf,
  sha256,
  sign,
  verify,
} from '../support/core-fakes.ts'
import { handoverBody, handoverOf } from '../support/handovers.ts'

const job = cidNamed('job')
const manifest = manifestWith({ stewards: [placeOf('a'), placeOf('b'), placeOf('c')] })

interface Step {
  readonly signer: string
  readonly lost: string
  readonly taker: string
  readonly after?: Verified<Handover>
  readonly epoch?: number
  readonly previous?: RecordId
  readonly job?: RecordId
  readonly serial?: number
}

function handover(step: Step): Verified<Handover> {
  return handoverOf({ job, ...step })
}

function namesOf({ stewards }: Succession): string[] {
  return stewards.map(({ peer }) => nameOfPeer(peer))
}

/** What it comes to, in words that can be compared. */
function summaryOf(succession: Succession) {
  const { handovers, signers } = succession
  return {
    stewards: namesOf(succession),
    handovers: handovers.map(({ id }) => id),
    signers: [...signers].sort(),
  }
}

function inAnyOrder(handovers: readonly Verified<Handover>[]): void {
  const expected = summaryOf(successionOf(job, manifest, handovers))
  fc.assert(
    fc.property(fc.shuffledSubarray([...handovers], { minLength: handovers.length }), (shuffled) =>
      assert.deepEqual(summaryOf(successionOf(job, manifest, shuffled)), expected),
    ),
  )
}

test('without handovers the stewards are those of the manifest', () => {
  const { stewards, handovers } = summaryOf(successionOf(job, manifest, []))
  assert.deepEqual([stewards, handovers], [['a', 'b', 'c'], []])
})

test('a path of handovers adds its takers in turn, and a taker may sign the next', () => {
  const first = handover({ signer: 'a', lost: 'c', taker: 'd' })
  const second = handover({ signer: 'd', lost: 'a', taker: 'e', after: first })
  const third = handover({ signer: 'e', lost: 'd', taker: 'f', after: second })
  const succession = successionOf(job, manifest, [third, first, second])
  assert.deepEqual(namesOf(succession), ['a', 'b', 'c', 'd', 'e', 'f'])
  assert.deepEqual(pathTo(succession, manifest, peerNamed('f')), [first, second, third])
  assert.deepEqual(pathTo(succession, manifest, peerNamed('d')), [first])
  assert.deepEqual(pathTo(succession, manifest, peerNamed('b')), [])
  inAnyOrder([first, second, third])
})

test('of two stewards that each replace the same one both make their taker one, in the order of their ids', () => {
  const one = handover({ signer: 'a', lost: 'c', taker: 'd' })
  const other = handover({ signer: 'b', lost: 'c', taker: 'e' })
  const after = handover({ signer: 'e', lost: 'a', taker: 'f', after: other })
  const takers = one.id < other.id ? ['d', 'e'] : ['e', 'd']
  assert.deepEqual(namesOf(successionOf(job, manifest, [one, other])), ['a', 'b', 'c', ...takers])
  assert.deepEqual(namesOf(successionOf(job, manifest, [after, one, other])), ['a', 'b', 'c', ...takers, 'f'])
  inAnyOrder([one, other, after])
})

test('a handover holds only by the record that makes its signer a steward, and so does all that rests on it', () => {
  const first = handover({ signer: 'a', lost: 'c', taker: 'd' })
  const byStranger = handover({ signer: 'x', lost: 'c', taker: 'y' })
  const refused = {
    'by a stranger': byStranger,
    'on top of a stranger’s': handover({ signer: 'y', lost: 'c', taker: 'z', after: byStranger }),
    'by its own taker': handover({ signer: 'z', lost: 'c', taker: 'z' }),
    'by a steward, after a handover to another': handover({
      signer: 'a',
      lost: 'c',
      taker: 'e',
      after: first,
    }),
    'by a taker, after the manifest': handover({ signer: 'd', lost: 'c', taker: 'e' }),
    'after nothing known': handover({ signer: 'a', lost: 'c', taker: 'e', previous: cidNamed('unknown') }),
    'of a wrong epoch': handover({ signer: 'a', lost: 'c', taker: 'e', epoch: 2 }),
    'of another job': handover({ signer: 'a', lost: 'c', taker: 'e', job: cidNamed('another job') }),
  }
  for (const [why, wrong] of Object.entries(refused))
    assert.deepEqual(namesOf(successionOf(job, manifest, [wrong, first])), ['a', 'b', 'c', 'd'], why)
  inAnyOrder([first, ...Object.values(refused)])
})

test('a steward that takes over a second time keeps its place and its draws', () => {
  const first = handover({ signer: 'a', lost: 'c', taker: 'd' })
  const again = handover({ signer: 'a', lost: 'b', taker: 'd', serial: 1 })
  const succession = successionOf(job, manifest, [again, first])
  assert.deepEqual(namesOf(succession), ['a', 'b', 'c', 'd'])
  assert.equal(succession.handovers.length, 2)
})

test('one steward makes so many others and no more, whatever its takers sign; the ones that it signed first hold', () => {
  const own = Array.from({ length: 20 }, (_, serial) =>
    handover({ signer: 'a', lost: 'b', taker: `t${serial}`, serial }),
  )
  const theirs = own.flatMap((after, i) =>
    Array.from({ length: 20 }, (_, serial) =>
      handover({ signer: `t${i}`, lost: 'b', taker: `t${i}-${serial}`, after, serial }),
    ),
  )
  const honest = handover({ signer: 'b', lost: 'c', taker: 'd', serial: 999 })
  const succession = successionOf(job, manifest, [...theirs, ...own.toReversed(), honest])
  const ofA = succession.handovers.filter(({ signer }) => signer !== peerNamed('b'))
  assert(ofA.length <= handoverShare && ofA.length > handoverShare / 2, `${ofA.length} of ${handoverShare}`)
  const direct = ofA.filter(({ signer }) => signer === peerNamed('a'))
  assert.deepEqual(
    direct.map(({ serial }) => serial).sort((a, b) => a - b),
    direct.map((_, i) => i),
  )
  assert(succession.handovers.includes(honest), 'and nobody takes the place of another’s taker')
  inAnyOrder([...own, ...theirs.slice(0, 60), honest])
})

test('a giver pushes out a taker of its own by ten handovers under lower serials, and by no fewer', () => {
  const taken = handover({ signer: 'a', lost: 'c', taker: 'd', serial: 999 })
  const signs = (times: number) => {
    const lower = Array.from({ length: times }, (_, serial) =>
      handover({ signer: 'a', lost: 'b', taker: `t${serial}`, serial }),
    )
    return successionOf(job, manifest, [taken, ...lower]).signers.has(peerNamed('d'))
  }
  assert.deepEqual([signs(9), signs(10)], [true, false])
})

test('a path ends at its bound, and the room that is left says so', () => {
  const path: Verified<Handover>[] = []
  for (let i = 0; i < handoversMax + 3; i += 1)
    path.push(
      handover({
        signer: i === 0 ? 'a' : `t${i - 1}`,
        lost: 'b',
        taker: `t${i}`,
        ...(i > 0 ? { after: path[i - 1]! } : {}),
      }),
    )
  const succession = successionOf(job, manifest, path)
  assert.deepEqual(succession.handovers, path.slice(0, handoversMax))
  assert.equal(succession.room(path[handoversMax - 1]!.id, peerNamed(`t${handoversMax - 1}`)), 0)
  assert(succession.room(job, peerNamed('a')) > 0)
  assert.equal(succession.room(job, peerNamed('b')), handoverShare)
})

test('two handovers under one serial both hold, and the second takes nothing from what follows the first', () => {
  const two = ['d', 'e'].map((taker) => handover({ signer: 'a', lost: 'c', taker, serial: 7 }))
  const [lower, higher] = two.toSorted((x, y) => (x.id < y.id ? -1 : 1))
  const taker = (higher!.payload.taker.peer === peerNamed('d') ? 'd' : 'e') as string
  const after = handover({ signer: taker, lost: 'c', taker: 'f', after: higher! })
  const before = successionOf(job, manifest, [higher!, after])
  assert.deepEqual(before.handovers, [higher, after])
  const since = successionOf(job, manifest, [higher!, after, lower!])
  assert.deepEqual(new Set(since.handovers), new Set([lower, higher, after]))
  for (const peer of before.signers.keys()) assert(since.signers.has(peer))
  assert.deepEqual(
    successionOf(job, manifest, [...two, after, ...two]).handovers,
    since.handovers,
    'each once',
  )
  inAnyOrder([...two, after])
})

test('any set of handovers, forks and nonsense among them, comes to the same in any order', () => {
  const name = fc.constantFrom('a', 'b', 'c', 'd', 'e', 'x')
  const step = fc.record({
    signer: name,
    lost: name,
    taker: name,
    after: fc.nat({ max: 8 }),
    off: fc.nat({ max: 9 }),
    serial: fc.nat({ max: 5 }),
  })
  fc.assert(
    fc.property(fc.array(step, { maxLength: 24 }), fc.infiniteStream(fc.nat()), (steps, chance) => {
      const made: Verified<Handover>[] = []
      for (const { after, off, ...who } of steps) {
        const before = made[after % (made.length + 1)]
        const epoch = (before?.epoch ?? 0) + (off === 0 ? 2 : 1)
        made.push(handover({ ...who, epoch, ...(before === undefined ? {} : { after: before }) }))
      }
      const shuffled = made
        .map((record) => ({ record, at: chance.next().value as number }))
        .sort((x, y) => x.at - y.at)
        .map(({ record }) => record)
      const succession = successionOf(job, manifest, made)
      assert.deepEqual(summaryOf(successionOf(job, manifest, shuffled)), summaryOf(succession))
      assert.deepEqual(
        summaryOf(successionOf(job, manifest, succession.handovers)),
        summaryOf(succession),
        'the rest adds nothing',
      )
      assert.equal(new Set(namesOf(succession)).size, succession.stewards.length, 'nobody has two places')
      assert.deepEqual(namesOf(succession).slice(0, 3), ['a', 'b', 'c'])
    }),
  )
})

test('a handover travels as a signed record, and nobody else can sign it', () => {
  const body = handoverBody({ job, signer: 'a', lost: 'c', taker: 'd' })
  const record = sign(body)
  assert.equal(openHandover(record, sha256, verify).signer, peerNamed('a'))
  const forged = { ...sign({ ...body, signer: peerNamed('x') }), body: record.body }
  assert.throws(() => openHandover(forged, sha256, verify), { name: 'ProtocolError' })
})

test('nobody becomes a steward without its own word to that very handover', () => {
  const choices = { job, signer: 'a', lost: 'c', taker: 'd' }
  const { payload, ...body } = handoverBody(choices)
  const opens = (consent: Handover['consent']) =>
    openHandover(sign({ ...body, payload: { ...payload, consent } }), sha256, verify)
  opens(payload.consent)
  const others = {
    'of another node': { ...choices, taker: 'e' },
    'in the place of another': { ...choices, lost: 'b' },
    'to another steward': { ...choices, signer: 'b' },
    'in another epoch': { ...choices, epoch: 2 },
    'by another record': { ...choices, previous: cidNamed('another') },
    'in another job': { ...choices, job: cidNamed('another job') },
    'under another nonce': { ...choices, taker: { ...placeOf('d'), nonce: new Uint8Array(16) } },
    'as another owner': { ...choices, taker: { ...placeOf('d'), owner: placeOf('e').owner } },
  }
  for (const [why, other] of Object.entries(others))
    assert.throws(() => opens(handoverBody(other).payload.consent), /its taker consented to another/, why)
  const { body: consented } = payload.consent
  assert.throws(() => opens({ body: consented, signature: new Uint8Array(64) }), /wrong-signature/)
})
