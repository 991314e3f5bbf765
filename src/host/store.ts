/** Everything that a node keeps, opened and closed together. */
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
  /** Who owes whom. */
  readonly books: Books
  readonly ledgerTables: LedgerTables
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
  return {
    directory,
    database,
    journal: new Journal(database),
    blocks,
    books: new Books(database),
    ledgerTables: new LedgerTables(database),
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
