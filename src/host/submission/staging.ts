/**
 * Keeps a submission's documents and weights until it is known which job they belong to.
 *
 * They are read, sealed and cut once, while the request is described, and its job is named by the outcome. Until then
 * they are in a part of the store that no job has (store/job-blocks.ts); the job takes them over, or they go with
 * that part. After a crash the rest goes when the node starts again, as that of every job that the journal does not
 * know.
 */
import { randomBytes } from 'node:crypto'
import { createReadStream, statSync } from 'node:fs'
import type { FileReference, Manifest } from '../../protocol/job/manifest.ts'
import { RequestError } from '../errors.ts'
import type { SessionSpec } from '../executor/contract.ts'
import type { Block, BlockKind, BlockStore } from '../store/blocks.ts'
import { cidOf } from '../store/cid.ts'
import { fileBlockBytesMax, partsOfFile, writeFile } from '../store/files.ts'
import type { JobBlocks } from '../store/job-blocks.ts'
import { keptWeights } from '../vehicle/runtime-session.ts'

/** Blocks stored in one commit, and their bytes: bounds memory to a few megabytes of documents. */
const blocksPerCommit = 256
const bytesPerCommit = 4 * 2 ** 20

export class Staging {
  readonly #store: BlockStore
  readonly #mine: JobBlocks
  #kind: BlockKind = 'input'
  #batch: Block[] = []
  #batchBytes = 0

  constructor(store: BlockStore) {
    this.#store = store
    this.#mine = store.of(cidOf('raw', randomBytes(32)))
  }

  /** For a session, of weights that were kept and flushed. */
  weights(weights: Manifest['weights']): SessionSpec['weights'] {
    return keptWeights(weights, this.#mine)
  }

  /** Cuts and keeps a file; durable after `flush`. The bytes must not change until then. Throws as putMany. */
  async keep(
    file: Uint8Array | AsyncIterable<Uint8Array>,
    kind: 'input' | 'weights',
  ): Promise<FileReference> {
    if (kind !== this.#kind) await this.flush()
    this.#kind = kind
    const { root, bytes } = await writeFile(file, (block) => this.#add(block))
    return { file: root, bytes }
  }

  /**
   * Keeps a user's file of weights, which is linked where that is possible, and else copied, in memory of a few blocks. Durable
   * when it resolves. `told` hears of the bytes that were read. Throws as putMany, and RequestError where the file changes meanwhile.
   */
  async keepWeights(path: string, told: (bytes: number) => void): Promise<FileReference> {
    await this.flush()
    this.#kind = 'weights'
    const before = statSync(path)
    let root: Block | undefined
    const { root: file, bytes } = await writeFile(partsAt(path, told), (block) => {
      root = block
    })
    const weights = { file, bytes }
    await this.#mine.put(file, root!.bytes, 'weights')
    const parts = (await partsOfFile(weights, this.#mine)) ?? []
    await this.#mine.take(parts, 'weights')
    const { size, mtimeMs, ino } = before
    if (await this.#mine.link(weights, { path, size, mtimeMs, ino })) return weights
    await this.#mine.plan(weights)
    const copied = await this.keep(
      partsAt(path, () => {}),
      'weights',
    )
    await this.flush()
    if (copied.file !== file) throw new RequestError(`${path} changed while it was read: submit again`)
    return weights
  }

  async #add(block: Block): Promise<void> {
    this.#batch.push(block)
    this.#batchBytes += block.bytes.byteLength
    if (this.#batch.length >= blocksPerCommit || this.#batchBytes >= bytesPerCommit) await this.flush()
  }

  /** Makes a file that is on this disk already part of it, for whichever job. False where some of it is not here. */
  async takeFile(reference: FileReference, kind: 'input' | 'weights'): Promise<boolean> {
    if ((await this.#mine.take([reference.file], kind)).length > 0) return false
    const parts = await partsOfFile(reference, this.#mine)
    return parts !== undefined && (await this.#mine.take(parts, kind)).length === 0
  }

  /** Keeps a block of the inputs; durable after `flush`. */
  async keepBlock(block: Block): Promise<void> {
    if (this.#kind !== 'input') await this.flush()
    this.#kind = 'input'
    await this.#add(block)
  }

  async flush(): Promise<void> {
    const batch = this.#batch
    this.#batch = []
    this.#batchBytes = 0
    if (batch.length > 0) await this.#mine.putCold(batch, this.#kind)
  }

  /** Makes all of it the job's, too. Throws RequestError when the disk has lost some of it meanwhile. */
  async handTo(job: JobBlocks): Promise<void> {
    for (const kind of ['input', 'weights'] as const) {
      for (const some of this.#mine.pages(kind)) {
        const lost = await job.take(some, kind)
        if (lost.length > 0)
          throw new RequestError(`${lost.length} blocks of it were damaged on this disk; submit again`)
      }
    }
  }

  /** Keeps nothing of it any more, but for the blocks that jobs have taken. */
  letGo(): Promise<void> {
    return this.#store.release(this.#mine.job)
  }
}

/** A file on this disk, a block at a time. */
async function* partsAt(path: string, told: (bytes: number) => void): AsyncGenerator<Uint8Array> {
  let bytes = 0
  for await (const part of createReadStream(path, { highWaterMark: fileBlockBytesMax })) {
    yield part
    bytes += part.byteLength
    told(bytes)
  }
}
