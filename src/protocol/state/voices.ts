/** The voices of owners in one job: an owner loses its own when a verdict that counts contradicts it, or when it contradicts itself. */
import type { OwnerId, RecordId } from '../ids.ts'

export class Voices {
  readonly #ownerOf: (receipt: RecordId) => OwnerId | undefined
  readonly #lost = new Set<OwnerId>()
  /** Use: receipts that a verdict speaks against, and that are not here yet, or do not count: nobody is contradicted by them. */
  readonly #unseen = new Set<RecordId>()
  #isChanged = false

  /** `ownerOf`: the owner of a receipt that is here, and whose lease counts, or could count elsewhere. */
  constructor(ownerOf: (receipt: RecordId) => OwnerId | undefined) {
    this.#ownerOf = ownerOf
  }

  has(owner: OwnerId): boolean {
    return !this.#lost.has(owner)
  }

  silence(owner: OwnerId): void {
    this.#lost.add(owner)
    this.#isChanged = true
  }

  /** A verdict that counts speaks against this receipt. */
  contradict(receipt: RecordId): void {
    const owner = this.#ownerOf(receipt)
    if (owner === undefined) this.#unseen.add(receipt)
    else this.silence(owner)
  }

  /** A receipt came, or its lease counts now. */
  receipt(receipt: RecordId): void {
    if (!this.#unseen.has(receipt)) return
    const owner = this.#ownerOf(receipt)
    if (owner === undefined) return
    this.#unseen.delete(receipt)
    this.silence(owner)
  }

  /** Tells whether anybody was silenced since this was last asked. */
  takeChanged(): boolean {
    const isChanged = this.#isChanged
    this.#isChanged = false
    return isChanged
  }
}
