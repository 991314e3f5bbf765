/** A libp2p stream with flow control that holds in both directions. */
import type { Stream, StreamCloseEvent, StreamMessageEvent } from '@libp2p/interface'
import { NetworkError } from './errors.ts'
import { grantByHalves } from './thrift.ts'

/**
 * A libp2p stream with flow control that holds in both directions.
 *
 * js-libp2p 3 streams look flow-controlled and are not: `onDrain` never re-arms after its first drain, and
 * `for await (const chunk of stream)` reads as fast as the peer sends, however slow the loop body (652 MiB and
 * 930 MiB queued). So this class listens to the events and keeps its own account:
 *
 * - Reading pauses the stream once `readAheadBytesMax` wait for the reader, in a microtask, because a pause
 *   inside the 'message' event that a resume raised is undone by the library. A paused stream stops granting
 *   yamux window, and the peer's writes stop.
 * - Writing waits until the stream's own buffer is empty, not merely for one 'drain': the muxer wakes all
 *   streams of a connection, also those whose peer has not granted any window.
 * - Small writes of one turn of the event loop leave together, because each send becomes an encrypted packet and
 *   a system call of its own: a head and a body of 100 bytes were two, and a lease has a hundred of them.
 *
 * `lpStream` and `pbStream` were declined: they abort at 4 MiB even with a fast reader (trap 6).
 */
export class FlowStream {
  readonly #stream: Stream
  readonly #readAheadBytesMax: number
  readonly #whyClosed: () => string | undefined
  readonly #chunks: Uint8Array[] = []
  #chunkBytes = 0
  #readBytes = 0
  #givenBytes = 0
  #failure: Error | undefined
  #wakeReader = () => {}
  readonly #wakeWriters = new Set<() => void>()
  /** Written, and to be sent at the end of this turn. */
  #corked: Uint8Array[] = []
  #corkedBytes = 0
  #flushes = 0
  readonly #onClose = Promise.withResolvers<Error | undefined>()

  /** `whyClosed`: a better reason than the transport has, if there is one, once the stream has ended. */
  constructor(
    stream: Stream,
    readAheadBytesMax: number,
    whyClosed: () => string | undefined = () => undefined,
  ) {
    this.#stream = stream
    this.#readAheadBytesMax = readAheadBytesMax
    this.#whyClosed = whyClosed
    grantByHalves(stream)
    stream.addEventListener('message', (event) => this.#take(event))
    stream.addEventListener('drain', () => this.#wake())
    stream.addEventListener('idle', () => this.#wake())
    stream.addEventListener('end', () => this.#wake())
    stream.addEventListener('close', (event) => this.#close(event))
    if (stream.status !== 'open') this.#onClose.resolve(undefined)
  }

  /** Resolves, with the error if there was one, once nothing can be sent or received. Never rejects. */
  get closed(): Promise<Error | undefined> {
    return this.#onClose.promise
  }

  get open(): boolean {
    return this.#stream.status === 'open' && this.#stream.writeStatus === 'writable'
  }

  /** Received so far. With `sentBytes`, what progress is measured by. */
  get readBytes(): number {
    return this.#readBytes
  }

  /** Taken by the transport so far, which takes no more than the peer has granted. */
  get sentBytes(): number {
    return this.#givenBytes - this.#stream.writeBufferLength
  }

  /**
   * Sends the parts as one uninterrupted run of bytes and resolves once the transport has taken them.
   * Rejects with whatever the stream was aborted with, or 'closed', when it ends first.
   */
  async write(parts: readonly Uint8Array[]): Promise<void> {
    if (!this.open) throw this.#ended()
    if (this.#corked.length === 0) setImmediate(() => this.#flush())
    const flushes = this.#flushes
    for (const part of parts) {
      this.#corked.push(part)
      this.#corkedBytes += part.byteLength
    }
    if (this.#corkedBytes >= corkedBytesMax) this.#flush()
    while (this.#flushes === flushes || this.#stream.writeBufferLength > 0) {
      // The library refills its transport in a microtask after 'drain', which is before we look again.
      await new Promise<void>((resolve) => this.#wakeWriters.add(resolve))
      if (!this.open) throw this.#ended()
    }
  }

  /** The received bytes, as they came. Ends when the peer ends its side, throws when the stream fails. */
  async *chunks(): AsyncGenerator<Uint8Array, void, undefined> {
    for (;;) {
      for (let chunk = this.#chunks.shift(); chunk !== undefined; chunk = this.#chunks.shift()) {
        this.#chunkBytes -= cost(chunk)
        yield chunk
      }
      if (this.#stream.readStatus === 'paused') {
        this.#stream.resume()
        if (this.#chunks.length > 0) continue
      }
      if (this.#failure !== undefined) throw this.#failure
      if (this.#stream.readableEnded || this.#stream.status !== 'open') return
      await new Promise<void>((resolve) => {
        this.#wakeReader = resolve
      })
    }
  }

  /** Resets the stream at once; its reader and its writer see `error`. */
  abort(error: Error): void {
    this.#failure ??= error
    this.#stream.abort(error)
    this.#wake()
  }

  #flush(): void {
    const corked = this.#corked
    const bytes = this.#corkedBytes
    if (corked.length === 0 || !this.open) return
    this.#corked = []
    this.#corkedBytes = 0
    this.#flushes += 1
    this.#givenBytes += bytes
    try {
      // A large block is sent where it lies.
      for (const part of bytes < corkedBytesMax ? [joined(corked, bytes)] : corked) this.#stream.send(part)
    } catch (error) {
      this.abort(error as Error)
    }
    this.#wake()
  }

  #take(event: StreamMessageEvent): void {
    const data = event.data
    for (const chunk of data instanceof Uint8Array ? [data] : data) {
      this.#chunks.push(chunk)
      this.#chunkBytes += cost(chunk)
      this.#readBytes += chunk.byteLength
    }
    queueMicrotask(() => this.#pauseWhenFull())
    this.#wakeReader()
  }

  #pauseWhenFull(): void {
    if (this.#chunkBytes > this.#readAheadBytesMax && this.#stream.readStatus === 'readable')
      this.#stream.pause()
  }

  #close(event: StreamCloseEvent): void {
    const why = this.#whyClosed()
    this.#failure ??=
      why === undefined ? event.error : new NetworkError('closed', why, { cause: event.error })
    this.#onClose.resolve(this.#failure)
    this.#wake()
  }

  #wake(): void {
    this.#wakeReader()
    const writers = [...this.#wakeWriters]
    this.#wakeWriters.clear()
    for (const wake of writers) wake()
  }

  #ended(): Error {
    if (this.#failure instanceof NetworkError) return this.#failure
    return new NetworkError('closed', 'the stream is closed', { cause: this.#failure })
  }
}

/** About one noise packet: more gains nothing and copies more. */
const corkedBytesMax = 64 * 1024

function joined(parts: readonly Uint8Array[], bytes: number): Uint8Array {
  if (parts.length === 1) return parts[0]!
  const whole = new Uint8Array(bytes)
  let at = 0
  for (const part of parts) {
    whole.set(part, at)
    at += part.byteLength
  }
  return whole
}

/** A chunk's bytes and its bookkeeping: a flood of one-byte chunks must fill the read-ahead long before the heap. */
function cost(chunk: Uint8Array): number {
  return chunk.byteLength + 128
}
