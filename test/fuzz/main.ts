/**
 * `npm run fuzz -- --minutes 10 [--target png]`: a campaign. What breaks a decoder is made as small as it goes, kept in
 * the corpus, where every later run of the tests meets it, and the exit code is 1.
 */
import { createHash } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import fc from 'fast-check'
import { corpusFolder, inputsFor } from './inputs.ts'
import { targets } from './targets.ts'

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '10' },
    target: { type: 'string' },
    seed: { type: 'string' },
  },
})
const minutes = Number(values.minutes)
if (!(minutes > 0)) fail(`--minutes ${values.minutes} is not a number of minutes`)
const names = values.target === undefined ? Object.keys(targets) : [values.target]
for (const name of names)
  if (!Object.hasOwn(targets, name))
    fail(`there is no target '${name}'; there are ${Object.keys(targets).join(', ')}`)

const endMs = performance.now() + minutes * 60_000
let seed = Number(values.seed ?? Date.now() % 2 ** 31)
let inputs = 0
let found = 0
console.log(`seed ${seed}`)
while (performance.now() < endMs && found === 0) {
  for (const name of names) {
    if (performance.now() >= endMs) break
    found += await round(name, seed)
  }
  seed += 1
}
console.log(`${inputs} inputs of ${names.length} decoders, ${found} found`)
process.exit(found > 0 ? 1 : 0)

async function round(name: string, seed: number): Promise<number> {
  const target = targets[name]!
  const property = fc.asyncProperty(inputsFor(target), async (bytes) => {
    inputs += 1
    await target.read(bytes)
  })
  const outcome = await fc.check(property, { seed, numRuns: target.runs })
  if (!outcome.failed) return 0
  const [bytes] = outcome.counterexample!
  const folder = corpusFolder(name)
  mkdirSync(folder, { recursive: true })
  const file = `found-${createHash('sha256').update(bytes).digest('hex').slice(0, 12)}`
  writeFileSync(new URL(file, folder), bytes)
  console.error(`${name}, seed ${seed}: ${outcome.errorInstance}; kept as corpus/${name}/${file}`)
  return 1
}

function fail(why: string): never {
  console.error(why)
  process.exit(2)
}
