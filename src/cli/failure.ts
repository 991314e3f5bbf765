/**
 * Failures of a command: one line on stderr that names the thing and the remedy, and an exit code that a script can
 * tell apart. 1: it did not work. 2: it was asked wrongly. 3: there are results, and some are missing or
 * cannot be shown in the format. 4: all results are there,
 * and some documents ended in an error.
 */
import { CommanderError } from 'commander'
import { clean, lineLettersMax } from '../base/printable.ts'
import { ConfigError } from './config/config.ts'

const failedExitCode = 1
export const usageExitCode = 2
export const incompleteExitCode = 3
export const withErrorsExitCode = 4

/** A failure that a command has words for. */
export class CommandFailure extends Error {
  readonly exitCode: number

  constructor(message: string, exitCode = failedExitCode, options?: ErrorOptions) {
    super(message, options)
    this.name = 'CommandFailure'
    this.exitCode = exitCode
  }
}

/** The reader of our output has enough of it (`carpool results … | head`): not a failure. */
export class OutputClosed extends Error {
  constructor() {
    super('nobody reads the output any more')
    this.name = 'OutputClosed'
  }
}

export interface Failure {
  readonly exitCode: number
  /** Empty when everything has been said. */
  readonly lines: readonly string[]
}

/** `withStack` is for users who set `--log-level debug`. */
export function describeFailure(error: unknown, withStack: boolean): Failure {
  // commander has written its message by now.
  if (error instanceof CommanderError)
    return { exitCode: error.exitCode === 0 ? 0 : usageExitCode, lines: [] }
  if (error instanceof OutputClosed) return { exitCode: 0, lines: [] }
  const exitCode =
    error instanceof CommandFailure
      ? error.exitCode
      : error instanceof ConfigError
        ? usageExitCode
        : failedExitCode
  return { exitCode, lines: [`carpool: ${oneLine(error)}`, ...(withStack ? framesOf(error) : [])] }
}

/** One line about anything that was thrown: perhaps in the words of a peer that refused something. */
export function oneLine(error: unknown): string {
  if (error instanceof AggregateError && error.errors.length > 0) return oneLine(error.errors[0])
  const text = error instanceof Error ? error.message || error.name : String(error)
  return clean(text.split('\n', 1)[0]!.trim(), lineLettersMax)
}

/** The places only: before them the stack repeats the message, which may be of several lines, and a stranger's. */
function framesOf(error: unknown): string[] {
  if (!(error instanceof Error)) return []
  const { stack = '', message } = error
  const after = stack.indexOf(message)
  const frames = after < 0 ? stack : stack.slice(after + message.length)
  return frames.split('\n').filter((line) => /^\s+at /.test(line))
}
