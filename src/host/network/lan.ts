/**
 * Peers on the same local network, found by multicast DNS.
 *
 * @libp2p/mdns asks and answers; it is no discovery service of libp2p's own here, since libp2p would keep an entry for every
 * name that anybody on the network makes up. What it finds are claims like any others, and so many a minute at most.
 */
import { createHash } from 'node:crypto'
import { type MulticastDNSComponents, mdns } from '@libp2p/mdns'
import type { PeerId } from '../../protocol/ids.ts'
import { systemClock } from '../clock.ts'
import type { Acquaintance } from './introductions.ts'

/** Peers that are heard of in a minute: a depot tells of its vehicles within some minutes. A guess. */
export const heardPerMinuteMax = 32

export interface LanOptions {
  /** The mesh; nodes of others are not heard. */
  readonly scope: string
  /** A port of UDP; another than mDNS's own for tests. */
  readonly port?: number
  readonly hear: (acquaintances: readonly Acquaintance[]) => void
}

/** A service of a libp2p node, which starts and stops with it. */
export function lan({ scope, port = 5353, hear }: LanOptions) {
  // A name in the DNS has 15 letters at most (RFC 6763), and tells nobody which fleet it is.
  const tag = createHash('sha256').update(scope).digest('hex').slice(0, 6)
  return (components: MulticastDNSComponents) => {
    const discovery = mdns({ serviceTag: `_carpool${tag}._udp.local`, port })(
      components,
    ) as unknown as Startable
    const mayHear = perMinute(heardPerMinuteMax)
    discovery.addEventListener('peer', ({ detail: { id, multiaddrs } }) => {
      if (mayHear()) hear([{ peer: `${id}` as PeerId, addresses: multiaddrs.map(String) }])
    })
    return { start: () => discovery.start(), stop: () => discovery.stop() }
  }
}

interface Startable {
  start(): Promise<void>
  stop(): Promise<void>
  addEventListener(
    type: 'peer',
    listener: (event: {
      readonly detail: { readonly id: unknown; readonly multiaddrs: readonly unknown[] }
    }) => void,
  ): void
}

/** Returns what says yes so often in each minute. `now`: milliseconds that only rise. */
export function perMinute(times: number, now: () => number = () => systemClock.monotonicMs()): () => boolean {
  let minute = 0
  let said = 0
  return () => {
    const present = Math.floor(now() / 60_000)
    if (present !== minute) [minute, said] = [present, 0]
    said += 1
    return said <= times
  }
}
