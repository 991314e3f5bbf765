/** The demonstration of embeddings: each sentence with the one that means most nearly the same, as vectors on which two owners agree. */
import { readFileSync } from 'node:fs'
import type { ResultLine } from '../../host/api.ts'
import { formatTable } from '../table.ts'
import { excerpt } from './excerpt.ts'
import { sentencesPath } from './requests.ts'

export interface Neighbour {
  readonly id: string
  readonly text: string
  readonly nearest: { readonly id: string; readonly text: string }
  /** The cosine of the angle between the two vectors: 1 for the same direction. */
  readonly cosine: number
}

/** Sentences without a vector are left out. */
export function neighboursOf(lines: readonly ResultLine[]): Neighbour[] {
  const texts = sentences()
  const embedded = lines.flatMap(({ document: id, result }) => {
    const vector = result?.embedding
    return Array.isArray(vector) ? [{ id, text: texts.get(id) ?? '', vector: vector as number[] }] : []
  })
  return embedded.flatMap(({ id, text, vector }) => {
    const [nearest] = embedded
      .filter((other) => other.id !== id)
      .map((other) => ({ ...other, cosine: product(vector, other.vector) }))
      .sort((a, b) => b.cosine - a.cosine)
    return nearest === undefined ? [] : [{ id, text, nearest, cosine: nearest.cosine }]
  })
}

/** Every sentence has a neighbour, and it is about the same subject. */
export function areSensible(neighbours: readonly Neighbour[]): boolean {
  const subject = (id: string) => id.replace(/-\d+$/, '')
  return (
    neighbours.length === sentences().size &&
    neighbours.every(({ id, nearest }) => subject(nearest.id) === subject(id))
  )
}

export function describeNeighbours(neighbours: readonly Neighbour[]): string[] {
  return formatTable<Neighbour>(
    [
      { title: 'sentence', cell: ({ text }) => excerpt(text, 52) },
      { title: 'nearest', cell: ({ nearest }) => excerpt(nearest.text, 52) },
      { title: 'cosine', align: 'right', cell: ({ cosine }) => cosine.toFixed(2) },
    ],
    neighbours,
  )
}

function sentences(): ReadonlyMap<string, string> {
  const lines = readFileSync(sentencesPath, 'utf8').trim().split('\n')
  return new Map(
    lines.map((line) => {
      const { id, text } = JSON.parse(line) as { id: string; text: string }
      return [id, text]
    }),
  )
}

/** The cosine, since vectors have the length 1. */
function product(a: readonly number[], b: readonly number[]): number {
  return a.reduce((sum, value, i) => sum + value * b[i]!, 0)
}
