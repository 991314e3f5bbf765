/** The receipts that a vehicle signed, by name: to whom each is due, and whether that one has it. */
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
  /** The one who looks after the lease. */
  readonly to: PeerId
}

export class SignedReceipts {
  /** In the order in which they were signed. */
  readonly #receipts = new BoundedMap<RecordId, { receipt: SignedReceipt; acknowledged: boolean }>(
    rememberedReceiptsMax,
  )

  add(receipt: SignedReceipt): void {
    this.#receipts.set(receipt.id, { receipt, acknowledged: false })
  }

  acknowledged(id: RecordId, from: PeerId): void {
    const signed = this.#receipts.peek(id)
    if (signed?.receipt.to === from) signed.acknowledged = true
  }

  /** Those that this steward has not acknowledged. */
  dueTo(steward: PeerId): SignedReceipt[] {
    return [...this.#receipts.values()].flatMap(({ receipt, acknowledged }) =>
      receipt.to === steward && !acknowledged ? [receipt] : [],
    )
  }

  /** A steward who adopts the job gets the newest, and all that nobody acknowledged; they are due to it from now on. */
  ofJobNowDueTo(job: JobId, steward: PeerId): SignedReceipt[] {
    const ofJob = [...this.#receipts.values()].filter(({ receipt }) => receipt.job === job)
    const newestFrom = ofJob.length - shownReceiptsMax
    const shown = ofJob.filter(({ acknowledged }, i) => !acknowledged || i >= newestFrom)
    return shown.map((signed) => redirect(signed, steward))
  }

  ofLeaseNowDueTo(lease: LeaseId, steward: PeerId): SignedReceipt[] {
    const ofLease = [...this.#receipts.values()].filter(({ receipt }) => receipt.lease === lease)
    return ofLease.map((signed) => redirect(signed, steward))
  }

  forget(job: JobId): void {
    for (const [id, { receipt }] of this.#receipts) if (receipt.job === job) this.#receipts.delete(id)
  }
}

function redirect(signed: { receipt: SignedReceipt; acknowledged: boolean }, to: PeerId): SignedReceipt {
  signed.receipt = { ...signed.receipt, to }
  signed.acknowledged = false
  return signed.receipt
}
