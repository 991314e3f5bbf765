/**
 * A VISS server, version 2 (W3C) or 3 (COVESA), over WebSocket.
 *
 * Each signal is first got, which tells whether the server has it, and then subscribed to twice: `change`, so that a
 * drive that begins is heard of at once, and `timebased`, so that a reading that still holds does not grow old.
 * Servers differ in what they support (KUKSA's knows no `change`, and wants the period as a number): a request that
 * is refused as malformed is made in the next best way, down to getting the signal once a second, from a server in
 * the same car.
 *
 * `ws` and not Node's own WebSocket, which takes messages of any size.
 */
import type { Logger } from 'pino'
import { WebSocket } from 'ws'
import { z } from 'zod'
import { parseJson } from '../../base/json.ts'
import { systemClock } from '../clock.ts'
import { Intake, type RawReading, timeOf } from './intake.ts'
import { keepTrying } from './keep-trying.ts'
import { Latest } from './latest.ts'
import type { SignalProvider } from './provider.ts'
import { Throttle } from './throttle.ts'
import { readToken } from './token.ts'
import { excerpt, serverSignals, signalDepthMax } from './values.ts'

export interface VissOptions {
  readonly url: string
  readonly version: 2 | 3
  /** A JWT, read again for every connection, since tokens are short-lived; null: none. */
  readonly tokenFile: string | null
  /** See specs.ts. */
  readonly held: boolean
}

/** A signal's answer has some 200 bytes, all signals at once some 4 KiB. */
const messageBytesMax = 64 * 1024
const handshakeMsMax = 10_000
/** A connection that is silent for so long is broken, whatever TCP believes; pings go out three times as often. */
const silenceMsMax = 6_000
/** As often as readings are asked for; well within the time after which the rules call them stale. A guess. */
const periodMs = 1_000
/** After the server said that it cannot now. */
const busyMs = 5_000
/** A control unit that was asleep may know its signals later. */
const missingMs = 60_000

const text = z.string().max(1_000)
const point = z.object({ value: z.unknown(), ts: z.unknown() })
const item = z.object({ path: text, dp: z.union([point, z.array(point).max(100)]) })
const messageSchema = z.object({
  action: text.optional(),
  requestId: z.union([text, z.number()]).transform(String).optional(),
  data: z.union([item, z.array(item).max(100)]).optional(),
  error: z
    .object({
      number: z.union([
        z.number(),
        z
          .string()
          .regex(/^\d{1,3}$/)
          .transform(Number),
      ]),
      reason: text.optional(),
      message: text.optional(),
    })
    .optional(),
})

interface VissMessage {
  readonly requestId: string | null
  /** By the server's times. */
  readonly readings: readonly RawReading[]
  readonly error: { readonly number: number; readonly text: string } | null
}

/** Throws Error, what is wrong in a few words. */
export function readMessage(bytes: string): VissMessage {
  let json: unknown
  try {
    json = parseJson(bytes, signalDepthMax)
  } catch {
    throw new Error(`a message is not JSON: ${excerpt(bytes)}`)
  }
  const parsed = messageSchema.safeParse(json)
  if (!parsed.success) throw new Error(`a message is not VISS: ${excerpt(bytes)}`)
  const { requestId, data, error } = parsed.data
  return {
    requestId: requestId ?? null,
    readings: (data === undefined ? [] : [data].flat()).flatMap(({ path, dp }) =>
      [dp].flat().map(({ value, ts }) => [path, value, timeOf(ts)] as const),
    ),
    error: error === undefined ? null : { number: error.number, text: errorText(error) },
  }
}

export function openViss(name: string, options: VissOptions, log: Logger): SignalProvider {
  // A server that answers without a subprotocol is taken at its word from then on.
  let hasProtocol = true
  return {
    name,
    async *readings(signal) {
      const latest = new Latest(signal)
      const intake = new Intake(name, latest, log)
      void keepTrying(signal, intake, async (onReading) => {
        try {
          await new Session(options, hasProtocol, intake, onReading).run(signal)
        } catch (error) {
          if (/subprotocol/.test((error as Error).message)) hasProtocol = !hasProtocol
          throw error
        }
      })
      yield* latest
    },
  }
}

/** How a signal is asked for, best first; the last works with every server. */
type Way = 'change' | 'period' | 'period-number' | 'poll'
const nextBest: Readonly<Record<Way, Way | null>> = {
  change: null,
  period: 'period-number',
  'period-number': 'poll',
  poll: null,
}

interface Request {
  readonly path: string
  /** 'get': the first question, whether there is such a signal. */
  readonly way: Way | 'get'
}

class Session {
  readonly #options: VissOptions
  readonly #intake: Intake
  readonly #onReading: () => void
  readonly #authorization: { readonly authorization?: string }
  readonly #socket: WebSocket
  readonly #requests = new Map<string, Request>()
  readonly #polled = new Set<string>()
  readonly #timers = new Set<NodeJS.Timeout>()
  #serial = 0
  #heardMs = systemClock.monotonicMs()
  #failure: Error | null = null

