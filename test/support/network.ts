/**
 * What the network tests share: nodes that stop with their test, inboxes to wait on, and a peer with no manners.
 *
 * Nothing here waits for a while. A test waits for a thing to arrive, and its own time limit is the bound.
 */
import { hash } from 'node:crypto'
import type { TestContext } from 'node:test'
import { noise } from '@chainsafe/libp2p-noise'
import { generateKeyPair } from '@libp2p/crypto/keys'
import { identify } from '@libp2p/identify'
import type { Libp2p, PrivateKey, Stream } from '@libp2p/interface'
import { tcp } from '@libp2p/tcp'
import { yamux } from '@libp2p/yamux'
import { multiaddr } from '@multiformats/multiaddr'
import { createLibp2p } from 'libp2p'
import { base32 } from 'multiformats/bases/base32'
import { type Logger, pino } from 'pino'
import type { BookShelf } from '../../src/host/network/address-book.ts'
import type { Doorkeeper } from '../../src/host/network/admission.ts'
import type { NetworkBounds } from '../../src/host/network/bounds.ts'
import type { ResolveTxt } from '../../src/host/network/dnsaddr.ts'
import { Network } from '../../src/host/network/network.ts'
import type { Notices } from '../../src/host/notices.ts'
import type { Cid, PeerId } from '../../src/protocol/ids.ts'

const anyPort = '/ip4/127.0.0.1/tcp/0'

export interface TestNetworkOptions {
  readonly bootstrap?: readonly string[]
  readonly bounds?: Partial<NetworkBounds>
  readonly log?: Logger
  readonly privateKey?: PrivateKey
  readonly listen?: readonly string[]
  readonly now?: () => number
  readonly announce?: readonly string[]
  readonly meshKey?: Uint8Array
  readonly notices?: Notices
  readonly doorkeeper?: Doorkeeper
  readonly software?: string
  readonly bookShelf?: BookShelf
  readonly lan?: { readonly port: number }
  readonly resolveTxt?: ResolveTxt
  readonly gossipScope?: string
  readonly isRelay?: boolean
}

/** A node on 127.0.0.1 that stops when the test ends. */
export async function startNetwork(test: TestContext, options: TestNetworkOptions = {}): Promise<Network> {
  const network = await Network.start({
    privateKey: options.privateKey ?? (await generateKeyPair('Ed25519')),
    listen: options.listen ?? [anyPort],
    bootstrap: options.bootstrap ?? [],
    log: options.log ?? pino({ level: 'silent' }),
    gossipScope: options.gossipScope ?? 'test',
    ...(options.isRelay === undefined ? {} : { isRelay: options.isRelay }),
    ...(options.announce === undefined ? {} : { announce: options.announce }),
    ...(options.meshKey === undefined ? {} : { meshKey: options.meshKey }),
    ...(options.doorkeeper === undefined ? {} : { doorkeeper: options.doorkeeper }),
    ...(options.lan === undefined ? {} : { lan: options.lan }),
    ...(options.resolveTxt === undefined ? {} : { resolveTxt: options.resolveTxt }),
    ...(options.bookShelf === undefined ? {} : { bookShelf: options.bookShelf }),
    ...(options.software === undefined ? {} : { software: options.software }),
    ...(options.notices === undefined ? {} : { notices: options.notices }),
    ...(options.now === undefined ? {} : { now: options.now }),
    ...(options.bounds === undefined ? {} : { bounds: options.bounds }),
  })
  test.after(() => network.stop())
  return network
}

/** Two nodes that are connected. */
export async function startPair(
  test: TestContext,
  options: TestNetworkOptions = {},
): Promise<{ left: Network; right: Network }> {
  const left = await startNetwork(test, options)
  const right = await startNetwork(test, { ...options, bootstrap: left.addresses() })
  await connected(left, right.peer)
  return { left, right }
}

export function connected(network: Network, peer: PeerId): Promise<unknown> {
  const events = new Inbox<{ type: string; peer: PeerId }>()
  network.onPeer((event) => events.put(event))
  return events.find((event) => event.type === 'connected' && event.peer === peer)
}

/** Things that arrived, and promises of things to come. */
export class Inbox<Item> {
  readonly items: Item[] = []
  readonly #checks = new Set<() => void>()

