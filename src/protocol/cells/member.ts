/** Members: the nodes of a cell, as their adverts show them. */
import type { OwnerId, PeerId } from '../ids.ts'
import type { Capacity } from '../membership/advert.ts'
import type { CellKey } from './key.ts'

/** A node with its key. The shell takes both from its signed advert, once its fleet has vouched for the credential in it. */
export interface Member extends Capacity {
  readonly key: CellKey
}

/** A node that can be asked: where it is, and whom it counts for. Nobody believes more of it before it has answered. */
export interface Contact {
  readonly peer: PeerId
  readonly owner: OwnerId
  readonly key: CellKey
  readonly addresses: readonly string[]
}

export function contactOf({ peer, owner, key, addresses }: Contact): Contact {
  return { peer, owner, key, addresses }
}
