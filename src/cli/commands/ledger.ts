/** `carpool ledger`: every entry of the running node's ledger, or the receipts behind it, for other programs. */
import { type Command, Option } from 'commander'
import { printableJson } from '../../base/printable.ts'
import type { RemoteApi } from '../../host/local/client.ts'
import { addOptions, resolveConfig } from '../config/config.ts'
import { clientOptionNames, withNode } from '../local-node.ts'
import { beancountLines, csvHeader, csvLine, hledgerLines } from '../money/journals.ts'
import { printPaced } from '../output.ts'

const formats = ['csv', 'beancount', 'hledger', 'json', 'receipts'] as const
type Format = (typeof formats)[number]

export function ledgerCommand(program: Command): void {
  const command = program
    .command('ledger')
    .summary('export the ledger of debts')
    .description(
      'Writes the ledger of the running node. csv and json have every entry, with its hash; beancount and hledger have what is owed and paid, and leave out what is only set aside; receipts has the signed receipts and leases behind it, as JSON lines.',
    )
    .addOption(new Option('--format <format>', 'format of the export').choices(formats).default('csv'))
    .action(async (flags: { readonly format: Format }) => {
      const { dataDir } = resolveConfig(clientOptionNames, { ...flags })
      await withNode(dataDir, (node) => exportLedger(node, flags.format))
    })
  addOptions(command, clientOptionNames).addHelpText(
    'after',
    `
Examples:
  $ carpool ledger > ledger.csv
  $ carpool ledger --format beancount > carpool.beancount
  $ carpool ledger --format receipts > proofs.jsonl`,
  )
}

async function exportLedger(node: RemoteApi, format: Format): Promise<void> {
  if (format === 'receipts') {
    for await (const receipt of node.receipts()) await printPaced(`${printableJson(receipt)}\n`)
    return
  }
  if (format === 'csv') await printPaced(`${csvHeader}\r\n`)
  const open = new Set<string>()
  for await (const entry of node.ledger())
    if (format === 'csv') await printPaced(`${csvLine(entry)}\r\n`)
    else if (format === 'json') await printPaced(`${printableJson(entry)}\n`)
    else {
      const lines = format === 'hledger' ? hledgerLines(entry) : beancountLines(entry, open)
      for (const line of lines) await printPaced(`${line}\n`)
    }
}
