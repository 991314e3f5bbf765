/** Each room of more than five files has a door: a README that says what the room is for, and what each file is. */
import assert from 'node:assert/strict'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
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
