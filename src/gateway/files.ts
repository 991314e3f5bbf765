/** Files of tenants: a row in the table, and bytes on the disk that are called by the row's id. */
import { randomBytes } from 'node:crypto'
import { mkdirSync, readdirSync, renameSync, rmSync, statfsSync, statSync } from 'node:fs'
import { join } from 'node:path'
import type { Clock } from '../host/clock.ts'
import type { Database } from '../host/store/database.ts'
import { syncDirectory } from '../host/store/durable.ts'
import { ApiError, missing } from './errors.ts'

export interface FileRow {
  readonly id: string
  readonly tenant: string
  readonly filename: string
  readonly purpose: string
  /** Null: a batch still writes it. */
  readonly bytes: number | null
  readonly createdAtMs: number
  readonly expiresAtMs: number | null
}

export interface ListQuery {
  /** The last item of the page before. */
  readonly after: string | null
  readonly limit: number
  readonly order: 'asc' | 'desc'
}

/** All files of a tenant together: fifty batches of the largest size, with their results. A guess. */
const tenantBytesMax = 20 * 2 ** 30

/** Empty ones take rows and names of the disk. Two batches of the largest size whose lines name a file each. A guess. */
const tenantFilesMax = 100_000
/** Files of tenants leave so much of the disk to the node. A guess. */
const freeBytesMin = 2 ** 28

/** Each costs a commit, and the node stands still meanwhile. */
const expiredAtOnce = 256

/** Places of files that are gone, after which a list may go on: of the last so many. A guess. */
const goneMax = 100_000

export class Files {
  readonly #tables: Database
  readonly #folder: string
  readonly #clock: Pick<Clock, 'now'>
  /** Deleting waits for what still reads. */
  readonly #reading = new Map<string, number>()
  /** Those of them whose row is gone. */
  readonly #goneMeanwhile = new Set<string>()

