/** One long-lived stream for each peer, protocol and direction. */
import type { Connection, Libp2p, Stream } from '@libp2p/interface'
import type { Logger } from 'pino'
import type { PeerId } from '../../protocol/ids.ts'
import type { NetworkBounds } from './bounds.ts'
import { NetworkError, reason } from './errors.ts'
import { FlowStream } from './flow.ts'
import { overRelays, relayLimit } from './relayed.ts'

/**
 * One long-lived stream per peer, protocol and direction.
 *
 * A stream per request costs four times as much as a request on an open one, and orders
 * nothing. The asker opens a stream when it first needs it and keeps it; the other side serves the newest
 * stream of each peer and resets the one before, because a peer opens a second one only when it has lost the
 * first, which after a dead link we may not have noticed yet.
 */
export class OutboundStreams {
  readonly #protocol: string
  readonly #connect: (peer: PeerId) => Promise<Connection>
  readonly #bounds: NetworkBounds
  readonly #streams = new Map<PeerId, Promise<FlowStream>>()
  readonly #stopping = new AbortController()

  constructor(protocol: string, connect: (peer: PeerId) => Promise<Connection>, bounds: NetworkBounds) {
    this.#protocol = protocol
    this.#connect = connect
    this.#bounds = bounds
  }

  /** The open stream to the peer, dialling where needed. Throws NetworkError 'unreachable'. */
  get(peer: PeerId): Promise<FlowStream> {
    let stream = this.#streams.get(peer)
    if (stream === undefined) {
      stream = this.#open(peer)
      this.#streams.set(peer, stream)
      const forget = () => {
        if (this.#streams.get(peer) === stream) this.#streams.delete(peer)
      }
      stream.then((flow) => flow.closed).then(forget, forget)
    }
    return stream
  }

  stop(): void {
    const stopped = new NetworkError('closed', 'this node is stopping')
    this.#stopping.abort(stopped)
    for (const stream of this.#streams.values()) {
      stream.then(
        (flow) => flow.abort(stopped),
        () => {},
      )
    }
  }

  async #open(peer: PeerId): Promise<FlowStream> {
    try {
      const connection = await this.#connect(peer)
      const timeout = AbortSignal.timeout(this.#bounds.dialTimeoutMs)
      const signal = AbortSignal.any([timeout, this.#stopping.signal])
      const stream = await connection.newStream(this.#protocol, { signal, ...overRelays })
      const flow = new FlowStream(stream, this.#bounds.readAheadBytesMax, () =>
        relayLimit(connection, this.#bounds),
      )
      if (this.#stopping.signal.aborted) flow.abort(this.#stopping.signal.reason)
      return flow
    } catch (thrown) {
      if (thrown instanceof NetworkError) throw thrown
      throw new NetworkError('unreachable', `${peer} does not take ${this.#protocol}: ${reason(thrown)}`, {
        peer,
        cause: thrown,
      })
    }
  }
}

export class InboundStreams {
  readonly #streams = new Map<PeerId, FlowStream>()
  /** The last task of each peer, so that a new stream's first message waits for the old stream's last handler. */
  readonly #tasks = new Map<PeerId, Promise<void>>()
  readonly #serve: (stream: FlowStream, peer: PeerId) => Promise<void>
  readonly #protocol: string
  readonly #bounds: NetworkBounds
  readonly #log: Logger

  constructor(
    protocol: string,
    serve: (stream: FlowStream, peer: PeerId) => Promise<void>,
    bounds: NetworkBounds,
    log: Logger,
  ) {
    this.#protocol = protocol
    this.#serve = serve
    this.#bounds = bounds
    this.#log = log
  }

  async listen(node: Libp2p): Promise<void> {
    await node.handle(this.#protocol, (stream, connection) => this.#accept(stream, connection), {
      maxInboundStreams: this.#bounds.inboundStreamsMax,
      ...overRelays,
    })
  }

  stop(): void {
    for (const stream of this.#streams.values())
      stream.abort(new NetworkError('closed', 'this node is stopping'))
  }

  #accept(stream: Stream, connection: Connection): void {
    const peer = connection.remotePeer.toString() as PeerId
    const flow = new FlowStream(stream, this.#bounds.readAheadBytesMax)
    this.#streams.get(peer)?.abort(new NetworkError('closed', 'the peer opened a newer stream'))
    this.#streams.set(peer, flow)
    const before = this.#tasks.get(peer) ?? Promise.resolve()
    const task = before.then(() => this.#run(flow, stream, peer))
    this.#tasks.set(peer, task)
    void task.then(() => {
      if (this.#streams.get(peer) === flow) this.#streams.delete(peer)
      if (this.#tasks.get(peer) === task) this.#tasks.delete(peer)
    })
  }

  /** Never rejects: bytes that a peer sends must not reach the process as an unhandled rejection. */
  async #run(flow: FlowStream, stream: Stream, peer: PeerId): Promise<void> {
    try {
      await this.#serve(flow, peer)
      await stream.close({ signal: AbortSignal.timeout(this.#bounds.stopGraceMs) })
    } catch (thrown) {
      const error = thrown instanceof Error ? thrown : new Error(reason(thrown))
      const hostile = thrown instanceof NetworkError && thrown.code !== 'closed'
      this.#log[hostile ? 'warn' : 'debug'](
        { peer, protocol: this.#protocol, code: hostile ? thrown.code : undefined },
        `reset a peer's stream: ${reason(error)}`,
      )
      flow.abort(error)
    }
  }
}
