/**
 * Delivery, by property: what the submitter is given of a shard that was accepted is what honest owners said, whatever one
 * owner claims beside them. Results are real bytes here, examined and named as a steward does it.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { fromString } from 'uint8arrays'
import type { PeerId, RecordId } from '../../src/protocol/ids.ts'
import { type Agreement, isTolerance } from '../../src/protocol/job/agreement.ts'
import { decodeResult, encodeResult, type PageRecord } from '../../src/protocol/job/result.ts'
import { cborCid } from '../../src/protocol/record/block.ts'
import { type Delivered, deliveredOf, isOneAnswer } from '../../src/protocol/verification/delivery.ts'
import { examineResult, recomputationOf } from '../../src/protocol/verification/examination.ts'
import { type Claim, tally } from '../../src/protocol/verification/tally.ts'
import { ownerNamed, sha256 } from '../support/core-fakes.ts'

const engine = 'engine'
const exact: readonly Agreement[] = ['bytes', 'class-text']
const tolerances: readonly Agreement[] = [
  { relation: 'text-distance', editsMax: 1 },
  { relation: 'numbers', absoluteMax: 0.1, relativeMax: 0 },
  { relation: 'argmax' },
]

/** The truth about the one page, as a vehicle of this class reads it: texts are the same, numbers nearly. */
function honestRecord(agreement: Agreement, wobble: number): PageRecord {
  const score = agreement === 'bytes' ? 0.5 : 0.5 + wobble / 100
  return {
    output: fromString(JSON.stringify({ text: 'truth', scores: [score, 0.1] })),
    text: 'truth',
    error: null,
  }
}

/** A page that fails for everybody. */
const failure: PageRecord = {
  output: new Uint8Array(0),
  text: '',
  error: { code: 'trap', message: 'unreachable' },
}

/** All that a liar can put into a record; it knows the truth, and adds what makes names as it likes them. */
const anyRecord: fc.Arbitrary<PageRecord> = fc
  .record({
    text: fc.constantFrom('truth', 'forged', 'truths', ''),
    said: fc.constantFrom('truth', 'forged', 'truths', ''),
    score: fc.constantFrom(0.5, 0.5001, 0.55, 9, -1),
    salt: fc.nat(1_000),
    form: fc.constantFrom('plain', 'salted', 'twice', 'other order', 'no JSON', 'array'),
    code: fc.constantFrom(null, null, null, 'trap', 'crash'),
  })
  .map(({ text, said, score, salt, form, code }) => {
    const scores = [score, 0.1]
    const output = {
      plain: JSON.stringify({ text: said, scores }),
      salted: JSON.stringify({ text: said, scores, salt }),
      twice: `{"text":"truth","text":${JSON.stringify(said)},"scores":[${scores}]}`,
      'other order': JSON.stringify({ scores, text: said }),
      'no JSON': `${salt}}`,
      array: JSON.stringify([said, salt]),
    }[form]
    const error = code === null ? null : { code, message: `${said} ${salt}` }
    return { output: error === null ? fromString(output) : new Uint8Array(0), text, error }
  })

interface Said {
  readonly owner: string
  readonly record: PageRecord
}

/** Counts as a steward does: what is no valid result has no voice. */
function decide(said: readonly Said[], replicas: number, agreement: Agreement, recomputed?: PageRecord) {
  const blocks = new Map<string, Uint8Array>()
  const nameOf = (record: PageRecord) => {
    const bytes = encodeResult({ engine, records: [record] })
    const result = cborCid(sha256, bytes)
    blocks.set(result, bytes)
    return result
  }
  const claims = said.flatMap(({ owner, record }, serial): Claim[] => {
    const result = nameOf(record)
    const finding = examineResult(sha256, blocks.get(result)!, 1, engine, agreement)
    if (finding.state !== 'good') return []
    const { state: _, ...compared } = finding
    const signer = 'steward' as PeerId
    const names = { peer: owner as PeerId, owner: ownerNamed(owner), receipt: `${serial}` as RecordId }
    return [{ ...names, result, lease: { epoch: 0, signer, serial }, ...compared }]
  })
  const own =
    recomputed === undefined
      ? undefined
      : recomputationOf(sha256, nameOf(recomputed), { engine, records: [recomputed] }, agreement)!
  const found = tally(claims, { replicas, lead: 3 }, agreement, own)
  if (found.state !== 'accepted') return undefined
  return deliveredOf(decodeResult(blocks.get(found.result)!, 1).records[0]!, agreement)
}

/** The owners in the order in which they were leased; the liar is `place`th. */
function among(honest: readonly PageRecord[], liar: PageRecord, place: number): Said[] {
  const all = honest.map((record, i): Said => ({ owner: `h${i}`, record }))
  all.splice(Math.min(place, all.length), 0, { owner: 'liar', record: liar })
  return all
}

const wobbles = fc.array(fc.integer({ min: 0, max: 5 }), { minLength: 1, maxLength: 5 })

