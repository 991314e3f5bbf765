/** The jobs of demonstrations: pages to be read, letters to be filed, sentences to be compared. */
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { SubmitRequest } from '../../host/api.ts'
import { submitDefaults } from '../../host/submit-defaults.ts'

/** Beside src in a checkout, beside dist in the package. */
const samples = fileURLToPath(new URL('../../../samples', import.meta.url))

/** Two sentences about each of eight subjects; an id is the subject, and 1 or 2. */
export const sentencesPath = join(samples, 'sentences.jsonl')

/** The two demonstrations go by the runtimes of their first jobs. */
export const readingRuntime = 'ocr'
export const comparingRuntime = 'embed'

/** Some of the vehicles that are left lie, die and leave: no other is spared for a standby. */
const own = { ...submitDefaults, standbys: 0 }

export function readingRequest(folder: string, engine: string): SubmitRequest {
  return {
    ...own,
    paths: [folder],
    runtime: readingRuntime,
    engine,
    payment: { currency: 'EUR', unitMicrosMax: 500, budgetMicros: 20_000_000 }, // twice what owners ask; and enough for 10,000 pages
  }
}

/** `results`: a file with result lines of the pages that were read. */
export function filingRequest(results: string): SubmitRequest {
  return {
    ...own,
    paths: [results],
    as: 'lines',
    runtime: 'llm',
    model: join(samples, 'letters', 'letters.q8_0.gguf'),
    promptTemplate: join(samples, 'letters', 'filing.json'),
  }
}

export function comparingRequest(engine: string): SubmitRequest {
  return { ...own, paths: [sentencesPath], runtime: comparingRuntime, engine }
}
