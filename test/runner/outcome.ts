/** Judges a test file: what it declared must have been reported, it must have ended as its results deserve, and left nothing behind. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { eventsName, notesName } from './paths.ts'
import type { Reported } from './reporter.ts'

/** The end of what a failed file had printed. */
const outputCharactersShown = 4_000

export interface FileOutcome {
  readonly file: string
  readonly seconds: number
  /** Seconds of processor time, with the file's children; 0 where the process was killed. */
  readonly cpuSeconds: number
  readonly declared: number
  readonly results: readonly Result[]
  /** The fault of the file apart from its failed tests, or null. */
  readonly broken: string | null
  /** All that its tests said about themselves, and what the file printed: for whoever looks at a failure. */
  readonly said: readonly string[]
  readonly output: string
}

export type Result = Extract<Reported, { readonly why: string }>

export interface Ending {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  /** The limit that it ran into, or null. */
  readonly tooLateSeconds: number | null
  /** The things that the file left behind, in words, or null. */
  readonly left: string | null
}

/** All that is known of a file's run beside what it wrote into its folder. */
export interface Run {
  readonly file: string
  readonly folder: string
  readonly seconds: number
  readonly cpuSeconds: number
  readonly declared: number
  readonly output: string
  readonly ending: Ending
}

export function outcomeOf({ folder, ending, output, ...run }: Run): FileOutcome {
  const lines = readIfThere(join(folder, eventsName)).split('\n')
  const events = lines.slice(0, -1).map((line) => JSON.parse(line) as Reported)
  const results = events.filter((event): event is Result => 'why' in event)
  const running = unfinished(readIfThere(join(folder, notesName)), results)
  const broken = judge({ ending, running, events, results, declared: run.declared })
  const said = events.flatMap((event) => (event.type === 'said' ? [event.name] : []))
  return { ...run, results, broken, said, output: output.slice(-outputCharactersShown) }
}

/** The text of a file, or nothing where there is none. */
export function readIfThere(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return ''
    throw error
  }
}

interface Evidence {
  readonly ending: Ending
  /** The names of the tests that began and did not end. */
  readonly running: readonly string[]
  readonly events: readonly Reported[]
  readonly results: readonly Result[]
  readonly declared: number
}

function judge({ ending, running, events, results, declared }: Evidence): string | null {
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
  return ending.left === null ? null : `it left ${ending.left}`
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
