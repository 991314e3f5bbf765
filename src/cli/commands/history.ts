/** `carpool history`: shows what the running node's vehicle did, day by day. */
import { type Command, InvalidArgumentError, Option } from 'commander'
import { addOptions, resolveConfig } from '../config/config.ts'
import { describeHistory } from '../history-view.ts'
import { clientOptionNames, withNode } from '../local-node.ts'
import { print, printJson } from '../output.ts'

export function historyCommand(program: Command): void {
  const command = program
    .command('history')
    .summary("show what this node's vehicle did, by day")
    .description(
      'Shows what the vehicle of the running node did on each day, for money or not: leases, pages, energy and earnings, and what held work back for how long.',
    )
    .addOption(new Option('--days <n>', 'the last days, today among them').default(7).argParser(parseDays))
    .action(async ({ days, ...flags }: { readonly days: number }) => {
      const { dataDir, json } = resolveConfig(clientOptionNames, { ...flags })
      const view = await withNode(dataDir, (node) => node.history(days))
      if (json) for (const day of view.days) printJson({ event: 'day', timeZone: view.timeZone, ...day })
      else for (const line of describeHistory(view)) print(line)
    })
  addOptions(command, clientOptionNames)
}

function parseDays(text: string): number {
  const days = Number(text)
  if (!/^\d+$/.test(text) || days < 1 || days > 400)
    throw new InvalidArgumentError('Say a number of days from 1 to 400.')
  return days
}
