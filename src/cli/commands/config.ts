/** `carpool config`: every option with its value and where it came from. */
import type { Command } from 'commander'
import { connectLocal } from '../../host/local/client.ts'
import { addOptions, type Config, type OptionName, resolveConfig } from '../config/config.ts'
import { optionNames } from '../config/options.ts'
import { wishOf } from '../config/preferences.ts'
import { type OthersAsk, warningsOf } from '../config/weigh.ts'
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
  return String(value)
}
