/**
 * A job and its parts, all content-addressed:
 *
 *   manifest ─┬─ weights      files, public by CID: any peer may serve them
 *             ├─ shard list   for stewards: which shards, and which pages of which documents each holds
 *             └─ documents    for the submitter and those it trusts: names in its order, sealed
 *   shard ────── page references: sealed document file, page number, and the document's key under the shard's
 *   result ───── one record for each page of a shard
 *
 * A vehicle reads the manifest and the shards of its leases, whose keys come with the lease; only stewards read the
 * two lists. The core carries keys and ciphertext as they are; the shell opens them (src/host/sealing/sealing.ts).
 */
import { z } from 'zod'
import type { Cid, OwnerId, PeerId } from '../ids.ts'
import {
  blindCandidatesMax,
  blindKeysMax,
  documentListBytesMax,
  shardListBytesMax,
  shardsMax,
  stewardsMax,
  voicesMax,
  weightFilesMax,
  windowShardsMax,
  wrappedKeyBytes,
} from '../limits.ts'
import { type Payment, paymentSchema } from '../price.ts'
import {
  bytesOfLength,
  bytesSchema,
  cidSchema,
  naturalSchema,
  ownerIdSchema,
  peerIdSchema,
  printableSchema,
  recordType,
} from '../record/record.ts'
import { recordBytesMax } from '../sizes.ts'
import { type Agreement, agreementSchema } from './agreement.ts'
import { areListed } from './owner-list.ts'

export interface FileReference {
  /** The CID of the file's only block, or of the node that lists its blocks. */
  readonly file: Cid
  readonly bytes: number
}

export interface Manifest {
  readonly runtime: string
  /** The engine that every replica must use; its id covers binary, options and pipeline version. */
  readonly engine: { readonly name: string; readonly id: string }
  readonly options: Readonly<Record<string, string | number | boolean>>
  readonly weights: readonly (FileReference & { readonly name: string })[]
  readonly shards: FileReference & { readonly count: number; readonly pages: number }
  readonly documents: FileReference & { readonly count: number }
  /** How results of this engine compare, as its runtime declares. */
  readonly agreement: Agreement
  readonly assurance: Assurance
  /** The fleet key whose list says which owners count; null: an open mesh, and no bound. */
  readonly fleet: PeerId | null
  readonly seal: Seal
  /** sha256 of the secret that all draws of the job's stewards come from (draw.ts). */
  readonly drawCommitment: Uint8Array
  /** Null: stewards are given the job's secret, and may read documents and results. */
  readonly blind: Blind | null
  /** `wait` or `fail` while there are too few owners. */
  readonly shortage: 'wait' | 'fail'
  readonly deadlineMs: number
  /** The job has time until then, and waits for hours in which vehicles ask for less (energy/cheap-hours.ts). */
  readonly waits?: true
  /** The kind of work, for owners who do not take everything: 'documents', 'research' … */
  readonly category: string
  /** Null: nobody is paid. */
  readonly payment: Payment | null
  /**
   * The owners that the submitter knew, four bytes each (order.ts): voices under leases of other stewards than its node count by their
   * order. Left out: as those under its own.
   */
  readonly owners?: Uint8Array
  /** The first stewards, the submitter's node before its standbys, in the order in which they act. */
  readonly stewards: readonly StewardPlace[]
}

/** A commitment to the secret from which all keys of the job are derived. */
interface Seal {
  /** 16 bytes: with the submitter's key they make the secret. */
  readonly nonce: Uint8Array
  /** sha256 of the secret: a node that is given the secret can tell that it is the right one. */
  readonly commitment: Uint8Array
}

/** Present in a job that its stewards, except for the submitter, look after without being able to read it. */
interface Blind {
  /** X25519, 32 bytes: the submitter's half of what wraps the keys of each candidate. */
  readonly key: Uint8Array
  /** The vehicles for which the submitter wrapped keys; no other can execute the job. */
  readonly candidates: readonly { readonly peer: PeerId; readonly owner: OwnerId }[]
  /** For each candidate, in this order, the key of each shard, in the order of the list: wrapped, 40 bytes each. */
  readonly keys: FileReference
}

/** A steward's place in a job. */
export interface StewardPlace {
  readonly peer: PeerId
  /** None of this owner's vehicles executes the job. */
  readonly owner: OwnerId
  /** 16 bytes, new for each place. */
  readonly nonce: Uint8Array
}

