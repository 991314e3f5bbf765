/**
 * Agreement: when two results of a shard are one answer. The runtime declares it for its engine, the manifest carries it,
 * and whoever compares knows nothing of the runtime: a result has bytes, and for each page a text and a JSON output.
 *
 *   bytes          the same bytes: for engines that give the same on every CPU
 *   class-bytes    the same bytes, for engines that give them within one class of processors and whose id names the class
 *   class-text     on each page the same text and warnings, or error: for engines whose bytes depend on the instruction-set class
 *   text-distance  on each page, texts that few edits turn into each other
 *   numbers        outputs that are the same but for their numbers, and these within a tolerance
 *   argmax         outputs that are the same but for lists of numbers, and the largest of each at the same place
 *   scored         answers of language models: the same but for their log-probabilities, and these within a mean; of others, those that
 *                  a steward has scored
 *
 * The submitter is given what was compared, and nothing else (delivery.ts): the output where outputs are compared, and the
 * text alone where texts are, with its warnings under class-text. A class is a vehicle's own word about itself, which nobody can check, so no text is believed for it. Nor is
 * one banned for it: two machines of one class may differ by a library of the system, so that under class-bytes a mismatch costs a voice.
 *
 * The last three are tolerances: A may be as good as B, and B as C, and A not as C. Groups of claims therefore agree
 * pairwise, and are never joined through a third (tally.ts). A tolerance is also what a liar may change unseen, a digit
 * of an invoice within one edit: a runtime whose engine is exact, or whose texts are the same, declares that. And honest
 * vehicles may differ by more than it, so that a mismatch costs a voice in the job, and is evidence of nothing.
 */
import { toString as bytesToText } from 'uint8arrays'
import { z } from 'zod'
import { parseJson } from '../../base/json.ts'
import { withinEdits } from '../../base/text-distance.ts'
import { comparedTextMax, outputDepthMax, toleratedEditsMax } from '../limits.ts'
import type { UnitCount } from '../price.ts'
import type { PageRecord, ShardResult } from './result.ts'

export type Agreement = 'bytes' | 'class-bytes' | 'class-text' | Tolerance

export type Tolerance =
  /** Edits a page, of UTF-16 code units. */
  | { readonly relation: 'text-distance'; readonly editsMax: number }
  /** |a − b| ≤ absoluteMax + relativeMax · max(|a|, |b|). */
  | { readonly relation: 'numbers'; readonly absoluteMax: number; readonly relativeMax: number }
  | { readonly relation: 'argmax' }
  /**
   * Outputs with `tokens` and `logprobs`, of equal lengths. In nats a token, in the mean over a shard: by how much the log-probabilities of
   * two results may differ, or those of a result and of the network that scores it; and by how much likelier other tokens may be there.
   */
  | Scored

export interface Scored {
  readonly relation: 'scored'
  readonly gapMax: number
  readonly differenceMax: number
}

/** A limit of a score, at most: e^-5 is 0.7 %, and what differs by more in the mean is another model. A guess. */
export const scoreNatsMax = 5

/** The part of each page of a result that is compared. */
export type Content = readonly {
  /** Its code and message. */
  readonly error: string | null
  readonly text: string
  /** Undefined where the output is no JSON or nests too deep, which is like nothing. */
  readonly output: unknown
  /** The units of work that it took, where these are counted: they must be the same. */
  readonly units?: UnitCount
  /** In place of the rest, for a page of a long result that is not kept for comparing: its record must be the same. */
  readonly digest?: string
}[]

export const agreementSchema: z.ZodType<Agreement> = z.union([
  z.enum(['bytes', 'class-bytes', 'class-text']),
  z.strictObject({
    relation: z.literal('text-distance'),
    editsMax: z.number().int().min(1).max(toleratedEditsMax),
  }),
  z.strictObject({
    relation: z.literal('numbers'),
    absoluteMax: z.number().min(0),
    relativeMax: z.number().min(0).lt(1),
  }),
  z.strictObject({ relation: z.literal('argmax') }),
  z.strictObject({
    relation: z.literal('scored'),
    gapMax: z.number().min(0).max(scoreNatsMax),
    differenceMax: z.number().min(0).max(scoreNatsMax),
  }),
])

/** True where results are compared by their bytes, and so by their names. */
export function comparesBytes(agreement: Agreement): boolean {
  return agreement === 'bytes' || agreement === 'class-bytes'
}

/** True where pages are compared by their texts, so that their outputs are not. */
export function comparesTexts(agreement: Agreement): boolean {
  switch (isTolerance(agreement) ? agreement.relation : agreement) {
    case 'class-text':
    case 'text-distance':
      return true
    case 'bytes':
    case 'class-bytes':
    case 'numbers':
    case 'argmax':
    case 'scored':
      return false
  }
}

export function isTolerance(agreement: Agreement): agreement is Tolerance {
  return typeof agreement === 'object'
}

