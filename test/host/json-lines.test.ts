/** JSON Lines as a source of documents: what is read, and what is refused by its line. */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { RequestError } from '../../src/host/errors.ts'
import { idLettersMax, lineBytesMax, readJsonLines } from '../../src/host/submission/json-lines.ts'
import { SeenNames } from '../../src/host/submission/seen-names.ts'
import { checkSources, openSources, type SourcesOf } from '../../src/host/submission/sources.ts'
import type { Refusal } from '../../src/runtimes/messages.ts'
import { temporaryDirectory } from '../support/store.ts'

test('lines end with LF, CRLF or not at all; a byte order mark, empty lines and U+2028 do no harm', async () => {
  const text =
    '\ufeff{"id":"a","text":"eins\u2028zwei"}\r\n\r\n  \n{"id":"b","text":""}\n{"path":"c.png","id":"c"}'
  const read = [
    { line: 1, id: 'a', text: 'eins\u2028zwei' },
    { line: 4, id: 'b', text: '' },
    { line: 5, id: 'c', path: 'c.png' },
  ]
  for (const size of [1, 2, 7, 1000]) assert.deepEqual(await linesOf(Buffer.from(text), size), read)
  assert.deepEqual(await linesOf(Buffer.from(`${text}\n`)), read)
  assert.deepEqual(await linesOf(Buffer.from('')), [])
})

test('whatever is no such line is refused in one sentence that names the line', async () => {
  const good = '{"id":"good","text":"x"}\n'
  const refused: [string | Buffer, RegExp][] = [
    ['{"id":"a","text":"x"', /it is no JSON/],
    ['{"id":"a","text":"x"} {"id":"b"}', /it is no JSON/],
    ['["a"]', /it is no object/],
    ['null', /it is no object/],
    ['"a"', /it is no object/],
    [`${'['.repeat(100_000)}`, /it is no JSON/],
    ['{"text":"x"}', /it has no "id"/],
    ['{"id":7,"text":"x"}', /"id" is no string; write it in quotes, as "7"/],
    ['{"id":null,"text":"x"}', /"id" is no string/],
    ['{"id":" ","text":"x"}', /"id" is empty/],
    [`{"id":"${'a'.repeat(idLettersMax + 1)}","text":"x"}`, /"id" has 1025 characters; at most 1024/],
    ['{"id":"a\\u0007","text":"x"}', /"id" has control characters/],
    ['{"id":"a\\u2028","text":"x"}', /"id" has control characters/],
    ['{"id":"a\\nb","text":"x"}', /"id" has control characters/],
    ['{"id":"a\\ud800","text":"x"}', /"id" has control characters/],
    ['{"id":"a"}', /neither "text" nor "path"/],
    ['{"id":"a","text":"x","path":"y"}', /both "text" and "path"/],
    ['{"id":"a","text":7}', /"text" is no string/],
    ['{"id":"a","text":null}', /"text" is no string/],
    ['{"id":"a","text":"\\udc00"}', /half of a surrogate pair/],
    ['{"id":"a","path":""}', /"path" names no file/],
    ['{"id":"a","path":"a\\u0000b"}', /"path" names no file/],
    ['{"id":"a","text":"x","lang":"de"}', /the field "lang" is not known/],
    ['{"id":"a","text":"x","__proto__":{}}', /the field "__proto__" is not known/],
    [Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x7d]), /it is no UTF-8/],
    [`{"id":"a","text":"${'x'.repeat(lineBytesMax)}"}`, /it has more than 8388608 bytes/],
  ]
  for (const [line, words] of refused) {
    const error = await linesOf(
      Buffer.concat([Buffer.from(good), Buffer.from(line), Buffer.from('\n')]),
    ).then(
      () => assert.fail(String(line).slice(0, 100)),
      (thrown: unknown) => thrown,
    )
    assert(error instanceof RequestError, String(error))
    assert.match(error.message, /^list, line 2: /)
    assert.match(error.message, words)
    assert(!error.message.includes('\n') && error.message.length < 300, error.message)
  }
  await assert.rejects(linesOf(Buffer.from('\ufeff{"id":"a","text":"x"}', 'utf16le')), /line 1: it is UTF-16/)
})

test('a line without an end is not gathered beyond its limit', async () => {
  let taken = 0
  async function* endless() {
    for (;;) {
      taken += 2 ** 20
      yield new Uint8Array(2 ** 20).fill(0x20)
    }
  }
  await assert.rejects(collected(readJsonLines(endless(), 'list')), /line 1: it has more than/)
  assert(taken <= lineBytesMax + 2 ** 20)
})

test('an id is used once, also by a document that was named itself', async (t) => {
  const root = tree(t, {
    'page.txt': 'page',
    'twice.jsonl': '{"id":"a","text":"1"}\n\n{"id":"b","text":"2"}\n{"id":"a","text":"3"}',
    'page.jsonl': '{"id":"page.txt","text":"1"}',
  })
  await assert.rejects(
    namesOf({ paths: [join(root, 'twice.jsonl')] }),
    /twice\.jsonl, line 4: its id "a" is that of line 1; give each line an id of its own/,
  )
  await assert.rejects(
    namesOf({ paths: [join(root, 'page.jsonl'), join(root, 'page.txt')] }),
    /page\.jsonl, line 1: its id "page.txt" is the name of another document/,
  )
})

test('names are told apart however many there are, and each knows the line of its first use', () => {
  const seen = new SeenNames()
  for (let line = 1; line <= 5_000; line += 1) assert.equal(seen.add(`name ${line}`, line), undefined)
  for (let line = 1; line <= 5_000; line += 1) assert.equal(seen.add(`name ${line}`, 9_999), line)
})

