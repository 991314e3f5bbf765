/**
 * Pages that somebody has opened with a key. The browser keeps a random token, in a cookie that no script reads, in place of the key;
 * the table has its hash. A session ends with its key, after a week, or when its user leaves.
 */
import { createHash, randomBytes } from 'node:crypto'
import type { Database } from '../host/store/database.ts'
import type { KeyRow, Keys } from './keys.ts'

/** A guess. */
export const sessionMs = 7 * 86_400_000
/** Sessions of one key: the next one ends the oldest. A guess. */
const sessionsMax = 32

export class Sessions {
  readonly #tables: Database
  readonly #keys: Keys

  constructor(tables: Database, keys: Keys) {
    this.#tables = tables
    this.#keys = keys
  }

  /** Returns the token, which is written nowhere; undefined where this is no key in force. */
  open(shown: string, nowMs: number): { readonly token: string; readonly key: KeyRow } | undefined {
    const key = this.#keys.check(shown)
    if (key === undefined) return undefined
    const token = randomBytes(32).toString('base64url')
    this.#tables.run('DELETE FROM sessions WHERE ends_at_ms <= ?', nowMs)
    this.#tables.run(
      `DELETE FROM sessions WHERE hash IN
       (SELECT hash FROM sessions WHERE key = ? ORDER BY ends_at_ms DESC LIMIT -1 OFFSET ?)`,
      key.id,
      sessionsMax - 1,
    )
    this.#tables.run('INSERT INTO sessions VALUES (?, ?, ?)', hashOf(token), key.id, nowMs + sessionMs)
    return { token, key }
  }

  /** The key of a session that goes on. */
  keyOf(token: string, nowMs: number): KeyRow | undefined {
    const sql = 'SELECT key FROM sessions WHERE hash = ? AND ends_at_ms > ?'
    const row = this.#tables.get<{ key: string }>(sql, hashOf(token), nowMs)
    return row && this.#keys.byId(row.key)
  }

  close(token: string): void {
    this.#tables.run('DELETE FROM sessions WHERE hash = ?', hashOf(token))
  }
}

function hashOf(token: string): Uint8Array {
  return createHash('sha256').update(token).digest()
}
