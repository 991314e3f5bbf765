/** The part of an embedding model that is the same for all: texts to tokens, and to a vector. */

/** Hears a text as the model does. It needs no network, so that a submitter's machine counts by it. */
export interface Tokenizer {
  /** Tokens of a text that the model hears, at most, without those that it adds itself. */
  readonly tokensMax: number
  /** No text of more bytes has so few tokens, or is worth being looked at. */
  readonly bytesMax: number
  /** The text as it is heard, where some of it would be taken for something else. */
  prepare(text: string): string
  tokenize(text: string): Promise<readonly number[]>
}

export interface Encoder extends Tokenizer {
  /**
   * The vector of a text with at most `tokensMax` tokens, which are given as well. Returns 64-bit floats, which hold the model's 32-bit ones. Throws
   * RecordError for what is the text's fault.
   */
  embed(text: string, tokens: readonly number[]): Promise<readonly number[]>
}
