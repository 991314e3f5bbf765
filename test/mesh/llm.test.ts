/** A language model on a mesh, with the real engine: requests go out, answers come back on which two owners agree. */
import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { pino } from 'pino'
import type { SubmitRequest } from '../../src/host/api.ts'
import { ProcessExecutor } from '../../src/host/executor/executor.ts'
import type { EngineDescription } from '../../src/runtimes/messages.ts'
import { letterCategories, letterLines, lettersModelPath } from '../support/letters.ts'
import { Mesh } from '../support/mesh.ts'

const log = pino({ level: 'silent' })

/** Describing engines takes a second, and all nodes have the same. */
let described: Promise<EngineDescription[]> | undefined
class Engines extends ProcessExecutor {
  override describeEngines(): Promise<EngineDescription[]> {
    described ??= super.describeEngines()
    return described
  }
}

let mesh: Mesh
before(async () => {
  mesh = await Mesh.start({ vehicles: 2, createExecutor: () => new Engines({ log }) })
})
after(() => mesh.stop())

/** The results of these lines, by their ids. */
async function answersTo(lines: readonly object[], changes: Partial<SubmitRequest> = {}) {
  const path = join(mesh.folder, 'requests.jsonl')
  writeFileSync(path, lines.map((line) => `${JSON.stringify(line)}\n`).join(''))
  const paths = [path]
  const request = { paths, runtime: 'llm', module: null, model: lettersModelPath, ...changes }
  const { job } = await mesh.submitter.api.submit(mesh.request([], request))
  const status = await mesh.submitter.ended(job)
  assert.equal(status.state, 'complete')
  assert.deepEqual(status.contradicted, [])
  const { lines: results } = await mesh.submitter.results(job)
  return results
}

test('letters are filed by a model on two vehicles, which agree on every byte', async () => {
  const [lines, categories] = [letterLines().slice(0, 24), letterCategories()]
  const results = await answersTo(lines)
  assert.deepEqual(
    results.map(({ document }) => document),
    lines.map(({ custom_id }) => custom_id),
  )
  for (const [i, { result, error }] of results.entries()) {
    assert.equal(error, null)
    assert.equal(JSON.parse(String(result?.text)).category, categories[i])
    assert.equal(result?.finish_reason, 'stop')
  }
})

test('a template makes requests of fields, and what does not fit the context is an error of its line by name', async () => {
  const template = join(mesh.folder, 'template.txt')
  writeFileSync(template, '{{greeting}} {{text}}')
  const [first] = letterLines()
  const text = first!.body.messages[0]!.content
  const results = await answersTo(
    [
      { id: 'short', greeting: 'Hello.', text },
      { id: 'long', greeting: 'Hello.', text: 'word '.repeat(400) },
    ],
    { promptTemplate: template },
  )
  const [short, long] = results
  assert.match(String(short?.result?.text), /^\{"category":"thanks"/)
  assert.equal(long?.error?.code, 'context-length')
  assert.match(String(long?.error?.message), /has 1206 tokens .* room for 512$/)
})

test('texts become vectors, the same for two vehicles', async () => {
  const texts = letterLines()
    .slice(0, 3)
    .map(({ custom_id: id, body }) => ({ id, text: body.messages[0]!.content }))
  const results = await answersTo(texts, { runtime: 'embed', options: { encoding: 'base64' } })
  assert.equal(results.length, 3)
  for (const { result } of results)
    assert.equal(Buffer.from(String(result?.embedding), 'base64').byteLength, 4 * 96)
})
