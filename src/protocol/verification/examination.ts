/**
 * Examination: reads the bytes of a result for a steward, or an auditor, before it counts the claim that committed to
 * them.
 */
import { toString as bytesToText } from 'uint8arrays'
import { ProtocolError } from '../errors.ts'
import type { Cid } from '../ids.ts'
import { type Agreement, type Content, contentOfPage, isTolerance } from '../job/agreement.ts'
import { decodeResult, decodeSealedResult, type PageRecord, type ShardResult } from '../job/result.ts'
import { decodePart, decodeParted, type PartedResult } from '../job/result-parts.ts'
import { resultBytesMax } from '../limits.ts'
import { sumOfUnits, type UnitCount } from '../price.ts'
import { encodeCbor, type Sha256 } from '../record/block.ts'
import { comparedWarnings, isOneAnswer } from './delivery.ts'
import type { Recomputation } from './tally.ts'

/** The faults that say something of the vehicle and not of the document: see tally.ts. */
const exhaustions: ReadonlySet<string> = new Set([
  'memory-limit',
  'cpu-limit',
  'time-limit',
  'stack-limit',
  'crash',
])

export type Finding =
  | {
      readonly state: 'good'
      readonly text: string
      readonly exhausted: boolean
      /** The units that its pages took, where their records say so. */
      readonly units?: UnitCount
      /** Present where results are compared under a tolerance. */
      readonly content?: Content
    }
  | { readonly state: 'invalid' }

/**
 * Bytes that are no result of this engine, or not of this many pages, or that say two things of one page, are invalid, no
 * matter which vehicle signed for them. `engine`: null takes any.
 */
export function examineResult(
  sha256: Sha256,
  bytes: Uint8Array,
  pages: number,
  engine: string | null,
  agreement: Agreement,
): Finding {
  return validOrNot(() => {
    const result = decodeResult(bytes, pages)
    if (engine !== null && result.engine !== engine) return { state: 'invalid' }
    if (!result.records.every((record) => isOneAnswer(record, agreement))) return { state: 'invalid' }
    const compared = comparedPages(sha256, result.records, agreement)
    if (compared.isHalfCounted) return { state: 'invalid' }
    return { state: 'good', ...compared.facts(), exhausted: compared.exhausted }
  })
}

/**
 * Examines a result in parts, of which one is in memory at a time. Hand in each part in its order, and ask for the finding at the
 * end; once it is `invalid`, no further part can change that.
 */
export class PartsExamination {
  readonly #root: PartedResult | null
  readonly #agreement: Agreement
  readonly #isSealed: boolean
  readonly #compared: ComparedPages
  #taken = 0
  #isInvalid = false

