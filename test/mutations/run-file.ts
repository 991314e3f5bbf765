/** Runs one test file in a process group of its own, reads its results as they come, and ends it when it is known enough. */
import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, mkdtempSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { notesName, runEnvironment } from '../runner/paths.ts'
import type { Run } from './mutation.ts'

/** The limit of a file that is run for the first time: the slowest takes a third of it on a quiet machine. */
const limitMsFirst = 300_000
/** With a bug a file may take so much longer than it did without: what waits for an event in vain waits for three minutes. */
const limitMsMore = 30_000
const limitFactor = 3
/** Tests are run as `npm test` runs them, apart from its reporter. */
const preload = './test/runner/preload.ts'
/** One virtual world for each scenario of the simulator is enough for these bugs. */
const simulatorSeed = '1'

export interface TestRun {
  readonly passed: ReadonlySet<string>
  readonly failed: ReadonlySet<string>
  /** At least one test began: the file and all that it imports could be loaded. */
  readonly began: boolean
  readonly timedOut: boolean
  /** Null if the file was killed. */
  readonly code: number | null
  readonly seconds: number
}

export class FileRun {
  readonly ended: Promise<TestRun>
  readonly #child: ChildProcess
  /** Keeps the notes of which tests began. */
  readonly #folder: string

  /**
   * `temporary`: where the tests may write. `before`: how it went without a bug; it is ended as soon as one of the tests is
   * red that passed then.
   */
  constructor(tree: string, temporary: string, { file, test }: Run, before?: TestRun) {
    const { NODE_TEST_CONTEXT: _, CARPOOL_SEED: __, ...env } = process.env
    this.#folder = mkdtempSync(join(temporary, 'run-'))
    const path = join(tree, file)
    const only = test === undefined ? [] : [`--test-name-pattern=^${escaped(test)}$`]
    this.#child = spawn(process.execPath, ['--import', preload, '--test-reporter=tap', ...only, path], {
      cwd: tree,
      env: {
        ...env,
        ...runEnvironment(this.#folder, path),
        // A node refuses to start with a variable that it does not know.
        ...(file.startsWith('test/simulator/') ? { CARPOOL_SEED: simulatorSeed } : {}),
        TMPDIR: temporary,
        NODE_COMPILE_CACHE: join(tree, 'compiled'),
      },
      stdio: ['ignore', 'pipe', 'ignore'],
      detached: true, // a group of its own, so that it is stopped with the processes that it starts
    })
    this.ended = this.#end(
      before?.passed ?? new Set(),
      before === undefined ? limitMsFirst : limitMsMore + limitFactor * 1000 * before.seconds,
    )
  }

  /** Ends the file's process and all that it has started in its group. */
  kill(): void {
    try {
      if (this.#child.pid !== undefined) process.kill(-this.#child.pid, 'SIGKILL')
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
    }
  }

  async #end(stopAt: ReadonlySet<string>, limitMs: number): Promise<TestRun> {
    const startedMs = performance.now()
    const exit = new Promise<number | null>((resolve, reject) => {
      this.#child.once('error', reject)
      this.#child.once('exit', (code) => {
        this.kill()
        resolve(code)
      })
    })
    let timedOut = false
    const timer = setTimeout(() => {
      timedOut = true
      this.kill()
    }, limitMs)
    const passed = new Set<string>()
    const failed = new Set<string>()
    for await (const line of createInterface({ input: this.#child.stdout! })) {
      // Not indented: results of tests, and not of their steps.
      const [, not, name] = /^(not )?ok \d+ - (.*?)(?: # (?:TODO|SKIP).*)?$/.exec(line) ?? []
      if (name === undefined) continue
      const test = name.replaceAll('\\#', '#')
      ;(not === undefined ? passed : failed).add(test)
      if (not !== undefined && stopAt.has(test)) this.kill()
    }
    const code = await exit
    clearTimeout(timer)
    const began = existsSync(join(this.#folder, notesName))
    return { passed, failed, began, timedOut, code, seconds: (performance.now() - startedMs) / 1000 }
  }
}

function escaped(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&')
}
