/** An advert binds nobody after it has lapsed, whether or not anybody looked for lapsed ones. */
import assert from 'node:assert/strict'
import test from 'node:test'
import { Roster } from '../../src/protocol/membership/roster.ts'
import { capacityOf } from '../support/core-steward-stage.ts'

test('an advert that has lapsed is not listed, though nobody asked for it to go', () => {
  const roster = new Roster()
  roster.admit({ ...capacityOf('v1:o1'), expiresMs: 1_000 }, 0)
  roster.admit({ ...capacityOf('v2:o2'), expiresMs: 2_000 }, 0)
  assert.deepEqual(
    roster.list(1_000).map(({ name }) => name),
    ['v2'],
  )
})