  put(item: Item): void {
    this.items.push(item)
    for (const check of this.#checks) check()
  }

  /** The first item, past or future, that fits. */
  async find(fits: (item: Item) => boolean): Promise<Item> {
    await this.until((items) => items.some(fits))
    return this.items.find(fits)!
  }

  until(holds: (items: readonly Item[]) => boolean): Promise<void> {
    return new Promise((resolve) => {
      const check = () => {
        if (!holds(this.items)) return
        this.#checks.delete(check)
        resolve()
      }
      this.#checks.add(check)
      check()
    })
  }
}

export interface LogLine {
  readonly level: number
  readonly msg: string
  readonly code?: string
}

export const warnLevel = 40

/** A logger whose lines a test can wait for. */
export function logInbox(): { log: Logger; lines: Inbox<LogLine> } {
  const lines = new Inbox<LogLine>()
  const log = pino({ level: 'debug' }, { write: (line: string) => lines.put(JSON.parse(line)) })
  return { log, lines }
}

export function cidOf(block: Uint8Array): Cid {
  const digest = hash('sha256', block, 'buffer')
  return base32.encode(Uint8Array.from([0x01, 0x55, 0x12, 0x20, ...digest])) as string as Cid
}

/** The 36 bytes of a CID as the blocks protocol sends it. */
export function cidBytesOf(block: Uint8Array): Uint8Array {
  return base32.decode(cidOf(block))
}

/** Distinct blocks by CID. */
export function testBlocks(count: number, lengthBytes: number): Map<Cid, Uint8Array> {
  const blocks = new Map<Cid, Uint8Array>()
  for (let index = 0; index < count; index++) {
    const block = new Uint8Array(Buffer.alloc(lengthBytes, hash('sha256', String(index), 'buffer')))
    blocks.set(cidOf(block), block)
  }
  return blocks
}

/** libp2p holds a node itself to so many streams of a protocol that it opens: a hostile one would not be held. */
const openedStreamsMax = 1000

/** A libp2p node that speaks no protocol of ours and says what a test tells it to. */
export class RawPeer {
  readonly node: Libp2p

  /** A silent one does not even say who it is. */
  static async start(test: TestContext, { isSilent = false } = {}): Promise<RawPeer> {
    const node = await createLibp2p({
      addresses: { listen: [anyPort] },
      transports: [tcp()],
      connectionEncrypters: [noise()],
      streamMuxers: [yamux()],
      ...(isSilent ? {} : { services: { identify: identify({ maxOutboundStreams: openedStreamsMax }) } }),
    })
    test.after(() => node.stop())
    return new RawPeer(node)
  }

  private constructor(node: Libp2p) {
    this.node = node
  }

  get peer(): PeerId {
    return this.node.peerId.toString() as PeerId
  }

  addresses(): string[] {
    return this.node.getMultiaddrs().map(String)
  }

  async open(network: Network, protocol: string): Promise<RawStream> {
    const connection = await this.node.dial(multiaddr(network.addresses()[0]!))
    return new RawStream(await connection.newStream(protocol, { maxOutboundStreams: openedStreamsMax }))
  }

  /** Serves a protocol badly. */
  async handle(protocol: string, serve: (stream: RawStream) => void): Promise<void> {
    await this.node.handle(protocol, (stream) => serve(new RawStream(stream)))
  }
}

export class RawStream {
  readonly stream: Stream
  readonly received = new Inbox<Uint8Array>()
  /** Resolves once either side has reset or closed the stream. */
  readonly closed: Promise<void>

  constructor(stream: Stream) {
    this.stream = stream
    stream.addEventListener('message', ({ data }) => this.received.put(data.subarray()))
    this.closed = new Promise((resolve) => {
      stream.addEventListener('close', () => resolve())
      if (stream.status !== 'open') resolve()
    })
  }

  /** Says it whether or not anybody listens; false once the stream is gone or full. */
  send(bytes: Uint8Array): boolean {
    try {
      return this.stream.send(bytes)
    } catch {
      return false
    }
  }

  /** Sends until the other side resets the stream, as fast as it will take. */
  async flood(bytes: Uint8Array): Promise<void> {
    while (this.stream.status === 'open') {
      if (this.send(bytes)) await new Promise(setImmediate)
      else
        await Promise.race([
          new Promise((resolve) => this.stream.addEventListener('drain', resolve, { once: true })),
          this.closed,
        ])
    }
  }
}
