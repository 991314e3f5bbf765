/** The inputs and accepted results that each steward of a job says it has on its disk. */
import type { PeerId, RecordId } from '../ids.ts'
import type { Holding } from '../job/holding.ts'
import type { Verdict } from '../job/verdict.ts'
import type { Verified } from '../record/record.ts'

export class Holders {
  readonly #inputs = new Set<PeerId>()
  readonly #results = new Map<RecordId, Set<PeerId>>()
  readonly #signers = new Map<RecordId, PeerId>()
  /** Use: results on one disk. Invariant: verdicts that are here, and that nobody but their signer says to hold. */
  readonly #unheld = new Set<RecordId>()

  decided({ id, signer }: Verified<Verdict>): void {
    this.#signers.set(id, signer)
    if (![...this.of(id)].some((holder) => holder !== signer)) this.#unheld.add(id)
  }

  holds({ signer, payload }: Verified<Holding>): void {
    if (payload.inputs) this.#inputs.add(signer)
    for (const verdict of payload.verdicts) {
      const holders = this.#results.get(verdict) ?? new Set()
      this.#results.set(verdict, holders.add(signer))
      if (this.#signers.get(verdict) !== signer) this.#unheld.delete(verdict)
    }
  }

  hasInputs(steward: PeerId): boolean {
    return this.#inputs.has(steward)
  }

  /** Those who say that they have the results of this verdict. */
  of(verdict: RecordId): ReadonlySet<PeerId> {
    return this.#results.get(verdict) ?? nobody
  }

  /** Verdicts whose results are on one disk only. */
  get unheld(): ReadonlySet<RecordId> {
    return this.#unheld
  }
}

const nobody: ReadonlySet<PeerId> = new Set()
