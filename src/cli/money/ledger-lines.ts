/** Ledgers that nodes have exported as JSON lines, read together: those of all vehicles of an owner, for one set of books. */
import { createReadStream } from 'node:fs'
import { createInterface } from 'node:readline'
import { z } from 'zod'
import type { LedgerLine } from '../../host/ledger/contract.ts'
import { naturalSchema } from '../../protocol/record/record.ts'
import { CommandFailure } from '../failure.ts'

const text = z.string().max(1024)

const lineSchema = z.object({
  serial: naturalSchema,
  atMs: z.number().min(0).max(8.64e15),
  kind: z.enum(['pending', 'posted', 'voided', 'reversed', 'paid', 'unpaid']),
  subject: text,
  generation: naturalSchema,
  currency: z.string().regex(/^[A-Z]{3}$/),
  debit: text,
  credits: z
    .array(z.object({ account: text, micros: naturalSchema }))
    .min(1)
    .max(2),
  claim: z
    .object({
      job: text,
      receipt: text,
      place: naturalSchema,
      position: naturalSchema,
      vehicle: text,
      owner: text,
      units: naturalSchema,
    })
    .nullable(),
  memo: text,
  unit: text.nullable(),
  runtime: text.nullable(),
  node: text,
  sides: z.array(z.enum(['vehicle', 'submitter', 'operator'])).max(3),
  hash: text,
})

/** Throws CommandFailure, one sentence that names the file and the line. */
export async function* readLedgers(paths: readonly string[]): AsyncGenerator<LedgerLine> {
  for (const path of paths) {
    let number = 0
    try {
      for await (const line of createInterface({
        input: createReadStream(path),
        crlfDelay: Number.POSITIVE_INFINITY,
      })) {
        number += 1
        if (line.trim() !== '') yield lineSchema.parse(JSON.parse(line)) as unknown as LedgerLine
      }
    } catch (error) {
      if (error instanceof z.ZodError || error instanceof SyntaxError) {
        const why = error instanceof z.ZodError ? z.prettifyError(error).split('\n')[0] : error.message
        throw new CommandFailure(
          `line ${number} of ${path} is none of carpool ledger --format json of this version: ${why}`,
        )
      }
      throw error
    }
  }
}
