/** A language model on a mesh, with the real engine: requests go out, answers come back on which two owners agree. */

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { after, before, test } from 'node:test'
import { pino } from 'pino'
import type { SubmitRequest } from '../../src/host/api.ts'
import { ProcessExecutor } from '../../src/host/executor/executor.ts'
import { auditFile } from '../../src/host/jobs/audit.ts'
import { serveLocal } from '../../src/host/local/server.ts'
import type { JobId, PeerId } from '../../src/protocol/ids.ts'
import { costOfUnits, sumOfUnits, type UnitCount } from '../../src/protocol/price.ts'
import type { EngineDescription } from '../../src/runtimes/messages.ts'
import { launcher } from '../support/launcher.ts'
import { letterCategories, letterLines, lettersModelPath } from '../support/letters.ts'
import { Mesh } from '../support/mesh.ts'
import { billOf, earningsOf } from '../support/mesh-money.ts'

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
  // Odd, so that a wrong rounding shows.
  const vehicles = [301, 207].map((unitMicros, i) => ({
    name: `car-${i}`,
    asks: new Map([['llm', { currency: 'EUR', unitMicros, per: 1000 }]]),
  }))
  mesh = await Mesh.start({ vehicles, createExecutor: () => new Engines({ log }) })
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
  const [letters, categories] = [letterLines().slice(0, 10), letterCategories()]
  const messages = [{ role: 'user', content: 'word '.repeat(400) }]
  const lines = [...letters, { custom_id: 'long', body: { messages } }]
  const [prompts, answers] = ['prompts.jsonl', 'answers.jsonl'].map((name) => join(mesh.folder, name)) as [
    string,
    string,
  ]
  writeFileSync(prompts, lines.map((line) => `${JSON.stringify(line)}\n`).join(''))
  const args = ['submit', prompts, '--runtime', 'llm', '--model', lettersModelPath, '-o', answers]
  const money = ['--price-cap', '0.0005EUR/1k', '--budget', '1EUR']
  const child = spawn(process.execPath, [
    launcher,
    ...args,
    ...money,
    '--replicas',
    '2',
    '--data-dir',
    submitter.dataDir,
  ])
  const [err, [code]] = await Promise.all([text(child.stderr), once(child, 'exit')])
  assert.equal(code, 4)
  assert.equal(err, 'carpool: 1 of 11 documents ended in an error: context-length × 1\n')
  const results = readFileSync(answers, 'utf8').trim().split('\n')
  assert.equal(results.length, lines.length)
  // The request that does not fit counts the least that there is.
  const used = { input: 1, output: 0 }
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
    used.input += result.usage.prompt_tokens
    used.output += result.usage.completion_tokens
  }
  const [job] = submitter.api.jobs().map((one) => one.job)
  const { state, contradicted, pages, units } = await submitter.api.status(job!)
  assert.deepEqual([state, contradicted, pages.verified], ['complete', [], lines.length])
  await checkMoney(job!, used, units!)
})

/** Both vehicles are owed the tokens of the results, at their own prices, and nobody what the answers might have had. */
async function checkMoney(job: JobId, used: UnitCount, stated: UnitCount): Promise<void> {
  const { submitter } = mesh
  assert.equal(stated.input, used.input, 'prompts were counted as the engine counts them')
  assert(stated.output > used.output, 'answers were shorter than they might have been')
  const { shards, totals } = await billOf(submitter, job)
  assert.equal(totals.unit, 'token')
  assert.deepEqual(totals.paid.replica.counted, sumOfUnits([used, used]))
  const executions = shards.flatMap((shard) => shard.executions)
  const worth = (vehicle: PeerId, unitMicros: number) =>
    executions
      .filter((one) => one.vehicle === vehicle)
      .reduce((sum, { units }) => sum + costOfUnits(units, { unitMicros, per: 1000 }), 0)
  const cars = ['car-0', 'car-1'].map((name) => mesh.node(name))
  const prices = new Map([
    [cars[0]!.peer, 301],
    [cars[1]!.peer, 207],
  ])
  let owed = 0
  for (const car of cars) {
    const [mine] = (await earningsOf(car)).filter((one) => one.job === job)
    assert.equal(mine?.verifiedMicros, worth(car.peer, prices.get(car.peer)!), car.name)
    assert.deepEqual(mine?.units, { token: used.input + used.output })
    assert(mine?.statements.every(({ agreed }) => agreed))
    owed += mine!.verifiedMicros
  }
  assert.equal(totals.owedMicros, owed)
  const report = join(mesh.folder, 'letters.car')
  await submitter.api.report(job, report)
  const { problems, summary } = await auditFile(report)
  assert.deepEqual(problems, [])
  assert(
    summary.some((line) => line.includes(`${2 * (used.input + used.output)} tokens`)),
    summary.join('\n'),
  )
}
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
  const payment = { currency: 'EUR', unitMicrosMax: 500, per: 1000, budgetMicros: 1_000_000 }
  const results = await answersTo(lines, { engine: 'native', payment })
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
