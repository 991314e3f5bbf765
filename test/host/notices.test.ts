import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Notices } from '../../src/host/notices.ts'
import { logInbox } from '../support/network.ts'

test('a notice is said once, kept for an hour, and gone when it is true no more', () => {
  const { log, lines } = logInbox()
  let nowMs = 0
  const notices = new Notices(log, () => nowMs)
  const notice = { kind: 'clock', about: '', text: 'the clock is off by 3 h' } as const
  for (let i = 0; i < 3; i++) notices.tell(notice)
  assert.deepEqual(notices.list(), [notice])
  assert.equal(lines.items.length, 1)
  notices.tell({ ...notice, text: 'the clock is off by 4 h' })
  assert.equal(lines.items.length, 2, 'what has changed is said')
  nowMs = 3_600_000
  assert.deepEqual(notices.list(), [])
  notices.tell(notice)
  notices.drop('clock', '')
  assert.deepEqual(notices.list(), [])
})

test('strangers without end fill neither the log nor the notices of another kind', () => {
  const { log, lines } = logInbox()
  let nowMs = 0
  const notices = new Notices(log, () => nowMs)
  notices.tell({ kind: 'clone', about: 'A', text: 'A is here twice' })
  for (let i = 0; i < 1_000; i++)
    notices.tell({ kind: 'mesh-key', about: `${i}`, text: `${i} has another key` })
  const kept = notices.list()
  assert.deepEqual([kept.length, kept[0]?.about, kept.at(-1)?.about], [17, 'A', '999'])
  assert.equal(lines.items.length, 17)
  nowMs = 600_000
  for (let i = 0; i < 1_000; i++)
    notices.tell({ kind: 'mesh-key', about: `${i}`, text: `${i} has another key!` })
  assert.equal(lines.items.length, 18, 'one more each ten minutes')
})
