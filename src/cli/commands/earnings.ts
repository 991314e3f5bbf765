/** `carpool earnings`: shows what the running node's vehicle is owed, or all of its owner's, and what the work took. */
import type { Command } from 'commander'
import { commandPrefix, readTariff } from '../../host/energy/tariff-source.ts'
import type { Period } from '../../host/ledger/contract.ts'
import type { RemoteApi } from '../../host/local/client.ts'
import { signAccountsAccess } from '../../host/membership/certificates.ts'
import type { Tariff } from '../../protocol/energy/tariff.ts'
import { addOptions, resolveConfig } from '../config/config.ts'
import { CommandFailure } from '../failure.ts'
import { clientOptionNames, withNode } from '../local-node.ts'
import { describeEarnings, describeOperator, describeOwner } from '../money/earnings-views.ts'
import { print, printJson } from '../output.ts'
import { existingKey, keyPath } from './owner.ts'

const optionNames = [...clientOptionNames, 'tariff'] as const

interface Flags {
  readonly owner?: boolean
  readonly ownerKey?: string
  readonly operator?: boolean
}

export function earningsCommand(program: Command): void {
  const command = program
    .command('earnings')
    .summary("show what this node's vehicle, an owner's vehicles, or an operator earned")
    .description(
      'Shows what the vehicle of the running node earned today, this month, this year and in all, and by job: pending until a verdict, verified, and paid. With a tariff, also net of electricity: all that the work drew, work that was broken off and the computer that is awake for it among it.',
    )
    .option('--owner', 'of all vehicles of the owner whose key is here, asked through this node')
    .option('--owner-key <file>', "file of the owner's key (default: owner.key in the data directory)")
    .option('--operator', "the operator's share, by vehicle and job: on a registrar")
    .action(async (flags: Flags) => {
      const {
        dataDir,
        json,
        tariff: spec,
        origins,
      } = resolveConfig(optionNames, { ...flags, owner: undefined })
      // What was noted counts, but for one who asks by the command to count by another.
      const isAsked = origins.tariff.layer === 'flag'
      const [tariff, usual] = isAsked ? [tariffFrom(spec), null] : [null, tariffFrom(spec)]
      const shown = { tariff, usual, nowMs: Date.now() }
      const periods = periodsAt(new Date())
      await withNode(dataDir, async (node) => {
        if (flags.operator === true) {
          const accounts = await node.operatorsAccounts(periods)
          if (json) printJson({ event: 'operator', ...accounts })
          else for (const line of describeOperator(accounts)) print(line)
        } else if (flags.owner === true || flags.ownerKey !== undefined) {
          const accounts = await ownersAccounts(node, keyPath(flags.ownerKey, dataDir, 'owner'), periods)
          if (json) printJson({ event: 'owner', ...accounts })
          else for (const line of describeOwner(accounts, { ...shown, usual: null })) print(line)
        } else {
          const view = await node.earnings(periods)
          if (json) printJson({ event: 'earnings', tariff: spec, ...view })
          else for (const line of describeEarnings(view, shown)) print(line)
        }
      })
    })
  addOptions(command, optionNames).addHelpText(
    'after',
    `
Examples:
  $ carpool earnings --tariff 0.30EUR
  $ carpool earnings --owner --tariff tariff.json     all vehicles of the owner whose key is in the data directory
  $ carpool earnings --operator                       on a registrar: the fleet's share of what its vehicles earn`,
  )
}

/** The key stays here: the node gets what it has signed. */
async function ownersAccounts(
  node: RemoteApi,
  path: string,
  periods: readonly Period[],
): ReturnType<RemoteApi['ownersAccounts']> {
  const { peer } = await node.info()
  const { body, signature } = signAccountsAccess(existingKey(path, 'owner'), { reader: peer, of: 'owner' })
  const text = (bytes: Uint8Array) => Buffer.from(bytes).toString('base64')
  return node.ownersAccounts({ body: text(body), signature: text(signature) }, periods)
}

/**
 * Null: the costs that the node noted count, since a command tells the prices of now and ahead, and not those of then. Throws
 * CommandFailure.
 */
function tariffFrom(spec: string | null): Tariff | null {
  if (spec?.startsWith(commandPrefix) ?? true) return null
  try {
    return readTariff(spec!)
  } catch (error) {
    throw new CommandFailure((error as Error).message)
  }
}

/** Days, months and years are those of the machine's time zone. */
function periodsAt(now: Date): Period[] {
  const [year, month, day] = [now.getFullYear(), now.getMonth(), now.getDate()]
  return [
    { name: 'today', sinceMs: new Date(year, month, day).getTime() },
    { name: 'this month', sinceMs: new Date(year, month, 1).getTime() },
    { name: 'this year', sinceMs: new Date(year, 0, 1).getTime() },
    { name: 'in all', sinceMs: 0 },
  ]
}
