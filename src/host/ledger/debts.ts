/**
 * Debts: what this node's submitter owes, net for each payee, for the jobs that this data directory pays for, less what pay-outs
 * hold that are under way.
 */
import { compareText } from '../../base/bytes.ts'
import { type AccountId, accountOf, outsideAccount, submitterAccount } from '../../protocol/ledger/account.ts'
import type { Database } from '../store/database.ts'
import type { Payer } from './payer.ts'
import type { Debt, Thresholds } from './settle-contract.ts'
import type { Transfers } from './transfers.ts'

/** The debt to one account: a vehicle's work for one owner, or an operator's share. */
export interface AccountDebt {
  readonly account: AccountId
  readonly currency: string
  readonly micros: number
}

export interface PayeeDebt extends Debt {
  readonly accounts: readonly AccountDebt[]
}

export class Debts {
  readonly #database: Database
  readonly #payer: Payer
  readonly #transfers: Transfers

  constructor(database: Database, payer: Payer, transfers: Transfers) {
    this.#database = database
    this.#payer = payer
    this.#transfers = transfers
  }

  /** By currency and payee. `alsoUnheard`: those are payable as well whose vehicles have not said what they were paid. */
  list(thresholds: Thresholds, alsoUnheard: boolean): PayeeDebt[] {
    const unheard = this.#payer.unheard()
    return [...this.#byPayee()]
      .map(([key, accounts]): PayeeDebt => {
        const [{ currency }] = accounts as [AccountDebt]
        const owedMicros = accounts.reduce((sum, { micros }) => sum + micros, 0)
        const minor = minorMicros(currency)
        const whole = Math.max(0, Math.floor(owedMicros / minor) * minor)
        const isUnheard = accounts.some(({ account }) => unheard.has(account))
        const waits = (isUnheard && !alsoUnheard) || whole < leastMicros(thresholds, currency)
        return {
          payee: key.slice(currency.length + 1),
          currency,
          owedMicros,
          payableMicros: waits ? 0 : whole,
          vehicles: accounts.length,
          unheard: isUnheard,
          accounts,
        }
      })
      .filter(({ owedMicros }) => owedMicros !== 0)
      .sort((a, b) => compareText(a.currency, b.currency) || compareText(a.payee, b.payee))
  }

  #byPayee(): Map<string, AccountDebt[]> {
    const sums = new Map<string, AccountDebt>()
    const add = ({ account, currency, micros }: AccountDebt, sign: 1 | -1) => {
      const key = `${currency}/${account}`
      sums.set(key, { account, currency, micros: (sums.get(key)?.micros ?? 0) + sign * micros })
    }
    const { submitter } = this.#payer
    const debit = submitterAccount(submitter)
    for (const row of this.#database.all<AccountDebt>(earned, debit)) add(row, 1)
    for (const row of this.#database.all<AccountDebt>(shared, debit)) add(row, 1)
    // Payments to an account that this directory owes nothing to were made for others' jobs.
    const known = new Set(sums.keys())
    for (const row of this.#database.all<AccountDebt>(paid, outsideAccount(submitter)))
      if (known.has(`${row.currency}/${row.account}`)) add(row, -1)
    for (const row of this.#transfers.held()) add(row, -1)
    const sorted = [...sums.values()].sort((a, b) => compareText(a.account, b.account))
    return Map.groupBy(sorted, ({ account, currency }) => `${currency}/${payeeOf(account)}`)
  }
}

/** The owner, whichever vehicle it is for; operators by their account's whole name. */
function payeeOf(id: AccountId): string {
  const account = accountOf(id)
  return account.kind === 'owner' ? account.owner : id
}

/** Micros in the smallest amount that a bank transfers: a cent, or what the currency has instead (ISO 4217). */
function minorMicros(currency: string): number {
  const known = minors.get(currency)
  if (known !== undefined) return known
  const digits = new Intl.NumberFormat('en', { style: 'currency', currency }).resolvedOptions()
    .maximumFractionDigits
  const micros = 10 ** (6 - (digits ?? 2))
  minors.set(currency, micros)
  return micros
}

/** Making a number format takes some 30 µs, and there is a payee for each. */
const minors = new Map<string, number>()

/** The least that is paid where nobody says otherwise, 100 of the smallest coin: a transfer of a cent costs its bank more. A guess. */
function leastMicros(thresholds: Thresholds, currency: string): number {
  return thresholds[currency] ?? thresholds['*'] ?? 100 * minorMicros(currency)
}

const nameOf = (column: string) => `(SELECT name FROM ledger_names WHERE number = ${column})`
const owes = `FROM ledger_entries WHERE kind IN ('posted', 'reversed')
  AND debit = (SELECT number FROM ledger_names WHERE name = ?)
  AND job IN (SELECT n.number FROM ledger_paying AS p JOIN ledger_names AS n ON n.name = p.job)`
const earned = `SELECT ${nameOf('credit')} AS account, ${nameOf('currency')} AS currency,
  sum(CASE kind WHEN 'posted' THEN micros ELSE -micros END) AS micros ${owes} GROUP BY credit, currency`
const shared = `SELECT ${nameOf('share')} AS account, ${nameOf('currency')} AS currency,
  sum(CASE kind WHEN 'posted' THEN share_micros ELSE -share_micros END) AS micros ${owes}
  AND share IS NOT NULL GROUP BY share, currency`
const paid = `SELECT ${nameOf('debit')} AS account, ${nameOf('currency')} AS currency,
  sum(CASE kind WHEN 'paid' THEN micros ELSE -micros END) AS micros FROM ledger_entries
  WHERE kind IN ('paid', 'unpaid') AND credit = (SELECT number FROM ledger_names WHERE name = ?)
  GROUP BY debit, currency`
