/** Weights that are one file, as the owner of this node sees them: which there are, which of them stay, and which go. */
import type { Cid } from '../../protocol/ids.ts'
import type { BlockRemoval } from './block-removal.ts'
import type { BlockUses } from './block-uses.ts'
import type { Database } from './database.ts'
import type { WeightRows } from './weight-rows.ts'

export interface ShelvedWeights {
  readonly file: Cid
  readonly bytes: number
  /** Parts of a MiB that are here, of so many. */
  readonly partsHere: number
  readonly parts: number
  /** The cache does not forget them. */
  readonly isPinned: boolean
  /** Jobs that use them. */
  readonly jobs: number
  /** A file of this machine by another name, which was not copied. */
  readonly isLinked: boolean
  /** When a job last took them, as far as it was written down; null: nobody knows. */
  readonly usedAtMs: number | null
}

export class WeightShelf {
  readonly #database: Database
  readonly #uses: BlockUses
  readonly #removal: BlockRemoval
  readonly #rows: WeightRows

  constructor(database: Database, uses: BlockUses, removal: BlockRemoval, rows: WeightRows) {
    this.#database = database
    this.#uses = uses
    this.#removal = removal
    this.#rows = rows
  }

  /** The largest first. */
  list(): ShelvedWeights[] {
    return this.#database
      .all<
        Record<'bytes' | 'partsHere' | 'parts' | 'isPinned' | 'jobs' | 'isLinked', number> & {
          file: Cid
          usedAtMs: number | null
        }
      >(
        `SELECT file, bytes, is_linked AS isLinked,
           (SELECT count(*) FROM weight_parts part WHERE part.file = weight_files.file) AS parts,
           (SELECT count(*) FROM weight_parts part WHERE part.file = weight_files.file AND is_here = 1) AS partsHere,
           EXISTS (SELECT 1 FROM block_uses WHERE cid = file AND kind = 'pin') AS isPinned,
           (SELECT count(DISTINCT job) FROM block_uses WHERE cid = file AND job <> '') AS jobs,
           (SELECT at_ms FROM block_reads WHERE cid = file) AS usedAtMs
         FROM weight_files ORDER BY bytes DESC, file`,
      )
      .map((row) => ({ ...row, isPinned: row.isPinned === 1, isLinked: row.isLinked === 1 }))
  }

  /** They stay when no job uses them, whatever the cache may hold. */
  pin(file: Cid): void {
    this.#database.transaction(() => this.#uses.add(this.#rows.blocksOf(file), { kind: 'pin' }))
  }

  /** They are a part of the cache again, and may go at once. */
  unpin(file: Cid): void {
    this.#database.transaction(() => this.#uses.remove(this.#rows.blocksOf(file), { kind: 'pin' }))
    this.#removal.evict()
  }

  /** They go now. No job uses them. */
  remove(file: Cid): void {
    this.#removal.forget(this.#rows.blocksOf(file))
  }
}
