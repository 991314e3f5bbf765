/** Bounds connections and handshakes for each host. */
import type { ConnectionGater, MultiaddrConnection } from '@libp2p/interface'
import type { Multiaddr } from '@multiformats/multiaddr'
import type { NetworkBounds } from './bounds.ts'

/**
 * Lets so many connections in from one host, and so many that have not shaken hands yet.
 *
 * libp2p bounds both for all hosts together, so that one machine which opens sockets and says nothing, or is a few
 * hundred peers at once, keeps everybody else out. Behind one address there may be a depot of vehicles: a host gets
 * half of all connections, not a few.
 */
export class Turnstile {
  readonly #bounds: NetworkBounds
  readonly #hosts = new Map<string, Map<MultiaddrConnection, 'pending' | 'open'>>()

  constructor(bounds: NetworkBounds) {
    this.#bounds = bounds
  }

  get gater(): ConnectionGater {
    return {
      denyInboundConnection: (connection) => !this.#enter(connection),
      denyInboundUpgradedConnection: (_peer, connection) => {
        this.#hosts.get(hostOf(connection.remoteAddr))?.set(connection, 'open')
        return false
      },
    }
  }

  #enter(connection: MultiaddrConnection): boolean {
    const host = hostOf(connection.remoteAddr)
    const inside = this.#hosts.get(host) ?? new Map<MultiaddrConnection, 'pending' | 'open'>()
    const pending = [...inside.values()].filter((state) => state === 'pending').length
    if (inside.size >= this.#bounds.connectionsPerHostMax || pending >= this.#bounds.pendingPerHostMax)
      return false
    this.#hosts.set(host, inside.set(connection, 'pending'))
    connection.addEventListener('close', () => {
      inside.delete(connection)
      if (inside.size === 0) this.#hosts.delete(host)
    })
    return true
  }
}

/** The address; of IPv6 its network, of which anybody has 2^64 addresses. */
export function hostOf(address: Multiaddr): string {
  const [first] = address.getComponents()
  if (first?.value === undefined) return ''
  return first.name === 'ip6' ? networkOf(first.value) : first.value
}

function networkOf(ip6: string): string {
  const [left, right = []] = ip6.split('::').map((half) => half.split(':').filter((group) => group !== ''))
  const zeros = new Array(Math.max(0, 8 - left!.length - right.length)).fill('0')
  return [...left!, ...zeros, ...right]
    .slice(0, 4)
    .map((group) => Number.parseInt(group, 16).toString(16))
    .join(':')
}
