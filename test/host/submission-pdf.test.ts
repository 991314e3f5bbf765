/** PDFs when they are submitted: opened and cut in the sandboxed child, and only pages that are wanted go on. */
import assert from 'node:assert/strict'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, type TestContext, test } from 'node:test'
import { pino } from 'pino'
import { ProcessExecutor } from '../../src/host/executor/executor.ts'
import { SigningKey } from '../../src/host/store/keys.ts'
import { type InspectionOptions, inspect, nameOf } from '../../src/host/submission/inspection.ts'
import type { InspectedDocument } from '../../src/host/submission/packer.ts'
import { readPasswords } from '../../src/host/submission/passwords.ts'
import { piecesOf } from '../../src/host/submission/pieces.ts'
import { Refusals, reasonOf } from '../../src/host/submission/refusals.ts'
import { Samples } from '../../src/host/submission/samples.ts'
import { openSources } from '../../src/host/submission/sources.ts'
import { encodePng } from '../support/images.ts'
import { imageAt, locked, pdfOf, textAt } from '../support/pdfs.ts'
import { temporaryDirectory } from '../support/store.ts'

const executor = new ProcessExecutor({ log: pino({ level: 'silent' }) })
after(() => executor.close())

const submitter = SigningKey.generate()
const book = (pages: number) =>
  pdfOf(Array.from({ length: pages }, (_, i) => ({ content: textAt(72, 700, 12, `This is page ${i + 1}.`) })))
const scan = { width: 40, height: 56, pixels: new Uint8Array(40 * 56).fill(200) }
const scans = (pages: number) =>
  pdfOf(Array.from({ length: pages }, () => ({ content: imageAt(0, 0, 595, 842), images: [scan] })))

test('a scan goes to vehicles page by page, and typed pages together, as many as a shard holds', async (t) => {
  const { documents } = await inspected(t, { 'book.pdf': book(30), 'scans.pdf': scans(3) })
  assert.deepEqual(
    documents.map(({ name, firstPage, pages }) => [name, firstPage, pages]),
    [
      ['book.pdf', 1, 13],
      ['book.pdf', 14, 13],
      ['book.pdf', 27, 4],
      ['scans.pdf', 1, 1],
      ['scans.pdf', 2, 1],
      ['scans.pdf', 3, 1],
    ],
  )
})

test('of the pages that are asked for, each goes once, and pages that are not there are none', async (t) => {
  const pages = [
    { first: 9, last: null },
    { first: 2, last: 3 },
    { first: 3, last: 3 },
  ]
  const { documents, refused } = await inspected(t, { 'a.pdf': scans(10), 'short.pdf': scans(1) }, { pages })
  assert.deepEqual(
    documents.map(({ firstPage }) => firstPage),
    [2, 3, 9, 10],
  )
  assert.deepEqual(
    refused.map((each) => [reasonOf(each), ...each.documents]),
    [['document that has none of the pages that were asked for, but 1 page (see --pages)', 'short.pdf']],
  )
})

test('a locked PDF is opened here with a password of the file, and what is sent is not locked', async (t) => {
  const secret = await locked(book(2), 'öpen sesame')
  const files = {
    'secret.pdf': secret,
    'page.png': encodePng({ width: 1, height: 1, pixels: Uint8Array.of(9) }),
  }
  const without = await inspected(t, files)
  assert.deepEqual(without.refused.map(reasonOf), ['PDF encrypted (give its password with --password-file)'])
  const folder = temporaryDirectory(t)
  writeFileSync(join(folder, 'passwords'), 'wrong\r\nöpen sesame\n')
  const passwords = await readPasswords(join(folder, 'passwords'))
  const { documents, refused } = await inspected(t, files, { passwords })
  assert.deepEqual(refused, [])
  assert.equal(documents.length, 2)
  const shape = await executor.inspect('ocr', secret, { options: {}, passwords })
  for await (const { bytes } of piecesOf(executor, 'ocr', secret, shape, null, passwords)) {
    assert(bytes instanceof Uint8Array)
    assert.equal((await executor.inspect('ocr', bytes)).pages, 2)
  }
})

test('a password file that is missing or empty is said, without a word of what is in it', async (t) => {
  const folder = temporaryDirectory(t)
  await assert.rejects(
    readPasswords(join(folder, 'none')),
    /^RequestError: the password file .*none cannot be read/,
  )
  writeFileSync(join(folder, 'long'), 'tell nobody\n'.repeat(101))
  await assert.rejects(readPasswords(join(folder, 'long')), (error: Error) => {
    assert.match(error.message, /has 101 lines; write 1 to 100 passwords/)
    return !error.message.includes('nobody')
  })
})

test('the same PDF is the same job, whatever was opened before', async (t) => {
  const files = { 'a.pdf': scans(3) }
  const once = await inspected(t, files)
  await inspected(t, { 'b.pdf': book(5) })
  const twice = await inspected(t, files)
  assert.deepEqual(twice.documents, once.documents)
})

