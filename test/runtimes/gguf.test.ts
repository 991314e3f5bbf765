/** Files of models that lie: each is refused in one sentence, before anything is made of what it says. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { checkGguf, ggufFault, joinedHeader } from '../../src/runtimes/gguf/check.ts'
import type { GgufHeader } from '../../src/runtimes/gguf/header.ts'
import { faultOfModel } from '../../src/runtimes/gguf/model.ts'
import { partOfWeight, partsOfFile } from '../../src/runtimes/gguf/parts.ts'
import {
  type GgufParts,
  gguf,
  goodFacts,
  goodTensors,
  text,
  texts,
  u64,
  whole,
  wholes,
} from '../support/gguf.ts'
import { splitGguf } from '../support/gguf-parts.ts'
import { lettersModel } from '../support/letters.ts'

const [embedding, norm] = goodTensors
const facts = (more: GgufParts['facts']) => ({ facts: { ...goodFacts, ...more } })
const without = (name: string) => ({
  facts: Object.fromEntries(Object.entries(goodFacts).filter(([key]) => key !== name)),
})

test('the model of the letters, and a small file, are taken', () => {
  assert.equal(ggufFault(lettersModel()), null)
  assert.equal(ggufFault(gguf()), null)
  assert.equal(ggufFault(gguf({ version: 2 })), null)
})

/** A list of so many texts without a letter. */
function emptyTexts(count: number): readonly [number, Uint8Array] {
  const list = new Uint8Array(12 + 8 * count)
  list.set([8, 0, 0, 0, ...u64(count)])
  return [9, list]
}

const lies: Readonly<Record<string, readonly [file: GgufParts, said: RegExp]>> = {
  'one part of a split model': [
    facts({ 'split.no': [2, new Uint8Array([1, 0])], 'split.count': [2, new Uint8Array([3, 0])] }),
    /^is part 2 of 3 parts: name the first, .* which end in -00001-of-00003\.gguf and so on$/,
  ],
  'a number of parts that is a text': [facts({ 'split.count': text('1') }), /no number/],
  'another format': [{ magic: 'GGML' }, /^is no GGUF file/],
  'a version that nobody knows': [{ version: 4 }, /version 4/],
  'a trillion tensors': [{ tensorCount: 10n ** 12n }, /says that it has 1000000000000 tensors/],
  'more facts than bytes': [{ factCount: 4000n }, /says that it has 4000 facts, and ends before them/],
  'a fact too many': [{ factCount: 8n }, /has the name of a tensor of 562949953421312 bytes/],
  'a key of a gigabyte': [
    { facts: { [`a${'b'.repeat(300)}`]: whole(1) } },
    /has the name of a fact of 301 bytes; at most 256/,
  ],
  'a text that is longer than the file': [
    facts({ 'general.name': [8, u64(10n ** 6n)] }),
    /ends in the middle of the fact "general.name"/,
  ],
  'a text of 2^63 bytes': [facts({ 'general.name': [8, u64(2n ** 63n)] }), /of 9223372036854775808 bytes/],
  'a list of a million texts in no bytes': [
    facts({ 'general.name': [9, new Uint8Array([8, 0, 0, 0, ...u64(10n ** 6n)])] }),
    /1000000 elements of the fact "general.name", and ends before them/,
  ],
  'more texts than any vocabulary and its merges': [
    facts({ 'general.one': emptyTexts(2 ** 20) }),
    /has lists of 1048578 texts and more; at most 1048576/,
  ],
  'a list of lists': [
    facts({ 'general.name': [9, new Uint8Array([9, 0, 0, 0, ...u64(1)])] }),
    /list of type 9/,
  ],
  'a type of fact that is none': [facts({ 'general.name': [13, u64(1)] }), /of type 13, which is not known/],
  'an alignment of 3': [facts({ 'general.alignment': whole(3) }), /alignment/],
  'a side of 2^40': [
    { tensors: [{ ...embedding!, shape: [32, 2n ** 40n] }] },
    /"token_embd.weight" with a side of 1099511627776/,
  ],
  'sides whose product is absurd': [
    { tensors: [{ ...embedding!, shape: [2 ** 30, 2 ** 30] }] },
    /"token_embd.weight" of 1152921504606847000 values/,
  ],
  'a side of 0': [{ tensors: [{ ...embedding!, shape: [32, 0] }] }, /a side of 0/],
  'five dimensions': [{ tensors: [{ ...embedding!, shape: [32, 1, 1, 1, 1] }] }, /5 dimensions/],
  'a type of values that is none': [{ tensors: [{ ...embedding!, type: 77 }] }, /of type 77/],
  'rows that are no whole blocks': [{ tensors: [{ ...embedding!, shape: [33, 2] }] }, /rows of 33 values/],
  'tensors that overlap': [{ tensors: [embedding!, { ...norm!, offset: 32 }] }, /at 32, and its place is 96/],
  'a tensor beyond the end': [{ tensors: [embedding!, { ...norm!, offset: 2n ** 60n }] }, /beyond the end/],
  'two tensors of one name': [{ tensors: [embedding!, embedding!] }, /two tensors called/],
  'no tensors': [{ tensors: [] }, /no tensors/],
  'data that is cut': [{ dataBytes: 100 }, /ends before the end of the tensor "output_norm.weight"/],
  'data that nothing tells of': [{ dataBytes: 200 }, /has 92 bytes more than its tensors/],
  'no architecture': [without('general.architecture'), /does not name its architecture/],
  'no context': [without('llama.context_length'), /does not say its llama.context_length/],
  'a billion layers': [facts({ 'llama.block_count': whole(10 ** 9) }), /llama.block_count is 1000000000/],
  'no vocabulary': [without('tokenizer.ggml.tokens'), /has no vocabulary/],
  'more tokens than vectors': [facts({ 'tokenizer.ggml.tokens': texts(['a', 'b', 'c']) }), /3 tokens/],
  'types of other tokens': [facts({ 'tokenizer.ggml.token_type': wholes([1]) }), /not as many types/],
  'a token that is none': [facts({ 'tokenizer.ggml.bos_token_id': whole(2) }), /is 2, and has 2 tokens/],
  'a template of 100 KB': [
    facts({ 'tokenizer.chat_template': text('x'.repeat(100_000)) }),
    /chat template of 100000 bytes; at most 65536/,
  ],
}

