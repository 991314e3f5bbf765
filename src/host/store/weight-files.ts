/**
 * Weights of many blocks, each as one file on this disk, from which its blocks are served and which a job's process maps.
 *
 * A file of 4 GB as 4,000 block files would have to be put together for whoever maps it, and be on the disk twice. So
 * the blocks of weights are written where they belong in one file, in whatever order they come. Which ones are in it is
 * in the database (weight-rows.ts), committed after their bytes were synced: that is all that it takes to go on after a kill.
 * When the last one is there, the file is synced, made read-only and given its name, the CID of its root.
 *
 * A file that a submitter names by its path, on the same file system, is linked and not copied. It is the user's: it keeps
 * its mode and is never written. Every block is hashed when it is read, so that a user who changes the file harms
 * nobody but the own job, whose blocks are damaged from then on, as if the disk had lost them.
 *
 * A process maps the file without hashing it again. So the file's inode, size and times are compared with those of the
 * moment when all of it was checked; where they differ, all of it is checked again first.
 */
import { chmodSync, mkdirSync, readdirSync, renameSync, rmSync, type Stats, statSync } from 'node:fs'
import { type FileHandle, link, open, realpath } from 'node:fs/promises'
import { join } from 'node:path'
import type { Cid } from '../../protocol/ids.ts'
import type { FileReference } from '../../protocol/job/manifest.ts'
import { blockBytesMax } from '../../protocol/limits.ts'
import { DirectorySync } from './durable.ts'
import { broken, isDiskFull, StoreError } from './errors.ts'
import { WeightReader } from './weight-reader.ts'
import type { Place, WeightRows } from './weight-rows.ts'

/** Ends the name of a file that lacks parts. */
const partialSuffix = '.part'

/** A file that is being written. */
interface Writing {
  readonly handle: Promise<FileHandle>
  /** It is closed: what was written and not noted yet is nowhere. */
  isGone: boolean
}

/** A user's file, as it was when all of it had been read. */
export interface SourceFile extends Pick<Stats, 'size' | 'mtimeMs' | 'ino'> {
  readonly path: string
}

/** Blocks whose bytes are on the disk; `note` says so in the database. */
export interface Written {
  readonly places: readonly Place[]
  readonly into: readonly Writing[]
}

export class WeightFiles {
  readonly reader: WeightReader
  readonly #folder: string
  readonly #names: DirectorySync
  readonly #rows: WeightRows
  readonly #writing = new Map<Cid, Writing>()

