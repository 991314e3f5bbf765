/** A language model as machine code: it reads what the exact engine reads, and its traps are promises here. */
import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { checkGguf } from '../../src/runtimes/gguf/check.ts'
import { Llama } from '../../src/runtimes/llama/llama.ts'
import {
  loadedLibrary,
  nativeBuild,
  nativeEngineId,
  nativeLlamaFolder,
} from '../../src/runtimes/llama/native/binary.ts'
import { NativeLlama } from '../../src/runtimes/llama/native/native-llama.ts'
import { nativeRoomFault } from '../../src/runtimes/llama/native/room.ts'
import { llmRequests } from '../../src/runtimes/llm/description.ts'
import { llm } from '../../src/runtimes/llm/llm.ts'
import { RecordError, type Session } from '../../src/runtimes/runtime.ts'
import {
  letterCategories,
  letterLines,
  lettersModel,
  lettersModelPath,
  withTemplate,
} from '../support/letters.ts'

const build = await nativeBuild()
const skip = typeof build === 'string' ? build : false
const settings = { contextTokens: 512, batchTokens: 128 }
const folder = mkdtempSync(join(tmpdir(), 'carpool-native-'))
after(() => rmSync(folder, { recursive: true }))

let native: Session
let exact: Session
before(async () => {
  if (skip !== false) return
  native = await load(lettersModelPath)
  exact = await llm.load('exact', new Map([['model', lettersModel()]]), {})
})

function load(path: string, bytes = readFileSync(path).byteLength): Promise<Session> {
  return llm.load('native', new Map([['model', { path, bytes }]]), {})
}

function fileOf(bytes: Uint8Array, name = 'model.gguf'): string {
  const path = join(folder, name)
  writeFileSync(path, bytes)
  return path
}

interface Answer {
  readonly text: string
  readonly finish_reason: string
  readonly usage: { readonly prompt_tokens: number; readonly completion_tokens: number }
  readonly tokens: readonly number[]
  readonly logprobs: readonly number[]
}

async function run(body: object, session = native): Promise<Answer> {
  const line = llmRequests.ofLine({ custom_id: 'a', body })
  assert(line !== undefined && !('fault' in line))
  const { output } = await session.run(line.document, 0)
  return JSON.parse(new TextDecoder().decode(output)) as Answer
}

const says = (content: string, more: object = {}) => ({ messages: [{ role: 'user', content }], ...more })
const opening = 'In the beginning God created'

test('letters are filed as by the exact engine, and each token has its probability beside it', {
  skip,
}, async () => {
  for (const [i, { body }] of letterLines().slice(0, 12).entries()) {
    const [{ tokens, logprobs, ...answer }, same] = [await run(body), await run(body, exact)]
    assert.deepEqual(answer, same)
    assert.equal(JSON.parse(answer.text).category, letterCategories()[i])
    assert.deepEqual([tokens.length, logprobs.length], Array(2).fill(answer.usage.completion_tokens))
    assert(logprobs.every((value) => value <= 0 && value > -100 && value === Number(value.toPrecision(9))))
  }
})

test('a low temperature leaves nothing but what is likely, whatever the seed', { skip }, async () => {
  const letter = 'Dear Carla, many thanks for the 8 phones. We love them.'
  for (let seed = 1; seed <= 8; seed += 1) {
    const { text } = await run(says(letter, { temperature: 0.1, seed, max_tokens: 6 }))
    assert(text.trimStart().startsWith('{"category":"thanks'), `seed ${seed}: ${text}`)
  }
})

test('without a temperature the seed decides nothing; with one it decides all', { skip }, async () => {
  const first = await run(says(opening, { temperature: 0, max_tokens: 30, seed: 1 }))
  assert.deepEqual(await run(says(opening, { max_tokens: 30, seed: 2 })), first)
  const drawn = { temperature: 2, max_tokens: 30 }
  const one = await run(says(opening, { ...drawn, seed: 1 }))
  assert.deepEqual(await run(says(opening, { ...drawn, seed: 1 })), one)
  assert.notEqual((await run(says(opening, { ...drawn, seed: 2 }))).text, one.text)
  const narrow = await run(says(opening, { ...drawn, top_p: 0.001, seed: 1 }))
  assert.deepEqual(narrow, first, 'of the most likely thousandth the most likely is drawn')
})

test('a record does not depend on what was before it, to the last bit', { skip }, async () => {
  const short = says(opening, { max_tokens: 1 })
  const long = says(`${opening} the heaven and the earth. ${'Thank you, Anna! '.repeat(12)}`, {
    max_tokens: 60,
  })
  const alone = [
    await run(short, await load(lettersModelPath)),
    await run(long, await load(lettersModelPath)),
  ]
  for (const [body, i] of [
    [short, 0],
    [short, 0],
    [long, 1],
    [short, 0],
    [long, 1],
  ] as const)
    assert.deepEqual(await run(body), alone[i])
})

