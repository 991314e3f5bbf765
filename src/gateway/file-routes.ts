/** Files of a tenant: uploads, lists, contents. Below /v1 for programs, and below /api for the page. */
import { createReadStream } from 'node:fs'
import { open } from 'node:fs/promises'
import { Readable } from 'node:stream'
import type { Context, Hono } from 'hono'
import type { AppContext, AppEnv } from './app-context.ts'
import { ApiError, wrong } from './errors.ts'
import { type Files, fileObject, type ListQuery } from './files.ts'
import { inForce } from './keys.ts'
import { receive, type Upload, uploadBytesMax } from './upload.ts'

const purposes = ['batch', 'user_data', 'vision']
const expirySecondsMin = 3_600
const expirySecondsMax = 2_592_000
/** Each holds a socket and some chunks. A guess. */
const uploadsMax = 4
const uploadsOfAllMax = 16

export function fileRoutes(app: Hono<AppEnv>, context: AppContext, prefixes: readonly string[]): void {
  const uploads = new Uploads()
  for (const prefix of prefixes) fileRoutesBelow(prefix, app, context, uploads)
}

function fileRoutesBelow(
  prefix: string,
  app: Hono<AppEnv>,
  { files, keys, clock }: AppContext,
  uploads: Uploads,
): void {
  app.post(`${prefix}/files`, async (c) => {
    const { tenant } = c.get('key')
    const declared = Number(c.req.header('content-length') ?? 0)
    files.checkRoom(tenant, Math.min(declared, uploadBytesMax))
    return uploads.during(tenant, async () => {
      const path = files.spoolPath()
      const upload = await receive(c.env.incoming, path)
      const check = () => inForce(c.get('key'), keys)
      return c.json(kept(upload, tenant, files, clock.now(), check))
    })
  })
  app.get(`${prefix}/files`, (c) => {
    const { tenant } = c.get('key')
    const query = listQueryOf(c, 10_000)
    const { rows, hasMore } = files.list(tenant, query, c.req.query('purpose') ?? null)
    return c.json(
      pageOf(
        rows.map((row) => fileObject(row, files.bytesOf(row)) as Identified),
        hasMore,
      ),
    )
  })
  app.get(`${prefix}/files/:id`, (c) => {
    const row = files.get(c.get('key').tenant, c.req.param('id'))
    return c.json(fileObject(row, files.bytesOf(row)))
  })
  app.get(`${prefix}/files/:id/content`, (c) => contentOf(c, c.req.param('id'), files))
  app.delete(`${prefix}/files/:id`, (c) => {
    const id = c.req.param('id')
    files.delete(c.get('key').tenant, id)
    return c.json({ id, object: 'file', deleted: true })
  })
}

/** Bounds the uploads that are under way. */
class Uploads {
  readonly #byTenant = new Map<string, number>()
  #all = 0

  /** Throws ApiError where there are too many. */
  async during<Result>(tenant: string, act: () => Promise<Result>): Promise<Result> {
    const mine = this.#byTenant.get(tenant) ?? 0
    if (mine >= uploadsMax || this.#all >= uploadsOfAllMax)
      throw new ApiError({
        status: 429,
        message: `${mine} of your uploads are under way, and ${this.#all} in all; send this one when one has ended`,
        code: 'too_many_uploads',
      })
    this.#byTenant.set(tenant, mine + 1)
    this.#all += 1
    try {
      return await act()
    } finally {
      this.#all -= 1
      const left = this.#byTenant.get(tenant)! - 1
      if (left > 0) this.#byTenant.set(tenant, left)
      else this.#byTenant.delete(tenant)
    }
  }
}

/** The object of a file that was received; one that is refused goes. Throws ApiError. */
function kept(
  { path, bytes, filename, fields }: Upload,
  tenant: string,
  files: Files,
  nowMs: number,
  check: () => void,
): object {
  try {
    check()
    const { purpose } = fields
    if (purpose === undefined || !purposes.includes(purpose))
      throw wrong(`purpose is none of ${purposes.join(', ')}`, 'purpose')
    const expiresAtMs = expiryOf(fields, nowMs)
    files.checkRoom(tenant, bytes)
    const row = files.add({ tenant, filename, purpose, createdAtMs: nowMs, expiresAtMs }, { path, bytes })
    return fileObject(row, bytes)
  } catch (error) {
    files.drop(path)
    throw error
  }
}

function expiryOf(fields: Upload['fields'], nowMs: number): number | null {
  const [anchor, text] = [fields['expires_after[anchor]'], fields['expires_after[seconds]']]
  if (anchor === undefined && text === undefined) return null
  if (anchor !== 'created_at') throw wrong('expires_after[anchor] is not created_at', 'expires_after[anchor]')
  const after = Number(text)
  if (!Number.isInteger(after) || after < expirySecondsMin || after > expirySecondsMax)
    throw wrong(
      `expires_after[seconds] is no whole number from ${expirySecondsMin} to ${expirySecondsMax}`,
      'expires_after[seconds]',
    )
  return nowMs + after * 1000
}

/** The bytes that are there; of a file that is still written, whole lines. */
async function contentOf(c: Context<AppEnv>, id: string, files: Files): Promise<Response> {
  const row = files.get(c.get('key').tenant, id)
  const path = files.pathOf(row.id)
  const bytes = row.bytes ?? (await wholeLines(path, files.bytesOf(row)))
  const headers = {
    'content-type': 'application/octet-stream',
    'content-length': String(bytes),
    'content-disposition': `attachment; filename*=UTF-8''${encodeURIComponent(row.filename).replaceAll("'", '%27')}`,
  }
  if (bytes === 0) return c.body(null, 200, headers)
  const release = files.hold(row.id)
  const stream = createReadStream(path, { end: bytes - 1 })
  stream.once('close', release)
  return c.body(Readable.toWeb(stream) as ReadableStream<Uint8Array>, 200, headers)
}

/** The length of what stands before the end of the last whole line. */
async function wholeLines(path: string, bytes: number): Promise<number> {
  const step = 65_536
  const handle = await open(path, 'r').catch(() => undefined)
  if (handle === undefined) return 0
  try {
    for (let end = bytes; end > 0; end -= step) {
      const start = Math.max(0, end - step)
      const { buffer, bytesRead } = await handle.read(Buffer.alloc(end - start), 0, end - start, start)
      const last = buffer.subarray(0, bytesRead).lastIndexOf(0x0a)
      if (last >= 0) return start + last + 1
    }
    return 0
  } finally {
    await handle.close()
  }
}

interface Identified {
  readonly id: string
}

/** A page of a list, as clients read it. */
export function pageOf(data: readonly Identified[], hasMore: boolean): object {
  return {
    object: 'list',
    data,
    first_id: data[0]?.id ?? null,
    last_id: data.at(-1)?.id ?? null,
    has_more: hasMore,
  }
}

/** Throws ApiError. */
export function listQueryOf(c: Context<AppEnv>, most: number, usual = most): ListQuery {
  const { limit: text, order = 'desc', after = null } = c.req.query()
  const limit = text === undefined ? usual : Number(text)
  if (!Number.isInteger(limit) || limit < 1 || limit > most)
    throw wrong(`limit is no whole number from 1 to ${most}`, 'limit')
  if (order !== 'asc' && order !== 'desc') throw wrong('order is neither asc nor desc', 'order')
  return { after, limit, order }
}
