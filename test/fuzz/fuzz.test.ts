/**
 * A little fuzzing on each change: the corpus, and hundreds of inputs for each decoder, of another seed each time.
 *
 *   CARPOOL_SEED=17 node test/fuzz/fuzz.test.ts    replays one seed
 *   npm run fuzz -- --minutes 10                          goes on for longer, and keeps what it finds
 */
import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import { corpusNames, corpusOf, inputsFor } from './inputs.ts'
import { targets } from './targets.ts'

const seed = Number(process.env.CARPOOL_SEED ?? Date.now() % 2 ** 31)

test('every folder of the corpus belongs to a decoder', () => {
  for (const name of corpusNames()) assert(Object.hasOwn(targets, name), name)
})

for (const [name, target] of Object.entries(targets)) {
  test(`${name}: what comes from outside is read or refused by name`, async (t) => {
    t.diagnostic(`seed ${seed}`)
    for (const good of target.good) await target.read(good)
    for (const { name: file, bytes } of corpusOf(name))
      await assert.doesNotReject(async () => target.read(bytes), `corpus/${name}/${file}`)
    const property = fc.asyncProperty(inputsFor(target), async (bytes) => {
      await target.read(bytes)
    })
    await fc.assert(property, { seed, numRuns: Math.ceil(target.runs / 2) })
  })
}
