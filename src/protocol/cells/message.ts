/**
 * The messages of cells, over a protocol of their own: a node that knows no cells is not sent any, and goes on as before. They bind nobody.
 * Each says when it is sent. Digests, which many hear, are gossiped (digest.ts).
 */
import { z } from 'zod'
import { answerAdvertsMax, answerContactsMax, listedProofsMax } from '../cell-limits.ts'
import type { CellId, OwnerId, RecordId } from '../ids.ts'
import { ownerSchema } from '../membership/owner.ts'
import { decodeCbor, encodeCbor } from '../record/block.ts'
import {
  bytesSchema,
  cidSchema,
  malformed,
  naturalSchema,
  peerIdSchema,
  printableSchema,
  type SignedRecord,
  signedRecordSchema,
} from '../record/record.ts'
import { trieFanout } from '../record/record-trie.ts'
import { advertAddressesMax, messageBytesMax } from '../sizes.ts'
import { type Arc, type CellKey, circle, isCellId } from './key.ts'
import type { Contact } from './member.ts'
import type { ProofName } from './proofs.ts'

export type CellMessage =
  /** To anybody, for instance a bootstrap node: whom do you know near this key? */
  | { readonly type: 'where'; readonly question: number; readonly key: CellKey }
  /** Its answer: those that are nearest, and the cell that I am in. The asker may hang up then. */
  | {
      readonly type: 'there'
      readonly question: number
      readonly cell: CellId
      readonly contacts: readonly Contact[]
    }
  /** Steward to a member of another cell: who of your cell is in this arc, behind `after`, with this engine (null: any)? */
  | {
      readonly type: 'who'
      readonly question: number
      readonly arc: Arc
      readonly engine: number | null
      /** Null: from its beginning. */
      readonly after: CellKey | null
    }
  /** The answer: their adverts, in the order of keys. `hasMore`: ask again, behind the last of them. */
  | {
      readonly type: 'these'
      readonly question: number
      readonly cell: CellId
      readonly adverts: readonly SignedRecord[]
      readonly hasMore: boolean
    }
  /** Member to speaker, in place of gossip: my advert, tell it to the others; and tell me what is new since then (null: nothing, please). */
  | { readonly type: 'report'; readonly advert: SignedRecord; readonly since: number | null }
  /** The answer: adverts that are new. */
  | {
      readonly type: 'news'
      readonly adverts: readonly SignedRecord[]
      readonly next: number
      readonly hasMore: boolean
    }
  /** To a speaker whose digest has another root of proofs: my hashes of the trie's branches. */
  | { readonly type: 'proof-branches'; readonly hashes: readonly Uint8Array[] }
  /** The answer for each branch that differs. */
  | { readonly type: 'proof-leaves'; readonly branch: number; readonly hashes: readonly Uint8Array[] }
  /** The answer for each leaf that differs: what I know of it. `asks`: tell me, too. */
  | {
      readonly type: 'proofs'
      readonly leaf: number
      readonly names: readonly ProofName[]
      readonly asks: boolean
    }
  /** To a speaker: the charter that your digest names, please. It comes as a message of the fleet. */
  | { readonly type: 'charter-wanted'; readonly serial: number }
  /** To somebody who named a proof: show it to me. It comes as evidence does. */
  | { readonly type: 'proof-wanted'; readonly owner: OwnerId; readonly proof: RecordId }

const keySchema = naturalSchema.max(circle - 1)
const arcSchema = z.strictObject({ from: keySchema, length: naturalSchema.min(1).max(circle) })
const cellSchema = z.string().refine(isCellId, 'is not a cell') as unknown as z.ZodType<CellId>
const contactSchema: z.ZodType<Contact> = z.object({
  peer: peerIdSchema,
  owner: ownerSchema,
  key: keySchema,
  addresses: z.array(printableSchema(256)).max(advertAddressesMax),
})
const hashesSchema = z.array(bytesSchema).length(trieFanout)
const advertsSchema = z.array(signedRecordSchema).max(answerAdvertsMax)

const schema: z.ZodType<CellMessage> = z.discriminatedUnion('type', [
  z.object({ type: z.literal('where'), question: naturalSchema, key: keySchema }),
  z.object({
    type: z.literal('there'),
    question: naturalSchema,
    cell: cellSchema,
    contacts: z.array(contactSchema).max(answerContactsMax),
  }),
  z.object({
    type: z.literal('who'),
    question: naturalSchema,
    arc: arcSchema,
    engine: naturalSchema.nullable(),
    after: keySchema.nullable(),
  }),
  z.object({
    type: z.literal('these'),
    question: naturalSchema,
    cell: cellSchema,
    adverts: advertsSchema,
    hasMore: z.boolean(),
  }),
  z.object({ type: z.literal('report'), advert: signedRecordSchema, since: naturalSchema.nullable() }),
  z.object({ type: z.literal('news'), adverts: advertsSchema, next: naturalSchema, hasMore: z.boolean() }),
  z.object({ type: z.literal('proof-branches'), hashes: hashesSchema }),
  z.object({
    type: z.literal('proof-leaves'),
    branch: naturalSchema.max(trieFanout - 1),
    hashes: hashesSchema,
  }),
  z.object({
    type: z.literal('proofs'),
    leaf: naturalSchema.max(trieFanout ** 2 - 1),
    names: z.array(z.object({ owner: ownerSchema, proof: cidSchema })).max(listedProofsMax),
    asks: z.boolean(),
  }),
  z.object({ type: z.literal('charter-wanted'), serial: naturalSchema }),
  z.object({ type: z.literal('proof-wanted'), owner: ownerSchema, proof: cidSchema }),
])

export function encodeCellMessage(message: CellMessage): Uint8Array {
  return encodeCbor(message)
}

/** Throws ProtocolError: too-large, malformed, not-canonical. */
export function decodeCellMessage(bytes: Uint8Array): CellMessage {
  const decoded = schema.safeParse(decodeCbor('message of cells', bytes, messageBytesMax))
  if (!decoded.success) throw malformed('message of cells', decoded.error)
  return decoded.data
}
