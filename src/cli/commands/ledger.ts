/** `carpool ledger`: every entry of the running node's ledger, or the receipts behind it, for other programs. */
import { resolve } from 'node:path'
import { type Command, InvalidArgumentError, Option } from 'commander'
import { printableJson } from '../../base/printable.ts'
import type { LedgerLine, LedgerSide } from '../../host/ledger/contract.ts'
import { addOptions, resolveConfig } from '../config/config.ts'
import { CommandFailure } from '../failure.ts'
import { clientOptionNames, withNode } from '../local-node.ts'
import { dayOf, Journal, type JournalWish } from '../money/journals.ts'
import { csvHeader, csvLine } from '../money/ledger-csv.ts'
import { readLedgers } from '../money/ledger-lines.ts'
import { printPaced } from '../output.ts'

const formats = ['csv', 'beancount', 'hledger', 'json', 'receipts'] as const
type Format = (typeof formats)[number]
const sides: readonly LedgerSide[] = ['vehicle', 'submitter', 'operator']

interface LedgerFlags {
  readonly format: Format
  readonly as?: LedgerSide
  readonly from?: string
  readonly to?: string
  readonly vat?: number
  readonly vatAccount: string
  readonly read?: readonly string[]
}

export function ledgerCommand(program: Command): void {
  const command = program
    .command('ledger')
    .summary('export the ledger of debts')
    .description(
      "Writes the ledger of the running node. csv and json have every entry, with its hash. beancount and hledger have the node's own books, and leave out what is only set aside: a vehicle's are income and receivables of its owner, a submitter's expenses and liabilities, a fleet operator's its share. receipts has the signed receipts and leases behind it, as JSON lines.",
    )
    .addOption(new Option('--format <format>', 'format of the export').choices(formats).default('csv'))
    .addOption(
      new Option('--as <party>', 'only the books of this party, of those that the node is').choices(sides),
    )
    .option('--from <day>', 'first day, in universal time; balances from before are carried over', parseDay)
    .option('--to <day>', 'last day', parseDay)
    .option(
      '--vat <percent>',
      'value added tax that is part of what is paid, booked apart (default: none)',
      parsePercent,
    )
    .option('--vat-account <name>', 'its account, below Assets and Liabilities', parseAccount, 'VAT')
    .option(
      '--read <file...>',
      'instead of the running node: ledgers that nodes have written with --format json, together',
    )
    .action((flags: LedgerFlags) => exportLedger(flags))
  addOptions(command, clientOptionNames).addHelpText(
    'after',
    `
Examples:
  $ carpool ledger > ledger.csv
  $ carpool ledger --format beancount --from 2026-01-01 --to 2026-12-31 > 2026.beancount
  $ carpool ledger --format json > car-1.jsonl
  $ carpool ledger --read car-1.jsonl car-2.jsonl --format hledger --vat 19 > both.journal
  $ carpool ledger --format receipts > proofs.jsonl`,
  )
}

async function exportLedger(flags: LedgerFlags): Promise<void> {
  const { format, as, vat, vatAccount, from = null, to = null, read } = flags
  if (from !== null && to !== null && to < from)
    throw new CommandFailure(`--to ${to} is before --from ${from}`, 2)
  const wish: JournalWish = {
    ...{ from, to, merged: read !== undefined && read.length > 1 },
    sides: new Set(as === undefined ? sides : [as]),
    vat: vat === undefined ? null : { ppm: vat, account: vatAccount },
  }
  if (read !== undefined) {
    if (format === 'receipts') throw new CommandFailure('receipts are with the node: leave out --read', 2)
    await writeLedger(format, wish, () => readLedgers(read.map((path) => resolve(path))))
    return
  }
  const { dataDir } = resolveConfig(clientOptionNames, { ...flags })
  await withNode(dataDir, async (node) => {
    if (format === 'receipts')
      for await (const receipt of node.receipts()) await printPaced(`${printableJson(receipt)}\n`)
    else await writeLedger(format, wish, () => node.ledger())
  })
}

/** `entries` is called twice where balances are carried over: entries are in no order of time, since clocks are set back. */
async function writeLedger(
  format: Exclude<Format, 'receipts'>,
  wish: JournalWish,
  entries: () => AsyncIterable<LedgerLine>,
): Promise<void> {
  if (format === 'csv' || format === 'json') {
    const { from, to } = wish
    if (format === 'csv') await printPaced(`${csvHeader}\r\n`)
    for await (const entry of entries()) {
      const day = dayOf(entry)
      if ((from !== null && day < from) || (to !== null && day > to)) continue
      await printPaced(format === 'csv' ? `${csvLine(entry)}\r\n` : `${printableJson(entry)}\n`)
    }
    return
  }
  const journal = new Journal(format, wish)
  if (wish.from !== null) for await (const entry of entries()) journal.carry(entry)
  for (const line of journal.opening()) await printPaced(`${line}\n`)
  for await (const entry of entries()) for (const line of journal.lines(entry)) await printPaced(`${line}\n`)
}

/** Throws InvalidArgumentError. */
function parseDay(text: string): string {
  const ms = /^\d{4}-\d{2}-\d{2}$/.test(text) ? Date.parse(`${text}T00:00:00Z`) : Number.NaN
  if (Number.isNaN(ms) || dayOf({ atMs: ms }) !== text)
    throw new InvalidArgumentError('Say a day, such as 2026-12-31.')
  return text
}

/** In parts per million. Throws InvalidArgumentError. */
function parsePercent(text: string): number {
  if (!/^\d{1,2}(\.\d{1,4})?%?$/.test(text))
    throw new InvalidArgumentError('Say a percentage, such as 19 or 7.7.')
  return Math.round(Number.parseFloat(text) * 10_000)
}

/** Throws InvalidArgumentError. */
function parseAccount(text: string): string {
  if (!/^[A-Z0-9][A-Za-z0-9-]*(:[A-Z0-9][A-Za-z0-9-]*)*$/.test(text))
    throw new InvalidArgumentError('Say the name of an account, such as Tax:VAT.')
  return text
}