  /** `bytes`: the root. `engine`: null takes any. The parts of a blind job are sealed: nobody but its submitter reads them. */
  constructor(sha256: Sha256, bytes: Uint8Array, { pages, engine, agreement, isSealed }: ExaminedAs) {
    this.#agreement = agreement
    this.#isSealed = isSealed
    this.#compared = new ComparedPages(sha256, agreement)
    this.#root = rootOrNull(bytes, pages)
    if (this.#root === null || (engine !== null && this.#root.engine !== engine)) this.#isInvalid = true
  }

  get isInvalid(): boolean {
    return this.#isInvalid
  }

  /** None where the root is no root. */
  get parts(): PartedResult['parts'] {
    return this.#root?.parts ?? []
  }

  take(part: Uint8Array): void {
    const { pages } = this.parts[this.#taken]!
    this.#taken += 1
    if (this.#isSealed || this.#isInvalid) return
    const finding = validOrNot(() => {
      for (const record of decodePart(part, pages)) {
        if (!isOneAnswer(record, this.#agreement)) return { state: 'invalid' }
        this.#compared.add(record)
      }
      return { state: 'good', text: '', exhausted: false }
    })
    if (finding.state === 'invalid') this.#isInvalid = true
  }

  finding(): Finding {
    if (this.#root === null || this.#isInvalid || this.#taken < this.parts.length) return { state: 'invalid' }
    const { exhausted, units } = this.#root
    if (this.#isSealed) return { state: 'good', text: '', exhausted, ...(units && { units }) }
    const compared = this.#compared
    if (exhausted !== compared.exhausted || compared.isHalfCounted) return { state: 'invalid' }
    if (units?.input !== compared.units?.input || units?.output !== compared.units?.output)
      return { state: 'invalid' }
    return { state: 'good', ...compared.facts(), exhausted }
  }
}

export interface ExaminedAs {
  readonly pages: number
  readonly engine: string | null
  readonly agreement: Agreement
  readonly isSealed: boolean
}

function rootOrNull(bytes: Uint8Array, pages: number): PartedResult | null {
  try {
    return decodeParted(bytes, pages)
  } catch (error) {
    if (error instanceof ProtocolError) return null
    throw error
  }
}

/**
 * The same for a blind job, for the part that is not sealed. Only the submitter can see whether the ciphertext holds
 * a record for each page. The ciphertext is compared by bytes, so a vehicle that seals nonsense is alone with it, or
 * needs as many accomplices as for any other lie.
 */
export function examineSealedResult(bytes: Uint8Array, engine: string): Finding {
  return validOrNot(() => {
    const result = decodeSealedResult(bytes)
    if (result.engine !== engine || result.sealed.byteLength === 0) return { state: 'invalid' }
    const { exhausted, units } = result
    return { state: 'good', text: '', exhausted, ...(units && { units }) }
  })
}

function validOrNot(examine: () => Finding): Finding {
  try {
    return examine()
  } catch (error) {
    if (error instanceof ProtocolError) return { state: 'invalid' }
    throw error
  }
}

/**
 * Returns what a steward's own run of a shard says about the claims on it; null when a page of it ran out of something.
 * That a machine ran out is a fact about that machine and says nothing about the document, so nobody is measured by it.
 * `cid`: the name under which the run's result is kept.
 */
export function recomputationOf(
  sha256: Sha256,
  cid: Cid,
  { records }: ShardResult,
  agreement: Agreement,
): Recomputation | null {
  return recomputedAs(cid, comparedPages(sha256, records, agreement))
}

/** The same of a run whose records are not in memory any more. */
export function recomputedAs(cid: Cid, compared: ComparedPages): Recomputation | null {
  const { units: _, ...facts } = compared.facts()
  return compared.exhausted ? null : { result: cid, ...facts }
}

/** Gathers, page by page, what of a result is compared beside its name. */
export class ComparedPages {
  readonly #sha256: Sha256
  readonly #agreement: Agreement
  readonly #digests: Uint8Array[] = []
  readonly #content: Content[number][] = []
  /** The contents that are kept for a tolerance: no more than a short result has, however long this one is. */
  #contentBytes = 0
  #exhausted = false
  #units: UnitCount | undefined
  #counted = 0

  constructor(sha256: Sha256, agreement: Agreement) {
    this.#sha256 = sha256
    this.#agreement = agreement
  }

  add(record: PageRecord): void {
    const { output, text, error, units } = record
    const warnings = comparedWarnings(record, this.#agreement)
    const said =
      error !== null ? [text, error.code, error.message] : warnings.length > 0 ? [text, warnings] : [text]
    const digest = this.#sha256(encodeCbor(units === undefined ? said : [...said, units]))
    this.#digests.push(digest)
    if (units !== undefined) {
      this.#units = sumOfUnits([this.#units ?? noUnits, units])
      this.#counted += 1
    }
    if (hasRunOut(record)) this.#exhausted = true
    if (!isTolerance(this.#agreement)) return
    this.#contentBytes += output.byteLength + text.length
    if (this.#contentBytes <= resultBytesMax) this.#content.push(contentOfPage(record))
    else this.#content.push(digestOnly(this.#sha256(encodeCbor(record))))
  }

  get exhausted(): boolean {
    return this.#exhausted
  }

  /** The units that the pages took, all together; undefined where no record says so. */
  get units(): UnitCount | undefined {
    return this.#units
  }

  /** Some records say how many units they took, and others do not: no runtime does that. */
  get isHalfCounted(): boolean {
    return this.#counted > 0 && this.#counted < this.#digests.length
  }

  /** `text`: a digest of every page's text with its warnings, or its error, and units where it has some, which is compared where bytes are not. */
  facts(): Pick<Extract<Finding, { state: 'good' }>, 'text' | 'content' | 'units'> {
    const text = bytesToText(this.#sha256(encodeCbor(this.#digests)), 'base16')
    const units = this.#units && { units: this.#units }
    return isTolerance(this.#agreement) ? { text, ...units, content: this.#content } : { text, ...units }
  }
}

const noUnits: UnitCount = { input: 0, output: 0 }

function digestOnly(digest: Uint8Array): Content[number] {
  return { error: null, text: '', output: undefined, digest: bytesToText(digest, 'base16') }
}

function comparedPages(sha256: Sha256, records: readonly PageRecord[], agreement: Agreement): ComparedPages {
  const compared = new ComparedPages(sha256, agreement)
  for (const record of records) compared.add(record)
  return compared
}

/** The units that a result's pages took, all together; undefined where no record says so. */
export function unitsTaken({ records }: ShardResult): UnitCount | undefined {
  const counts = records.flatMap(({ units }) => units ?? [])
  return counts.length === 0 ? undefined : sumOfUnits(counts)
}

/** Tells whether a page failed because the vehicle ran out of something. */
export function isExhausted({ records }: ShardResult): boolean {
  return records.some(hasRunOut)
}

function hasRunOut({ error }: PageRecord): boolean {
  return error !== null && exhaustions.has(error.code)
}
