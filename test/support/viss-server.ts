/**
 * A VISS server as small as a test needs it, written from the specifications of version 2 (W3C) and 3 (COVESA): get,
 * subscribe with filters, error replies by number and reason, and what goes wrong in cars.
 */
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import type { TestContext } from 'node:test'
import { type WebSocket, WebSocketServer } from 'ws'
import { freePort } from './ports.ts'

export interface VissServerOptions {
  readonly version: 2 | 3
  /** 'kuksa': no `change`, and the period is a number. 'bare': gets only. */
  readonly dialect?: 'full' | 'kuksa' | 'bare'
  /** Who shows none of these is refused; null: nobody has to. */
  readonly tokens?: Set<string> | null
  readonly port?: number
  /** False: takes connections and pings, and answers nothing. */
  readonly isAlive?: boolean
}

interface Point {
  readonly value: unknown
  readonly ts: string
}

interface Subscription {
  readonly socket: WebSocket
  readonly path: string
  readonly variant: string
}

const reasons: Readonly<Record<number, readonly [string, string]>> = {
  400: ['bad_request', 'The request is malformed'],
  401: ['invalid_token', 'Access token is invalid'],
  403: ['forbidden_request', 'The server refuses to carry out the request'],
  404: ['unavailable_data', 'The requested data was not found'],
  503: ['service_unavailable', 'The server is temporarily unable to handle the request'],
}

export class VissServer {
  readonly requests: Readonly<Record<string, unknown>>[] = []
  readonly events: { readonly variant: string; readonly value: unknown }[] = []
  readonly forbidden = new Set<string>()
  /** So many requests yet are answered with 503. */
  busy = 0
  connections = 0
  readonly #options: VissServerOptions
  readonly #server: WebSocketServer
  readonly #points = new Map<string, Point>()
  /** Sensors that still measure: their value gets a new time whenever it is sent. */
  readonly #living = new Set<string>()
  readonly #subscriptions = new Map<string, Subscription>()
  readonly #timers = new Set<NodeJS.Timeout>()

  static async start(t: TestContext, options: VissServerOptions): Promise<VissServer> {
    const server = new VissServer(options, options.port ?? (await freePort()))
    t.after(() => server.stop())
    await once(server.#server, 'listening')
    return server
  }

  private constructor(options: VissServerOptions, port: number) {
    this.#options = options
    this.#server = new WebSocketServer({
      host: '127.0.0.1',
      port,
      autoPong: options.isAlive ?? true,
      handleProtocols: (offered) => [...offered].find((name) => name === `VISSv${options.version}`) ?? false,
    })
    this.#server.on('connection', (socket) => {
      this.connections += 1
      socket.on('error', () => undefined)
      socket.on('message', (data) => {
        if (options.isAlive ?? true) this.#answer(socket, JSON.parse(data.toString()))
      })
    })
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  get url(): string {
    return `ws://127.0.0.1:${this.port}`
  }

  /** A sensor measures; with `ts` it did so then, and never again. */
  set(path: string, value: unknown, ts: string | null = null): void {
    const before = this.#points.get(path)?.value
    this.#points.set(path, { value, ts: ts ?? new Date().toISOString() })
    if (ts === null) this.#living.add(path)
    else this.#living.delete(path)
    if (value !== before)
      for (const [id, subscription] of this.#subscriptions)
        if (subscription.path === path && subscription.variant === 'change') this.#event(id, subscription)
  }

  /** To everybody, as it is. */
  shout(message: string | Uint8Array): void {
    for (const socket of this.#server.clients) socket.send(message)
  }

  /** A subscription fails after it stood. */
  failSubscriptions(number: number): void {
    for (const [subscriptionId, { socket }] of this.#subscriptions)
      this.#send(socket, { action: 'subscription', subscriptionId, error: errorOf(number) })
  }

  dropConnections(): void {
    for (const socket of this.#server.clients) socket.terminate()
    this.#forget()
  }

  async stop(): Promise<void> {
    this.dropConnections()
    await new Promise((resolve) => this.#server.close(resolve))
  }

  #forget(): void {
    this.#subscriptions.clear()
    for (const timer of this.#timers) clearInterval(timer)
    this.#timers.clear()
  }

  #answer(socket: WebSocket, request: Readonly<Record<string, unknown>>): void {
    this.requests.push(request)
    const { action, requestId, path } = request
    const number = this.#refusal(request)
    if (number !== null) {
      this.#send(socket, { action, requestId, error: errorOf(number) })
      return
    }
    if (action === 'get') {
      this.#send(socket, { action, requestId, data: { path, dp: this.#point(String(path)) } })
      return
    }
    const filter = this.#filterOf(request.filter)!
    const subscriptionId = `s${this.requests.length}`
    const subscription = { socket, path: String(path), variant: filter.variant }
    this.#subscriptions.set(subscriptionId, subscription)
    this.#send(socket, { action, requestId, subscriptionId })
    if (filter.periodMs !== null)
      this.#timers.add(setInterval(() => this.#event(subscriptionId, subscription), filter.periodMs))
  }

  #refusal({ action, path, filter, authorization }: Readonly<Record<string, unknown>>): number | null {
    if (this.busy > 0) {
      this.busy -= 1
      return 503
    }
    const { tokens } = this.#options
    if (tokens != null && !tokens.has(String(authorization))) return 401
    if (action !== 'get' && action !== 'subscribe') return 400
    if (typeof path !== 'string') return 400
    if (this.forbidden.has(path)) return 403
    if (!this.#points.has(path)) return 404
    if (action === 'subscribe' && this.#filterOf(filter) === null) return 400
    return null
  }

  #filterOf(filter: unknown): { readonly variant: string; readonly periodMs: number | null } | null {
    const { version, dialect = 'full' } = this.#options
    const { parameter, ...keys } = filter as Readonly<Record<string, unknown>>
    const variant = keys[version === 2 ? 'type' : 'variant']
    if (dialect === 'bare') return null
    if (variant === 'timebased') {
      const { period } = parameter as { readonly period: unknown }
      if (typeof period !== (dialect === 'kuksa' ? 'number' : 'string')) return null
      return { variant, periodMs: Number(period) }
    }
    if (variant !== 'change' || dialect === 'kuksa') return null
    const { 'logic-op': operator, diff } = parameter as Readonly<Record<string, unknown>>
    return operator === 'ne' && diff === '0' ? { variant, periodMs: null } : null
  }

  #event(subscriptionId: string, { socket, path, variant }: Subscription): void {
    this.events.push({ variant, value: this.#point(path).value })
    this.#send(socket, { action: 'subscription', subscriptionId, data: { path, dp: this.#point(path) } })
  }

  #point(path: string): Point {
    const { value, ts } = this.#points.get(path)!
    return { value, ts: this.#living.has(path) ? new Date().toISOString() : ts }
  }

  #send(socket: WebSocket, message: object): void {
    socket.send(JSON.stringify({ ...message, ts: new Date().toISOString() }))
  }
}

function errorOf(number: number): object {
  const [reason, message] = reasons[number]!
  return { number, reason, message }
}
