/**
 * Each room of more than five files has a door: a README that says what the room is for, and what each file is. Documents name
 * what is there.
 */
import assert from 'node:assert/strict'
import { existsSync, globSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'node:test'
import { indexOf, roomsWithDoor } from './support/room-index.ts'

const root = join(import.meta.dirname, '..')
const rewrites = process.env.CARPOOL_REWRITE === '1'

for (const room of roomsWithDoor(root))
  test(`${room} says what each of its files is`, () => {
    const path = join(root, room, 'README.md')
    assert(existsSync(path), `${room} has no README.md`)
    const text = readFileSync(path, 'utf8')
    const [intro = ''] = text.split('## Files\n')
    assert(intro.trim().length > 0, `${room}/README.md does not say what the room is for`)
    const index = indexOf(root, room)
    if (rewrites) writeFileSync(path, `${intro.trimEnd()}\n\n${index}`)
    else assert.equal(text.slice(intro.length), index, 'CARPOOL_REWRITE=1 npm test -- rooms writes it again')
  })

/** Goes through a runtime that somebody has yet to write. */
const ofAnExample = 'docs/add-a-runtime.md'

test('each file that a document names is there', () => {
  const documents = globSync(['*.md', 'docs/*.md', 'src/**/*.md'], { cwd: root })
  const missing = documents.flatMap((document) => {
    const text = document === ofAnExample ? '' : readFileSync(join(root, document), 'utf8')
    return [...text.matchAll(/`((?:[a-z-]+\/)+[\w.-]+\.[jt]s)`/g)].flatMap(([, path]) =>
      [path!, join('src', path!)].some((one) => existsSync(join(root, one))) ? [] : [`${document}: ${path}`],
    )
  })
  assert.deepEqual(missing, [])
})

test('each protocol that nodes speak has its row in docs/compatibility.md', () => {
  const table = readFileSync(join(root, 'docs/compatibility.md'), 'utf8')
  const spoken = globSync('src/host/**/*.ts', { cwd: root }).flatMap((file) => {
    const text = readFileSync(join(root, file), 'utf8')
    return [...text.matchAll(/['`](\/carpool\/[a-z]+\/\d+)/g)].map(([, protocol]) => protocol!)
  })
  assert(spoken.length > 5)
  assert.deepEqual(
    spoken.filter((protocol) => !table.includes(protocol)),
    [],
  )
})
