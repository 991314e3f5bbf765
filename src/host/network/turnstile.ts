/** Decides whose connections come in, and which of them make room for others. */
import type { Connection, ConnectionGater, Libp2p, MultiaddrConnection } from '@libp2p/interface'
import type { Multiaddr } from '@multiformats/multiaddr'
import type { Logger } from 'pino'
import { BoundedMap } from '../../base/bounded-map.ts'
import type { PeerId } from '../../protocol/ids.ts'
import { systemClock } from '../clock.ts'
import type { NetworkBounds } from './bounds.ts'

/** A connection that somebody opened to this node. */
interface Guest {
  readonly host: string
  /** Null until it has shaken hands. */
  peer: PeerId | null
  /** Null until libp2p has made it a connection. */
  connection: Connection | null
  enteredMs: number
  /** It has said who it is, or that it listens. */
  hasSpoken: boolean
}

type Entry = readonly [MultiaddrConnection, Guest]

interface Allowance {
  readonly left: number
  readonly atMs: number
}

/** Hosts whose handshakes came to nothing that are remembered, the last ones. */
const hostsMax = 4_096

/**
 * Bounds the connections of a host, and ends one for another where there is no room for both.
 *
 * libp2p bounds both for all hosts together, and refuses at the bound: one machine which opens sockets and says
 * nothing, or is a few hundred peers at once, keeps everybody else out. Here a host has its share of connections, of
 * handshakes that are under way, of those that came to nothing, and of connections over which nothing is ever said.
 * Behind one address there may be a depot of vehicles, so these are not few; and where the node is full all the same,
 * the oldest connection that says nothing makes room, or one of the host that has the most. Peers that this node knows
 * have a reserve, and make no room; but in an open mesh anybody becomes known who tells of a vehicle, so that of one host
 * only so many are spared.
 */
export class Turnstile {
  readonly #bounds: NetworkBounds
  readonly #log: Logger
  readonly #now: () => number
  readonly #guests = new Map<MultiaddrConnection, Guest>()
  readonly #failed = new BoundedMap<string, Allowance>(hostsMax)
  #isKnown: (peer: PeerId) => boolean = () => false
  #node: Pick<Libp2p, 'getConnections'> | undefined

  /** `now`: milliseconds that only rise. */
  constructor(bounds: NetworkBounds, log: Logger, now: () => number = () => systemClock.monotonicMs()) {
    this.#bounds = bounds
    this.#log = log
    this.#now = now
  }

  get gater(): ConnectionGater {
    return {
      denyInboundConnection: (connection) => !this.#enter(connection),
      denyInboundUpgradedConnection: (peer, connection) => !this.#seat(peer.toString() as PeerId, connection),
    }
  }

