/**
 * Keeps what a node writes, and the secrets that it is given, from the machine's other users. A data directory holds keys
 * of documents beside their ciphertext, so whoever can read its database can read the documents.
 */
import {
  chmodSync,
  closeSync,
  existsSync,
  fstatSync,
  openSync,
  readdirSync,
  readFileSync,
  type Stats,
  statSync,
} from 'node:fs'
import { join } from 'node:path'
import { StoreError } from './errors.ts'

/** Read, write or search for the group and for everybody else. */
const others = 0o077
const writableByAnybody = 0o002

/** All that a node keeps there, apart from keys, which are refused where they are open: who has seen one has it. */
const ownNames = [
  'carpool.sqlite',
  'carpool.sqlite-wal',
  'carpool.sqlite-shm',
  'gateway.sqlite',
  'gateway.sqlite-wal',
  'gateway.sqlite-shm',
  'lock',
  'lock-journal',
  'pid',
  'ballast',
  'config.json',
  'credential.json',
]
const ownFolders = ['blocks', 'gateway', 'models', 'quarantine']

/** Files that SQLite opens; it keeps their mode, and gives the same to those beside them. */
const openedBySqlite = ['carpool.sqlite', 'lock']

/**
 * Closes a data directory to other users, and makes the files in it that something else would make open to them. A folder
 * that holds other things is left as it is: it may be everybody's for a reason. Throws Error, a part of a sentence, where
 * other users can read it, or own it, all the same.
 */
export function closeToOthers(path: string): void {
  const state = statSync(path)
  if (!isOurs(state))
    throw new Error(
      `it belongs to another user (${state.uid}); give it to this one (${process.geteuid?.()}), or name another`,
    )
  if ((state.mode & others) !== 0) {
    if ((state.mode & writableByAnybody) !== 0 || !isDataDirectory(path))
      throw new Error(`other users can read it; run: chmod 700 ${path}, or name a folder for Carpool alone`)
    chmodSync(path, 0o700)
  }
  for (const name of ownNames) close(join(path, name), 0o600)
  for (const name of ownFolders) close(join(path, name), 0o700)
  for (const name of openedBySqlite) make(join(path, name))
}

/** Reads a file that nobody else may read. Throws StoreError open-key, and the file system's errors. */
export function readSecret(path: string): Buffer {
  const file = openSync(path, 'r')
  try {
    if ((fstatSync(file).mode & others) !== 0) throw new StoreError({ code: 'open-key', path })
    return readFileSync(file)
  } finally {
    closeSync(file)
  }
}

function isOurs({ uid }: Stats): boolean {
  return uid === process.geteuid?.()
}

/** Empty, in use by a node already, or prepared for one. */
function isDataDirectory(path: string): boolean {
  if (existsSync(join(path, 'carpool.sqlite'))) return true
  const known = [...ownNames, ...ownFolders]
  return readdirSync(path).every(
    (name) => known.includes(name) || name.endsWith('.key') || name.endsWith('.json'),
  )
}

/** A file that an administrator has put there stays theirs: nobody else gets through the folder. */
function close(path: string, mode: number): void {
  const state = statSync(path, { throwIfNoEntry: false })
  if (state !== undefined && isOurs(state) && (state.mode & others) !== 0) chmodSync(path, mode)
}

function make(path: string): void {
  try {
    closeSync(openSync(path, 'wx', 0o600))
  } catch (error) {
    // Not opened, since closing it would end the lock of another node in this process.
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  }
}
