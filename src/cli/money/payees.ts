/** The file that says whose bank account an owner's is: Carpool itself knows keys, and no names. */
import { readFileSync } from 'node:fs'
import { z } from 'zod'
import { CommandFailure } from '../failure.ts'

export interface Party {
  readonly name: string
  readonly iban: string
  readonly bic?: string | undefined
}

export interface Payees {
  readonly payer: Party
  /** By owner's id, or `operator:<fleet>`. */
  readonly payees: ReadonlyMap<string, Party>
}

const party = z.strictObject({
  name: z
    .string()
    .trim()
    .min(1)
    .max(70, 'has more than the 70 characters that a bank takes')
    .regex(/^[^\p{Cc}]+$/u, 'has characters that no bank takes'),
  iban: z
    .string()
    .transform((text) => text.replaceAll(' ', '').toUpperCase())
    .refine(isIban, 'is no IBAN: its check digits do not fit'),
  bic: z
    .string()
    .regex(/^[A-Z0-9]{4}[A-Z]{2}[A-Z0-9]{2}([A-Z0-9]{3})?$/, 'is no BIC')
    .optional(),
})

const schema = z.strictObject({ payer: party, payees: z.record(z.string().max(128), party) })

/** Throws CommandFailure, one sentence that names the file and its fault. */
export function readPayees(path: string): Payees {
  let content: unknown
  try {
    content = JSON.parse(readFileSync(path, 'utf8'))
  } catch (error) {
    throw new CommandFailure(`${path} is not a file of payees: ${(error as Error).message}`)
  }
  const read = schema.safeParse(content)
  if (!read.success) {
    const [issue] = read.error.issues
    throw new CommandFailure(`${path}: ${issue!.path.join('.') || 'it'} ${issue!.message}`)
  }
  return { payer: read.data.payer, payees: new Map(Object.entries(read.data.payees)) }
}

/** ISO 13616: the first four characters go to the end, letters count from 10, and the number leaves 1 over 97. */
export function isIban(text: string): boolean {
  if (!/^[A-Z]{2}\d{2}[A-Z0-9]{11,30}$/.test(text)) return false
  const digits = (text.slice(4) + text.slice(0, 4)).replaceAll(
    /[A-Z]/g,
    (letter) => `${letter.charCodeAt(0) - 55}`,
  )
  return BigInt(digits) % 97n === 1n
}
