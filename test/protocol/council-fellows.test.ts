/** What a steward does for its fellows, and what it keeps from others: money, records, and a lost one's place. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { CouncilEffect } from '../../src/protocol/council/contract.ts'
import { Council } from '../../src/protocol/council/council.ts'
import type { PeerId } from '../../src/protocol/ids.ts'
import { cancellationOf } from '../../src/protocol/job/cancellation.ts'
import type { OfferedPlace } from '../../src/protocol/job/consent.ts'
import type { Manifest } from '../../src/protocol/job/manifest.ts'
import type { JobEnd } from '../../src/protocol/job/verdict.ts'
import {
  beatIntervalMs,
  cancelPatienceMs,
  outOfTurnMs,
  stewardFruitlessMs,
  stewardIdleMs,
  stewardLostMs,
} from '../../src/protocol/limits.ts'
import type { Capacity } from '../../src/protocol/membership/advert.ts'
import { trieFanout } from '../../src/protocol/record/record-trie.ts'
import { checked, type JobRecord, openRecordAs } from '../../src/protocol/records.ts'
import { seatOf } from '../support/core-council-job.ts'
import {
  believed,
  cidNamed,
  drawSecret,
  manifestWith,
  peerNamed,
  sha256,
  verify,
} from '../support/core-fakes.ts'
import { capacityOf } from '../support/core-steward-stage.ts'
import { consentTo } from '../support/handovers.ts'
import { basis, leaseOf, paidJob, recordOf } from '../support/paid-work.ts'

const { job, submitter } = paidJob
/** Of 3 pages, at 7 micros a page at most: the two of them cost 42. */
const shards = [0, 1].map((i) => ({ shard: cidNamed(`shard ${i}`), pages: 3, bytes: 1, costMs: 1_000 }))
const payment = { currency: 'EUR', unit: 'page', unitMicrosMax: 7, budgetMicros: 100 } as const

/** It has no slots of its own. */
const standby: Capacity = { ...capacityOf('keyed:o3'), slots: { total: 0, free: 0 } }
const vehicles = ['v1:o1', 'v2:o2'].map(capacityOf)

/** Called a or b, of a job that they look after together. */
class Seat {
  readonly council: Council
  readonly manifest: Manifest
  #nowMs = 0

  /** What came of its beginning. */
  readonly begun: readonly CouncilEffect[]

  constructor(name: 'a' | 'b', changes: Partial<Manifest> = {}, records: readonly JobRecord[] = []) {
    const manifest = manifestWith({
      stewards: [seatOf('a'), seatOf('b')],
      deadlineMs: 100_000_000,
      ...changes,
    })
    const self = peerNamed(name)
    this.manifest = manifest
    this.council = new Council({ job, manifest, submitter, self, drawSecret, sha256 })
    this.council.begin({ records, shards: null, fresh: false }, 0)
    this.begun = this.handle({ type: 'inputs-held', shards })
  }

