/** Files of npm packages that are held to hashes: only these bytes are known to give the same results everywhere. */
import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
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

/** Tells whether each of these files is in the folder, with its sha256 in hex. */
export async function areKnown(
  folder: string | undefined,
  hashes: Readonly<Record<string, string>>,
): Promise<boolean> {
  if (folder === undefined) return false
  for (const [file, hash] of Object.entries(hashes)) {
    const bytes = await readFile(join(folder, file)).catch(() => undefined)
    if (bytes === undefined || createHash('sha256').update(bytes).digest('hex') !== hash) return false
  }
  return true
}
