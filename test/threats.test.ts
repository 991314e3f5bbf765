/** The table of threats names tests that there are. */
import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import test from 'node:test'

const root = new URL('../', import.meta.url)
const table = readFileSync(new URL('docs/threats.md', root), 'utf8')
  .split('\n')
  .filter((line) => line.startsWith('| ') && !line.startsWith('| threat '))

for (const row of table) {
  const [name] = row.slice(2).split(' | ')
  test(`what is said to show "${name}" is there`, () => {
    const references = [...row.matchAll(/`(test\/[^`]+)`(?: "(.*?)"(?=;| \|))?/g)]
    assert(references.length > 0, 'nothing')
    for (const [, path, title] of references) {
      const file = new URL(path!, root)
      assert(existsSync(file), `there is no ${path}`)
      if (title !== undefined)
        assert(readFileSync(file, 'utf8').replaceAll("\\'", "'").includes(title), `${path} has no "${title}"`)
      else assert(path!.endsWith('.txt'), `${path} needs the title of a test`)
    }
  })
}

test('the table is not empty', () => assert(table.length > 30, `${table.length} rows`))
