/** The text that a recogniser found on a picture, in the order in which people read it. */
import type { Box } from './box.ts'

export interface TextWord {
  /** Without spaces. */
  readonly text: string
  /** In pixels of the picture. */
  readonly box: Box
  /** 0 to 1, as the recogniser says. */
  readonly confidence: number
}

export interface TextLine {
  /** Its words, with a space between each two. */
  readonly text: string
  readonly words: readonly TextWord[]
  /** In pixels of the picture. */
  readonly box: Box
  /** 0 to 1, as the recogniser says. */
  readonly confidence: number
}

/** The mean over all lines, or words, by their length; 0 for no text. */
export function meanConfidence(lines: readonly Pick<TextLine, 'text' | 'confidence'>[]): number {
  let sum = 0
  let length = 0
  for (const { text, confidence } of lines) {
    sum += confidence * text.length
    length += text.length
  }
  return length === 0 ? 0 : sum / length
}
