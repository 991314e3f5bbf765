/** Reads results from this node's blocks: a short one at once, a long one part by part, so that one part is in memory. */
import { concat } from 'uint8arrays'
import type { Manifest } from '../protocol/job/manifest.ts'
import type { PageRecord } from '../protocol/job/result.ts'
import {
  blockBytesOf,
  decodePart,
  decodeParted,
  isParted,
  type ResultPart,
} from '../protocol/job/result-parts.ts'
import { unpackResult } from './sealing/blind-results.ts'
import { unsealResult } from './sealing/sealing.ts'
import type { GetBlock } from './store/files.ts'

/** A part of a result is damaged, or gone from this node. */
export class PartMissing extends Error {
  constructor() {
    super('a part of it is damaged or gone from this node')
    this.name = 'PartMissing'
  }
}

/**
 * Yields the records of a result's pages, in their order, those of a part together. `bytes`: the block that names it. Throws
 * ProtocolError, and Unsealable: nobody but the vehicles that agreed on it looked into it before; and PartMissing.
 */
export async function* readPages(
  manifest: Manifest,
  bytes: Uint8Array,
  pages: number,
  key: Uint8Array,
  get: GetBlock,
): AsyncGenerator<readonly PageRecord[], void, undefined> {
  if (!isParted(bytes)) {
    yield unpackResult(manifest, bytes, pages, key)
    return
  }
  for (const part of decodeParted(bytes, pages).parts) {
    const joined = await joinedPart(part, get)
    if (joined === undefined) throw new PartMissing()
    yield decodePart(manifest.blind === null ? joined : unsealResult(key, joined, 'its result'), part.pages)
  }
}

/** The bytes of a part. Undefined where a block of it is not here, or is longer or shorter than its place says. */
export async function joinedPart(part: ResultPart, get: GetBlock): Promise<Uint8Array | undefined> {
  const blocks: Uint8Array[] = []
  for (const [index, cid] of part.blocks.entries()) {
    const block = await get(cid)
    if (block?.byteLength !== blockBytesOf(part, index)) return undefined
    blocks.push(block)
  }
  return blocks.length === 1 ? blocks[0]! : concat(blocks)
}
