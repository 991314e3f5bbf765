/**
 * Examination: reads the bytes of a result for a steward, or an auditor, before it counts the claim that committed to
 * them.
 */
import { toString as bytesToText } from 'uint8arrays'
import { ProtocolError } from '../errors.ts'
import type { Cid } from '../ids.ts'
import { type Agreement, type Content, contentOf, isTolerance } from '../job/agreement.ts'
import { decodeResult, decodeSealedResult, type ShardResult } from '../job/result.ts'
import { encodeCbor, type Sha256 } from '../record/block.ts'
import { isOneAnswer } from './delivery.ts'
import type { Recomputation } from './tally.ts'

/** The faults that say something of the vehicle and not of the document: see tally.ts. */
const exhaustions: ReadonlySet<string> = new Set(['memory-limit', 'cpu-limit', 'time-limit', 'crash'])

export type Finding =
  | {
      readonly state: 'good'
      readonly text: string
      readonly exhausted: boolean
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
    return { state: 'good', ...comparedOf(sha256, result, agreement), exhausted: isExhausted(result) }
  })
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
    return { state: 'good', text: '', exhausted: result.exhausted }
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
  result: ShardResult,
  agreement: Agreement,
): Recomputation | null {
  return isExhausted(result) ? null : { result: cid, ...comparedOf(sha256, result, agreement) }
}

/** Returns the parts of a result, beside its name, that are compared. */
function comparedOf(
  sha256: Sha256,
  result: ShardResult,
  agreement: Agreement,
): Pick<Extract<Finding, { state: 'good' }>, 'text' | 'content'> {
  const text = comparedText(sha256, result)
  return isTolerance(agreement) ? { text, content: contentOf(result) } : { text }
}

/** Digest of what is compared where bytes are not: every page's text or error. */
function comparedText(sha256: Sha256, result: ShardResult): string {
  const compared = result.records.map(({ text, error }) =>
    error === null ? [text] : [text, error.code, error.message],
  )
  return bytesToText(sha256(encodeCbor(compared)), 'base16')
}

/** Tells whether a page failed because the vehicle ran out of something. */
export function isExhausted(result: ShardResult): boolean {
  return result.records.some(({ error }) => error !== null && exhaustions.has(error.code))
}
