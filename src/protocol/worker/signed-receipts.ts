/** The receipts that a vehicle signed, by name: to whom each is due, and whether that one has it. */
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
  readonly #receipts = new Map<RecordId, { receipt: SignedReceipt; acknowledged: boolean }>()

  add(receipt: SignedReceipt): void {
    this.#receipts.set(receipt.id, { receipt, acknowledged: false })
    if (this.#receipts.size > rememberedReceiptsMax)
      this.#receipts.delete(this.#receipts.keys().next().value!)
  }

  acknowledged(id: RecordId, from: PeerId): void {
    const signed = this.#receipts.get(id)
    if (signed?.receipt.to === from) signed.acknowledged = true
  }

  /** Those that this steward has not acknowledged. */
  dueTo(steward: PeerId): SignedReceipt[] {
    const signed = [...this.#receipts.values()]
    return signed.flatMap(({ receipt, acknowledged }) =>
      receipt.to === steward && !acknowledged ? [receipt] : [],
    )
  }

  /** A steward who adopts the job gets the newest, and all that nobody acknowledged; they are due to it from now on. */
  ofJobNowDueTo(job: JobId, steward: PeerId): SignedReceipt[] {
    const ofJob = [...this.#receipts.values()].filter(({ receipt }) => receipt.job === job)
    const newestFrom = ofJob.length - shownReceiptsMax
    const shown = ofJob.filter(({ acknowledged }, i) => !acknowledged || i >= newestFrom)
    return shown.map(({ receipt }) => this.#redirect(receipt, steward))
  }

  ofLeaseNowDueTo(lease: LeaseId, steward: PeerId): SignedReceipt[] {
    const signed = [...this.#receipts.values()]
    const ofLease = signed.filter(({ receipt }) => receipt.lease === lease)
    return ofLease.map(({ receipt }) => this.#redirect(receipt, steward))
  }

  forget(job: JobId): void {
    for (const [id, { receipt }] of this.#receipts) if (receipt.job === job) this.#receipts.delete(id)
  }

  #redirect(receipt: SignedReceipt, to: PeerId): SignedReceipt {
    const redirected = { ...receipt, to }
    this.#receipts.set(receipt.id, { receipt: redirected, acknowledged: false }) // keeps its place
    return redirected
  }
}
