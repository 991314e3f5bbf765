/** Accounts of a ledger. Entries, and the hashes over them, name each by one text; ledger.ts says why there are these. */
import { assert } from '../../base/assert.ts'
import type { OwnerId, PeerId } from '../ids.ts'

/** `submitter:<key>`, `owner:<owner>:<vehicle>`, `operator:<fleet>` or `outside:<key>`. */
export type AccountId = string

export type Account =
  /** The party that pays for jobs. */
  | { readonly kind: 'submitter'; readonly submitter: PeerId }
  /** The party that is paid for a vehicle's work. */
  | { readonly kind: 'owner'; readonly owner: OwnerId; readonly vehicle: PeerId }
  /** Null: an open mesh, where nobody operates. */
  | { readonly kind: 'operator'; readonly fleet: PeerId | null }
  /** The destination of money that was paid: only the payer whose bank it left is known. */
  | { readonly kind: 'outside'; readonly payer: PeerId }

const nobody = 'nobody'

export function submitterAccount(submitter: PeerId): AccountId {
  return `submitter:${submitter}`
}

export function ownerAccount(owner: OwnerId, vehicle: PeerId): AccountId {
  return `owner:${owner}:${vehicle}`
}

export function operatorAccount(fleet: PeerId | null): AccountId {
  return `operator:${fleet ?? nobody}`
}

export function outsideAccount(payer: PeerId): AccountId {
  return `outside:${payer}`
}

/** An account from the name that it was given here. */
export function accountOf(account: AccountId): Account {
  const [kind, id, vehicle, ...more] = account.split(':')
  const isWhole = id !== undefined && more.length === 0 && (vehicle !== undefined) === (kind === 'owner')
  assert(isWhole, `'${account}' is the name of an account`)
  switch (kind) {
    case 'submitter':
      return { kind, submitter: id as PeerId }
    case 'owner':
      return { kind, owner: id as OwnerId, vehicle: vehicle as PeerId }
    case 'operator':
      return { kind, fleet: id === nobody ? null : (id as PeerId) }
    case 'outside':
      return { kind, payer: id as PeerId }
    default:
      throw new Error(`broken promise: there is no account of the kind '${kind}'`)
  }
}
