/** What all nodes of a virtual world have in common. */
import type { OwnerId, PeerId } from '../protocol/ids.ts'

export interface SimNode {
  readonly peer: PeerId
  readonly owner: OwnerId
  /** After a crash: what was durable is all it knows. */
  restart(): void
  linked(peer: PeerId, up: boolean): void
}

/** Peer ids have at least 40 characters. */
export function peerNamed(name: string): PeerId {
  return name.padEnd(40, '.') as PeerId
}

export function nameOf(peer: PeerId): string {
  return peer.replace(/\.+$/, '')
}
