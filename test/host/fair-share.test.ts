/** Who takes more than a share of the processor waits, and nobody else. */
import assert from 'node:assert/strict'
import test from 'node:test'
import { FairShare } from '../../src/host/network/fair-share.ts'

function setUp() {
  let nowMs = 1_000
  const share = new FairShare(() => nowMs)
  return {
    spend: (payers: readonly string[], ms: number) =>
      share.spend(payers, () => {
        nowMs += ms
      }),
    pass: (ms: number) => {
      nowMs += ms
    },
  }
}

test('a burst is handled at once, and what is over the share has to be waited for', () => {
  const { spend, pass } = setUp()
  assert.equal(spend(['a'], 2_000), 0)
  const waitMs = spend(['a'], 100)
  assert(waitMs > 0 && waitMs <= 200, `${waitMs} ms`)
  assert.equal(spend(['b'], 10), 0, 'somebody else does not wait')
  pass(waitMs)
  assert(spend(['a'], 1) <= 2)
})

test('over a minute a peer that never stops gets its share, and no more', () => {
  const { spend, pass } = setUp()
  let used = 0
  for (let atMs = 0; atMs < 60_000; ) {
    const waitMs = spend(['a'], 5)
    pass(waitMs)
    used += 5
    atMs += 5 + waitMs
  }
  assert(used > 30_000 && used < 33_000, `${used} ms of 60,000`)
})

test('an owner’s vehicles share one purse', () => {
  const { spend } = setUp()
  for (let i = 0; i < 50; i += 1) spend([`car-${i}`, 'owner'], 100)
  assert(spend(['car-99', 'owner'], 100) > 0)
  assert.equal(spend(['car-99', 'another'], 1), 0)
})

test('what fails has been paid for', () => {
  let nowMs = 0
  const share = new FairShare(() => nowMs)
  const fail = () =>
    share.spend(['a'], () => {
      nowMs += 3_000
      throw new Error('malformed')
    })
  assert.throws(fail, /malformed/)
  assert(share.spend(['a'], () => {}) > 0)
})
