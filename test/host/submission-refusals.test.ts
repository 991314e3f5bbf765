/** Documents that nobody could read are refused when they are submitted, and what that says. */
import assert from 'node:assert/strict'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, type TestContext, test } from 'node:test'
import { pino } from 'pino'
import { describePlan } from '../../src/cli/job-view.ts'
import { ProcessExecutor } from '../../src/host/executor/executor.ts'
import { SigningKey } from '../../src/host/store/keys.ts'
import { inspect, nameOf } from '../../src/host/submission/inspection.ts'
import type { InspectedDocument } from '../../src/host/submission/packer.ts'
import { Refusals, reasonOf } from '../../src/host/submission/refusals.ts'
import { Samples } from '../../src/host/submission/samples.ts'
import { openSources } from '../../src/host/submission/sources.ts'
import { plan } from '../support/fake-node.ts'
import { assemblePng, encodePng, pngHeader } from '../support/images.ts'
import { temporaryDirectory } from '../support/store.ts'

const executor = new ProcessExecutor({ log: pino({ level: 'silent' }) })
after(() => executor.close())

const page = encodePng({ width: 8, height: 8, pixels: new Uint8Array(64).fill(255) })
const folder: Readonly<Record<string, Uint8Array>> = {
  'a.png': page,
  'bomb.png': assemblePng(pngHeader(20_000, 20_000, 8, 0), new Uint8Array(0)),
  'headless.png': page.subarray(0, 20),
  'photo.jpg': Buffer.from('\0\0\0\x24ftypheic\0\0\0\0mif1heic', 'latin1'),
  'photo2.heic': Buffer.from('\0\0\0\x24ftypheic\0\0\0\0mif1heic', 'latin1'),
  'readme.txt': Buffer.from('Dear Sirs'),
}

test('documents that cannot be read are counted by reason, named, and neither named as blocks nor kept', async (t) => {
  const kept: number[] = []
  const { documents, refused } = await inspected(t, folder, {}, kept)
  assert.deepEqual(
    documents.map(({ name }) => name),
    ['a.png'],
  )
  assert.equal(kept.length, 1, 'nothing else is sealed')
  assert.deepEqual(
    refused.map((each) => `${each.count} ${reasonOf(each)}: ${each.documents.join(' ')}`),
    [
      '2 HEIC (convert it to JPEG, for instance with heif-convert): photo.jpg photo2.heic',
      '1 damaged PNG (save or scan it again): headless.png',
      '1 more than 40 megapixels (reduce it, or scan it at fewer dots per inch): bomb.png',
      '1 text (take it as it is, or print it to PDF): readme.txt',
    ],
  )
  const lines = describePlan({ ...plan, refused })
  assert.deepEqual(lines.slice(-5, -3), [
    '5 documents refused, not sent and not paid for:',
    '  2 HEIC (convert it to JPEG, for instance with heif-convert): photo.jpg, photo2.heic',
  ])
})

test('strict, one such document refuses all; and where there are only such, they are refused in any case', async (t) => {
  await assert.rejects(
    inspected(t, folder, { strict: true }),
    /^RequestError: 5 of 6 documents cannot be read: 2 HEIC \(.*\): photo\.jpg, photo2\.heic; 1 damaged PNG \(save or scan it again\): headless\.png; .*; leave out --strict to submit the others$/,
  )
  await assert.rejects(
    inspected(t, { 'photo.heic': folder['photo.jpg']! }),
    /^RequestError: photo\.heic cannot be read: HEIC \(convert it to JPEG, for instance with heif-convert\)$/,
  )
})

test('the wasm runtime reads whatever it is given', async (t) => {
  const { documents, refused } = await inspected(t, folder, { runtime: 'wasm' })
  assert.deepEqual([documents.length, refused.length], [6, 0])
})

async function inspected(
  t: TestContext,
  files: Readonly<Record<string, Uint8Array>>,
  { runtime = 'ocr', strict = false } = {},
  kept: number[] = [],
) {
  const root = join(temporaryDirectory(t), 'scans')
  mkdirSync(root)
  for (const [name, bytes] of Object.entries(files)) writeFileSync(join(root, name), bytes)
  const refusals = new Refusals()
  const sources = await openSources(
    { paths: [root], as: 'auto', folder: null, runtime, promptTemplate: null },
    undefined,
  )
  const inspection = inspect(sources, {
    runtime,
    options: {},
    pages: null,
    passwords: [],
    samples: new Samples(),
    refusals,
    strict,
    executor,
    submitter: SigningKey.generate(),
    name: (sealed) => {
      kept.push(sealed.byteLength)
      return nameOf(sealed)
    },
    onProgress: () => {},
  })
  const documents: InspectedDocument[] = []
  for await (const document of inspection) documents.push(document)
  return { documents, refused: refusals.list() }
}

test('private keys and what a node keeps are not submitted, whatever names them', async (t) => {
  const secrets = {
    'node.key': 'Carpool node key of 12D3. Keep it secret.\n-----BEGIN PRIVATE KEY-----\nMC4C',
    id_ed25519: '-----BEGIN OPENSSH PRIVATE KEY-----\nb3Bl',
    'backup.txt': 'AGE-SECRET-KEY-1QQQQ',
    'exported.age': 'age-encryption.org/v1\n-> scrypt',
    'carpool.sqlite': 'SQLite format 3\0',
  }
  const given = { 'letter.txt': 'Dear Sirs, the -----BEGIN of a letter', ...secrets }
  const files = Object.fromEntries(Object.entries(given).map(([name, text]) => [name, Buffer.from(text)]))
  const { documents, refused } = await inspected(t, files, { runtime: 'wasm' })
  assert.deepEqual(
    documents.map(({ name }) => name),
    ['letter.txt'],
  )
  assert.deepEqual(refused.map(({ count, what }) => `${count} ${what}`).sort(), [
    '1 a file of a Carpool node',
    '4 a private key',
  ])
})
