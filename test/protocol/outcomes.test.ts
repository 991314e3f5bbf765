/** Counting how pages came out: errors by their codes, warnings by their runtime's, whatever strangers call them. */
import assert from 'node:assert/strict'
import test from 'node:test'
import { fromString } from 'uint8arrays'
import type { Agreement } from '../../src/protocol/job/agreement.ts'
import type { PageRecord } from '../../src/protocol/job/result.ts'
import { endFor, openEnd } from '../../src/protocol/job/verdict.ts'
import { OutcomeCounts } from '../../src/protocol/verification/outcomes.ts'
import { bodyOf, cidNamed, peerNamed, sha256, sign, verify } from '../support/core-fakes.ts'

const page = (output: object): PageRecord => ({
  output: fromString(JSON.stringify(output)),
  text: '',
  error: null,
})
const failed = (code: string): PageRecord => ({
  output: new Uint8Array(0),
  text: '',
  error: { code, message: 'a sentence' },
})

function counted(records: readonly PageRecord[], agreement: Agreement = 'bytes') {
  const counts = new OutcomeCounts()
  for (const record of records) counts.add(record, agreement)
  return counts
}

test('errors and warnings are counted by their codes, the most frequent first', () => {
  const turned = page({ text: 'a', warnings: ['page-turned-90', 'low-confidence'] })
  const records = [
    page({ text: 'a' }),
    failed('trap'),
    turned,
    failed('output-limit'),
    failed('output-limit'),
  ]
  assert.deepEqual(counted([...records, page({ warnings: ['low-confidence'] })]).view(), {
    pages: 6,
    withError: 3,
    withWarning: 2,
    errors: [
      { code: 'output-limit', count: 2 },
      { code: 'trap', count: 1 },
    ],
    warnings: [
      { code: 'low-confidence', count: 2 },
      { code: 'page-turned-90', count: 1 },
    ],
  })
  assert(counted([page({ text: 'a' }), page({ warnings: [] })]).isClean)
  assert(!counted([turned]).isClean && !counted([failed('trap')]).isClean)
})

test('a document’s own words are no warnings, and neither is what vehicles do not compare', () => {
  const quotes = page({ text: '"warnings":["low-confidence"]' })
  const nested = page({ lines: [{ warnings: ['low-confidence'] }] })
  const others = [
    page({ warnings: 'low-confidence' }),
    page({ warnings: [1, null, 'x'.repeat(65), 'a\u0007'] }),
  ]
  assert.equal(counted([quotes, nested, ...others]).view().withWarning, 0)
  const native = { ...page({ text: 'a', warnings: ['low-confidence'] }), text: 'a' }
  assert.equal(counted([native], { relation: 'text-distance', editsMax: 1 }).view().withWarning, 0)
})

test('where texts are compared, warnings are too, and count', () => {
  const native = { ...page({ text: 'a', warnings: ['low-confidence'] }), text: 'a' }
  assert.deepEqual(counted([native], 'class-text').view().warnings, [{ code: 'low-confidence', count: 1 }])
})

test('however many codes a stranger makes up, a bounded number is kept, and every page is counted', () => {
  const { errors, withError } = counted(Array.from({ length: 500 }, (_, i) => failed(`code-${i}`))).view()
  assert.equal(withError, 500)
  assert(errors.length <= 65, `${errors.length} codes`)
  assert.equal(
    errors.reduce((sum, { count }) => sum + count, 0),
    500,
  )
  assert.deepEqual(counted([failed('\u001b[2J')]).view().errors, [{ code: 'other', count: 1 }])
})

test('counts of shards add up, and a clean shard costs a number', () => {
  const sum = counted([failed('trap')])
  sum.merge(counted([failed('trap'), page({ warnings: ['low-confidence'] })]))
  sum.addClean(7)
  const { pages, withError, withWarning } = sum.view()
  assert.deepEqual([pages, withError, withWarning], [10, 2, 1])
})

test('an end says why in a code that goes with its outcome, and one of an older version has none', () => {
  const secret = new Uint8Array(32)
  const open = (payload: object) =>
    openEnd(sign(bodyOf('end', peerNamed('steward'), payload, { job: cidNamed('job') })), sha256, verify)
      .payload
  assert.deepEqual(open(endFor('verified', 'every shard is verified', secret)).code, 'verified')
  assert.equal(endFor('deadline-passed', 'too late', secret).outcome, 'failed')
  assert.equal(open({ outcome: 'failed', reason: 'old', secret }).code, undefined)
  for (const code of ['cancelled', 'shards-failed', 'made-up'])
    assert.throws(() => open({ outcome: 'complete', reason: '', code, secret }), /code/)
})
