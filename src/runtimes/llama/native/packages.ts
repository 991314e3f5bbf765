/** The optional packages of llama.cpp as machine code: where one is installed, and what it holds. */
import { createHash } from 'node:crypto'
import { readdirSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { sha256OfFile } from '../../known-files.ts'

/** All of them have this one. */
export const version = '3.21.1'

/** The folder of the addon and its libraries, by the package's name for it; undefined where the package is not installed. */
export function addonFolder(folder: string): string | undefined {
  try {
    const entry = createRequire(import.meta.url).resolve(`@node-llama-cpp/${folder}`)
    return join(dirname(dirname(entry)), 'bins', folder)
  } catch {
    return undefined
  }
}

/** The sha256 of the names of a folder's files and of their hashes, in the order of names, in hex. */
export function filesHash(folder: string): string {
  const hash = createHash('sha256')
  for (const name of readdirSync(folder).sort()) {
    hash.update(`${name} `).update(sha256OfFile(join(folder, name)))
  }
  return hash.digest('hex')
}
