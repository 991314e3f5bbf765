/**
 * Requests that are being answered, by tenant: each holds a connection, and an answer that is a stream, or that is read slowly, holds it
 * for as long as its client likes. So that one tenant never has all connections, each has so many at a time.
 */
import type { ServerResponse } from 'node:http'
import { ApiError } from './errors.ts'

export class Flights {
  readonly #most: number
  readonly #byTenant = new Map<string, number>()

  constructor(most: number) {
    this.#most = most
  }

  /** Counts a request until its answer is over, or its connection. Throws ApiError where the tenant has too many. */
  board(tenant: string, answer: Pick<ServerResponse, 'once'>): void {
    const open = this.#byTenant.get(tenant) ?? 0
    if (open >= this.#most)
      throw new ApiError({
        status: 429,
        message: `${open} requests of yours are being answered, streams of events among them; close some`,
        code: 'too_many_requests',
      })
    this.#byTenant.set(tenant, open + 1)
    answer.once('close', () => {
      const left = this.#byTenant.get(tenant)! - 1
      if (left > 0) this.#byTenant.set(tenant, left)
      else this.#byTenant.delete(tenant)
    })
  }
}
