/**
 * Configuration: flags over CARPOOL_* variables over the file over defaults, one option at a time, each value with
 * where it came from, so that a person can be told why.
 *
 * An unknown name is refused, and the nearest known one suggested: a misspelt key that is silently ignored is a
 * default that somebody believes to have changed. The file may hold options that this command does not use, so that
 * one file serves all commands. cosmiconfig and convict were declined: neither refuses unknown variables, and zod and
 * commander do the rest.
 */
import { readFileSync } from 'node:fs'
import { availableParallelism, homedir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { type Command, Option as Flag } from 'commander'
import { z } from 'zod'
import { ConfigError } from './errors.ts'
import { nearest } from './nearest.ts'
import type { Machine, Option } from './option.ts'
import { flagOf, type OptionName, type OptionValues, optionNames, options, variableOf } from './options.ts'

export { ConfigError } from './errors.ts'
export type { Machine } from './option.ts'
export type { OptionName } from './options.ts'

interface Origin {
  readonly layer: 'flag' | 'environment' | 'file' | 'default'
  /** The flag, the variable, or the file's path; for a default, what it is in words. */
  readonly where: string
}

export type Config<Name extends OptionName = OptionName> = Pick<OptionValues, Name> & {
  readonly origins: { readonly [Option in Name]: Origin }
}

/** Adds the flags of these options, and `--config`. Defaults are not commander's: it would hide where they came from. */
export function addOptions(command: Command, names: readonly OptionName[]): Command {
  for (const name of names) {
    const { help, placeholder, isList, fallbackText }: Option<unknown> = options[name]
    const flags = placeholder === null ? flagOf(name) : `${flagOf(name)} ${placeholder}`
    const flag = new Flag(flags, `${help} (${variableOf(name)}, default: ${fallbackText})`)
    if (isList) flag.argParser((text, before: string[] | undefined) => [...(before ?? []), text])
    command.addOption(flag)
  }
  const file = 'read options from a JSON file (CARPOOL_CONFIG, default: config.json in the data directory)'
  return command.addOption(new Flag('--config <file>', file))
}

/**
 * The values of `names`, from `command.opts()` and everything below it.
 * Throws ConfigError: unknown-key, unknown-variable, bad-value, unreadable-file, circular, no-home.
 */
export function resolveConfig<Name extends OptionName>(
  names: readonly Name[],
  flags: Readonly<Record<string, unknown>>,
  machine: Machine = thisMachine(),
): Config<Name> {
  refuseUnknownVariables(machine)
  const file = readConfigFile(flags, machine)
  const values: Partial<Record<OptionName, unknown>> = {}
  const origins: Partial<Record<OptionName, Origin>> = {}
  for (const name of names) {
    const { value, origin } = resolveOption(name, flags, machine, file)
    values[name] = value
    origins[name] = origin
  }
  return { ...values, origins } as Config<Name>
}

interface ConfigFile {
  readonly path: string
  readonly values: Readonly<Record<string, unknown>>
}

interface Resolved {
  readonly value: unknown
  readonly origin: Origin
}

function resolveOption(
  name: OptionName,
  flags: Readonly<Record<string, unknown>>,
  machine: Machine,
  file: ConfigFile | null,
): Resolved {
  const { environment, workingDirectory } = machine
  const flag = flags[name]
  if (flag !== undefined)
    return check(name, flag, workingDirectory, { layer: 'flag', where: flagOf(name) }, flagOf(name))
  const variable = variableOf(name)
  const text = environment[variable]
  // An empty variable is how a shell or a unit file takes a variable back.
  if (text !== undefined && text !== '') {
    const value = options[name].isList ? text.split(',').map((part) => part.trim()) : text
    return check(name, value, workingDirectory, { layer: 'environment', where: variable }, variable)
  }
  if (file !== null && Object.hasOwn(file.values, name)) {
    const origin = { layer: 'file', where: file.path } as const
    return check(name, file.values[name], dirname(file.path), origin, `${file.path}: ${name}`)
  }
  const { fallback, fallbackText } = options[name]
  return { value: fallback(machine), origin: { layer: 'default', where: fallbackText } }
}

function check(name: OptionName, value: unknown, folder: string, origin: Origin, where: string): Resolved {
  const { schema, expects }: Option<unknown> = options[name]
  const checked = schema(folder).safeParse(value)
  if (checked.success) return { value: checked.data, origin }
  const position = checked.error.issues[0]?.path[0]
  const culprit = Array.isArray(value) && typeof position === 'number' ? value[position] : value
  throw new ConfigError({ code: 'bad-value', option: name, where, value: culprit, expects })
}

/** The file that was asked for, or the data directory's, which need not exist. */
function readConfigFile(flags: Readonly<Record<string, unknown>>, machine: Machine): ConfigFile | null {
  const asked = (flags.config as string | undefined) ?? (machine.environment[configVariable] || undefined)
  if (asked !== undefined) return parseConfigFile(resolve(machine.workingDirectory, asked), true)
  const dataDir = resolveOption('dataDir', flags, machine, null).value as string
  const file = parseConfigFile(join(dataDir, 'config.json'), false)
  if (file !== null && Object.hasOwn(file.values, 'dataDir'))
    throw new ConfigError({ code: 'circular', file: file.path })
  return file
}

function parseConfigFile(path: string, isAsked: boolean): ConfigFile | null {
  let values: Record<string, unknown>
  try {
    values = z.record(z.string(), z.unknown()).parse(JSON.parse(readFileSync(path, 'utf8')))
  } catch (error) {
    if (!isAsked && (error as NodeJS.ErrnoException).code === 'ENOENT') return null
    const why = error instanceof z.ZodError ? 'is not a JSON object' : (error as Error).message
    if ((error as NodeJS.ErrnoException).code === 'ENOTDIR')
      throw new ConfigError({ code: 'unreadable-file', file: dirname(path), why: 'it is a file, and no folder' })
    throw new ConfigError({ code: 'unreadable-file', file: path, why }, { cause: error })
  }
  const known: readonly string[] = optionNames
  for (const key of Object.keys(values))
    if (!known.includes(key))
      throw new ConfigError({ code: 'unknown-key', key, file: path, nearest: nearest(key, known) })
  return { path, values }
}

const configVariable = 'CARPOOL_CONFIG'

function refuseUnknownVariables({ environment }: Machine): void {
  const known = [...optionNames.map(variableOf), configVariable]
  for (const variable of Object.keys(environment).sort())
    if (variable.startsWith('CARPOOL_') && !known.includes(variable))
      throw new ConfigError({ code: 'unknown-variable', variable, nearest: nearest(variable, known) })
}

/** Node throws where the user is a number without an entry in passwd, and HOME is not set. */
function homeOf(): string | null {
  try {
    return homedir()
  } catch {
    return null
  }
}

function thisMachine(): Machine {
  return {
    environment: process.env,
    home: homeOf(),
    workingDirectory: process.cwd(),
    cores: availableParallelism(),
    timeZone: new Intl.DateTimeFormat().resolvedOptions().timeZone,
  }
}
