/** `carpool status`: how a job is doing, followed until it ends. */
import type { Command } from 'commander'
import { addOptions } from '../config/config.ts'
import { resolveNodeConfig } from '../config/node-config.ts'
import { follow, liveDisplay } from '../follow.ts'
import { heedSignals } from '../interruption.ts'
import { describeStatus } from '../job-view.ts'
import { jobOptionNames, withAnyNode } from '../local-node.ts'
import { print, printJson } from '../output.ts'

export function statusCommand(program: Command): void {
  const command = program
    .command('status')
    .argument('<job>', 'a job, or the beginning of its id')
    .summary('show how a job is doing')
    .description('Follows a job until it ends: drawn in place on a terminal, as JSON lines otherwise.')
    .option('--once', 'show the present state and return')
    .action(async (job: string, flags: Record<string, unknown>) => {
      const { json } = resolveNodeConfig(flags)
      const asJson = json || !process.stdout.isTTY
      if (flags.once === true) {
        const status = await withAnyNode(flags, (node) => node.status(job))
        if (asJson) printJson(status)
        else for (const line of describeStatus(status)) print(line)
        return
      }
      const display = asJson ? printJson : liveDisplay(process.stdout)
      const interruption = heedSignals()
      await withAnyNode(flags, (node) => follow(node, job, display, interruption.signal))
      interruption.release()
    })
  addOptions(command, jobOptionNames)
}
