/** `carpool key create`, `list`, `revoke`: keys by which programs use this node's HTTP server (src/gateway), whether it runs or not. */
import { randomBytes } from 'node:crypto'
import { type Command, InvalidArgumentError } from 'commander'
import { type KeyRow, type KeySettings, Keys, type Role, roles, tenantPattern } from '../../gateway/keys.ts'
import { openTables } from '../../gateway/tables.ts'
import { formatMoney, parseMoney } from '../../protocol/price.ts'
import { addOptions, resolveConfig } from '../config/config.ts'
import { CommandFailure, usageExitCode } from '../failure.ts'
import { formatLocalTime } from '../format.ts'
import { note, print, printJson } from '../output.ts'
import { type Column, formatTable } from '../table.ts'

const optionNames = ['dataDir', 'json', 'logLevel'] as const
/** A guess. */
const batchesUsual = 16

interface CreateFlags {
  readonly name: string
  readonly budgetDay?: Money
  readonly priceCap?: Money
  readonly batches: number
  readonly role: readonly Role[]
  readonly webhook?: string
  readonly webhookPrivate?: boolean
}

type Money = NonNullable<KeySettings['budgetDay']>

export function gatewayKeyCommands(key: Command): void {
  const create = key
    .command('create')
    .summary('make a key for a program that uses this node over HTTP')
    .description(
      'Makes a key by which a program uses this node over HTTP (carpool node --http), and prints it once, alone on the last line. Only its hash is kept. Files and batches belong to the name: a key that takes the place of a revoked one finds them again. People open the page of the node with it (docs/console.md).',
    )
    .requiredOption('--name <name>', 'whose key it is', nameIn)
    .option(
      '--budget-day <amount>',
      'the most that its batches of a day (UTC) may cost; without, they pay nobody',
      moneyIn,
    )
    .option(
      '--price-cap <amount>',
      'the most that one page, or 1,000 tokens, of one execution may cost, where a batch does not say; without, what its budget allows',
      moneyIn,
    )
    .option('--batches <count>', 'batches that may be under way at once', countIn, batchesUsual)
    .option(
      '--role <roles...>',
      'what it opens: submitter (batches of its own), owner (this vehicle, and pausing it), operator (the vehicles around, and who is in the fleet)',
      roleIn,
      ['submitter'] as readonly Role[],
    )
    .option('--webhook <url>', 'where to tell of each batch that is over, by Standard Webhooks', urlIn)
    .option('--webhook-private', 'the webhook may be in a private network')
    .addHelpText(
      'after',
      `
Example:
  $ carpool key create --name team --budget-day 5EUR
  $ carpool key create --name me --role owner            # … for the page: this vehicle, and nothing else`,
    )
    .action((flags: CreateFlags) => createKey(flags, resolveConfig(optionNames, { ...flags })))
  addOptions(create, optionNames)

  const list = key
    .command('list')
    .summary('list the keys of programs')
    .action((flags: Record<string, unknown>) => {
      const { dataDir, json } = resolveConfig(optionNames, flags)
      const rows = withKeys(dataDir, (keys) => keys.list())
      if (json) for (const row of rows) printJson(shown(row))
      else for (const line of formatTable(columns, rows)) print(line)
    })
  addOptions(list, optionNames)

  const revoke = key
    .command('revoke')
    .argument('<name>', 'the name of the key, or its id')
    .summary('end a key: it opens nothing from then on')
    .action((which: string, flags: Record<string, unknown>) => {
      const { dataDir, json } = resolveConfig(optionNames, flags)
      const row = withKeys(dataDir, (keys) => keys.revoke(which, Date.now()))
      if (row === undefined)
        throw new CommandFailure(
          `there is no key in force called ${which}; they are listed by: carpool key list`,
        )
      if (json) printJson({ event: 'revoked', ...shown(row) })
      else
        print(
          `the key of ${row.tenant} opens nothing any more; its batches go on, and can be cancelled by a new key`,
        )
    })
  addOptions(revoke, optionNames)
}

