/** What the tests of vehicle signals share: a log that is read, and the readings of a provider until one is seen. */
import type { TestContext } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import pino from 'pino'
import type { SignalProvider } from '../../src/host/signals/provider.ts'
import type { VehicleState } from '../../src/protocol/rules/signals.ts'

export function recordedLog(): { readonly log: pino.Logger; readonly lines: string[] } {
  const lines: string[] = []
  const log = pino({ level: 'debug' }, { write: (line: string) => void lines.push(JSON.parse(line).msg) })
  return { log, lines }
}

/** Listens from now on until the test ends. */
export function listen(t: TestContext, provider: SignalProvider): Listener {
  const listener = new Listener(provider)
  t.after(() => listener.stop())
  return listener
}

export class Listener {
  readonly states: VehicleState[] = []
  /** All parts as one. */
  known: VehicleState = {}
  readonly #abort = new AbortController()
  readonly #ended: Promise<void>
  #wake = Promise.withResolvers<void>()

  constructor(provider: SignalProvider) {
    this.#ended = this.#listen(provider)
  }

  /** Resolves with the part that shows it, of those that are still to come or came already. */
  async until(
    isIt: (known: VehicleState, part: VehicleState) => boolean,
    what = `${isIt}`,
  ): Promise<VehicleState> {
    const deadline = AbortSignal.timeout(180_000)
    let at = 0
    for (;;) {
      let known: VehicleState = {}
      for (; at < this.states.length; at += 1) {
        known = Object.assign({}, ...this.states.slice(0, at + 1))
        if (isIt(known, this.states[at]!)) return this.states[at]!
      }
      if (deadline.aborted) throw new Error(`never seen: ${what}; known is ${JSON.stringify(this.known)}`)
      await Promise.race([this.#wake.promise, sleep(1_000)])
    }
  }

  /** Resolves when the iteration has ended. */
  async stop(): Promise<void> {
    this.#abort.abort()
    await this.#ended
  }

  async #listen(provider: SignalProvider): Promise<void> {
    for await (const state of provider.readings(this.#abort.signal)) {
      this.states.push(state)
      this.known = { ...this.known, ...state }
      this.#wake.resolve()
      this.#wake = Promise.withResolvers()
    }
  }
}

/** Polls for what no event tells. */
export async function eventually(isSo: () => boolean, what: string): Promise<void> {
  const deadline = AbortSignal.timeout(180_000)
  while (!isSo()) {
    if (deadline.aborted) throw new Error(`never: ${what}`)
    await sleep(20)
  }
}