test('where texts are compared, what is written beside a text is no longer than runtimes write, and is not looked at', () => {
  const page = (text: string, besideBytes: number): PageRecord => ({
    output: fromString(`{"text":${JSON.stringify(text)},"beside":"${'x'.repeat(besideBytes)}"}`),
    text,
    error: null,
  })
  for (const [record, isOne] of [
    [page('x', 1_000), true],
    [page('a word '.repeat(1_000), 80_000), true],
    [page('x', 100_000), false],
  ] as const)
    assert.equal(isOneAnswer(record, 'class-text'), isOne)
  assert.equal(isOneAnswer(page('x', 100_000), 'bytes'), true)
})

test('no owner can change what is delivered, whatever it claims, however it names it', () => {
  fc.assert(
    fc.property(
      fc.constantFrom(...exact),
      fc.boolean(),
      wobbles,
      fc.integer({ min: 2, max: 4 }),
      anyRecord,
      fc.nat(5),
      (agreement, fails, honest, replicas, liar, place) => {
        const records = honest.map((wobble) => (fails ? failure : honestRecord(agreement, wobble)))
        const found = decide(among(records, liar, place), replicas, agreement)
        if (found !== undefined) assert.deepEqual(found, deliveredOf(records[0]!, agreement))
      },
    ),
    { numRuns: 10_000 },
  )
})

test('under a tolerance what is delivered is as good as what an honest owner said, in all that was compared', () => {
  fc.assert(
    fc.property(
      fc.constantFrom(...tolerances),
      wobbles,
      fc.integer({ min: 2, max: 4 }),
      anyRecord,
      fc.nat(5),
      (agreement, honest, replicas, liar, place) => {
        const records = honest.map((wobble) => honestRecord(agreement, wobble))
        const found = decide(among(records, liar, place), replicas, agreement)
        if (found !== undefined) assert(isNear(found, agreement), JSON.stringify(found))
      },
    ),
    { numRuns: 5_000 },
  )
})

/** By hand, for each tolerance: nothing is in it that the tolerance leaves open. */
function isNear(found: Delivered, agreement: Agreement): boolean {
  if (found.state !== 'output' || !isTolerance(agreement)) return false
  const { text, scores, ...more } = found.output as { text: string; scores: number[] }
  if (Object.keys(more).length > 0) return false
  switch (agreement.relation) {
    case 'text-distance':
      return scores === undefined && ['truth', 'truths'].includes(text)
    case 'numbers':
      return text === 'truth' && Math.abs(scores[0]! - 0.5) < 0.2 && Math.abs(scores[1]! - 0.1) < 0.2
    case 'argmax':
      return text === 'truth' && scores.length === 2 && scores[0]! > scores[1]!
    case 'scored':
      return false
  }
}

test('where texts are compared, so are warnings: nobody alone leaves one out, makes one up, or says more beside them', () => {
  const read = (said: object): PageRecord => ({
    output: fromString(JSON.stringify({ text: 'truth', ...said })),
    text: 'truth',
    error: null,
  })
  const doubts = { warnings: ['low-confidence'] }
  const [mine, yours] = [read({ ...doubts, score: 1 }), read({ ...doubts, score: 2 })]
  const agreed = { state: 'output', output: { text: 'truth', ...doubts } }
  const decided = (...records: PageRecord[]) =>
    decide(
      records.map((record, i) => ({ owner: `o${i}`, record })),
      2,
      'class-text',
    )
  assert.deepEqual(decided(mine, yours), agreed)
  for (const liar of [
    read({}),
    read({ warnings: [] }),
    read({ warnings: ['nothing-read'] }),
    read({ warnings: 'x' }),
  ]) {
    assert.equal(decided(mine, liar), undefined)
    assert.deepEqual(decided(liar, mine, yours, mine, yours), agreed)
  }
  assert.deepEqual(deliveredOf(read({ warnings: ['a', 1, 'a', '\u0007'] }), 'class-text'), {
    state: 'output',
    output: { text: 'truth', warnings: ['a'] },
  })
})

test('where a steward recomputed, its own bytes are delivered, whatever everybody claims', () => {
  fc.assert(
    fc.property(
      fc.constantFrom(...exact, ...tolerances),
      fc.array(anyRecord, { maxLength: 5 }),
      (agreement, records) => {
        const own = honestRecord(agreement, 3)
        const said = records.map((record, i) => ({ owner: `o${i}`, record }))
        assert.deepEqual(decide(said, 2, agreement, own), deliveredOf(own, agreement))
      },
    ),
    { numRuns: 2_000 },
  )
})

test('a run in which the steward’s machine ran out of something says nothing about anybody', () => {
  for (const code of ['crash', 'cpu-limit', 'memory-limit', 'stack-limit', 'time-limit']) {
    const failed = { output: new Uint8Array(0), text: '', error: { code, message: 'why' } }
    const read = honestRecord('bytes', 0)
    for (const records of [[failed], [read, failed], [failed, read, read]])
      for (const agreement of [...exact, ...tolerances])
        assert.equal(
          recomputationOf(sha256, cborCid(sha256, fromString('r')), { engine, records }, agreement),
          null,
        )
  }
})
