/** Reads blocks out of the files of weights that they are parts of. */
import { closeSync, openSync, readSync } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import type { Cid } from '../../protocol/ids.ts'
import { blockBytesMax } from '../../protocol/limits.ts'
import { undefinedIfLost } from './block-files.ts'
import type { WeightRows } from './weight-rows.ts'

/** Files that stay open to be read. A guess: most nodes serve the weights of one job or two. */
const readingMax = 4

export class WeightReader {
  readonly #rows: WeightRows
  readonly #pathsOf: (file: Cid) => readonly [whole: string, partial: string]
  readonly #open = new Map<Cid, Promise<FileHandle>>()

  constructor(rows: WeightRows, pathsOf: (file: Cid) => readonly [whole: string, partial: string]) {
    this.#rows = rows
    this.#pathsOf = pathsOf
  }

  /** The bytes at a block's place, which nobody has checked. Undefined where it has none, or the disk cannot read it. */
  async read(cid: Cid, bytes: number): Promise<Uint8Array | undefined> {
    const place = this.#rows.placeOf(cid)
    if (place === undefined) return undefined
    const block = new Uint8Array(Buffer.allocUnsafeSlow(bytes).buffer)
    try {
      const file = await this.#toRead(place.file)
      const { bytesRead } = await file.read(block, 0, bytes, place.part * blockBytesMax)
      return bytesRead === bytes ? block : undefined
    } catch (error) {
      // Closed meanwhile: whoever asks reads again.
      if ((error as NodeJS.ErrnoException).code !== 'EBADF') undefinedIfLost(error)
      return undefined
    }
  }

  /** Stays open, since a file is served a block at a time. */
  #toRead(file: Cid): Promise<FileHandle> {
    const known = this.#open.get(file)
    if (known !== undefined) return known
    const [path, partial] = this.#pathsOf(file)
    const opened = open(path, 'r').catch(() => open(partial, 'r'))
    this.#open.set(file, opened)
    opened.catch(() => {
      if (this.#open.get(file) === opened) this.#open.delete(file)
    })
    for (const [oldest] of this.#open) if (this.#open.size > readingMax) this.stop(oldest)
    return opened
  }

  /** The file goes. */
  stop(file: Cid): void {
    const opened = this.#open.get(file)
    this.#open.delete(file)
    opened?.then((handle) => handle.close()).catch(() => {})
  }

  /** The same before this returns. */
  readNow(cid: Cid, bytes: number): Uint8Array | undefined {
    const place = this.#rows.placeOf(cid)
    if (place === undefined) return undefined
    const block = new Uint8Array(bytes)
    for (const path of this.#pathsOf(place.file)) {
      try {
        const file = openSync(path, 'r')
        try {
          return readSync(file, block, 0, bytes, place.part * blockBytesMax) === bytes ? block : undefined
        } finally {
          closeSync(file)
        }
      } catch (error) {
        undefinedIfLost(error)
      }
    }
    return undefined
  }

  close(): void {
    for (const file of [...this.#open.keys()]) this.stop(file)
  }
}
