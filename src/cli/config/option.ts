/** The parts of an option. */
import type { z } from 'zod'

/** The facts about the machine that defaults depend on; passed in, so that a test has its own. */
export interface Machine {
  readonly environment: Readonly<Record<string, string | undefined>>
  /** Null: this user has none, as in a container with a number for a user. */
  readonly home: string | null
  readonly workingDirectory: string
  readonly cores: number
  /** A name of the IANA data base. */
  readonly timeZone: string
}

export interface Option<Value> {
  readonly help: string
  /** The placeholder that follows the flag; null for a switch. */
  readonly placeholder: string | null
  /** Repeated as a flag, separated by commas in the environment, an array in the file. */
  readonly isList: boolean
  /** Cuts a text with several values; left out: at commas. */
  readonly cut?: (text: string) => string[]
  /** Ends "… is not". */
  readonly expects: string
  /** Checks what the file's JSON says, or one flag's or variable's text. Paths are relative to `folder`. */
  readonly schema: (folder: string) => z.ZodType<Value>
  readonly fallback: (machine: Machine) => Value
  /** The default in words, for the help. */
  readonly fallbackText: string
}
