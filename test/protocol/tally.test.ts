/** The tally, against a reference that tries every set of voices. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { PeerId, RecordId } from '../../src/protocol/ids.ts'
import type { Agreement, Tolerance } from '../../src/protocol/job/agreement.ts'
import { type Claim, type Tally, tally } from '../../src/protocol/verification/tally.ts'
import { cidNamed, ownerNamed } from '../support/core-fakes.ts'

interface Said {
  readonly owner: number
  readonly result: number
  readonly text: number
  readonly exhausted: boolean
}

/** Under it 0 is as good as 1 and 1 as 2, and 0 is not as good as 2; and nothing is as good as 9. */
const tolerance: Tolerance = { relation: 'numbers', absoluteMax: 1, relativeMax: 0 }
const values = [0, 1, 2, 9]

/** The text belongs to the bytes: a result has one text, and is a failure or is none. */
const said: fc.Arbitrary<Said> = fc
  .record({ owner: fc.nat(8), result: fc.nat(3) })
  .map(({ owner, result }) => ({ owner, result, text: result >> 1, exhausted: result === 3 }))

const names = [0, 1, 2, 3].map((i) => cidNamed(`r${i}`))

function claimsOf(all: readonly Said[]): Claim[] {
  return all.map(({ owner, result, text, exhausted }, i) => ({
    peer: `p${i}` as PeerId,
    owner: ownerNamed(`o${owner}`),
    receipt: `R${i}` as RecordId,
    result: names[result]!,
    lease: { epoch: 0, signer: 'steward' as PeerId, serial: i },
    text: `${text}`,
    exhausted,
    content: [{ error: null, text: '', output: { value: values[result]! } }],
  }))
}

/** Every set of voices that agree pairwise, found by trying all of them; the size of the largest. */
function largestAgreement(voices: readonly Claim[], agreement: Agreement): number {
  let most = 0
  for (let set = 0; set < 1 << voices.length; set += 1) {
    const inside = voices.filter((_, i) => (set & (1 << i)) !== 0)
    const agree = inside.every((a) =>
      inside.every(
        (b) =>
          a.result === b.result ||
          (agreement === 'class-text' && a.text === b.text) ||
          (agreement === tolerance && Math.abs(numberIn(a) - numberIn(b)) <= 1),
      ),
    )
    if (agree) most = Math.max(most, inside.length)
  }
  return most
}

function numberIn({ result }: Claim): number {
  return values[names.indexOf(result)]!
}

function firstOfEachOwner(claims: readonly Claim[]): Claim[] {
  return claims.filter((claim, i) => claims.findIndex((other) => other.owner === claim.owner) === i)
}

for (const agreement of ['bytes', 'class-bytes', 'class-text', tolerance] as const)
  test(`comparing by ${typeof agreement === 'object' ? 'a tolerance' : agreement}, a shard is accepted just when the rules say so`, () => {
    fc.assert(
      fc.property(
        fc.array(said, { maxLength: 9 }),
        fc.integer({ min: 1, max: 4 }),
        fc.integer({ min: 1, max: 4 }),
        (all, replicas, lead) => {
          const claims = claimsOf(all)
          const found = tally(claims, { replicas, lead }, agreement, undefined)
          const voices = firstOfEachOwner(claims)
          const successes = voices.filter((claim) => !claim.exhausted)
          const counted = successes.length > 0 ? successes : voices
          const most = largestAgreement(counted, agreement)
          const disputed = most < counted.length
          const missing = disputed ? lead - (most - (counted.length - most)) : replicas - most
          if (found.state === 'open') {
            assert(missing > 0)
            assert.equal(found.missing, missing)
            assert.equal(found.disputed, disputed)
            return
          }
          assert(missing <= 0)
          assert.equal(found.because, disputed ? 'lead' : 'unanimous')
          assert.equal(found.agreeing.length, most)
          assert(found.agreeing.some((claim) => claim.result === found.result))
          assert.equal(largestAgreement(found.agreeing, agreement), most)
          assert.equal(found.contradicting.length, counted.length - most)
        },
      ),
      { numRuns: 3_000 },
    )
  })

const rules = fc.constantFrom('bytes' as const, 'class-bytes' as const, 'class-text' as const, tolerance)

test('the order in which claims arrive changes no outcome', () => {
  fc.assert(
    fc.property(fc.array(said, { maxLength: 8 }), fc.nat(), rules, (all, turn, agreement) => {
      const claims = claimsOf(all)
      const turned = [...claims.slice(turn % 8), ...claims.slice(0, turn % 8)].reverse()
      const [one, other] = [claims, turned].map((c) =>
        tally(c, { replicas: 2, lead: 3 }, agreement, undefined),
      )
      assert.deepEqual(one, other)
    }),
  )
})

