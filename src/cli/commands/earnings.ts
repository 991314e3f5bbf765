/** `carpool earnings`: shows what the running node's vehicle is owed, and what the work took. */
import { type Command, InvalidArgumentError, Option } from 'commander'
import { addOptions, resolveConfig } from '../config/config.ts'
import { clientOptionNames, withNode } from '../local-node.ts'
import { describeEarnings } from '../money/views.ts'
import { print, printJson } from '../output.ts'

export function earningsCommand(program: Command): void {
  const command = program
    .command('earnings')
    .summary("show what this node's vehicle earned")
    .description(
      'Shows what the vehicle of the running node earned today, this month and in all, and by job: pending until a verdict, verified, and paid. With a tariff, also net of the electricity that the receipts speak of.',
    )
    .addOption(
      new Option('--tariff <price>', 'price that the owner pays for a kWh, in the currency earned').argParser(
        parseTariff,
      ),
    )
    .action(async (flags: { readonly tariff?: number }) => {
      const { dataDir, json } = resolveConfig(clientOptionNames, { ...flags })
      const view = await withNode(dataDir, (node) => node.earnings(periodsAt(new Date())))
      if (json) printJson({ event: 'earnings', tariff: flags.tariff ?? null, ...view })
      else for (const line of describeEarnings(view, flags.tariff ?? null)) print(line)
    })
  addOptions(command, clientOptionNames)
}

/** Days and months are those of the machine's time zone. */
function periodsAt(now: Date): { readonly name: string; readonly sinceMs: number }[] {
  const [year, month, day] = [now.getFullYear(), now.getMonth(), now.getDate()]
  return [
    { name: 'today', sinceMs: new Date(year, month, day).getTime() },
    { name: 'this month', sinceMs: new Date(year, month, 1).getTime() },
    { name: 'in all', sinceMs: 0 },
  ]
}

function parseTariff(text: string): number {
  const value = Number(text)
  if (text.trim() === '' || !(value >= 0 && value < 1_000))
    throw new InvalidArgumentError('Say what a kWh costs, such as 0.30.')
  return value
}
