/**
 * Pay-outs: the debts of this node's submitter, net for each payee, made ready for a bank. Carpool holds no money: a
 * payment is an entry with the bank's reference, and nothing else.
 *
 * Banks take whole minor units, so the rest of a cent stays owed. While a pay-out is open, the money that it holds is
 * in no other.
 */
import { compareText } from '../../base/bytes.ts'
import type { PeerId } from '../../protocol/ids.ts'
import { type AccountId, accountOf, outsideAccount, submitterAccount } from '../../protocol/ledger/account.ts'
import type { LedgerInput } from '../../protocol/ledger/ledger.ts'
import { RequestError } from '../errors.ts'
import type { Database } from '../store/database.ts'
import type { Books } from './books.ts'
import type { Payout, PayoutLine, SettleRequest, SettleView } from './contract.ts'

interface Account {
  readonly account: string
  readonly currency: string
  readonly micros: number
}

export class Payouts {
  readonly #database: Database
  readonly #books: Books
  readonly #payer: PeerId

  constructor(database: Database, books: Books, payer: PeerId) {
    this.#database = database
    this.#books = books
    this.#payer = payer
  }

  /** Throws RequestError. */
  async settle(request: SettleRequest, nowMs: number): Promise<SettleView> {
    const damagedAt = await this.#books.check()
    if (damagedAt !== null && request.action !== 'preview')
      throw new RequestError(
        `entry ${damagedAt} of this node's ledger was changed: this node makes no pay-out from it until that is explained`,
      )
    const payout = this.#act(request, nowMs)
    return { owed: this.#owed(request.thresholdMicros), payouts: this.#list(), payout, damagedAt }
  }

  #act(request: SettleRequest, nowMs: number): Payout | null {
    switch (request.action) {
      case 'preview':
        return null
      case 'prepare':
        return this.#prepare(request, nowMs)
      case 'paid':
        return this.#pay(this.#find(request.payout), request.reference, nowMs)
      case 'cancel':
        return this.#cancel(this.#find(request.payout))
    }
  }

