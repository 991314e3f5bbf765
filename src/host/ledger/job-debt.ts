/** The debt of one job, as far as payments tell: they are made to accounts, for all jobs together. */
import type { JobId, PeerId } from '../../protocol/ids.ts'
import { submitterAccount } from '../../protocol/ledger/account.ts'
import type { Micros } from '../../protocol/price.ts'
import type { Books } from './books.ts'

/**
 * A job for which money is owed is kept so long after its end, and then its entries alone: less than a payment can carry may be owed
 * for ever. A guess.
 */
export const owingRetentionMs = 365 * 24 * 3_600_000

export interface JobDebt {
  readonly job: JobId
  readonly currency: string
  /** No more than is owed to the same accounts in all: what was paid to one may have been for other jobs. */
  readonly micros: Micros
  /** How many vehicles, and a fleet's operator, have it coming. */
  readonly payees: number
}

/** Null: this submitter owes nothing for it. */
export function debtOf(
  books: Pick<Books, 'standingOf' | 'balance'>,
  submitter: PeerId,
  job: JobId,
): JobDebt | null {
  const owed = new Map<string, Micros>()
  let currency: string | undefined
  for (const entry of books.standingOf(job)) {
    if (entry.kind !== 'posted' || entry.debit !== submitterAccount(submitter)) continue
    currency = entry.currency
    for (const { account, micros } of entry.credits) owed.set(account, (owed.get(account) ?? 0) + micros)
  }
  if (currency === undefined) return null
  let [micros, payees] = [0, 0]
  for (const [account, ofJob] of owed) {
    const left = Math.min(ofJob, books.balance(account, currency).postedMicros)
    if (left <= 0) continue
    micros += left
    payees += 1
  }
  return micros === 0 ? null : { job, currency, micros, payees }
}
