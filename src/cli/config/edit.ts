/**
 * Changes the file of options. What is in it after that was checked as a whole, so that no node fails at its next start for what
 * somebody typed today.
 */
import { mkdirSync } from 'node:fs'
import { dirname } from 'node:path'
import { writeWhole } from '../../host/store/durable.ts'
import { configFileOf, cut, readConfigFile, resolveFile } from './config.ts'
import { ConfigError } from './errors.ts'
import { nearest } from './nearest.ts'
import type { Option } from './option.ts'
import { type OptionName, optionNames, options } from './options.ts'
import { wishOf } from './preferences.ts'

/** The option of this name, as in the file or as a flag. Throws ConfigError: unknown-option. */
export function optionNamed(name: string): OptionName {
  const camel = name.replace(/^--/, '').replaceAll(/-([a-z])/g, (_, letter: string) => letter.toUpperCase())
  const found = optionNames.find((one) => one === camel)
  if (found !== undefined) return found
  throw new ConfigError({ code: 'unknown-option', option: name, nearest: nearest(camel, optionNames) })
}

/**
 * Writes one option into the file, which is made where it does not exist, or takes the option out: with null. Returns the file's path.
 * Throws ConfigError, and then leaves the file as it was.
 */
export function editConfig(
  name: OptionName,
  texts: readonly string[] | null,
  flags: Readonly<Record<string, unknown>>,
): string {
  const { path, isAsked } = configFileOf(flags)
  if (name === 'dataDir' && !isAsked) throw new ConfigError({ code: 'circular', file: path })
  const { [name]: _, ...others } = readConfigFile(flags, undefined, false)?.values ?? {}
  const values = texts === null ? others : { ...others, [name]: typedValue(name, texts) }
  wishOf(resolveFile({ path, values }))
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
  writeWhole(path, Buffer.from(`${JSON.stringify(values, null, 2)}\n`), { mode: 0o600 })
  return path
}

/** Returns the option as the file alone has it. Throws ConfigError. */
export function optionInFile(name: OptionName, flags: Readonly<Record<string, unknown>>): unknown {
  const { path } = configFileOf(flags)
  return resolveFile({ path, values: readConfigFile(flags, undefined, false)?.values ?? {} })[name]
}

/** As the file is to have it: paths whole, since the file's folder is not where the command was typed. Throws ConfigError: bad-value. */
function typedValue(name: OptionName, texts: readonly string[]): unknown {
  const option: Option<unknown> = options[name]
  const { isList, expects, schema } = option
  const [text = ''] = texts
  const typed = isList ? texts.flatMap((one) => cut(option, one)) : text
  const values = [...(/^(true|false|-?\d{1,15}(\.\d{1,9})?)$/.test(text) ? [JSON.parse(text)] : []), typed]
  for (const value of isList || texts.length === 1 ? values : []) {
    const { success, data } = schema(process.cwd()).safeParse(value)
    if (success) return isText(data) ? data : value
  }
  throw new ConfigError({ code: 'bad-value', option: name, where: name, value: texts.join(' '), expects })
}

function isText(value: unknown): boolean {
  return typeof value === 'string' || (Array.isArray(value) && value.every((one) => typeof one === 'string'))
}
