/** The facts that a node knows of a peer that it may dial. */
import type { Connection } from '@libp2p/interface'
import type { Place } from './reach.ts'
import { isRelayed } from './relayed.ts'
import { hostOf } from './turnstile.ts'

export interface Known {
  places: Place[]
  failures: number
  /** On systemClock.monotonicMs()'s clock: not dialled for the sake of our degree before then. */
  notBeforeMs: number
  dialing: Promise<Connection> | null
  /** The dial through a relay that is under way. */
  relaying: Promise<Connection> | null
  /** It says so itself in an advert that this node believes. */
  isAnnounced: boolean
  /** It was met at one of its places, or came from the host of one: the address is its own. */
  isProven: boolean
}

export function newlyKnown(places: Place[], notBeforeMs: number, isAnnounced: boolean): Known {
  const facts = { failures: 0, dialing: null, relaying: null, isProven: false }
  return { places, notBeforeMs, isAnnounced, ...facts }
}

/** A connection from or to the host of a place shows that the place is at least on the peer's own machine. */
export function prove(known: Known, connections: readonly Connection[]): void {
  const hosts = known.places.map(({ host }) => host)
  const own = connections.filter((connection) => !isRelayed(connection))
  if (own.some(({ remoteAddr }) => hosts.includes(hostOf(remoteAddr)))) known.isProven = true
}

export function namesOf(places: readonly Place[]): string {
  return places.map(({ name }) => name).join()
}
