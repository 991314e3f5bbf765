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

interface Sought {
  readonly want: Want
  seen: Seen
}

export class SoughtResults {
  /** Use: by position and result. */
  readonly #seen = new Map<number, Map<Cid, Sought>>()
  /** Use: the positions at which a result is wanted. Invariant: those of `#seen`. */
  readonly #positions = new Map<Cid, Set<number>>()
  /** Use: results that did not come, how often they were asked for, and at how many looks since then. */
  readonly #missing = new Map<Cid, { readonly tries: number; looks: number }>()
  #wanted: WantedProof[] = []
  /** Use: those before, as far as their outcomes are not here yet. */
  #before: SoughtResults | undefined

  /** Takes up what those before asked for and found, of what is looked for here, too. */
  follow(before: SoughtResults): void {
    this.#before = before
    before.#before = undefined
  }

  /** Returns what is known of a result; one that nobody asked for is asked for now. */
  look(want: Want): Seen {
    const { position, result } = want
    const here = this.#seen.get(position) ?? new Map<Cid, Sought>()
    this.#seen.set(position, here)
    const known = here.get(result)
    if (known !== undefined) return known.seen
    const before = this.#before?.recalled(want)
    const seen = before?.seen ?? 'asked'
    here.set(result, { want, seen })
    this.#positions.set(result, (this.#positions.get(result) ?? new Set()).add(position))
    if (before?.missing !== undefined) this.#missing.set(result, { ...before.missing })
    if (before === undefined || before.isToAsk) this.#ask(want)
    return seen
  }

  /** Tells its follower what is known of a result. `isToAsk`: nobody has taken the request yet. */
  recalled({ position, result }: Want) {
    const known = this.#seen.get(position)?.get(result)
    if (known === undefined) return undefined
    const isToAsk = this.#wanted.some((want) => want.position === position && want.result === result)
    return { seen: known.seen, missing: this.#missing.get(result), isToAsk }
  }

  /** A result was examined, or did not come. Returns the positions at which it is wanted. */
  examined(lookedAt: LookedAt): number[] {
    this.#before?.examined(lookedAt) // it may be looked for here only later
    const { result, pages, finding } = lookedAt
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
      if (missing.looks < looksUntilNext(missing.tries)) continue
      missing.looks = 0
      for (const position of this.#positions.get(result) ?? []) {
        const known = this.#seen.get(position)!.get(result)!
        if (known.seen !== 'missing') continue
        known.seen = 'asked'
        this.#ask(known.want)
      }
    }
  }

  /** Somebody is reached who may have what did not come: it is asked for as if it never had been. */
  beginAgain(): void {
    for (const [result, { tries }] of this.#missing)
      if (tries > 0) this.#missing.set(result, { tries: 0, looks: 0 })
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

  /** Tells whether a result that did not come is asked for more often than at last: for half a minute. */
  get isSeeking(): boolean {
    return [...this.#missing.values()].some(({ tries }) => looksUntilNext(tries) < proofRetryLooks)
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

function looksUntilNext(tries: number): number {
  return Math.min(2 ** (tries - 1), proofRetryLooks)
}
