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
import { clean } from '../../base/printable.ts'
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
    // An option of its own, and not commander's way of saying no to another.
    flag.negate = false
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
  file: ConfigFile | null = readConfigFile(flags, machine),
): Config<Name> {
  refuseUnknownVariables(machine)
  const values: Partial<Record<OptionName, unknown>> = {}
  const origins: Partial<Record<OptionName, Origin>> = {}
  for (const name of names) {
    const { value, origin } = resolveOption(name, flags, machine, file)
    values[name] = value
    origins[name] = origin
  }
  return { ...values, origins } as Config<Name>
}

/** Returns the options as this file alone has them. Throws ConfigError, as `resolveConfig`. */
export function resolveFile(file: ConfigFile, machine: Machine = thisMachine()): Config {
  const { environment, ...rest } = machine
  const others = Object.entries(environment).filter(([name]) => !name.startsWith(variablePrefix))
  // Some folder: where a user without a home keeps data is another question.
  const flags = Object.hasOwn(file.values, 'dataDir') ? {} : { dataDir: dirname(file.path) }
  return resolveConfig(optionNames, flags, { ...rest, environment: Object.fromEntries(others) }, file)
}

export interface ConfigFile {
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
    const value = options[name].isList ? cut(options[name], text) : text
    return check(name, value, workingDirectory, { layer: 'environment', where: variable }, variable)
  }
  if (file !== null && Object.hasOwn(file.values, name)) {
    const origin = { layer: 'file', where: file.path } as const
    return check(name, file.values[name], dirname(file.path), origin, `${file.path}: ${name}`)
  }
  const { fallback, fallbackText } = options[name]
  return { value: fallback(machine), origin: { layer: 'default', where: fallbackText } }
}

/** The values of a list that somebody has written as one text. */
export function cut({ cut: ownCut }: Pick<Option<unknown>, 'cut'>, text: string): string[] {
  return ownCut?.(text) ?? text.split(',').map((part) => part.trim())
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
export function readConfigFile(
  flags: Readonly<Record<string, unknown>>,
  machine: Machine = thisMachine(),
  mustExist = true,
): ConfigFile | null {
  const { path, isAsked } = configFileOf(flags, machine)
  if (isAsked) return parseConfigFile(path, mustExist)
  const file = parseConfigFile(path, false)
  if (file !== null && Object.hasOwn(file.values, 'dataDir'))
    throw new ConfigError({ code: 'circular', file: file.path })
  return file
}

/** Returns the path of the file, which need not exist, and whether it was asked for. Throws ConfigError: no-home. */
export function configFileOf(
  flags: Readonly<Record<string, unknown>>,
  machine: Machine = thisMachine(),
): { readonly path: string; readonly isAsked: boolean } {
  const asked = (flags.config as string | undefined) ?? (machine.environment[configVariable] || undefined)
  if (asked !== undefined) return { path: resolve(machine.workingDirectory, asked), isAsked: true }
  const dataDir = resolveOption('dataDir', flags, machine, null).value as string
  return { path: join(dataDir, 'config.json'), isAsked: false }
}

function parseConfigFile(path: string, mustExist: boolean): ConfigFile | null {
  let values: Record<string, unknown>
  try {
    values = z.record(z.string(), z.unknown()).parse(JSON.parse(readFileSync(path, 'utf8')))
  } catch (error) {
    if (!mustExist && (error as NodeJS.ErrnoException).code === 'ENOENT') return null
    const why = error instanceof z.ZodError ? 'is not a JSON object' : clean((error as Error).message)
    if ((error as NodeJS.ErrnoException).code === 'ENOTDIR')
      throw new ConfigError({
        code: 'unreadable-file',
        file: dirname(path),
        why: 'it is a file, and no folder',
      })
    throw new ConfigError({ code: 'unreadable-file', file: path, why }, { cause: error })
  }
  const known: readonly string[] = optionNames
  for (const key of Object.keys(values))
    if (!known.includes(key))
      throw new ConfigError({ code: 'unknown-key', key, file: path, nearest: nearest(key, known) })
  return { path, values }
}

const variablePrefix = 'CARPOOL_'
const configVariable = 'CARPOOL_CONFIG'

function refuseUnknownVariables({ environment }: Machine): void {
  const known = [...optionNames.map(variableOf), configVariable]
  for (const variable of Object.keys(environment).sort())
    if (variable.startsWith(variablePrefix) && !known.includes(variable))
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
