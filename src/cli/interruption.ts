/**
 * Ctrl-C and its kin: the first signal asks to stop, the second ends the process at once. A shell reads 128 + n as
 * "ended by signal n".
 */
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

export function heedSignals(): Interruption {
  const controller = new AbortController()
  let first: NodeJS.Signals | undefined
  const heed = (name: NodeJS.Signals) => {
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
