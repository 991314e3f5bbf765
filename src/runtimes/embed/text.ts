/** From a document to the text that is embedded, the same where it is counted and where its vector is made. */
import { RecordError } from '../runtime.ts'
import type { Tokenizer } from './encoder.ts'

export interface HeardText {
  readonly text: string
  /** At most as many as the model hears. */
  readonly tokens: readonly number[]
}

/** Throws RecordError. */
export async function heardText(document: Uint8Array, tokenizer: Tokenizer): Promise<HeardText> {
  const { tokensMax, bytesMax } = tokenizer
  if (document.byteLength > bytesMax)
    throw new RecordError(
      'context-length',
      `the text has ${document.byteLength} bytes, and the context has room for ${tokensMax} tokens`,
    )
  const text = tokenizer.prepare(textIn(document))
  const tokens = await tokenizer.tokenize(text)
  if (tokens.length > tokensMax)
    throw new RecordError(
      'context-length',
      `the text has ${tokens.length} tokens, and the context has room for ${tokensMax}`,
    )
  return { text, tokens }
}

function textIn(document: Uint8Array): string {
  let text: string
  try {
    text = utf8.decode(document)
  } catch {
    throw new RecordError('bad-request', 'the document is no text in UTF-8')
  }
  if (text.trim() === '') throw new RecordError('empty-document', 'the text is empty')
  if (text.includes('\0')) throw new RecordError('bad-request', 'the text has a letter of the number 0')
  return text
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