test('a PDF whose page draws itself a million times over is given up within its limits, and the next one is opened', async (t) => {
  const brief = new ProcessExecutor({ log: pino({ level: 'silent' }), limits: { inspectMsMax: 2_000 } })
  t.after(() => brief.close())
  const form = (name: number, draws: number) =>
    `<</Type/XObject/Subtype/Form/BBox[0 0 9 9]/Resources<</XObject<</X ${name} 0 R>>>>/Length ${6 * draws}>>\nstream\n${'/X Do '.repeat(draws)}\nendstream`
  const forms = Array.from({ length: 12 }, (_, depth) => form(101 + depth, depth === 11 ? 0 : 10))
  const objects = forms.map((object, i) => `${100 + i} 0 obj\n${object}\nendobj\n`).join('')
  // Without a table of its objects, the file is searched for them.
  const bomb = Buffer.from(pdfOf([{ content: '/Im0 Do' }]))
    .toString('latin1')
    .replace('/XObject<<', '/XObject<</Im0 100 0 R')
    .replace(/xref[\s\S]*/, `${objects}trailer\n<</Size 120/Root 1 0 R>>\n%%EOF\n`)
  const { refused } = await inspected(
    t,
    { 'bomb.pdf': Buffer.from(bomb, 'latin1'), 'good.pdf': book(2) },
    { executor: brief },
  )
  assert.deepEqual(
    refused.flatMap((each) => each.documents),
    ['bomb.pdf'],
  )
})

test('a page that is damaged takes no other along, wherever it is, and is told by its number', async () => {
  for (const damaged of [1, 2, 3, 5, 9]) {
    const text = Buffer.from(scans(9)).toString('latin1')
    const kids = /\/Kids\[(.*?)\]/.exec(text)![1]!.match(/\d+ 0 R/g)!
    const torn = text.replace(kids[damaged - 1]!, '9999 0 R')
    const told: unknown[] = []
    const pdf = Buffer.from(torn, 'latin1')
    const inspection = inspect(
      {
        total: 1,
        leftOut: [],
        async *documents() {
          yield { name: 'a.pdf', read: () => pdf, told: (...heard: unknown[]) => told.push(...heard) }
        },
      },
      inspectionOptions({ refusals: new Refusals() }),
    )
    const pages: (number | undefined)[] = []
    for await (const { firstPage } of inspection) pages.push(firstPage)
    assert.deepEqual(
      pages,
      [1, 2, 3, 4, 5, 6, 7, 8, 9].filter((page) => page !== damaged),
    )
    const [count, refusal, lost] = told as [number, { what: string }, number[]]
    assert.deepEqual([count, refusal.what, lost], [8, 'damaged page of a PDF', [damaged]])
  }
})

test('PDFs that nobody can open are refused, each in a few words', async (t) => {
  const text = Buffer.from(book(1)).toString('latin1')
  const bytes = (changed: string) => Uint8Array.from(Buffer.from(changed, 'latin1'))
  const { documents, refused } = await inspected(t, {
    'good.pdf': book(1),
    'torn.pdf': bytes('%PDF-1.7\n%'),
    'million.pdf': bytes(text.replace('/Count 1', '/Count 999999')),
    'ring.pdf': bytes(text.replace(/\/Kids\[.*?\]/, '/Kids[2 0 R]')),
    'locked.pdf': await locked(book(1), 'x'),
  })
  assert.deepEqual(
    documents.map(({ name }) => name),
    ['good.pdf'],
  )
  const names = refused.flatMap((each) => each.documents)
  assert.equal(names.length, 4)
  for (const each of refused)
    assert.match(reasonOf(each), /^(damaged PDF|PDF .*|damaged page of a PDF) \(.+\)$/)
})

async function inspected(
  t: TestContext,
  files: Readonly<Record<string, Uint8Array>>,
  changes: Partial<InspectionOptions> = {},
) {
  const root = join(temporaryDirectory(t), 'scans')
  mkdirSync(root)
  for (const [name, bytes] of Object.entries(files)) writeFileSync(join(root, name), bytes)
  const sources = await openSources(
    { paths: [root], as: 'auto', folder: null, runtime: 'ocr', promptTemplate: null },
    undefined,
  )
  const refusals = new Refusals()
  const inspection = inspect(sources, inspectionOptions({ refusals, ...changes }))
  const documents: InspectedDocument[] = []
  for await (const document of inspection) documents.push(document)
  return { documents, refused: refusals.list() }
}

function inspectionOptions(changes: Pick<InspectionOptions, 'refusals'> & Partial<InspectionOptions>) {
  return {
    runtime: 'ocr',
    options: {},
    pages: null,
    passwords: [],
    samples: new Samples(),
    strict: false,
    executor,
    submitter,
    name: nameOf,
    onProgress: () => {},
    ...changes,
  }
}
