/**
 * The data directory: everything that a node keeps, owned by one process at a time.
 *
 * Two processes with one key and one journal would sign two histories, so the directory is locked. The lock has to
 * end with its process even on kill -9, which rules out a file whose existence is the lock. Node offers no flock;
 * SQLite takes the kernel's own locks on our behalf, and an exclusive transaction held open on an empty database is
 * such a lock. The kernel drops it however the process ends. Beside it lies the process id, for the message only.
 *
 * (POSIX locks of a file end when the process closes *any* descriptor of it: nothing else may open the lock file.)
 */
import { closeSync, mkdirSync, openSync, readFileSync, rmSync, statfsSync, statSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { syncDirectory, writeWhole } from './durable.ts'
import { isDiskFull, StoreError } from './errors.ts'
import { closeToOthers } from './private-files.ts'

/** Written in advance, given up when the disk is full, so that deleting (which writes too) still works: a guess. */
const ballastBytes = 4 * 2 ** 20

export class DataDirectory {
  readonly path: string
  readonly #lock: DatabaseSync

  /**
   * Creates the directory (mode 0700) if it is missing, closes it to other users, and locks it.
   * Throws StoreError: in-use, unusable-directory.
   */
  constructor(path: string) {
    this.path = resolve(path)
    create(this.path)
    this.#lock = lock(this.path, join(this.path, 'lock'), this.#pidPath)
    writeWhole(this.#pidPath, Buffer.from(`${process.pid}\n`))
    this.restoreBallast()
  }

  get databasePath(): string {
    return join(this.path, 'carpool.sqlite')
  }

  get blocksPath(): string {
    return join(this.path, 'blocks')
  }

  /** The folder in which each file of weights lies as one file. */
  get weightsPath(): string {
    return join(this.path, 'weights')
  }

  /** The folder of the models that have names. */
  get modelsPath(): string {
    return join(this.path, 'models')
  }

  /** The folder in which damaged blocks are put aside. */
  get quarantinePath(): string {
    return join(this.path, 'quarantine')
  }

  get configPath(): string {
    return join(this.path, 'config.json')
  }

  /** The file in which a fleet's member keeps its credential. */
  get credentialPath(): string {
    return join(this.path, 'credential.json')
  }

  /** The key file of this purpose: 'node', 'owner', 'submitter' or 'fleet'. */
  keyPath(purpose: string): string {
    return join(this.path, `${purpose}.key`)
  }

  /** Room on the disk for unprivileged users. A node accepts no work below 5 % (notes on reliability, §5). */
  space(): { readonly freeBytes: number; readonly totalBytes: number } {
    const { bavail, blocks, bsize } = statfsSync(this.path)
    return { freeBytes: bavail * bsize, totalBytes: blocks * bsize }
  }

  /** Makes room for deleting on a full disk. False when that was done before. */
  giveUpBallast(): boolean {
    if (statSync(this.#ballastPath, { throwIfNoEntry: false }) === undefined) return false
    rmSync(this.#ballastPath)
    return true
  }

  restoreBallast(): void {
    if (statSync(this.#ballastPath, { throwIfNoEntry: false })?.size === ballastBytes) return
    try {
      writeWhole(this.#ballastPath, new Uint8Array(ballastBytes).fill(0xca))
    } catch (error) {
      if (!isDiskFull(error)) throw error
      rmSync(this.#ballastPath, { force: true })
    }
  }

  close(): void {
    rmSync(this.#pidPath, { force: true })
    if (this.#lock.isOpen) this.#lock.close()
  }

  get #pidPath(): string {
    return join(this.path, 'pid')
  }

  get #ballastPath(): string {
    return join(this.path, 'ballast')
  }
}

function create(path: string): void {
  try {
    if (createFolder(path)) syncDirectory(dirname(path))
    closeSync(openSync(path, 'r'))
    closeToOthers(path)
  } catch (error) {
    throw new StoreError(
      { code: 'unusable-directory', directory: path, why: (error as Error).message },
      { cause: error },
    )
  }
}

/**
 * With its parents; true when it was missing. Not mkdir's `recursive`, which tries for ever where the file system
 * refuses a name with ENOENT, as /proc does (Node 20 to 24).
 */
function createFolder(path: string): boolean {
  if (statSync(path, { throwIfNoEntry: false }) !== undefined) return false
  createFolder(dirname(path))
  try {
    mkdirSync(path, { mode: 0o700 })
    return true
  } catch (error) {
    // Another process was faster.
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw error
  }
}

function lock(directory: string, lockPath: string, pidPath: string): DatabaseSync {
  let database: DatabaseSync | undefined
  try {
    database = new DatabaseSync(lockPath, { timeout: 0 })
    database.exec('BEGIN EXCLUSIVE')
    return database
  } catch (error) {
    database?.close()
    if ((error as { errcode?: number }).errcode !== sqliteBusy)
      throw new StoreError(
        { code: 'unusable-directory', directory, why: (error as Error).message },
        { cause: error },
      )
    throw new StoreError({ code: 'in-use', directory, pid: readPid(pidPath) })
  }
}

/** https://sqlite.org/rescode.html#busy */
const sqliteBusy = 5

function readPid(path: string): number | null {
  try {
    const pid = Number.parseInt(readFileSync(path, 'utf8'), 10)
    return Number.isSafeInteger(pid) ? pid : null
  } catch {
    return null
  }
}
