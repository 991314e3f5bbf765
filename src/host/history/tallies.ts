/**
 * Sums by day: one number for each day, kind and name, added to in memory and written now and then.
 *
 * Kinds and names are few (runtimes, rules, reasons), so a day is some dozens of rows however much was done, and a year of
 * them is a few hundred kilobytes. A table of what happened, a row an event, would grow with the work, and a million tiny
 * leases a day are within what a vehicle may be given.
 */
import type { Database } from '../store/database.ts'

/** Days that are kept. A year and a month, so that a month can be compared with the same of last year: a guess. */
export const daysKept = 400

export interface Tally {
  /** In the vehicle's time zone, counted from 1970. */
  readonly day: number
  readonly kind: string
  readonly name: string
  readonly value: number
}

export class Tallies {
  readonly #database: Database
  /** Not written yet: by day, kind and name. */
  #unsaved = new Map<string, Tally>()

  constructor(database: Database) {
    this.#database = database
  }

  get isSaved(): boolean {
    return this.#unsaved.size === 0
  }

  add(day: number, kind: string, name: string, value: number): void {
    const key = `${day}/${kind}/${name}`
    const known = this.#unsaved.get(key)?.value ?? 0
    this.#unsaved.set(key, { day, kind, name, value: known + value })
  }

  /** Writes what is new, and forgets the days before the last `daysKept`. Throws StoreError; then all is written next time. */
  save(today: number): void {
    if (this.#unsaved.size === 0) return
    const unsaved = this.#unsaved
    this.#database.transaction(() => {
      for (const { day, kind, name, value } of unsaved.values())
        this.#database.run(
          `INSERT INTO history VALUES (?, ?, ?, ?)
           ON CONFLICT DO UPDATE SET value = value + excluded.value`,
          day,
          kind,
          name,
          value,
        )
      this.#database.run('DELETE FROM history WHERE day <= ?', today - daysKept)
    })
    this.#unsaved = new Map()
  }

  /** The sums since this day, with those that are not written yet. */
  since(day: number): Tally[] {
    const sums = new Map<string, Tally>()
    const rows = this.#database.all<Tally>('SELECT day, kind, name, value FROM history WHERE day >= ?', day)
    for (const row of [...rows, ...this.#unsaved.values()]) {
      if (row.day < day) continue
      const key = `${row.day}/${row.kind}/${row.name}`
      sums.set(key, { ...row, value: row.value + (sums.get(key)?.value ?? 0) })
    }
    return [...sums.values()]
  }
}
