/** How long a node that has just started listens before it judges who is there. */
import assert from 'node:assert/strict'
import test from 'node:test'
import { pino } from 'pino'
import { Membership, type MembershipOptions } from '../../src/host/membership/membership.ts'
import { SigningKey } from '../../src/host/store/keys.ts'
import { Roster } from '../../src/protocol/membership/roster.ts'
import { SteppedClock } from '../support/stepped-clock.ts'

/** A node that knows nobody; `passes` lets so much time pass, and tells whether it judges by then. */
function newcomer(network: { isSeeking: boolean }) {
  const clock = new SteppedClock(0)
  const membership = new Membership({
    key: SigningKey.generate(),
    network: Object.assign(network, { onGossip() {}, onSubscriber() {}, onReachability() {} }),
    roster: new Roster(),
    isBanned: () => false,
    fleet: null,
    clock,
    log: pino({ level: 'silent' }),
  } as unknown as MembershipOptions)
  let isSettled = false
  void membership.settled().then(() => {
    isSettled = true
  })
  return async (ms: number): Promise<boolean> => {
    for (let passed = 0; passed < ms; passed += 100) {
      clock.pass(100)
      await new Promise((resolve) => setImmediate(resolve))
    }
    return isSettled
  }
}

test('a node alone, and told of nobody, judges after some seconds', async () => {
  const passes = newcomer({ isSeeking: false })
  assert.deepEqual([await passes(4_000), await passes(2_000)], [false, true])
})

test('a node that has not reached its bootstrap peer waits for it, and then for what those say that it finds', async () => {
  const network = { isSeeking: true }
  const passes = newcomer(network)
  assert.equal(await passes(12_000), false)
  network.isSeeking = false
  assert.deepEqual([await passes(4_000), await passes(2_000)], [false, true])
})

test('a bootstrap peer that never answers is not waited for without end', async () => {
  const passes = newcomer({ isSeeking: true })
  assert.deepEqual([await passes(30_000), await passes(6_000)], [false, true])
})
