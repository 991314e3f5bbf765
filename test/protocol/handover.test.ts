/** Promises of the succession: who looks after a job follows from its manifest and its handovers, in any order. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { RecordId } from '../../src/protocol/ids.ts'
import {
  type Handover,
  openHandover,
  type Succession,
  successionOf,
} from '../../src/protocol/job/handover.ts'
import { handoversMax } from '../../src/protocol/limits.ts'
import { encodeBody, recordId, type Verified } from '../../src/protocol/record/record.ts'
import {
  bodyOf,
  cidNamed,
  manifestWith,
  nameOfPeer,
  peerNamed,
  placeOf,
  sha256,
  sign,
  verify,
} from '../support/core-fakes.ts'

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
}

function handover({ signer, lost, taker, after, ...more }: Step): Verified<Handover> {
  const payload: Handover = {
    previous: more.previous ?? after?.id ?? job,
    lost: peerNamed(lost),
    taker: placeOf(taker),
  }
  const epoch = more.epoch ?? (after?.epoch ?? 0) + 1
  const body = bodyOf('handover', peerNamed(signer), payload, { job: more.job ?? job, epoch })
  return { ...body, id: recordId(sha256, encodeBody(body)) }
}

function namesOf({ stewards }: Succession): string[] {
  return stewards.map(({ peer }) => nameOfPeer(peer))
}

/** What it comes to, in words that can be compared. */
function summaryOf(succession: Succession) {
  const { chain, lost } = succession
  return { stewards: namesOf(succession), chain: chain.map(({ id }) => id), lost: [...lost].map(nameOfPeer) }
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
  assert.deepEqual(summaryOf(successionOf(job, manifest, [])), {
    stewards: ['a', 'b', 'c'],
    chain: [],
    lost: [],
  })
})

test('a chain of handovers adds its takers in turn, and a taker may sign the next', () => {
  const first = handover({ signer: 'a', lost: 'c', taker: 'd' })
  const second = handover({ signer: 'd', lost: 'a', taker: 'e', after: first })
  const third = handover({ signer: 'e', lost: 'd', taker: 'f', after: second })
  const succession = successionOf(job, manifest, [third, first, second])
  assert.deepEqual(namesOf(succession), ['a', 'b', 'c', 'd', 'e', 'f'])
  assert.deepEqual([...succession.lost].map(nameOfPeer), ['c', 'a', 'd'])
  inAnyOrder([first, second, third])
})

test('of two handovers after the same one both hold, in the order of their ids', () => {
  const one = handover({ signer: 'a', lost: 'c', taker: 'd' })
  const other = handover({ signer: 'b', lost: 'c', taker: 'e' })
  const after = handover({ signer: 'e', lost: 'a', taker: 'f', after: other })
  const takers = one.id < other.id ? ['d', 'e'] : ['e', 'd']
  assert.deepEqual(namesOf(successionOf(job, manifest, [one, other])), ['a', 'b', 'c', ...takers])
  assert.deepEqual(namesOf(successionOf(job, manifest, [after, one, other])), ['a', 'b', 'c', ...takers, 'f'])
  inAnyOrder([one, other, after])
})

test('a handover that nobody who was a steward before it signed is ignored, and so is all that rests on it', () => {
  const byStranger = handover({ signer: 'x', lost: 'c', taker: 'y' })
  const onTop = handover({ signer: 'a', lost: 'c', taker: 'd', after: byStranger })
  const bySelf = handover({ signer: 'z', lost: 'c', taker: 'z' })
  assert.deepEqual(summaryOf(successionOf(job, manifest, [byStranger, onTop, bySelf])).stewards, [
    'a',
    'b',
    'c',
  ])
  inAnyOrder([byStranger, onTop, bySelf])
})

test('a handover that does not follow from the manifest is refused', () => {
  const first = handover({ signer: 'a', lost: 'c', taker: 'd' })
  const refused = {
    'after nothing known': handover({ signer: 'a', lost: 'c', taker: 'e', previous: cidNamed('unknown') }),
    'of a wrong epoch': handover({ signer: 'a', lost: 'c', taker: 'e', epoch: 2 }),
    'with the epoch of the one before': handover({
      signer: 'a',
      lost: 'c',
      taker: 'e',
      after: first,
      epoch: 1,
    }),
    'of another job': handover({ signer: 'a', lost: 'c', taker: 'e', job: cidNamed('another job') }),
    'for one who is no steward': handover({ signer: 'a', lost: 'x', taker: 'e' }),
  }
  for (const [why, wrong] of Object.entries(refused))
    assert.deepEqual(namesOf(successionOf(job, manifest, [wrong, first])), ['a', 'b', 'c', 'd'], why)
})

test('a steward that takes over a second time keeps its place and its draws', () => {
  const first = handover({ signer: 'a', lost: 'c', taker: 'd' })
  const again = handover({ signer: 'a', lost: 'b', taker: 'd', after: first })
  const succession = successionOf(job, manifest, [again, first])
  assert.deepEqual(namesOf(succession), ['a', 'b', 'c', 'd'])
  assert.equal(succession.chain.length, 2)
  assert.deepEqual([...succession.lost].map(nameOfPeer), ['c', 'b'])
})

test('a chain ends at its bound, however many handovers there are', () => {
  const chain: Verified<Handover>[] = []
  for (let i = 0; i < handoversMax + 8; i += 1)
    chain.push(
      handover({ signer: 'a', lost: 'b', taker: `t${i}`, ...(i > 0 ? { after: chain[i - 1]! } : {}) }),
    )
  const succession = successionOf(job, manifest, chain)
  assert.equal(succession.chain.length, handoversMax)
  assert.deepEqual(succession.chain, chain.slice(0, handoversMax))
  assert.equal(succession.stewards.length, manifest.stewards.length + handoversMax)
  inAnyOrder(chain)
})

test('any set of handovers, forks and nonsense among them, comes to the same in any order', () => {
  const name = fc.constantFrom('a', 'b', 'c', 'd', 'e', 'x')
  const step = fc.record({
    signer: name,
    lost: name,
    taker: name,
    after: fc.nat({ max: 8 }),
    off: fc.nat({ max: 9 }),
  })
  fc.assert(
    fc.property(fc.array(step, { maxLength: 12 }), fc.infiniteStream(fc.nat()), (steps, chance) => {
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
        summaryOf(successionOf(job, manifest, succession.chain)),
        summaryOf(succession),
        'the rest adds nothing',
      )
      assert.equal(new Set(namesOf(succession)).size, succession.stewards.length, 'nobody has two places')
      assert.deepEqual(namesOf(succession).slice(0, 3), ['a', 'b', 'c'])
    }),
  )
})

test('a handover travels as a signed record, and nobody else can sign it', () => {
  const { id, ...body } = handover({ signer: 'a', lost: 'c', taker: 'd' })
  const record = sign(body)
  assert.equal(openHandover(record, sha256, verify).id, id)
  const forged = { ...sign({ ...body, signer: peerNamed('x') }), body: record.body }
  assert.throws(() => openHandover(forged, sha256, verify), { name: 'ProtocolError' })
})
