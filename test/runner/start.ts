/** Starts a process for test files, with all that they are run with. */
import { type ChildProcess, spawn } from 'node:child_process'
import { closeSync, openSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { outputName, runEnvironment } from './paths.ts'

const preload = new URL('./preload.ts', import.meta.url).href
const reporter = fileURLToPath(new URL('./reporter.ts', import.meta.url))
/** The folder that bin/carpool.js keeps compiled code in: a test file and its nodes load the same modules. */
const compileCache = join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'carpool', 'compiled')
/**
 * Several files run on few cores, and each has work for one: collecting garbage by many threads, and often, takes 9 % more
 * processor time than by one, seldom (three worlds of the simulator: 9.7 instead of 10.6 CPU-s).
 */
const engineFlags = ['--single-threaded-gc', '--min-semi-space-size=16', '--max-semi-space-size=32']
/** For one test that says no limit of its own; below the file's, so that Node names the test that hangs. */
const testLimitSeconds = 500

/**
 * Runs `main` as a process group of its own, which ends together. `folder`: keeps what it reports and prints. `temporary`:
 * where it may write. `channel`: whether the runner talks to it.
 */
export function startGroup(
  main: string,
  folder: string,
  temporary: string,
  channel: 'ipc' | 'ignore',
): ChildProcess {
  const output = openSync(join(folder, outputName), 'w')
  const args = [
    ...engineFlags,
    '--import',
    preload,
    `--test-timeout=${testLimitSeconds * 1000}`,
    `--test-reporter=${reporter}`,
    '--test-reporter-destination=stdout',
  ]
  try {
    return spawn(process.execPath, [...args, main], {
      stdio: ['ignore', output, output, channel],
      env: {
        ...process.env,
        TMPDIR: temporary,
        NODE_COMPILE_CACHE: compileCache,
        ...runEnvironment(folder, main),
      },
      detached: true,
    })
  } finally {
    closeSync(output)
  }
}
