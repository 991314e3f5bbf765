/**
 * The second network of the demonstration: the letters among the pages that were read go to a small language model, which files each by
 * its category. Its documents are the results of the first job, its schema leaves it nothing else to say, and owners agree on its answers as
 * they do on texts.
 *
 * The model is a toy that knows four kinds of letters, so it gets no other pages.
 */
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { clean } from '../../base/printable.ts'
import type { JobStatus, ResultLine } from '../../host/api.ts'
import { formatCount } from '../format.ts'
import { formatTable } from '../table.ts'
import { excerpt } from './excerpt.ts'

export interface Filing {
  readonly document: string
  /** The text of the letter, as it was read. */
  readonly text: string
  /** As the model says; null where it gave no answer. */
  readonly category: string | null
  readonly truth: string
}

/** The letters whose category is known, by the names of documents in a folder of samples; none for any other folder. */
export function categoriesFor(folder: string): ReadonlyMap<string, string> {
  const path = join(dirname(folder), 'truth', 'categories.jsonl')
  if (!existsSync(path)) return new Map()
  const lines = readFileSync(path, 'utf8').trim().split('\n')
  return new Map(
    lines.map((line) => {
      const { document, category } = JSON.parse(line) as { document: string; category: string }
      return [document, category]
    }),
  )
}

/** The fate of each letter, in their order. `answers`: the results of the second job. */
export function filingsOf(
  letters: readonly ResultLine[],
  answers: readonly ResultLine[],
  categories: ReadonlyMap<string, string>,
): Filing[] {
  const said = new Map(answers.map(({ document, result }) => [document, result?.text]))
  return letters.map(({ document, result }) => ({
    document,
    text: String(result?.text ?? ''),
    category: categoryIn(said.get(document)),
    truth: categories.get(document)!,
  }))
}

function categoryIn(answer: unknown): string | null {
  if (typeof answer !== 'string') return null
  try {
    const { category } = JSON.parse(answer) as { category?: unknown }
    return typeof category === 'string' ? category : null
  } catch {
    return null
  }
}

export function wellFiled(filings: readonly Filing[]): boolean {
  return filings.every(({ category, truth }) => category === truth)
}

export function describeFilings(filings: readonly Filing[], status: JobStatus): string[] {
  const right = filings.filter(({ category, truth }) => category === truth).length
  return [
    ...formatTable<Filing>(
      [
        { title: 'letter', cell: ({ document }) => clean(document) },
        { title: 'filed under', cell: ({ category }) => clean(category ?? 'nothing') },
        { title: 'truth', cell: ({ truth }) => truth },
        { title: 'recognised', cell: ({ text }) => excerpt(text) },
      ],
      filings,
    ),
    '',
    `${right} of ${formatCount(filings.length, 'letter')} filed rightly by a second network, engine ${status.runtime}/${status.engine}, ${formatCount(status.executions, 'execution')}`,
  ]
}
