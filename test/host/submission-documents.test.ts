/** The documents that a submission finds below the paths that it is given, and their names. */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { RequestError } from '../../src/host/errors.ts'
import { findDocuments, readDocument } from '../../src/host/submission/documents.ts'
import { temporaryDirectory } from '../support/store.ts'

test('a folder is read once, however many links lead to it, and what is not read is counted', async (t) => {
  const scans = tree(t, { '2025/a.txt': 'a', '2026/b.txt': 'b', '.git/config': '', '2025/.hidden': '' })
  symlinkSync('..', join(scans, '2025', 'up'))
  symlinkSync('..', join(scans, '2026', 'up'))
  symlinkSync('2025', join(scans, 'again'))
  symlinkSync('nowhere', join(scans, 'broken'))
  symlinkSync('round', join(scans, 'round'))
  execFileSync('mkfifo', [join(scans, 'pipe')])
  const { sources, leftOut } = await findDocuments([scans])
  assert.equal(sources.length, 2)
  assert.deepEqual(
    new Map(leftOut.map(({ what, count }) => [what, count])),
    new Map([
      ['hidden files and folders', 2],
      ['links to folders that are read already', 3],
      ['links that lead nowhere', 2],
      ['things that are neither files nor folders', 1],
    ]),
  )
})

test('a link to a folder around what was named does not bring what is beside it', async (t) => {
  const root = tree(t, { 'scans/a.txt': 'a', 'keys/node.key': 'secret' })
  symlinkSync('..', join(root, 'scans', 'up'))
  symlinkSync('/', join(root, 'scans', 'all'))
  const { sources, leftOut } = await findDocuments([join(root, 'scans')])
  assert.deepEqual(
    sources.map(({ name }) => name),
    ['a.txt'],
  )
  assert.deepEqual(leftOut, [{ what: 'links to folders around what was named', count: 2 }])
})

test('a pipe or a device that is named is refused, and not waited for', async (t) => {
  const pipe = join(temporaryDirectory(t), 'pipe')
  execFileSync('mkfifo', [pipe])
  for (const path of [pipe, '/dev/zero'])
    await assert.rejects(findDocuments([path]), /is neither a file nor a folder: name one of these/)
})

test('links to files and to folders elsewhere are followed, and named by where the link stands', async (t) => {
  const elsewhere = tree(t, { 'x/deep.txt': 'deep', 'file.txt': 'file' })
  const here = tree(t, { 'own.txt': 'own' })
  symlinkSync(join(elsewhere, 'file.txt'), join(here, 'linked.txt'))
  symlinkSync(join(elsewhere, 'x'), join(here, 'folder'))
  assert.deepEqual(await contentsOf([here]), {
    'folder/deep.txt': 'deep',
    'linked.txt': 'file',
    'own.txt': 'own',
  })
})

test('equal names are told apart by as much of their paths as it takes', async (t) => {
  const root = tree(t, {
    'a/page1.txt': '1',
    'b/page1.txt': '2',
    'b/page2.txt': '3',
    'x/in/p.txt': '4',
    'y/in/p.txt': '5',
  })
  const at = (...names: string[]) => names.map((name) => join(root, name))
  assert.deepEqual(await contentsOf(at('a', 'b')), {
    'a/page1.txt': '1',
    'b/page1.txt': '2',
    'page2.txt': '3',
  })
  assert.deepEqual(await contentsOf(at('x/in/p.txt', 'y/in')), { 'x/in/p.txt': '4', 'y/in/p.txt': '5' })
  assert.deepEqual(await contentsOf(at('a/page1.txt', 'b/page2.txt')), { 'page1.txt': '1', 'page2.txt': '3' })
})

test('what is named twice is read once, and counted', async (t) => {
  const root = tree(t, { 'a/page1.txt': '1' })
  const twice = await findDocuments([join(root, 'a'), join(root, 'a'), join(root, 'a', 'page1.txt')])
  assert.equal(twice.sources.length, 1)
  assert.deepEqual(
    twice.leftOut.map(({ count }) => count),
    [1, 1],
  )
})

test('a name that is not UTF-8 is read, and shown by its bytes', async (t) => {
  const root = tree(t, { 'other.txt': 'y', 'Büro.txt': 'z' })
  const folder = Buffer.concat([Buffer.from(`${root}/sub`), Buffer.from([0xff])])
  mkdirSync(folder)
  for (const [name, byte] of [
    ['x', 0xfc],
    ['w', 0xe4],
  ] as const)
    writeFileSync(
      Buffer.concat([folder, Buffer.from('/B'), Buffer.from([byte]), Buffer.from('ro.txt')]),
      name,
    )
  writeFileSync(join(root, 'B\\xfcro.txt'), 'written so')
  writeFileSync(Buffer.concat([Buffer.from(`${root}/B`), Buffer.from([0xfc]), Buffer.from('ro.txt')]), 'v')
  assert.deepEqual(await contentsOf([root]), {
    'B\\xfcro.txt': 'written so',
    'B\\xfcro.txt~2': 'v',
    'Büro.txt': 'z',
    'other.txt': 'y',
    'sub\\xff/B\\xe4ro.txt': 'w',
    'sub\\xff/B\\xfcro.txt': 'x',
  })
})

test('nothing, and what cannot be read, is refused by name', async (t) => {
  const root = tree(t, {})
  await assert.rejects(findDocuments([root]), refusal(/there are no documents in /))
  await assert.rejects(
    findDocuments([join(root, 'no')]),
    refusal(/\/no cannot be read: there is no such file or folder/),
  )
})

function refusal(words: RegExp): (error: unknown) => boolean {
  return (error) => error instanceof RequestError && words.test(error.message)
}

async function contentsOf(paths: readonly string[]): Promise<Record<string, string>> {
  const { sources } = await findDocuments(paths)
  return Object.fromEntries(
    sources.map((source) => [source.name, Buffer.from(readDocument(source) as Uint8Array).toString('utf8')]),
  )
}

function tree(t: TestContext, files: Record<string, string>): string {
  const root = temporaryDirectory(t)
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(join(root, name, '..'), { recursive: true })
    writeFileSync(join(root, name), content)
  }
  return root
}
