/**
 * Delivery: what the submitter is given of a page on which vehicles agreed. It is made of nothing but what was compared, so
 * that one vehicle of several cannot add anything to it: where texts are compared, the rest of an output (boxes,
 * confidences) is one vehicle's word, and stays behind. Its warnings are compared with the text, since a doubt that is left out
 * makes of a guess a verified text.
 */
import { toString as bytesToText } from 'uint8arrays'
import { ExcessiveJson, parseJson } from '../../base/json.ts'
import { isPrintable } from '../../base/printable.ts'
import { type Agreement, comparesTexts } from '../job/agreement.ts'
import type { PageRecord } from '../job/result.ts'
import { outputDepthMax } from '../limits.ts'

const besideBytesMax = 64 * 2 ** 10
/** A word of six letters, with its place and confidence, takes some 80 bytes of JSON. */
const besideFactor = 64

export type Delivered =
  | { readonly state: 'output'; readonly output: Readonly<Record<string, unknown>> }
  | { readonly state: 'error'; readonly error: NonNullable<PageRecord['error']> }
  /** An output that no runtime makes, though enough vehicles agreed on it. `why` continues "its output …". */
  | { readonly state: 'none'; readonly why: string }

export function deliveredOf(record: PageRecord, agreement: Agreement): Delivered {
  if (record.error !== null) return { state: 'error', error: record.error }
  if (!comparesTexts(agreement)) return outputOf(record)
  const warnings = comparedWarnings(record, agreement)
  return { state: 'output', output: { text: record.text, ...(warnings.length > 0 && { warnings }) } }
}

/** An output says so where it has warnings; all others need not be parsed. */
const warningsMark = '"warnings":["'
const wordCharsMax = 64
/** A runtime has a handful of kinds. A guess. */
const warningsMax = 16

/** The warnings of a page that are compared with its text: none where outputs are compared as a whole, or under a tolerance. */
export function comparedWarnings(record: PageRecord, agreement: Agreement): string[] {
  if (agreement !== 'class-text' || record.error !== null || !mayHaveWarnings(record)) return []
  const found = outputOf(record)
  return found.state === 'output' ? warningsIn(found.output) : []
}

/** False of a page without warnings, at the cost of a look through its bytes. */
export function mayHaveWarnings({ output }: PageRecord): boolean {
  return bytesToText(output).includes(warningsMark)
}

/** The warnings that an output has, as its runtime's JSON names them: each once, and the first only where there are many. */
export function warningsIn({ warnings }: Readonly<Record<string, unknown>>): string[] {
  return Array.isArray(warnings) ? [...new Set(warnings.filter(isWord))].slice(0, warningsMax) : []
}

export function isWord(value: unknown): value is string {
  return typeof value === 'string' && value.length > 0 && value.length <= wordCharsMax && isPrintable(value)
}

/** Reads the JSON object that a page's output is. */
function outputOf({ output }: PageRecord): Exclude<Delivered, { state: 'error' }> {
  try {
    const parsed = parseJson(bytesToText(output), outputDepthMax)
    if (parsed !== null && typeof parsed === 'object')
      return { state: 'output', output: parsed as Readonly<Record<string, unknown>> }
  } catch (error) {
    if (error instanceof ExcessiveJson) return { state: 'none', why: error.message }
    if (!(error instanceof SyntaxError)) throw error
  }
  return { state: 'none', why: 'is no JSON object' }
}

/**
 * Tells whether a page says one thing: where texts are compared, its output's text is the text that it is compared by. Anything
 * else is a page with two answers, one for those who compare and one for those who read.
 */
export function isOneAnswer(record: PageRecord, agreement: Agreement): boolean {
  if (record.error !== null || !comparesTexts(agreement)) return true
  // Nobody compares the rest, so it may be anything: that much no runtime writes beside a text, with each word's place.
  if (record.output.byteLength > besideBytesMax + besideFactor * record.text.length) return false
  const found = outputOf(record)
  return found.state === 'output' && Object.hasOwn(found.output, 'text') && found.output.text === record.text
}
