/** When two results are one answer, by each tolerance that a runtime can declare. */
import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import { fromString } from 'uint8arrays'
import {
  agreementSchema,
  type Content,
  contentOf,
  describeAgreement,
  type Tolerance,
  withinTolerance,
} from '../../src/protocol/job/agreement.ts'
import { toleratedEditsMax } from '../../src/protocol/limits.ts'

const argmax: Tolerance = { relation: 'argmax' }
const numbers: Tolerance = { relation: 'numbers', absoluteMax: 0.01, relativeMax: 0.001 }
const scored: Tolerance = { relation: 'scored', gapMax: 0.001, differenceMax: 0.01 }
const edits: Tolerance = { relation: 'text-distance', editsMax: 2 }

function page(output: string, text = '', code: string | null = null): Content {
  const error = code === null ? null : { code, message: 'why' }
  return contentOf({ engine: 'e', records: [{ output: fromString(output), text, error }] })
}

function isAlike(tolerance: Tolerance, a: string, b: string): boolean {
  return withinTolerance(tolerance, page(a), page(b))
}

test('texts that take too long to compare are others, however many pages they have', () => {
  const many: Tolerance = { relation: 'text-distance', editsMax: toleratedEditsMax }
  const pages = (count: number, letters: number, last: string): Content =>
    Array.from({ length: count }, () => page('', `${'x'.repeat(letters)}${last}`)[0]!)
  assert(withinTolerance(many, pages(4, 10_000, 'a'), pages(4, 10_000, 'b')))
  assert(withinTolerance(many, pages(64, 60_000, 'a'), pages(64, 60_000, 'a')), 'equal ones are not compared')
  assert(!withinTolerance(many, pages(8, 10_000, 'a'), pages(8, 10_000, 'b')))
  assert(withinTolerance(edits, pages(64, 10_000, 'a'), pages(64, 10_000, 'b')), 'few edits take less')
})

test('numbers may differ by the tolerance, and nothing else may differ at all', () => {
  const box = '{"text":"Sum 100","box":[10,20],"confidence":0.987}'
  assert(isAlike(numbers, box, '{"text":"Sum 100","box":[10.01,20.02],"confidence":0.99}'))
  for (const other of [
    '{"text":"Sum 900","box":[10,20],"confidence":0.987}',
    '{"text":"Sum 100","box":[10.1,20],"confidence":0.987}',
    '{"text":"Sum 100","box":[10,20,30],"confidence":0.987}',
    '{"text":"Sum 100","box":{"0":10,"1":20},"confidence":0.987}',
    '{"text":"Sum 100","box":[10,20]}',
    '{"text":"Sum 100","box":[10,"20"],"confidence":0.987}',
    '{"text":"Sum 100","box":[10,20],"confidence":null}',
    'no JSON',
    '',
  ])
    assert(!isAlike(numbers, box, other), other)
  assert(isAlike(numbers, '1e300', '1.0005e300'), 'a large number by its size')
  assert(!isAlike(numbers, '1e400', '1'), 'what is infinite is near nothing')
})

test('a list of numbers may be another one whose largest stands at the same place', () => {
  assert(isAlike(argmax, '{"label":"cat","scores":[0.1,0.7,0.2]}', '{"label":"cat","scores":[0.3,0.4,0.3]}'))
  for (const [a, b] of [
    ['[0.1,0.7,0.2]', '[0.7,0.1,0.2]'],
    ['[0.1,0.7,0.2]', '[0.1,0.7]'],
    ['{"label":"cat","scores":[1]}', '{"label":"dog","scores":[1]}'],
    ['{"sum":1}', '{"sum":2}'],
  ] as const)
    assert(!isAlike(argmax, a, b), `${a} ${b}`)
})

test('answers may differ in their log-probabilities, by so much a token over all pages, and in nothing else', () => {
  const answer = (logprobs: string, tokens = '[5,6,2]') =>
    `{"text":"yes","finish_reason":"stop","tokens":${tokens},"logprobs":${logprobs}}`
  const own = answer('[-0.1,-0.2,-3]')
  assert(isAlike(scored, own, answer('[-0.1,-0.2,-3.02]')))
  assert(isAlike(scored, own, answer('[-0.11,-0.21,-3.01]')))
  for (const other of [
    answer('[-0.1,-0.2,-3.1]'),
    answer('[-0.1,-0.2]'),
    answer('[-0.1,-0.2,-1e999]'),
    answer('[-0.1,-0.2,"-3"]'),
    answer('[-0.1,-0.2,-3]', '[5,7,2]'),
    own.replace('yes', 'no'),
    own.replace('stop', 'length'),
  ])
    assert(!isAlike(scored, own, other), other)
  const pages = (...outputs: readonly string[]) => outputs.flatMap((output) => page(output))
  const [near, far] = [answer('[-0.1,-0.2,-3]'), answer('[-0.1,-0.2,-3.05]')]
  assert(!withinTolerance(scored, pages(own), pages(far)))
  assert(withinTolerance(scored, pages(own, own), pages(far, near)), 'the mean is over the whole shard')
})

test('texts may be a few edits apart on each page, and an error is like the same error only', () => {
  const alike = (a: string, b: string) => withinTolerance(edits, page('{}', a), page('{}', b))
  assert(alike('a page of text', 'a page off texts'))
  assert(!alike('a page of text', 'one page of text'))
  assert(
    !alike('x'.repeat(100_000), `y${'x'.repeat(99_999)}`),
    'a text too long to compare is like itself only',
  )
  assert(alike('x'.repeat(100_000), 'x'.repeat(100_000)))
  const failed = (code: string) => page('', '', code)
  assert(withinTolerance(edits, failed('trap'), failed('trap')))
  assert(!withinTolerance(edits, failed('trap'), failed('exit-code')))
  assert(!withinTolerance(edits, failed('trap'), page('{}', '')))
  assert(!withinTolerance(edits, page('{}', ''), [...page('{}', ''), ...page('{}', '')]))
})

test('every tolerance is symmetric, and an output is like itself, however it nests', () => {
  const outputs = fc.jsonValue({ maxDepth: 5 })
  fc.assert(
    fc.property(outputs, outputs, fc.constantFrom(numbers, argmax, edits), (a, b, tolerance) => {
      const [left, right] = [a, b].map((value) => page(JSON.stringify(value), JSON.stringify(value)))
      assert(withinTolerance(tolerance, left!, left!))
      assert.equal(withinTolerance(tolerance, left!, right!), withinTolerance(tolerance, right!, left!))
    }),
  )
  const deep = '['.repeat(100_000) + ']'.repeat(100_000)
  assert.equal(isAlike(numbers, deep, deep), false, 'what nests without end is refused, not followed')
})

test('a manifest can declare these tolerances within bounds, and a report can name them', () => {
  for (const agreement of ['bytes', 'class-bytes', 'class-text', argmax, numbers, edits, scored] as const) {
    assert.deepEqual(agreementSchema.parse(agreement), agreement)
    assert.match(describeAgreement(agreement), /same|edits/)
  }
  assert.match(describeAgreement(edits), /at most 2 edits a page/)
  for (const agreement of [
    'text',
    { relation: 'text-distance', editsMax: 1_000_000 },
    { relation: 'numbers', absoluteMax: -1, relativeMax: 0 },
    { relation: 'numbers', absoluteMax: Number.POSITIVE_INFINITY, relativeMax: 0 },
    { relation: 'numbers', absoluteMax: 0, relativeMax: 1 },
    { relation: 'argmax', of: 'scores' },
  ])
    assert.equal(agreementSchema.safeParse(agreement).success, false, JSON.stringify(agreement))
})
