/**
 * Access to accounts: an owner lets a node read what its vehicles earned, signed with the owner's key; or a fleet lets one read
 * its operator's share, signed with a fleet key. It is for one reader, and over soon.
 */
import { z } from 'zod'
import type { OwnerId, PeerId } from '../ids.ts'
import { clockSkewMaxMs } from '../limits.ts'
import type { Sha256 } from '../record/block.ts'
import { peerIdSchema, recordType, type Verified } from '../record/record.ts'
import { recordBytesMax } from '../sizes.ts'
import { ownerIdOf } from './owner.ts'

export interface AccountsAccess {
  readonly reader: PeerId
  /** The accounts that it may read: those of the owner, or those of the fleet's operator. */
  readonly of: 'owner' | 'operator'
}

/** Long enough for a question, also to a vehicle whose clock is off. */
export const accountsAccessTtlMs = 10 * 60_000

const accessSchema: z.ZodType<AccountsAccess> = z.strictObject({
  reader: peerIdSchema,
  of: z.enum(['owner', 'operator']),
})

/** Throws ProtocolError. */
export const accountsAccessType = recordType('accounts', accessSchema, recordBytesMax.access)

/** Tells whether it opens the accounts of this vehicle to this reader now. `fleetKeys`: those in force; none in an open mesh. */
export function opensAccounts(
  { payload, signer, expiresMs }: Verified<AccountsAccess>,
  reader: PeerId,
  { owner, fleetKeys }: { readonly owner: OwnerId; readonly fleetKeys: readonly PeerId[] },
  nowMs: number,
  sha256: Sha256,
): boolean {
  const isTimely =
    expiresMs > nowMs - clockSkewMaxMs && expiresMs <= nowMs + accountsAccessTtlMs + clockSkewMaxMs
  if (!isTimely || payload.reader !== reader) return false
  return payload.of === 'owner' ? ownerIdOf(sha256, signer) === owner : fleetKeys.includes(signer)
}
