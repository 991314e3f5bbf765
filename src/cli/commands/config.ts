/** `carpool config`: every option with its value and where it came from; get, set and unset change one in the file. */
import type { Command } from 'commander'
import { connectLocal } from '../../host/local/client.ts'
import type { Reloaded } from '../../host/reloaded.ts'
import { addOptions, type Config, type OptionName, resolveConfig } from '../config/config.ts'
import { editConfig, optionInFile, optionNamed } from '../config/edit.ts'
import { type HttpAddress, httpAddressText } from '../config/gateway-options.ts'
import { optionNames } from '../config/options.ts'
import { wishOf } from '../config/preferences.ts'
import { type OthersAsk, warningsOf } from '../config/weigh.ts'
import { clientOptionNames } from '../local-node.ts'
import { print, printJson } from '../output.ts'
import { formatTable } from '../table.ts'

export function configCommand(program: Command): void {
  const command = program
    .command('config')
    .summary('show every option and where its value came from')
    .description(
      'Shows every option with its value and where it came from: a flag, a variable, the file, or the default.',
    )
    .option('--explain', 'show the options (the default)')
    .option('--check', 'only tell whether the options are valid, and which of them are hardly meant')
    .action(async (flags: Record<string, unknown>) => {
      const config = resolveConfig<OptionName>(optionNames, flags)
      wishOf(config)
      if (flags.check === true && flags.explain !== true) {
        const warnings = warningsOf(config, await othersAsks(config.dataDir))
        if (config.json) printJson({ event: 'checked', options: optionNames.length, warnings })
        else
          for (const line of ['the options are valid', ...warnings.map((one) => `but: ${one}`)]) print(line)
        return
      }
      const rows = explain(config)
      if (config.json) rows.forEach(printJson)
      else for (const line of describeConfig(rows)) print(line)
    })
  addOptions(command, optionNames)
  const clientFlags = (sub: Command) => addOptions(sub, clientOptionNames)
  clientFlags(
    command
      .command('get <option>')
      .summary('print the value of one option')
      .description('Prints the value of one option, as a node that starts now would have it.')
      .action((name: string, flags: Record<string, unknown>) =>
        getOption(name, { ...command.opts(), ...flags }),
      ),
  )
  clientFlags(
    command
      .command('set <option> <value...>')
      .summary('change an option in the file, and in the node that runs')
      .description(
        `Changes an option in the file of the data directory (or of --config), and has the running node read it again. An owner's rules,
prices and the log's level change at once; what waits for the node's next start is said.`,
      )
      .action((name: string, texts: string[], flags: Record<string, unknown>) =>
        changeOption(name, texts, { ...command.opts(), ...flags }),
      ),
  ).addHelpText(
    'after',
    `
Examples:
  $ carpool config set chargePercentMin 60              work from 60 % on, at once
  $ carpool config set quietHours 22:00-06:00 "sat-sun 08:00-20:00"
  $ carpool config unset quietHours`,
  )
  clientFlags(
    command
      .command('unset <option>')
      .summary('take an option out of the file: its default holds again')
      .action((name: string, flags: Record<string, unknown>) =>
        changeOption(name, null, { ...command.opts(), ...flags }),
      ),
  )
}

function getOption(name: string, flags: Readonly<Record<string, unknown>>): void {
  const option = optionNamed(name)
  const config = resolveConfig<OptionName>([...new Set<OptionName>([option, 'json'])], flags)
  if (config.json) printJson({ option, value: config[option], ...config.origins[option] })
  else print(inWords(config[option]))
}

async function changeOption(
  name: string,
  texts: readonly string[] | null,
  flags: Readonly<Record<string, unknown>>,
): Promise<void> {
  const option = optionNamed(name)
  const { dataDir, json } = resolveConfig(clientOptionNames, flags)
  const file = editConfig(option, texts, flags)
  const node = await connectLocal(dataDir)
  try {
    const reloaded = await node?.reload()
    const effect = reloaded === undefined ? 'next-start' : effectOf(option, file, reloaded)
    const value = optionInFile(option, flags)
    if (json) printJson({ event: 'changed', option, value, file, effect })
    else
      print(
        `${option} is ${inWords(value)}${texts === null ? ', its default, and not' : ''} in ${file}; ${inSentence(effect, option, reloaded)}`,
      )
  } finally {
    node?.close()
  }
}

type Effect = 'now' | 'next-start' | 'restart' | 'overridden' | 'other-file' | 'none'

function effectOf(option: OptionName, file: string, reloaded: Reloaded): Effect {
  if (reloaded.file !== file) return 'other-file'
  if (reloaded.overridden.some((one) => one.option === option)) return 'overridden'
  if (reloaded.needsRestart.includes(option)) return 'restart'
  return reloaded.changed.includes(option) ? 'now' : 'none'
}

function inSentence(effect: Effect, option: OptionName, reloaded: Reloaded | undefined): string {
  switch (effect) {
    case 'now':
      return 'the running node heeds it'
    case 'next-start':
      return 'no node runs on this data directory, and the next one heeds it'
    case 'restart':
      return 'the running node heeds it when it has started again'
    case 'overridden':
      return `the running node was told otherwise by ${reloaded?.overridden.find((one) => one.option === option)?.by}, which goes first`
    case 'other-file':
      return `but the running node reads ${reloaded?.file}`
    case 'none':
      return 'nothing changes for the running node'
  }
}

/** The prices of other vehicles, if a node runs on this data directory. */
async function othersAsks(dataDir: string): Promise<OthersAsk[]> {
  const client = await connectLocal(dataDir)
  if (client === undefined) return []
  try {
    return (await client.peers())
      .filter(({ self }) => !self)
      .flatMap(({ engines }) =>
        engines.flatMap(({ runtime, ask }) => (ask === null ? [] : [{ runtime, ask }])),
      )
  } finally {
    client.close()
  }
}

interface ExplainedOption {
  readonly option: OptionName
  readonly value: unknown
  readonly layer: 'flag' | 'environment' | 'file' | 'default'
  readonly where: string
}

function explain(config: Config): ExplainedOption[] {
  return optionNames.map((option) => ({ option, value: config[option], ...config.origins[option] }))
}

export function describeConfig(rows: readonly ExplainedOption[]): string[] {
  return formatTable(
    [
      { title: 'OPTION', cell: ({ option }) => option },
      { title: 'VALUE', cell: ({ value }) => inWords(value) },
      { title: 'FROM', cell: ({ layer, where }) => (layer === 'default' ? `default: ${where}` : where) },
    ],
    rows,
  )
}

function inWords(value: unknown): string {
  if (value === null) return '–'
  if (Array.isArray(value)) return value.length === 0 ? '–' : value.join(', ')
  return isHttpAddress(value) ? httpAddressText(value) : String(value)
}

function isHttpAddress(value: unknown): value is HttpAddress {
  return typeof value === 'object' && value !== null && 'host' in value && 'port' in value
}
