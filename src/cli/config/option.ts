/** What an option is made of. */
import type { z } from 'zod'

/** What defaults are made of; passed in, so that a test has its own. */
export interface Machine {
  readonly environment: Readonly<Record<string, string | undefined>>
  readonly home: string
  readonly workingDirectory: string
  readonly cores: number
  /** Of the IANA data base. */
  readonly timeZone: string
}

export interface Option<Value> {
  readonly help: string
  /** What follows the flag; a switch has none. */
  readonly placeholder: string | null
  /** Repeated as a flag, separated by commas in the environment, an array in the file. */
  readonly isList: boolean
  /** Ends "… is not". */
  readonly expects: string
  /** Checks what the file's JSON says, or one flag's or variable's text. `folder` is what paths are relative to. */
  readonly schema: (folder: string) => z.ZodType<Value>
  readonly fallback: (machine: Machine) => Value
  /** The default in words, for the help. */
  readonly fallbackText: string
}
