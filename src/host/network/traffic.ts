/**
 * Bytes that this process sends and receives over networks, for the owner's cap where each is paid for.
 *
 * Node tells of each TCP socket that it makes; counting there misses the headers of packets (some 4 %) and nothing else.
 * libp2p's own metrics were declined: they count what is in streams, after encryption and multiplexing took their part.
 */
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import type { Socket } from 'node:net'

const channels = ['net.client.socket', 'net.server.socket']

/** Counts for all nodes of this process: one listener a socket, however many nodes there are. */
class Meter {
  readonly #open = new Set<Socket>()
  readonly #take = (message: unknown): void => {
    const { socket } = message as { readonly socket: Socket }
    // A socket of this machine has no address, and one to itself no bill.
    if (socket.remoteAddress !== undefined) this.#count(socket)
    else socket.once('connect', () => this.#count(socket))
  }
  #closedBytes = 0
  #users = 0

  begin(): void {
    this.#users += 1
    if (this.#users === 1) for (const channel of channels) subscribe(channel, this.#take)
  }

  end(): void {
    this.#users -= 1
    if (this.#users > 0) return
    for (const channel of channels) unsubscribe(channel, this.#take)
    this.#closedBytes = this.bytes
    this.#open.clear()
  }

  get bytes(): number {
    let bytes = this.#closedBytes
    for (const socket of this.#open) bytes += socket.bytesRead + socket.bytesWritten
    return bytes
  }

  #count(socket: Socket): void {
    if (socket.remoteAddress === undefined || isLoopback(socket.remoteAddress)) return
    this.#open.add(socket)
    socket.once('close', () => {
      if (this.#open.delete(socket)) this.#closedBytes += socket.bytesRead + socket.bytesWritten
    })
  }
}

const meter = new Meter()

export class Traffic {
  readonly #before: number

  constructor() {
    meter.begin()
    this.#before = meter.bytes
  }

  /** Since it was made, until it is closed. */
  get bytes(): number {
    return meter.bytes - this.#before
  }

  /** Call once. */
  close(): void {
    meter.end()
  }
}

function isLoopback(address: string): boolean {
  return address === '::1' || /^(::ffff:)?127\./.test(address)
}
