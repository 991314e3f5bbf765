/** The demonstrations' verdicts on what came out: letters that were filed, and sentences that were compared. */
import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { categoriesFor, describeFilings, filingsOf, wellFiled } from '../../src/cli/swarm/filing.ts'
import { areSensible, describeNeighbours, neighboursOf } from '../../src/cli/swarm/neighbours.ts'
import { filingRequest, sentencesPath } from '../../src/cli/swarm/requests.ts'
import { samplesFolder } from '../../src/cli/swarm/truth.ts'
import type { ResultLine } from '../../src/host/api.ts'

const line = (document: string, result: object | null): ResultLine => ({
  document,
  page: 1,
  result: result as ResultLine['result'],
  error: null,
})

test('every letter of the samples has a scan, its text and a category that the schema knows', () => {
  const categories = categoriesFor(samplesFolder)
  const { promptTemplate, model } = filingRequest('x')
  const schema = readFileSync(promptTemplate!, 'utf8')
  assert(existsSync(model!) && categories.size > 0)
  for (const [document, category] of categories) {
    assert(existsSync(join(samplesFolder, document)), document)
    assert(existsSync(join(dirname(samplesFolder), 'truth', document.replace('.png', '.txt'))), document)
    assert(schema.includes(`"${category}"`), category)
  }
  assert.equal(categoriesFor('/nowhere/scans').size, 0)
})

test('letters are well filed where each is under its own category, and nothing else is', () => {
  const categories = new Map([
    ['a', 'thanks'],
    ['b', 'invoice'],
  ])
  const letters = ['a', 'b'].map((name) => line(name, { text: `Dear ${name}` }))
  const filed = (...answers: string[]) =>
    filingsOf(
      letters,
      ['b', 'a'].map((name, i) => line(name, { text: answers[i] })),
      categories,
    )
  const right = filed('{"category":"invoice"}', '{"category":"thanks"}')
  assert.deepEqual(
    right.map(({ document, category, truth }) => [document, category, truth]),
    [
      ['a', 'thanks', 'thanks'],
      ['b', 'invoice', 'invoice'],
    ],
  )
  assert(wellFiled(right))
  assert(!wellFiled(filed('{"category":"thanks"}', '{"category":"thanks"}')))
  assert(!wellFiled(filed('PAID IN FULL.', '{"category":"thanks"}')))
  const status = { runtime: 'llm', engine: 'exact', executions: 5 } as Parameters<typeof describeFilings>[1]
  assert.match(describeFilings(filed('?', '{"category":"thanks"}'), status).join('\n'), /b +nothing +invoice/)
})

test('neighbours are sensible where each sentence is nearest to the other about its subject', () => {
  const ids = readFileSync(sentencesPath, 'utf8')
    .trim()
    .split('\n')
    .map((one) => String(JSON.parse(one).id))
  const vectorOf = (id: string) => {
    const subject = id.replace(/-\d+$/, '')
    return ids.map((other) => (other === id ? 0.8 : other.startsWith(`${subject}-`) ? 0.6 : 0))
  }
  const lines = ids.map((id) => line(id, { embedding: vectorOf(id) }))
  const neighbours = neighboursOf(lines)
  assert(areSensible(neighbours))
  assert.match(describeNeighbours(neighbours)[1]!, /How old are you\? +What is your age\? +0\.96$/)
  assert(!areSensible(neighboursOf(lines.slice(1))), 'one is missing')
  const moved = lines.map(({ document }, i) =>
    line(document, { embedding: vectorOf(ids[(i + 1) % ids.length]!) }),
  )
  assert(!areSensible(neighboursOf(moved)))
})
