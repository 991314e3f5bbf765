/** The adverts of a node whose clock is set back. */
import assert from 'node:assert/strict'
import test from 'node:test'
import { pino } from 'pino'
import type { Clock } from '../../src/host/clock.ts'
import { Membership, type MembershipOptions } from '../../src/host/membership/membership.ts'
import { SigningKey } from '../../src/host/store/keys.ts'
import { Roster } from '../../src/protocol/membership/roster.ts'

const hourMs = 3_600_000

test('a node whose clock is set back by an hour says its next advert as soon as ever', () => {
  let nowMs = 10 * hourMs
  const waits: number[] = []
  const clock: Clock = {
    now: () => nowMs,
    after(delayMs) {
      waits.push(delayMs)
      return () => {}
    },
  }
  const membership = new Membership({
    key: SigningKey.generate(),
    network: { onGossip() {}, onSubscriber() {}, publish: async () => {}, addresses: () => [], learn() {} },
    roster: new Roster(),
    nextSerial: () => waits.length + 1,
    describe: () => ({
      name: 'car',
      certificate: null,
      credential: null,
      slots: { total: 1, free: 1 },
      mode: 'run',
      reasons: [],
      availableUntilMs: null,
      engines: [],
      software: 'carpool/test',
    }),
    isBanned: () => false,
    fleet: null,
    clock,
    log: pino({ level: 'silent' }),
  } as unknown as MembershipOptions)
  membership.start()
  nowMs -= hourMs
  membership.advertise()
  assert(waits.at(-1)! <= 1_000, `${waits.at(-1)} ms`)
  nowMs += 5 * hourMs
  membership.advertise()
  assert(waits.at(-1)! <= 0)
})
