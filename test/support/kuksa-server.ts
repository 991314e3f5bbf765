/** A databroker as small as a test needs it: kuksa.val.v2 GetValues and Subscribe over gRPC, with its error codes. */
import { once } from 'node:events'
import { createServer, type Http2Server, type ServerHttp2Session } from 'node:http2'
import type { AddressInfo } from 'node:net'
import type { TestContext } from 'node:test'
import { timestampFromMs } from '@bufbuild/protobuf/wkt'
import { Code, ConnectError, type HandlerContext } from '@connectrpc/connect'
import { connectNodeAdapter } from '@connectrpc/connect-node'
import { VAL } from '../../src/host/signals/kuksa-schema.ts'
import { freePort } from './ports.ts'

export interface KuksaServerOptions {
  readonly port?: number
  /** Who shows none of these is refused; null: nobody has to. */
  readonly tokens?: ReadonlySet<string> | null
}

type Typed =
  | { readonly case: 'string'; readonly value: string }
  | { readonly case: 'bool'; readonly value: boolean }
  | { readonly case: 'int32' | 'uint32' | 'float' | 'double'; readonly value: number }
  | { readonly case: 'int64' | 'uint64'; readonly value: bigint }

/** As a test sets it; null is None. */
export interface Held {
  readonly typed: Typed | null
  readonly atMs: number
}

export class KuksaServer {
  readonly forbidden = new Set<string>()
  readonly authorizations: (string | null)[] = []
  subscriptions = 0
  gets = 0
  readonly #options: KuksaServerOptions
  readonly #server: Http2Server
  readonly #sessions = new Set<ServerHttp2Session>()
  readonly #held = new Map<string, Held>()
  readonly #waking = new Set<() => void>()
  /** Paths that changed, by subscription. */
  readonly #changed = new Set<Set<string>>()
  #isEnding = false

  static async start(t: TestContext, options: KuksaServerOptions = {}): Promise<KuksaServer> {
    const server = new KuksaServer(options)
    t.after(() => server.stop())
    server.#server.listen(options.port ?? (await freePort()), '127.0.0.1')
    await once(server.#server, 'listening')
    return server
  }

  private constructor(options: KuksaServerOptions) {
    this.#options = options
    this.#server = createServer(
      connectNodeAdapter({
        routes: (router) =>
          router.service(VAL, {
            getValues: ({ signalIds }, context) => {
              this.gets += 1
              const paths = signalIds.map(({ signal }) => signal.value ?? '')
              this.#check(paths, context)
              return { dataPoints: paths.map((path) => datapointOf(this.#held.get(path)!)) }
            },
            subscribe: ({ signalPaths }, context) => this.#subscribe(signalPaths, context),
          }),
      }),
    )
    this.#server.on('session', (session) => {
      this.#sessions.add(session)
      session.on('error', () => undefined)
      session.on('close', () => this.#sessions.delete(session))
    })
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`
  }

  /** Published; told to subscribers where the value is another than before, as the broker does for slow signals. */
  set(path: string, typed: Typed | null, atMs = Date.now()): void {
    const before = this.#held.get(path)?.typed
    this.#held.set(path, { typed, atMs })
    if (before?.value === typed?.value) return
    for (const changed of this.#changed) changed.add(path)
    for (const wake of this.#waking) wake()
  }

  /** In order, as a broker that is being shut down does. */
  endSubscriptions(): void {
    this.#isEnding = true
    for (const wake of this.#waking) wake()
    this.#isEnding = false
  }

  async stop(): Promise<void> {
    for (const session of this.#sessions) session.destroy()
    await new Promise((resolve) => this.#server.close(resolve))
  }

  async *#subscribe(paths: readonly string[], context: HandlerContext) {
    this.#check(paths, context)
    this.subscriptions += 1
    const changed = new Set(paths)
    this.#changed.add(changed)
    try {
      while (!context.signal.aborted) {
        if (changed.size === 0) {
          let isEnded = false
          await new Promise<void>((resolve) => {
            const wake = (): void => {
              this.#waking.delete(wake)
              isEnded = this.#isEnding
              resolve()
            }
            this.#waking.add(wake)
            context.signal.addEventListener('abort', wake)
          })
          if (isEnded) return
          continue
        }
        const entries = [...changed]
          .filter((path) => paths.includes(path))
          .map((path) => [path, datapointOf(this.#held.get(path)!)])
        changed.clear()
        yield { entries: Object.fromEntries(entries) }
      }
    } finally {
      this.#changed.delete(changed)
    }
  }

  #check(paths: readonly string[], { requestHeader }: HandlerContext): void {
    const authorization = requestHeader.get('authorization')
    this.authorizations.push(authorization)
    const { tokens = null } = this.#options
    if (tokens !== null && !tokens.has(authorization?.replace(/^Bearer /, '') ?? ''))
      throw new ConnectError('Token expired', Code.Unauthenticated)
    if (paths.length === 0) throw new ConnectError('No paths provided', Code.InvalidArgument)
    if (paths.some((path) => this.forbidden.has(path)))
      throw new ConnectError('Permission denied', Code.PermissionDenied)
    if (paths.some((path) => !this.#held.has(path))) throw new ConnectError('Path not found', Code.NotFound)
  }
}

function datapointOf({ typed, atMs }: Held) {
  return {
    timestamp: timestampFromMs(atMs),
    value: { typedValue: typed ?? { case: undefined } },
  }
}
