/** `results --follow`: what is appended, whatever ended it in between. */
import assert from 'node:assert/strict'
import { appendFileSync, existsSync, readdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import fc from 'fast-check'
import { followResults } from '../../src/cli/followed-results.ts'
import type { ResultLine } from '../../src/host/api.ts'
import type { RemoteApi } from '../../src/host/local/client.ts'
import { resultsEnd, status } from '../support/fake-node.ts'
import { temporaryDirectory } from '../support/store.ts'

const lines: readonly ResultLine[] = Array.from({ length: 20 }, (_, i) => ({
  document: `d${i >> 1}\u2028ä`,
  page: 1 + (i % 2),
  result: { text: `text ${i}` },
  error: null,
}))

/** Gives its lines in this order, and then ends or fails. */
function nodeWith(given: readonly ResultLine[], hasEnded: boolean, job = 'job-1'): RemoteApi {
  return {
    status: async () => ({ ...status, job }),
    async *followResults() {
      yield* given
      if (!hasEnded) throw new Error('the node hung up')
      return resultsEnd
    },
  } as unknown as RemoteApi
}

function documentsIn(path: string): string[] {
  const text = readFileSync(path, 'utf8')
  assert(text === '' || text.endsWith('\n'), 'whole lines')
  return text
    .split('\n')
    .slice(0, -1)
    .map((line) => {
      const { document, page } = JSON.parse(line) as ResultLine
      return `${document}/${page}`
    })
}

test('whatever ends it, and wherever in a line, the file has each page once when it goes on to the end', async (t) => {
  const folder = temporaryDirectory(t)
  const parts = fc.array(
    fc.record({
      given: fc.shuffledSubarray([...lines]),
      // Bytes that the kill took away from the end of the file, or half a line that it left.
      lost: fc.nat(80),
    }),
    { maxLength: 4 },
  )
  let run = 0
  await fc.assert(
    fc.asyncProperty(
      parts,
      fc.shuffledSubarray([...lines], { minLength: lines.length }),
      async (kills, all) => {
        run += 1
        const path = join(folder, `${run}.jsonl`)
        for (const { given, lost } of kills) {
          await assert.rejects(followResults(nodeWith(given, false), 'job', path), /hung up/)
          const { length } = readFileSync(path)
          truncateSync(path, Math.max(0, length - lost))
        }
        assert.deepEqual(await followResults(nodeWith(all, true), 'job', path), resultsEnd)
        const written = documentsIn(path)
        assert.equal(new Set(written).size, written.length, 'none twice')
        assert.equal(written.length, lines.length, 'none lost')
      },
    ),
    { numRuns: 50 },
  )
  assert(!readdirSync(folder).some((name) => name.startsWith('.')), 'nothing beside the results is left')
})

test('it goes on with the file of the same job only, and with nothing that is no result', async (t) => {
  const folder = temporaryDirectory(t)
  const path = join(folder, 'out.jsonl')
  writeFileSync(path, 'of another time\n')
  await assert.rejects(
    followResults(nodeWith(lines, true), 'job', path),
    /is there already and holds no results of Carpool; name another file, or add --overwrite to replace it/,
  )
  assert.equal(readFileSync(path, 'utf8'), 'of another time\n')
  assert(!existsSync(join(folder, '.out.jsonl.follow')), 'and nothing passes it off as ours')
  await assert.rejects(followResults(nodeWith(lines.slice(0, 3), false), 'job', path, true), /hung up/)
  assert.equal(documentsIn(path).length, 3)
  assert(existsSync(join(folder, '.out.jsonl.follow')))
  await assert.rejects(followResults(nodeWith(lines.slice(5, 7), false, 'job-2'), 'job', path), /hung up/)
  assert.deepEqual(
    documentsIn(path),
    lines.slice(5, 7).map(({ document, page }) => `${document}/${page}`),
  )
  appendFileSync(path, 'mine\n')
  await assert.rejects(
    followResults(nodeWith(lines, true, 'job-2'), 'job', path),
    /line 3 of .*out\.jsonl is no result, so --follow cannot go on with it; name another file/,
  )
})