  handle(input: Parameters<Council['handle']>[0]): CouncilEffect[] {
    return this.council.handle(input, this.#nowMs)
  }

  /** Its clock goes on by so much, or back, and it does nothing meanwhile. */
  jump(ms: number): void {
    this.#nowMs += ms
  }

  /** Lets so much time pass; `before` is done before each look. */
  pass(ms: number, before = () => {}): CouncilEffect[] {
    const effects: CouncilEffect[] = []
    for (const endMs = this.#nowMs + ms; this.#nowMs < endMs; ) {
      this.#nowMs += beatIntervalMs
      before()
      effects.push(...this.handle({ type: 'wake' }))
    }
    return effects
  }

  beat(from: PeerId, acting: boolean): CouncilEffect[] {
    const message = {
      type: 'beat',
      job,
      acting,
      root: new Uint8Array(32),
      asks: false,
      count: 0,
      heard: null,
    } as const
    return this.handle({ type: 'fellow', from, message })
  }
}

/** Ten seconds in which a acts. */
function besideA(b: Seat): CouncilEffect[] {
  const a = peerNamed('a')
  b.handle({ type: 'connected', peer: a })
  return b.pass(10_000, () => void b.beat(a, true))
}

/** The same, in which a promises 42 of its 50. */
function runningShort(b: Seat): CouncilEffect[] {
  const { record: draw } = recordOf('draw', peerNamed('a'), 1_000, basis.payload)
  const lease = leaseOf('v1', [0, 1], { steward: 'a', basis: draw.id })
  const said = [checked('draw', draw), checked('lease', lease)].map((entry) => believed(entry as JobRecord))
  const heard = said.flatMap((record) => b.handle({ type: 'record', from: peerNamed('a'), record }))
  return [...heard, ...besideA(b)]
}

function issuedIn(effects: readonly CouncilEffect[]): JobRecord[] {
  return effects.flatMap((effect) => (effect.type === 'issue' ? [effect.issued as JobRecord] : []))
}

function givenIn(effects: readonly CouncilEffect[]) {
  return effects.flatMap((effect) =>
    effect.type === 'issue' && effect.issued.kind === 'allowance' ? effect.issued.record.payload.given : [],
  )
}

test('a steward gives of its money to the one that acts when that one runs short, and not before', () => {
  const b = new Seat('b', { payment })
  assert.deepEqual(givenIn(besideA(b)), [], 'each has 50, and a shard costs 21')
  assert.deepEqual(givenIn(runningShort(b)), [{ to: peerNamed('a'), micros: 25 }])
})

test('where the steward that acts does not end a cancelled job, one that stands by does so after a while', () => {
  for (const isRestored of [false, true]) {
    const cancellation = (seat: Seat) =>
      believed(
        checked('cancellation', {
          ...cancellationOf(job, seat.manifest, submitter),
          id: cidNamed('cancellation'),
        }),
      )
    const before = new Seat('b')
    const b = isRestored ? new Seat('b', {}, [cancellation(before)]) : before
    b.handle({ type: 'connected', peer: peerNamed('a') })
    const aActs = () => void b.beat(peerNamed('a'), true)
    b.pass(2_000, aActs)
    const heard = isRestored ? [] : b.handle({ type: 'record', from: submitter, record: cancellation(b) })
    assert.equal(heard.filter(({ type }) => type === 'share').length, isRestored ? 0 : 1, 'it passes it on')
    assert.deepEqual(issuedIn(b.pass(cancelPatienceMs - 3_000, aActs)), [])
    assert.deepEqual(
      issuedIn(b.pass(5_000, aActs)).map(({ kind, record }) => [kind, (record.payload as JobEnd).outcome]),
      [['end', 'cancelled']],
    )
  }
})

test('who is no steward of a job, and no reader of it, is told nothing of its records', () => {
  const seat = new Seat('b')
  const hashes = Array.from({ length: trieFanout }, () => new Uint8Array(16))
  const message = { type: 'branches', job, hashes } as const
  const asked = (from: PeerId) => seat.handle({ type: 'fellow', from, message })
  assert.deepEqual(asked(peerNamed('stranger')), [])
  assert(asked(peerNamed('a')).some((effect) => effect.type === 'send'))
  seat.handle({ type: 'reader', peer: peerNamed('reader') })
  assert(asked(peerNamed('reader')).some((effect) => effect.type === 'send'))
})

test('an owner that has keys of a blind job is not asked to become its steward', () => {
  const candidates = [...vehicles, standby].map(({ peer, owner }) => ({ peer, owner }))
  const keys = { file: cidNamed('keys'), bytes: 1 }
  const blind: Manifest['blind'] = { key: new Uint8Array(32), candidates, keys }
  assert.equal(invitationOf(new Seat('a'))?.to, standby.peer, 'it would be asked for any other job')
  assert.equal(invitationOf(new Seat('a', { blind })), undefined)
})

test('a council that is restored signs with serials that it has not used', () => {
  const before = new Seat('b', { payment })
  const records = issuedIn(before.begun)
  assert.deepEqual(
    records.map(({ kind }) => kind),
    ['holding'],
  )
  const [gift] = issuedIn(runningShort(new Seat('b', { payment }, records)))
  assert.equal(gift?.kind, 'allowance')
  assert(gift.record.serial > records[0]!.record.serial)
})

test('a steward that takes the place of a lost one gets its part of what is left of the budget', () => {
  const a = new Seat('a', { payment })
  const invitation = invitationOf(a)!
  const { nonce, place } = invitation
  const taker = { peer: standby.peer, owner: standby.owner, nonce }
  const signed = consentTo(place, peerNamed('a'), taker)
  const consent = openRecordAs('consent', signed, null, sha256, verify)
  const effects = a.handle({ type: 'answered', from: standby.peer, nonce, consent })
  assert.deepEqual(givenIn(effects), [{ to: standby.peer, micros: 25 }])
})

test('a standby that leaves gives all that is left of its budget to the node that takes its place', () => {
  const b = new Seat('b', { payment })
  b.handle({ type: 'roster', capacities: [...vehicles, standby] })
  b.handle({ type: 'connected', peer: standby.peer })
  const asked = b.handle({ type: 'release' })
  const [invitation] = asked.flatMap((effect) =>
    effect.type === 'send' && effect.message.type === 'invite' ? [effect.message] : [],
  )
  const { nonce, place } = invitation!
  assert.equal(place!.lost, peerNamed('b'))
  const taker = { peer: standby.peer, owner: standby.owner, nonce }
  const consent = openRecordAs('consent', consentTo(place!, peerNamed('b'), taker), null, sha256, verify)
  const effects = b.handle({ type: 'answered', from: standby.peer, nonce, consent })
  assert.deepEqual(givenIn(effects), [{ to: standby.peer, micros: 50 }])
})

test('a steward that acts and ends a decided job so that it does not count loses its turn', () => {
  const ended = (draw: number) => {
    const c = peerNamed('c')
    const b = new Seat('b', { stewards: ['a', 'b', 'c'].map(seatOf) })
    const verdicts = shards.map(({ shard }, position) => ({
      ...{
        position,
        shard,
        outcome: 'accepted',
        status: 'final',
        result: cidNamed('x'),
        because: 'recomputed',
      },
      ...{ agreeing: [], contradicting: [], settles: [] },
    }))
    const end = { outcome: 'complete', reason: 'over', secret: drawSecret }
    const said = [
      checked('verdict', recordOf('verdict', peerNamed('a'), 1, { shards: verdicts }).record as never),
      checked('lease', leaseOf('v1', [0], { steward: 'c', serial: draw })),
      checked('end', recordOf('end', c, 100, end).record as never),
    ]
    b.handle({ type: 'connected', peer: c })
    for (const entry of said)
      b.handle({ type: 'record', from: c, record: believed(entry as unknown as JobRecord) })
    const effects = b.pass(2 * stewardIdleMs, () => void b.beat(c, true))
    return effects.some((effect) => effect.type === 'acting' && effect.acting)
  }
  assert.equal(ended(0), false, 'that end counts')
  assert.equal(ended(5), true, 'draws 0 to 4 are missing')
})

test('a steward that acts on lost leases alone loses its turn where one owner is left that could go on', () => {
  const acts = (idle: string) => {
    const [a, c] = [peerNamed('a'), peerNamed('c')]
    const b = new Seat('b', {
      payment: { ...payment, budgetMicros: 1_000 },
      stewards: ['a', 'b', 'c'].map(seatOf),
    })
    b.handle({ type: 'connected', peer: c })
    const { record: draw } = recordOf('draw', c, 1_000, basis.payload)
    const leased = leaseOf('v1', [0, 1], { steward: 'c', basis: draw.id })
    for (const entry of [checked('draw', draw), checked('lease', leased)])
      b.handle({ type: 'record', from: a, record: believed(entry as JobRecord) })
    const capacity = capacityOf(idle)
    b.handle({ type: 'roster', capacities: [capacity] })
    b.handle({ type: 'connected', peer: capacity.peer })
    const effects = b.pass(stewardFruitlessMs + 2 * stewardIdleMs, () => void b.beat(c, true))
    return effects.some((effect) => effect.type === 'acting' && effect.acting)
  }
  assert.equal(acts('v9:o9'), true)
  assert.equal(acts('v1:owner of v1'), false, 'the one that is idle has had them')
})

test('a steward whose process stood still, or whose clock nobody told it of, takes no turn by what it watched before', () => {
  const hourMs = 3_600_000
  for (const gapMs of [2 * stewardIdleMs, hourMs, -hourMs]) {
    const a = peerNamed('a')
    const b = new Seat('b')
    b.handle({ type: 'connected', peer: a })
    const idle = ['v1:o1', 'v2:o2'].map(capacityOf)
    b.handle({ type: 'roster', capacities: idle })
    for (const { peer } of idle) b.handle({ type: 'connected', peer })
    const acts = (ms: number) =>
      b.pass(ms, () => void b.beat(a, true)).some((effect) => effect.type === 'acting' && effect.acting)
    assert.equal(acts(stewardIdleMs - 5 * beatIntervalMs), false)
    b.jump(gapMs)
    assert.equal(acts(outOfTurnMs - beatIntervalMs), false, `after ${gapMs} ms: its news is on its way`)
    assert.equal(acts(2 * stewardIdleMs), true, 'and it is watched as before from then on')
  }
})

test('the node that a job was submitted to asks nobody to take its place', () => {
  const a = new Seat('a')
  a.handle({ type: 'roster', capacities: [...vehicles, standby] })
  a.handle({ type: 'connected', peer: standby.peer })
  assert.deepEqual(a.handle({ type: 'release' }), [])
})

/** Whom it asks to take the place of b, which nobody hears of any more. */
function invitationOf(
  a: Seat,
): { readonly to: PeerId; readonly nonce: Uint8Array; readonly place: OfferedPlace } | undefined {
  a.handle({ type: 'roster', capacities: [...vehicles, standby] })
  a.handle({ type: 'connected', peer: standby.peer })
  for (let passedMs = 0; passedMs < 2 * stewardLostMs; passedMs += beatIntervalMs)
    for (const effect of a.pass(beatIntervalMs))
      if (effect.type === 'send' && effect.message.type === 'invite')
        return { to: effect.to, nonce: effect.message.nonce, place: effect.message.place! }
  return undefined
}
