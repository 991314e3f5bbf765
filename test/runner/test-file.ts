/**
 * Runs one test file as a process group of its own, within a time limit, and judges it: what it declared must have been
 * reported, its process must end by itself with the code that its results deserve, and leave no process behind.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { closeSync, mkdirSync, openSync, readFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { cpuName, declaredName, eventsName, notesName, outputName, runEnvironment } from './paths.ts'
import type { Reported } from './reporter.ts'

const preload = new URL('./preload.ts', import.meta.url).href
const reporter = fileURLToPath(new URL('./reporter.ts', import.meta.url))
/** The folder that bin/carpool.js keeps compiled code in: a test file and its nodes load the same modules. */
const compileCache = join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'carpool', 'compiled')
/** For one test that says no limit of its own; below the file's, so that Node names the test that hangs. */
const testLimitSeconds = 500
/** For processes that the file's own had told to end. */
const leaveMs = 5_000
/** The end of what a failed file had printed. */
const outputCharactersShown = 4_000

export interface FileOutcome {
  readonly file: string
  readonly seconds: number
  /** Of processor time, with the file's children; 0 where the process was killed. */
  readonly cpuSeconds: number
  readonly declared: number
  readonly results: readonly Result[]
  /** What is wrong with the file apart from its failed tests, or null. */
  readonly broken: string | null
  /** What its tests said about themselves, and what the file printed: for whoever looks at a failure. */
  readonly said: readonly string[]
  readonly output: string
}

export type Result = Extract<Reported, { readonly why: string }>

export class TestFile {
  readonly #file: string
  readonly #folder: string
  readonly #temporary: string
  readonly #limitSeconds: number
  #child: ChildProcess | undefined

  /** `folder`: does not exist yet; keeps what the file reports and prints. `temporary`: where it may write. */
  constructor(file: string, folder: string, temporary: string, limitSeconds: number) {
    this.#file = file
    this.#folder = folder
    this.#temporary = temporary
    this.#limitSeconds = limitSeconds
  }

  async run(): Promise<FileOutcome> {
    mkdirSync(this.#folder, { recursive: true })
    const startedMs = performance.now()
    const ending = await this.#ending()
    const left = this.#child?.pid === undefined ? false : await leftProcesses(this.#child.pid)
    const seconds = (performance.now() - startedMs) / 1000
    const events = this.#events()
    const results = events.filter((event): event is Result => 'why' in event)
    const declared = Number(this.#read(declaredName))
    const running = unfinished(this.#read(notesName), results)
    const broken = judge({ ending, left, running, events, results, declared })
    const said = events.flatMap((event) => (event.type === 'said' ? [event.name] : []))
    const output = this.#read(outputName).slice(-outputCharactersShown)
    const cpuSeconds = Number(this.#read(cpuName))
    return { file: this.#file, seconds, cpuSeconds, declared, results, broken, said, output }
  }

  /** To the file's process and everything that it started in its group. */
  signal(signal: NodeJS.Signals): void {
    if (this.#child?.pid !== undefined) signalGroup(this.#child.pid, signal)
  }

  async #ending(): Promise<Ending> {
    const output = openSync(join(this.#folder, outputName), 'w')
    const args = [
      '--import',
      preload,
      `--test-timeout=${testLimitSeconds * 1000}`,
      `--test-reporter=${reporter}`,
    ]
    const child = spawn(process.execPath, [...args, '--test-reporter-destination=stdout', this.#file], {
      stdio: ['ignore', output, output],
      env: {
        ...process.env,
        TMPDIR: this.#temporary,
        NODE_COMPILE_CACHE: compileCache,
        ...runEnvironment(this.#folder, this.#file),
      },
      detached: true, // a group of its own, which ends together
    })
    this.#child = child
    closeSync(output)
    return new Promise((resolve, reject) => {
      let isTooLate = false
      const limit = setTimeout(() => {
        isTooLate = true
        this.signal('SIGKILL')
      }, this.#limitSeconds * 1000)
      child.once('error', reject)
      child.once('exit', (code, signal) => {
        clearTimeout(limit)
        resolve({ code, signal, tooLateSeconds: isTooLate ? this.#limitSeconds : null })
      })
    })
  }

  #events(): Reported[] {
    const lines = this.#read(eventsName).split('\n')
    return lines.slice(0, -1).map((line) => JSON.parse(line) as Reported)
  }

  /** What the process wrote, or nothing if it wrote nothing. */
  #read(name: string): string {
    try {
      return readFileSync(join(this.#folder, name), 'utf8')
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return ''
      throw error
    }
  }
}

interface Ending {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  /** The limit that it ran into, or null. */
  readonly tooLateSeconds: number | null
}

interface Evidence {
  readonly ending: Ending
  readonly left: boolean
  /** The names of the tests that began and did not end. */
  readonly running: readonly string[]
  readonly events: readonly Reported[]
  readonly results: readonly Result[]
  readonly declared: number
}

function judge({ ending, left, running, events, results, declared }: Evidence): string | null {
  const at = running.length > 0 ? `in: ${running.join('; ')}` : 'while no test ran'
  if (ending.tooLateSeconds !== null)
    return `it had not ended after ${ending.tooLateSeconds} s and was killed, ${at}`
  if (ending.signal !== null) return `it was ended by ${ending.signal}, ${at}`
  if (declared === 0 && ending.code === 0) return 'it declares no test'
  if (!events.some(({ type }) => type === 'all'))
    return `it ended with code ${ending.code} before its tests had, ${at}`
  if (declared !== results.length) return `it declared ${declared} tests and reported ${results.length}`
  const failed = results.some(({ type }) => type === 'failed')
  if (!failed && ending.code !== 0) return `no test failed, and it ended with code ${ending.code}`
  if (failed && ending.code === 0) return 'a test failed, and it ended with code 0'
  return left ? 'it left processes behind, which were killed' : null
}

/** The names of the tests that began, did not end by their own word, and have no result either. */
function unfinished(notes: string, results: readonly Result[]): string[] {
  const running: string[] = []
  const known = new Set(results.map(({ name }) => name))
  for (const line of notes.split('\n')) {
    const name = line.slice(line.indexOf(' ') + 1)
    if (line.startsWith('began ')) running.push(name)
    else if (line.startsWith('ended ')) running.splice(running.indexOf(name), 1)
  }
  return running.filter((name) => !known.has(name))
}

/** Whether others of the group outlived its leader for longer than they take to end; if so, ends them. */
async function leftProcesses(group: number): Promise<boolean> {
  const endMs = performance.now() + leaveMs
  while (signalGroup(group, 0)) {
    if (performance.now() > endMs) return signalGroup(group, 'SIGKILL')
    await delay(50)
  }
  return false
}

/** Whether there was anybody in the group. */
function signalGroup(group: number, signal: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(-group, signal)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false
    throw error
  }
}
