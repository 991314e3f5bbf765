/** The package that is published: small, complete, and what its documents lead to is in it. */
import assert from 'node:assert/strict'
import { existsSync, globSync, readFileSync } from 'node:fs'
import { dirname, join, matchesGlob, relative, resolve } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { unitFor } from '../src/cli/service-unit.ts'

const root = fileURLToPath(new URL('..', import.meta.url))
const { files } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { readonly files: string[] }

/** npm takes these along in any case. */
const always = ['README.md', 'LICENSE', 'package.json']

function isPublished(path: string): boolean {
  return [...always, ...files].some((entry) => matchesGlob(path, entry) || path.startsWith(`${entry}/`))
}

test('every link and picture of the documents in the package leads to something in the package', () => {
  const documents = globSync('{*.md,docs/**/*.md,samples/**/*.md,packaging/*.md,src/**/*.md}', {
    cwd: root,
  }).filter(isPublished)
  assert(documents.includes('README.md') && documents.length > 5)
  const lost: string[] = []
  for (const document of documents) {
    const text = readFileSync(join(root, document), 'utf8')
    const links = [...text.matchAll(/\]\(([^)\s]+)\)|\bsrc="([^"]+)"/g)].map(
      ([, link, src]) => (link ?? src)!,
    )
    for (const link of links) {
      // Sources and tests stay in the repository: the package has what they were compiled to.
      if (/^(https?:|mailto:|#)|\.[jt]s(#|$)/.test(link)) continue
      const path = relative(root, resolve(root, dirname(document), link.replace(/#.*/, '')))
      // A folder is there with what is in it.
      if (![path, join(path, 'README.md')].some(isPublished) || !existsSync(join(root, path)))
        lost.push(`${document}: ${link}`)
    }
  }
  assert.deepEqual(lost, [])
})

test('everything that the package names is there', () => {
  const made = ['dist']
  for (const entry of files) assert(made.includes(entry) || globSync(entry, { cwd: root }).length > 0, entry)
})

test('the unit for a machine’s systemd is the one that carpool prints', () => {
  const unit = unitFor({
    node: '/usr/bin/node',
    launcher: '/usr/lib/node_modules/carpool/bin/carpool.js',
    dataDir: null,
  })
  assert.equal(readFileSync(join(root, 'packaging/carpool.service'), 'utf8'), unit)
})

test('a path of a unit keeps its spaces, dollars and per cent signs', () => {
  const unit = unitFor({ node: '/opt/a b/node', launcher: '/x/carpool.js', dataDir: '/home/50%/$x' })
  assert.match(unit, /^ExecStart="\/opt\/a b\/node" \/x\/carpool\.js node --data-dir \/home\/50%%\/\$\$x --/m)
})
