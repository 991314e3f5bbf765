/** Nothing of Carpool goes on alone when what started it was killed. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { type TestContext, test } from 'node:test'
import { fileURLToPath } from 'node:url'

const parents = fileURLToPath(new URL('../../src/cli/parents.ts', import.meta.url))

/** A program that says its pid, and its end. */
const program = `
  const { endWithParents } = await import('${parents}')
  endWithParents()
  process.on('SIGTERM', () => { console.log('ended'); process.exit() })
  setInterval(() => {}, 1000)
  console.log(process.pid)`

/** Starts the program below a script of this name, and kills that when the program runs. Answers the lines that it says. */
async function killAbove(t: TestContext, script: string, spawning: string): Promise<string[]> {
  const folder = mkdtempSync(join(tmpdir(), 'carpool-parents-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  writeFileSync(join(folder, 'program.mjs'), program)
  writeFileSync(join(folder, script), spawning)
  // The tests may run under npm themselves, which is not what is killed here.
  const { npm_execpath: _, ...others } = process.env
  const environment = script.startsWith('npm') ? { ...others, npm_execpath: join(folder, script) } : others
  const top = spawn(process.execPath, [join(folder, script), join(folder, 'program.mjs')], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: environment,
  })
  const lines: string[] = []
  for await (const line of createInterface(top.stdout)) {
    lines.push(line)
    if (/^\d+$/.test(line)) {
      t.after(() => kill(Number(line)))
      top.kill('SIGKILL')
    }
  }
  if (top.signalCode === null) await once(top, 'exit')
  return lines
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // It has ended, as it should.
  }
}

test('a program that npm runs in a shell ends when npm is killed', async (t) => {
  const spawning = `require('node:child_process').spawn('sh', ['-c', '"$0" "$1"; true', process.execPath, process.argv[2]], { stdio: 'inherit' })`
  assert.deepEqual((await killAbove(t, 'npm-cli.js', spawning)).slice(1), ['ended'])
})

test('a program that was started over a channel ends with the channel', async (t) => {
  const spawning = `require('node:child_process').fork(process.argv[2])`
  assert.deepEqual((await killAbove(t, 'starter.js', spawning)).slice(1), ['ended'])
})
