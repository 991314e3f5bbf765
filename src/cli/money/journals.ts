/**
 * The ledger as plain-text journals of beancount and hledger, in which every transaction sums to zero, and balances of other
 * years are carried over. Accounts and currencies are declared, so that the strictest checks of both programs pass.
 *
 * A declaration stands at the first use of its account, dated long before: a clock that was set back puts later entries on
 * earlier days.
 */
import type { LedgerLine, LedgerSide } from '../../host/ledger/contract.ts'
import { formatUnits } from '../format.ts'
import { sixDecimals } from './amounts.ts'
import { isCarried, type Posting, postingsOf, type Vat } from './postings.ts'

export interface JournalWish {
  /** The books to write, of those that the ledger has. */
  readonly sides: ReadonlySet<LedgerSide>
  readonly vat: Vat | null
  /** The first day, as 2026-01-01: what is before it is one opening balance; null: all from the beginning. */
  readonly from: string | null
  /** The last day. */
  readonly to: string | null
  /** Several ledgers are read together: two nodes of one party may have the same entry. */
  readonly merged: boolean
}

export type JournalFormat = 'beancount' | 'hledger'

/** Long before the first entry of any ledger. */
const declaredOn = '1970-01-01'

export class Journal {
  readonly #format: JournalFormat
  readonly #wish: JournalWish
  readonly #declared = new Set<string>()
  /** Sums of the entries before `from`, by account and currency. */
  readonly #before = new Map<string, { account: string; currency: string; micros: number }>()
  /** Entries that were written, where ledgers are read together. */
  readonly #seen = new Set<string>()

  constructor(format: JournalFormat, wish: JournalWish) {
    this.#format = format
    this.#wish = wish
  }

  /** Call with every entry, before any is written, where there is a first day. */
  carry(entry: LedgerLine): void {
    const { from } = this.#wish
    if (from === null || dayOf(entry) >= from) return
    for (const { postings } of this.#booked(entry))
      for (const { account, micros } of postings) {
        if (!isCarried(account)) continue
        const key = `${entry.currency}/${account}`
        const sum = this.#before.get(key) ?? { account, currency: entry.currency, micros: 0 }
        sum.micros += micros
        this.#before.set(key, sum)
      }
  }

  /** The balances that were carried over, a transaction for each currency. */
  *opening(): Generator<string> {
    const { from } = this.#wish
    const sums = [...this.#before.values()].filter(({ micros }) => micros !== 0)
    for (const [currency, accounts] of Map.groupBy(sums, (sum) => sum.currency)) {
      const total = accounts.reduce((sum, { micros }) => sum + micros, 0)
      const postings = [...accounts, { account: 'Equity:Opening-Balances', micros: -total }]
      yield* this.#transaction({ day: from!, words: 'carried over', notes: [], postings, currency })
    }
  }

  /** Nothing for an entry of other days, of others' books, or that changes no debt. */
  *lines(entry: LedgerLine): Generator<string> {
    const { from, to } = this.#wish
    const day = dayOf(entry)
    if ((from !== null && day < from) || (to !== null && day > to)) return
    for (const { postings } of this.#booked(entry)) {
      const { claim, subject, unit, runtime, currency } = entry
      const notes: [string, string | number][] = [['carpool', subject]]
      if (claim !== null)
        notes.push(['runtime', runtime ?? 'unknown'], ['units', claim.units], ['unit', unit ?? 'unit'])
      yield* this.#transaction({ day, words: wordsOf(entry), notes, postings, currency })
    }
  }

  *#booked(entry: LedgerLine): Generator<{ readonly postings: readonly Posting[] }> {
    const { sides, vat, merged } = this.#wish
    for (const side of entry.sides) {
      if (!sides.has(side)) continue
      const postings = postingsOf(entry, side, vat)
      const key = `${side}/${entry.subject}/${entry.generation}/${entry.kind}`
      if (postings === undefined || this.#seen.has(key)) continue
      if (merged) this.#seen.add(key)
      yield { postings }
    }
  }

  *#transaction({ day, words, notes, postings, currency }: Transaction): Generator<string> {
    const isBeancount = this.#format === 'beancount'
    if (!isBeancount && !this.#declared.has(currency)) yield `commodity 1000.000000 ${currency}`
    this.#declared.add(currency)
    for (const { account } of postings) {
      if (!this.#declared.has(account))
        yield isBeancount ? `${declaredOn} open ${account}` : `account ${account}`
      this.#declared.add(account)
    }
    if (isBeancount) {
      yield `${day} * "${quotable(words)}"`
      for (const [name, value] of notes)
        yield `  ${name}: ${typeof value === 'number' ? value : `"${quotable(value)}"`}`
    } else {
      const tags = notes.map(([name, value]) => `${name}:${oneLine(`${value}`)}`).join(', ')
      yield `${day} * ${oneLine(words)}${tags === '' ? '' : `  ; ${tags}`}`
    }
    const indent = isBeancount ? '  ' : '    '
    for (const { account, micros } of postings)
      yield `${indent}${account}  ${sixDecimals(micros)} ${currency}`
    yield ''
  }
}

interface Transaction {
  readonly day: string
  readonly words: string
  readonly notes: readonly (readonly [string, string | number])[]
  readonly postings: readonly Posting[]
  readonly currency: string
}

function wordsOf({ kind, claim, unit, memo }: LedgerLine): string {
  if (claim === null) return kind === 'paid' ? `paid: ${memo}` : `came back: ${memo}`
  const work = `${formatUnits(claim.units, unit ?? 'unit')} of shard ${claim.position}`
  return kind === 'posted' ? `verified: ${work}` : `taken back: ${work}`
}

/** In universal time, as all of the ledger. */
export function dayOf({ atMs }: Pick<LedgerLine, 'atMs'>): string {
  return new Date(atMs).toISOString().slice(0, 10)
}

function oneLine(text: string): string {
  return text.replaceAll(/[\p{C}\p{Zl}\p{Zp};]+/gu, ' ')
}

function quotable(text: string): string {
  return oneLine(text).replaceAll(/["\\]/g, "'")
}
