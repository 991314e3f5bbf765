/** Vectors of texts in the exact engine, on the small model of the letters. */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { before, test } from 'node:test'
import { embedRequests } from '../../src/runtimes/embed/description.ts'
import { embed } from '../../src/runtimes/embed/embed.ts'
import { RecordError, type RuntimeOptions, type Session } from '../../src/runtimes/runtime.ts'
import { splitGguf } from '../support/gguf-parts.ts'
import { letterCategories, letterLines, lettersModel } from '../support/letters.ts'

const texts = letterLines()
  .slice(0, 60)
  .map(({ body }) => body.messages[0]!.content)

let session: Session
before(async () => {
  session = await load()
})

function load(options: RuntimeOptions = {}): Promise<Session> {
  return embed.load('exact', new Map([['model', lettersModel()]]), options)
}

async function vectorOf<Embedding = number[]>(text: string, by = session) {
  const { output } = await by.run(new TextEncoder().encode(text), 0)
  return JSON.parse(new TextDecoder().decode(output)) as {
    readonly embedding: Embedding
    readonly dimensions: number
    readonly usage: { readonly prompt_tokens: number }
  }
}

test('the nearest neighbour of a letter is one of its kind, in the bits of every processor', async () => {
  const categories = letterCategories()
  const vectors: number[][] = []
  for (const text of texts) {
    const { embedding, dimensions } = await vectorOf(text)
    assert.equal(embedding.length, dimensions)
    assert(
      embedding.every((value) => Math.fround(value) === value),
      'nothing is rounded',
    )
    assert(Math.abs(product(embedding, embedding) - 1) < 1e-6)
    vectors.push(embedding)
  }
  for (const [i, vector] of vectors.entries()) {
    const nearness = vectors.map((other, j) => (i === j ? -1 : product(vector, other)))
    assert.equal(categories[nearness.indexOf(Math.max(...nearness))], categories[i], texts[i])
  }
  const hash = createHash('sha256').update(JSON.stringify(vectors)).digest('hex')
  assert.equal(hash.slice(0, 16), '248e1640741d122f')
})

test('a vector does not depend on the texts before it, and base64 has the same bits', async () => {
  const [text, other] = [texts[0]!, `${texts[0]} We love them.`]
  const { embedding } = await vectorOf(text)
  await vectorOf(other)
  assert.deepEqual((await vectorOf(text)).embedding, embedding)
  const { embedding: base64 } = await vectorOf<string>(text, await load({ encoding: 'base64' }))
  const bytes = new Uint8Array(Buffer.from(base64, 'base64'))
  assert.deepEqual([...new Float32Array(bytes.buffer)], embedding)
})

test('a model in parts gives the bits of the whole one', async () => {
  const parts = splitGguf(lettersModel(), 3).map(
    (part, i) => [`model-0000${i + 1}-of-00003.gguf`, part] as const,
  )
  const { embedding } = await vectorOf(texts[0]!, await embed.load('exact', new Map(parts), {}))
  assert.deepEqual(embedding, (await vectorOf(texts[0]!)).embedding)
})

test('what no vector stands for is an error of its record by name', async () => {
  const refused: readonly (readonly [text: string, code: string, said: RegExp])[] = [
    ['word '.repeat(400), 'context-length', /has 1201 tokens, and the context has room for 510$/],
    ['word '.repeat(2 ** 20), 'context-length', /has 5242880 bytes/],
    [' \n', 'empty-document', /empty/],
    ['a\0b', 'bad-request', /letter of the number 0/],
  ]
  for (const [text, code, said] of refused)
    await assert.rejects(vectorOf(text), (error) => {
      assert(error instanceof RecordError)
      assert.equal(error.code, code)
      assert.match(error.message, said)
      return true
    })
})

test('a model that no slot has room for is refused where its texts are counted, before anything is sent', async () => {
  const model = Buffer.from(lettersModel())
  // Behind its name and its type: how many tokens it was made for.
  const at = model.indexOf('llama.context_length') + 'llama.context_length'.length + 4
  assert.equal(model.readUInt32LE(at), 512)
  model.writeUInt32LE(8192, at)
  const weights = new Map([['model', new Uint8Array(model)]])
  await assert.rejects(
    embed.counter!(weights, { contextTokens: 8192 }),
    /the model needs about \d+ MiB of memory with a context of 8192 tokens, and a slot has \d+/,
  )
  await embed.counter!(weights, {})
})

test('a line of OpenAI’s batch format is a text, and a wrong one is named by its field', () => {
  const line = (body: unknown, more: object = {}) =>
    embedRequests.ofLine({ custom_id: 'a', url: '/v1/embeddings', body, ...more })
  const right = line({ input: 'Hello', model: 'm' })
  assert(right !== undefined && !('fault' in right))
  assert.deepEqual([right.id, Buffer.from(right.document).toString()], ['a', 'Hello'])
  const wrong: readonly (readonly [ReturnType<typeof line>, RegExp])[] = [
    [line({ input: ['a', 'b'] }), /^body\.input is no text/],
    [line({ input: 'a\0' }), /^body\.input has a letter of the number 0/],
    [line({ input: 'a', dimensions: 8 }), /^body\.dimensions is not known here/],
    [line([]), /^body is no object/],
    [line({ input: 'a' }, { url: '/v1/chat/completions' }), /"url" is not "\/v1\/embeddings"/],
  ]
  for (const [fault, said] of wrong) {
    assert(fault !== undefined && 'fault' in fault)
    assert.match(fault.fault, said)
  }
  assert.equal(embedRequests.ofLine({ id: 'a', text: 'b' }), undefined)
})

function product(a: readonly number[], b: readonly number[]): number {
  return a.reduce((sum, value, i) => sum + value * b[i]!, 0)
}
