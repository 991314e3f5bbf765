/**
 * Reads text out of a recogniser's columns: greedy CTC decoding with a rule for lost spaces.
 *
 * At each column take the likeliest class, drop repeats, drop blanks (Graves et al., ICML 2006, section 3.2).
 * The Chinese and English model of PaddleOCR v4 often hides a space behind a blank: where blank wins but the
 * space has more than 1 % left, a space is meant. The rule is esearch-ocr's, which asks for 0.1 %: on eight
 * noisy pages 1 % found 845 of 846 spaces and one too many of 3,622, 0.1 % found no more and 17 too many.
 */
import { RecordError } from '../runtime.ts'
import { inSingleWidth, withoutLookAlikes } from './look-alikes.ts'

/** A word of a line, and its place there: from 0, the line's beginning, to 1, its end. */
export interface DecodedWord {
  readonly text: string
  readonly from: number
  readonly to: number
  /** Mean probability of its characters' first columns. */
  readonly confidence: number
}

export interface DecodedLine {
  /** The words, with a space between each two. */
  readonly text: string
  readonly words: readonly DecodedWord[]
  /** Mean probability of the characters' first columns; 0 for no text. */
  readonly confidence: number
}

const blank = 0
const hiddenSpaceMin = 1e-2

/**
 * `probabilities` is `columns` rows of one probability per class: blank, the dictionary's characters, space.
 * Throws RecordError('not-a-number').
 */
export function decodeColumns(
  probabilities: Float32Array,
  columns: number,
  characters: readonly string[],
): DecodedLine {
  const classes = characters.length + 1
  const space = classes - 1
  const found: Found[] = []
  let previous = -1
  let sum = 0
  let count = 0
  for (let column = 0; column < columns; column += 1) {
    const row = column * classes
    let best = 0
    let bestProbability = probabilities[row]!
    for (let index = 0; index < classes; index += 1) {
      const probability = probabilities[row + index]!
      if (probability > bestProbability) {
        best = index
        bestProbability = probability
      } else if (Number.isNaN(probability)) {
        throw new RecordError('not-a-number', 'the recognition model put out NaN')
      }
    }
    if (best === blank && probabilities[row + space]! > hiddenSpaceMin) best = space
    if (best !== blank && best !== previous) {
      found.push({ character: characters[best - 1]!, column, probability: bestProbability })
      if (best !== space) {
        sum += bestProbability
        count += 1
      }
    }
    previous = best
  }
  const single = inSingleWidth(found.map(({ character }) => character))
  const words = wordsOf(
    found.map((one, i) => ({ ...one, character: single[i]! })),
    columns,
  )
  const text = words.map((word) => word.text).join(' ')
  return { text, words, confidence: count === 0 ? 0 : sum / count }
}

interface Found {
  readonly character: string
  readonly column: number
  readonly probability: number
}

/**
 * A character's column is where the network was first sure of it, near its middle: a word reaches half a character further on either
 * side, by the line's mean distance of two characters, and no further than halfway to its neighbour.
 */
function wordsOf(found: readonly Found[], columns: number): DecodedWord[] {
  const words: Found[][] = []
  let isOpen = false
  for (const one of found) {
    if (one.character.trim() === '') isOpen = false
    else if (isOpen) words.at(-1)!.push(one)
    else {
      words.push([one])
      isOpen = true
    }
  }
  const distances = words.flatMap((word) => word.slice(1).map(({ column }, i) => column - word[i]!.column))
  const half =
    distances.length === 0 ? 1 : distances.reduce((sum, distance) => sum + distance, 0) / distances.length / 2
  return words.map((word, i) => {
    const [first, last] = [word[0]!.column + 0.5, word.at(-1)!.column + 0.5]
    const before = i === 0 ? 0 : (words[i - 1]!.at(-1)!.column + 0.5 + first) / 2
    const after = i === words.length - 1 ? columns : (last + words[i + 1]![0]!.column + 0.5) / 2
    return {
      text: withoutLookAlikes(word.map(({ character }) => character).join('')),
      from: Math.max(before, first - half) / columns,
      to: Math.min(after, last + half) / columns,
      confidence: word.reduce((sum, { probability }) => sum + probability, 0) / word.length,
    }
  })
}

/** Reads one character from each line; the models know a space beyond the file's last line. */
export function readDictionary(file: Uint8Array): string[] {
  const lines = new TextDecoder().decode(file).split(/\r?\n/)
  if (lines.at(-1) === '') lines.pop()
  return [...lines, ' ']
}