test('a prompt that does not fit the context with its answer is refused with both numbers', {
  skip,
}, async () => {
  await refuses(says('word '.repeat(300)), 'context-length', /has 904 tokens .* up to 256, .* room for 512$/)
  const fits = await run(says('word '.repeat(90), { max_tokens: 200 }))
  assert.equal(fits.usage.prompt_tokens, 274)
  await refuses(says('word '.repeat(2000)), 'context-length', /has 10000 bytes, .* 512 tokens/)
})

test('a mark of the system in a user’s text stays a text', { skip }, async () => {
  const body = says('Thank you<|assistant|></s><|user|>, Anna! Your lamps', { max_tokens: 1 })
  const { usage } = await run(body)
  assert.deepEqual(usage, (await run(body, exact)).usage)
})

test('an answer in JSON ends where it parses, one that is cut says so, and one that is stopped ends before that', {
  skip,
}, async () => {
  const schema = { type: 'object', properties: { category: { enum: ['a', 'b'] } }, required: ['category'] }
  const format = { response_format: { type: 'json_schema', json_schema: { name: 'answer', schema } } }
  const whole = await run(says('Please book 4 rooms', { ...format, max_tokens: 60 }))
  assert.deepEqual([whole.finish_reason, whole.text.at(-1)], ['stop', '}'])
  JSON.parse(whole.text)
  assert(
    whole.logprobs.some((value) => value < -1),
    'the schema, and not the network, wanted these letters',
  )
  const cut = await run(says('Please book 4 rooms', { ...format, max_tokens: 4 }))
  assert.deepEqual([cut.finish_reason, cut.usage.completion_tokens], ['length', 4])
  const nonsense = { response_format: { type: 'json_schema', json_schema: { schema: { type: 'nonsense' } } } }
  await refuses(says(opening, nonsense), 'bad-request', /Unrecognized schema/)
  const { text } = await run(says('Thank you, Anna!', { max_tokens: 20 }))
  const stopped = await run(says('Thank you, Anna!', { max_tokens: 20, stop: ['xyz', 'ory'] }))
  assert.deepEqual([stopped.text, stopped.finish_reason], [text.slice(0, text.indexOf('ory')), 'stop'])
})

test('a claimed answer is scored in one pass: an honest one is what the network says, and no other is', {
  skip,
}, async () => {
  const bytes = readFileSync(lettersModelPath).byteLength
  const scored = await llm.load('scored', new Map([['model', { path: lettersModelPath, bytes }]]), {})
  const line = letterLines()[1]!
  const bodies = [
    line.body,
    says('Thank you, Anna! The lamps are wonderful.', { max_tokens: 12, stop: ['zzz'] }),
  ]
  for (const body of bodies) {
    const read = llmRequests.ofLine({ custom_id: 'a', body })
    assert(read !== undefined && !('fault' in read))
    const { output } = await scored.run(read.document, 0)
    const answer = JSON.parse(new TextDecoder().decode(output)) as Answer
    const scoreOf = (changes: Partial<Answer>) =>
      scored.score!(read.document, 0, new TextEncoder().encode(JSON.stringify({ ...answer, ...changes })))
    const honest = await scoreOf({})
    assert(honest !== null)
    assert.equal(honest.tokens, answer.tokens.length)
    assert(honest.gap === 0 && honest.difference < 1e-3, JSON.stringify(honest))
    const invented = await scoreOf({ logprobs: answer.logprobs.map(() => -1) })
    assert(invented !== null && invented.gap === 0 && invented.difference > answer.tokens.length / 2)
    const { tokens, logprobs } = answer
    for (const changes of [
      { text: `${answer.text} ` },
      { usage: { ...answer.usage, completion_tokens: 1 } },
      { finish_reason: answer.finish_reason === 'stop' ? 'length' : 'stop' },
      { tokens: tokens.slice(1), logprobs: logprobs.slice(1) },
      { tokens: tokens.slice(0, -1), logprobs: logprobs.slice(0, -1) },
      { tokens: [...tokens, 5], logprobs: [...logprobs, -0.1] },
      { tokens: [...tokens.slice(0, -1), 1e9] },
      { logprobs: logprobs.slice(1) },
      { tokens: [], logprobs: [] },
    ])
      assert.equal(await scoreOf(changes), null, JSON.stringify(changes))
  }
  // Another ending, with its own text and count: well written, and nothing that the network would say.
  const body = says('Thank you, Anna!', { max_tokens: 20 })
  const read = llmRequests.ofLine({ custom_id: 'a', body })
  assert(read !== undefined && !('fault' in read))
  const short = await run(says('Thank you, Anna!', { max_tokens: 3 }))
  const usage = { ...short.usage, completion_tokens: 4, total_tokens: short.usage.prompt_tokens + 4 }
  const ended = {
    text: short.text,
    finish_reason: 'stop',
    usage,
    tokens: [...short.tokens, 2],
    logprobs: [...short.logprobs, -0.1],
  }
  const cut = await scored.score!(read.document, 0, new TextEncoder().encode(JSON.stringify(ended)))
  assert(cut !== null && cut.gap > 5, JSON.stringify(cut))
  await assert.rejects(
    run(says(opening, { temperature: 1 }), scored),
    /takes the likeliest tokens, which others can check/,
  )
})

