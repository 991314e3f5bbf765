/** The command table as a shell has to know it: which words may come next. */
import type { Command, Option } from 'commander'
import { runtimeNames } from '../../host/submission/runtime-facts.ts'
import { flagOf, optionNames, options } from '../config/options.ts'

/** A command, or the program itself. */
export interface CommandShape {
  /** The words that lead to it: `['fleet', 'init']`; none for the program. */
  readonly path: readonly string[]
  readonly subcommands: readonly Named[]
  readonly flags: readonly FlagShape[]
  /** Its arguments are files. */
  readonly takesFiles: boolean
  /** The words that its argument may be; empty where nobody can list them. */
  readonly words: readonly string[]
}

interface Named {
  readonly name: string
  readonly summary: string
}

interface FlagShape {
  /** `--output`. */
  readonly long: string
  /** `-o`. */
  readonly short: string | null
  readonly summary: string
  readonly value: FlagValue
}

/** The word that follows a flag: nothing, a file, one of some words, or something that nobody can list. */
export type FlagValue = 'none' | 'file' | 'any' | readonly string[]

/** All commands below a program, itself the first. */
export function shapesOf(program: Command, path: readonly string[] = []): CommandShape[] {
  const subcommands = program.commands.filter((one) => !isHidden(one))
  const places = program.registeredArguments
  return [
    {
      path,
      subcommands: [
        ...subcommands.map((one) => ({ name: one.name(), summary: one.summary() || one.description() })),
        ...(path.length === 0 ? [{ name: 'help', summary: 'explain a command' }] : []),
      ],
      flags: [...program.options.filter(({ hidden }) => !hidden).map(flagShapeOf), helpFlag],
      takesFiles: places.some((one) => isFile(one.name())),
      words: places.flatMap((one) => one.argChoices ?? []),
    },
    ...subcommands.flatMap((one) => shapesOf(one, [...path, one.name()])),
    ...(path.length === 0 ? [helpShape(subcommands)] : []),
  ]
}

const helpFlag: FlagShape = { long: '--help', short: '-h', summary: 'show help', value: 'none' }

/** `carpool help submit`. */
function helpShape(subcommands: readonly Command[]): CommandShape {
  const words = subcommands.map((one) => one.name())
  return { path: ['help'], subcommands: [], flags: [], takesFiles: false, words }
}

function isHidden(command: Command): boolean {
  return (command as unknown as { readonly _hidden?: boolean })._hidden === true
}

function flagShapeOf(option: Option): FlagShape {
  const { long, short, description } = option
  const [summary = ''] = description.split(/ \((?:CARPOOL_|default)/)
  return { long: long ?? short!, short: short ?? null, summary, value: givenTo(option) }
}

function givenTo({ long, flags, argChoices, required, optional }: Option): FlagValue {
  if (!required && !optional) return 'none'
  const choices = argChoices ?? (long === '--runtime' ? runtimeNames : choicesByFlag.get(long ?? ''))
  if (choices !== undefined) return choices
  return isFile(/[<[](.+?)[>\]]/.exec(flags)?.[1] ?? '') ? 'file' : 'any'
}

function isFile(placeholder: string): boolean {
  return /file|folder|path|report|directory/.test(placeholder)
}

/** Options that know their choices say so in words: "one of auto, on, off". */
const choicesByFlag: ReadonlyMap<string, readonly string[]> = new Map(
  optionNames.flatMap((name) => {
    const [, listed] = /^one of ([a-z, -]+)$/.exec(options[name].expects) ?? []
    return listed === undefined ? [] : [[flagOf(name), listed.split(', ')] as const]
  }),
)