/** The assurance that the submitter bought. */
export interface Assurance {
  /** Unanimous replicas of distinct owners that are enough by themselves. */
  readonly replicas: number
  /** Fewer replicas, and checks of what an owner has claimed; null: `replicas` for every shard. */
  readonly audits: Audits | null
  /** After a disagreement: by how many voices one answer must lead all others together. */
  readonly lead: number
  /** The error bound ε that the two guarantee, in parts per billion; null where owners are not vouched for. */
  readonly errorBoundPpb: number | null
  /** The assumed share f of colluding owners, in parts per million. */
  readonly colludingSharePpm: number
  /** The party that settles a disagreement: more owners, or the steward by recomputing with the exact engine. */
  readonly arbiter: 'owners' | 'steward'
}

/**
 * An owner's claims make windows, and a window passes when its checks do, which are drawn after its receipts were signed.
 * A result is provisional until then (plan.ts has the bound).
 */
export interface Audits {
  /** Voices for a shard: it is final when the windows of so many of them have passed. */
  readonly replicas: number
  /** Checks of each window. A window that is too small for them gets unanimous replicas instead. */
  readonly checks: number
  /** A window closes when it has so many shards, if nothing closes it sooner. */
  readonly windowShards: number
  /** The party that checks: one more owner, or the steward by recomputing with the exact engine. */
  readonly auditor: 'owners' | 'steward'
}

export const categorySchema = z.string().regex(/^[a-z0-9-]{1,32}$/)
/** The category of a job whose submitter names no other. */
export const categoryDefault = 'documents'

export const fileReference = { file: cidSchema, bytes: naturalSchema }
/** A file that its readers hold in memory as a whole. */
const fileUpTo = (bytesMax: number) => ({ ...fileReference, bytes: naturalSchema.max(bytesMax) })

export const stewardPlaceSchema: z.ZodType<StewardPlace> = z.strictObject({
  peer: peerIdSchema,
  owner: ownerIdSchema,
  nonce: bytesOfLength(16),
})

const manifestSchema: z.ZodType<Manifest> = z.strictObject({
  runtime: printableSchema(32),
  engine: z.strictObject({ name: printableSchema(32), id: printableSchema(64) }),
  options: z.record(z.string().max(64), z.union([z.string().max(1024), z.number(), z.boolean()])),
  weights: z.array(z.strictObject({ ...fileReference, name: z.string().max(64) })).max(weightFilesMax),
  shards: z.strictObject({
    ...fileUpTo(shardListBytesMax),
    count: naturalSchema.max(shardsMax),
    pages: naturalSchema,
  }),
  documents: z.strictObject({ ...fileUpTo(documentListBytesMax), count: naturalSchema }),
  agreement: agreementSchema,
  assurance: z.strictObject({
    replicas: z.number().int().min(1).max(voicesMax),
    audits: z
      .strictObject({
        replicas: z.number().int().min(1).max(voicesMax),
        checks: z.number().int().min(1).max(windowShardsMax),
        windowShards: z.number().int().min(1).max(windowShardsMax),
        auditor: z.enum(['owners', 'steward']),
      })
      .nullable(),
    lead: z.number().int().min(1).max(voicesMax),
    errorBoundPpb: naturalSchema.nullable(),
    colludingSharePpm: naturalSchema.max(1_000_000),
    arbiter: z.enum(['owners', 'steward']),
  }),
  fleet: peerIdSchema.nullable(),
  seal: z.strictObject({ nonce: bytesOfLength(16), commitment: bytesOfLength(32) }),
  drawCommitment: bytesOfLength(32),
  blind: z
    .strictObject({
      key: bytesOfLength(32),
      candidates: z
        .array(z.strictObject({ peer: peerIdSchema, owner: ownerIdSchema }))
        .min(1)
        .max(blindCandidatesMax),
      keys: z.strictObject(fileUpTo(blindKeysMax * wrappedKeyBytes)),
    })
    .nullable(),
  shortage: z.enum(['wait', 'fail']),
  deadlineMs: naturalSchema,
  waits: z.literal(true).exactOptional(),
  category: categorySchema,
  payment: paymentSchema.nullable(),
  owners: bytesSchema.refine(areListed, 'are no list of owners').exactOptional(),
  stewards: z.array(stewardPlaceSchema).min(1).max(stewardsMax),
})

/** Throws ProtocolError like openRecord. The record's id is the job's id. */
export const manifestType = recordType('manifest', manifestSchema, recordBytesMax.manifest)
export const { open: openManifest } = manifestType

/** The engine, and the weights it ran on, that a result must say it was made with. */
export function resultEngine(manifest: Manifest): string {
  return [
    `${manifest.runtime}/${manifest.engine.name}/${manifest.engine.id}`,
    ...manifest.weights.map((w) => w.file),
  ].join('+')
}
