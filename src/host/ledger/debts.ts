/**
 * Debts: what this node's submitter owes, net for each payee, for the jobs that this data directory pays for, less what pay-outs
 * hold that are under way.
 */
import { compareText } from '../../base/bytes.ts'
import { type AccountId, accountOf, outsideAccount, submitterAccount } from '../../protocol/ledger/account.ts'
import { formatMoney } from '../../protocol/price.ts'
import type { Database } from '../store/database.ts'
import type { Books } from './books.ts'
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
  readonly #books: Pick<Books, 'balance'>
  readonly #payer: Payer
  readonly #transfers: Transfers

  constructor(database: Database, books: Pick<Books, 'balance'>, payer: Payer, transfers: Transfers) {
    this.#database = database
    this.#books = books
    this.#payer = payer
    this.#transfers = transfers
  }

  /**
   * By currency and payee. `alsoUnheard`: those are payable as well whose vehicles have not said what they were paid. `objection`: why
   * nothing may leave by it.
   */
  list(thresholds: Thresholds, alsoUnheard: boolean): { debts: PayeeDebt[]; objection: string | null } {
    const unheard = this.#payer.unheard()
    const { byPayee, objection } = this.#byPayee()
    const debts = [...byPayee]
      .map(([key, accounts]): PayeeDebt => {
        const [{ currency }] = accounts as [AccountDebt]
        const owedMicros = accounts.reduce((sum, { micros }) => sum + micros, 0)
        const minor = minorMicros(currency)
        const whole = Math.max(0, Math.floor(owedMicros / minor) * minor)
        const isUnheard = accounts.some(({ account }) => unheard.get(account)?.has(currency))
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
    return { debts, objection }
  }

  #byPayee(): { readonly byPayee: Map<string, AccountDebt[]>; readonly objection: string | null } {
    const sums = new Map<string, AccountDebt>()
    const add = ({ account, currency, micros }: AccountDebt, sign: 1 | -1) => {
      const key = `${currency}/${account}`
      sums.set(key, { account, currency, micros: (sums.get(key)?.micros ?? 0) + sign * micros })
    }
    const { submitter } = this.#payer
    const [debit, outside] = [submitterAccount(submitter), outsideAccount(submitter)]
    const claims = this.#database.all<Claims>(owed, debit)
    for (const { account, share, currency, isOwn, micros, shareMicros } of claims) {
      if (isOwn === 0) continue
      add({ account, currency, micros }, 1)
      if (share !== null) add({ account: share, currency, micros: shareMicros }, 1)
    }
    // Payments to an account that this directory owes nothing to were made for others' jobs.
    const known = new Set(sums.keys())
    const payments = this.#database.all<AccountDebt>(paid, outside)
    for (const row of payments) if (known.has(`${row.currency}/${row.account}`)) add(row, -1)
    for (const row of this.#transfers.held()) add(row, -1)
    const sorted = [...sums.values()].sort((a, b) => compareText(a.account, b.account))
    const claimed = claims.map(({ currency, micros, shareMicros }) => ({
      currency,
      micros: micros + shareMicros,
    }))
    return {
      byPayee: Map.groupBy(sorted, ({ account, currency }) => `${currency}/${payeeOf(account)}`),
      objection: this.#unlike('claims', claimed, debit, -1) ?? this.#unlike('payments', payments, outside, 1),
    }
  }

  /** The control sum of what is added up here: the ledger keeps another, which is checked whenever the ledger is. */
  #unlike(
    what: string,
    rows: readonly Pick<AccountDebt, 'currency' | 'micros'>[],
    account: AccountId,
    sign: 1 | -1,
  ): string | null {
    for (const [currency, some] of Map.groupBy(rows, (row) => row.currency)) {
      const micros = some.reduce((sum, one) => sum + one.micros, 0)
      const kept = sign * this.#books.balance(account, currency).postedMicros
      if (micros !== kept)
        return `the ${what} of this node's ledger add up to ${formatMoney(micros, currency)}, and its balance says ${formatMoney(kept, currency)}: no pay-out is made from it until that is explained`
    }
    return null
  }
}

/** The sum of the claims of one account, with the share of one operator; for jobs that this data directory pays for, or others. */
interface Claims extends AccountDebt {
  readonly share: AccountId | null
  readonly shareMicros: number
  readonly isOwn: number
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
const worthOf = (column: string) =>
  `coalesce(sum(CASE kind WHEN 'posted' THEN ${column} ELSE -${column} END), 0)`
const owed = `SELECT ${nameOf('credit')} AS account, ${nameOf('share')} AS share, ${nameOf('currency')} AS currency,
  isOwn, micros, shareMicros FROM (
    SELECT credit, share, currency, ${worthOf('micros')} AS micros, ${worthOf('share_micros')} AS shareMicros,
      job IN (SELECT n.number FROM ledger_paying AS p JOIN ledger_names AS n ON n.name = p.job) AS isOwn
    FROM ledger_entries WHERE kind IN ('posted', 'reversed')
    AND debit = (SELECT number FROM ledger_names WHERE name = ?) GROUP BY credit, share, currency, isOwn)`
const paid = `SELECT ${nameOf('debit')} AS account, ${nameOf('currency')} AS currency,
  sum(CASE kind WHEN 'paid' THEN micros ELSE -micros END) AS micros FROM ledger_entries
  WHERE kind IN ('paid', 'unpaid') AND credit = (SELECT number FROM ledger_names WHERE name = ?)
  GROUP BY debit, currency`
