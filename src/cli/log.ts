/** The log, on stderr: JSON lines for machines, one plain line each for people. */
import { type Logger, pino } from 'pino'
import { clean, escaped, lineLettersMax } from '../base/printable.ts'
import { note } from './output.ts'

export function createLog(level: string, asJson: boolean): Logger {
  const options = { level, base: null }
  if (!asJson) return pino(options, { write: (line: string) => note(plainLine(line)) })
  const destination = pino.destination({ fd: 2, sync: true })
  destination.on('error', () => {}) // a full disk under the log must not end a node (output.ts)
  // pino escapes what JSON requires, which leaves the second half of the controls, and all formats.
  return pino(options, { write: (line: string) => destination.write(`${escaped(line.trimEnd())}\n`) })
}

/**
 * pino's line as '12:03:04 warn  cannot reach a bootstrap peer  peer=12D3… attempt=2'. UTC, like all our times.
 * Messages and facts may be a stranger's words.
 */
export function plainLine(json: string): string {
  const { level, time, msg, err, ...facts } = JSON.parse(json) as Record<string, unknown>
  const clock = new Date(Number(time)).toISOString().slice(11, 19)
  const label = pino.levels.labels[Number(level)] ?? `${level}`
  const told = Object.entries(facts).map(([name, value]) => `${name}=${factText(value)}`)
  const error = err as { message?: string } | undefined
  if (error?.message !== undefined) told.push(`error=${factText(error.message)}`)
  const said = clean(`${msg ?? ''}`, lineLettersMax)
  return clean(
    `${clock} ${label.padEnd(5)} ${said}${told.length > 0 ? `  ${told.join(' ')}` : ''}`,
    2 * lineLettersMax,
  )
}

function factText(value: unknown): string {
  return typeof value === 'string' && /^[^\s"=]+$/.test(value) ? value : JSON.stringify(value)
}
