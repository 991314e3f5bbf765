/**
 * The addresses that this node tells others, those that most of them can use first: public ones, then those of private
 * networks, and those of this machine alone only where there are no others.
 *
 * An advert has room for four, and a machine may have many more: each container bridge is one. So among private addresses
 * those come first at which peers see this node, by how many hosts say so. IPv4 and IPv6 take turns, so that neither
 * crowds out the other.
 *
 * libp2p takes the public addresses of a machine for unverified, and tells nobody of them, until AutoNAT confirms them. Whether
 * they can be dialled is learned here in another way (reachability.ts), and they are told from the start: an address that is
 * named by --listen is meant to be dialled.
 *
 * A node that nobody can dial also tells where a relay keeps a place for it (relay-client.ts).
 */
import { isIP } from 'node:net'
import type { Multiaddr } from '@multiformats/multiaddr'
import { areaOf } from './reach.ts'
import { isCircuit, relayIn } from './relayed.ts'

/** The parts of a libp2p node that know its addresses. */
export interface OwnComponents {
  readonly transportManager: { getAddrs(): Multiaddr[] }
  readonly addressManager: {
    confirmObservedAddr(address: Multiaddr, options: { readonly type: 'transport' }): void
  }
}

/** Hosts that are remembered to have seen this node at one address: more change no order. */
const witnessesMax = 16

export class OwnAddresses {
  readonly #components: OwnComponents
  readonly #announce: readonly Multiaddr[]
  /** By the address of an interface, the hosts that saw this node there. */
  readonly #witnesses = new Map<string, Set<string>>()

  /** `announce`: told instead of the addresses of this machine; none: it is those. */
  constructor(components: OwnComponents, announce: readonly Multiaddr[]) {
    this.#components = components
    this.#announce = announce
  }

  /**
   * Returns all that others are told: public addresses, then that of the relay through which they reach this node, then the rest,
   * which mean something in its own network alone.
   */
  told(): Multiaddr[] {
    const [own, circuits] = [this.list(), this.circuits()]
    const isPublic = (address: Multiaddr) => this.areAnnounced || areaOf(hostIn(address)) === 'public'
    return [...own.filter(isPublic), ...circuits, ...own.filter((address) => !isPublic(address))]
  }

  /** Returns one address for each relay that keeps a place for this node. */
  circuits(): Multiaddr[] {
    const all = this.#components.transportManager.getAddrs().filter(isCircuit)
    return [...new Map(all.map((address) => [relayIn(address), address])).values()]
  }

  /** Returns the addresses of this node itself without /p2p/…, the most useful first. */
  list(): Multiaddr[] {
    if (this.#announce.length > 0) return [...new Map(this.#announce.map((a) => [String(a), a])).values()]
    const listening = this.#components.transportManager.getAddrs().filter((address) => !isCircuit(address))
    for (const address of listening)
      if (areaOf(hostIn(address)) === 'public')
        this.#components.addressManager.confirmObservedAddr(address, { type: 'transport' })
    return inOrder(listening, (ip) => this.#witnesses.get(ip)?.size ?? 0)
  }

  /** True when it is the owner's word, and not this machine, that says where the node is. */
  get areAnnounced(): boolean {
    return this.#announce.length > 0
  }

  /** The ports at which somebody may dial an address of this version; a name may stand for either. */
  ports(version: 4 | 6): number[] {
    const ports = this.list().flatMap((address) => {
      const [host, tcp] = address.getComponents()
      const isOther = host?.name === (version === 4 ? 'ip6' : 'ip4') || host?.name === `dns${10 - version}`
      return isOther || tcp?.name !== 'tcp' ? [] : [Number(tcp.value)]
    })
    return [...new Set(ports)]
  }

  /** Somebody at this host sees this node at that address. True when the addresses have another order now. */
  seen(ip: string, host: string): boolean {
    const before = this.list()
    if (!before.some((address) => hostIn(address) === ip)) return false
    const witnesses = this.#witnesses.get(ip) ?? new Set()
    this.#witnesses.set(ip, witnesses)
    if (witnesses.size < witnessesMax) witnesses.add(host)
    return this.list().join() !== before.join()
  }
}

/** `witnesses`: how many saw the node at this IP address. */
export function inOrder(addresses: readonly Multiaddr[], witnesses: (ip: string) => number): Multiaddr[] {
  const distinct = [...new Map(addresses.map((address) => [String(address), address])).values()]
  const usable = distinct.filter((address) => {
    const ip = hostIn(address)
    // A link-local address names no place without its interface (RFC 4007).
    return areaOf(ip) !== 'nowhere' && !/^fe[89ab]/i.test(ip)
  })
  const of = (area: ReturnType<typeof areaOf>) => {
    const those = usable
      .filter((address) => areaOf(hostIn(address)) === area)
      .sort((a, b) => witnesses(hostIn(b)) - witnesses(hostIn(a)))
    return inTurns(
      those.filter((address) => isIP(hostIn(address)) === 4),
      those.filter((address) => isIP(hostIn(address)) === 6),
    )
  }
  const others = [...of('public'), ...of('private')]
  return others.length > 0 ? others : of('loopback')
}

export function hostIn(address: Multiaddr): string {
  return address.getComponents()[0]?.value ?? ''
}

function inTurns<Item>(left: readonly Item[], right: readonly Item[]): Item[] {
  const places = Array.from({ length: Math.max(left.length, right.length) }, (_, i) => i)
  return places.flatMap((i) => [...left.slice(i, i + 1), ...right.slice(i, i + 1)])
}
