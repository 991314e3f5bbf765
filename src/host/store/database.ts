/**
 * The one file behind which node:sqlite lives.
 *
 * WAL with synchronous FULL: a commit is on the disk when it returns, at one fsync each. NORMAL is an order of magnitude
 * faster and survives kill -9, but may forget the last commits at a power loss; a node that forgets what it signed
 * contradicts it (notes on reliability, §5). So we keep FULL and share the fsync instead: `soon` gathers whatever the
 * event loop's current turn brings into one transaction. A worker thread would also take the fsync off the event
 * loop, but then reading what was just written becomes asynchronous everywhere; a commit blocks for about 0.4 ms.
 */
import { DatabaseSync, type SQLInputValue, type StatementSync } from 'node:sqlite'
import { assert } from '../../base/assert.ts'
import { broken, isDiskFull, StoreError } from './errors.ts'

export type SqlValue = SQLInputValue

export interface DatabaseOptions {
  /** SQL scripts in order; the n-th brings the schema from version n to n + 1. Never edit one that was released. */
  readonly migrations: readonly string[]
  /** Called when deleting finds the disk full; true when room was made, so that it is worth trying again. */
  readonly makeRoom?: () => boolean
}

/** Another process only ever holds the database while somebody inspects it with the sqlite3 tool: a guess. */
const busyTimeoutMs = 2_000
/**
 * The bytes that the log keeps on the disk after a transaction made it large. Less means growing it again: a guess.
 */
const logBytesMax = 16 * 2 ** 20
/** Statements are few and written out in the source; more than this means that somebody builds SQL from values. */
const statementsMax = 128

export class Database {
  readonly #path: string
  readonly #connection: DatabaseSync
  readonly #makeRoom: () => boolean
  readonly #statements = new Map<string, StatementSync>()
  #depth = 0
  #waiting: Waiting[] = []
  #broken: StoreError | null = null

