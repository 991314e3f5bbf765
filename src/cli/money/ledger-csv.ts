/** The ledger as CSV (RFC 4180): every entry, with its hash. */
import type { LedgerLine } from '../../host/ledger/contract.ts'
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
  'runtime',
  'node',
  'memo',
  'hash',
]

export const csvHeader = columns.join(',')

export function csvLine(entry: LedgerLine): string {
  const { serial, atMs, kind, subject, generation, currency, debit, credits, claim, memo, hash } = entry
  const { unit, runtime, node } = entry
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
    runtime ?? '',
    node,
    memo,
    hash,
  ]
    .map((field) => quoted(`${field}`))
    .join(',')
}

/** A text that begins like a formula must stay a text in whatever spreadsheet opens it; numbers stay numbers. */
function quoted(field: string): string {
  const isFormula = /^[\s\p{C}]*[=+\-@＝＋－＠]/u.test(field) || /^[\t\r\n]/.test(field)
  const text = isFormula && !/^-?\d+(\.\d+)?$/.test(field) ? `'${field}` : field
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}
