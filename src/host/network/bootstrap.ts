/** Finds the mesh through the bootstrap peers, and lets them go once others are found. */
import { setTimeout as delay } from 'node:timers/promises'
import type { Connection, Libp2p } from '@libp2p/interface'
import type { Multiaddr } from '@multiformats/multiaddr'
import type { Logger } from 'pino'
import type { PeerId } from '../../protocol/ids.ts'
import type { Notices } from '../notices.ts'
import type { NetworkBounds } from './bounds.ts'
import { redialPauseMs } from './dial-plan.ts'
import { type ResolveTxt, resolveAddress } from './dnsaddr.ts'
import { type Acquaintance, hangUp, type Introductions } from './introductions.ts'
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
  /** It leads to this node itself. */
  isOwn: boolean
}

/** So long an address of a domain has before the next one is dialled as well. A guess. */
const silentMs = 1_000

/** How often a node looks whether it can let its bootstrap peers go, or needs them again. */
const lookIntervalMs = 5_000

/**
 * Keeps a node in touch with its bootstrap peers for as long as it needs them, and says so once per outage.
 *
 * In a mesh of a few nodes it stays connected to them. In a larger one it asks them for others (introductions.ts), hangs up
 * once it has neighbours enough, and comes back when it has lost half of them.
 *
 * @libp2p/bootstrap was declined: it dials once, leaves the rest to reconnects that stop after five tries, and
 * dials nobody at all, silently, with a tag that never expires.
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
  readonly #onMet: ((peers: readonly Acquaintance[]) => void) | undefined

  constructor(
    node: Libp2p,
    addresses: readonly Multiaddr[],
    neighbours: Neighbours,
    introductions: Introductions,
    bounds: NetworkBounds,
    notices: Pick<Notices, 'tell' | 'drop'>,
    log: Logger,
    resolveTxt?: ResolveTxt,
    /** Given by a node that hears a part of the mesh alone, and looks for it itself: it is told who was met here. */
    onMet?: (peers: readonly Acquaintance[]) => void,
  ) {
    this.#onMet = onMet
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
      isOwn: false,
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

  /** There is somewhere to look, and nobody has answered there yet. */
  get isSeeking(): boolean {
    const others = this.#entries.filter(({ isOwn }) => !isOwn)
    return others.length > 0 && others.every(({ peer }) => peer === undefined)
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
    } else if (this.#onMet === undefined && this.#node.getPeers().length >= this.#bounds.degreeMin) {
      for (const connection of this.#node.getConnections())
        if (this.isKnown(connection.remotePeer.toString() as PeerId) && this.#mayEnd(connection))
          void hangUp(connection)
    }
  }

  /** In a mesh of a few nodes always; in a larger one while this node has less than half of its neighbours. */
  #isNeeded(): boolean {
    if (this.#onMet !== undefined) return !this.#hasNear()
    return (
      this.#neighbours.count <= this.#bounds.fullMeshPeersMax || this.#others() < this.#bounds.degreeMin / 2
    )
  }

  #hasNear(): boolean {
    return this.#node.getPeers().some((peer) => this.#neighbours.isNear(peer.toString() as PeerId))
  }

  #met(): Acquaintance[] {
    return this.#entries.flatMap(({ peer, address }) => {
      if (peer === undefined) return []
      const addresses = this.#neighbours.addressesOf(peer)
      const own = address.getComponents()[0]?.name === 'dnsaddr' ? [] : [address.toString()]
      return [{ peer, addresses: addresses.length > 0 ? addresses : own }]
    })
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
      const facts = address.includes(entry.peer) ? {} : { peer: entry.peer }
      this.#log.info(facts, `bootstrap peer reached: ${address}`)
      if (this.#onMet !== undefined) this.#onMet(this.#met())
      else void this.#introductions.ask(connection).then((peers) => this.#neighbours.hear(peers))
    } catch (thrown) {
      if (this.#stopping.signal.aborted) return
      // A fleet hands every node the same list: one of them finds itself on it.
      if (thrown instanceof Error && thrown.name === 'InvalidPeerIdError') {
        // A copy of its data directory would answer like this, too.
        const text = `the bootstrap address ${address} leads to this node itself, or to another one under its identity`
        this.#log.info({ address }, text)
        entry.isOwn = true
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

  /**
   * Dials the addresses of a domain in their order, until somebody answers: the next one when the one before has failed, or says nothing
   * for a while (as RFC 8305 has it for the addresses of a host), since one that is silent takes ten seconds to fail.
   */
  async #dialAny(addresses: readonly Multiaddr[]): Promise<Connection> {
    const over = new AbortController()
    const attempts: Promise<Connection>[] = []
    for (const [i, address] of addresses.entries())
      attempts.push(this.#dialAfter(attempts.at(-1), i * silentMs, address, over.signal))
    try {
      const answered = await Promise.any(attempts)
      // Of two that answered at once one is in use. Two addresses of one peer may be one connection.
      const others = attempts.map((attempt) => attempt.catch(() => answered))
      for (const other of others)
        void other.then((connection) => (connection === answered ? undefined : hangUp(connection)))
      return answered
    } catch (thrown) {
      throw (thrown as AggregateError).errors.at(-1)
    } finally {
      over.abort(new Error('another address answered'))
    }
  }

  async #dialAfter(
    before: Promise<Connection> | undefined,
    afterMs: number,
    address: Multiaddr,
    over: AbortSignal,
  ): Promise<Connection> {
    if (before !== undefined)
      await Promise.race([before.catch(() => {}), delay(afterMs, undefined, { ref: false, signal: over })])
    const timeout = AbortSignal.timeout(this.#bounds.dialTimeoutMs)
    const signal = AbortSignal.any([timeout, over, this.#stopping.signal])
    signal.throwIfAborted()
    return this.#node.dial(withoutName(address, this.#node.peerId.toString()), { signal })
  }
}
