/** The control protocol, and others like it: ordered messages between two peers, with backpressure from end to end. */

import type { Connection, Libp2p } from '@libp2p/interface'
import { pipe } from 'it-pipe'
import type { Logger } from 'pino'
import { BoundedMap } from '../../base/bounded-map.ts'
import type { PeerId } from '../../protocol/ids.ts'
import { systemClock } from '../clock.ts'
import type { NetworkBounds } from './bounds.ts'
import { NetworkError, reason } from './errors.ts'
import type { FlowStream } from './flow.ts'
import { framePrefix, frames } from './frames.ts'
import { InboundStreams, OutboundStreams } from './streams.ts'

export const controlProtocol = '/carpool/control/4'

export type MessageHandler = (from: PeerId, message: Uint8Array) => void | Promise<void>

/**
 * Ordered control messages: offers, receipts, openings and their answers, each way on a stream of its own.
 *
 * Backpressure runs from end to end. A handler's promise is awaited before that peer's next message is read;
 * unread bytes fill the read-ahead, then the yamux window, then the sender's queue, and then the sender's
 * `send` says 'backlog'. Nothing in between grows. A message is at most once: a lost connection drops what
 * was under way, and the protocol above, which must survive a vehicle driving off, asks again.
 */
export class ControlChannel {
  readonly #outbound: OutboundStreams
  readonly #inbound: InboundStreams
  readonly #queues = new Map<PeerId, SendQueue>()
  readonly #bounds: NetworkBounds
  readonly #log: Logger
  readonly #handler = Promise.withResolvers<MessageHandler>()
  /** When something last went to a peer or came from it, on systemClock.monotonicMs()'s clock. */
  readonly #usedMs = new BoundedMap<PeerId, number>(usedMax)
  #handled = false
  #stopped = false

  constructor(
    connect: (peer: PeerId) => Promise<Connection>,
    bounds: NetworkBounds,
    log: Logger,
    protocol = controlProtocol,
  ) {
    this.#bounds = bounds
    this.#log = log
    this.#outbound = new OutboundStreams(protocol, connect, bounds)
    this.#inbound = new InboundStreams(protocol, (stream, peer) => this.#read(stream, peer), bounds, log)
  }

  listen(node: Libp2p): Promise<void> {
    return this.#inbound.listen(node)
  }

  /** Until there is a handler, peers' messages wait unread. */
  onMessage(handler: MessageHandler): void {
    if (this.#handled) throw new Error('control messages have a handler already')
    this.#handled = true
    this.#handler.resolve(handler)
  }

  /** When something last went to this peer or came from it; undefined: not lately. */
  usedMs(peer: PeerId): number | undefined {
    return this.#usedMs.peek(peer)
  }

  async send(to: PeerId, message: Uint8Array): Promise<void> {
    this.#usedMs.set(to, systemClock.monotonicMs())
    if (this.#stopped) throw new NetworkError('closed', 'this node is stopped', { peer: to })
    if (message.byteLength > this.#bounds.controlMessageBytesMax) {
      const text = `a message of ${message.byteLength} bytes is above ${this.#bounds.controlMessageBytesMax}`
      throw new NetworkError('too-large', text, { peer: to })
    }
    let queue = this.#queues.get(to)
    if (queue === undefined) {
      queue = new SendQueue(to, this.#outbound, this.#bounds, () => this.#queues.delete(to))
      this.#queues.set(to, queue)
    }
    await queue.send(message)
  }

  stop(): void {
    this.#stopped = true
    this.#outbound.stop()
    this.#inbound.stop()
  }

  async #read(stream: FlowStream, from: PeerId): Promise<void> {
    const handler = await Promise.race([this.#handler.promise, stream.closed])
    if (typeof handler !== 'function') return
    const messages = pipe(stream.chunks(), (chunks) => frames(chunks, this.#bounds.controlMessageBytesMax))
    for await (const message of messages) {
      this.#usedMs.set(from, systemClock.monotonicMs())
      try {
        await handler(from, message)
      } catch (thrown) {
        this.#log.error(
          { peer: from, err: thrown },
          `the handler of a control message threw: ${reason(thrown)}`,
        )
      }
    }
  }
}

/** Peers of which it is remembered when they were last talked to. */
const usedMax = 1_024

interface Waiting {
  readonly message: Uint8Array
  readonly sent: () => void
  readonly failed: (error: unknown) => void
}

/** The messages that wait for one peer, written by one loop that lives as long as there is something to write. */
class SendQueue {
  readonly #peer: PeerId
  readonly #streams: OutboundStreams
  readonly #bounds: NetworkBounds
  readonly #onEmpty: () => void
  readonly #waiting: Waiting[] = []
  #waitingBytes = 0

  constructor(peer: PeerId, streams: OutboundStreams, bounds: NetworkBounds, onEmpty: () => void) {
    this.#peer = peer
    this.#streams = streams
    this.#bounds = bounds
    this.#onEmpty = onEmpty
    queueMicrotask(() => void this.#drain())
  }

  send(message: Uint8Array): Promise<void> {
    const bytes = this.#cost(message)
    if (this.#waitingBytes + bytes > this.#bounds.controlBacklogBytesMax) {
      const text = `${this.#peer} reads slower than it is written to: ${this.#waitingBytes} bytes wait`
      return Promise.reject(new NetworkError('backlog', text, { peer: this.#peer }))
    }
    this.#waitingBytes += bytes
    return new Promise((sent, failed) => this.#waiting.push({ message, sent, failed }))
  }

  async #drain(): Promise<void> {
    while (this.#waiting.length > 0) {
      try {
        const stream = await this.#streams.get(this.#peer)
        const batch = this.#waiting.slice(0, this.#batchLength())
        await stream.write([joinFrames(batch)])
        this.#remove(batch.length).forEach(({ sent }) => {
          sent()
        })
      } catch (thrown) {
        this.#remove(this.#waiting.length).forEach(({ failed }) => {
          failed(thrown)
        })
      }
    }
    this.#onEmpty()
  }

  /** Small messages leave together: each write becomes an encrypted packet and a system call of its own. */
  #batchLength(): number {
    let bytes = 0
    let count = 0
    while (count < this.#waiting.length && bytes < batchBytes)
      bytes += this.#cost(this.#waiting[count++]!.message)
    return count
  }

  #remove(count: number): Waiting[] {
    const removed = this.#waiting.splice(0, count)
    for (const { message } of removed) this.#waitingBytes -= this.#cost(message)
    return removed
  }

  #cost(message: Uint8Array): number {
    return message.byteLength + this.#bounds.messageOverheadBytes
  }
}

/** About one noise packet: more gains nothing and copies more. */
const batchBytes = 64 * 1024

function joinFrames(batch: readonly Waiting[]): Uint8Array {
  const parts = batch.flatMap(({ message }) => [framePrefix(message.byteLength), message])
  const joined = new Uint8Array(parts.reduce((sum, part) => sum + part.byteLength, 0))
  let at = 0
  for (const part of parts) {
    joined.set(part, at)
    at += part.byteLength
  }
  return joined
}
