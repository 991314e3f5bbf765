/** The file that says whose bank account an owner's is: Carpool itself knows keys, and no names. */
import { readFileSync } from 'node:fs'
import { z } from 'zod'
import { clean } from '../../base/printable.ts'
import { CommandFailure } from '../failure.ts'
import { isIban, reachOf } from './iban.ts'
import { sepaText } from './sepa-text.ts'

export interface Party {
  /** In SEPA's characters. */
  readonly name: string
  readonly iban: string
  readonly bic?: string | undefined
}

export interface Payees {
  readonly payer: Party
  /** By owner's id, or `operator:<fleet>`. */
  readonly payees: ReadonlyMap<string, Party>
}

/** A bank takes names of so many characters (SEPA's rulebook; the schema would take 140). */
const nameCharsMax = 70

const party = z.strictObject({
  name: z
    .string()
    .trim()
    .min(1)
    .max(nameCharsMax, 'has more than the 70 characters that a bank takes')
    .regex(/^[^\p{Cc}]+$/u, 'has characters that no bank takes')
    .transform((name) => sepaText(name, nameCharsMax))
    .refine((name) => /[A-Za-z0-9]/.test(name), 'has no letter that a bank takes'),
  iban: z
    .string()
    .transform((text) => text.replaceAll(' ', '').toUpperCase())
    .refine(isIban, 'is no IBAN: its length or its check digits do not fit'),
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
    throw new CommandFailure(`${path} is not a file of payees: ${clean((error as Error).message)}`)
  }
  const read = schema.safeParse(content)
  if (!read.success) {
    const [issue] = read.error.issues
    throw new CommandFailure(`${path}: ${issue!.path.join('.') || 'it'} ${issue!.message}`)
  }
  return { payer: read.data.payer, payees: new Map(Object.entries(read.data.payees)) }
}

/** Returns why no bank would carry out a transfer in this currency to that account; null: it would. */
export function objectionTo({ iban, bic }: Party, currency: string): string | null {
  const reach = reachOf(iban)
  if (currency === 'EUR' && reach === 'elsewhere')
    return `its account is in ${iban.slice(0, 2)}, outside of SEPA: pay it by hand, and leave it out of the file of payees`
  // In another currency a transfer is none of SEPA's, and crosses a border with the bank's name.
  if (bic === undefined && reach !== 'eea')
    return `its account is in ${iban.slice(0, 2)}, outside of the European Economic Area: add its bank's BIC ("bic")`
  return null
}
