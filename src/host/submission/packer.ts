/**
 * Packs small documents: many of them make one file, so that a document of a few bytes costs no block, no row and no message of
 * its own, on any node. Each is sealed with its own key first, so that whoever has a pack reads only the documents that it has
 * keys for.
 */
import type { FileReference } from '../../protocol/job/manifest.ts'
import type { SplittableDocument } from '../../protocol/job/split.ts'
import { shardPagesMax } from '../../protocol/limits.ts'

/** A document as it will be stored, and the key to it. */
export interface InspectedDocument extends SplittableDocument {
  readonly key: Uint8Array
}

/** Larger ones are files of their own … */
const smallBytesMax = 16 * 2 ** 10
/** … and so are all where there are fewer than this: a vehicle that gets one of them would fetch the others for nothing. */
const packedMin = 16
/** A vehicle that needs one document of a pack fetches the pack: the less, the better. */
const packBytesMax = 256 * 2 ** 10

type Unplaced = Omit<InspectedDocument, 'file' | 'bytes' | 'slice'>

export class Packer {
  readonly #name: (sealed: Uint8Array) => Promise<FileReference>
  #open: { readonly document: Unplaced; readonly sealed: Uint8Array }[] = []
  #openBytes = 0

  /** `name`: names a file, and keeps it if it will be wanted. */
  constructor(name: (sealed: Uint8Array) => Promise<FileReference>) {
    this.#name = name
  }

  /** Yields documents whose places are known, in the order in which they came. */
  async *add(document: Unplaced, sealed: Uint8Array): AsyncGenerator<InspectedDocument> {
    const bytes = sealed.byteLength
    const isSmall = document.pages === 1 && bytes <= smallBytesMax
    if (!isSmall || this.#open.length >= shardPagesMax || this.#openBytes + bytes > packBytesMax)
      yield* this.end()
    if (isSmall) {
      this.#open.push({ document, sealed })
      this.#openBytes += bytes
    } else yield { ...document, ...(await this.#name(sealed)) }
  }

  /** Yields those that are left. */
  async *end(): AsyncGenerator<InspectedDocument> {
    const open = this.#open
    this.#open = []
    this.#openBytes = 0
    if (open.length < packedMin) {
      for (const { document, sealed } of open) yield { ...document, ...(await this.#name(sealed)) }
      return
    }
    const file = await this.#name(Buffer.concat(open.map(({ sealed }) => sealed)))
    let offset = 0
    for (const { document, sealed } of open) {
      const bytes = sealed.byteLength
      yield { ...document, ...file, slice: { offset, bytes } }
      offset += bytes
    }
  }
}
