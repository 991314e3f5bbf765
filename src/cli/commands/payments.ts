/** `carpool payments`: what payers say that they paid for this vehicle's work, and whether it has arrived. */
import type { Command } from 'commander'
import { addOptions, resolveConfig } from '../config/config.ts'
import { clientOptionNames, withNode } from '../local-node.ts'
import { describePayments } from '../money/settle-views.ts'
import { print, printJson } from '../output.ts'

export function paymentsCommand(program: Command): void {
  const payments = program
    .command('payments')
    .enablePositionalOptions()
    .summary("list what payers paid for this vehicle's work")
    .description(
      "Lists the payments that payers have named to this node's vehicle: by the end-to-end id that stands on the statement of the owner's account, with the payer's reference.",
    )
    .action(async (flags: object) => {
      const { dataDir, json } = resolveConfig(clientOptionNames, { ...flags })
      const list = await withNode(dataDir, (node) => node.payments())
      if (json) printJson({ event: 'payments', payments: list })
      else for (const line of describePayments(list)) print(line)
    })
  addOptions(payments, clientOptionNames)
  mark(payments, 'missing', 'tell the payer that a payment has not arrived', true)
  mark(payments, 'arrived', 'tell the payer that it has arrived after all', false)
}

function mark(payments: Command, name: string, summary: string, isMissing: boolean): void {
  const command = payments
    .command(name)
    .argument('<payment>', 'its end-to-end id, as carpool payments lists it')
    .summary(summary)
    .description(
      `${summary[0]!.toUpperCase()}${summary.slice(1)}. Its node is told now, or when it is back; its carpool settle shows it.`,
    )
    .action(async (settlement: string, flags: object) => {
      const { dataDir, json } = resolveConfig(clientOptionNames, { ...flags })
      await withNode(dataDir, (node) => node.markPayment(settlement, isMissing))
      if (json) printJson({ event: 'payment', settlement, missing: isMissing })
      else
        print(isMissing ? `${settlement}: the payer is told that it has not arrived` : `${settlement}: noted`)
    })
  addOptions(command, clientOptionNames)
}