  /** Removes what a crash left: bytes without a row, but for inputs of batches that go on, which go once those let them go. */
  constructor(tables: Database, dataDir: string, clock: Pick<Clock, 'now'>) {
    this.#tables = tables
    this.#clock = clock
    this.#folder = join(dataDir, 'gateway')
    mkdirSync(this.#folder, { recursive: true, mode: 0o700 })
    const wanted = new Set(
      tables
        .all<{ id: string }>(
          `SELECT json_extract(facts, '$.inputFileId') AS id FROM batches WHERE is_over = 0`,
        )
        .map(({ id }) => id),
    )
    for (const name of readdirSync(this.#folder)) {
      if (this.#row(name) !== undefined) continue
      if (wanted.has(name)) this.#goneMeanwhile.add(name)
      else rmSync(join(this.#folder, name), { force: true })
    }
  }

  /** A path for bytes that have no row yet. */
  spoolPath(): string {
    return join(this.#folder, `${randomBytes(12).toString('hex')}.part`)
  }

  /** Removes what lies at such a path. */
  drop(path: string): void {
    rmSync(path, { force: true })
  }

  pathOf(id: string): string {
    return join(this.#folder, id)
  }

  /** Throws ApiError where the tenant, or the disk, has no room for so many bytes. */
  checkRoom(tenant: string, bytes: number): void {
    const refused = this.refusal(tenant, bytes)
    if (refused !== undefined)
      throw new ApiError({ status: refused.code === 'disk_full' ? 503 : 400, ...refused })
  }

  /** Why there is no room for so many bytes more; undefined: there is. Jobs of batches count until they are let go (kept.ts). */
  refusal(tenant: string, bytes: number): { readonly code: string; readonly message: string } | undefined {
    const { held, count, jobs } = this.#tables.get<{ held: number; count: number; jobs: number }>(
      `SELECT coalesce(sum(bytes), 0) AS held, count(*) AS count,
        (SELECT coalesce(sum(held_bytes), 0) FROM batches WHERE tenant = ?1) AS jobs
       FROM files WHERE tenant = ?1`,
      tenant,
    )!
    const refused = (message: string) => ({ code: 'storage_quota_exceeded', message })
    if (count >= tenantFilesMax)
      return refused(`you have ${count} files, and there is room for ${tenantFilesMax}; delete some`)
    if (held + jobs + bytes > tenantBytesMax)
      return refused(
        `your files have ${held} bytes and your batches ${jobs}, and with ${bytes} more there is no room, which is for ${tenantBytesMax}; delete files, or wait until your batches have been over for a day`,
      )
    const { bavail, bsize } = statfsSync(this.#folder)
    if (bavail * bsize < freeBytesMin + bytes)
      return { code: 'disk_full', message: 'the disk of the node is full' }
    return undefined
  }

  /** Makes a file of bytes that are on the disk, synced, at `path`; or, without, of those that a batch is about to write. */
  add(
    row: Omit<FileRow, 'id' | 'bytes'>,
    spooled?: { readonly path: string; readonly bytes: number },
  ): FileRow {
    const id = `file-${randomBytes(12).toString('hex')}`
    if (spooled !== undefined) {
      renameSync(spooled.path, this.pathOf(id))
      syncDirectory(this.#folder)
    }
    const bytes = spooled?.bytes ?? null
    this.#tables.run(
      `INSERT INTO files (id, tenant, filename, purpose, bytes, created_at_ms, expires_at_ms) VALUES (?, ?, ?, ?, ?, ?, ?)`,
      id,
      row.tenant,
      row.filename,
      row.purpose,
      bytes,
      row.createdAtMs,
      row.expiresAtMs,
    )
    return { ...row, id, bytes }
  }

  /** Puts these bytes, which are synced, in the place of those that the file has: they are all, and are kept until then. */
  finish(id: string, path: string, expiresAtMs: number): void {
    const { size } = statSync(path)
    renameSync(path, this.pathOf(id))
    syncDirectory(this.#folder)
    this.#tables.run('UPDATE files SET bytes = ?, expires_at_ms = ? WHERE id = ?', size, expiresAtMs, id)
  }

  /** A batch writes it no more: it has what was written, and is kept until then. */
  leave(id: string, expiresAtMs: number): void {
    const size = statSync(this.pathOf(id), { throwIfNoEntry: false })?.size
    if (size === undefined) this.remove(id)
    else
      this.#tables.run(
        'UPDATE files SET bytes = ?, expires_at_ms = ? WHERE id = ? AND bytes IS NULL',
        size,
        expiresAtMs,
        id,
      )
  }

  /** Throws ApiError, also for one whose time is over. */
  get(tenant: string, id: string): FileRow {
    const row = this.#row(id)
    if (row === undefined || row.tenant !== tenant || this.#isOver(row))
      throw missing(`file ${JSON.stringify(id.slice(0, 64))}`)
    return row
  }

  /** At most `limit`, and whether there are more. Throws ApiError for an `after` that is not there. */
  list(
    tenant: string,
    { after, limit, order }: ListQuery,
    purpose: string | null,
  ): { readonly rows: FileRow[]; readonly hasMore: boolean } {
    const from = after === null ? null : this.#serialOf(tenant, after)
    const [compare, direction] = order === 'desc' ? (['<', 'DESC'] as const) : (['>', 'ASC'] as const)
    const rows = this.#tables.all<FileRow>(
      `${selection} WHERE tenant = ?1 AND (?2 IS NULL OR serial ${compare} ?2) AND (?3 IS NULL OR purpose = ?3)
       AND (expires_at_ms IS NULL OR bytes IS NULL OR expires_at_ms > ?5)
       ORDER BY serial ${direction} LIMIT ?4`,
      tenant,
      from,
      purpose,
      limit + 1,
      this.#clock.now(),
    )
    return { rows: rows.slice(0, limit), hasMore: rows.length > limit }
  }

  /** Throws ApiError, also for one that a batch still writes: its end would have nowhere to go. */
  delete(tenant: string, id: string): void {
    if (this.get(tenant, id).bytes === null)
      throw new ApiError({
        status: 400,
        message: `a batch still writes the file ${id}; wait until it is over, or cancel it`,
        code: 'file_in_use',
      })
    this.remove(id)
  }

  /** Drops the name at once, and the bytes after their last reader. */
  remove(id: string): void {
    this.#tables.transaction(() => {
      this.#tables.run(
        'INSERT OR IGNORE INTO gone_files SELECT id, tenant, serial FROM files WHERE id = ?',
        id,
      )
      this.#tables.run('DELETE FROM files WHERE id = ?', id)
      this.#tables.run(
        'DELETE FROM gone_files WHERE serial <= (SELECT max(serial) FROM gone_files) - ?',
        goneMax,
      )
    })
    if (this.#reading.has(id)) this.#goneMeanwhile.add(id)
    else rmSync(this.pathOf(id), { force: true })
  }

  /** Keeps the bytes of a file until the answer is called, whatever becomes of its row, and though the gateway may have stopped by then. */
  hold(id: string): () => void {
    this.#reading.set(id, (this.#reading.get(id) ?? 0) + 1)
    let isHeld = true
    return () => {
      if (!isHeld) return
      isHeld = false
      const left = this.#reading.get(id)! - 1
      if (left > 0) this.#reading.set(id, left)
      else {
        this.#reading.delete(id)
        if (this.#goneMeanwhile.delete(id)) rmSync(this.pathOf(id), { force: true })
      }
    }
  }

  /** Removes some of those whose time is over, but for those that a batch still writes. Answers whether there may be more. */
  expire(): boolean {
    const rows = this.#tables.all<{ id: string }>(
      'SELECT id FROM files WHERE expires_at_ms <= ? AND bytes IS NOT NULL LIMIT ?',
      this.#clock.now(),
      expiredAtOnce,
    )
    for (const { id } of rows) this.remove(id)
    return rows.length === expiredAtOnce
  }

  #isOver({ bytes, expiresAtMs }: FileRow): boolean {
    return bytes !== null && expiresAtMs !== null && expiresAtMs <= this.#clock.now()
  }

  /** The bytes that are there now, of a file that may still be written. */
  bytesOf({ id, bytes }: FileRow): number {
    return bytes ?? statSync(this.pathOf(id), { throwIfNoEntry: false })?.size ?? 0
  }

  #row(id: string): FileRow | undefined {
    return this.#tables.get<FileRow>(`${selection} WHERE id = ?`, id)
  }

  /** Finds a deleted file, too: clients delete page by page. Throws ApiError. */
  #serialOf(tenant: string, id: string): number {
    const sql = `SELECT serial FROM files WHERE id = ?1 AND tenant = ?2
      UNION ALL SELECT serial FROM gone_files WHERE id = ?1 AND tenant = ?2`
    const row = this.#tables.get<{ serial: number }>(sql, id, tenant)
    if (row === undefined) throw missing(`file ${JSON.stringify(id.slice(0, 64))}`)
    return row.serial
  }
}

const selection = `SELECT id, tenant, filename, purpose, bytes, created_at_ms AS createdAtMs, expires_at_ms AS expiresAtMs FROM files`

/** As clients read it. */
export function fileObject(row: FileRow, bytes: number): object {
  return {
    id: row.id,
    object: 'file',
    bytes,
    created_at: seconds(row.createdAtMs),
    expires_at: row.expiresAtMs === null ? null : seconds(row.expiresAtMs),
    filename: row.filename,
    purpose: row.purpose,
    status: 'processed',
    status_details: null,
  }
}

export function seconds(ms: number): number {
  return Math.floor(ms / 1000)
}
