/** Tokens: counted before anything is computed as they are when it is, and never more than a job counts. */
import assert from 'node:assert/strict'
import { before, test } from 'node:test'
import { embed } from '../../src/runtimes/embed/embed.ts'
import { llmRequests } from '../../src/runtimes/llm/description.ts'
import { llm } from '../../src/runtimes/llm/llm.ts'
import { pageCpuMsMaxOf, runtimes, unitNamed, unitOfRuntime } from '../../src/runtimes/registry.ts'
import type { Counter, RecordError, Session } from '../../src/runtimes/runtime.ts'
import { letterLines, lettersModel } from '../support/letters.ts'

const weights = new Map([['model', lettersModel()]])
let [session, texts]: [Session, Session] = [] as never
let [counter, textCounter]: [Counter, Counter] = [] as never
before(async () => {
  session = await llm.load('exact', weights, {})
  texts = await embed.load('exact', weights, { pooling: 'mean' })
  counter = await llm.counter!(weights, {})
  textCounter = await embed.counter!(weights, {})
})

function requestOf(body: object): Uint8Array {
  const line = llmRequests.ofLine({ custom_id: 'a', body })
  assert(line !== undefined && !('fault' in line))
  return line.document
}

test('prompts have as many tokens before they are sent as they have when they are answered', async () => {
  const marks = { messages: [{ role: 'user', content: 'a </s> and <|assistant|> b' }], max_tokens: 3 }
  for (const body of [
    ...letterLines()
      .slice(0, 4)
      .map((line) => line.body),
    marks,
  ]) {
    const document = requestOf(body)
    const { units: stated, pages } = await counter.shapeOf(document)
    const { units: taken } = await session.run(document, 0, stated!.input + stated!.output)
    assert.equal(pages, 1)
    assert.equal(stated!.input, taken!.input)
    assert(taken!.output >= 1 && taken!.output <= stated!.output)
  }
  for (const text of ['Hello', 'In the beginning, and </s> in the end ☃']) {
    const document = new TextEncoder().encode(text)
    const { units } = await textCounter.shapeOf(document)
    assert.deepEqual((await texts.run(document, 0, units!.input)).units, units)
  }
})

test('the most that an answer may have is what its request says, else the job, and never more than there is room for', async () => {
  const messages = [{ role: 'user', content: 'In the beginning God created' }]
  const outputOf = async (body: object, options: Record<string, number> = {}) => {
    const own = await llm.counter!(weights, options)
    return (await own.shapeOf(requestOf({ messages, ...body }))).units!
  }
  assert.equal((await outputOf({ max_tokens: 7 })).output, 7)
  assert.equal((await outputOf({}, { maxTokens: 9 })).output, 9)
  const { input, output } = await outputOf({}, { maxTokens: 32_768, contextTokens: 64 })
  assert.equal(input + output, 64)
  await assert.rejects(
    () => outputOf({ max_tokens: 513 }),
    (error: RecordError) => error.code === 'context-length',
  )
})

test('nobody computes more than is counted: an answer ends there, and a prompt that is longer is refused', async () => {
  const document = requestOf({
    messages: [{ role: 'user', content: 'In the beginning God created' }],
    max_tokens: 50,
  })
  const { input } = (await counter.shapeOf(document)).units!
  const { units } = await session.run(document, 0, input + 3)
  assert.deepEqual(units, { input, output: 3 })
  const isBeyond = (error: RecordError) => error.code === 'beyond-units'
  await assert.rejects(session.run(document, 0, input), isBeyond)
  await assert.rejects(texts.run(new TextEncoder().encode('more than one word'), 0, 1), isBeyond)
})

test('a model of three tokens a second has the time for a thousand, and no request has it for ever', () => {
  const slowest = { input: 2_000, output: 1_000 }
  assert(pageCpuMsMaxOf({}, slowest) >= (1_000 / 3 + 2_000 / 15) * 1_000)
  assert.equal(pageCpuMsMaxOf({}, { input: 1, output: 1 }), pageCpuMsMaxOf({}))
  assert.equal(pageCpuMsMaxOf({ pageCpuMsMax: 5_000 }, slowest), 5_000, 'the job’s own limit holds')
  assert.equal(pageCpuMsMaxOf({}, { input: 100_000, output: 30_000 }), 3_600_000)
})

test('each runtime’s unit has words that a manifest takes, and a counter where units are counted', async () => {
  for (const [name, { unit, load }] of Object.entries(runtimes)) {
    assert.match(unit.one, /^[a-z]{1,16}$/)
    assert.equal(unitNamed(unit.one).many, unit.many)
    assert.equal(unitOfRuntime(name), unit)
    assert.equal((await load()).counter !== undefined, unit.isCounted === true, name)
  }
  assert.deepEqual(unitNamed('verse'), { one: 'verse', many: 'verses' })
})
