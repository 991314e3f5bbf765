/** `carpool metrics`: the running node's state for Prometheus. */
import type { Command } from 'commander'
import { addOptions, resolveConfig } from '../config/config.ts'
import { clientOptionNames, withNode } from '../local-node.ts'
import { print } from '../output.ts'

export function metricsCommand(program: Command): void {
  const command = program
    .command('metrics')
    .summary("print the running node's metrics")
    .description(
      "Prints the running node's metrics in Prometheus' text format, for the textfile collector of node_exporter: slots, leases, receipts, the verdict of the owner's rules, and each rule that holds work back.",
    )
    .action(async (flags: Record<string, unknown>) => {
      const { dataDir } = resolveConfig(clientOptionNames, flags)
      // Loaded here: no other command needs it.
      const { metricsOf } = await import('../../gateway/metrics.ts')
      const [info, why, peers] = await withNode(dataDir, (node) =>
        Promise.all([node.info(), node.why(), node.peers()]),
      )
      for (const line of (await metricsOf(info, why, peers, Date.now())).trimEnd().split('\n')) print(line)
    })
  addOptions(command, clientOptionNames).addHelpText(
    'after',
    `
Examples:
  $ carpool metrics > /var/lib/node_exporter/carpool.prom.new && mv /var/lib/node_exporter/carpool.prom.new /var/lib/node_exporter/carpool.prom`,
  )
}
