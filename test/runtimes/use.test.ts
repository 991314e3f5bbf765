/** USE lite in the exact engine: the model that comes with Carpool, as an installation has it. */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { before, test } from 'node:test'
import wabt from 'wabt'
import { weightSources } from '../../src/host/submission/weights.ts'
import { embed } from '../../src/runtimes/embed/embed.ts'
import { RecordError, type RuntimeOptions, type Session } from '../../src/runtimes/runtime.ts'
import { tensorflowWasmPath } from '../../src/runtimes/use/binary.ts'
import { Pieces } from '../../src/runtimes/use/pieces.ts'

const nothingNamed = { module: null, model: null, languages: null, traineddata: [] }
const files = new Map(
  weightSources('embed', nothingNamed).map(({ name, path }) => [name, new Uint8Array(readFileSync(path))]),
)

let session: Session
before(async () => {
  session = await embed.load('exact', files, {})
})

async function vectorOf(text: string, by = session): Promise<number[]> {
  const { output } = await by.run(new TextEncoder().encode(text), 0)
  return JSON.parse(new TextDecoder().decode(output)).embedding
}

function load(options: RuntimeOptions, weights: ReadonlyMap<string, Uint8Array> = files): Promise<Session> {
  return embed.load('exact', weights, options)
}

function product(a: readonly number[], b: readonly number[]): number {
  return a.reduce((sum, value, i) => sum + value * b[i]!, 0)
}

test('sentences that mean the same are near each other, in the bits of every processor', async () => {
  const sentences = [
    'How old are you?',
    'What is your age?',
    'It will rain all day tomorrow.',
    'The forecast for tomorrow says heavy showers.',
  ]
  const vectors: number[][] = []
  for (const sentence of sentences) vectors.push(await vectorOf(sentence))
  const [old, age, rain, showers] = vectors as [number[], number[], number[], number[]]
  assert.equal(old.length, 512)
  assert(
    vectors.flat().every((value) => Math.fround(value) === value),
    'nothing is rounded',
  )
  assert(product(old, age) > 0.8 && product(rain, showers) > 0.5)
  assert(product(old, rain) < 0.3 && product(age, showers) < 0.3)
  assert.deepEqual(await vectorOf(sentences[0]!), old, 'a text does not depend on those before it')
  const hash = createHash('sha256').update(JSON.stringify(vectors)).digest('hex')
  // Also on a Nehalem and on an ARM64, both emulated.
  assert.equal(hash.slice(0, 16), 'f578f9769b3fdb29')
})

test('a text that the model would cut is refused by name, and the last word of one that it hears counts', async () => {
  const words = (count: number, last: string) => `${'the '.repeat(count - 1)}${last}`
  assert.notDeepEqual(await vectorOf(words(128, 'age')), await vectorOf(words(128, 'the')))
  const refused: readonly (readonly [text: string, code: string, said: RegExp])[] = [
    [words(129, 'age'), 'context-length', /has 129 tokens, and the context has room for 128$/],
    ['word '.repeat(2 ** 20), 'context-length', /has 5242880 bytes/],
    [' \n', 'empty-document', /empty/],
  ]
  for (const [text, code, said] of refused) await assert.rejects(vectorOf(text), isFault(code, said))
})

test('no other file is run in place of one of the model’s', async () => {
  const graph = new TextEncoder().encode('{"modelTopology":{},"weightsManifest":[]}')
  const wrong: readonly (readonly [ReadonlyMap<string, Uint8Array>, RuntimeOptions, RegExp])[] = [
    [new Map([...files, ['graph', graph]]), {}, /^the graph is not that of USE lite/],
    [new Map([['graph', files.get('graph')!]]), {}, /^USE lite is 9 files/],
    [files, { contextTokens: 129 }, /contextTokens is 129, and the model was made for 128/],
    [files, { pooling: 'cls' }, /pooling of its own/],
  ]
  for (const [weights, options, said] of wrong)
    await assert.rejects(load(options, weights), isFault('bad-weights', said))
})

test('a text is cut into the likeliest pieces, and what none covers is one unknown', () => {
  const reserved = Array.from({ length: 6 }, () => ['', 0])
  const pieces = new Pieces([...reserved, ['a', -1], ['ab', -1.5], ['▁', -2], ['b', null], ['▁a', -9]])
  assert.deepEqual(pieces.of('ab'), [8, 7], 'not ▁a and b, nor three')
  assert.deepEqual(
    pieces.of(' a\n\t ｂ '),
    [8, 6, 8, 9],
    'white space is one blank, wide letters are letters',
  )
  assert.deepEqual(pieces.of('a?!b'), [8, 6, 0, 9])
})

test('the binary has no instruction whose result a processor may choose, and no threads', async () => {
  const { readWasm } = await wabt()
  const features = { simd: true, relaxed_simd: false, threads: false }
  const module = readWasm(new Uint8Array(readFileSync(tensorflowWasmPath()!)), features)
  try {
    module.validate()
  } finally {
    module.destroy()
  }
})

function isFault(code: string, said: RegExp) {
  return (error: unknown) => {
    assert(error instanceof RecordError)
    assert.equal(error.code, code)
    assert.match(error.message, said)
    return true
  }
}

test('texts have as many tokens before they are sent as when their vectors are made, and no more than are counted are computed', async () => {
  const counter = await embed.counter!(files, {})
  for (const text of ['Hello', 'It will rain  all day\ntomorrow ☃']) {
    const document = new TextEncoder().encode(text)
    const { units } = await counter.shapeOf(document)
    assert(units !== undefined && units.input > 0)
    assert.deepEqual((await session.run(document, 0, units.input)).units, units)
    await assert.rejects(session.run(document, 0, units.input - 1), { code: 'beyond-units' })
  }
})
