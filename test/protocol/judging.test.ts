/** Judging: the results of others' verdicts that did not come. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { seekAnew } from '../../src/protocol/council/judging.ts'
import type { Seat } from '../../src/protocol/council/seat.ts'
import { peerNamed } from '../support/core-fakes.ts'

test('a steward that comes and goes has results asked for anew now and then, and keeps no other from it', () => {
  const asked: boolean[] = []
  const decisions = { askAgain: (isAnew: boolean) => void asked.push(isAnew) }
  const seat = { soughtAnewMs: new Map(), records: { decisions } } as unknown as Seat
  const [hasty, honest] = [peerNamed('hasty'), peerNamed('honest')]
  for (let nowMs = 0; nowMs < 600_000; nowMs += 1_000) seekAnew(seat, hasty, nowMs)
  assert.equal(asked.length, 5)
  seekAnew(seat, honest, 600_000)
  assert.equal(asked.length, 6)
})
