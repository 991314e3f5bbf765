/** A shard's block: which pages of which documents a vehicle reads, each with its document's key under the shard's. */
import { z } from 'zod'
import { ProtocolError } from '../errors.ts'
import type { Cid } from '../ids.ts'
import { shardBlockBytesMax, shardDocumentBytesMax, shardPagesMax } from '../limits.ts'
import { sumOfUnits, type UnitCount, unitCountSchema } from '../price.ts'
import { decodeCbor, encodeCbor, linkOf } from '../record/block.ts'
import { bytesOfLength, linkSchema, malformed, naturalSchema } from '../record/record.ts'
import type { FileReference } from './manifest.ts'

/** A part of a file: small documents are stored one behind the other, each sealed with a key of its own. */
export interface Slice {
  readonly offset: number
  readonly bytes: number
}

export interface PageReference {
  /** The file in which the document is stored: sealed. */
  readonly document: Cid
  /** The bytes of the file. */
  readonly bytes: number
  /** The document's part of the file; left out where it is all of it. */
  readonly slice?: Slice | undefined
  readonly page: number
  /** The document's key, wrapped by the shard's: 40 bytes. */
  readonly key: Uint8Array
  /** Its units of work, of its result at most; left out where pages or bytes are counted. */
  readonly units?: UnitCount | undefined
}

/** The facts that a vehicle needs to execute a shard. */
export interface Shard {
  readonly pages: readonly PageReference[]
}

const shardSchema: z.ZodType<Shard> = z.strictObject({
  pages: z
    .array(
      z.strictObject({
        document: linkSchema,
        bytes: naturalSchema,
        slice: z.strictObject({ offset: naturalSchema, bytes: naturalSchema }).optional(),
        page: naturalSchema,
        key: bytesOfLength(40),
        units: unitCountSchema.optional(),
      }),
    )
    .min(1)
    .max(shardPagesMax),
})

export function encodeShard(shard: Shard): Uint8Array {
  const pages = shard.pages.map(({ slice, document, units, ...page }) => ({
    ...page,
    ...(slice && { slice }),
    ...(units && { units }),
    document: linkOf(document),
  }))
  return encodeCbor({ pages })
}

/**
 * Throws ProtocolError, also for more bytes of documents than a shard may have, and where a file's parts are more than the
 * file: each part is opened by itself, so that they may take no more memory than it.
 */
export function decodeShard(bytes: Uint8Array): Shard {
  const decoded = shardSchema.safeParse(decodeCbor('shard', bytes, shardBlockBytesMax))
  if (!decoded.success) throw malformed('shard', decoded.error)
  checkFiles(decoded.data)
  checkUnits(decoded.data)
  const documents = documentBytesOf(decoded.data)
  if (documents > shardDocumentBytesMax)
    throw new ProtocolError({
      code: 'too-large',
      what: 'the documents of a shard',
      bytes: documents,
      bytesMax: shardDocumentBytesMax,
    })
  return decoded.data
}

/** Throws ProtocolError: all pages state their units of work, or none does. */
function checkUnits({ pages }: Shard): void {
  const stated = pages.filter(({ units }) => units !== undefined).length
  if (stated > 0 && stated < pages.length)
    throw new ProtocolError({
      code: 'malformed',
      what: 'shard',
      why: `${stated} of its ${pages.length} pages state their units of work`,
    })
}

/** Throws ProtocolError: a file has one length, its parts lie within it, and together they are no longer than it. */
function checkFiles({ pages }: Shard): void {
  const files = new Map<Cid, { readonly bytes: number; inParts: number }>()
  for (const { document, bytes, slice } of pages) {
    const file = files.get(document) ?? { bytes, inParts: 0 }
    files.set(document, file)
    file.inParts += slice?.bytes ?? 0
    const fits = file.inParts <= bytes && (slice === undefined || slice.offset + slice.bytes <= bytes)
    if (file.bytes !== bytes || !fits)
      throw new ProtocolError({
        code: 'malformed',
        what: 'shard',
        why: `the parts of the file ${document} are not parts of one file of ${bytes} bytes`,
      })
  }
}

/** Returns the files that a shard's pages are from, each once. */
export function documentsOf({ pages }: Shard): readonly FileReference[] {
  const documents = new Map(pages.map(({ document, bytes }) => [document, bytes]))
  return [...documents].map(([file, bytes]) => ({ file, bytes }))
}

/** Returns the bytes of the files that a shard's pages are from, each once, as its entry states them. */
export function documentBytesOf(shard: Shard): number {
  return documentsOf(shard).reduce((sum, { bytes }) => sum + bytes, 0)
}

/** Returns the units of work of a shard, as its entry states them; undefined where its pages state none. */
export function unitCountOf({ pages }: Shard): UnitCount | undefined {
  const counts = pages.flatMap(({ units }) => units ?? [])
  return counts.length === 0 ? undefined : sumOfUnits(counts)
}
