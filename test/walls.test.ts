/**
 * The walls between the rooms of the house (ARCHITECTURE.md), each shown to catch what it is there for: a violation
 * is planted in a copy of the tools' settings, and the tool has to name it.
 */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { copyFileSync, globSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { runtimes } from '../src/runtimes/registry.ts'
import { circlesOf, readHouse } from './support/rooms.ts'

const root = fileURLToPath(new URL('..', import.meta.url))

const importWalls: readonly (readonly [room: string, imported: string])[] = [
  ['src/base', '../protocol/tally.ts'],
  ['src/base', 'node:fs'],
  ['src/protocol', '../host/node.ts'],
  ['src/protocol', 'node:crypto'],
  ['src/protocol', 'libp2p'],
  ['src/protocol/steward', '../../runtimes/registry.ts'],
  ['src/simulator', '../host/sha256.ts'],
  ['src/runtimes/ocr', '../../protocol/job.ts'],
  ['src/runtimes/wasm', '../../host/node.ts'],
  ['src/host', '../cli/main.ts'],
  ['src/host', '../gateway/keys.ts'],
  ['src/host', '../library/node.ts'],
  ['src/library', '../cli/main.ts'],
  ['src/library', '../runtimes/ocr/ocr.ts'],
  ['src/gateway', '../cli/main.ts'],
  ['src/gateway', '../runtimes/ocr/ocr.ts'],
  ['src/host/vehicle', '../../runtimes/ocr/ocr.ts'],
]

for (const [room, imported] of importWalls)
  test(`${room} may not import ${imported}`, (t) => {
    const said = lint(t, `${room}/planted.ts`, `import { x } from '${imported}'\n\nexport const y = x\n`)
    assert.match(said, /noRestrictedImports/)
  })

/** The demonstrations read scans, file letters and compare sentences, and the simulator has a name for what nobody runs. */
const namesRuntimes = ['src/cli/swarm/requests.ts']

test('nothing but the registry names a runtime', () => {
  const quoted = new RegExp(`'(${Object.keys(runtimes).join('|')})'`)
  const files = globSync('{src,bin}/**/*.{ts,js}', { cwd: root, exclude: ['src/{runtimes,simulator}/**'] })
  assert(files.length > 100 && quoted.test("request.runtime !== 'ocr'"))
  const naming = files.filter((file) => quoted.test(readFileSync(join(root, file), 'utf8')))
  assert.deepEqual(naming, namesRuntimes)
})

for (const room of ['src/base', 'src/protocol', 'src/protocol/steward'])
  for (const source of ['Date.now()', 'new Date(0)', 'Math.random()', 'performance.now()'])
    test(`${room} has no clock and no chance: ${source}`, (t) => {
      const said = lint(t, `${room}/planted.ts`, `export const x = ${source}\n`)
      assert.match(said, /The core has no (clock|chance)/)
    })

for (const source of [
  'Date.now()',
  'new Date()',
  'performance.now()',
  'process.hrtime()',
  'setTimeout(() => {}, later.atMs + clock.now())',
  'clock.now() - sinceMs',
  'untilMs - this.#options.clock.now()',
])
  test(`the host asks its clock, and does not subtract times of day: ${source}`, (t) => {
    const said = lint(t, 'src/host/vehicle/planted.ts', `export const x = ${source}\n`)
    assert.match(said, /The time of day may be set|Ask a Clock|was set: use at\(\)|is no duration/)
  })

test('the host may show a date, and subtract monotonic times', (t) => {
  const source = 'export const x = new Date(0)\nexport const y = clock.monotonicMs() - sinceMs\n'
  assert.doesNotMatch(lint(t, 'src/host/planted.ts', source), /plugin/)
  assert.doesNotMatch(lint(t, 'src/host/clock.ts', 'export const x = Date.now()\n'), /plugin/)
})

for (const source of [
  'setTimeout(() => 0, 1)',
  'process.env',
  'Buffer.alloc(1)',
  'console.log(1)',
  "fetch('x')",
])
  test(`the core does not know ${source}`, (t) => {
    const folder = temporaryFolder(t)
    writeFileSync(join(folder, 'planted.ts'), `export const x: unknown = ${source}\n`)
    const settings = { extends: join(root, 'src/protocol/tsconfig.json'), include: ['planted.ts'] }
    writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(settings))
    const { stdout, status } = run('tsc', ['-p', folder])
    assert.notEqual(status, 0)
    assert.match(stdout, /planted\.ts.*error TS/)
  })

test('no two rooms need each other, not even for a type', () => {
  assert.deepEqual(circlesOf(readHouse(join(root, 'src'))), [])
})

