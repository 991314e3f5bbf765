/**
 * A folder that results are written to, a file for each document. A file appears when it is complete, as `-o` does it, and takes the
 * place of one that was there only as `-o` does (output-file.ts); none of them lies outside of the folder, whatever links are in it.
 */
import { lstatSync, mkdirSync, realpathSync } from 'node:fs'
import { type FileHandle, open, rename, rm } from 'node:fs/promises'
import { basename, dirname, join, sep } from 'node:path'
import { CommandFailure, oneLine } from '../failure.ts'
import { checkFolder, mayReplace } from '../output-file.ts'
import { handFolderToUser, handToUser } from '../user-files.ts'

export class OutputFolder {
  readonly #path: string
  readonly #overwrite: boolean
  readonly #root: string
  /** Folders below it that are known to be there, and within it. */
  readonly #known = new Set<string>()

  /** Files that were there and are replaced. */
  replaced = 0

  /** Makes the folder where it is not there yet, and tries that files can be written there. Throws CommandFailure. */
  constructor(path: string, overwrite: boolean) {
    this.#path = path
    this.#overwrite = overwrite
    this.#root = madeFolder(path)
    checkFolder(this.#root, path)
  }

  /** `below`: the file's path below the folder. `fill` writes it. Throws CommandFailure, and what `fill` throws. */
  async write(below: string, fill: (file: FileHandle) => Promise<void>): Promise<void> {
    const path = join(this.#path, below)
    this.#makeFolders(below.split('/').slice(0, -1))
    if (lstatSync(path, { throwIfNoEntry: false })?.isDirectory())
      throw new CommandFailure(`cannot write results to ${path}: it is a folder`)
    if (mayReplace(path, this.#overwrite)) this.replaced += 1
    const part = join(dirname(path), `.${basename(path)}.${process.pid}.part`)
    try {
      const file = await open(part, 'wx')
      try {
        await fill(file)
      } finally {
        await file.close()
      }
      handToUser(part)
      await rename(part, path)
    } catch (error) {
      await rm(part, { force: true })
      throw error
    }
  }

  #makeFolders(parts: readonly string[]): void {
    for (const [i] of parts.entries()) {
      const below = parts.slice(0, i + 1).join('/')
      if (this.#known.has(below)) continue
      const real = madeFolder(join(this.#path, below))
      if (!real.startsWith(this.#root.endsWith(sep) ? this.#root : `${this.#root}${sep}`))
        throw new CommandFailure(
          `${join(this.#path, below)} is a link that leads out of ${this.#path}; name another folder, or remove it`,
        )
      this.#known.add(below)
    }
  }
}

/** The folder's path without links. Throws CommandFailure. */
function madeFolder(path: string): string {
  try {
    if (lstatSync(path, { throwIfNoEntry: false }) === undefined) {
      // Folders above it are made as well: none of them is a stranger's word.
      const first = mkdirSync(path, { recursive: true })
      for (let made = path; first !== undefined; made = dirname(made)) {
        handFolderToUser(made)
        if (made === first) break
      }
    }
    const real = realpathSync(path)
    if (!lstatSync(real).isDirectory()) throw new Error('it is no folder')
    return real
  } catch (error) {
    throw new CommandFailure(`cannot write results to ${path}: ${oneLine(error)}`)
  }
}