  /** Throws Error when the token cannot be read. */
  constructor(options: VissOptions, hasProtocol: boolean, intake: Intake, onReading: () => void) {
    this.#options = options
    this.#intake = intake
    this.#onReading = onReading
    this.#authorization = options.tokenFile === null ? {} : { authorization: readToken(options.tokenFile) }
    // 'VISS-noenc' is what COVESA's own server of version 3 goes by.
    const protocols = options.version === 2 ? ['VISSv2'] : ['VISSv3', 'VISS-noenc']
    this.#socket = new WebSocket(options.url, hasProtocol ? protocols : [], {
      maxPayload: messageBytesMax,
      handshakeTimeout: handshakeMsMax,
      perMessageDeflate: false,
    })
  }

  /** Until the connection ends, which throws Error that says why. */
  async run(signal: AbortSignal): Promise<void> {
    const socket = this.#socket
    const end = (): void => socket.terminate()
    signal.addEventListener('abort', end)
    const throttle = new Throttle(socket)
    socket.on('open', () => this.#begin())
    socket.on('pong', () => this.#hear())
    socket.on('message', (data: Buffer, isBinary: boolean) => {
      throttle.count(data.byteLength)
      this.#hear()
      if (!isBinary && this.#failure === null) this.#take(data.toString('utf8'))
    })
    socket.on('error', (error) => this.#fail(error.message))
    try {
      const code = await new Promise<number>((resolve) => socket.on('close', resolve))
      throw this.#failure ?? new Error(`the server closed the connection (${code})`)
    } finally {
      throttle.stop()
      for (const timer of this.#timers) clearInterval(timer)
      signal.removeEventListener('abort', end)
    }
  }

  #begin(): void {
    for (const path of serverSignals) this.#send({ path, way: 'get' })
    this.#every(periodMs, () => {
      for (const path of this.#polled) this.#send({ path, way: 'poll' })
    })
    this.#every(silenceMsMax / 3, () => {
      if (systemClock.monotonicMs() - this.#heardMs > silenceMsMax) this.#fail('the server is silent')
      else this.#socket.ping()
    })
  }

  #hear(): void {
    this.#heardMs = systemClock.monotonicMs()
  }

  #fail(why: string): void {
    this.#failure ??= new Error(why)
    this.#socket.terminate()
  }

  #send(request: Request): void {
    const { path, way } = request
    if (this.#socket.readyState !== WebSocket.OPEN) return
    // A request that the server has not answered yet is not made again, so the waiting requests are bounded by the
    // kinds of request.
    for (const { path: waiting, way: same } of this.#requests.values())
      if (waiting === path && same === way) return
    this.#serial += 1
    const requestId = String(this.#serial)
    this.#requests.set(requestId, request)
    const asked =
      way === 'get' || way === 'poll'
        ? { action: 'get', path }
        : { action: 'subscribe', path, filter: this.#filter(way) }
    this.#socket.send(JSON.stringify({ ...asked, ...this.#authorization, requestId }))
  }

  #filter(way: Way): object {
    const key = this.#options.version === 2 ? 'type' : 'variant'
    if (way === 'change') return { [key]: 'change', parameter: { 'logic-op': 'ne', diff: '0' } }
    const period = way === 'period' ? String(periodMs) : periodMs
    return { [key]: 'timebased', parameter: { period } }
  }

  #take(bytes: string): void {
    let message: VissMessage
    try {
      message = readMessage(bytes)
    } catch (error) {
      this.#intake.complain('message', (error as Error).message)
      return
    }
    const { requestId, readings, error } = message
    const request = requestId === null ? undefined : this.#requests.get(requestId)
    if (requestId !== null) this.#requests.delete(requestId)
    if (error !== null) {
      this.#refused(request, error)
      return
    }
    const nowMs = systemClock.now()
    const stamped = this.#options.held
      ? readings.map(([path, value]) => [path, value, nowMs] as const)
      : readings
    if (this.#intake.take(stamped)) this.#onReading()
    if (request?.way !== 'get') return
    this.#send({ path: request.path, way: 'change' })
    this.#send({ path: request.path, way: 'period' })
  }

  /** `request` is undefined where a subscription fails that stood: everything is asked for again. */
  #refused(request: Request | undefined, { number, text }: { number: number; text: string }): void {
    if (number === 401 || request === undefined) {
      this.#fail(`the server says ${text}`)
      return
    }
    const { path, way } = request
    if (number === 400 && way !== 'get' && way !== 'poll') {
      const next = nextBest[way]
      if (next === 'poll') this.#polled.add(path)
      else if (next !== null) this.#send({ path, way: next })
      return
    }
    if (number === 408 || number === 429 || number >= 500) {
      this.#intake.complain(`${path} ${number}`, `${path}: the server says ${text}, will ask again`)
      this.#after(busyMs, () => this.#send(request))
      return
    }
    this.#intake.take([[path, null, Number.NaN]])
    // 404: this car has no such signal, or not now. Anything else the owner may want to know about.
    if (number !== 404)
      this.#intake.complain(`${path} ${number}`, `${path}: the server says ${text}: unknown`)
    this.#polled.delete(path)
    this.#after(missingMs, () => this.#send({ path, way: 'get' }))
  }

  #every(intervalMs: number, act: () => void): void {
    this.#timers.add(setInterval(act, intervalMs))
  }

  #after(delayMs: number, act: () => void): void {
    const timer = setTimeout(() => {
      this.#timers.delete(timer)
      act()
    }, delayMs)
    this.#timers.add(timer)
  }
}

function errorText({ number, reason, message }: z.infer<typeof messageSchema>['error'] & object): string {
  return `${number} ${reason ?? ''}${message === undefined ? '' : ` (${message.slice(0, 100)})`}`
}
