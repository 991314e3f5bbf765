/**
 * Models in several files, as llama-gguf-split cuts them: the first has the facts and the vocabulary, and each has some of the tensors.
 *
 * A submitter names the first. Each part is a weight of its own, which comes, is kept and is mapped by itself, so nothing is put together
 * anywhere; the engine finds the others beside the first by their names, which are therefore the names of the weights.
 */
import { parse } from 'node:path'

/** The place of a file among the parts of a model, counted from 1; a model that is one file has one. */
export interface Part {
  readonly place: number
  readonly count: number
}

export const whole: Part = { place: 1, count: 1 }

/** As many weights as a job may have. */
const partsMax = 16
const pattern = /^(.*)-(\d{5})-of-(\d{5})\.gguf$/

/**
 * The names of the weights that a file of this name is the first of, each with the name of its file, which stands beside it; undefined
 * where it is a model by itself. A sentence where it is another part than the first, or of too many.
 */
export function partsOfFile(file: string): ReadonlyMap<string, string> | string | undefined {
  const { dir, base } = parse(file)
  const [, stem, , last] = pattern.exec(base) ?? []
  const part = partIn(base)
  if (part === null || stem === undefined || last === undefined) return undefined
  const { place, count } = part
  if (place < 1 || place > count || count < 2) return undefined
  const nameOf = (at: number) => `${stem}-${fiveDigits(at)}-of-${last}.gguf`
  if (place !== 1) return `it is part ${place} of ${count}: name the first, ${nameOf(1)}`
  if (count > partsMax)
    return `it has ${count} parts, and at most ${partsMax} are taken: cut it into fewer with llama-gguf-split`
  const beside = (name: string) => (dir === '' ? name : `${dir}/${name}`)
  return new Map(
    Array.from({ length: count }, (_, i) => [weightOf({ place: i + 1, count }), beside(nameOf(i + 1))]),
  )
}

/** The part that a weight of this name is; null: none. */
export function partOfWeight(name: string): Part | null {
  if (name === 'model') return whole
  const part = partIn(name)
  return part !== null && part.place >= 1 && part.place <= part.count && name === weightOf(part) ? part : null
}

function weightOf({ place, count }: Part): string {
  return `model-${fiveDigits(place)}-of-${fiveDigits(count)}.gguf`
}

function partIn(name: string): Part | null {
  const [, , place, count] = pattern.exec(name) ?? []
  return place === undefined || count === undefined ? null : { place: Number(place), count: Number(count) }
}

function fiveDigits(value: number): string {
  return `${value}`.padStart(5, '0')
}
