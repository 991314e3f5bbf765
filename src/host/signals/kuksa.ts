/**
 * An Eclipse KUKSA databroker, by gRPC kuksa.val.v2.
 *
 * A subscription tells of changes at once; once a second all values are got as well, since a broker may tell nobody of a
 * value that was published anew and is the same, while its time moves on. One path that the broker does not know fails a
 * whole request, so each is asked for alone first. `None`
 * is a value that is not available now, and so is a signal that the broker does not know, or no longer.
 */

import { setTimeout as sleep } from 'node:timers/promises'
import { Code, ConnectError, createClient } from '@connectrpc/connect'
import { createGrpcTransport, Http2SessionManager } from '@connectrpc/connect-node'
import type { Logger } from 'pino'
import { systemClock } from '../clock.ts'
import { Intake, type RawReading } from './intake.ts'
import { keepTrying } from './keep-trying.ts'
import { type Datapoint, VAL } from './kuksa-schema.ts'
import { Latest } from './latest.ts'
import type { SignalProvider } from './provider.ts'
import { readToken } from './token.ts'
import { serverSignals } from './values.ts'

export interface KuksaOptions {
  readonly url: string
  /** A JWT, read again for every connection; null: none. */
  readonly tokenFile: string | null
  /** See specs.ts. */
  readonly held: boolean
}

/** All signals at once have some 2 KiB. */
const messageBytesMax = 64 * 1024
/** From a process on the same car. */
const answerMsMax = 5_000
const connectMsMax = 10_000
const pingMs = 2_000
const periodMs = 1_000
/** A control unit that was asleep may register its signals later. */
const missingMs = 60_000
/**
 * The most updates a second that we take: fifty changes of ten signals. More than that wait in the broker, whose
 * buffer then drops the oldest.
 */
const updatesPerSecondMax = 500

export function openKuksa(name: string, options: KuksaOptions, log: Logger): SignalProvider {
  return {
    name,
    async *readings(signal) {
      const latest = new Latest(signal)
      const intake = new Intake(name, latest, log)
      void keepTrying(signal, intake, (onReading) => session(options, intake, onReading, signal))
      yield* latest
    },
  }
}

/** By the broker's time; a value that is None is null. */
export function readDatapoint(path: string, { timestamp, value }: Datapoint): RawReading {
  const { case: kind, value: typed } = value?.typedValue ?? { case: undefined }
  const atMs =
    timestamp === undefined ? Number.NaN : Number(timestamp.seconds) * 1_000 + timestamp.nanos / 1e6
  return [path, kind === undefined ? null : typeof typed === 'bigint' ? Number(typed) : typed, atMs]
}

/** Until the connection ends, which throws Error that says why; returns when the broker has come to know more signals. */
async function session(
  { url, tokenFile, held }: KuksaOptions,
  intake: Intake,
  onReading: () => void,
  signal: AbortSignal,
): Promise<void> {
  const headers: Record<string, string> =
    tokenFile === null ? {} : { authorization: `Bearer ${readToken(tokenFile)}` }
  const sessionManager = new Http2SessionManager(url, {
    pingIntervalMs: pingMs,
    pingTimeoutMs: pingMs,
    connectTimeoutMs: connectMsMax,
  })
  const client = createClient(
    VAL,
    createGrpcTransport({
      baseUrl: url,
      sessionManager,
      readMaxBytes: messageBytesMax,
      acceptCompression: [],
    }),
  )
  const ending = new AbortController()
  const until = AbortSignal.any([signal, ending.signal])
  const unary = { headers, signal: until, timeoutMs: answerMsMax }
  const take = (readings: readonly RawReading[]): void => {
    const nowMs = systemClock.now()
    const stamped = held ? readings.map(([path, value]) => [path, value, nowMs] as const) : readings
    if (intake.take(stamped)) onReading()
  }
  const get = async (paths: readonly string[]): Promise<void> => {
    const signalIds = paths.map((path) => ({ signal: { case: 'path' as const, value: path } }))
    const { dataPoints } = await client.getValues({ signalIds }, unary)
    take(
      paths.flatMap((path, i) => (dataPoints[i] === undefined ? [] : [readDatapoint(path, dataPoints[i])])),
    )
  }

  const find = async (paths: readonly string[]): Promise<string[]> => {
    const isThere = await Promise.all(paths.map((path) => has(path, get, intake)))
    return paths.filter((_, i) => isThere[i])
  }

  const listen = async (paths: readonly string[]): Promise<void> => {
    const pace = new Pace(updatesPerSecondMax)
    const updates = client.subscribe({ signalPaths: [...paths] }, { headers, signal: until })
    for await (const { entries } of updates) {
      take(Object.entries(entries).map(([path, point]) => readDatapoint(path, point)))
      await pace.wait()
    }
    throw new Error('the broker ended the subscription')
  }

  const poll = async (paths: readonly string[]): Promise<void> => {
    for (;;) {
      await sleep(periodMs, undefined, { signal: until })
      await get(paths)
    }
  }

  const seek = async (missing: readonly string[]): Promise<void> => {
    do await sleep(missingMs, undefined, { signal: until })
    while ((await find(missing)).length === 0)
  }

  try {
    const paths = await find(serverSignals)
    const missing = serverSignals.filter((path) => !paths.includes(path))
    await Promise.race(
      (paths.length === 0 ? [seek(missing)] : [seek(missing), listen(paths), poll(paths)]).map(handled),
    )
  } catch (error) {
    throw new Error(`the broker says ${problem(error)}`)
  } finally {
    ending.abort()
    sessionManager.abort()
  }
}

/** Tells whether the broker has the signal, and lets us see it. Throws whatever ends the session. */
async function has(
  path: string,
  get: (paths: readonly string[]) => Promise<void>,
  intake: Intake,
): Promise<boolean> {
  try {
    await get([path])
    return true
  } catch (error) {
    const { code } = ConnectError.from(error)
    if (code !== Code.NotFound && code !== Code.PermissionDenied && code !== Code.InvalidArgument) throw error
    intake.take([[path, null, Number.NaN]])
    if (code === Code.NotFound) return false
    intake.complain(`${path} ${code}`, `${path}: the broker says ${problem(error)}: unknown`)
    return false
  }
}

/** Handles the rejection of a promise that loses a race: it fails later, unheard. */
function handled(promise: Promise<void>): Promise<void> {
  promise.catch(() => undefined)
  return promise
}

function problem(error: unknown): string {
  const { code, rawMessage } = ConnectError.from(error)
  return `${Code[code]}${rawMessage === '' ? '' : ` (${rawMessage.slice(0, 100)})`}`
}

/** So many a second; the rest waits where it is. */
class Pace {
  readonly #most: number
  #count = 0
  #sinceMs = systemClock.monotonicMs()

  constructor(most: number) {
    this.#most = most
  }

  async wait(): Promise<void> {
    this.#count += 1
    if (this.#count < this.#most) return
    const leftMs = this.#sinceMs + 1_000 - systemClock.monotonicMs()
    if (leftMs > 0) await sleep(leftMs)
    this.#count = 0
    this.#sinceMs = systemClock.monotonicMs()
  }
}
