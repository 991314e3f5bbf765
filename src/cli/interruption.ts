/**
 * Ctrl-C and its kin: the first signal asks to stop, the second ends the process at once. A shell reads 128 + n as
 * "ended by signal n". A hangup never comes as a second one: a terminal that closes sends it to each process of a job, and a
 * launcher passes it on.
 */
import { closeSync, openSync } from 'node:fs'
import { constants } from 'node:os'

export interface Interruption {
  /** Aborts at the first signal. */
  readonly signal: AbortSignal
  /** The first signal's name, once there was one. */
  name(): NodeJS.Signals | undefined
  /** Leaves signals to Node again, which ends the process. */
  release(): void
}

const heeded: readonly NodeJS.Signals[] = ['SIGINT', 'SIGTERM', 'SIGHUP']

/** `takesHangup`: is asked at each SIGHUP, and true means that it was for something else than to stop. */
export function heedSignals(takesHangup: () => boolean = () => false): Interruption {
  const controller = new AbortController()
  let first: NodeJS.Signals | undefined
  const heed = (name: NodeJS.Signals) => {
    if (name === 'SIGHUP' && (first !== undefined || takesHangup())) return
    if (first !== undefined) process.exit(signalExitCode(name))
    first = name
    controller.abort()
  }
  for (const name of heeded) process.on(name, heed)
  return {
    signal: controller.signal,
    name: () => first,
    release: () => {
      for (const name of heeded) process.removeListener(name, heed)
    },
  }
}

export function signalExitCode(name: NodeJS.Signals): number {
  return 128 + constants.signals[name]
}

/** Resolves when the signal aborts. */
export function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve()
    else signal.addEventListener('abort', () => resolve(), { once: true })
  })
}

/**
 * Tells SIGHUP's two meanings apart: true where a process that had a terminal has lost it, false where somebody asks it to read its
 * configuration again. The system takes the terminal away before it sends the signal.
 */
export function terminalLoss(): () => boolean {
  const had = hasTerminal()
  return () => had && !hasTerminal()
}

function hasTerminal(): boolean {
  try {
    closeSync(openSync('/dev/tty', 'r'))
    return true
  } catch {
    return false
  }
}
