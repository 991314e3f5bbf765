/**
 * Writes the sample traces; they are the same for the same vehicle-days.ts.
 *
 *     node samples/make-traces.ts
 */
import { writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { traces } from './vehicle-days.ts'

for (const [name, text] of traces())
  writeFileSync(fileURLToPath(new URL(`traces/${name}.jsonl`, import.meta.url)), text)
