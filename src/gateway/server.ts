/**
 * The HTTP server, and its bounds against those who open connections and say nothing, say it slowly, or never end.
 *
 * A request's head has ten seconds. An upload may take an hour, as a slow line needs for 200 MB, and
 * any other body half a minute; but a connection over which nothing comes
 * or goes for half a minute is ended, and connections over which nobody has shown a key give way to others (connections.ts).
 */
import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createAdaptorServer } from '@hono/node-server'
import type { Hono } from 'hono'
import type { AppEnv } from './app-context.ts'
import type { ConnectionBounds, Connections } from './connections.ts'

export interface ServerBounds extends ConnectionBounds {
  readonly headMsMax: number
  readonly silenceMsMax: number
  readonly requestMsMax: number
  /** For a body that is no upload. */
  readonly bodyMsMax: number
  /** That are being answered at a time. */
  readonly requestsOfTenantMax: number
}

/** `connectionsMax`: a browser opens six, and a client of a batch API one or two; `namelessOfAddressMax`: ten browsers. Guesses. */
export const serverBounds: ServerBounds = {
  connectionsMax: 512,
  namelessOfAddressMax: 64,
  headMsMax: 10_000,
  silenceMsMax: 30_000,
  requestMsMax: 3_600_000,
  bodyMsMax: 30_000,
  requestsOfTenantMax: 128,
}

/** How often Node looks for requests that take too long. */
const lookMs = 2_000
const headBytesMax = 16_384
const headersMax = 100
/** Then a client opens a new connection: a server that stops is rid of it sooner. */
const requestsPerConnection = 1_000

export interface Listening {
  readonly host: string
  readonly port: number
}

export class HttpServer {
  readonly #server: Server
  readonly #connections: Connections

  constructor(app: Pick<Hono<AppEnv>, 'fetch'>, bounds: ServerBounds, connections: Connections) {
    this.#connections = connections
    const serverOptions = {
      maxHeaderSize: headBytesMax,
      headersTimeout: bounds.headMsMax,
      requestTimeout: bounds.requestMsMax,
      keepAliveTimeout: bounds.headMsMax,
      connectionsCheckingInterval: lookMs,
    }
    const fetch = app.fetch as Parameters<typeof createAdaptorServer>[0]['fetch']
    this.#server = createAdaptorServer({
      fetch,
      createServer,
      serverOptions,
      overrideGlobalObjects: false,
    }) as Server
    this.#server.maxHeadersCount = headersMax
    this.#server.maxRequestsPerSocket = requestsPerConnection
    // An answer that is read slowly, or a stream of events, has a pulse; what has none is ended.
    this.#server.setTimeout(bounds.silenceMsMax, (socket) => socket.destroy())
    this.#server.on('request', (request) => {
      if (!isUpload(request)) endAfter(bounds.bodyMsMax, request)
    })
    this.#server.on('connection', (socket) => connections.add(socket))
  }

  /** Throws Error with a sentence where the address cannot be had. */
  async listen({ host, port }: Listening): Promise<Listening> {
    this.#server.listen(port, host)
    try {
      await once(this.#server, 'listening')
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException
      throw new Error(
        code === 'EADDRINUSE'
          ? `something else listens on ${host}:${port}; give another port with --http`
          : `the HTTP server cannot listen on ${host}:${port}: ${message}`,
      )
    }
    return { host, port: (this.#server.address() as AddressInfo).port }
  }

  /** Hangs up on everybody. */
  async close(): Promise<void> {
    const closed = once(this.#server, 'close')
    this.#server.close()
    this.#connections.endAll()
    await closed
  }
}

function isUpload({ method, url = '' }: IncomingMessage): boolean {
  return method === 'POST' && /^\/(v1|api)\/files(\?|$)/.test(url)
}

/** Hangs up on a request whose body has not come by then: who sends a byte now and then is never silent. */
function endAfter(ms: number, request: IncomingMessage): void {
  const { 'content-length': length = '0', 'transfer-encoding': coding } = request.headers
  if (length === '0' && coding === undefined) return
  AbortSignal.timeout(ms).addEventListener('abort', () => {
    if (!request.complete) request.destroy()
  })
}
