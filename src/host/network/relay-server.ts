/**
 * The relay's side: a node that others can dial keeps places for peers that nobody can dial, and carries connections to them.
 *
 * It is for offers, receipts and small jobs where no node that can be dialled may act. So it is bounded on every side: places,
 * connections at a time and in a row, for each host and in all, and bytes and time for each connection. It carries ciphertext,
 * since the two ends shake hands through it, admission included; and in a fleet it has only members as peers.
 *
 * A place ends when its peer leaves. libp2p keeps it until its time is over, and three vehicles that came and left took up three
 * places for hours (js-libp2p #2833).
 */
import { type CircuitRelayService, circuitRelayServer, RELAY_V2_HOP_CODEC } from '@libp2p/circuit-relay-v2'
import type { Connection, ConnectionGater, PeerId as LibPeerId, Libp2p } from '@libp2p/interface'
import type { Logger } from 'pino'
import { BoundedMap } from '../../base/bounded-map.ts'
import { systemClock } from '../clock.ts'
import type { NetworkBounds } from './bounds.ts'
import { isRelayed } from './relayed.ts'
import { hostOf } from './turnstile.ts'

export type RelayNode = Libp2p<{ relay?: CircuitRelayService }>

/** Hosts whose dials are counted, the last ones. */
const hostsMax = 4_096

export class RelayServer {
  readonly #bounds: NetworkBounds
  readonly #log: Logger
  readonly #now: () => number
  readonly #budgets = new BoundedMap<string, { readonly left: number; readonly atMs: number }>(hostsMax)
  #node: RelayNode | undefined
  #isOpen: () => boolean = () => false

  /** `now`: milliseconds that only rise. */
  constructor(bounds: NetworkBounds, log: Logger, now: () => number = () => systemClock.monotonicMs()) {
    this.#bounds = bounds
    this.#log = log
    this.#now = now
  }

  /** Part of a libp2p node's services. */
  service(): ReturnType<typeof circuitRelayServer> {
    const bounds = this.#bounds
    return circuitRelayServer({
      hopTimeout: bounds.handshakeTimeoutMs,
      // Each relayed connection keeps one open on the connection of its dialler.
      maxInboundHopStreams: bounds.relayedPerHostMax + bounds.inboundStreamsMax,
      maxOutboundStopStreams: bounds.relayedPerHostMax,
      reservations: {
        maxReservations: bounds.relaySeatsMax,
        reservationTtl: bounds.relaySeatMs,
        defaultDurationLimit: bounds.relayedMs,
        defaultDataLimit: BigInt(bounds.relayedBytesMax),
      },
    })
  }

  /** Part of a libp2p node's gater. */
  get gater(): ConnectionGater {
    return {
      denyInboundRelayReservation: (peer) => !this.#maySit(peer),
      denyOutboundRelayedConnection: (from) => !this.#mayPass(from),
    }
  }

  /** `isOpen`: others can dial this node. */
  start(node: RelayNode, isOpen: () => boolean): void {
    this.#node = node
    this.#isOpen = isOpen
    node.addEventListener('peer:disconnect', ({ detail }) => {
      const { reservations } = node.services.relay!
      reservations.get(detail)?.signal.clear()
      reservations.delete(detail)
    })
  }

  #maySit(peer: LibPeerId): boolean {
    const { relay } = this.#node?.services ?? {}
    if (relay === undefined || !this.#isOpen()) return false
    const host = this.#hostOf(peer)
    const others = [...relay.reservations].filter(
      ([other, { addr }]) => !other.equals(peer) && hostOf(addr) === host,
    )
    if (others.length < this.#bounds.relaySeatsPerHostMax) return true
    this.#log.debug({ host }, 'a host has all the places of this relay that one host may have')
    return false
  }

  #mayPass(from: LibPeerId): boolean {
    const host = this.#hostOf(from)
    if (host === undefined || !this.#isOpen()) return false
    const passing = this.#node!.getConnections().map((connection) => ({
      host: hostOf(connection.remoteAddr),
      count: carried(connection),
    }))
    const sum = (of: typeof passing) => of.reduce((total, { count }) => total + count, 0)
    const { relayedMax, relayedPerHostMax } = this.#bounds
    // The stream that asks is among them.
    const isFull =
      sum(passing) > relayedMax || sum(passing.filter((one) => one.host === host)) > relayedPerHostMax
    return !isFull && this.#pays(host)
  }

  #pays(host: string): boolean {
    const { relayDialsPerHostMax: most, relayDialEveryMs } = this.#bounds
    const nowMs = this.#now()
    const { left, atMs } = this.#budgets.peek(host) ?? { left: most, atMs: nowMs }
    const now = Math.min(most, left + (nowMs - atMs) / relayDialEveryMs)
    if (now < 1) return false
    this.#budgets.set(host, { left: now - 1, atMs: nowMs })
    return true
  }

  #hostOf(peer: LibPeerId): string | undefined {
    const connection = this.#node?.getConnections(peer).find((one) => !isRelayed(one))
    return connection === undefined ? undefined : hostOf(connection.remoteAddr)
  }
}

/** The streams of a connection by which its peer dials others through this node, or asks for a place. */
function carried({ streams }: Connection): number {
  return streams.filter(
    ({ protocol, direction }) => protocol === RELAY_V2_HOP_CODEC && direction === 'inbound',
  ).length
}
