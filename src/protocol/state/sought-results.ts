/**
 * The results that must be looked at before verdicts of other stewards count (proofs.ts): which were asked for, what was
 * found, and which did not come.
 */
import type { Cid, PeerId } from '../ids.ts'
import { proofRetryLooks } from '../limits.ts'
import type { Finding } from '../verification/examination.ts'

/** A result that must be looked at before a verdict of `signer` counts. */
export interface WantedProof {
  readonly result: Cid
  readonly pages: number
  readonly position: number
  readonly signer: PeerId
  /** How often it was asked for in vain. */
  readonly tries: number
}

/** The outcome for a result that was wanted. */
export interface LookedAt {
  readonly result: Cid
  readonly pages: number
  readonly finding: Finding | { readonly state: 'missing' }
}

export type Seen = Finding | 'asked' | 'missing'

type Want = Omit<WantedProof, 'tries'>

export class SoughtResults {
  /** Use: by position and result. */
  readonly #seen = new Map<number, Map<Cid, { readonly want: Want; seen: Seen }>>()
  /** Use: the positions at which a result is wanted. Invariant: those of `#seen`. */
  readonly #positions = new Map<Cid, Set<number>>()
  /** Use: results that did not come, how often they were asked for, and at how many looks since then. */
  readonly #missing = new Map<Cid, { readonly tries: number; looks: number }>()
  #wanted: WantedProof[] = []

  /** Returns what is known of a result; one that nobody asked for is asked for now. */
  look(want: Want): Seen {
    const { position, result } = want
    const here = this.#seen.get(position) ?? new Map<Cid, { readonly want: Want; seen: Seen }>()
    this.#seen.set(position, here)
    const known = here.get(result)
    if (known !== undefined) return known.seen
    here.set(result, { want, seen: 'asked' })
    this.#positions.set(result, (this.#positions.get(result) ?? new Set()).add(position))
    this.#ask(want)
    return 'asked'
  }

  /** A result was examined, or did not come. Returns the positions at which it is wanted. */
  examined({ result, pages, finding }: LookedAt): number[] {
    let isMissed = false
    const touched: number[] = []
    for (const position of this.#positions.get(result) ?? []) {
      const known = this.#seen.get(position)!.get(result)!
      if (known.want.pages !== pages) continue
      touched.push(position)
      if (finding.state !== 'missing') known.seen = finding
      else if (known.seen === 'asked') {
        known.seen = 'missing'
        isMissed = true
      }
    }
    if (isMissed) this.#missing.set(result, { tries: this.#triesOf(result) + 1, looks: 0 })
    return touched
  }

  /**
   * Asks again for what did not come. Call it at every look: it asks after one, then after two, four, and so on. Whoever was
   * asked may only have been told a moment later that this node may read the job.
   */
  askAgain(): void {
    for (const [result, missing] of this.#missing) {
      missing.looks += 1
      if (missing.looks < Math.min(2 ** (missing.tries - 1), proofRetryLooks)) continue
      missing.looks = 0
      for (const position of this.#positions.get(result) ?? []) {
        const known = this.#seen.get(position)!.get(result)!
        if (known.seen !== 'missing') continue
        known.seen = 'asked'
        this.#ask(known.want)
      }
    }
  }

  takeWanted(): WantedProof[] {
    const wanted = this.#wanted
    this.#wanted = []
    return wanted
  }

  get isAsking(): boolean {
    for (const here of this.#seen.values())
      for (const { seen } of here.values()) if (seen === 'asked') return true
    return false
  }

  /** Nothing waits at this position any more. */
  letGo(position: number): void {
    for (const result of this.#seen.get(position)?.keys() ?? []) {
      const positions = this.#positions.get(result)!
      positions.delete(position)
      if (positions.size > 0) continue
      this.#positions.delete(result)
      this.#missing.delete(result)
    }
    this.#seen.delete(position)
  }

  #ask(want: Want): void {
    this.#wanted.push({ ...want, tries: this.#triesOf(want.result) })
  }

  #triesOf(result: Cid): number {
    return this.#missing.get(result)?.tries ?? 0
  }
}
