/**
 * Keys by which programs use the gateway. A key is `cpk-<id>-<secret>`; the table has its id and its hash, so that nobody who reads the
 * disk has a key. The secret has 256 bits, so a plain hash is enough: there is nothing to guess. Each request looks at the table, and
 * so a key that was revoked opens nothing from then on.
 */
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'
import { z } from 'zod'
import type { Database } from '../host/store/database.ts'
import { currencySchema } from '../protocol/price.ts'
import { ApiError } from './errors.ts'

const moneySchema = z.object({ currency: currencySchema, micros: z.int().min(0) })

/**
 * The rights of a key. submitter: batches, files and models of its own tenant. owner: the node's vehicle, and telling it to stand
 * still. operator: the vehicles around it, and who is in the fleet.
 */
export const roles = ['submitter', 'owner', 'operator'] as const

export type Role = (typeof roles)[number]

const settingsSchema = z.object({
  /** Keys that were made before there were roles are for submitting. */
  roles: z.array(z.enum(roles)).min(1).default(['submitter']),
  /** All batches of a day (UTC) together; null: its batches pay nobody. */
  budgetDay: moneySchema.nullable(),
  /** The most that a unit of one execution may cost, where a batch does not say; null: what its budget allows. */
  priceCap: moneySchema.nullable(),
  /** Batches that may run at once. */
  batchesMax: z.int().min(1),
  /** Where it is told of ends of batches; null: nowhere. */
  webhook: z
    .object({
      url: z.string(),
      /** `whsec_` and a key in base64, as Standard Webhooks has it. */
      secret: z.string(),
      /** Its address may be one that only this network has. */
      mayBePrivate: z.boolean(),
    })
    .nullable(),
})

export type KeySettings = z.infer<typeof settingsSchema>
/** Without roles it is a key for submitting. */
type GivenSettings = z.input<typeof settingsSchema>

export interface KeyRow {
  readonly id: string
  readonly tenant: string
  readonly createdAtMs: number
  readonly revokedAtMs: number | null
  readonly settings: KeySettings
}

const pattern = /^cpk-([0-9a-f]{16})-([A-Za-z0-9_-]{43})$/
export const tenantPattern = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/

export class Keys {
  readonly #tables: Database

  constructor(tables: Database) {
    this.#tables = tables
  }

  /** Returns the new key, which is written nowhere; undefined where the tenant has one in force. */
  create(tenant: string, settings: GivenSettings, nowMs: number): string | undefined {
    const id = randomBytes(8).toString('hex')
    const key = `cpk-${id}-${randomBytes(32).toString('base64url')}`
    const made = this.#tables.run(
      'INSERT OR IGNORE INTO keys VALUES (?, ?, ?, ?, ?, NULL)',
      id,
      tenant,
      hashOf(key),
      JSON.stringify(settings),
      nowMs,
    )
    return made > 0 ? key : undefined
  }

  /** All that there ever were, the oldest first. */
  list(): KeyRow[] {
    return this.#tables.all<StoredKey>(`${selection} ORDER BY created_at_ms, id`).map(rowOf)
  }

  /** The key in force of a tenant. */
  of(tenant: string): KeyRow | undefined {
    const row = this.#tables.get<StoredKey>(`${selection} WHERE tenant = ? AND revoked_at_ms IS NULL`, tenant)
    return row && rowOf(row)
  }

  /** By its id, while it is in force. */
  byId(id: string): KeyRow | undefined {
    const row = this.#tables.get<StoredKey>(`${selection} WHERE id = ?1 AND revoked_at_ms IS NULL`, id)
    return row && rowOf(row)
  }

  /** By name or id. Undefined where no such key is in force. */
  revoke(which: string, nowMs: number): KeyRow | undefined {
    const row = this.#tables.get<StoredKey>(
      `${selection} WHERE (tenant = ?1 OR id = ?1) AND revoked_at_ms IS NULL`,
      which,
    )
    if (row === undefined) return undefined
    this.#tables.run('UPDATE keys SET revoked_at_ms = ? WHERE id = ?', nowMs, row.id)
    return { ...rowOf(row), revokedAtMs: nowMs }
  }

  /** The key that a client shows, while it is in force. */
  check(shown: string): KeyRow | undefined {
    const [, id] = pattern.exec(shown) ?? []
    if (id === undefined) return undefined
    const row = this.#tables.get<StoredKey>(`${selection} WHERE id = ? AND revoked_at_ms IS NULL`, id)
    // Also against a hash of nothing, so that an id that exists takes no longer than one that does not.
    const isRight = timingSafeEqual(hashOf(shown), row?.hash ?? noHash)
    return row !== undefined && isRight ? rowOf(row) : undefined
  }
}

/** The same key. Throws ApiError where it is not for that. */
export function withRole(key: KeyRow, role: Role): KeyRow {
  if (key.settings.roles.includes(role)) return key
  throw new ApiError({
    status: 403,
    message: `this key is for ${key.settings.roles.join(' and ')}; one for this is made with: carpool key create --name <name> --role ${role}`,
    code: 'role_missing',
  })
}

/** The same key. Throws ApiError where it was revoked since. */
export function inForce(key: KeyRow, keys: Keys): KeyRow {
  if (keys.byId(key.id) !== undefined) return key
  throw new ApiError({ status: 401, message: 'this key was revoked', code: 'invalid_api_key' })
}

const noHash = new Uint8Array(32)

const selection = `SELECT id, tenant, hash, settings, created_at_ms AS createdAtMs, revoked_at_ms AS revokedAtMs FROM keys`

type StoredKey = Omit<KeyRow, 'settings'> & { readonly hash: Uint8Array; readonly settings: string }

function rowOf({ id, tenant, createdAtMs, revokedAtMs, settings }: StoredKey): KeyRow {
  return { id, tenant, createdAtMs, revokedAtMs, settings: settingsSchema.parse(JSON.parse(settings)) }
}

function hashOf(key: string): Uint8Array {
  return createHash('sha256').update(key).digest()
}
