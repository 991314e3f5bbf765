/**
 * The options of runtimes, as each declares its own in registry.ts: whole numbers with a range, and names to choose from.
 *
 * A submitter's node refuses what is out of range with one sentence, a vehicle declines the lease, and the runtime in its
 * child process refuses it once more. All three look here, so that they cannot differ. A number that is not finite, or
 * that is no number, would switch off the limit that it stands for.
 */
export type RuntimeOptions = Readonly<Record<string, string | number | boolean>>

/** A whole number that a job may set. */
interface NumberOption {
  readonly least: number
  readonly most: number
  readonly default: number
  /** For help texts: the unit, and what more or less of it does. */
  readonly description: string
}

/** One of several names. */
interface ChoiceOption {
  readonly choices: readonly string[]
  readonly default: string
  readonly description: string
}

type OptionDescription = NumberOption | ChoiceOption

export type OptionDescriptions = Readonly<Record<string, OptionDescription>>

/** The first option that is unknown or out of range, as a sentence; undefined: all may be taken. */
export function wrongOption(descriptions: OptionDescriptions, options: RuntimeOptions): string | undefined {
  for (const [name, value] of Object.entries(options)) {
    const known = Object.hasOwn(descriptions, name) ? descriptions[name] : undefined
    if (known === undefined) {
      const names = Object.keys(descriptions)
      return `no option is called ${JSON.stringify(name)}; there are ${names.join(', ')}`
    }
    if ('choices' in known) {
      if (typeof value !== 'string' || !known.choices.includes(value))
        return `${name} is not one of ${known.choices.join(', ')}`
      continue
    }
    const { least, most } = known
    if (typeof value !== 'number' || !Number.isInteger(value) || value < least || value > most)
      return `${name} is not a whole number from ${least} to ${most}`
  }
  return undefined
}

/** A number as it was set, or its default. `options` must have passed `wrongOption`. */
export function optionOf(descriptions: OptionDescriptions, name: string, options: RuntimeOptions): number {
  return Number(options[name] ?? descriptions[name]!.default)
}

/** A name as it was chosen, or the default. `options` must have passed `wrongOption`. */
export function choiceOf(descriptions: OptionDescriptions, name: string, options: RuntimeOptions): string {
  return String(options[name] ?? descriptions[name]!.default)
}

/** The processor time of a page, which the node holds every runtime to, and which no runtime hears of. */
export const pageCpuMsOption = 'pageCpuMsMax'

/**
 * A page may take this much, unless the job says otherwise: the slowest page measured took 15 s of WASM. The most is a
 * guess; within it, a page that never ends occupies a slot for some minutes.
 */
export const limitOptions: Readonly<Record<string, NumberOption>> = {
  [pageCpuMsOption]: {
    least: 100,
    most: 600_000,
    default: 120_000,
    description:
      'processor time that a page may take, in ms; left out where tokens are counted, it follows them: 200 for each of a prompt and 1,000 for each of an answer, from the default up to an hour',
  },
}

/**
 * The slowest model that anybody should wait for gives three tokens in a second of a core (3 billion parameters in Q8_0, measured),
 * and reads five times as fast; a slow car takes three times as long. The bound is a guess: an hour of a core for one answer.
 */
const [inputCpuMs, outputCpuMs] = [200, 1000]
const unitsCpuMsMax = 3_600_000

/** The processor time that a page of so many units may take, in milliseconds. */
export function cpuMsMaxOfUnits({
  input,
  output,
}: {
  readonly input: number
  readonly output: number
}): number {
  const least = limitOptions[pageCpuMsOption]!.default
  return Math.min(unitsCpuMsMax, Math.max(least, input * inputCpuMs + output * outputCpuMs))
}