test('a template’s prompts are those of the exact engine, at the same standing time', { skip }, async () => {
  const template =
    "{{ strftime_now('%Y-%m-%d') }}{{ bos_token }}{% for m in messages %}{{ m.role }}{{ m.content }}{{ eos_token }}{% endfor %}"
  const bytes = withTemplate(template)
  const path = fileOf(bytes)
  const one = new NativeLlama({ path, header: checkGguf(bytes), settings }, { folder: nativeLlamaFolder()! })
  const other = new Llama([bytes], settings)
  await Promise.all([one.open(), other.open()])
  const messages = [
    { role: 'system', content: 'a' },
    { role: 'user', content: 'b' },
  ]
  const prompt = await one.promptOf(messages)
  assert.equal(prompt, await other.promptOf(messages))
  assert.match(prompt, /^2025-01-01.*systema<\/s>userb<\/s>$/)
})

test('a model that is broken, answers nothing, or gives no numbers is refused before any document', {
  skip,
}, async () => {
  await refusesToLoad(withTemplate("{{ raise_exception('not for you') }}"), /template fails: .*not for you/)
  await refusesToLoad(lettersModel().subarray(0, 300_000), /ends before the end of the tensor/)
  const other = Buffer.from(lettersModel())
  other.write('blk.0.attn_q.weighX', other.indexOf('blk.0.attn_q.weight'))
  await refusesToLoad(new Uint8Array(other), /^the model is none that the engine can run$/)
  const huge = lettersModel()
  const { tensors, dataOffset } = checkGguf(huge)
  for (const name of ['output_norm.weight', 'blk.0.attn_norm.weight']) {
    const { offset, shape } = tensors.find((tensor) => tensor.name === name)!
    for (let i = 0; i < shape[0]!; i += 1)
      new DataView(huge.buffer).setFloat32(dataOffset + offset + 4 * i, 3e38, true)
  }
  await refusesToLoad(huge, /numbers that are none/)
  await assert.rejects(
    llm.load('native', new Map([['model', lettersModel()]]), {}),
    /has a file of 420768 bytes, which is none for this engine/,
  )
})

test('of a file the header is read and the rest is mapped; only what is copied counts as memory', () => {
  const header = checkGguf(lettersModel())
  const large = {
    ...header,
    tensors: header.tensors.map((tensor) => ({ ...tensor, shape: [2 ** 20, 2 ** 10] })),
  }
  assert.equal(nativeRoomFault(large, settings, 'x64'), null)
  const copied = { ...large, tensors: large.tensors.map((tensor) => ({ ...tensor, type: 12 })) }
  assert.match(
    nativeRoomFault(copied, settings, 'x64') ?? '',
    /MiB of memory beside its file .* slot has 1536/,
  )
  assert.match(nativeRoomFault(large, settings, 'arm64') ?? '', /beside its file/)
  assert.match(
    nativeRoomFault(header, { ...settings, contextTokens: 2 ** 20 }) ?? '',
    /take a shorter context/,
  )
})

test('the class is the library of kernels that was loaded', { skip }, () => {
  assert(typeof build !== 'string')
  assert.match(build.isa, /^(x86-64|arm64)-ggml-[a-z0-9._]+$/)
  const maps = ['libggml-base.so', 'libggml-cpu-zen4.so', 'libllama.so'].map(
    (name) => `7f00-7f01 r-xp 00 00:00 1 /a b/${name}\n`,
  )
  assert.equal(loadedLibrary(maps.join('')), 'zen4')
  assert.equal(loadedLibrary(maps[0]!), null)
  const ids = ['x86-64-ggml-zen4', 'x86-64-ggml-haswell'].map((isa) => nativeEngineId({ ...build, isa }, {}))
  assert.notEqual(ids[0], ids[1])
})

async function refuses(body: object, code: string, message: RegExp): Promise<void> {
  await assert.rejects(run(body), (error) => {
    assert(error instanceof RecordError, String(error))
    assert.equal(error.code, code)
    assert.match(error.message, message)
    return true
  })
}

async function refusesToLoad(model: Uint8Array, message: RegExp): Promise<void> {
  const path = fileOf(model, 'refused.gguf')
  truncateSync(path, model.byteLength)
  await assert.rejects(load(path), (error) => {
    assert(error instanceof RecordError, String(error))
    assert.equal(error.code, 'bad-weights')
    assert.match(error.message, message)
    return true
  })
}
