/**
 * The rows of weights that lie on the disk as one file each: which files there are, which blocks are their parts, and which
 * of these are in them. Call it within a transaction where it writes.
 */
import type { Cid } from '../../protocol/ids.ts'
import type { FileReference } from '../../protocol/job/manifest.ts'
import { blockBytesMax } from '../../protocol/limits.ts'
import type { Database } from './database.ts'

/** The place of a block: counted from 0, in parts of a whole block each. */
export interface Place {
  readonly file: Cid
  readonly part: number
}

export interface WeightRow extends FileReference {
  readonly isWhole: boolean
  /** The file is a user's own, by another name: it is never written, and goes as a whole where a part is lost. */
  readonly isLinked: boolean
  /** Tells of a whole file whether somebody changed it. */
  readonly stamp: string
}

export class WeightRows {
  readonly #database: Database

  constructor(database: Database) {
    this.#database = database
  }

  get(file: Cid): WeightRow | undefined {
    return this.list(file)[0]
  }

  /** All of them, or this one. */
  list(file: Cid | null = null): WeightRow[] {
    return this.#database
      .all<{ file: Cid; bytes: number; isWhole: number; isLinked: number; stamp: string }>(
        `SELECT file, bytes, is_whole AS isWhole, is_linked AS isLinked, stamp FROM weight_files
         WHERE ?1 IS NULL OR file = ?1`,
        file,
      )
      .map((row) => ({ ...row, isWhole: row.isWhole === 1, isLinked: row.isLinked === 1 }))
  }

  /**
   * From now on, blocks that are put go to their places in the file, unless it is linked. What is known of a file stays. Tells
   * whether it is a new one.
   */
  plan({ file, bytes }: FileReference, parts: readonly Cid[], isLinked = false): boolean {
    const isNew = this.#database.run(
      'INSERT OR IGNORE INTO weight_files VALUES (?, ?, 0, ?, ?)',
      file,
      bytes,
      isLinked ? 1 : 0,
      '',
    )
    if (isNew > 0)
      this.#database.run(
        'INSERT INTO weight_parts SELECT ?, key, value, 0 FROM json_each(?)',
        file,
        JSON.stringify(parts),
      )
    return isNew > 0
  }

  /** The places of blocks of these lengths in files that lack them. A block of another length than its place has none. */
  wanted(lengths: ReadonlyMap<Cid, number>): Map<Cid, Place[]> {
    const places = new Map<Cid, Place[]>()
    for (const { cid, file, part, bytes } of this.#database.all<Place & { cid: Cid; bytes: number }>(
      `SELECT cid, file, part, bytes FROM weight_parts JOIN weight_files USING (file)
       WHERE cid IN (SELECT value FROM json_each(?)) AND is_here = 0 AND is_linked = 0`,
      JSON.stringify([...lengths.keys()]),
    )) {
      if (lengths.get(cid) !== lengthOfPart(part, bytes)) continue
      const known = places.get(cid)
      if (known === undefined) places.set(cid, [{ file, part }])
      else known.push({ file, part })
    }
    return places
  }

  /** A place at which the block can be read. */
  placeOf(cid: Cid): Place | undefined {
    return this.#database.get<Place & object>(
      'SELECT file, part FROM weight_parts WHERE cid = ? AND is_here = 1 LIMIT 1',
      cid,
    )
  }

  /** The blocks of a file that are in it, each once, and its root. */
  blocksOf(file: Cid): Cid[] {
    const parts = this.#database.all<{ cid: Cid }>(
      'SELECT DISTINCT cid FROM weight_parts WHERE file = ? AND is_here = 1',
      file,
    )
    return [file, ...parts.map(({ cid }) => cid)]
  }

  /** The parts that a file lacks, in order. */
  lacking(file: Cid): { readonly part: number; readonly cid: Cid }[] {
    return this.#database.all(
      'SELECT part, cid FROM weight_parts WHERE file = ? AND is_here = 0 ORDER BY part',
      file,
    )
  }

  arrived(places: readonly Place[]): void {
    for (const { file, part } of places)
      this.#database.run('UPDATE weight_parts SET is_here = 1 WHERE file = ? AND part = ?', file, part)
  }

  /** All parts of a file are in it. */
  allArrived(file: Cid): void {
    this.#database.run('UPDATE weight_parts SET is_here = 1 WHERE file = ?', file)
  }

  whole(file: Cid, stamp: string): void {
    this.#database.run('UPDATE weight_files SET is_whole = 1, stamp = ? WHERE file = ?', stamp, file)
  }

  /** These blocks are in no file any more. Returns the files that lost a part. */
  lost(cids: readonly Cid[]): Cid[] {
    const files = this.#database.all<{ file: Cid }>(
      `UPDATE weight_parts SET is_here = 0 WHERE is_here = 1 AND cid IN (SELECT value FROM json_each(?)) RETURNING file`,
      JSON.stringify(cids),
    )
    const lost = [...new Set(files.map(({ file }) => file))]
    for (const file of lost) this.#database.run('UPDATE weight_files SET is_whole = 0 WHERE file = ?', file)
    return lost
  }

  /** Forgets those of the files that have no part here. Returns them. */
  forgetEmpty(files: readonly Cid[]): Cid[] {
    if (files.length === 0) return []
    const gone = this.#database
      .all<{ file: Cid }>(
        `DELETE FROM weight_files WHERE file IN (SELECT value FROM json_each(?)) AND NOT EXISTS (
           SELECT 1 FROM weight_parts part WHERE part.file = weight_files.file AND is_here = 1) RETURNING file`,
        JSON.stringify(files),
      )
      .map(({ file }) => file)
    for (const file of gone) this.#database.run('DELETE FROM weight_parts WHERE file = ?', file)
    return gone
  }

  /** Forgets a file, and the blocks that were in it and are in no other, which it returns. */
  forget(file: Cid): Cid[] {
    const blocks = this.#database.all<{ cid: Cid }>(
      'SELECT DISTINCT cid FROM weight_parts WHERE file = ? AND is_here = 1',
      file,
    )
    this.#database.run('DELETE FROM weight_parts WHERE file = ?', file)
    this.#database.run('DELETE FROM weight_files WHERE file = ?', file)
    const gone = blocks.map(({ cid }) => cid).filter((cid) => this.placeOf(cid) === undefined)
    for (const cid of gone) this.#database.run('DELETE FROM blocks WHERE cid = ? AND body IS NULL', cid)
    return gone
  }
}

/** The bytes of a part of a file of so many bytes. */
export function lengthOfPart(part: number, fileBytes: number): number {
  return Math.min(blockBytesMax, fileBytes - part * blockBytesMax)
}
