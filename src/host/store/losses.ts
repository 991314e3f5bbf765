/**
 * Blocks and weights that the disk has lost or damaged: they are put aside and reported missing. The jobs' uses stay, so that
 * fetching them again makes them whole for all.
 */
import type { Cid } from '../../protocol/ids.ts'
import type { BlockFiles } from './block-files.ts'
import type { BlockUses } from './block-uses.ts'
import type { Database } from './database.ts'
import type { HotCache } from './hot-cache.ts'
import type { WeightFiles } from './weight-files.ts'
import type { WeightRows } from './weight-rows.ts'

/** The part of pino's loggers that the store uses. */
export interface StoreLog {
  warn(facts: object, message: string): void
}

export interface LossesOptions {
  readonly database: Database
  readonly files: BlockFiles
  readonly uses: BlockUses
  readonly hot: HotCache
  readonly weightRows: WeightRows
  readonly weightFiles: WeightFiles
  readonly log: StoreLog
}

export class Losses {
  readonly #options: LossesOptions
  #onDamaged: (cid: Cid) => void = () => {}

  constructor(options: LossesOptions) {
    this.#options = options
  }

  /** As BlockStore's. */
  onDamaged(listener: (cid: Cid) => void): void {
    this.#onDamaged = listener
  }

  /** Removes what a crash left behind, and puts aside what is gone. Call it before anything is read. */
  collect(): void {
    const { database, files, weightFiles, log } = this.#options
    const weights = weightFiles.collect()
    for (const file of weights.lost) this.#loseFile(file, 'file missing')
    const rows = database.all<{ cid: Cid }>(
      `SELECT cid FROM blocks WHERE body IS NULL AND cid NOT IN (SELECT cid FROM weight_parts WHERE is_here = 1)`,
    )
    const known = new Set(rows.map(({ cid }) => cid))
    const { removed, found } = files.collect((cid) => known.has(cid))
    if (removed + weights.removed > 0)
      log.warn({ files: removed + weights.removed }, 'removed block files that a crash left behind')
    for (const cid of known) if (!found.has(cid)) this.putAside(cid, null, 'file missing')
  }

  /** `body`: of a block that is a row. */
  putAside(cid: Cid, body: Uint8Array | null, why: string): void {
    const { database, files, uses, weightRows, log } = this.#options
    const place = weightRows.placeOf(cid)
    // A user's own file is never written: all of it has to come again.
    if (place !== undefined && weightRows.get(place.file)?.isLinked) {
      this.#loseFile(place.file, why)
      return
    }
    database.transactionThatFrees(() => {
      database.run('DELETE FROM blocks WHERE cid = ?', cid)
      weightRows.lost([cid])
      uses.removeCached(cid)
    })
    files.quarantine(cid, body)
    log.warn({ cid, why }, 'put a damaged block aside')
    this.#onDamaged(cid)
  }

  /** Weights that are one file are lost with all their parts. */
  #loseFile(file: Cid, why: string): void {
    const { database, uses, hot, weightRows, weightFiles, log } = this.#options
    const lost = database.transactionThatFrees(() => {
      const blocks = weightRows.forget(file)
      for (const cid of blocks) uses.removeCached(cid)
      return blocks
    })
    weightFiles.remove([file])
    for (const cid of lost) hot.delete(cid)
    log.warn({ file, blocks: lost.length, why }, 'put damaged weights aside')
    for (const cid of lost) this.#onDamaged(cid)
  }
}
