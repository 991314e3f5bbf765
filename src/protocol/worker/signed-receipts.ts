/**
 * The receipts that a vehicle signed, by name: to whom each is due. A receipt is due to several stewards, and to each until that
 * one acknowledges it: the word of another changes nothing, since that one may keep the receipt to itself.
 */
import { BoundedMap } from '../../base/bounded-map.ts'
import type { JobId, LeaseId, PeerId, RecordId } from '../ids.ts'
import { rememberedReceiptsMax, shownReceiptsMax } from '../limits.ts'
import type { ReleaseReason } from '../message.ts'

export interface SignedReceipt {
  readonly id: RecordId
  readonly job: JobId
  readonly lease: LeaseId
  /** Why the rest of the lease was given back with it. */
  readonly released: ReleaseReason | null
}

/** A receipt of an earlier run, and the stewards to which it is due. */
export interface RestoredReceipt {
  readonly receipt: SignedReceipt
  readonly due: readonly PeerId[]
}

interface Owed {
  readonly receipt: SignedReceipt
  /** The stewards that have not acknowledged it: at most the signer of its lease and `adoptersMax` others. */
  readonly due: Set<PeerId>
}

export class SignedReceipts {
  /** In the order in which they were signed. */
  readonly #receipts = new BoundedMap<RecordId, Owed>(rememberedReceiptsMax)

  add(receipt: SignedReceipt, due: Iterable<PeerId>): void {
    this.#receipts.set(receipt.id, { receipt, due: new Set(due) })
  }

  acknowledged(id: RecordId, from: PeerId): void {
    this.#receipts.peek(id)?.due.delete(from)
  }

  /** Those that this steward has not acknowledged. */
  dueTo(steward: PeerId): SignedReceipt[] {
    return [...this.#receipts.values()].flatMap(({ receipt, due }) => (due.has(steward) ? [receipt] : []))
  }

  /** A steward who adopts the job gets the newest, and all that somebody has not acknowledged; they are due to it, too, from now on. */
  ofJobNowDueTo(job: JobId, steward: PeerId): SignedReceipt[] {
    const ofJob = [...this.#receipts.values()].filter(({ receipt }) => receipt.job === job)
    const newestFrom = ofJob.length - shownReceiptsMax
    const shown = ofJob.filter(({ due }, i) => due.size > 0 || i >= newestFrom)
    return shown.map((owed) => nowDueTo(owed, steward))
  }

  ofLeaseNowDueTo(lease: LeaseId, steward: PeerId): SignedReceipt[] {
    const ofLease = [...this.#receipts.values()].filter(({ receipt }) => receipt.lease === lease)
    return ofLease.map((owed) => nowDueTo(owed, steward))
  }

  dropDue(job: JobId, steward: PeerId): void {
    for (const { receipt, due } of this.#receipts.values()) if (receipt.job === job) due.delete(steward)
  }

  forget(job: JobId): void {
    for (const [id, { receipt }] of this.#receipts) if (receipt.job === job) this.#receipts.delete(id)
  }
}

function nowDueTo({ receipt, due }: Owed, steward: PeerId): SignedReceipt {
  due.add(steward)
  return receipt
}
