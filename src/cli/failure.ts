/**
 * Failures of a command: one line on stderr that names the thing and the remedy, and an exit code that a script can
 * tell apart. 1: it did not work. 2: it was asked wrongly. 3: there are results, and some are missing.
 */
import { CommanderError } from 'commander'
import { ConfigError } from './config/config.ts'

const failedExitCode = 1
export const usageExitCode = 2
export const incompleteExitCode = 3

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
  /** Null when everything has been said. */
  readonly text: string | null
}

/** `withStack` is for users who set `--log-level debug`. */
export function describeFailure(error: unknown, withStack: boolean): Failure {
  // commander has written its message by now.
  if (error instanceof CommanderError)
    return { exitCode: error.exitCode === 0 ? 0 : usageExitCode, text: null }
  if (error instanceof OutputClosed) return { exitCode: 0, text: null }
  const exitCode =
    error instanceof CommandFailure
      ? error.exitCode
      : error instanceof ConfigError
        ? usageExitCode
        : failedExitCode
  return { exitCode, text: withStack ? stackOf(error) : `carpool: ${oneLine(error)}` }
}

/** One line about anything that was thrown. */
export function oneLine(error: unknown): string {
  if (error instanceof AggregateError && error.errors.length > 0) return oneLine(error.errors[0])
  const text = error instanceof Error ? error.message || error.name : String(error)
  return text.split('\n', 1)[0]!.trim()
}

function stackOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error)
}
