/**
 * Empty folders for children to stand in, one each, where the system does not let them have a root of their own. A library
 * may take a name in a stranger's file for a path from there.
 */
import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export class EmptyFolders {
  readonly #made = new Set<string>()

  /** Makes one into which nobody writes. Throws the file system's errors. */
  make(): string {
    const folder = mkdtempSync(join(tmpdir(), 'carpool-empty-'))
    this.#made.add(folder)
    chmodSync(folder, 0o500)
    return folder
  }

  /** Leaves a folder alone that is none of these. */
  remove(folder: string): void {
    if (this.#made.delete(folder)) rmSync(folder, { recursive: true, force: true })
  }

  removeAll(): void {
    for (const folder of this.#made) this.remove(folder)
  }
}
