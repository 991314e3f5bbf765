/** The lines of batches that have not ended, in the table: so many that they are never in memory as a whole. */
import type { Database } from '../host/store/database.ts'
import type { LostPages } from '../runtimes/messages.ts'
import type { Part } from './batches.ts'
import type { ErrorFacts } from './errors.ts'

export interface LineRow {
  /** From 1. */
  readonly line: number
  readonly customId: string
  /** The part of the batch whose job has it; null: none, since it has a fault. */
  readonly part: number | null
  readonly form: string | null
  /** How many records of the job make its answer. */
  readonly records: number
  readonly fault: ErrorFacts | null
  /** Pages of its document that nobody could read; null: none. */
  readonly lost: LostPages | null
}

/** A line before its documents are read. */
export type CheckedLine = Omit<LineRow, 'lost'>

export class LineRows {
  readonly #tables: Database

  constructor(tables: Database) {
    this.#tables = tables
  }

  /** The line that has this custom_id already; undefined: it is a new one, and the line is kept. */
  add(batch: string, { line, customId, part, form, records, fault }: CheckedLine): number | undefined {
    const added = this.#tables.run(
      `INSERT OR IGNORE INTO lines (batch, line, custom_id, part, form, records, fault)
        VALUES (?, ?, ?, ?, ?, ?, ?)`,
      batch,
      line,
      customId,
      part,
      form,
      records,
      fault && JSON.stringify(fault),
    )
    if (added > 0) return undefined
    const sql = 'SELECT line FROM lines WHERE batch = ? AND custom_id = ?'
    return this.#tables.get<{ line: number }>(sql, batch, customId)!.line
  }

  addPart(batch: string, { part, model, isEarly, modelBytes }: Omit<Part, 'job' | 'records'>): void {
    const sql = 'INSERT INTO parts (batch, part, model, is_early, model_bytes) VALUES (?, ?, ?, ?, ?)'
    this.#tables.run(sql, batch, part, model, isEarly ? 1 : 0, modelBytes)
  }

  /** Notes how many records each part has now. */
  countRecords(batch: string): void {
    for (const [part, { records }] of this.counts(batch))
      this.#tables.run('UPDATE parts SET records = ? WHERE batch = ? AND part = ?', records, batch, part)
  }

  /** Moves the first so many lines of a part to another one. */
  moveFirst(batch: string, from: number, to: number, lines: number): void {
    this.#tables.run(
      `UPDATE lines SET part = ?3 WHERE batch = ?1 AND line IN
        (SELECT line FROM lines WHERE batch = ?1 AND part = ?2 ORDER BY line LIMIT ?4)`,
      batch,
      from,
      to,
      lines,
    )
  }

  /** The first and the last line of a part; undefined: it has none. */
  rangeOf(batch: string, part: number): { readonly first: number; readonly last: number } | undefined {
    const sql = 'SELECT min(line) AS first, max(line) AS last FROM lines WHERE batch = ? AND part = ?'
    const range = this.#tables.get<{ first: number | null; last: number }>(sql, batch, part)!
    return range.first === null ? undefined : { first: range.first, last: range.last }
  }

  /** A document turned out to have so many records, or to be readable by nobody, or not all of it. */
  change(
    batch: string,
    line: number,
    { records, fault = null, lost = null }: Pick<LineRow, 'records'> & Partial<LineRow>,
  ): void {
    this.#tables.run(
      'UPDATE lines SET records = ?, fault = ?, lost = ? WHERE batch = ? AND line = ?',
      records,
      fault && JSON.stringify(fault),
      lost && JSON.stringify(lost),
      batch,
      line,
    )
  }

  /** Nobody can answer any line of the part. */
  refusePart(batch: string, part: number, fault: ErrorFacts): void {
    const sql = 'UPDATE lines SET records = 0, fault = ? WHERE batch = ? AND part = ? AND fault IS NULL'
    this.#tables.run(sql, JSON.stringify(fault), batch, part)
  }

  get(batch: string, line: number): LineRow | undefined {
    const row = this.#tables.get<StoredLine>(`${selection} WHERE batch = ? AND line = ?`, batch, line)
    return row && rowOf(row)
  }

  /** In the order of the file. */
  *of(batch: string): Generator<LineRow> {
    for (let after = 0; ; ) {
      const rows = this.#tables.all<StoredLine>(
        `${selection} WHERE batch = ? AND line > ? ORDER BY line LIMIT 256`,
        batch,
        after,
      )
      for (const row of rows) yield rowOf(row)
      if (rows.length < 256) return
      after = rows.at(-1)!.line
    }
  }

  /** Lines of each part that are in its job. */
  counts(batch: string): Map<number, { readonly lines: number; readonly records: number }> {
    const rows = this.#tables.all<{ part: number; lines: number; records: number }>(
      'SELECT part, count(*) AS lines, sum(records) AS records FROM lines WHERE batch = ? AND fault IS NULL GROUP BY part',
      batch,
    )
    return new Map(rows.map(({ part, ...counts }) => [part, counts]))
  }

  /** Those with a fault: how many, and the first of them. */
  faulty(batch: string, limit: number): { readonly count: number; readonly rows: readonly LineRow[] } {
    const those = 'WHERE batch = ? AND fault IS NOT NULL'
    const { count } = this.#tables.get<{ count: number }>(
      `SELECT count(*) AS count FROM lines ${those}`,
      batch,
    )!
    const rows = this.#tables.all<StoredLine>(`${selection} ${those} ORDER BY line LIMIT ?`, batch, limit)
    return { count, rows: rows.map(rowOf) }
  }

  /** Forgets the lines of quotes, which a crash may leave behind. */
  forgetQuotes(): void {
    for (const table of ['lines', 'parts'])
      this.#tables.run(`DELETE FROM ${table} WHERE batch GLOB 'quote_*'`)
  }

  forget(batch: string): void {
    this.#tables.run('DELETE FROM lines WHERE batch = ?', batch)
  }

  forgetParts(batch: string): void {
    this.#tables.run('DELETE FROM parts WHERE batch = ?', batch)
  }

  /** One commit for all that `work` writes. */
  together<Result>(work: () => Result): Result {
    return this.#tables.transaction(work)
  }
}

const selection = 'SELECT line, custom_id AS customId, part, form, records, fault, lost FROM lines'

type StoredLine = Omit<LineRow, 'fault' | 'lost'> & {
  readonly fault: string | null
  readonly lost: string | null
}

function rowOf({ fault, lost, ...row }: StoredLine): LineRow {
  return {
    ...row,
    fault: fault === null ? null : (JSON.parse(fault) as ErrorFacts),
    lost: lost === null ? null : (JSON.parse(lost) as LostPages),
  }
}
