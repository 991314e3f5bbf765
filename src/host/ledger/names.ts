/**
 * Names that repeat, as numbers: an entry of the ledger takes some 250 bytes that way, and not 900. They are written before
 * the entries that use them, in a commit of their own, since a cache must not know a name that was rolled back.
 */
import type { Database } from '../store/database.ts'

/** Names kept in memory: those of the jobs under way, and of a pay-out to ten thousand payees, in 6 MB; above that it begins anew. A guess. */
const namesMax = 32_000
/** Names that one pass over the ledger keeps: those of some 30,000 vehicles, in 15 MB. A guess. */
const namesReadMax = 100_000

export class Names {
  readonly #database: Database
  readonly #numbers = new Map<string, number>()

  constructor(database: Database) {
    this.#database = database
  }

  /** Gives numbers to those that have none. Throws StoreError. */
  add(names: Iterable<string>): void {
    const unknown = [...new Set(names)].filter((name) => this.#numbers.get(name) === undefined)
    if (unknown.length === 0) return
    const numbers = this.#database.transaction(() =>
      unknown.map((name) => {
        this.#database.run('INSERT OR IGNORE INTO ledger_names (name) VALUES (?)', name)
        return this.#read(name)
      }),
    )
    if (this.#numbers.size + unknown.length > namesMax) this.#numbers.clear()
    for (const [i, name] of unknown.entries()) this.#numbers.set(name, numbers[i]!)
  }

  /** Returns the number of a name that was added. */
  numberOf(name: string): number {
    return this.#numbers.get(name) ?? this.#read(name)
  }

  /** Returns a reader of names by their numbers, which remembers those that it has read: use it for one pass. */
  reader(): (number: number) => string {
    const known = new Map<number, string>()
    return (number) => {
      const name = known.get(number)
      if (name !== undefined) return name
      const row = this.#database.get<{ name: string }>(
        'SELECT name FROM ledger_names WHERE number = ?',
        number,
      )
      if (known.size >= namesReadMax) known.clear()
      known.set(number, row!.name)
      return row!.name
    }
  }

  #read(name: string): number {
    const query = 'SELECT number FROM ledger_names WHERE name = ?'
    return this.#database.get<{ number: number }>(query, name)!.number
  }
}
