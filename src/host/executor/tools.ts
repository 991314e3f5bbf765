/**
 * The folders in which the small tools of a child's chain are looked for.
 *
 * Not PATH: that of an ordinary login on Debian has no /usr/sbin, where pivot_root is, and a PATH may begin with a folder
 * that somebody else can write to. The children's own environment has none at all.
 */
import { existsSync } from 'node:fs'
import { join } from 'node:path'

export const systemFolders: readonly string[] = ['/usr/sbin', '/usr/bin', '/sbin', '/bin']

/** Returns an absolute path, or null where no folder has the tool. */
export function findTool(name: string, folders: readonly string[]): string | null {
  const folder = folders.find((folder) => existsSync(join(folder, name)))
  return folder === undefined ? null : join(folder, name)
}
