/** `carpool bill`: shows a job's cost, shard by shard, against its budget. */
import type { Command } from 'commander'
import { printableJson } from '../../base/printable.ts'
import type { BilledShard, BillTotals } from '../../host/ledger/contract.ts'
import { addOptions } from '../config/config.ts'
import { resolveNodeConfig } from '../config/node-config.ts'
import { jobOptionNames, withAnyNode } from '../local-node.ts'
import { describeBill, describeBilledShard } from '../money/views.ts'
import { print, printJson, printPaced } from '../output.ts'

export function billCommand(program: Command): void {
  const command = program
    .command('bill')
    .argument('<job>', 'a job, or the beginning of its id')
    .option('--total', 'without the lines of single shards')
    .summary('show what a job costs')
    .description(
      'Shows each execution of each shard and what it costs: replicas, audits, and copies, where another execution was late, was lost or disagreed. What agrees with no verdict costs nothing.',
    )
    .action(async (job: string, flags: { readonly total?: true }) => {
      const { json } = resolveNodeConfig({ ...flags })
      await withAnyNode({ ...flags }, async (node) => {
        const lines = node.bill(job)
        for (;;) {
          const next: IteratorResult<BilledShard, BillTotals> = await lines.next()
          if (next.done) {
            if (json) printJson({ event: 'billed', ...next.value })
            else for (const line of describeBill(next.value)) print(line)
            return
          }
          if (flags.total) continue
          const shown = json
            ? [printableJson({ event: 'shard', ...next.value })]
            : describeBilledShard(next.value)
          await printPaced(`${shown.join('\n')}\n`)
        }
      })
    })
  addOptions(command, jobOptionNames)
}
