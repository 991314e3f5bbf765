/**
 * Makes one file of weights out of blocks that are here, for whoever maps it.
 *
 * Most of the time there is nothing to do: the blocks were put where they belong as they came (weight-files.ts). Some may
 * lie elsewhere, from before the file was planned or for another job; they are moved here, each checked once more.
 */
import type { Cid } from '../../protocol/ids.ts'
import type { FileReference } from '../../protocol/job/manifest.ts'
import { blockBytesMax } from '../../protocol/limits.ts'
import type { BlockFiles } from './block-files.ts'
import { rowBytesMax } from './block-writer.ts'
import type { Database } from './database.ts'
import type { SetAside } from './disk-reserve.ts'
import { StoreError } from './errors.ts'
import { partsOfFile } from './files.ts'
import type { SourceFile, WeightFiles, Written } from './weight-files.ts'
import { lengthOfPart, type WeightRows } from './weight-rows.ts'

/** Blocks that are moved between two commits: a kill in between has them moved again. A guess. */
const blocksPerCommit = 32

/** Parts of a linked file that are written down at once: some 10 ms. A guess. */
const partsPerCommit = 256

export interface AssemblyOptions {
  readonly database: Database
  readonly files: BlockFiles
  readonly weightRows: WeightRows
  readonly weightFiles: WeightFiles
  readonly blocks: {
    get(cid: Cid): Promise<Uint8Array | undefined>
    /** The same of a block that is not read again soon. */
    getCold(cid: Cid): Promise<Uint8Array | undefined>
    size(cid: Cid): number | undefined
  }
}

export class Assembly {
  readonly #options: AssemblyOptions
  readonly #underWay = new Map<Cid, Promise<string>>()

  constructor(options: AssemblyOptions) {
    this.#options = options
  }

  /** As JobBlocks'. */
  async plan(weights: FileReference): Promise<void> {
    const { database, weightRows } = this.#options
    const parts = await this.#partsOf(weights)
    if (parts.length > 0) await database.soon(() => weightRows.plan(weights, parts))
  }

  /** As JobBlocks'. `setAside`: of the disk, before the bytes are copied. */
  async pathOf(weights: FileReference, setAside: (bytes: number) => SetAside): Promise<string | null> {
    const { blocks, files, weightFiles } = this.#options
    const { file, bytes } = weights
    if (bytes <= rowBytesMax) return null
    const parts = await this.#partsOf(weights)
    if (parts.length === 0) {
      await this.#check(file)
      return files.pathOf(file)
    }
    await blocks.get(file) // for the cache: it was used now
    const known = weightFiles.pathOf(file)
    if (known !== undefined) return known
    const underWay =
      this.#underWay.get(file) ??
      this.#assemble(weights, parts, setAside).finally(() => this.#underWay.delete(file))
    this.#underWay.set(file, underWay)
    return underWay
  }

  /**
   * Makes a user's file that was just read, and has these parts, the file of the weights, without copying it; their root is here.
   * `keep` gives blocks their use, within a transaction. False where it has to be copied.
   */
  async link(
    weights: FileReference,
    source: SourceFile,
    keep: (cids: readonly Cid[]) => void,
  ): Promise<boolean> {
    const { database, weightRows, weightFiles } = this.#options
    const { file, bytes } = weights
    const parts = await this.#partsOf(weights)
    if (parts.length === 0 || weightRows.get(file) !== undefined) return false
    const stamp = await weightFiles.link(file, source)
    if (stamp === null) return false
    // It may have begun to come from elsewhere meanwhile.
    if (!(await database.soon(() => weightRows.plan(weights, parts, true)))) {
      weightFiles.unlink(file)
      return false
    }
    for (let at = 0; at < parts.length; at += partsPerCommit)
      await database.soon(() => {
        const some = parts.slice(at, at + partsPerCommit)
        for (const [i, cid] of some.entries())
          database.run('INSERT OR IGNORE INTO blocks VALUES (?, ?, NULL)', cid, lengthOfPart(at + i, bytes))
        weightRows.arrived(some.map((_, i) => ({ file, part: at + i })))
        keep(some)
      })
    await database.soon(() => weightRows.whole(file, stamp))
    return true
  }

  async #assemble(
    weights: FileReference,
    parts: readonly Cid[],
    setAside: (bytes: number) => SetAside,
  ): Promise<string> {
    const { database, weightRows, weightFiles } = this.#options
    const { file } = weights
    const row = weightRows.get(file)
    if (row?.isLinked && !row.isWhole) throw new StoreError({ code: 'block-missing', cid: file }) // at this moment
    if (row?.isWhole) {
      // Somebody touched it. What is damaged is put aside as it is read.
      const stamp = weightFiles.stampNow(file)
      for (const cid of new Set(parts)) await this.#check(cid)
      await database.soon(() => weightRows.whole(file, stamp))
    } else {
      await database.soon(() => weightRows.plan(weights, parts))
      const lacking = weightRows.lacking(file)
      const room = setAside(lacking.length * blockBytesMax)
      try {
        for (let at = 0; at < lacking.length; at += blocksPerCommit)
          await this.#move(weights, lacking.slice(at, at + blocksPerCommit))
      } finally {
        room.settle()
      }
      const stamp = await weightFiles.finish(weights)
      await database.soon(() => weightRows.whole(file, stamp))
    }
    const path = weightFiles.pathOf(file)
    if (path === undefined) throw new StoreError({ code: 'block-missing', cid: file })
    return path
  }

  /** Copies blocks to their places, and then drops the files that they had of their own. */
  async #move(
    { file, bytes }: FileReference,
    lacking: readonly { readonly part: number; readonly cid: Cid }[],
  ): Promise<void> {
    const { database, files, weightFiles } = this.#options
    const written: Written[] = []
    for (const { part, cid } of lacking) {
      const block = await this.#check(cid)
      const length = lengthOfPart(part, bytes)
      if (block.byteLength !== length)
        throw new StoreError({
          code: 'not-a-file',
          root: file,
          why: `part ${part} has ${block.byteLength} bytes, not ${length}`,
        })
      written.push(await weightFiles.write(block, [{ file, part }]))
    }
    await weightFiles.sync(written)
    const isNoted = await database.soon(() => weightFiles.note(written))
    if (!isNoted) throw new StoreError({ code: 'block-missing', cid: file })
    for (const { cid } of lacking) files.remove(cid)
  }

  async #check(cid: Cid): Promise<Uint8Array> {
    const block = await this.#options.blocks.getCold(cid)
    if (block === undefined) throw new StoreError({ code: 'block-missing', cid })
    return block
  }

  async #partsOf(weights: FileReference): Promise<readonly Cid[]> {
    const parts = await partsOfFile(weights, this.#options.blocks)
    if (parts === undefined) throw new StoreError({ code: 'block-missing', cid: weights.file })
    return parts
  }
}
