/** The cost and the time of a batch, before it is made: its lines are checked and its documents looked at, as for a batch. */
import { randomBytes } from 'node:crypto'
import type { Quote } from '../../host/api.ts'
import { RequestError } from '../../host/errors.ts'
import { Turns } from '../../host/turns.ts'
import type { AppContext } from '../app-context.ts'
import type { Batch } from '../batches.ts'
import { checkLines } from '../check.ts'
import { draftOf } from '../create-batch.ts'
import { ApiError, wrong } from '../errors.ts'
import type { KeyRow } from '../keys.ts'
import { modelsOf } from '../models.ts'
import { quotePart } from '../submit.ts'

/** Quotes of one tenant, and of all: the others wait their turn. Guesses. */
const quotesMax = 2
const quotesOfAllMax = 16
const faultsShown = 20

export class Quotes {
  readonly #context: AppContext
  readonly #turns = new Turns()
  readonly #byTenant = new Map<string, number>()
  #all = 0

  constructor(context: AppContext) {
    this.#context = context
  }

  /** `body`: as for a batch. Throws ApiError. */
  async quote(body: unknown, key: KeyRow, signal: AbortSignal): Promise<object> {
    const own = this.#byTenant.get(key.tenant) ?? 0
    if (own >= quotesMax || this.#all >= quotesOfAllMax)
      throw new ApiError({
        status: 429,
        message: `${own} quotes of yours are being made, and ${this.#all} in all; ask once more in a while`,
        code: 'busy',
      })
    this.#byTenant.set(key.tenant, own + 1)
    this.#all += 1
    try {
      return await this.#turns.inTurn('quote', () => this.#quote(body, key, signal))
    } catch (error) {
      if (error instanceof RequestError) throw wrong(error.message)
      throw error
    } finally {
      this.#all -= 1
      const left = this.#byTenant.get(key.tenant)! - 1
      if (left > 0) this.#byTenant.set(key.tenant, left)
      else this.#byTenant.delete(key.tenant)
    }
  }

  async #quote(body: unknown, key: KeyRow, signal: AbortSignal): Promise<object> {
    const { batches, files, lines, clock, node } = this.#context
    const draft = draftOf(body, { batches, files, key, nowMs: clock.now() })
    const batch: Batch = {
      ...draft,
      id: `quote_${randomBytes(12).toString('hex')}`,
      status: 'validating',
      requestHash: '',
    }
    const models = modelsOf(node.api)
    const release = files.hold(batch.facts.inputFileId)
    try {
      const { errors, total } = await checkLines(batch, { files, lines, clock, models }, signal)
      if (errors.length > 0) return { total, errors: errors.slice(0, faultsShown), parts: [], faults: [] }
      const parts: { readonly model: string; readonly isEarly: boolean; readonly quote: Quote }[] = []
      const all = batches.parts(batch.id)
      for (const part of all) {
        const context = { node, files, lines, clock, signal, models, parts: all }
        const quote = await quotePart(batch, part, context)
        if (quote !== undefined) parts.push({ model: part.model, isEarly: part.isEarly, quote })
      }
      const faulty = lines.faulty(batch.id, faultsShown)
      return {
        total,
        errors: [],
        currency: batch.currency,
        budgetMicros: batch.budgetMicros,
        parts,
        faulty: faulty.count,
        faults: faulty.rows.map(({ line, customId, fault }) => ({ line, customId, message: fault!.message })),
      }
    } finally {
      release()
      lines.forget(batch.id)
      lines.forgetParts(batch.id)
    }
  }
}
