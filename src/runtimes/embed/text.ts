/** From a document to the text that is embedded, the same where it is counted and where its vector is made. */
import type { Llama } from '../llama/llama.ts'
import { withoutMarks } from '../llama/marks.ts'
import { RecordError } from '../runtime.ts'

/** One before a text and one behind it, as most models have them. */
const frameTokens = 2

interface TextRoom {
  readonly llama: Pick<Llama, 'tokenize'>
  readonly contextTokens: number
  readonly tokenBytesMax: number
  readonly marks: readonly string[]
}

/** Throws RecordError. */
export function harmlessText(
  document: Uint8Array,
  { contextTokens, tokenBytesMax, marks }: Omit<TextRoom, 'llama'>,
): string {
  if (document.byteLength > contextTokens * tokenBytesMax)
    throw new RecordError(
      'context-length',
      `the text has ${document.byteLength} bytes, and the context has room for ${contextTokens} tokens of at most ${tokenBytesMax}`,
    )
  let text: string
  try {
    text = utf8.decode(document)
  } catch {
    throw new RecordError('bad-request', 'the document is no text in UTF-8')
  }
  if (text.trim() === '') throw new RecordError('empty-document', 'the text is empty')
  if (text.includes('\0')) throw new RecordError('bad-request', 'the text has a letter of the number 0')
  return withoutMarks(text, marks)
}

/** The tokens of a text, without those around it. Throws RecordError('context-length') where the context has no room for it. */
export async function countTokens(
  text: string,
  { llama, contextTokens }: Pick<TextRoom, 'llama' | 'contextTokens'>,
): Promise<number> {
  const tokens = (await llama.tokenize(text)).length
  if (tokens + frameTokens > contextTokens)
    throw new RecordError(
      'context-length',
      `the text has ${tokens} tokens, and the context has room for ${contextTokens - frameTokens}`,
    )
  return tokens
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
