/** A language model on a mesh, with the real engine: requests go out, answers come back on which two owners agree. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { after, before, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { pino } from 'pino'
import type { SubmitRequest } from '../../src/host/api.ts'
import { ProcessExecutor } from '../../src/host/executor/executor.ts'
import { serveLocal } from '../../src/host/local/server.ts'
import type { EngineDescription } from '../../src/runtimes/messages.ts'
import { letterCategories, letterLines, lettersModelPath } from '../support/letters.ts'
import { Mesh } from '../support/mesh.ts'

const launcher = fileURLToPath(new URL('../../bin/carpool.js', import.meta.url))
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

test('`carpool submit` files letters by a model on two vehicles, which agree on every byte, and on what does not fit', async (t) => {
  const { submitter } = mesh
  const server = await serveLocal(submitter.api, submitter.dataDir, log)
  t.after(() => server.close())
  const [letters, categories] = [letterLines().slice(0, 24), letterCategories()]
  const messages = [{ role: 'user', content: 'word '.repeat(400) }]
  const lines = [...letters, { custom_id: 'long', body: { messages } }]
  const [prompts, answers] = ['prompts.jsonl', 'answers.jsonl'].map((name) => join(mesh.folder, name)) as [
    string,
    string,
  ]
  writeFileSync(prompts, lines.map((line) => `${JSON.stringify(line)}\n`).join(''))
  const args = ['submit', prompts, '--runtime', 'llm', '--model', lettersModelPath, '-o', answers]
  const child = spawn(process.execPath, [
    launcher,
    ...args,
    '--replicas',
    '2',
    '--data-dir',
    submitter.dataDir,
  ])
  const [err, [code]] = await Promise.all([text(child.stderr), once(child, 'exit')])
  assert.equal(code, 4)
  assert.equal(err, 'carpool: 1 of 25 documents ended in an error: context-length × 1\n')
  const results = readFileSync(answers, 'utf8').trim().split('\n')
  assert.equal(results.length, lines.length)
  for (const [i, line] of results.entries()) {
    const { document, page, result, error } = JSON.parse(line)
    if (i === letters.length) {
      assert.deepEqual([document, result, error.code], ['long', null, 'context-length'])
      assert.match(error.message, /has 1204 tokens .* room for 512$/)
      break
    }
    assert.deepEqual([document, page, error], [lines[i]!.custom_id, 1, null])
    assert.equal(JSON.parse(result.text).category, categories[i])
    assert.equal(result.finish_reason, 'stop')
    assert.equal(result.usage.total_tokens, result.usage.prompt_tokens + result.usage.completion_tokens)
  }
  const [{ state, contradicted, pages } = { state: '', contradicted: [], pages: null }] = await Promise.all(
    submitter.api.jobs().map(({ job }) => submitter.api.status(job)),
  )
  assert.deepEqual([state, contradicted, pages?.verified], ['complete', [], lines.length])
})

test('the results of one network are the documents of the next: answers become vectors, by the model that comes along', async () => {
  const answers = letterLines()
    .slice(0, 3)
    .map(({ custom_id: document }, i) => ({
      document,
      page: 1,
      result: { text: `A letter about a ${letterCategories()[i]}.` },
      error: null,
    }))
  const failed = { document: 'long', page: 1, result: null, error: { code: 'context-length', message: '' } }
  const results = await answersTo([...answers, failed], { runtime: 'embed', model: null })
  assert.deepEqual(
    results.map(({ document, error }) => [document, error]),
    answers.map(({ document }) => [document, null]),
  )
  for (const { result } of results)
    assert(Array.isArray(result?.embedding) && result.embedding.length === 512)
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

test('the native engine answers alike on vehicles of one class, and its record has what checks it', async (t) => {
  const engines = await new Engines({ log }).describeEngines()
  if (!engines.some(({ runtime, engine }) => runtime === 'llm' && engine === 'native'))
    return t.skip('there is no native engine here')
  const lines = letterLines().slice(0, 6)
  const results = await answersTo(lines, { engine: 'native' })
  for (const [i, { result }] of results.entries()) {
    assert.equal(JSON.parse(String(result?.text)).category, letterCategories()[i])
    const { tokens, logprobs, usage } = result as {
      tokens: number[]
      logprobs: number[]
      usage: { completion_tokens: number }
    }
    assert.deepEqual([tokens.length, logprobs.length], Array(2).fill(usage.completion_tokens))
  }
})
