/** The log, on stderr: JSON lines for machines, one plain line each for people. */
import { type Logger, pino } from 'pino'
import { clean, escaped, lineLettersMax } from '../base/printable.ts'
import { formatLocalTime, formatSpan } from './format.ts'
import { note } from './output.ts'

export function createLog(level: string, asJson: boolean): Logger {
  // An error under any other key than these would be an empty object.
  const options = { level, base: null, serializers: { error: pino.stdSerializers.err } }
  if (!asJson) return pino(options, { write: (line: string) => note(plainLine(line)) })
  const destination = pino.destination({ fd: 2, sync: true })
  destination.on('error', () => {}) // a full disk under the log must not end a node (output.ts)
  // pino escapes what JSON requires, which leaves the second half of the controls, and all formats.
  return pino(options, { write: (line: string) => destination.write(`${escaped(line.trimEnd())}\n`) })
}

/**
 * pino's line as '2026-11-29 12:03:04 +01:00 warn  cannot reach a peer  peer=12D3… pause=0.8 s', by the clock and in the time
 * zone of the machine. Facts that end in Ms are durations, or dates where they are too large for that. Messages and facts may be
 * a stranger's words.
 */
export function plainLine(json: string): string {
  const { level, time, msg, err, ...facts } = JSON.parse(json) as Record<string, unknown>
  const label = pino.levels.labels[Number(level)] ?? `${level}`
  const told = Object.entries(facts).map(([name, value]) => factOf(name, value))
  const error = err as { message?: string } | undefined
  if (error?.message !== undefined) told.push(`error=${factText(error.message)}`)
  const said = clean(`${msg ?? ''}`, lineLettersMax)
  return clean(
    `${formatLocalTime(Number(time))} ${label.padEnd(5)} ${said}${told.length > 0 ? `  ${told.join(' ')}` : ''}`,
    2 * lineLettersMax,
  )
}

/** A thousand days: a duration is shorter, and a date of today is later than that after 1970. */
const durationMsMax = 86_400_000_000

function factOf(name: string, value: unknown): string {
  if (/[a-z]Ms$/.test(name) && typeof value === 'number' && Number.isFinite(value)) {
    const isDate = Math.abs(value) > durationMsMax
    return `${name.slice(0, -2)}="${isDate ? formatLocalTime(value) : formatSpan(value)}"`
  }
  const { message } = (value ?? {}) as { readonly message?: unknown }
  return `${name}=${factText(typeof message === 'string' ? message : value)}`
}

function factText(value: unknown): string {
  return typeof value === 'string' && /^[^\s"=]+$/.test(value) ? value : JSON.stringify(value)
}