test('what a vehicle calls its result breaks no tie: other names for the same results change nothing', () => {
  const renamed = fc.shuffledSubarray(
    [...'abcdefgh'].map((letter) => cidNamed(letter)),
    { minLength: 4, maxLength: 4 },
  )
  fc.assert(
    fc.property(fc.array(said, { maxLength: 9 }), renamed, rules, (all, ground, agreement) => {
      const claims = claimsOf(all)
      const others = claims.map((claim) => ({ ...claim, result: ground[names.indexOf(claim.result)]! }))
      // The digest of a text is ground along with it.
      if (agreement === 'class-text')
        for (const claim of others) Object.assign(claim, { text: ground[Number(claim.text)]! })
      const [one, other] = [claims, others].map((c) =>
        tally(c, { replicas: 2, lead: 3 }, agreement, undefined),
      )
      assert.deepEqual(whoIsWhere(one!), whoIsWhere(other!))
      if (one!.state === 'accepted' && other!.state === 'accepted')
        assert.equal(ground[names.indexOf(one!.result)], other!.result)
    }),
  )
})

function whoIsWhere(found: Tally) {
  const named = (claims: readonly Claim[]) => claims.map(({ receipt }) => receipt)
  return found.state === 'open'
    ? [found.state, found.missing, found.disputed, named(found.leading)]
    : [found.state, found.because, named(found.agreeing), named(found.contradicting)]
}

test('of answers that are as good, the one that was leased first is taken', () => {
  const [one, other] = claimsOf([
    { owner: 0, result: 1, text: 0, exhausted: false },
    { owner: 1, result: 0, text: 0, exhausted: false },
  ])
  for (const agreement of ['class-text', tolerance] as const)
    for (const claims of [
      [one!, other!],
      [other!, one!],
    ]) {
      const found = tally(claims, { replicas: 2, lead: 3 }, agreement, undefined)
      assert(found.state === 'accepted')
      assert.equal(found.result, one!.result)
    }
})

test('a recomputation settles the shard, whatever was claimed, and its own bytes are the result', () => {
  fc.assert(
    fc.property(fc.array(said, { maxLength: 9 }), fc.nat(2), rules, (all, truth, agreement) => {
      const content = [{ error: null, text: '', output: { value: values[truth]! } }]
      const recomputed = { result: names[truth]!, text: `${truth >> 1}`, content }
      const found = tally(claimsOf(all), { replicas: 2, lead: 3 }, agreement, recomputed)
      assert(found.state === 'accepted')
      assert.equal(found.because, 'recomputed')
      assert.equal(found.result, recomputed.result)
      const agrees = (claim: Claim) =>
        claim.result === found.result ||
        (agreement === 'class-text' && claim.text === recomputed.text) ||
        (agreement === tolerance && Math.abs(numberIn(claim) - values[truth]!) <= 1)
      assert(found.agreeing.every(agrees))
      assert(found.contradicting.every((claim) => !agrees(claim) && !claim.exhausted))
    }),
  )
})

test('who failed for want of resources is never named as contradicting, not even by others who failed otherwise', () => {
  const failures = claimsOf(
    [0, 1, 2].map((owner) => ({ owner, result: owner === 1 ? 2 : 3, text: 0, exhausted: true })),
  )
  const found = tally(failures, { replicas: 2, lead: 3 }, 'bytes', undefined)
  assert(found.state === 'accepted')
  assert.deepEqual(found.contradicting, [])
})

test('under a tolerance nobody is joined to others through a third', () => {
  const said = [0, 1, 2].map((result) => ({ owner: result, result, text: 0, exhausted: false }))
  const found = tally(claimsOf(said), { replicas: 3, lead: 3 }, tolerance, undefined)
  assert(found.state === 'open')
  assert.deepEqual([found.disputed, found.leading.length, found.missing], [true, 2, 2])
})

test('many different results under a tolerance cost little, and the most claimed ones are compared', () => {
  const claims = Array.from({ length: 64 }, (_, i): Claim => {
    const result = cidNamed(`m${i % 40}`)
    const content = [{ error: null, text: '', output: { value: (i % 40) / 100 } }]
    const peer = `p${i}` as PeerId
    const receipt = `R${i}` as RecordId
    return {
      peer,
      owner: ownerNamed(`o${i}`),
      receipt,
      result,
      lease: { epoch: 0, signer: 'steward' as PeerId, serial: i },
      text: '',
      exhausted: false,
      content,
    }
  })
  const found = tally(claims, { replicas: 2, lead: 3 }, tolerance, undefined)
  assert(found.state === 'open' && found.disputed)
  assert.equal(found.leading.length, 16, 'eight results that two claim each, though all are alike')
})

test('of answers that a steward has scored, all that passed agree, and those that did not have no voice', () => {
  const claims = claimsOf(
    [0, 1, 2, 3].map((result) => ({ owner: result, result, text: 0, exhausted: false })),
  )
  const agreement = { relation: 'scored', gapMax: 0.001, differenceMax: 0.01 } as const
  const recomputed = { result: names[1]!, text: '0', content: [], passed: [names[1]!, names[3]!] }
  const found = tally(claims, { replicas: 2, lead: 3 }, agreement, recomputed)
  assert(found.state === 'accepted')
  assert.equal(found.result, names[1])
  assert.deepEqual(found.agreeing.map(({ result }) => result).sort(), [names[1], names[3]].sort())
  assert.deepEqual(found.contradicting.map(({ result }) => result).sort(), [names[0], names[2]].sort())
})
