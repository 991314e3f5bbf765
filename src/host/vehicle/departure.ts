/**
 * The departure of a vehicle: it may leave when stewards have the results that its receipts name.
 *
 * A receipt only commits to results; its steward fetches them afterwards, from here. A vehicle that leaves in between
 * has worked for nothing. Stewards do not say when they have fetched all they want (of two equal results they fetch
 * one), so a vehicle waits for their answers to its receipts, and then until nobody has asked for anything for a while.
 */
import { setTimeout as delay } from 'node:timers/promises'
import type { JobId, PeerId, RecordId } from '../../protocol/ids.ts'
import { systemClock } from '../clock.ts'

/** A steward asks as soon as it has read the receipt; half a second covers a mobile link's round trip. A guess. */
const quietMs = 500
/** A node ends within five seconds. Departure may take this much of them; the goodbye and the disk need some, too. */
const departureMsMax = 2_500
const lookMs = 25

export class Departure {
  /** The receipts without an answer of each steward that got them. */
  readonly #unanswered = new Map<PeerId, Map<RecordId, JobId>>()
  readonly #saying = new Set<Promise<void>>()
  #lastMs = Number.NEGATIVE_INFINITY

  /** A message is on its way; the promise never rejects. */
  saying(sent: Promise<void>): void {
    this.#saying.add(sent)
    void sent.then(() => this.#saying.delete(sent))
  }

  told(steward: PeerId, receipt: RecordId, job: JobId): void {
    const receipts = this.#unanswered.get(steward) ?? new Map<RecordId, JobId>()
    this.#unanswered.set(steward, receipts.set(receipt, job))
  }

  answered(steward: PeerId, receipt: RecordId): void {
    const receipts = this.#unanswered.get(steward)
    if (receipts?.delete(receipt) !== true) return
    if (receipts.size === 0) this.#unanswered.delete(steward)
    this.asked()
  }

  /** This job is over: nobody wants anything more of it. */
  ended(job: JobId): void {
    for (const [steward, receipts] of this.#unanswered) {
      for (const [receipt, of] of receipts) if (of === job) receipts.delete(receipt)
      if (receipts.size === 0) this.#unanswered.delete(steward)
    }
  }

  /** Somebody fetches results. */
  asked(): void {
    this.#lastMs = systemClock.monotonicMs()
  }

  async finished(): Promise<void> {
    const untilMs = systemClock.monotonicMs() + departureMsMax
    while (systemClock.monotonicMs() < untilMs) {
      const quiet = systemClock.monotonicMs() - this.#lastMs >= quietMs
      if (this.#saying.size === 0 && this.#unanswered.size === 0 && quiet) return
      await delay(lookMs)
    }
  }
}
