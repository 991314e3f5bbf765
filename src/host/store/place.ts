/**
 * The place of a file on this machine's disk: a copy of the file, or one that was restored from a backup, has another. A
 * restart, or another name of its folder, changes nothing.
 */
import { statSync } from 'node:fs'

export function placeOf(path: string): string {
  const { ino, birthtimeNs } = statSync(path, { bigint: true })
  // An inode that was given back is used again: the time of its birth tells the two apart, where the file system keeps it.
  return `${ino}/${birthtimeNs}`
}
