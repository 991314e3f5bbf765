/**
 * The ledger for other programs: CSV (RFC 4180), and the plain-text journals of beancount and hledger, in which every
 * transaction sums to zero, too.
 *
 * In the journals a submitter's payments are expenses, debts to owners and operators are liabilities, and money paid
 * out leaves an asset; signs are theirs, debits positive. Amounts that are only set aside are in the CSV and not in
 * the journals.
 */
import type { LedgerLine } from '../../host/ledger/contract.ts'
import { type AccountId, accountOf } from '../../protocol/ledger/account.ts'
import { formatUnits } from '../format.ts'
import { sixDecimals } from './amounts.ts'

const columns = [
  'serial',
  'time',
  'kind',
  'subject',
  'generation',
  'currency',
  'debit',
  'credit',
  'amount',
  'operator',
  'operator_amount',
  'job',
  'receipt',
  'place',
  'shard',
  'vehicle',
  'owner',
  'units',
  'unit',
  'memo',
  'hash',
]

export const csvHeader = columns.join(',')

export function csvLine(entry: LedgerLine): string {
  const { serial, atMs, kind, subject, generation, currency, debit, credits, claim, unit, memo, hash } = entry
  const [credit, share] = credits
  return [
    serial,
    new Date(atMs).toISOString(),
    kind,
    subject,
    generation,
    currency,
    debit,
    credit!.account,
    sixDecimals(credit!.micros),
    share?.account ?? '',
    share === undefined ? '' : sixDecimals(share.micros),
    claim?.job ?? '',
    claim?.receipt ?? '',
    claim?.place ?? '',
    claim?.position ?? '',
    claim?.vehicle ?? '',
    claim?.owner ?? '',
    claim?.units ?? '',
    claim === null ? '' : (unit ?? ''),
    memo,
    hash,
  ]
    .map((field) => quoted(`${field}`))
    .join(',')
}

/** A memo that begins like a formula must stay a text in whatever spreadsheet opens it. */
function quoted(field: string): string {
  const text = /^[=+@\t\r]/.test(field) ? `'${field}` : field
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}

/** Opens each account at its first transaction, as beancount demands; `open` is kept from one entry to the next. */
export function* beancountLines(entry: LedgerLine, open: Set<string>): Generator<string> {
  const postings = postingsOf(entry)
  if (postings === undefined) return
  const day = dayOf(entry)
  for (const { account } of postings) {
    if (!open.has(account)) yield `${day} open ${account}`
    open.add(account)
  }
  yield `${day} * "${wordsOf(entry).replaceAll(/["\\]/g, "'")}"`
  yield `  carpool: "${entry.subject.replaceAll(/["\\]/g, "'")}"`
  for (const { account, micros } of postings) yield `  ${account}  ${sixDecimals(micros)} ${entry.currency}`
  yield ''
}

export function* hledgerLines(entry: LedgerLine): Generator<string> {
  const postings = postingsOf(entry)
  if (postings === undefined) return
  yield `${dayOf(entry)} * ${oneLine(wordsOf(entry))}  ; carpool:${oneLine(entry.subject)}`
  for (const { account, micros } of postings) yield `    ${account}  ${sixDecimals(micros)} ${entry.currency}`
  yield ''
}

/** Undefined for an entry that changes no debt. */
function postingsOf({ kind, debit, credits }: LedgerLine): { account: string; micros: number }[] | undefined {
  if (kind === 'pending' || kind === 'voided') return undefined
  const sign = kind === 'reversed' || kind === 'unpaid' ? -1 : 1
  const total = credits.reduce((sum, { micros }) => sum + micros, 0)
  return [
    { account: nameOf(debit), micros: sign * total },
    ...credits.map(({ account, micros }) => ({ account: nameOf(account), micros: -sign * micros })),
  ]
}

/** Beancount's names: parts that begin with a capital letter. Ids are cut as far as they can still be told apart. */
function nameOf(id: AccountId): string {
  const account = accountOf(id)
  switch (account.kind) {
    case 'submitter':
      return `Expenses:Work:S${account.submitter.slice(-12)}`
    case 'owner':
      return `Liabilities:Owners:O${account.owner.slice(0, 16)}:V${account.vehicle.slice(-12)}`
    case 'operator':
      return `Liabilities:Operators:F${(account.fleet ?? 'nobody').slice(-12)}`
    case 'outside':
      return `Assets:Outside:S${account.payer.slice(-12)}`
  }
}

function wordsOf({ kind, claim, unit, memo }: LedgerLine): string {
  if (claim === null) return kind === 'paid' ? `paid: ${memo}` : `came back: ${memo}`
  const work = `${formatUnits(claim.units, unit ?? 'unit')} of shard ${claim.position}`
  return kind === 'posted' ? `verified: ${work}` : `taken back: ${work}`
}

function dayOf({ atMs }: LedgerLine): string {
  return new Date(atMs).toISOString().slice(0, 10)
}

function oneLine(text: string): string {
  return text.replaceAll(/[\p{Cc};]+/gu, ' ')
}
