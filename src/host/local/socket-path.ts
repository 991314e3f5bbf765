/**
 * Finds the place of a node's socket: `control.sock` in its data directory, where its owner finds it without being
 * told.
 *
 * The kernel keeps a socket's path in a field of 108 bytes (unix(7); 104 on macOS). A data directory that lies too
 * deep for that has a note in it instead, which says where the socket is: in a directory of its own under the
 * system's temporary one, that nobody else may enter.
 */
import { mkdtempSync, readFileSync, rmdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { writeWhole } from '../store/durable.ts'

/** The smaller of the two, less the zero at its end. */
const socketPathBytesMax = 103

/**
 * Returns the path to listen on. The caller owns the data directory, so a socket that lies there is a dead node's,
 * and goes.
 */
export function prepareSocketPath(dataDir: string): string {
  removeSocketPath(dataDir)
  const path = join(dataDir, socketName)
  if (fits(path)) return path
  // mkdtemp makes directories of mode 0700.
  const elsewhere = join(mkdtempSync(join(tmpdir(), 'carpool-')), socketName)
  if (!fits(elsewhere)) {
    rmSync(dirname(elsewhere), { recursive: true })
    throw new Error(`${elsewhere} is too long for a socket: set TMPDIR to a shorter path`)
  }
  writeWhole(join(dataDir, noteName), Buffer.from(`${elsewhere}\n`))
  return elsewhere
}

/** Returns the path on which a node listens that runs on this data directory; undefined when none has run. */
export function findSocketPath(dataDir: string): string | undefined {
  const path = join(dataDir, socketName)
  return fits(path) ? path : readNote(dataDir)
}

/** Removes the socket, and the note and the directory of one that is elsewhere. */
export function removeSocketPath(dataDir: string): void {
  rmSync(join(dataDir, socketName), { force: true })
  const elsewhere = readNote(dataDir)
  if (elsewhere === undefined) return
  rmSync(elsewhere, { force: true })
  rmSync(join(dataDir, noteName), { force: true })
  try {
    rmdirSync(dirname(elsewhere))
  } catch {
    // Gone already, or no longer ours alone: then it stays.
  }
}

const socketName = 'control.sock'
const noteName = 'control.sock.path'

function fits(path: string): boolean {
  return Buffer.byteLength(path) <= socketPathBytesMax
}

function readNote(dataDir: string): string | undefined {
  try {
    return readFileSync(join(dataDir, noteName), 'utf8').trim() || undefined
  } catch {
    return undefined
  }
}
