/** When a planted bug counts as caught. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { TestRun } from './run-file.ts'
import { redness } from './tree.ts'

const green: TestRun = {
  passed: new Set(['a', 'b']),
  failed: new Set(),
  began: true,
  timedOut: false,
  code: 0,
  seconds: 1,
}

test('a bug is caught by a failing test, a run that never ends, and a run that breaks off', () => {
  assert.equal(redness({ ...green, passed: new Set(['a']), failed: new Set(['b']), code: null }, green), 'b')
  assert.equal(redness({ ...green, passed: new Set(), timedOut: true, code: null }, green), '(it never ends)')
  for (const code of [0, 1, null])
    assert.match(redness({ ...green, passed: new Set(['a']), code }, green) ?? '', /before: b\)$/)
  assert.equal(redness({ ...green, code: 7 }, green), '(it ends with code 7)')
})

test('a green run catches nothing, nor one that was as red before, nor a file that cannot be loaded', () => {
  const redBefore = { ...green, passed: new Set(['a']), failed: new Set(['b']), code: 1 }
  const unloaded = { ...green, passed: new Set<string>(), began: false, code: 1 }
  for (const [run, without] of [
    [green, green],
    [redBefore, redBefore],
    [unloaded, green],
  ] as const)
    assert.equal(redness(run, without), undefined)
})
