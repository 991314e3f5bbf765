/** Requests for a language model: as lines of OpenAI's batches, or as texts in a template; what is wrong is named by line and field. */
import assert from 'node:assert/strict'
import { truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { RequestError } from '../../src/host/errors.ts'
import { checkRequest } from '../../src/host/submission/checks.ts'
import { openSources } from '../../src/host/submission/sources.ts'
import { judgeTogether } from '../../src/host/submission/weights.ts'
import { submitDefaults } from '../../src/host/submit-defaults.ts'
import type { Refusal } from '../../src/runtimes/messages.ts'
import { gguf, goodFacts, text } from '../support/gguf.ts'
import { lettersModelPath } from '../support/letters.ts'
import { temporaryDirectory } from '../support/store.ts'

const messages = [{ role: 'user', content: 'Hello' }]
const line = (body: unknown, more: object = {}) => ({
  custom_id: 'a',
  method: 'POST',
  url: '/v1/chat/completions',
  body,
  ...more,
})

test('a line of OpenAI’s batch format is a document, and equal questions are equal documents', async (t) => {
  const bodies = [
    { model: 'm', messages, max_tokens: 7, seed: 3 },
    { seed: 3, max_completion_tokens: 7, n: 1, stream: false, user: 'u', stop: null, messages },
    { messages: [{ role: 'user', content: [{ type: 'text', text: 'Hello' }] }], max_tokens: 7, seed: 3 },
    // A program in Python writes None for what it does not ask for.
    { messages, max_tokens: 7, max_completion_tokens: null, seed: 3, response_format: null },
  ]
  const lines = bodies.map((body, i) => line(body, { custom_id: `id ${i}` }))
  const documents = await documentsOf(t, lines)
  assert.deepEqual(
    documents.map(([name]) => name),
    ['id 0', 'id 1', 'id 2', 'id 3'],
  )
  for (const [, document] of documents)
    assert.equal(document, JSON.stringify({ messages, max_tokens: 7, seed: 3 }))
  const schema = { type: 'object' }
  const response_format = { type: 'json_schema', json_schema: { name: 'n', schema } }
  const [[, answered] = []] = await documentsOf(t, [line({ messages, response_format })])
  assert.equal(answered, JSON.stringify({ messages, schema }))
})

/** So many definitions, each of which is two of the next. */
function doubled(count: number): object {
  const $ref = (i: number) => ({ $ref: `#/$defs/a${i}` })
  const defs = Array.from({ length: count }, (_, i) => [`a${i}`, { anyOf: [$ref(i + 1), $ref(i + 1)] }])
  return Object.fromEntries([...defs, [`a${count}`, { type: 'string' }]])
}

const wrong: readonly (readonly [line: object, said: RegExp])[] = [
  [line({ messages }, { custom_id: undefined }), /it has no "custom_id"/],
  [line({ messages }, { custom_id: 7 }), /"custom_id" is no string/],
  [line({ messages }, { method: 'GET' }), /"method" is not "POST"/],
  [line({ messages }, { url: '/v1/embeddings' }), /"url" is not "\/v1\/chat\/completions"/],
  [line({ messages }, { priority: 1 }), /the field "priority" is not known/],
  [line('x'), /body is no object/],
  [line({}), /body\.messages is no list/],
  [line({ messages: [] }), /body\.messages is empty/],
  [line({ messages: [{ role: 'robot', content: 'x' }] }), /body\.messages\[0\]\.role is none of system/],
  [line({ messages: [{ role: 'user' }] }), /body\.messages\[0\]\.content is no text/],
  [
    line({ messages: [{ role: 'user', content: 'a\0' }] }),
    /messages\[0\]\.content has a letter of the number 0/,
  ],
  [
    line({ messages: [{ role: 'user', content: '\ud800' }] }),
    /messages\[0\]\.content has half of a surrogate/,
  ],
  [
    line({ messages: [{ role: 'user', content: [{ type: 'image_url' }] }] }),
    /messages\[0\]\.content\[0\]\.type is not "text"/,
  ],
  [line({ messages, tools: [] }), /body\.tools is not known here; leave it out/],
  [line({ messages, n: 2 }), /body\.n can only be 1 here/],
  [line({ messages, temperature: 3 }), /body\.temperature is no number from 0 to 2/],
  [line({ messages, temperature: '1' }), /body\.temperature is no number/],
  [line({ messages, top_p: 0 }), /body\.top_p is no number/],
  [line({ messages, max_tokens: 1.5 }), /body\.max_tokens is no whole number from 1/],
  // The engine takes this one for "draw a seed".
  [line({ messages, seed: 2 ** 32 - 1 }), /body\.seed is no whole number from 0 to 4294967294/],
  [line({ messages, seed: -1 }), /body\.seed is no whole number/],
  [line({ messages, stop: ['a', 'b', 'c', 'd', 'e'] }), /body\.stop has 5 texts; at most 4/],
  [line({ messages, stop: '' }), /body\.stop has a text of 0 letters/],
  [line({ messages, response_format: { type: 'xml' } }), /body\.response_format\.type is none of text/],
  [schemaLine('x'), /json_schema\.schema is refused: the schema is no object/],
  [schemaLine({}), /the schema is empty/],
  [
    schemaLine({ $defs: doubled(40), $ref: '#/$defs/a0' }),
    /has a value with 1099511627776 alternatives, those within alternatives counted; at most 1000/,
  ],
  [schemaLine({ type: 'string', maxLength: 2001 }), /repeats a part up to 2001 times/],
  [
    schemaLine({ type: 'array', maxItems: 50, items: { type: 'array', maxItems: 50, items: {} } }),
    /repeats a part up to 2500 times/,
  ],
  // Properties may be called like words of the language.
  ...['pattern', '$ref', 'maxItems'].map((name): (typeof wrong)[number] => [
    schemaLine({
      type: 'object',
      properties: { [name]: { maxItems: 50, items: { maxItems: 50, items: {} } } },
    }),
    /repeats a part up to 2500 times/,
  ]),
  [
    schemaLine({ type: 'string', pattern: '^(a{1,50}){50}$' }),
    /pattern that repeats a part up to 2500 times/,
  ],
  [schemaLine({ type: 'string', pattern: 'a'.repeat(201) }), /pattern of 201 letters; at most 200/],
  [schemaLine({ $ref: 'https://example.org/schema' }), /refers to another document/],
  [schemaLine({ $ref: '#' }), /or to all of itself/],
  [schemaLine({ enum: ['x'.repeat(40_000)] }), /the schema has 40013 bytes; at most 32768/],
  [{ id: 'a', text: 'a\0' }, /its text has a letter of the number 0/],
]

function schemaLine(schema: unknown): object {
  return line({ messages, response_format: { type: 'json_schema', json_schema: { schema } } })
}

test('a wrong line ends the submission with its number and its field, before anything is sent', async (t) => {
  for (const [one, said] of wrong) {
    const lines = [line({ messages }, { custom_id: 'good' }), one]
    await assert.rejects(documentsOf(t, lines), (error) => {
      assert(error instanceof RequestError, String(error))
      assert.match(error.message, /lines\.jsonl, line 2: /)
      assert.match(error.message, said)
      assert.doesNotMatch(error.message, /\n/)
      return true
    })
  }
})

test('a template may be the body of a request, with places in its texts', async (t) => {
  const schema = { enum: ['{{text}}', 'b'] }
  const json = (body: object) => JSON.stringify(body)
  const body = {
    messages: [
      { role: 'system', content: 'File it.' },
      { role: 'user', content: 'To {{name}}: {{text}}' },
    ],
    max_tokens: 9,
    response_format: { type: 'json_schema', json_schema: { schema } },
  }
  const asked = (template: string) =>
    documentsOf(t, [{ id: 'a', text: '"{{name}}"', name: 'Ä' }], template, 'json')
  const [[, document] = ['', '']] = await asked(json(body))
  assert.deepEqual(JSON.parse(document), {
    messages: [
      { role: 'system', content: 'File it.' },
      { role: 'user', content: 'To Ä: "{{name}}"' },
    ],
    max_tokens: 9,
    schema: { enum: ['"{{name}}"', 'b'] },
  })
  await assert.rejects(asked('{"messages": {{text}}'), /template\.json is no JSON/)
  await assert.rejects(
    asked(json({ ...body, tools: [] })),
    /template\.json is refused: body\.tools is not known here/,
  )
  await assert.rejects(asked(json({ messages: ['{{text}}'] })), /refused: body\.messages\[0\] is no object/)
})

test('a page that another job has read is a document, and one that could not be read is refused', async (t) => {
  const page = (number: number, text: unknown) => ({
    document: 'letters/a.pdf',
    page: number,
    result: { text, words: [[[[1]]]] },
    error: null,
  })
  assert.deepEqual(
    await documentsOf(t, [page(1, 'one'), page(2, 'two')], '{{document}}, {{page}}: {{text}}'),
    [
      ['letters/a.pdf', json('letters/a.pdf, 1: one')],
      ['letters/a.pdf#page=2', json('letters/a.pdf, 2: two')],
    ],
  )
  assert.deepEqual(await documentsOf(t, [page(3, 'x')]), [['letters/a.pdf#page=3', json('x')]])
  const failed = { document: 'b', page: 1, result: null, error: { code: 'damaged-image', message: '' } }
  const [[, refused] = ['', '']] = await documentsOf(t, [failed])
  assert.match(refused, /a page that could not be read/)
  for (const [one, said] of [
    [{ ...page(1, 'x'), page: 0 }, /line 1: "page" is no whole number from 1/],
    [{ ...page(1, 'x'), document: 7 }, /line 1: "document" is no string/],
    [page(1, 7), /line 1: "text" is no string/],
    [{ document: 'a', page: 1, result: { embedding: [1] }, error: null }, /its "result" has no "text"/],
  ] as const)
    await assert.rejects(documentsOf(t, [one]), said)
  function json(content: string): string {
    return JSON.stringify({ messages: [{ role: 'user', content }] })
  }
})

test('a text is a request, and a template puts it in its place, once', async (t) => {
  const request = (content: string) => JSON.stringify({ messages: [{ role: 'user', content }] })
  assert.deepEqual(await documentsOf(t, [{ id: 'a', text: 'What is it?' }]), [['a', request('What is it?')]])
  const template = 'To {{ name }}: {{text}} ({{n}}) {{ text}'
  const lines = [
    { id: 'a', name: 'Ann', text: 'Is {{name}} $& here?', n: 7 },
    { id: 'b', name: 'Bob', path: 'letter.txt', n: true },
  ]
  assert.deepEqual(await documentsOf(t, lines, template), [
    ['a', request('To Ann: Is {{name}} $& here? (7) {{ text}')],
    ['b', request('To Bob: Dear Ä (true) {{ text}')],
  ])
  await assert.rejects(
    documentsOf(t, [{ id: 'a', text: 'x', n: 1 }], template),
    /lines\.jsonl, line 1: the template asks for \{\{name\}\}, and it has no field of this name/,
  )
  await assert.rejects(documentsOf(t, [line({ messages })], template), /line 1: it is a request already/)
  await assert.rejects(documentsOf(t, [{ id: 'a', text: 'x' }], 'no place'), /template .* names no field/)
  const other = { ...submitDefaults, runtime: 'wasm', paths: ['x'], promptTemplate: '/x' }
  await assert.rejects(
    openSources(other, undefined),
    /wasm runtime answers no prompts: leave out --prompt-template/,
  )
})

test('a file that is no text is refused, and the others are sent', async (t) => {
  const folder = temporaryDirectory(t)
  writeFileSync(join(folder, 'a.txt'), 'Dear Ä')
  writeFileSync(join(folder, 'b.bin'), Uint8Array.of(0xff, 0xfe))
  const request = { ...submitDefaults, runtime: 'llm', paths: [folder] }
  const { documents } = await openSources(request, undefined)
  const read: unknown[] = []
  for await (const document of documents()) read.push(document.read())
  assert.deepEqual(JSON.parse(Buffer.from(read[0] as Uint8Array).toString()).messages[0].content, 'Dear Ä')
  assert.deepEqual(read[1], { what: 'not a text in UTF-8', wayOut: 'save it as UTF-8' })
})

test('a model that is none, or missing, is refused before a node is asked', async (t) => {
  const folder = temporaryDirectory(t)
  const paths = [join(folder, 'lines.jsonl')]
  writeFileSync(paths[0]!, JSON.stringify(line({ messages })))
  const model = join(folder, 'model.gguf')
  const request = { ...submitDefaults, runtime: 'llm', paths }
  await checkRequest({ ...request, model: lettersModelPath }, false)
  await assert.rejects(
    checkRequest(request, false),
    /llm runtime needs a model: name one with --model <file.gguf>/,
  )
  await assert.rejects(
    checkRequest({ ...request, model }, false),
    /model at .* cannot be read: there is no such file/,
  )
  writeFileSync(model, gguf({ tensorCount: 10n ** 12n }))
  await assert.rejects(
    checkRequest({ ...request, model }, false),
    /is refused: the model says that it has 10{12} tensors/,
  )
  await assert.rejects(
    checkRequest({ ...request, model: lettersModelPath, module: model }, false),
    /llm runtime takes a model, and nothing else that is named: leave out --module/,
  )
})

test('a model of 3 GiB is judged by its head, and one in parts by all of them where no engine maps it', async (t) => {
  const folder = temporaryDirectory(t)
  const paths = [join(folder, 'lines.jsonl')]
  writeFileSync(paths[0]!, JSON.stringify(line({ messages })))
  const sparse = (name: string, head: Uint8Array, bytes: number) => {
    const path = join(folder, name)
    writeFileSync(path, head)
    truncateSync(path, head.byteLength + bytes)
    return path
  }
  const facts = { ...goodFacts, 'tokenizer.chat_template': text('x') }
  const tensors = [{ name: 'token_embd.weight', shape: [32, 3 * 2 ** 23], type: 0, offset: 0 }]
  const model = sparse('large.gguf', gguf({ facts, tensors, dataBytes: 0 }), 3 * 2 ** 30)
  await checkRequest({ ...submitDefaults, runtime: 'llm', paths, model }, false)
  await assert.rejects(
    checkRequest({ ...submitDefaults, runtime: 'embed', paths, model }, false),
    /is refused: the embed runtime takes files of at most 268435456 bytes/,
  )
  const parts = [1, 2].map((place) => ({
    name: `model-0000${place}-of-00002.gguf`,
    path: sparse(`half-0000${place}-of-00002.gguf`, new Uint8Array(0), 200 * 2 ** 20),
  }))
  assert.throws(
    () => judgeTogether('embed', parts),
    /its 2 parts have 419430400 bytes, and the embed runtime takes at most 268435456/,
  )
  judgeTogether('embed', parts.slice(1))
  judgeTogether('llm', parts)
})

/** The documents of these lines, as they would be sent. */
async function documentsOf(
  t: TestContext,
  lines: readonly object[],
  template: string | null = null,
  ending = 'txt',
): Promise<[name: string, document: string][]> {
  const folder = temporaryDirectory(t)
  writeFileSync(join(folder, 'letter.txt'), 'Dear Ä')
  const path = join(folder, 'lines.jsonl')
  writeFileSync(path, lines.map((one) => `${JSON.stringify(one)}\n`).join(''))
  const promptTemplate = template === null ? null : join(folder, `template.${ending}`)
  if (promptTemplate !== null) writeFileSync(promptTemplate, template!)
  const request = { ...submitDefaults, runtime: 'llm', paths: [path], promptTemplate }
  const { documents } = await openSources(request, undefined)
  const all: [string, string][] = []
  for await (const { name, read } of documents()) all.push([name, said(read())])
  return all
}

function said(document: Uint8Array | Refusal): string {
  return document instanceof Uint8Array ? Buffer.from(document).toString() : document.what
}