test('paths begin at the list, are files within the limits, and a runtime that reads images takes no text', async (t) => {
  const root = tree(t, {
    'lists/ocr.jsonl': '{"id":"one","path":"../scans/1.png"}\n{"id":"two","path":"ROOT/scans/1.png"}',
    'scans/1.png': 'png',
    'lists/folder.jsonl': '{"id":"one","path":"../scans"}',
    'lists/none.jsonl': '{"id":"one","path":"none.png"}',
    'lists/pipe.jsonl': '{"id":"one","path":"../pipe"}',
    'lists/text.jsonl': '{"id":"one","text":"x"}',
  })
  execFileSync('mkfifo', [join(root, 'pipe')])
  const list = (name: string) => ({ paths: [join(root, 'lists', name)], runtime: 'ocr' })
  assert.deepEqual(await contentsOf(list('ocr.jsonl')), [
    ['one', 'png'],
    ['two', 'png'],
  ])
  await assert.rejects(
    contentsOf(list('folder.jsonl')),
    /folder\.jsonl, line 1: .*scans is no file; a line names one file/,
  )
  await assert.rejects(
    contentsOf(list('none.jsonl')),
    /none\.jsonl, line 1: .*none\.png cannot be read: there is no such/,
  )
  await assert.rejects(contentsOf(list('pipe.jsonl')), /pipe\.jsonl, line 1: .*pipe is no file/)
  await assert.rejects(
    contentsOf(list('text.jsonl')),
    /text\.jsonl, line 1: the ocr runtime takes no texts; give the "path" of a file/,
  )
  assert.deepEqual(await contentsOf({ ...list('text.jsonl'), runtime: 'wasm' }), [['one', 'x']])
})

test('a named .jsonl is a source and one in a folder is a document, unless somebody says otherwise', async (t) => {
  const root = tree(t, { 'in/a.jsonl': '{"id":"x","text":"1"}', 'in/b.json': '{"id":"y","text":"2"}' })
  const [a, b] = [join(root, 'in/a.jsonl'), join(root, 'in/b.json')]
  assert.deepEqual(await namesOf({ paths: [a] }), ['x'])
  assert.deepEqual(await namesOf({ paths: [b, a] }), ['b.json', 'x'])
  assert.deepEqual(await namesOf({ paths: [join(root, 'in')] }), ['a.jsonl', 'b.json'])
  assert.deepEqual(await namesOf({ paths: [a], as: 'document' }), ['a.jsonl'])
  assert.deepEqual(await namesOf({ paths: [a, b], as: 'lines' }), ['x', 'y'])
  await assert.rejects(
    namesOf({ paths: [join(root, 'no.jsonl')] }),
    /no\.jsonl cannot be read: there is no such file/,
  )
  await assert.rejects(checkSources(requestFor({ paths: [join(root, 'no.jsonl')] })), /cannot be read/)
  writeFileSync(join(root, 'empty.jsonl'), '\n\n')
  await assert.rejects(
    namesOf({ paths: [join(root, 'empty.jsonl')] }),
    /there are no documents in .*empty\.jsonl/,
  )
})

test('stdin is read once, as lines, and its paths begin where the command was called', async (t) => {
  const root = tree(t, { 'scans/1.txt': 'one' })
  async function* stdin() {
    yield Buffer.from('{"id":"a","path":"scans/1.txt"}\n{"id":"b","text":"two"}')
  }
  const request = { paths: ['-'], folder: root }
  assert.deepEqual(await contentsOf(request, stdin()), [
    ['a', 'one'],
    ['b', 'two'],
  ])
  await assert.rejects(
    contentsOf({ ...request, folder: null }, stdin()),
    /stdin, line 1: the path "scans\/1\.txt" begins in no folder/,
  )
  await assert.rejects(namesOf({ paths: ['-', '-'] }), /stdin can be read once/)
  await assert.rejects(namesOf({ paths: ['-'], as: 'document' }), /leave out --as document/)
  await assert.rejects(contentsOf({ paths: ['-'] }), /stdin was not handed on/)
})

async function linesOf(bytes: Uint8Array, size = 2 ** 16) {
  async function* chunks() {
    // One buffer that is used again, as some streams do.
    const buffer = new Uint8Array(size)
    for (let at = 0; at < bytes.byteLength; at += size) {
      const chunk = bytes.subarray(at, at + size)
      buffer.set(chunk)
      yield buffer.subarray(0, chunk.byteLength)
    }
  }
  return collected(readJsonLines(chunks(), 'list'))
}

async function collected<Item>(items: AsyncIterable<Item>): Promise<Item[]> {
  const all: Item[] = []
  for await (const item of items) all.push(item)
  return all
}

function requestFor(request: Partial<SourcesOf>): SourcesOf & { strict: boolean } {
  return {
    paths: [],
    as: 'auto',
    folder: null,
    runtime: 'wasm',
    promptTemplate: null,
    strict: false,
    ...request,
  }
}

async function contentsOf(
  request: Partial<SourcesOf>,
  stdin?: AsyncIterable<Uint8Array>,
): Promise<[name: string, content: string][]> {
  const { documents } = await openSources(requestFor(request), stdin)
  return (await collected(documents())).map(({ name, read }) => [name, textOf(read())])
}

function textOf(read: Uint8Array | Refusal): string {
  assert(read instanceof Uint8Array)
  return Buffer.from(read).toString('utf8')
}

async function namesOf(request: Partial<SourcesOf>): Promise<string[]> {
  return (await contentsOf(request)).map(([name]) => name)
}

function tree(t: TestContext, files: Record<string, string>): string {
  const root = temporaryDirectory(t)
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(join(root, name, '..'), { recursive: true })
    writeFileSync(join(root, name), content.replaceAll('ROOT', root))
  }
  return root
}
