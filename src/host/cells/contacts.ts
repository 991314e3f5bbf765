/** The contacts that a node has before its cell has told it of any: those that it was told of, and those that are connected. */
import { cellKeyOf } from '../../protocol/cells/key.ts'
import { type Contact, contactOf, type Member } from '../../protocol/cells/member.ts'
import type { PeerId } from '../../protocol/ids.ts'
import type { Capacity } from '../../protocol/membership/advert.ts'
import { ownerIdOf } from '../../protocol/membership/owner.ts'
import { sha256 } from '../sha256.ts'
import type { CellsDriverOptions } from './options.ts'

/** The bootstrap nodes whose peer id is part of their address. */
export function namedIn({ bootstrap, key }: Pick<CellsDriverOptions, 'bootstrap' | 'key'>): Contact[] {
  return bootstrap.flatMap((address) => {
    const [, peer] = /\/p2p\/([^/]+)$/.exec(address) ?? []
    return peer === undefined || peer === key.peerId ? [] : [strangerAt(peer as PeerId, [address])]
  })
}

/** A peer that is connected, as its advert or the credential that it showed says. */
export function contactWith(
  { believed, network, fleet }: Pick<CellsDriverOptions, 'believed' | 'network' | 'fleet'>,
  peer: PeerId,
): Contact {
  const known = believed(peer)
  if (known !== undefined) return contactOf(memberOf(known))
  const addresses = network.addressesOf(peer)
  const guest = fleet?.guest(peer)
  if (guest === undefined) return strangerAt(peer, addresses)
  return {
    peer,
    owner: guest.credential.payload.owner,
    key: cellKeyOf(sha256, peer, guest.record),
    addresses,
  }
}

export function memberOf(capacity: Capacity): Member {
  return { ...capacity, key: cellKeyOf(sha256, capacity.peer, capacity.credential) }
}

/** A node of which nothing is known but where it was met. */
export function strangerAt(peer: PeerId, addresses: readonly string[]): Contact {
  return { peer, owner: ownerIdOf(sha256, peer), key: cellKeyOf(sha256, peer, null), addresses }
}