  /** `isKnown`: the peer is no stranger. */
  watch(node: Pick<Libp2p, 'getConnections' | 'addEventListener'>, isKnown: (peer: PeerId) => boolean): void {
    this.#node = node
    this.#isKnown = isKnown
    node.addEventListener('connection:open', ({ detail: connection }) => {
      // A connection and what it was made of share their times, the only thing that tells them together.
      for (const [{ timeline }, guest] of this.#guests)
        if (timeline === connection.timeline) guest.connection = connection
    })
    node.addEventListener('peer:identify', ({ detail }) => {
      for (const guest of this.#guests.values())
        if (guest.connection === detail.connection) guest.hasSpoken = true
    })
  }

  #enter(connection: MultiaddrConnection): boolean {
    const host = hostOf(connection.remoteAddr)
    const { connectionsPerHostMax, pendingPerHostMax } = this.#bounds
    const inside = [...this.#guests].filter(([, guest]) => guest.host === host)
    const pending = inside.filter(([, { peer }]) => peer === null).length
    if (pending >= pendingPerHostMax || this.#allowance(host).left < 1) return false
    if (inside.length >= connectionsPerHostMax && !this.#end(oldest(this.#longSilent(inside)))) return false
    const guest: Guest = { host, peer: null, connection: null, enteredMs: this.#now(), hasSpoken: false }
    this.#guests.set(connection, guest)
    connection.addEventListener('close', () => {
      if (this.#guests.delete(connection) && guest.peer === null) this.#fail(host)
    })
    return true
  }

  /** It has shaken hands: the node knows whose it is. */
  #seat(peer: PeerId, connection: MultiaddrConnection): boolean {
    const guest = this.#guests.get(connection)
    if (guest === undefined) return false
    const { connectionsMax, reservedConnections, silentPerHostMax, knownPerHostMax } = this.#bounds
    const isSpared = this.#isKnown(peer) && this.#known(guest.host).length < knownPerHostMax
    const strangers = this.#strangers()
    const silent = this.#silent(strangers.filter(([, { host }]) => host === guest.host))
    let isSeated = true
    if (!isSpared && silent.length >= silentPerHostMax) this.#end(oldest(silent))
    else if (this.#open() >= connectionsMax - (isSpared ? 0 : reservedConnections))
      isSeated = this.#end(this.#whoMakesRoom(strangers, guest.host, isSpared))
    if (isSeated) Object.assign(guest, { peer, enteredMs: this.#now() })
    // Its handshake came to something, even if there is no room.
    else this.#guests.delete(connection)
    return isSeated
  }

  #whoMakesRoom(strangers: readonly Entry[], host: string, isSpared: boolean): Entry | undefined {
    const silent = oldest(this.#longSilent(strangers))
    if (silent !== undefined) return silent
    const { knownPerHostMax: spared } = this.#bounds
    const hosts = new Set([...this.#guests.values()].map((guest) => guest.host))
    const crowds = [...hosts].map((name) => {
      const known = this.#known(name)
      const entries = strangers.filter(([, guest]) => guest.host === name)
      const isCrowded = known.length >= spared
      return {
        name,
        size: entries.length + (isCrowded ? known.length : 0),
        entries: isCrowded ? [...entries, ...known.slice(0, -spared)] : entries,
      }
    })
    const own = crowds.find(({ name }) => name === host)?.size ?? 0
    const most = Math.max(0, ...crowds.map(({ size, entries }) => (entries.length > 0 ? size : 0)))
    // Of two hosts that have the same, neither gains by taking from the other.
    if (!isSpared && most <= own + 1) return undefined
    const crowd = crowds.find(({ size, entries }) => size === most && entries.length > 0)?.entries ?? []
    return oldest(this.#silent(crowd)) ?? oldest(crowd)
  }

  /** Connections in that have shaken hands, and all that this node opened itself. */
  #open(): number {
    const inside = [...this.#guests.values()].filter(({ peer }) => peer !== null).length
    const out = this.#node?.getConnections().filter(({ direction }) => direction === 'outbound') ?? []
    return inside + out.length
  }

  #strangers(): Entry[] {
    return [...this.#guests].filter(([, { peer }]) => peer !== null && !this.#isKnown(peer))
  }

  /** The connections of a host whose peers this node knows, the oldest first. */
  #known(host: string): Entry[] {
    return [...this.#guests].filter(
      ([, guest]) => guest.host === host && guest.peer !== null && this.#isKnown(guest.peer),
    )
  }

  #silent(entries: readonly Entry[]): Entry[] {
    return entries.filter(([, { peer, hasSpoken, connection }]) => {
      if (peer === null || hasSpoken || this.#isKnown(peer)) return false
      return !(connection?.streams ?? []).some(({ direction }) => direction === 'inbound')
    })
  }

  #longSilent(entries: readonly Entry[]): Entry[] {
    const sinceMs = this.#now() - this.#bounds.silentMs
    return this.#silent(entries).filter(([, { enteredMs }]) => enteredMs <= sinceMs)
  }

  /** False when there is nobody to end. */
  #end(entry: Entry | undefined): boolean {
    if (entry === undefined) return false
    const [connection, { peer, host }] = entry
    this.#guests.delete(connection)
    this.#log.debug({ peer, host }, 'a connection was ended to make room for another')
    connection.abort(new Error('this node needs the room for others'))
    return true
  }

  #allowance(host: string): Allowance {
    const nowMs = this.#now()
    const { failedHandshakesMax: most, failedHandshakesPerSecond: perSecond } = this.#bounds
    const { left, atMs } = this.#failed.peek(host) ?? { left: most, atMs: nowMs }
    return { left: Math.min(most, left + ((nowMs - atMs) / 1_000) * perSecond), atMs: nowMs }
  }

  #fail(host: string): void {
    const { left, atMs } = this.#allowance(host)
    this.#failed.set(host, { left: Math.max(0, left - 1), atMs })
  }
}

function oldest(entries: readonly Entry[]): Entry | undefined {
  return entries.reduce<Entry | undefined>(
    (first, entry) => (first === undefined || entry[1].enteredMs < first[1].enteredMs ? entry : first),
    undefined,
  )
}

/** The address; of IPv6 its network, of which anybody has 2^64 addresses. */
export function hostOf(address: Multiaddr): string {
  const [first] = address.getComponents()
  if (first?.value === undefined) return ''
  return first.name === 'ip6' ? networkOf(first.value) : first.value
}

/** The site of a host: of IPv6 the /48, of which one household or server may have all networks; of IPv4 the address. */
export function siteOf(host: string): string {
  const groups = host.split(':')
  return groups.length === 4 ? groups.slice(0, 3).join(':') : host
}

function networkOf(ip6: string): string {
  return groupsOf(ip6)
    .slice(0, 4)
    .map((group) => group.toString(16))
    .join(':')
}

/** The eight groups of an IPv6 address, of which the last two may be written as an IPv4 address. */
export function groupsOf(ip6: string): number[] {
  const dotted = /(\d+)\.(\d+)\.(\d+)\.(\d+)$/.exec(ip6)
  let text = ip6
  if (dotted !== null) {
    const [a, b, c, d] = dotted.slice(1).map(Number) as [number, number, number, number]
    text = `${ip6.slice(0, dotted.index)}${(a * 256 + b).toString(16)}:${(c * 256 + d).toString(16)}`
  }
  const [left, right = []] = text.split('::').map((half) => half.split(':').filter((group) => group !== ''))
  const zeros = new Array<string>(Math.max(0, 8 - left!.length - right.length)).fill('0')
  return [...left!, ...zeros, ...right].map((group) => Number.parseInt(group, 16))
}