  /** Throws StoreError: newer-schema, disk-full, broken. */
  constructor(path: string, { migrations, makeRoom = () => false }: DatabaseOptions) {
    this.#path = path
    this.#makeRoom = makeRoom
    this.#connection = new DatabaseSync(path, { timeout: busyTimeoutMs, enableForeignKeyConstraints: true })
    try {
      this.#guarded(() => {
        this.#connection.exec('PRAGMA journal_mode = WAL')
        this.#connection.exec('PRAGMA synchronous = FULL')
        this.#connection.exec(`PRAGMA journal_size_limit = ${logBytesMax}`)
      })
      this.#migrate(migrations)
    } catch (error) {
      this.#connection.close()
      throw error
    }
  }

  get isOpen(): boolean {
    return this.#connection.isOpen
  }

  get isInTransaction(): boolean {
    return this.#depth > 0
  }

  /** Runs a statement; the answer is the number of rows changed. */
  run(sql: string, ...values: SqlValue[]): number {
    return this.#guarded(() => Number(this.#prepare(sql).run(...values).changes))
  }

  get<Row>(sql: string, ...values: SqlValue[]): Row | undefined {
    return this.#guarded(() => this.#prepare(sql).get(...values)) as Row | undefined
  }

  all<Row>(sql: string, ...values: SqlValue[]): Row[] {
    return this.#guarded(() => this.#prepare(sql).all(...values)) as Row[]
  }

  /** Rows as lists of their columns: of many rows, objects take three times as long. */
  lists<Row extends readonly unknown[]>(sql: string, ...values: SqlValue[]): Row[] {
    return this.#guarded(() => {
      const statement = this.#prepare(sql)
      statement.setReturnArrays(true)
      try {
        return statement.all(...values) as unknown as Row[]
      } finally {
        statement.setReturnArrays(false)
      }
    })
  }

  /**
   * All or nothing, durable when it returns. Nests: an inner one that throws takes back its own part only, and
   * is durable with the outer one. Throws StoreError disk-full, broken, and what `work` throws.
   */
  transaction<Result>(work: () => Result): Result {
    if (this.#depth > 0)
      return this.#scope('SAVEPOINT inner', 'RELEASE inner', 'ROLLBACK TO inner; RELEASE inner', work)
    return this.#scope('BEGIN IMMEDIATE', 'COMMIT', 'ROLLBACK', work)
  }

  /** A transaction that leaves the disk emptier, and may use the ballast when there is no room even for that. */
  transactionThatFrees<Result>(work: () => Result): Result {
    try {
      return this.transaction(work)
    } catch (error) {
      const isFull = error instanceof StoreError && error.code === 'disk-full'
      if (!isFull || this.#depth > 0 || !this.#makeRoom()) throw error
      return this.transaction(work)
    }
  }

  /**
   * Runs `work` in a transaction shared with whatever else is asked for in this turn of the event loop, in order.
   * Resolves when it is durable. If one of them throws, the others are not harmed: each is run again on its own,
   * so `work` must touch nothing but the database.
   */
  soon<Result>(work: () => Result): Promise<Result> {
    return new Promise<Result>((resolve, reject) => {
      this.#waiting.push({ work, resolve: resolve as (result: unknown) => void, reject })
      if (this.#waiting.length === 1) setImmediate(() => this.flush())
    })
  }

  /** Commits what waits in `soon` now. */
  flush(): void {
    assert(this.#depth === 0, 'a shared commit never runs inside another transaction')
    const waiting = this.#waiting
    if (waiting.length === 0) return
    this.#waiting = []
    try {
      const results = this.transaction(() => waiting.map(({ work }) => work()))
      for (const [i, { resolve }] of waiting.entries()) resolve(results[i])
    } catch (error) {
      if (waiting.length === 1) waiting[0]!.reject(error)
      else for (const one of waiting) this.#settle(one)
    }
  }

  close(): void {
    if (!this.#connection.isOpen) return
    this.flush()
    this.#statements.clear()
    this.#connection.close()
  }

  #settle({ work, resolve, reject }: Waiting): void {
    try {
      resolve(this.transaction(work))
    } catch (error) {
      reject(error)
    }
  }

  #scope<Result>(begin: string, commit: string, rollback: string, work: () => Result): Result {
    this.#guarded(() => this.#connection.exec(begin))
    this.#depth += 1
    try {
      const result = work()
      assert(!(result instanceof Promise), 'a transaction never waits')
      this.#guarded(() => this.#connection.exec(commit))
      return result
    } catch (error) {
      // On a full disk SQLite has rolled back by itself, the outer transaction included.
      if (this.#connection.isTransaction) this.#connection.exec(rollback)
      throw error
    } finally {
      this.#depth -= 1
    }
  }

  #prepare(sql: string): StatementSync {
    let statement = this.#statements.get(sql)
    if (statement === undefined) {
      assert(this.#statements.size < statementsMax, 'statements are written out, never built from values')
      statement = this.#connection.prepare(sql)
      this.#statements.set(sql, statement)
    }
    return statement
  }

  #migrate(migrations: readonly string[]): void {
    const version = this.get<{ user_version: number }>('PRAGMA user_version')!.user_version
    if (version > migrations.length)
      throw new StoreError({ code: 'newer-schema', file: this.#path, version, known: migrations.length })
    if (version === migrations.length) return
    this.transaction(() => {
      for (const script of migrations.slice(version)) this.#connection.exec(script)
      this.#connection.exec(`PRAGMA user_version = ${migrations.length}`)
    })
  }

  #guarded<Result>(operation: () => Result): Result {
    if (this.#broken !== null) throw this.#broken
    try {
      return operation()
    } catch (error) {
      if (isDiskFull(error)) throw new StoreError({ code: 'disk-full', what: this.#path }, { cause: error })
      if (!isDiskFailure(error)) throw error
      this.#broken = broken(this.#path, error)
      throw this.#broken
    }
  }
}

interface Waiting {
  readonly work: () => unknown
  readonly resolve: (result: unknown) => void
  readonly reject: (error: unknown) => void
}

/** SQLITE_IOERR, SQLITE_CORRUPT and SQLITE_NOTADB, with the details in the upper bits: https://sqlite.org/rescode.html */
function isDiskFailure(error: unknown): boolean {
  const { errcode } = error as { errcode?: number }
  return errcode !== undefined && [10, 11, 26].includes(errcode & 0xff)
}
