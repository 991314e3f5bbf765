/**
 * The bodies of large blocks: one file each, named by its CID, in one flat directory.
 *
 * A file without a row in the database is nobody's: it is written before its row is committed and removed after. The
 * gap is closed by holding: while a put is under way its file is not removed, even if others let go of the block.
 */
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, utimesSync } from 'node:fs'
import { open, readFile, rename } from 'node:fs/promises'
import { join } from 'node:path'
import type { Cid } from '../../protocol/ids.ts'
import { systemClock } from '../clock.ts'
import { DirectorySync, temporaryPath, writeAll, writeWhole } from './durable.ts'
import { isDiskFull, StoreError } from './errors.ts'
import { plain } from './plain.ts'

/** Enough to see what the disk did; more would fill it up: a guess. */
const quarantinedMax = 16

export class BlockFiles {
  readonly #path: string
  readonly #quarantinePath: string
  readonly #names: DirectorySync
  readonly #held = new Map<Cid, Held>()

  constructor(path: string, quarantinePath: string) {
    this.#path = path
    this.#quarantinePath = quarantinePath
    this.#names = new DirectorySync(path)
    mkdirSync(path, { recursive: true, mode: 0o700 })
    mkdirSync(quarantinePath, { recursive: true, mode: 0o700 })
  }

  /** Removes what a crash left: temporary files, and files that `isKnown` does not know. */
  collect(isKnown: (cid: Cid) => boolean): { readonly removed: number; readonly found: ReadonlySet<Cid> } {
    const found = new Set<Cid>()
    let removed = 0
    for (const name of readdirSync(this.#path) as Cid[]) {
      if (isKnown(name)) {
        found.add(name)
      } else {
        rmSync(join(this.#path, name), { force: true, recursive: true })
        removed += 1
      }
    }
    return { removed, found }
  }

  /** From here until `letGo`, the file is not removed. */
  hold(cid: Cid): void {
    const held = this.#held.get(cid)
    if (held === undefined) this.#held.set(cid, { holders: 1, writing: null, isWritten: false })
    else held.holders += 1
  }

  /** Ends one hold; the last one removes a file that by then has no row. */
  letGo(cid: Cid, hasRow: boolean): void {
    const held = this.#held.get(cid)!
    held.holders -= 1
    if (held.holders > 0) return
    this.#held.delete(cid)
    if (!hasRow) this.remove(cid)
  }

  /** Tells whether the held file was written since its first hold, and not only put aside. */
  isWritten(cid: Cid): boolean {
    return this.#held.get(cid)?.isWritten ?? false
  }

  /** Writes a held file, once for all who hold it. Its name is durable after `sync`. Throws StoreError disk-full, broken. */
  async write(cid: Cid, bytes: Uint8Array): Promise<void> {
    const held = this.#held.get(cid)!
    if (held.isWritten) return
    held.writing ??= this.#write(cid, bytes).then(
      () => {
        held.isWritten = true
        held.writing = null
      },
      (error) => {
        held.writing = null
        throw error
      },
    )
    await held.writing
  }

  sync(): Promise<void> {
    return this.#names.sync()
  }

  /** The path of a block that is a file; null where it is none. */
  pathOf(cid: Cid): string | null {
    const path = join(this.#path, cid)
    return statSync(path, { throwIfNoEntry: false }) === undefined ? null : path
  }

  /** Undefined when there is no such file, or the disk cannot read it. */
  async read(cid: Cid): Promise<Uint8Array | undefined> {
    return readFile(join(this.#path, cid)).then(plain, undefinedIfLost)
  }

  readNow(cid: Cid): Uint8Array | undefined {
    try {
      return plain(readFileSync(join(this.#path, cid)))
    } catch (error) {
      return undefinedIfLost(error)
    }
  }

  remove(cid: Cid): void {
    if (!this.#held.has(cid)) rmSync(join(this.#path, cid), { force: true })
  }

  /** Puts a damaged file, or a row's damaged body, aside. Never throws: the block is lost in any case. */
  quarantine(cid: Cid, body: Uint8Array | null): void {
    const aside = join(this.#quarantinePath, cid)
    const held = this.#held.get(cid)
    if (held !== undefined) held.isWritten = false
    try {
      if (body === null) renameSync(join(this.#path, cid), aside)
      else writeWhole(aside, body)
      const nowSeconds = systemClock.now() / 1_000
      utimesSync(aside, nowSeconds, nowSeconds)
      this.#forgetOldest()
    } catch {
      rmSync(join(this.#path, cid), { force: true })
    }
  }

  async #write(cid: Cid, bytes: Uint8Array): Promise<void> {
    const path = join(this.#path, cid)
    const temporary = temporaryPath(path)
    try {
      const file = await open(temporary, 'wx', 0o600)
      try {
        await writeAll(file, bytes, path)
      } finally {
        await file.close()
      }
      await rename(temporary, path)
    } catch (error) {
      rmSync(temporary, { force: true })
      throw isDiskFull(error) ? new StoreError({ code: 'disk-full', what: path }, { cause: error }) : error
    }
  }

  #forgetOldest(): void {
    const paths = readdirSync(this.#quarantinePath).map((name) => join(this.#quarantinePath, name))
    const byAge = paths.map((path) => ({ path, at: statSync(path).mtimeMs })).sort((a, b) => b.at - a.at)
    for (const { path } of byAge.slice(quarantinedMax)) rmSync(path)
  }
}

/** EIO is how a disk says that it lost a sector. */
export function undefinedIfLost(error: unknown): undefined {
  if (!['ENOENT', 'EIO'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error
}

interface Held {
  holders: number
  writing: Promise<void> | null
  isWritten: boolean
}
