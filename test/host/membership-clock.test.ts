/** The adverts of a node whose clock is set back and forward. */
import assert from 'node:assert/strict'
import test from 'node:test'
import { pino } from 'pino'
import type { Clock } from '../../src/host/clock.ts'
import { Membership, type MembershipOptions } from '../../src/host/membership/membership.ts'
import { SigningKey } from '../../src/host/store/keys.ts'
import { Roster } from '../../src/protocol/membership/roster.ts'

const hourMs = 3_600_000

for (const stepMs of [-hourMs, -3_000, 3_000, hourMs])
  test(`a node whose clock is set by ${stepMs} ms says its next advert as soon as ever, and no sooner`, () => {
    let [wallMs, passedMs] = [10 * hourMs, 0]
    let published = 0
    const waits: number[] = []
    const clock: Clock = {
      now: () => wallMs,
      monotonicMs: () => passedMs,
      after(delayMs) {
        waits.push(delayMs)
        return () => {}
      },
    }
    const membership = new Membership({
      key: SigningKey.generate(),
      network: {
        onGossip() {},
        onSubscriber() {},
        onReachability() {},
        publish: async () => {
          published += 1
        },
        addresses: () => [],
        learn() {},
      },
      roster: new Roster(),
      nextSerial: () => published + 1,
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
    wallMs += stepMs
    membership.advertise()
    assert.equal(waits.at(-1), 1_000)
    passedMs += 400
    wallMs += 400
    membership.advertise()
    assert.equal(waits.at(-1), 600)
    passedMs += 5_000
    wallMs += 5_000
    membership.advertise()
    assert(waits.at(-1)! <= 0)
    assert.equal(published, 1)
  })
