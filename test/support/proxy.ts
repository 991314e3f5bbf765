/**
 * A network between nodes that can be cut, slowed and made deaf: a TCP proxy.
 *
 * A node that announces its proxy's address is reached by nobody otherwise, and what it dials itself leads through the
 * proxies of others. So trouble between two nodes takes both proxies, and each has to tell its diallers apart
 * (diallers.ts).
 */
import { once } from 'node:events'
import { connect, createServer, type Server, type Socket } from 'node:net'

/** `up` leads from who dials to the target, `down` back. */
type Direction = 'up' | 'down'

/** Which connections; told the port from which one was dialled, undefined when that is gone already. */
export type Whose = (port: number | undefined) => boolean

interface Trouble {
  readonly kind: 'cut' | Direction
  readonly whose: Whose
}

const everybody: Whose = () => true

/** Bytes on their way, before the sender is made to wait; no more than a socket holds by itself. */
const underWayBytesMax = 2 ** 20

export class TcpProxy {
  readonly port: number
  readonly #server: Server
  readonly #links = new Set<Link>()
  #troubles: Trouble[] = []
  #delayMs = 0

  static async start(targetPort: number): Promise<TcpProxy> {
    const server = createServer({ allowHalfOpen: true, noDelay: true }).listen(0, '127.0.0.1')
    await once(server, 'listening')
    return new TcpProxy(server, targetPort)
  }

  private constructor(server: Server, targetPort: number) {
    this.#server = server
    this.port = (server.address() as { port: number }).port
    server.on('connection', (dialler) => {
      dialler.on('error', () => {}) // a reset closes it, like all else
      // Who dials from this process learns its port in this same turn of the loop: only then can it be told apart.
      setImmediate(() => this.#connected(dialler, targetPort))
    })
  }

  /** Every byte arrives so much later; what is under way is not overtaken. */
  delay(ms: number): void {
    this.#delayMs = ms
  }

  /** Destroys connections, and refuses new ones. */
  cut(whose: Whose = everybody): void {
    this.#trouble({ kind: 'cut', whose })
  }

  /** One direction stays silent while the sockets stay open; what is sent arrives when this is healed. */
  stall(direction: Direction, whose: Whose = everybody): void {
    this.#trouble({ kind: direction, whose })
  }

  /** What was cut stays closed; new connections are as if nothing had been. */
  heal(): void {
    this.#troubles = []
    this.#delayMs = 0
    for (const link of this.#links) link.applyTo(this.#troubles)
  }

  close(): void {
    this.cut()
    this.#server.close().unref()
  }

  #trouble(trouble: Trouble): void {
    this.#troubles.push(trouble)
    for (const link of this.#links) link.applyTo(this.#troubles)
  }

  #connected(dialler: Socket, targetPort: number): void {
    const target = connect({ port: targetPort, host: '127.0.0.1', allowHalfOpen: true, noDelay: true })
    const link = new Link(dialler, target, () => this.#delayMs)
    this.#links.add(link)
    for (const socket of [dialler, target]) socket.once('close', () => this.#links.delete(link))
    link.applyTo(this.#troubles)
  }
}

/** One connection: two sockets, and what is under way between them. */
class Link {
  readonly #port: number | undefined
  readonly #sockets: readonly Socket[]
  readonly #lanes: Readonly<Record<Direction, Lane>>

  constructor(dialler: Socket, target: Socket, delayMs: () => number) {
    this.#port = dialler.remotePort
    this.#sockets = [dialler, target]
    this.#lanes = { up: new Lane(dialler, target, delayMs), down: new Lane(target, dialler, delayMs) }
    for (const socket of this.#sockets) {
      socket.on('error', () => {}) // a reset closes it, like all else
      socket.once('close', () => this.#destroy())
    }
  }

  applyTo(troubles: readonly Trouble[]): void {
    const mine = new Set(troubles.filter(({ whose }) => whose(this.#port)).map(({ kind }) => kind))
    if (mine.has('cut')) this.#destroy()
    for (const direction of ['up', 'down'] as const) this.#lanes[direction].stall(mine.has(direction))
  }

  #destroy(): void {
    for (const socket of this.#sockets) socket.destroy()
  }
}

/** One direction of a connection. */
class Lane {
  readonly #from: Socket
  readonly #to: Socket
  /** Null is the end. */
  readonly #underWay: { readonly dueMs: number; readonly bytes: Buffer | null }[] = []
  #underWayBytes = 0
  #timer: NodeJS.Timeout | undefined
  #stalled = false

  constructor(from: Socket, to: Socket, delayMs: () => number) {
    this.#from = from
    this.#to = to
    from.on('data', (bytes) => this.#take(bytes, delayMs()))
    from.once('end', () => this.#take(null, delayMs()))
    to.on('drain', () => this.#flow())
  }

  stall(stalled: boolean): void {
    this.#stalled = stalled
    this.#flow()
  }

  #take(bytes: Buffer | null, delayMs: number): void {
    const dueMs = Math.max(performance.now() + delayMs, this.#underWay.at(-1)?.dueMs ?? 0)
    this.#underWay.push({ dueMs, bytes })
    this.#underWayBytes += bytes?.byteLength ?? 0
    this.#flow()
  }

  #flow(): void {
    clearTimeout(this.#timer)
    while (!this.#stalled && !this.#to.writableNeedDrain && this.#underWay.length > 0) {
      const { dueMs, bytes } = this.#underWay[0]!
      const waitMs = dueMs - performance.now()
      if (waitMs > 0) {
        this.#timer = setTimeout(() => this.#flow(), Math.ceil(waitMs)).unref()
        break
      }
      this.#underWay.shift()
      this.#underWayBytes -= bytes?.byteLength ?? 0
      if (this.#to.destroyed) continue
      if (bytes === null) this.#to.end()
      else this.#to.write(bytes)
    }
    if (this.#underWayBytes > underWayBytesMax) this.#from.pause()
    else this.#from.resume()
  }
}
