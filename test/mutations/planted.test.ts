/** Planted bugs follow the code that they are planted in: one that finds its line no more would be caught by nothing and say so only once all are run. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { mutations } from './mutations.ts'

const root = join(import.meta.dirname, '../..')

test('the line of each planted bug is there, once', () => {
  const texts = new Map<string, string>()
  const lost = mutations.flatMap(({ name, file, find }) => {
    const text = texts.get(file) ?? readFileSync(join(root, file), 'utf8')
    texts.set(file, text)
    const times = text.split(find).length - 1
    return times === 1 ? [] : `${file}: ${name} (${times} times)`
  })
  assert.deepEqual(lost, [])
})
