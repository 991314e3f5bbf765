/**
 * JSON lines from a program: any maker's glue, in any language.
 *
 *     {"Vehicle.Speed": 0, "Vehicle.Exterior.AirTemperature": {"value": 3.5, "ts": "2026-03-01T20:00:00Z"}}
 *
 * A value without `ts` is as old as its line's arrival; `ts` is an ISO 8601 date or milliseconds since 1970; null is
 * a value that is not available now. The program runs under /bin/sh in a process group of its own, which is killed as a whole; it is started again
 * whenever it ends: one that prints one line and ends well is asked once a second. Its standard input stays open
 * as long as this process lives: reading to its end is how a program notices that nobody listens any more.
 */
import { spawn } from 'node:child_process'
import { getPriority } from 'node:os'
import type { Logger } from 'pino'
import { z } from 'zod'
import { parseJson } from '../../base/json.ts'
import { systemClock } from '../clock.ts'
import { killGroup } from '../kill-group.ts'
import { LineReader } from '../local/lines.ts'
import { setSessionNiceness } from '../session-niceness.ts'
import { Intake, type RawReading, timeOf } from './intake.ts'
import { keepTrying } from './keep-trying.ts'
import { Latest } from './latest.ts'
import type { SignalProvider } from './provider.ts'
import { Throttle } from './throttle.ts'
import { excerpt, signalDepthMax } from './values.ts'

/** All signals of VSS by name fit twice. */
const lineBytesMax = 64 * 1024
/** When the command fails, the log shows this much of the end of its stderr. */
const stderrCharsMax = 200

const stampedSchema = z.looseObject({ value: z.unknown(), ts: z.unknown().optional() })

export function openCommand(
  name: string,
  command: string,
  log: Logger,
  onUnused: (name: string) => void,
): SignalProvider {
  return {
    name,
    async *readings(signal) {
      const latest = new Latest(signal)
      const intake = new Intake(name, latest, log, onUnused)
      void keepTrying(signal, intake, (onReading) => run(command, signal, intake, onReading))
      yield* latest
    },
  }
}

/** Reads a line of the command; an empty list when it says nothing. Throws Error. */
export function readLine(line: string, nowMs: number): RawReading[] {
  let json: unknown
  try {
    json = parseJson(line, signalDepthMax)
  } catch {
    throw new Error(`a line is not JSON: ${excerpt(line)}`)
  }
  const entries = z.record(z.string(), z.unknown()).safeParse(json)
  if (!entries.success) throw new Error(`a line is no object of signals: ${excerpt(line)}`)
  return Object.entries(entries.data).map(([name, entry]) => {
    const stamped = stampedSchema.safeParse(entry)
    if (!stamped.success) return [name, entry, nowMs] as const
    const { value, ts } = stamped.data
    return [name, value, ts === undefined ? nowMs : timeOf(ts)] as const
  })
}

/** Until the program ends, which throws Error that says how, unless it ended well and had said something. */
async function run(
  command: string,
  signal: AbortSignal,
  intake: Intake,
  onReading: () => void,
): Promise<void> {
  const child = spawn('/bin/sh', ['-c', command], { stdio: 'pipe', detached: true })
  // A session of its own, which is as urgent as this process.
  if (child.pid !== undefined && getPriority() < 0) setSessionNiceness(child.pid, getPriority())
  const kill = (): void => killGroup(child)
  signal.addEventListener('abort', kill)
  const throttle = new Throttle(child.stdout)
  const lines = new LineReader(lineBytesMax)
  let failure: string | null = null
  let hasSpoken = false
  let stderr = ''
  child.stdin.on('error', () => undefined)
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr = (stderr + text).slice(-stderrCharsMax)
  })
  child.stdout.on('data', (chunk: Uint8Array) => {
    if (failure !== null || signal.aborted) return
    throttle.count(chunk.byteLength)
    try {
      for (const line of lines.push(chunk)) {
        if (!take(line, intake)) continue
        hasSpoken = true
        onReading()
      }
    } catch (error) {
      failure = (error as Error).message
      kill()
    }
  })
  child.on('error', (error) => {
    failure ??= error.message
  })
  // A process left behind in its group would hold its pipes open, and would run on beside its successor.
  child.on('exit', kill)
  try {
    const [code, signalName] = await new Promise<readonly [number | null, string | null]>((resolve) => {
      child.on('close', (...end) => resolve(end))
    })
    if (code === 0 && hasSpoken && failure === null) return
    throw new Error(`the program ${failure ?? `ended with ${code ?? signalName}`}${tail(stderr)}`)
  } finally {
    throttle.stop()
    signal.removeEventListener('abort', kill)
  }
}

function take(line: string, intake: Intake): boolean {
  try {
    return intake.take(readLine(line, systemClock.now()))
  } catch (error) {
    intake.complain('line', (error as Error).message)
    return false
  }
}

function tail(stderr: string): string {
  const line = stderr.trim().split('\n').at(-1) ?? ''
  return line === '' ? '' : `: ${line}`
}