for (const [what, [file, said]] of Object.entries(lies))
  test(`a model with ${what} is refused`, () => {
    assert.match(ggufFault(gguf(file)) ?? 'nothing', said)
  })

test('a model that ends anywhere before its end is refused', () => {
  const whole = gguf()
  for (let bytes = 0; bytes < whole.byteLength; bytes += 1)
    assert.notEqual(ggufFault(whole.subarray(0, bytes)), null, `${bytes} bytes`)
})

test('parts of a model are known by the names of their files, and named by the first', () => {
  const parts = partsOfFile('/models/big-00001-of-00002.gguf')
  assert(parts instanceof Map)
  assert.deepEqual(
    [...parts],
    [
      ['model-00001-of-00002.gguf', '/models/big-00001-of-00002.gguf'],
      ['model-00002-of-00002.gguf', '/models/big-00002-of-00002.gguf'],
    ],
  )
  assert.deepEqual([...parts.keys(), 'model'].map(partOfWeight), [
    { place: 1, count: 2 },
    { place: 2, count: 2 },
    { place: 1, count: 1 },
  ])
  for (const strange of [
    'other',
    'big-00001-of-00002.gguf',
    'model-00003-of-00002.gguf',
    'model-00000-of-00002.gguf',
  ])
    assert.equal(partOfWeight(strange), null)
  for (const one of [
    '/models/big.gguf',
    'big-00001-of-00001.gguf',
    'big-00003-of-00002.gguf',
    'big-1-of-2.gguf',
  ])
    assert.equal(partsOfFile(one), undefined)
  assert.match(
    String(partsOfFile('big-00002-of-00002.gguf')),
    /part 2 of 2: name the first, big-00001-of-00002.gguf/,
  )
  assert.match(String(partsOfFile('big-00001-of-00017.gguf')), /17 parts, and at most 16 are taken/)
})

test('each part of a model is judged by itself, and all of them together', () => {
  const model = lettersModel()
  const [first, second, third] = splitGguf(model, 3) as [Uint8Array, Uint8Array, Uint8Array]
  const nameOf = (place: number) => `model-0000${place}-of-00003.gguf`
  for (const [i, part] of [first, second, third].entries())
    assert.equal(faultOfModel(nameOf(i + 1), part), null)
  const said = (name: string, part: Uint8Array) => faultOfModel(name, part) ?? 'nothing'
  assert.match(
    said(nameOf(2), third),
    /^part 2 of the model is part 3 of 3, and its name says that it is part 2 of 3$/,
  )
  assert.match(said(nameOf(1), model), /is a model by itself, and its name says that it is part 1 of 3$/)
  assert.match(said('model', first), /^the model is part 1 of 3 parts: name the first/)
  assert.match(
    said(nameOf(2), second.subarray(0, second.byteLength - 32)),
    /ends before the end of the tensor/,
  )
  assert.match(said(nameOf(2), second.subarray(0, 16_384)), /has 16384 bytes: cut the model into fewer parts/)

  const headers = [first, second, third].map((part, i) => checkGguf(part, { place: i + 1, count: 3 }))
  const { tensors } = joinedHeader(headers, first)
  assert.deepEqual(
    tensors.map(({ name }) => name),
    checkGguf(model).tensors.map(({ name }) => name),
  )
  const [one, two] = headers as [GgufHeader, GgufHeader]
  assert.throws(
    () => joinedHeader([one, two], first),
    /says that its parts have \d+ tensors, and they have \d+$/,
  )
  assert.throws(() => joinedHeader([one, two, two], first), /has two tensors called|says that its parts/)
})
