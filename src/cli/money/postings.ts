/**
 * An entry of the ledger in the books of one party. For a submitter work is an expense and owners are creditors; for the owner of
 * a vehicle it is income, and the submitter owes; the operator of a fleet has its share of both.
 *
 * Work of each runtime has an account of its own, so that pages are never added to tokens. Signs are bookkeeping's: debits are
 * positive.
 */
import type { LedgerLine, LedgerSide } from '../../host/ledger/contract.ts'
import { type AccountId, accountOf } from '../../protocol/ledger/account.ts'

export interface Posting {
  /** In beancount's names: parts that begin with a capital letter or a digit. */
  readonly account: string
  readonly micros: number
}

/** Value added tax that is part of what is paid: `ppm` of the net amount goes to an account of its own. */
export interface Vat {
  readonly ppm: number
  /** Beside `Assets:` for what a submitter gets back, and `Liabilities:` for what an owner owes. */
  readonly account: string
}

/** Tells whether an account's balance is carried from one year to the next. */
export function isCarried(account: string): boolean {
  return account.startsWith('Assets:') || account.startsWith('Liabilities:')
}

/** Undefined for an entry that changes no debt, or none of this party. */
export function postingsOf(entry: LedgerLine, side: LedgerSide, vat: Vat | null): Posting[] | undefined {
  const { kind, claim } = entry
  if (kind === 'pending' || kind === 'voided') return undefined
  const sign = kind === 'reversed' || kind === 'unpaid' ? -1 : 1
  const postings = claim === null ? paymentOf(entry, side) : workOf(entry, side, vat)
  return postings?.map(({ account, micros }) => ({ account, micros: sign * micros || 0 }))
}

function workOf(entry: LedgerLine, side: LedgerSide, vat: Vat | null): Posting[] | undefined {
  const { debit, credits } = entry
  const [owner, share] = credits
  const work = workAccount(entry)
  if (side === 'submitter') {
    const total = credits.reduce((sum, { micros }) => sum + micros, 0)
    const owed = credits.map(({ account, micros }) => ({ account: creditorOf(account), micros: -micros }))
    return [...split(total, `Expenses:Work:${work}`, `Assets:${vat?.account}`, vat), ...owed]
  }
  const mine = side === 'vehicle' ? owner : share
  if (mine === undefined) return undefined
  const income = side === 'vehicle' ? `Income:Work:${work}` : `Income:Share:${work}`
  const claimed = { account: debtorOf(debit, mine.account), micros: mine.micros }
  return [claimed, ...split(-mine.micros, income, `Liabilities:${vat?.account}`, vat)]
}

/** Money that left the submitter for the account of an owner or an operator. */
function paymentOf({ debit, credits }: LedgerLine, side: LedgerSide): Posting[] | undefined {
  const { account: outside, micros } = credits[0]!
  const payee = accountOf(debit)
  const payer = accountOf(outside)
  if (payer.kind !== 'outside') return undefined
  if (side === 'submitter')
    return [
      { account: creditorOf(debit), micros },
      { account: `Assets:Outside:S${payer.payer.slice(-12)}`, micros: -micros },
    ]
  if ((side === 'vehicle') !== (payee.kind === 'owner')) return undefined
  return [
    { account: `Assets:Outside:${partyOf(debit)}`, micros },
    { account: debtorOf(`submitter:${payer.payer}`, debit), micros: -micros },
  ]
}

/** A gross amount: the tax is cut to whole micros, and the rest is net, so that the two always add up. */
function split(micros: number, net: string, tax: string, vat: Vat | null): Posting[] {
  if (vat === null) return [{ account: net, micros }]
  const part = Number((BigInt(micros) * BigInt(vat.ppm)) / BigInt(1_000_000 + vat.ppm))
  return [
    { account: net, micros: micros - part },
    { account: tax, micros: part },
  ]
}

/** By runtime and unit: 'Ocr:Page'. */
function workAccount({ runtime, unit }: LedgerLine): string {
  return `${part(runtime ?? 'unknown')}:${part(unit ?? 'unit')}`
}

function creditorOf(id: AccountId): string {
  const account = accountOf(id)
  return account.kind === 'owner'
    ? `Liabilities:Owners:O${account.owner.slice(0, 16)}:V${account.vehicle.slice(-12)}`
    : `Liabilities:Operators:${partyOf(id)}`
}

function debtorOf(submitter: AccountId, id: AccountId): string {
  const debtor = accountOf(submitter)
  const payee = accountOf(id)
  const payer = debtor.kind === 'submitter' ? debtor.submitter.slice(-12) : 'nobody'
  return `Assets:Receivable:S${payer}:${payee.kind === 'owner' ? `V${payee.vehicle.slice(-12)}` : partyOf(id)}`
}

/** Ids are cut as far as they can still be told apart. */
function partyOf(id: AccountId): string {
  const account = accountOf(id)
  return account.kind === 'owner'
    ? `O${account.owner.slice(0, 16)}`
    : `F${(account.kind === 'operator' && account.fleet ? account.fleet : 'nobody').slice(-12)}`
}

/** A part of an account's name, of a text that a stranger may have chosen. */
function part(text: string): string {
  const plain = text.replaceAll(/[^A-Za-z0-9-]/g, '-').replace(/^-+/, '') || 'X'
  return plain[0]!.toUpperCase() + plain.slice(1, 32)
}
