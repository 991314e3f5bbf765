/**
 * Packs a shard's records, page by page, into the blocks of its result.
 *
 * A short result is one block. Once the pages are too many for it, each part (protocol/job/result-parts.ts) goes to the disk as
 * soon as it is full, so that no more than a part is in memory, whatever the pages write. A page whose record is longer than
 * any may be gets an error of its own, the same on every vehicle and on a steward that runs the shard again; its neighbours
 * are not touched.
 */
import type { Cid } from '../protocol/ids.ts'
import { type Manifest, resultEngine } from '../protocol/job/manifest.ts'
import type { PageRecord } from '../protocol/job/result.ts'
import { encodePart, encodeParted, joinsPart, type ResultPart } from '../protocol/job/result-parts.ts'
import { blockBytesMax, resultBytesMax } from '../protocol/limits.ts'
import { encodeCbor } from '../protocol/record/block.ts'
import { pageRecordBytesMax } from '../protocol/sizes.ts'
import { ComparedPages } from '../protocol/verification/examination.ts'
import { packResult } from './sealing/blind-results.ts'
import { sealResult } from './sealing/sealing.ts'
import { sha256 } from './sha256.ts'
import type { Block } from './store/blocks.ts'
import { cidOf } from './store/cid.ts'
import { plain } from './store/plain.ts'

export interface ResultPackerOptions {
  readonly manifest: Manifest
  /** The shard's. */
  readonly key: Uint8Array
  /** Keeps the blocks of a part, durably. */
  readonly keep: (blocks: readonly Block[], bytes: number) => Promise<void>
}

export class ResultPacker {
  /** The facts of the pages so far that are compared. */
  readonly compared: ComparedPages
  readonly #options: ResultPackerOptions
  readonly #parts: ResultPart[] = []
  #group: PageRecord[] = []
  #groupBytes = 0

  constructor(options: ResultPackerOptions) {
    this.#options = options
    this.compared = new ComparedPages(sha256, options.manifest.agreement)
  }

  /** Takes the next page, in the order of the shard. Resolves when there is room for one more. */
  async add(record: PageRecord): Promise<void> {
    const { bounded, bytes } = withinBounds(record)
    this.compared.add(bounded)
    if (this.#group.length > 0 && !joinsPart(this.#groupBytes, bytes)) await this.#closeGroup()
    this.#group.push(bounded)
    this.#groupBytes += bytes
    if (!joinsPart(0, bytes)) await this.#closeGroup()
  }

  /** Returns the block that names the whole result; it is not kept yet. */
  async finish(): Promise<Block> {
    const { manifest, key } = this.#options
    const engine = resultEngine(manifest)
    if (this.#parts.length === 0) {
      const bytes = packResult(manifest, { engine, records: this.#group }, key)
      if (bytes.byteLength <= resultBytesMax) return { cid: cidOf('dag-cbor', bytes), bytes }
    }
    if (this.#group.length > 0) await this.#closeGroup()
    const { exhausted, units } = this.compared
    const bytes = encodeParted({ engine, exhausted, ...(units && { units }), parts: this.#parts })
    return { cid: cidOf('dag-cbor', bytes), bytes }
  }

  async #closeGroup(): Promise<void> {
    const { manifest, key, keep } = this.#options
    const opened = encodePart(this.#group)
    const bytes = manifest.blind === null ? opened : sealResult(key, opened)
    const cids: Cid[] = []
    const blocks = new Map<Cid, Block>()
    for (let at = 0; at < bytes.byteLength; at += blockBytesMax) {
      const piece = plain(bytes.subarray(at, at + blockBytesMax))
      const cid = cidOf('raw', piece)
      cids.push(cid)
      blocks.set(cid, { cid, bytes: piece })
    }
    this.#parts.push({ pages: this.#group.length, bytes: bytes.byteLength, blocks: cids })
    this.#group = []
    this.#groupBytes = 0
    await keep([...blocks.values()], bytes.byteLength)
  }
}

function withinBounds(record: PageRecord): { readonly bounded: PageRecord; readonly bytes: number } {
  const bytes = encodeCbor(record).byteLength
  if (bytes <= pageRecordBytesMax) return { bounded: record, bytes }
  const message = `its output and text have more than ${pageRecordBytesMax} bytes`
  const error = { code: 'output-limit', message }
  const { units } = record
  const bounded = { output: new Uint8Array(0), text: '', error, ...(units && { units }) }
  return { bounded, bytes: encodeCbor(bounded).byteLength }
}
