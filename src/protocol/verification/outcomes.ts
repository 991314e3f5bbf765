/**
 * Outcomes: how the pages of accepted results came out. A verified page has an output, perhaps with warnings of its runtime, or it
 * has an error on which its owners agree; a job of which every shard is verified may consist of nothing but errors.
 */
import { type Agreement, comparesBytes } from '../job/agreement.ts'
import type { PageRecord } from '../job/result.ts'
import { deliveredOf, isWord, mayHaveWarnings, warningsIn } from './delivery.ts'

/** A code, and the pages that have it. */
interface CodeCount {
  readonly code: string
  readonly count: number
}

export interface Outcomes {
  /** Pages that were looked at. */
  readonly pages: number
  /** Those of them that ended in an error. */
  readonly withError: number
  /** Those with a warning or more, all of which have an output. */
  readonly withWarning: number
  /** The most frequent first. */
  readonly errors: readonly CodeCount[]
  readonly warnings: readonly CodeCount[]
}

/** Different codes that are counted: runtimes have a dozen. The rest counts as `other`: a stranger's module may invent some. A guess. */
const codesMax = 64

/** The code of a page on which owners agree though its output is none. */
const noOutput = 'no-output'

export class OutcomeCounts {
  #pages = 0
  #withError = 0
  #withWarning = 0
  readonly #errors = new Map<string, number>()
  readonly #warnings = new Map<string, number>()

  /** Tells whether all pages so far have an output and no warning. */
  get isClean(): boolean {
    return this.#withError === 0 && this.#withWarning === 0
  }

  add(record: PageRecord, agreement: Agreement): void {
    this.#pages += 1
    const { error, warnings } = sortOf(record, agreement)
    if (error !== null) {
      this.#withError += 1
      count(this.#errors, error, 1)
    }
    if (warnings.length > 0) this.#withWarning += 1
    for (const warning of new Set(warnings)) count(this.#warnings, warning, 1)
  }

  /** Pages of which it is known that they are clean. */
  addClean(pages: number): void {
    this.#pages += pages
  }

  merge(other: OutcomeCounts): void {
    this.#pages += other.#pages
    this.#withError += other.#withError
    this.#withWarning += other.#withWarning
    for (const [code, pages] of other.#errors) count(this.#errors, code, pages)
    for (const [code, pages] of other.#warnings) count(this.#warnings, code, pages)
  }

  view(): Outcomes {
    return {
      pages: this.#pages,
      withError: this.#withError,
      withWarning: this.#withWarning,
      errors: sorted(this.#errors),
      warnings: sorted(this.#warnings),
    }
  }
}

function sortOf(
  record: PageRecord,
  agreement: Agreement,
): { readonly error: string | null; readonly warnings: readonly string[] } {
  if (record.error !== null)
    return { error: isWord(record.error.code) ? record.error.code : 'other', warnings: [] }
  if (comparesBytes(agreement) && !mayHaveWarnings(record)) return { error: null, warnings: [] }
  const delivered = deliveredOf(record, agreement)
  if (delivered.state === 'none') return { error: noOutput, warnings: [] }
  return { error: null, warnings: delivered.state === 'output' ? warningsIn(delivered.output) : [] }
}

function count(counts: Map<string, number>, code: string, pages: number): void {
  const known = counts.has(code) || counts.size < codesMax ? code : 'other'
  counts.set(known, (counts.get(known) ?? 0) + pages)
}

function sorted(counts: ReadonlyMap<string, number>): CodeCount[] {
  return [...counts]
    .map(([code, pages]) => ({ code, count: pages }))
    .sort((a, b) => b.count - a.count || (a.code < b.code ? -1 : 1))
}
