/** Finds the mesh through the bootstrap peers, and lets them go once others are found. */
import type { Connection, Libp2p } from '@libp2p/interface'
import type { Multiaddr } from '@multiformats/multiaddr'
import type { Logger } from 'pino'
import type { PeerId } from '../../protocol/ids.ts'
import type { Notices } from '../notices.ts'
import type { NetworkBounds } from './bounds.ts'
import { redialPauseMs } from './dial-plan.ts'
import { type ResolveTxt, resolveAddress } from './dnsaddr.ts'
import { hangUp, type Introductions } from './introductions.ts'
import type { Neighbours } from './neighbours.ts'
import { outageOf } from './outage.ts'
import { withoutName } from './twins.ts'

interface Entry {
  readonly address: Multiaddr
  /** The peer that we found there; the address need not name it. */
  peer: PeerId | undefined
  failures: number
  /** The words that were said of the present outage. */
  outage: string
  timer: NodeJS.Timeout | undefined
  isDialing: boolean
}

/** How often a node looks whether it can let its bootstrap peers go, or needs them again. */
const lookIntervalMs = 5_000

/**
 * Keeps a node in touch with its bootstrap peers for as long as it needs them, and says so once per outage.
 *
 * In a mesh of a few nodes it stays connected to them. In a larger one it asks them for others (introductions.ts), hangs up
 * once it has neighbours enough, and comes back when it has lost half of them.
 *
 * @libp2p/bootstrap was declined: it dials once, leaves the rest to reconnects that stop after five tries, and
 * dials nobody at all, silently, with a tag that never expires (notes/libp2p.md §1, traps 12 and 13).
 */
export class Bootstrap {
  readonly #node: Libp2p
  readonly #neighbours: Neighbours
  readonly #introductions: Introductions
  readonly #bounds: NetworkBounds
  readonly #notices: Pick<Notices, 'tell' | 'drop'>
  readonly #log: Logger
  readonly #resolveTxt: ResolveTxt | undefined
  readonly #entries: Entry[]
  readonly #stopping = new AbortController()
  readonly #timer: NodeJS.Timeout

  constructor(
    node: Libp2p,
    addresses: readonly Multiaddr[],
    neighbours: Neighbours,
    introductions: Introductions,
    bounds: NetworkBounds,
    notices: Pick<Notices, 'tell' | 'drop'>,
    log: Logger,
    resolveTxt?: ResolveTxt,
  ) {
    this.#node = node
    this.#neighbours = neighbours
    this.#introductions = introductions
    this.#bounds = bounds
    this.#notices = notices
    this.#log = log
    this.#resolveTxt = resolveTxt
    this.#entries = addresses.map((address) => ({
      address,
      peer: undefined,
      failures: 0,
      outage: '',
      timer: undefined,
      isDialing: false,
    }))
    node.addEventListener('peer:disconnect', ({ detail }) => {
      for (const entry of this.#entries) {
        if (entry.peer !== detail.toString()) continue
        entry.peer = undefined
        if (this.#isNeeded()) void this.#dial(entry)
      }
    })
    this.#timer = setInterval(() => this.#look(), lookIntervalMs).unref()
    for (const entry of this.#entries) void this.#dial(entry)
  }

  /** True for the peers that were found where this node was told to look. */
  isKnown(peer: PeerId): boolean {
    return this.#entries.some((entry) => entry.peer === peer)
  }

  stop(): void {
    this.#stopping.abort(new Error('this node is stopping'))
    clearInterval(this.#timer)
    for (const { timer } of this.#entries) clearTimeout(timer)
  }

  #look(): void {
    if (this.#isNeeded()) {
      for (const entry of this.#entries)
        if (entry.peer === undefined && entry.timer === undefined) void this.#dial(entry)
    } else if (this.#node.getPeers().length >= this.#bounds.degreeMin) {
      for (const connection of this.#node.getConnections())
        if (this.isKnown(connection.remotePeer.toString() as PeerId) && this.#mayEnd(connection))
          void hangUp(connection)
    }
  }

  /** In a mesh of a few nodes always; in a larger one while this node has less than half of its neighbours. */
  #isNeeded(): boolean {
    return (
      this.#neighbours.count <= this.#bounds.fullMeshPeersMax || this.#others() < this.#bounds.degreeMin / 2
    )
  }

  /** Peers that are connected and are no bootstrap peers. */
  #others(): number {
    return this.#node.getPeers().filter((peer) => !this.isKnown(peer.toString() as PeerId)).length
  }

  async #dial(entry: Entry): Promise<void> {
    if (this.#stopping.signal.aborted || entry.isDialing) return
    const address = entry.address.toString()
    entry.isDialing = true
    clearTimeout(entry.timer)
    entry.timer = undefined
    try {
      const connection = await this.#dialAny(await resolveAddress(entry.address, this.#resolveTxt))
      if (connection.status !== 'open') throw new Error('it closed the connection')
      entry.peer = connection.remotePeer.toString() as PeerId
      entry.failures = 0
      this.#notices.drop('bootstrap', address)
      this.#log.info({ address, peer: entry.peer }, `bootstrap peer reached: ${address}`)
      void this.#introductions.ask(connection).then((peers) => this.#neighbours.hear(peers))
    } catch (thrown) {
      if (this.#stopping.signal.aborted) return
      // A fleet hands every node the same list: one of them finds itself on it.
      if (thrown instanceof Error && thrown.name === 'InvalidPeerIdError') {
        // A copy of its data directory would answer like this, too.
        const text = `the bootstrap address ${address} leads to this node itself, or to another one under its identity`
        this.#log.info({ address }, text)
        return
      }
      // The first reason of an outage is the one that is told, and shown for as long as it lasts.
      if (entry.failures === 0)
        entry.outage = `bootstrap peer unreachable, will keep trying: ${address}: ${outageOf(thrown)}`
      this.#notices.tell({ kind: 'bootstrap', about: address, text: entry.outage })
      entry.timer = setTimeout(() => void this.#dial(entry), redialPauseMs(entry.failures++, this.#bounds))
    } finally {
      entry.isDialing = false
    }
  }

  /** Its own side opened it, and nobody needs it now. */
  #mayEnd(connection: Connection): boolean {
    return connection.direction === 'outbound' && !this.#introductions.isBusy(connection)
  }

  /** Dials one after the other, until somebody answers. */
  async #dialAny(addresses: readonly Multiaddr[]): Promise<Connection> {
    let failure: unknown
    for (const address of addresses) {
      const timeout = AbortSignal.timeout(this.#bounds.dialTimeoutMs)
      const signal = AbortSignal.any([timeout, this.#stopping.signal])
      try {
        return await this.#node.dial(withoutName(address, this.#node.peerId.toString()), { signal })
      } catch (thrown) {
        failure = thrown
        this.#stopping.signal.throwIfAborted()
      }
    }
    throw failure
  }
}
