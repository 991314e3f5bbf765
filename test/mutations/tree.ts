/** A temporary copy of what the tests read, in which one bug at a time is planted. */
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { memoryFolder } from '../runner/memory-folder.ts'
import { type Mutation, nameOf, type Run, runsOf } from './mutation.ts'
import { FileRun, type TestRun } from './run-file.ts'

/** All that the named tests read. */
const copied = [
  ...['src', 'test', 'bin', 'examples', 'scripts', 'samples/letters', 'samples/scans', 'samples/truth'],
  ...['package.json', 'tsconfig.json', 'tsconfig.build.json'],
]
const root = fileURLToPath(new URL('../..', import.meta.url))

export class Tree {
  readonly #folder: string
  /** Where tests write: what killed ones leave behind goes with the tree. */
  readonly #temporary: string
  #running: FileRun | undefined

  static copy(): Tree {
    // The name is short: the path of a node's socket has room for 103 bytes.
    const folder = mkdtempSync(join(tmpdir(), 'bugs-'))
    for (const name of copied) cpSync(join(root, name), join(folder, name), { recursive: true })
    symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'))
    return new Tree(folder, mkdtempSync(join(memoryFolder() ?? tmpdir(), 't-')))
  }

  private constructor(folder: string, temporary: string) {
    this.#folder = folder
    this.#temporary = temporary
  }

  /** Answers whether the text that the bug replaces is in its file exactly once. */
  applies(bug: Mutation): boolean {
    return this.#mutated(bug) !== undefined
  }

  /** The first test that is red with the bug and was green without it; undefined if there is none. */
  async catching(bug: Mutation, before: ReadonlyMap<string, TestRun>): Promise<string | undefined> {
    const path = join(this.#folder, bug.file)
    const original = readFileSync(path)
    writeFileSync(path, this.#mutated(bug)!)
    try {
      for (const run of runsOf(bug)) {
        const without = before.get(nameOf(run))!
        const how = redness(await this.run(run, without), without)
        if (how !== undefined) return `${run.file.slice('test/'.length)}: ${how}`
      }
      return undefined
    } finally {
      writeFileSync(path, original)
      // What is killed cleans up nothing, and a thousand times that would fill the place.
      for (const name of readdirSync(this.#temporary)) remove(join(this.#temporary, name))
    }
  }

  /** Runs a test file, or one test of it. `before`: how that went without a bug; it is ended as soon as it goes otherwise. */
  async run(run: Run, before?: TestRun): Promise<TestRun> {
    this.#running = new FileRun(this.#folder, this.#temporary, run, before)
    return await this.#running.ended
  }

  remove(): void {
    this.#running?.kill()
    for (const folder of [this.#folder, this.#temporary]) remove(folder)
  }

  #mutated({ file, find, replace }: Mutation): string | undefined {
    const parts = readFileSync(join(this.#folder, file), 'utf8').split(find)
    return parts.length === 2 ? parts.join(replace) : undefined
  }
}

function remove(path: string): void {
  rmSync(path, { recursive: true, force: true, maxRetries: 5 })
}

/** A test that is red with a bug and was green without it; undefined if nothing is. */
export function redness(run: TestRun, without: TestRun): string | undefined {
  const test = [...run.failed].find((name) => without.passed.has(name))
  if (test !== undefined) return test
  // A bug may make a test run for ever, which a test should not let happen; it is caught all the same.
  if (run.timedOut) return without.timedOut ? undefined : '(it never ends)'
  // `npm test` fails such files, too. A file that cannot be loaded catches nothing: then the bug breaks the syntax.
  if (!run.began) return undefined
  const lost = [...without.passed].find((name) => !run.passed.has(name))
  if (lost !== undefined) return `(it ends with code ${run.code} before: ${lost})`
  return run.code !== 0 && without.code === 0 ? `(it ends with code ${run.code})` : undefined
}
