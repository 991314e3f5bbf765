/** Files of npm packages that are held to hashes: only these bytes are known to give the same results everywhere. */
import { createHash } from 'node:crypto'
import { closeSync, openSync, readSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'

/** The folder of what Node resolves by this name; undefined where its package is not installed. */
export function packageFolder(name: string): string | undefined {
  try {
    return dirname(createRequire(import.meta.url).resolve(name))
  } catch {
    return undefined
  }
}

/** Stays in the processor's cache, and asks the system for no new memory: engines have 45 MB. */
const part = Buffer.alloc(256 * 1024)

/** Returns the sha256 of a file. Throws where it cannot be read. */
export function sha256OfFile(path: string): Buffer {
  const hash = createHash('sha256')
  const file = openSync(path, 'r')
  try {
    for (;;) {
      const length = readSync(file, part)
      if (length === 0) return hash.digest()
      hash.update(part.subarray(0, length))
    }
  } finally {
    closeSync(file)
  }
}

/** Tells whether each of these files is in the folder, with its sha256 in hex. */
export async function areKnown(
  folder: string | undefined,
  hashes: Readonly<Record<string, string>>,
): Promise<boolean> {
  if (folder === undefined) return false
  try {
    return Object.entries(hashes).every(
      ([file, hash]) => sha256OfFile(join(folder, file)).toString('hex') === hash,
    )
  } catch {
    return false
  }
}
