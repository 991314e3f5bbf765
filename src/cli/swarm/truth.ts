/** Compares readings of the project's own sample pages with the text that is printed on them. */
import { existsSync, readFileSync } from 'node:fs'
import { basename, dirname, extname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { characterErrorRate } from '../../base/text-distance.ts'
import type { ResultLine } from '../../host/api.ts'

/** Beside src in a checkout, beside dist in the package. */
export const samplesFolder = fileURLToPath(new URL('../../../samples/scans', import.meta.url))

/** The most errors that a demonstration may make on pages whose text is known. */
export const errorRateMax = 0.02

export interface Reading {
  readonly line: ResultLine
  /** Null where the text of the page is not known. */
  readonly truth: string | null
  readonly errorRate: number | null
}

/** The truth of scans/page.png is truth/page.txt beside the folder, and truth/page-2.txt for a second page. */
export function readingOf(line: ResultLine, folder: string): Reading {
  const truth = truthOf(line, folder)
  const text = typeof line.result?.text === 'string' ? line.result.text : ''
  return { line, truth, errorRate: truth === null ? null : characterErrorRate(truth, text) }
}

function truthOf({ document, page }: ResultLine, folder: string): string | null {
  const name = basename(document, extname(document))
  const truths = join(dirname(folder), 'truth', dirname(document))
  for (const file of [`${name}-${page}.txt`, `${name}.txt`]) {
    const path = join(truths, file)
    if (existsSync(path)) return readFileSync(path, 'utf8')
  }
  return null
}
