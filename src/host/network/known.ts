/** The facts that a node knows of a peer that it may dial. */
import type { Connection } from '@libp2p/interface'
import type { PeerId } from '../../protocol/ids.ts'
import type { NetworkBounds } from './bounds.ts'
import type { Acquaintance } from './introductions.ts'
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
  /** It is of another part of the mesh: dialled when something is to be said to it, and never for the sake of our degree. */
  isFar: boolean
}

export function newlyKnown(
  places: Place[],
  notBeforeMs: number,
  isAnnounced: boolean,
  isFar: boolean,
): Known {
  const facts = { failures: 0, dialing: null, relaying: null, isProven: false }
  return { places, notBeforeMs, isAnnounced, isFar, ...facts }
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

/** The places where the peer itself may be. */
export function ownPlaces({ places }: Pick<Known, 'places'>): Place[] {
  return places.filter(({ relay }) => relay === undefined)
}

/** The places of the peer at relays. */
export function relayPlaces({ places }: Pick<Known, 'places'>): (Place & { readonly relay: PeerId })[] {
  return places.flatMap((place) => (place.relay === undefined ? [] : [{ ...place, relay: place.relay }]))
}

/** Peers that were met where they say they are, those that are connected first. */
export function metOf(all: ReadonlyMap<PeerId, Known>, connected: ReadonlySet<string>): Acquaintance[] {
  return [...all]
    .filter(([, { isProven }]) => isProven)
    .sort(([a], [b]) => Number(connected.has(b)) - Number(connected.has(a)))
    .map(([peer, known]) => ({ peer, addresses: ownPlaces(known).map(({ address }) => `${address}`) }))
}

/**
 * The longest known among those who are not connected, one that was never met first: it was announced again least recently, or
 * never reached.
 */
export function leastOf(all: ReadonlyMap<PeerId, Known>, connected: ReadonlySet<string>): PeerId | undefined {
  const absent = [...all].filter(([peer]) => !connected.has(peer))
  const [peer] = absent.find(([, { isProven }]) => !isProven) ?? absent[0] ?? []
  return peer
}

/**
 * Those who are not connected and not being dialled, and of how many we are short. In a mesh of parts only those of our own part
 * count as neighbours.
 */
export function lackOf(
  all: ReadonlyMap<PeerId, Known>,
  connected: ReadonlySet<PeerId>,
  hasParts: boolean,
  { fullMeshPeersMax, degreeMin }: Pick<NetworkBounds, 'fullMeshPeersMax' | 'degreeMin'>,
): { readonly idle: [PeerId, Known][]; readonly short: number } {
  const near = [...all].filter(([, { isFar }]) => !isFar)
  const absent = near.filter(([peer]) => !connected.has(peer))
  const idle = absent.filter(([, known]) => known.dialing === null)
  const here = hasParts ? near.length - absent.length : connected.size
  const isSmall = near.length <= fullMeshPeersMax
  return { idle, short: isSmall ? idle.length : degreeMin - here - (absent.length - idle.length) }
}
