/**
 * Files that somebody asks for by name. Everything else that Carpool writes is for its user alone (bin/carpool.js); these
 * get the mode that the user's own shell would have given them.
 */
import { chmodSync } from 'node:fs'

let userUmask: number | null = null

/** The umask that the process was started with. */
export function keepUserUmask(umask: number): void {
  userUmask = umask
}

/** The same for a folder. */
export function handFolderToUser(path: string): void {
  if (userUmask !== null) chmodSync(path, 0o777 & ~userUmask)
}

/** For a file that was made just now, by this process or by its node. */
export function handToUser(path: string): void {
  if (userUmask !== null) chmodSync(path, 0o666 & ~userUmask)
}
