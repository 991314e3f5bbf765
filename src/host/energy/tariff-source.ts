/**
 * The price of electricity, from where its owner says: an amount, a file of hours, or a command that prints the prices now and
 * ahead.
 *
 *     0.30EUR            always
 *     tariff.json        as protocol/energy/tariff.ts reads it, once
 *     command:./prices   prints the same as JSON; asked again every quarter of an hour
 *
 * A command that fails leaves the prices that it printed before, which are over when their time is. Nothing is guessed after
 * that: where the price is not known, nothing is offered at it.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync, statSync } from 'node:fs'
import type { Logger } from 'pino'
import { parseJson } from '../../base/json.ts'
import { clean } from '../../base/printable.ts'
import { flatTariff, type Tariff, tariffOf } from '../../protocol/energy/tariff.ts'
import type { Clock } from '../clock.ts'
import { killGroup } from '../kill-group.ts'

/** Markets publish once a day, and change an hour's price by the quarter. A guess. */
const askIntervalMs = 15 * 60_000
/** A command that failed is asked again sooner. */
const retryMs = 60_000
const commandMsMax = 30_000
/** A thousand prices take 60 KB. */
const tariffBytesMax = 256 * 1024
const tariffDepthMax = 8
/** The end of what a command says on stderr. */
const complaintLettersMax = 300
const amountPattern = /^(-?\d{1,3}(?:\.\d{1,6})?) ?([A-Z]{3})?$/

/** Tells whether the text is an amount, such as `0.30` or `0.30EUR`. */
export function isAmount(text: string): boolean {
  return amountPattern.test(text.trim())
}

/** Reads an amount or a file. Throws Error of one sentence. */
export function readTariff(spec: string): Tariff {
  const [, amount, currency = null] = amountPattern.exec(spec.trim()) ?? []
  if (amount !== undefined) return flatTariff(currency, Math.round(Number(amount) * 1e6))
  try {
    if (statSync(spec).size > tariffBytesMax) throw new Error(`it has more than ${tariffBytesMax} bytes`)
    return tariffOf(parseJson(readFileSync(spec, 'utf8'), tariffDepthMax))
  } catch (error) {
    throw new Error(`${spec} is no tariff: ${clean((error as Error).message)}`, { cause: error })
  }
}

/** Runs a command once, and reads what it prints; nothing that it has started outlives that. Throws Error of one sentence. */
async function askCommand(command: string, stop: AbortSignal): Promise<Tariff> {
  const child = spawn('/bin/sh', ['-c', command], { stdio: ['ignore', 'pipe', 'pipe'], detached: true })
  const signal = AbortSignal.any([stop, AbortSignal.timeout(commandMsMax)])
  const kill = () => killGroup(child)
  signal.addEventListener('abort', kill)
  const ended = once(child, 'exit') as Promise<[code: number | null, killedBy: string | null]>
  let complaint = ''
  child.stderr.setEncoding('utf8').on('data', (said: string) => {
    complaint = (complaint + said).slice(-complaintLettersMax)
  })
  try {
    let text = ''
    for await (const part of child.stdout.setEncoding('utf8')) {
      text += part
      if (text.length > tariffBytesMax) throw new Error(`it printed more than ${tariffBytesMax} letters`)
    }
    const [code, killedBy] = await ended
    if (code !== 0) throw new Error(`it ended with ${code ?? killedBy}: ${complaint.trim()}`)
    return tariffOf(parseJson(text, tariffDepthMax))
  } finally {
    signal.removeEventListener('abort', kill)
    ended.catch(() => {}) // it could not be started, which the loop has met
    kill()
  }
}

export interface TariffSourceOptions {
  /** Null: the owner says nothing of it. */
  readonly spec: string | null
  readonly clock: Pick<Clock, 'after'>
  readonly log: Pick<Logger, 'warn'>
  /** Called when a command has printed other prices. */
  readonly onChange: () => void
}

export class TariffSource {
  readonly #options: TariffSourceOptions
  #tariff: Tariff | null = null
  #callOff = () => {}
  readonly #stop = new AbortController()

  /** Throws Error of one sentence for a file that is no tariff. */
  constructor(options: TariffSourceOptions) {
    this.#options = options
    const { spec } = options
    if (spec === null) return
    if (spec.startsWith(commandPrefix)) void this.#ask(spec.slice(commandPrefix.length))
    else this.#tariff = readTariff(spec)
  }

  /** Null: none, or none yet. */
  get tariff(): Tariff | null {
    return this.#tariff
  }

  stop(): void {
    this.#stop.abort()
    this.#callOff()
  }

  async #ask(command: string): Promise<void> {
    let nextMs = askIntervalMs
    try {
      this.#tariff = await askCommand(command, this.#stop.signal)
    } catch (error) {
      if (this.#stop.signal.aborted) return
      nextMs = retryMs
      this.#options.log.warn(
        { why: (error as Error).message.slice(0, 300) },
        'the command that prints the prices of electricity failed: those that it printed before hold until their time is over',
      )
    }
    if (this.#stop.signal.aborted) return
    this.#options.onChange()
    this.#callOff = this.#options.clock.after(nextMs, () => void this.#ask(command))
  }
}

export const commandPrefix = 'command:'
