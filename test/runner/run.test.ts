/** The runner of these very tests: what may go wrong with a file is named, and fails the run. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'

const runner = fileURLToPath(new URL('../run.ts', import.meta.url))

/** Runs the test runner on these fixtures. */
async function run(...names: string[]): Promise<{ readonly code: number | null; readonly out: string }> {
  return runWith([...names.map((name) => `test/runner/fixtures/${name}.ts`), '--limit', '20'])
}

async function runWith(
  args: readonly string[],
): Promise<{ readonly code: number | null; readonly out: string }> {
  const child = spawn(process.execPath, [runner, ...args], { stdio: ['ignore', 'pipe', 'inherit'] })
  const [out, [code]] = await Promise.all([text(child.stdout), once(child, 'exit')])
  return { code, out }
}

test('a file that passes is counted with its suites, parts and skipped tests, and these are named', async () => {
  const { code, out } = await run('passes')
  assert.match(out, /^skipped: is skipped \(test\/runner\/fixtures\/passes.ts\)$/m)
  assert.match(out, /^7 tests declared, 7 reported$/m)
  assert.match(out, /\n6 passed, 0 failed, 1 skipped\n$/)
  assert.equal(code, 0)
})

test('a failing test is named with its file, its error and what it said', async () => {
  const { code, out } = await run('passes', 'fails')
  assert.match(out, /^FAILED fails \(test\/runner\/fixtures\/fails.ts\)$/m)
  assert.match(out, /this is why/)
  assert.match(out, /the seed was 17/)
  assert.match(out, /\n7 passed, 1 failed, 1 skipped\n$/)
  assert.equal(code, 1)
})

test('an error that nobody catches fails the test that it comes from, at once, and no other', async () => {
  const { code, out } = await run('throws-apart')
  for (const [name, of] of [
    ['throws in a timer', 'timer'],
    ['rejects where nobody looks', 'promise'],
    ['rejects behind a file', 'file'],
  ])
    assert.match(out, new RegExp(`^FAILED ${name} \\(.*throws-apart.ts\\)\\n  Error: of a ${of}$`, 'm'))
  assert.match(out, /\n1 passed, 3 failed, 0 skipped\n$/)
  assert.equal(code, 1)
})

/** A file passes nowhere here; the one that ends well beside it shows that the run goes on. */
const broken: Readonly<Record<string, RegExp>> = {
  'exits-early': /exits-early.ts: it ended with code 0 before its tests had, in: ends the process$/m,
  'is-killed': /is-killed.ts: it was ended by SIGKILL, in: kills its process$/m,
  'declares-none': /declares-none.ts: it declares no test$/m,
  'loses-result': /loses-result.ts: it declared 2 tests and reported 0$/m,
  'leaves-child': /leaves-child.ts: it left processes behind, which were killed$/m,
}
for (const [name, said] of Object.entries(broken))
  test(`a run fails whose file is like the fixture ${name}, and says so`, async () => {
    const { code, out } = await run(name, 'passes')
    assert.match(out, said)
    assert.match(out, /\n\d+ passed, 1 failed, 1 skipped\n$/)
    assert.equal(code, 1)
  })

test('a file that breaks the process that it shares is named as if it had its own, and the others run in another', async () => {
  const names = [
    'exits-early',
    'is-killed',
    'declares-none',
    'leaves-child',
    'leaks',
    'spins',
    'throws-apart',
  ]
  const files = [...names, 'passes'].map((name) => `test/runner/fixtures/${name}.ts`)
  const { code, out } = await runWith(['--shared', ...files, '--limit', '20'])
  for (const name of ['exits-early', 'is-killed', 'declares-none', 'leaves-child'])
    assert.match(out, broken[name]!)
  assert.match(out, /leaks.ts: it left TCPServerWrap$/m)
  assert.match(out, /spins.ts: it had not ended after 20 s and was killed, in: holds its thread for ever$/m)
  assert.match(out, /^FAILED throws in a timer \(.*throws-apart.ts\)\n {2}Error: of a timer$/m)
  assert.match(out, /^ok .* 7 tests {2}test\/runner\/fixtures\/passes.ts$/m)
  assert.equal(code, 1)
})

test('a file that does not end is killed at its limit, and what it was at is named', async () => {
  const names = ['hangs', 'spins', 'leaks'].map((name) => `test/runner/fixtures/${name}.ts`)
  const { code, out } = await runWith([...names, '--limit', '5'])
  assert.match(out, /hangs.ts: it had not ended after 5 s and was killed, in: never comes to an end$/m)
  assert.match(out, /spins.ts: it had not ended after 5 s and was killed, in: holds its thread for ever$/m)
  assert.match(out, /leaks.ts: it had not ended after 5 s .* while no test ran$/m)
  assert.equal(code, 1)
})

test('a word chooses the files that have it in their path, and fixtures are no tests', async () => {
  const { code, out } = await runWith(['--list', 'runner/'])
  assert.equal(out, 'test/runner/run.test.ts\n')
  assert.equal(code, 0)
})

test('a word that no file has fails the run', async () => {
  const { code, out } = await runWith(['nowhere-to-be-found'])
  assert.match(out, /there is no such test file/)
  assert.equal(code, 1)
})

test('a runner that is told to end takes its files with it', async () => {
  const args = [runner, 'test/runner/fixtures/hangs.ts', 'test/runner/fixtures/passes.ts', '--limit', '200']
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  const out = text(child.stdout)
  await once(child.stdout, 'data') // the one that passes has ended
  child.kill('SIGTERM')
  const [code] = await once(child, 'exit')
  assert.match(await out, /ended early by SIGTERM/)
  assert.match(await out, /hangs.ts: it was ended by SIGTERM|hangs.ts: it ended with code \d+ before/)
  assert.equal(code, 1)
})
