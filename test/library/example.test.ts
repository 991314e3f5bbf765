/** The example of the library, as a checkout runs it and as a program runs it that has Carpool installed. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { copyFileSync, cpSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { declarationsIn } from '../../scripts/declarations.js'
import { temporaryDirectory } from '../support/store.ts'

const root = join(import.meta.dirname, '../..')
const examples = ['use-carpool.ts', 'word-count.ts']

const said = [
  'refused: --option for the word-count runtime: least is not a whole number from 1 to 1000',
  '3 documents, 2 owners each, by word-count/exact',
  'bytes: {"words":2,"counts":{"one":1,"two":1}}',
  'sea: {"words":4,"counts":{"sea":2,"the":2}}',
  'silence: it has no words',
  'complete: 3 of 3',
]

function check(t: TestContext, folder: string, ...flags: readonly string[]): void {
  const { stdout, stderr, status } = spawnSync(
    process.execPath,
    [...flags, 'use-carpool.ts', temporaryDirectory(t)],
    { cwd: folder, encoding: 'utf8' },
  )
  assert.equal(status, 0, stderr)
  const lines = stdout.trim().split('\n')
  // Results come as they are verified.
  assert.deepEqual([...lines.slice(0, 2), ...lines.slice(2, -1).sort(), lines.at(-1)], said)
}

test('from a checkout the example runs by its sources, with a runtime of its own in the children', (t) => {
  check(t, join(root, 'examples'), '--conditions=carpool-source')
})

test('installed, the example has types that name nothing of the inside, and runs as compiled', (t) => {
  const app = temporaryDirectory(t)
  const installed = join(app, 'node_modules/carpool')
  const dist = join(installed, 'dist')
  mkdirSync(installed, { recursive: true })
  copyFileSync(join(root, 'package.json'), join(installed, 'package.json'))
  // Over two links, as some package managers lay packages out: the children read over both.
  symlinkSync(join(root, 'node_modules'), join(app, 'packages'))
  symlinkSync(join(app, 'packages'), join(installed, 'node_modules'))
  const tsc = (...flags: readonly string[]) =>
    spawnSync(process.execPath, [join(root, 'node_modules/.bin/tsc'), ...flags], {
      cwd: root,
      encoding: 'utf8',
    })
  const compiled = join(app, 'compiled')
  tsc('-p', 'tsconfig.build.json', '--declaration', '--noCheck', '--outDir', compiled)
  cpSync(compiled, dist, { recursive: true, filter: (path) => !path.endsWith('.d.ts') })
  for (const [module, text] of declarationsIn(compiled)) writeFileSync(join(dist, `${module}.d.ts`), text)
  for (const file of examples) copyFileSync(join(root, 'examples', file), join(app, file))
  writeFileSync(join(app, 'package.json'), '{ "type": "module" }')
  const compilerOptions = {
    ...{
      module: 'nodenext',
      target: 'es2024',
      lib: ['es2024', 'esnext.disposable'],
      strict: true,
      noEmit: true,
    },
    ...{ allowImportingTsExtensions: true, exactOptionalPropertyTypes: true, types: ['node'] },
    typeRoots: [join(root, 'node_modules/@types')],
  }
  writeFileSync(join(app, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: examples }))
  const { stdout, status } = tsc('-p', app)
  assert.equal(status, 0, stdout)
  check(t, app)
})