  #prepare({ thresholdMicros, payees }: SettleRequest, nowMs: number): Payout {
    const name = this.#nextName(nowMs)
    const byPayee = this.#byPayee()
    const lines: PayoutLine[] = []
    for (const { payee, currency, payableMicros } of this.#owed(thresholdMicros)) {
      if (payableMicros === 0 || (payees !== null && !payees.includes(payee))) continue
      let left = payableMicros
      const accounts: { account: string; micros: number }[] = []
      for (const { account, micros } of byPayee.get(`${currency}/${payee}`)!) {
        const part = Math.min(left, micros)
        if (part > 0) accounts.push({ account, micros: part })
        left -= Math.max(0, part)
      }
      const settlement = `${name}-${lines.length + 1}`
      lines.push({ payee, currency, micros: payableMicros, settlement, accounts })
    }
    if (lines.length === 0) throw new RequestError('nobody is owed as much as the threshold')
    const payout: Payout = { name, createdAtMs: nowMs, state: 'open', reference: '', lines }
    this.#put(payout)
    return payout
  }

  #pay(payout: Payout, reference: string, nowMs: number): Payout {
    if (payout.state === 'cancelled') throw new RequestError(`pay-out ${payout.name} was cancelled`)
    if (payout.state === 'paid') {
      if (payout.reference !== reference)
        throw new RequestError(`pay-out ${payout.name} was paid as '${payout.reference}' already`)
      return payout
    }
    if (reference === '') throw new RequestError("name the bank's reference for it: --reference <text>")
    const inputs = payout.lines.flatMap(({ settlement, currency, accounts }) =>
      accounts.map(
        ({ account, micros }, i): LedgerInput => ({
          type: 'pay',
          order: {
            name: `${settlement}/${i}`,
            currency,
            from: account,
            to: outsideAccount(this.#payer),
            micros,
            reference,
          },
        }),
      ),
    )
    const [refusal] = this.#books.handleNow(inputs, nowMs)
    if (refusal !== undefined)
      throw new RequestError(`pay-out ${payout.name} was not noted as paid: ${JSON.stringify(refusal)}`)
    const paid: Payout = { ...payout, state: 'paid', reference }
    this.#put(paid)
    return paid
  }

  #cancel(payout: Payout): Payout {
    if (payout.state === 'paid') throw new RequestError(`pay-out ${payout.name} was paid already`)
    const cancelled: Payout = { ...payout, state: 'cancelled' }
    this.#put(cancelled)
    return cancelled
  }

  #owed(thresholdMicros: number): SettleView['owed'] {
    return [...this.#byPayee()]
      .map(([key, accounts]) => {
        const [{ currency }] = accounts as [Account]
        const owedMicros = accounts.reduce((sum, { micros }) => sum + micros, 0)
        const minor = minorMicros(currency)
        const whole = Math.max(0, Math.floor(owedMicros / minor) * minor)
        return {
          payee: key.slice(currency.length + 1),
          currency,
          owedMicros,
          payableMicros: whole >= thresholdMicros ? whole : 0,
          vehicles: accounts.length,
        }
      })
      .filter(({ owedMicros }) => owedMicros !== 0)
      .sort((a, b) => compareText(a.currency, b.currency) || compareText(a.payee, b.payee))
  }

  /** Returns the amount that this payer owes to each account, less what open pay-outs hold; by currency and payee. */
  #byPayee(): Map<string, Account[]> {
    const sums = new Map<string, Account>()
    const add = ({ account, currency, micros }: Account) => {
      const key = `${currency}/${account}`
      sums.set(key, { account, currency, micros: (sums.get(key)?.micros ?? 0) + micros })
    }
    for (const row of this.#database.all<Account>(earned, submitterAccount(this.#payer))) add(row)
    for (const row of this.#database.all<Account>(shared, submitterAccount(this.#payer))) add(row)
    for (const { account, currency, micros } of this.#database.all<Account>(
      paid,
      outsideAccount(this.#payer),
    ))
      add({ account, currency, micros: -micros })
    for (const { state, lines } of this.#list())
      if (state === 'open')
        for (const { currency, accounts } of lines)
          for (const { account, micros } of accounts) add({ account, currency, micros: -micros })
    const sorted = [...sums.values()].sort((a, b) => compareText(a.account, b.account))
    return Map.groupBy(sorted, ({ account, currency }) => `${currency}/${payeeOf(account)}`)
  }

  #nextName(nowMs: number): string {
    const day = new Date(nowMs).toISOString().slice(0, 10).replaceAll('-', '')
    const ofDay = this.#list().filter(({ name }) => name.startsWith(`P${day}-`)).length
    return `P${day}-${ofDay + 1}`
  }

  #find(name: string | null): Payout {
    const found = this.#list().find((payout) => payout.name === name)
    if (found === undefined)
      throw new RequestError(`there is no pay-out '${name}'; 'carpool settle' lists them`)
    return found
  }

  #put({ name, createdAtMs, lines, state, reference }: Payout): void {
    this.#database.transaction(() =>
      this.#database.run(
        'INSERT OR REPLACE INTO ledger_payouts VALUES (?, ?, ?, ?, ?)',
        name,
        createdAtMs,
        JSON.stringify(lines),
        state,
        reference,
      ),
    )
  }

  /** Oldest first. */
  #list(): Payout[] {
    return this.#database
      .all<Omit<Payout, 'lines' | 'createdAtMs'> & { lines: string; created_at_ms: number }>(
        'SELECT * FROM ledger_payouts ORDER BY created_at_ms, name',
      )
      .map(({ created_at_ms, lines, ...row }) => ({
        ...row,
        createdAtMs: created_at_ms,
        lines: JSON.parse(lines),
      }))
  }
}

/** The owner, whichever vehicle it is for; operators by their account's whole name. */
function payeeOf(id: AccountId): string {
  const account = accountOf(id)
  return account.kind === 'owner' ? account.owner : id
}

/** Micros in the smallest amount that a bank transfers: a cent, or what the currency has instead (ISO 4217). */
function minorMicros(currency: string): number {
  const digits = new Intl.NumberFormat('en', { style: 'currency', currency }).resolvedOptions()
    .maximumFractionDigits
  return 10 ** (6 - (digits ?? 2))
}

const nameOf = (column: string) => `(SELECT name FROM ledger_names WHERE number = ${column})`
const owes = `FROM ledger_entries WHERE kind IN ('posted', 'reversed')
  AND debit = (SELECT number FROM ledger_names WHERE name = ?)`
const earned = `SELECT ${nameOf('credit')} AS account, ${nameOf('currency')} AS currency,
  sum(CASE kind WHEN 'posted' THEN micros ELSE -micros END) AS micros ${owes} GROUP BY credit, currency`
const shared = `SELECT ${nameOf('share')} AS account, ${nameOf('currency')} AS currency,
  sum(CASE kind WHEN 'posted' THEN share_micros ELSE -share_micros END) AS micros ${owes}
  AND share IS NOT NULL GROUP BY share, currency`
const paid = `SELECT ${nameOf('debit')} AS account, ${nameOf('currency')} AS currency,
  sum(CASE kind WHEN 'paid' THEN micros ELSE -micros END) AS micros FROM ledger_entries
  WHERE kind IN ('paid', 'unpaid') AND credit = (SELECT number FROM ledger_names WHERE name = ?)
  GROUP BY debit, currency`