/** For people: results count as one answer when they are … */
export function describeAgreement(agreement: Agreement): string {
  if (agreement === 'bytes' || agreement === 'class-bytes') return 'the same bytes'
  if (agreement === 'class-text')
    return 'the same text and warnings on every page, and nothing else of it counts'
  if (agreement.relation === 'text-distance') {
    const { editsMax } = agreement
    return `texts at most ${editsMax} ${editsMax === 1 ? 'edit' : 'edits'} a page apart`
  }
  if (agreement.relation === 'argmax') return 'the same but for numbers, the largest at the same place'
  if (agreement.relation === 'scored')
    return `the same but for log-probabilities, and these within ${agreement.differenceMax} a token, or pass a steward's score`
  const { absoluteMax, relativeMax } = agreement
  return `the same but for numbers, and these within ${absoluteMax} plus ${relativeMax} of their size`
}

export function contentOf({ records }: ShardResult): Content {
  return records.map(contentOfPage)
}

export function contentOfPage({ error, text, output, units }: PageRecord): Content[number] {
  return {
    ...(units && { units }),
    error: error === null ? null : `${error.code}: ${error.message}`,
    text,
    output: parsed(output),
  }
}

/** Characters times edits, of all pages of two results that differ: what takes longer to compare is another text. */
const comparedWorkMax = comparedTextMax * toleratedEditsMax

/** Symmetric, and true of a content and itself; not transitive. */
export function withinTolerance(tolerance: Tolerance, a: Content, b: Content): boolean {
  if (a.length !== b.length) return false
  const apart = { tokens: 0, nats: 0, work: 0 }
  const isAlike = a.every((page, i) => isPageAlike(tolerance, page, b[i]!, apart))
  return isAlike && (tolerance.relation !== 'scored' || apart.nats <= tolerance.differenceMax * apart.tokens)
}

/** `apart`: gets what log-probabilities differ by, and how much work the texts are that differ. */
function isPageAlike(
  tolerance: Tolerance,
  a: Content[number],
  b: Content[number],
  apart: { tokens: number; nats: number; work: number },
): boolean {
  if (a.digest !== undefined || b.digest !== undefined) return a.digest === b.digest
  if (a.units?.input !== b.units?.input || a.units?.output !== b.units?.output) return false
  if (a.error !== null || b.error !== null) return a.error === b.error
  switch (tolerance.relation) {
    case 'text-distance':
      if (a.text === b.text) return true
      if (Math.max(a.text.length, b.text.length) > comparedTextMax) return false
      apart.work += Math.max(a.text.length, b.text.length) * tolerance.editsMax
      if (apart.work > comparedWorkMax) return false
      return withinEdits(a.text, b.text, tolerance.editsMax)
    case 'numbers': {
      const { absoluteMax, relativeMax } = tolerance
      return isAlike(a.output, b.output, outputDepthMax, (left, right) => {
        if (typeof left !== 'number' || typeof right !== 'number') return undefined
        // JSON's 1e999 would be within any share of itself.
        if (!Number.isFinite(left) || !Number.isFinite(right)) return false
        const allowed = absoluteMax + relativeMax * Math.max(Math.abs(left), Math.abs(right))
        return Math.abs(left - right) <= allowed
      })
    }
    case 'argmax':
      return isAlike(a.output, b.output, outputDepthMax, (left, right) => {
        if (!isNumbers(left) || !isNumbers(right)) return undefined
        return left.length === right.length && placeOfLargest(left) === placeOfLargest(right)
      })
    case 'scored':
      return isAlike(a.output, b.output, outputDepthMax, (left, right, key) => {
        if (key !== 'logprobs' || !isNumbers(left) || !isNumbers(right)) return undefined
        apart.tokens += left.length
        apart.nats += left.reduce((sum, value, i) => sum + Math.abs(value - right[i]!), 0)
        return left.length === right.length && Number.isFinite(apart.nats)
      })
  }
}

/** `judge` decides about what the tolerance is for, and leaves the rest (undefined) to be the same. */
function isAlike(
  a: unknown,
  b: unknown,
  depthLeft: number,
  judge: (a: unknown, b: unknown, key: string) => boolean | undefined,
  ownKey = '',
): boolean {
  if (a === undefined || b === undefined || depthLeft === 0) return false
  const judged = judge(a, b, ownKey)
  if (judged !== undefined) return judged
  if (a === null || b === null || typeof a !== 'object' || typeof b !== 'object') return a === b
  if (Array.isArray(a) !== Array.isArray(b)) return false
  const [left, right] = [Object.entries(a), Object.entries(b)]
  return (
    left.length === right.length &&
    left.every(([key, value], i) => {
      const [otherKey, other] = right[i]!
      return key === otherKey && isAlike(value, other, depthLeft - 1, judge, key)
    })
  )
}

function isNumbers(value: unknown): value is number[] {
  return Array.isArray(value) && value.length > 0 && value.every((one) => typeof one === 'number')
}

function placeOfLargest(numbers: readonly number[]): number {
  let best = 0
  for (const [place, value] of numbers.entries()) if (value > numbers[best]!) best = place
  return best
}

function parsed(output: Uint8Array): unknown {
  try {
    return parseJson(bytesToText(output), outputDepthMax)
  } catch {
    return undefined
  }
}