test('a circle of rooms is named, with the imports that close it', () => {
  const house = readHouse(join(root, 'src'))
  const planted = new Map(house)
  // No circle of files: record/ needs job/ through one file, and job/ needs record/ through others.
  planted.set('protocol/record/planted.ts', "import type { Lease } from '../job/lease.ts'\n")
  const [circle, ...others] = circlesOf(planted)
  assert.deepEqual(others, [])
  assert.match(circle!, /protocol\/record/)
  assert.match(circle!, /protocol\/record\/planted\.ts -> protocol\/job\/lease\.ts/)
  const files = new Map([
    ['cli/a.ts', "export { b } from './b.ts'\n"],
    ['cli/b.ts', "import type { C } from './c/c.ts'\n"],
    ['cli/c/c.ts', "const a = await import('../a.ts')\n"],
    ['cli/c/d.ts', "import { c } from './c.ts'\n"],
  ])
  assert.deepEqual(circlesOf(files), [
    'cli/a.ts, cli/b.ts, cli/c: cli/a.ts -> cli/b.ts; cli/b.ts -> cli/c/c.ts; cli/c/c.ts -> cli/a.ts',
  ])
})

test('two files that need each other for a type are a circle', (t) => {
  const folder = lintFolder(t)
  plant(folder, 'src/cli/a.ts', "import type { B } from './b.ts'\n\nexport type A = B | null\n")
  plant(folder, 'src/cli/b.ts', "import type { A } from './a.ts'\n\nexport type B = A[]\n")
  assert.match(lintIn(folder, 'src'), /noImportCycles/)
})

test('what keeps to the walls is not complained of', (t) => {
  const said = lint(
    t,
    'src/protocol/planted.ts',
    "import { x } from '../base/bytes.ts'\n\nexport const y = x\n",
  )
  assert.doesNotMatch(said, /noRestrictedImports|The core has no/)
})

function lint(t: TestContext, path: string, source: string): string {
  const folder = lintFolder(t)
  plant(folder, path, source)
  return lintIn(folder, path)
}

function lintFolder(t: TestContext): string {
  const folder = temporaryFolder(t)
  for (const file of ['biome.json', 'pure.grit', 'steady.grit', 'package.json'])
    copyFileSync(join(root, file), join(folder, file))
  return folder
}

function plant(folder: string, path: string, source: string): void {
  mkdirSync(dirname(join(folder, path)), { recursive: true })
  writeFileSync(join(folder, path), source)
}

function lintIn(folder: string, path: string): string {
  const { stdout, stderr } = run('biome', ['lint', '--vcs-enabled=false', path], folder)
  return stdout + stderr
}

function run(tool: string, args: readonly string[], cwd = root) {
  return spawnSync(process.execPath, [join(root, 'node_modules/.bin', tool), ...args], {
    cwd,
    encoding: 'utf8',
  })
}

function temporaryFolder(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'carpool-walls-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

test('no file knows more than twenty others, and few have more than three hundred lines', () => {
  const files = globSync('src/**/*.ts', { cwd: root })
  const sources = files.map((file) => ({ file, source: readFileSync(join(root, file), 'utf8') }))
  const lines = sources.map(({ file, source }) => ({ file, lines: source.split('\n').length - 1 }))
  // The list of all commands is a list.
  const counted = sources.filter(({ file }) => file !== 'src/cli/commands/all.ts')
  const dense = counted.filter(({ source }) => modulesOf(source) > 20).map(({ file }) => file)
  assert.deepEqual(dense, [], 'give what they share a file of its own')
  assert.deepEqual(
    lines.filter((one) => one.lines > 450),
    [],
  )
  const long = lines.filter((one) => one.lines > 300)
  assert(long.length <= 6, `more than one idea each? ${JSON.stringify(long)}`)
})

/** Counts the modules of ours that a file imports, now or later. */
function modulesOf(source: string): number {
  return new Set([...source.matchAll(/(?:from|import) ?\(?'(\.[^']+)'/g)].map(([, path]) => path)).size
}

test('a docstring says what a thing is or does, and begins with no question', () => {
  assert.deepEqual(questionsIn('/** Whether it is so. */\n/**\n * Of a lease.\n */\n/** Offers. */'), [1, 3])
  const files = globSync('src/**/*.{ts,mts,js}', { cwd: root })
  const asking = files.flatMap((file) =>
    questionsIn(readFileSync(join(root, file), 'utf8')).map((line) => `${file}:${line}`),
  )
  assert.deepEqual(asking, [], 'begin as "Returns …", "Tells whether …", "The bytes of …"')
})

/** Finds the lines on which a docstring begins with a question word, or with Of. */
function questionsIn(source: string): number[] {
  const questions = /\/\*\*\s+(?:\* )?(?=(?:What|Of|Whose|Whom|Whoever|Whatever|Whether|Who|Which)\b)/g
  return [...source.matchAll(questions)].map(
    ({ 0: opening, index }) => source.slice(0, index + opening.length).split('\n').length,
  )
}