  constructor(folder: string, rows: WeightRows) {
    this.#folder = folder
    this.#names = new DirectorySync(folder)
    this.#rows = rows
    this.reader = new WeightReader(rows, (file) => this.#paths(file))
    mkdirSync(folder, { recursive: true, mode: 0o700 })
  }

  /**
   * Removes files that no row names. Returns those files whose bytes are gone, or cannot be all of what the rows say. Call it
   * before anything is read.
   */
  collect(): { readonly removed: number; readonly lost: readonly Cid[] } {
    const names = new Set(readdirSync(this.#folder))
    const lost: Cid[] = []
    for (const { file, bytes, isWhole, isLinked } of this.#rows.list()) {
      const name = [file, file + partialSuffix].find((one) => names.has(one))
      const stat =
        name === undefined ? undefined : statSync(join(this.#folder, name), { throwIfNoEntry: false })
      if (stat === undefined || (isWhole ? stat.size !== bytes : isLinked)) lost.push(file)
      else names.delete(name!)
    }
    for (const name of names) rmSync(join(this.#folder, name), { force: true, recursive: true })
    return { removed: names.size, lost }
  }

  /** Writes a block to all its places and does not sync it. Throws StoreError disk-full, broken. */
  async write(bytes: Uint8Array, places: readonly Place[]): Promise<Written> {
    const into: Writing[] = []
    for (const { file, part } of places) {
      const writing = this.#open(file)
      into.push(writing)
      await guarded(writing, this.#path(file), async (handle) => {
        for (let at = 0; at < bytes.byteLength; )
          at += (await handle.write(bytes, at, bytes.byteLength - at, part * blockBytesMax + at)).bytesWritten
      })
    }
    return { places, into }
  }

  /** Throws StoreError disk-full, broken. */
  async sync(written: readonly Written[]): Promise<void> {
    for (const writing of new Set(written.flatMap(({ into }) => into)))
      await guarded(writing, this.#folder, (handle) => synced(this.#folder, handle.datasync()))
    // The name of a new file, if there is one.
    await this.#names.sync()
  }

  /** Within a transaction. False when a file went while its blocks were written: they are nowhere then. */
  note(written: readonly Written[]): boolean {
    if (written.some(({ into }) => into.some(({ isGone }) => isGone))) return false
    for (const { places } of written) this.#rows.arrived(places)
    return true
  }

  /** Tells whether a block is a part of one of these files. */
  has(cid: Cid): boolean {
    return this.#rows.placeOf(cid) !== undefined
  }

  /**
   * The path of a whole file that nobody has touched since it was checked; undefined where it lacks parts, or has to be checked
   * again.
   */
  pathOf(file: Cid): string | undefined {
    const row = this.#rows.get(file)
    if (row === undefined || !row.isWhole) return undefined
    const stat = statSync(this.#path(file), { throwIfNoEntry: false })
    return stat !== undefined && stampOf(stat) === row.stamp ? this.#path(file) : undefined
  }

  /** Gives a file that has all its parts its name and makes it read-only. Returns its stamp. Throws StoreError broken. */
  async finish({ file, bytes }: FileReference): Promise<string> {
    const path = this.#path(file)
    const writing = this.#open(file)
    try {
      await guarded(writing, path, async (handle) => {
        await handle.truncate(bytes)
        await synced(path, handle.sync())
      })
    } finally {
      await this.#close(file)
    }
    chmodSync(path + partialSuffix, 0o400)
    renameSync(path + partialSuffix, path)
    await this.#names.sync()
    return stampOf(statSync(path))
  }

  /** The stamp of a whole file as it is now; '' where there is none. */
  stampNow(file: Cid): string {
    const stat = statSync(this.#path(file), { throwIfNoEntry: false })
    return stat === undefined ? '' : stampOf(stat)
  }

  /**
   * Gives a user's file a second name here. Null where that is not possible: on another file system, say. Then the user's
   * file has to be copied.
   */
  async link(file: Cid, { path, size, mtimeMs, ino }: SourceFile): Promise<string | null> {
    const own = this.#path(file)
    try {
      await link(await realpath(path), own) // a link to a link would lead nowhere from here
    } catch {
      return null
    }
    await this.#names.sync()
    const stat = statSync(own)
    if (stat.ino === ino && stat.size === size && stat.mtimeMs === mtimeMs) return stampOf(stat)
    rmSync(own)
    return null
  }

  unlink(file: Cid): void {
    this.reader.stop(file)
    rmSync(this.#path(file), { force: true })
  }

  /** The rows of these files are gone: so are the files. */
  remove(files: readonly Cid[]): void {
    for (const file of files) {
      void this.#close(file)
      this.reader.stop(file)
      rmSync(this.#path(file), { force: true })
      rmSync(this.#path(file) + partialSuffix, { force: true })
    }
  }

  close(): void {
    this.reader.close()
    for (const file of [...this.#writing.keys()]) void this.#close(file)
  }

  #open(file: Cid): Writing {
    const known = this.#writing.get(file)
    if (known !== undefined) return known
    const writing = { handle: this.#openNow(file), isGone: false }
    this.#writing.set(file, writing)
    writing.handle.catch(() => {
      writing.isGone = true
      if (this.#writing.get(file) === writing) this.#writing.delete(file)
    })
    return writing
  }

  /** A whole file that lost a part lacks parts again. Processes keep what they mapped. */
  #openNow(file: Cid): Promise<FileHandle> {
    const [path, partial] = this.#paths(file)
    if (statSync(path, { throwIfNoEntry: false }) !== undefined) {
      chmodSync(path, 0o600)
      renameSync(path, partial)
    }
    const isThere = statSync(partial, { throwIfNoEntry: false }) !== undefined
    return open(partial, isThere ? 'r+' : 'wx+', 0o600)
  }

  async #close(file: Cid): Promise<void> {
    const writing = this.#writing.get(file)
    if (writing === undefined) return
    this.#writing.delete(file)
    writing.isGone = true
    const handle = await writing.handle.catch(() => undefined)
    await handle?.close()
  }

  #path(file: Cid): string {
    return join(this.#folder, file)
  }

  #paths(file: Cid): [string, string] {
    return [this.#path(file), this.#path(file) + partialSuffix]
  }
}

/** Nothing is done to a file that went meanwhile: `note` says so. */
async function guarded(
  writing: Writing,
  what: string,
  work: (handle: FileHandle) => Promise<unknown>,
): Promise<void> {
  try {
    await work(await writing.handle)
  } catch (error) {
    if (isDiskFull(error)) throw new StoreError({ code: 'disk-full', what }, { cause: error })
    if (!writing.isGone) throw error
  }
}

/** After an fsync that failed, nothing that was written counts. */
async function synced(what: string, syncing: Promise<void>): Promise<void> {
  try {
    await syncing
  } catch (error) {
    const isClosed = (error as NodeJS.ErrnoException).code === 'EBADF'
    throw isDiskFull(error) || isClosed ? error : broken(what, error)
  }
}

/** The time of its last change, which nobody can set. */
function stampOf({ ino, size, ctimeMs }: Stats): string {
  return `${ino}/${size}/${ctimeMs}`
}
