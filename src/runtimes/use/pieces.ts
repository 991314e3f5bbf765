/**
 * Cuts a text into the pieces of a vocabulary, as SentencePiece does it for a unigram model (Kudo 2018, "Subword Regularization"): of all
 * ways to cut it, the one whose pieces have the highest sum of logarithms of their probabilities, found from left to right (Viterbi).
 *
 * Before that the text is normalised (NFKC), and each run of white space is one blank, as it was when the model was trained. Node's
 * tables of Unicode do that: letters that Unicode has assigned keep their normal form in later versions.
 */

/** A blank in the vocabulary, U+2581. Each text begins with one. */
const blank = '\u2581'

/** The first pieces stand for no letters: unknown, beginning, end, and three that are not used. */
const reserved = 6
const unknown = 0

/** Below the least likely piece, as in SentencePiece: what no piece covers is the last resort. */
const unknownPenalty = 10

export class Pieces {
  readonly #pieces = new Map<string, { readonly id: number; readonly score: number }>()
  readonly #lettersMax: number
  readonly #unknownScore: number

  /** From the vocabulary's file, in JSON. */
  static read(file: Uint8Array): Pieces {
    return new Pieces(JSON.parse(new TextDecoder().decode(file)))
  }

  /** Throws TypeError where it is no vocabulary: a list of pieces with their scores, the likeliest first. */
  constructor(vocabulary: unknown) {
    if (!Array.isArray(vocabulary)) throw new TypeError('the vocabulary is no list')
    let score = 0
    let lettersMax = 1
    for (let id = reserved; id < vocabulary.length; id += 1) {
      const [piece, own] = vocabulary[id] as readonly [string, number | null]
      // Those with a colon have none in this file, since it was once written as YAML. They stand in the order of their scores.
      score = own ?? score
      this.#pieces.set(piece, { id, score })
      lettersMax = Math.max(lettersMax, [...piece].length)
    }
    this.#lettersMax = lettersMax
    this.#unknownScore = score - unknownPenalty
  }

  /** Returns the ids of the pieces, in order. Neighbours that are unknown are one. */
  of(text: string): number[] {
    const normal = text.normalize('NFKC').replaceAll(/\s+/g, ' ').trim()
    const letters = [...`${blank}${normal.replaceAll(' ', blank)}`]
    // The best way to cut the first so many letters: its score, and its last piece.
    const best = [{ score: 0, id: unknown, letters: 0 }]
    for (let start = 0; start < letters.length; start += 1) {
      const before = best[start]!.score
      const offer = (length: number, id: number, score: number) => {
        const end = start + length
        const known = best[end]
        if (known === undefined || score > known.score) best[end] = { score, id, letters: length }
      }
      let piece = ''
      let isCovered = false
      for (let length = 1; length <= this.#lettersMax && start + length <= letters.length; length += 1) {
        piece += letters[start + length - 1]!
        const found = this.#pieces.get(piece)
        if (found === undefined) continue
        if (length === 1) isCovered = true
        offer(length, found.id, before + found.score)
      }
      if (!isCovered) offer(1, unknown, before + this.#unknownScore)
    }
    const ids: number[] = []
    for (let end = letters.length; end > 0; end -= best[end]!.letters) {
      const { id } = best[end]!
      if (id !== unknown || ids.at(-1) !== unknown) ids.push(id)
    }
    return ids.reverse()
  }
}
