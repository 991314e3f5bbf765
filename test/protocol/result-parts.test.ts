/** Results that are too long for a block: what their root says is held to, and they are compared as short ones are. */
import assert from 'node:assert/strict'
import test from 'node:test'
import { fromString } from 'uint8arrays'
import { ProtocolError } from '../../src/protocol/errors.ts'
import type { Agreement } from '../../src/protocol/job/agreement.ts'
import { encodeResult, encodeSealedResult, type PageRecord } from '../../src/protocol/job/result.ts'
import {
  decodeParted,
  encodePart,
  encodeParted,
  isParted,
  type PartedResult,
  type ResultPart,
} from '../../src/protocol/job/result-parts.ts'
import { blockBytesMax, resultBytesMax } from '../../src/protocol/limits.ts'
import { rawCid } from '../../src/protocol/record/block.ts'
import { partBytesMax } from '../../src/protocol/sizes.ts'
import { examineResult, PartsExamination } from '../../src/protocol/verification/examination.ts'
import { answersAlike } from '../../src/protocol/verification/tally.ts'
import { cidNamed, sha256 } from '../support/core-fakes.ts'

const engine = 'wasm/exact/1'
const page = (text: string, more: Partial<PageRecord> = {}): PageRecord => ({
  output: fromString(JSON.stringify({ text })),
  text,
  error: null,
  ...more,
})
const failed = page('', { output: new Uint8Array(0), error: { code: 'time-limit', message: 'too long' } })

/** One part of one block for each group of pages. */
function partedOf(groups: readonly (readonly PageRecord[])[], changes: Partial<PartedResult> = {}) {
  const encoded = groups.map(encodePart)
  const parts = encoded.map(
    (bytes, i): ResultPart => ({
      pages: groups[i]!.length,
      bytes: bytes.byteLength,
      blocks: [rawCid(sha256, bytes)],
    }),
  )
  return { root: encodeParted({ engine, exhausted: false, parts, ...changes }), encoded }
}

function findingOf(
  { root, encoded }: ReturnType<typeof partedOf>,
  pages: number,
  agreement: Agreement = 'bytes',
  isSealed = false,
) {
  const examination = new PartsExamination(sha256, root, { pages, engine, agreement, isSealed })
  for (const part of encoded.slice(0, examination.parts.length)) examination.take(part)
  return examination.finding()
}

test('a root is known by its first bytes, and no other block of a result begins so', () => {
  assert(isParted(partedOf([[page('a')]]).root))
  assert(!isParted(encodeResult({ engine, records: [page('a')] })))
  assert(!isParted(encodeSealedResult({ engine, exhausted: true, sealed: new Uint8Array(9) })))
  assert(!isParted(new Uint8Array(0)))
})

test('a root says what follows, and one whose numbers cannot be true is no result', () => {
  const block = cidNamed('block')
  const roots: [string, readonly ResultPart[]][] = [
    ['too few pages', [{ pages: 1, bytes: 9, blocks: [block] }]],
    ['too many pages', [{ pages: 3, bytes: 9, blocks: [block] }]],
    ['a part of nothing', [{ pages: 2, bytes: 0, blocks: [] }]],
    ['blocks without bytes', [{ pages: 2, bytes: 9, blocks: [block, block] }]],
    ['bytes without blocks', [{ pages: 2, bytes: blockBytesMax + 1, blocks: [block] }]],
    ['several pages in several blocks', [{ pages: 2, bytes: blockBytesMax + 1, blocks: [block, block] }]],
    [
      'a page longer than any may be',
      [
        {
          pages: 1,
          bytes: partBytesMax + 1,
          blocks: Array.from({ length: Math.ceil((partBytesMax + 1) / blockBytesMax) }, () => block),
        },
        { pages: 1, bytes: 9, blocks: [block] },
      ],
    ],
  ]
  for (const [name, parts] of roots)
    assert.throws(
      () => decodeParted(encodeParted({ engine, exhausted: false, parts }), 2),
      ProtocolError,
      name,
    )
  const longest = Array.from({ length: 2 }, () => ({
    pages: 1,
    bytes: partBytesMax,
    blocks: Array.from({ length: Math.ceil(partBytesMax / blockBytesMax) }, () => block),
  }))
  assert.equal(decodeParted(encodeParted({ engine, exhausted: false, parts: longest }), 2).parts.length, 2)
})

test('a result in parts is compared as the same result in one block', () => {
  const records = [page('a'), page('b'), failed]
  const parted = partedOf([[records[0]!], [records[1]!, records[2]!]], { exhausted: true })
  for (const agreement of [
    'bytes',
    'class-text',
    { relation: 'text-distance', editsMax: 1 },
    { relation: 'argmax' },
  ] as const)
    assert.deepEqual(
      findingOf(parted, 3, agreement),
      examineResult(sha256, encodeResult({ engine, records }), 3, engine, agreement),
    )
})

test('parts that are none, of another engine, of two answers, or of other pages make no result', () => {
  const good = partedOf([[page('a')], [page('b')]])
  assert.equal(findingOf(good, 2).state, 'good')
  const twoFaced = partedOf([[page('a')], [page('b', { text: 'c' })]])
  const invalid: [string, ReturnType<typeof findingOf>][] = [
    ['other pages', findingOf(good, 3)],
    ['another engine', findingOf(partedOf([[page('a')]], { engine: 'ocr/exact/1' }), 1)],
    ['no records', findingOf({ ...good, encoded: [fromString('x'), good.encoded[1]!] }, 2)],
    ['records of two pages', findingOf({ ...good, encoded: [encodePart([page('a'), page('b')])] }, 2)],
    ['a part is not here', findingOf({ ...good, encoded: good.encoded.slice(0, 1) }, 2)],
    ['two answers', findingOf(twoFaced, 2, 'class-text')],
    ['it ran out and does not say so', findingOf(partedOf([[failed]]), 1)],
    ['it did not run out, and says so', findingOf(partedOf([[page('a')]], { exhausted: true }), 1)],
  ]
  for (const [name, { state }] of invalid) assert.equal(state, 'invalid', name)
  assert.equal(findingOf(twoFaced, 2, 'bytes').state, 'good')
})

test('of a blind job’s result a steward reads what is not sealed', () => {
  const sealed = partedOf([[page('a')]], { exhausted: true })
  assert.deepEqual(findingOf({ ...sealed, encoded: [fromString('sealed')] }, 1, 'bytes', true), {
    state: 'good',
    text: '',
    exhausted: true,
  })
})

test('under a tolerance no more contents are kept than a short result has; the pages beyond must be the same', () => {
  const agreement = { relation: 'text-distance', editsMax: 1 } as const
  const long = 'x'.repeat(resultBytesMax / 2)
  const claim = (texts: readonly string[]) => {
    const finding = findingOf(partedOf(texts.map((text) => [page(text)])), texts.length, agreement)
    assert(finding.state === 'good')
    return { result: cidNamed(texts.map((text) => text.slice(0, 8)).join()), ...finding }
  }
  const first = claim(['first', long, 'last'])
  assert.deepEqual(
    first.content?.map(({ digest }) => digest === undefined),
    [true, false, false],
  )
  assert(answersAlike(first, claim(['fi-st', long, 'last']), agreement))
  assert(!answersAlike(first, claim(['first', long, 'lost']), agreement))
})
