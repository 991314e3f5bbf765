/**
 * Tells a tenant's server of the end of a batch, by Standard Webhooks (standardwebhooks.com): a signed POST, again and again with longer
 * and longer pauses until it is taken, or three days are over. News are in the table until then, so that a restart loses none.
 */
import { createHmac, randomBytes } from 'node:crypto'
import { lookup } from 'node:dns/promises'
import { request as httpRequest } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { isIP } from 'node:net'
import type { Logger } from 'pino'
import { type Clock, leftUntil } from '../host/clock.ts'
import type { Database } from '../host/store/database.ts'
import { isGlobal } from './addresses.ts'
import type { Batch } from './batches.ts'
import { seconds } from './files.ts'
import type { KeySettings, Keys } from './keys.ts'

type Webhook = NonNullable<KeySettings['webhook']>

const secondMs = 1_000
const answerMsMax = 15_000
/** From ten seconds on each pause is three times the one before, up to eight hours: some three days in all. */
const firstPauseMs = 10 * secondMs
const pauseFactor = 3
const pauseMsMax = 8 * 3_600_000
const attemptsMax = 17
/** News that wait for longer than that are looked at again by then. */
const lookMsMax = 60_000

export interface WebhookContext {
  readonly tables: Database
  readonly keys: Keys
  readonly clock: Clock
  readonly log: Logger
}

interface Delivery {
  readonly id: string
  readonly tenant: string
  readonly body: string
  readonly attempts: number
}

export class Webhooks {
  readonly #context: WebhookContext
  readonly #stop = new AbortController()
  #callOff = () => {}
  /** By tenant: one whose server hangs keeps nobody else's news waiting. */
  readonly #sending = new Map<string, Promise<void>>()

  constructor(context: WebhookContext) {
    this.#context = context
  }

  /** A batch is over: its tenant is told, if there is a webhook. */
  ended(tenant: string, { id, status }: Batch): void {
    const { tables, keys, clock } = this.#context
    if ((keys.of(tenant)?.settings.webhook ?? null) === null) return
    const event = `evt_${randomBytes(12).toString('hex')}`
    const created = seconds(clock.now())
    const body = { id: event, object: 'event', type: `batch.${status}`, created_at: created, data: { id } }
    tables.run(
      'INSERT INTO deliveries VALUES (?, ?, ?, 0, ?)',
      event,
      tenant,
      JSON.stringify(body),
      clock.now(),
    )
    this.send()
  }

  /** Sends what is due, and then looks again when more is. */
  send(): void {
    const { tables, clock, log } = this.#context
    if (this.#stop.signal.aborted) return
    for (const { tenant } of tables.all<{ tenant: string }>(
      'SELECT DISTINCT tenant FROM deliveries WHERE due_at_ms <= ?',
      clock.now(),
    )) {
      if (this.#sending.has(tenant)) continue
      const sent = this.#sendDue(tenant)
        .catch((error) => log.warn({ error }, 'webhooks could not be sent'))
        .finally(() => {
          this.#sending.delete(tenant)
          this.#lookLater()
        })
      this.#sending.set(tenant, sent)
    }
    this.#lookLater()
  }

  #lookLater(): void {
    this.#callOff()
    if (this.#stop.signal.aborted) return
    this.#callOff = this.#context.clock.after(this.#pauseMs(), () => this.send())
  }

  async stop(): Promise<void> {
    this.#stop.abort()
    this.#callOff()
    await Promise.all(this.#sending.values())
  }

  async #sendDue(tenant: string): Promise<void> {
    for (;;) {
      const { tables, clock } = this.#context
      const due = tables.get<Delivery & object>(
        'SELECT id, tenant, body, attempts FROM deliveries WHERE tenant = ? AND due_at_ms <= ? ORDER BY due_at_ms LIMIT 1',
        tenant,
        clock.now(),
      )
      if (due === undefined || this.#stop.signal.aborted) return
      await this.#deliver(due)
    }
  }

  async #deliver({ id, tenant, body, attempts }: Delivery): Promise<void> {
    const { tables, keys, clock, log } = this.#context
    const webhook = keys.of(tenant)?.settings.webhook ?? null
    const done = () => tables.run('DELETE FROM deliveries WHERE id = ?', id)
    if (webhook === null) return void done()
    try {
      await post(webhook, id, body, clock.now(), this.#stop.signal)
      done()
    } catch (error) {
      if (this.#stop.signal.aborted) return
      log.info({ tenant, attempts: attempts + 1, error: (error as Error).message }, 'a webhook was not taken')
      if (attempts + 1 >= attemptsMax) return void done()
      const pauseMs = Math.min(pauseMsMax, firstPauseMs * pauseFactor ** attempts)
      const sql = 'UPDATE deliveries SET attempts = ?, due_at_ms = ? WHERE id = ?'
      tables.run(sql, attempts + 1, clock.now() + pauseMs, id)
    }
  }

  #pauseMs(): number {
    const { tables, clock } = this.#context
    const next = tables.get<{ due: number | null }>('SELECT min(due_at_ms) AS due FROM deliveries')!.due
    return next === null ? lookMsMax : Math.min(lookMsMax, Math.max(secondMs, leftUntil(clock, next)))
  }
}

/** The value of `webhook-signature`. `secret`: base64 after `whsec_`. */
function signatureOf(secret: string, id: string, timestamp: number, body: string): string {
  const key = Buffer.from(secret.replace(/^whsec_/, ''), 'base64')
  return `v1,${createHmac('sha256', key).update(`${id}.${timestamp}.${body}`).digest('base64')}`
}

/** Resolves when it was taken: with a status of 2xx, and no redirect. */
async function post(
  { url, secret, mayBePrivate }: Webhook,
  id: string,
  body: string,
  nowMs: number,
  stop: AbortSignal,
): Promise<void> {
  const to = new URL(url)
  const address = await addressOf(to, mayBePrivate)
  const timestamp = seconds(nowMs)
  const headers = {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(body),
    'webhook-id': id,
    'webhook-timestamp': timestamp,
    'webhook-signature': signatureOf(secret, id, timestamp, body),
    'user-agent': 'carpool',
  }
  const send = to.protocol === 'https:' ? httpsRequest : httpRequest
  const signal = AbortSignal.any([stop, AbortSignal.timeout(answerMsMax)])
  await new Promise<void>((resolve, reject) => {
    // The address that was looked at is the one that is dialled: a name may have another one a moment later.
    const dialled = (_: string, options: { readonly all?: boolean }, answer: (...given: never[]) => void) =>
      (answer as (...given: unknown[]) => void)(
        null,
        ...(options.all ? [[address]] : [address.address, address.family]),
      )
    const sent = send(to, { method: 'POST', headers, lookup: dialled as never, signal }, (response) => {
      response.resume()
      const { statusCode = 0 } = response
      if (statusCode >= 200 && statusCode < 300) resolve()
      else reject(new Error(`it was answered with ${statusCode}`))
    })
    sent.on('error', reject)
    sent.end(body)
  })
}

/** Throws Error for one that only this network has. */
async function addressOf({ hostname }: URL, mayBePrivate: boolean) {
  const host = hostname.replace(/^\[|\]$/g, '')
  const family = isIP(host)
  const address = family === 0 ? await lookup(host) : { address: host, family }
  if (!mayBePrivate && !isGlobal(address))
    throw new Error(
      `${hostname} is no address of the whole internet, and nothing is sent to others; its key needs --webhook-private`,
    )
  return address
}
