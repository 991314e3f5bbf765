/** Everything that a node keeps, opened and closed together. */

import type { JobId, RecordId } from '../protocol/ids.ts'
import { Books } from './ledger/books.ts'
import { LedgerTables } from './ledger/tables.ts'
import { BlockStore, type BlockStoreOptions } from './store/blocks.ts'
import { DataDirectory } from './store/data-directory.ts'
import { Database } from './store/database.ts'
import { Journal } from './store/journal.ts'
import { migrations } from './store/schema.ts'

export interface Store {
  readonly directory: DataDirectory
  readonly database: Database
  readonly journal: Journal
  readonly blocks: BlockStore
  /** The ledger of debts. */
  readonly books: Books
  readonly ledgerTables: LedgerTables
  /**
   * Ends this node's part in a job. With its last part go the job's records and blocks; a node that looks after a job
   * which it works on, or worked on, keeps both for its other part.
   */
  forget(job: JobId, role: string): Promise<void>
  /** Releases the blocks of jobs in which this node has no part: a crash came between the two. Call it at the start. */
  collect(): Promise<void>
  close(): void
}

/** Throws StoreError: in-use, unusable-directory, newer-schema, disk-full, broken. */
export function openStore(path: string, options: BlockStoreOptions = {}): Store {
  const directory = new DataDirectory(path)
  let database: Database | undefined
  try {
    database = new Database(directory.databasePath, { migrations, makeRoom: () => directory.giveUpBallast() })
    const blocks = new BlockStore(database, directory, options)
    return openedStore(directory, database, blocks)
  } catch (error) {
    database?.close()
    directory.close()
    throw error
  }
}

function openedStore(directory: DataDirectory, database: Database, blocks: BlockStore): Store {
  const journal = new Journal(database)
  const [books, ledgerTables] = [new Books(database), new LedgerTables(database)]
  return {
    directory,
    database,
    journal,
    blocks,
    books,
    ledgerTables,
    async forget(job, role) {
      if (journal.rolesIn(job).some((other) => other !== role)) {
        journal.deleteJobRow(job, role)
        return
      }
      // Its bill still says what it came to, and in which unit: the entries stay.
      const manifest = books.jobs(job).length > 0 ? journal.get(job as string as RecordId) : undefined
      if (manifest !== undefined) await ledgerTables.putRecordSoon(manifest)
      journal.deleteJob(job)
      await blocks.release(job)
    },
    collect: () => blocks.keepOnly(new Set(journal.listJobs().map(({ job }) => job))),
    close() {
      if (!database.isOpen) return
      try {
        blocks.close()
        database.close()
      } finally {
        directory.close()
      }
    },
  }
}
