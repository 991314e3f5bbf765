/** The wishes of a program, before they are a node's: what is wrong with them is a sentence that names it. */
import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { pathToFileURL } from 'node:url'
import { pino } from 'pino'
import { RequestError } from '../../src/host/errors.ts'
import { DocumentLines } from '../../src/library/documents.ts'
import { hostOptions } from '../../src/library/node-options.ts'
import { runtimesWith } from '../../src/library/runtimes.ts'
import { requestOf } from '../../src/library/submission.ts'
import { runtimes } from '../../src/runtimes/registry.ts'
import { temporaryDirectory } from '../support/store.ts'

const define = pathToFileURL(join(import.meta.dirname, '../../src/runtimes/define.ts')).href
const named = (name: string) =>
  `import { defineRuntime } from '${define}'\nexport default defineRuntime({ name: '${name}', load: async () => ({}) })`
const log = pino({ level: 'silent' })

test('a runtime of a program’s own is known to the node that was given it, and to no other', async (t) => {
  const path = join(temporaryDirectory(t), 'own.mjs')
  writeFileSync(path, named('word-count'))
  const known = await runtimesWith([{ module: path, files: [import.meta.dirname] }])
  assert.deepEqual(Object.keys(known), [...Object.keys(runtimes), 'word-count'])
  assert.deepEqual(known['word-count']!.module, { path, files: [import.meta.dirname] })
  assert.deepEqual(Object.keys(known['word-count']!.options), ['pageCpuMsMax'])
  assert(!Object.hasOwn(runtimes, 'word-count'))
})

test('a module that defines no runtime is refused by its name, and so is a name that is taken', async (t) => {
  const folder = temporaryDirectory(t)
  const refused = async (text: string, why: RegExp) => {
    const path = join(folder, `${text.length}.mjs`)
    writeFileSync(path, text)
    await assert.rejects(runtimesWith([path]), (error: Error) => {
      assert(error instanceof RequestError && error.message.includes(path), String(error))
      assert.match(error.message, why)
      return true
    })
  }
  await refused('export const runtime = {}', /defines no runtime: its default export/)
  await refused("throw new Error('no disk')", /cannot be imported: no disk/)
  await refused(named('wasm'), /there is one of this name/)
  await refused(named('Not a name'), /name is not what defineRuntime returns/)
  await assert.rejects(runtimesWith([join(folder, 'none.mjs')]), /there is no file .*none\.mjs/)
})

test('prices, rules and payments that make no sense are refused, each in words', async () => {
  const options = (more: object) => hostOptions({ dataDir: 'nowhere', ...more }, log)
  await assert.rejects(options({ prices: { none: '1EUR' } }), /a price for none, and no such runtime/)
  await assert.rejects(options({ prices: { llm: '1EUR' } }), /no price for llm; write it as 0\.0002EUR\/1k/)
  await assert.rejects(options({ rules: { quietHours: ['mon-sun 00:00-24:00'] } }), /contradict each other/)
  const { asks, slots, standsBy } = await options({ prices: { ocr: '0.0002EUR' } })
  assert.deepEqual([...asks], [['ocr', { currency: 'EUR', unitMicros: 200 }]])
  assert.deepEqual([slots, standsBy], [0, true])
  const request = { runtime: 'wasm', files: ['a'] }
  assert.throws(() => requestOf({ runtime: 'wasm' }), /needs documents/)
  assert.throws(() => requestOf({ ...request, priceCap: '1EUR' }), /both a priceCap and a budget/)
  assert.throws(() => requestOf({ ...request, priceCap: '1', budget: '1EUR' }), /no price such as/)
  assert.throws(
    () => requestOf({ ...request, priceCap: '1EUR', budget: '1USD' }),
    /in USD and the priceCap in EUR/,
  )
})

test('documents are lines, and bytes and long texts are files until they are read', async () => {
  const documents = new DocumentLines([
    { id: 'text', text: 'a\nb' },
    { id: 'long', text: 'x'.repeat(2 ** 21) },
    { id: 'bytes', bytes: new Uint8Array([0, 255]) },
    { custom_id: 'chat', body: { messages: [] } },
  ])
  const lines: { id?: string; path?: string; custom_id?: string }[] = []
  for await (const line of documents.lines()) lines.push(JSON.parse(new TextDecoder().decode(line)))
  assert.deepEqual(
    lines.map(({ id, custom_id, path }) => [id ?? custom_id, path !== undefined]),
    [
      ['text', false],
      ['long', true],
      ['bytes', true],
      ['chat', false],
    ],
  )
  const { existsSync, readFileSync } = await import('node:fs')
  assert.deepEqual([...readFileSync(lines[2]!.path!)], [0, 255])
  documents.remove()
  assert(!existsSync(lines[2]!.path!))
})