function createKey(
  { name, budgetDay, priceCap, batches, role, webhook, webhookPrivate }: CreateFlags,
  { dataDir, json }: { readonly dataDir: string; readonly json: boolean },
): void {
  if (priceCap !== undefined && budgetDay === undefined)
    throw new CommandFailure('a key that may pay needs a budget: add --budget-day 5EUR', usageExitCode)
  if (budgetDay !== undefined && priceCap !== undefined && budgetDay.currency !== priceCap.currency)
    throw new CommandFailure('--budget-day and --price-cap are in different currencies', usageExitCode)
  const secret = `whsec_${randomBytes(32).toString('base64')}`
  const settings: KeySettings = {
    roles: [...role],
    budgetDay: budgetDay ?? null,
    priceCap: priceCap ?? null,
    batchesMax: batches,
    webhook: webhook === undefined ? null : { url: webhook, secret, mayBePrivate: webhookPrivate === true },
  }
  const key = withKeys(dataDir, (keys) => keys.create(name, settings, Date.now()))
  if (key === undefined)
    throw new CommandFailure(`${name} has a key already; end that one first: carpool key revoke ${name}`)
  if (json) {
    printJson({ event: 'created', name, key, ...(webhook && { webhook, secret }) })
    return
  }
  note(`the key of ${name}, which is shown only now:`)
  if (webhook !== undefined) print(`webhook secret: ${secret}`)
  print(key)
}

function withKeys<Result>(dataDir: string, use: (keys: Keys) => Result): Result {
  const tables = openTables(dataDir)
  try {
    return use(new Keys(tables))
  } finally {
    tables.close()
  }
}

function shown({ id, tenant, createdAtMs, revokedAtMs, settings }: KeyRow): object {
  const { webhook, ...others } = settings
  return { name: tenant, id, createdAtMs, revokedAtMs, ...others, webhook: webhook?.url ?? null }
}

const columns: readonly Column<KeyRow>[] = [
  { title: 'NAME', cell: ({ tenant }) => tenant },
  { title: 'ID', cell: ({ id }) => id },
  {
    title: 'A DAY',
    align: 'right',
    cell: ({ settings: { budgetDay } }) =>
      budgetDay === null ? 'nothing' : formatMoney(budgetDay.micros, budgetDay.currency),
  },
  { title: 'FOR', cell: ({ settings }) => settings.roles.join(', ') },
  { title: 'SINCE', cell: ({ createdAtMs }) => formatLocalTime(createdAtMs) },
  {
    title: 'REVOKED',
    cell: ({ revokedAtMs }) => (revokedAtMs === null ? '–' : formatLocalTime(revokedAtMs)),
  },
]

function nameIn(text: string): string {
  if (tenantPattern.test(text)) return text
  throw new InvalidArgumentError('Give up to 64 letters, digits, dots, hyphens and underscores.')
}

function moneyIn(text: string): Money {
  const money = parseMoney(text)
  if (money === undefined) throw new InvalidArgumentError('Give an amount such as 5EUR.')
  return money
}

function countIn(text: string): number {
  const count = Number(text)
  if (Number.isInteger(count) && count >= 1 && count <= 1000) return count
  throw new InvalidArgumentError('Give a whole number from 1 to 1000.')
}

/** `before`: those of the flag that were read already, or its default. */
function roleIn(text: string, before: readonly Role[] & { isGiven?: true }): readonly Role[] {
  const role = roles.find((one) => one === text)
  if (role === undefined) throw new InvalidArgumentError(`There are ${roles.join(', ')}.`)
  return Object.assign([...(before.isGiven ? before : []), role], { isGiven: true as const })
}

function urlIn(text: string): string {
  if (URL.canParse(text) && /^https?:$/.test(new URL(text).protocol)) return text
  throw new InvalidArgumentError('Give a URL such as https://example.org/hooks.')
}
