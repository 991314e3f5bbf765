/** An account as one steward states it: its last statement about a vehicle's work for one owner, and its word on each claim. */
import type { Micros } from '../price.ts'
import type { Verified } from '../record/record.ts'
import { type Claim, subjectOf } from './entry.ts'
import type { StatedClaim, Statement } from './statement.ts'

export interface StatedAccount {
  statement: Verified<Statement>
  /** The steward's word on each claim, by subject. */
  readonly said: Map<string, StatedClaim>
  agrees: boolean
}

/** Returns one steward's word on a claim. */
export function wordOf(
  { statement, said, agrees }: StatedAccount,
  claim: Claim,
): 'paid' | 'void' | 'pending' {
  const { owner, closed } = statement.payload
  if (owner !== claim.owner) return 'pending'
  const stated = said.get(subjectOf(claim))
  if (stated?.paid) {
    // By another measure than the lease's it is not what was promised: it stays open, and is shown.
    return stated.micros === claim.ownerMicros && stated.units === claim.units ? 'paid' : 'pending'
  }
  // The root covers all that is paid: once it agrees, what was not listed is not among it.
  return stated !== undefined || (closed && agrees) ? 'void' : 'pending'
}

/** Returns the word of several stewards on a claim: paid, when any of them says so, and else void, when any says that. */
export function jointWordOf(accounts: Iterable<StatedAccount>, claim: Claim): 'paid' | 'void' | undefined {
  const words = [...accounts].map((account) => wordOf(account, claim))
  return words.find((word) => word === 'paid') ?? words.find((word) => word === 'void')
}

export function paidMicros(paid: boolean, micros: Micros): Micros | null {
  return paid ? micros : null
}
