/** Promises of the places in a council: who is counted as a steward, and whose owner gets no work. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Attendance } from '../../src/protocol/council/attendance.ts'
import { Places } from '../../src/protocol/council/places.ts'
import type { PeerId } from '../../src/protocol/ids.ts'
import { type Handover, successionOf } from '../../src/protocol/job/handover.ts'
import { beatIntervalMs, stewardLostMs } from '../../src/protocol/limits.ts'
import type { Verified } from '../../src/protocol/record/record.ts'
import { cidNamed, manifestWith, nameOfPeer, peerNamed, placeOf } from '../support/core-fakes.ts'
import { handoverOf } from '../support/handovers.ts'

const job = cidNamed('job')
const manifest = manifestWith({ stewards: ['a', 'b', 'c'].map(placeOf) })

/** The watch of one steward, which hears those that `lives` names every second. */
class Watch {
  readonly attendance: Attendance
  readonly places: Places
  lives: readonly string[]
  #nowMs = 0
  #handovers: Verified<Handover>[] = []

  constructor(self: string, lives: readonly string[], known: readonly Verified<Handover>[] = []) {
    this.attendance = new Attendance(peerNamed(self))
    this.places = new Places(peerNamed(self), manifest.stewards, this.attendance)
    this.lives = lives
    this.#handovers = [...known]
    this.places.begin(this.#succession)
    this.attendance.seat(this.places.stewards, 0)
  }

  pass(ms: number): this {
    for (const endMs = this.#nowMs + ms; this.#nowMs < endMs; ) {
      this.#nowMs += beatIntervalMs
      for (const name of this.lives) {
        this.attendance.heard(peerNamed(name), false, this.#nowMs)
        this.places.heard(peerNamed(name))
      }
      this.#review()
    }
    return this
  }

  hear(...handovers: readonly Verified<Handover>[]): this {
    this.#handovers.push(...handovers)
    this.#review()
    return this
  }

  get stewards(): string {
    return this.places.stewards.map(({ peer }) => nameOfPeer(peer)).join(' ')
  }

  excluding(signed: (peer: PeerId) => boolean = () => true): string {
    return this.places
      .excluding(signed)
      .map(({ peer }) => nameOfPeer(peer))
      .join(' ')
  }

  get #succession() {
    return successionOf(job, manifest, this.#handovers)
  }

  #review(): void {
    this.places.review(this.#succession, this.#nowMs)
    this.attendance.seat(this.places.stewards, this.#nowMs)
  }
}

const of = (signer: string, lost: string, taker: string, serial = 0) =>
  handoverOf({ job, signer, lost, taker, serial })

test('a handover is heeded once the steward that it calls lost is silent here, too, and then for good', () => {
  const watch = new Watch('a', ['b', 'c']).pass(stewardLostMs)
  watch.hear(of('b', 'c', 'd')).pass(2 * stewardLostMs)
  assert.equal(watch.stewards, 'a b c')
  watch.lives = ['b']
  assert.equal(watch.pass(stewardLostMs - beatIntervalMs).stewards, 'a b c')
  assert.equal(watch.pass(beatIntervalMs).stewards, 'a b c d')
  watch.lives = ['b', 'c']
  assert.equal(watch.pass(stewardLostMs).stewards, 'a b c d')
})

test('a steward that lives and hears others heeds no handover that calls it lost itself', () => {
  const watch = new Watch('a', ['b', 'c']).pass(stewardLostMs).hear(of('b', 'a', 'd'))
  assert.equal(watch.pass(2 * stewardLostMs).stewards, 'a b c')
  watch.lives = ['c']
  assert.equal(watch.pass(2 * stewardLostMs).stewards, 'a b c', 'though its signer falls silent')
})

test('a steward that was away counts its taker, and leaves that one’s owner in the work', () => {
  const watch = new Watch('a', []).pass(stewardLostMs).hear(of('b', 'a', 'd'))
  assert.equal(watch.stewards, 'a b c d')
  assert.equal(watch.excluding(), 'a b c')
})

test('a node that starts heeds what it had, until it hears the steward that is called lost', () => {
  const watch = new Watch('a', ['b'], [of('b', 'c', 'd')])
  assert.equal(watch.pass(5_000).stewards, 'a b c d')
  watch.lives = ['b', 'c']
  assert.equal(watch.pass(beatIntervalMs).stewards, 'a b c')
})

test('a taker has no place when it hears the steward in whose place it is, unless that was silent or it acted', () => {
  const own = of('b', 'c', 'd')
  const heard = new Watch('d', ['a', 'b'], [own]).pass(5_000)
  assert.equal(heard.stewards, 'a b c d')
  heard.lives = ['a', 'b', 'c']
  assert.equal(heard.pass(beatIntervalMs).stewards, 'a b c')
  const late = new Watch('d', ['a', 'b'], [own]).pass(stewardLostMs)
  late.lives = ['a', 'b', 'c']
  assert.equal(late.pass(beatIntervalMs).stewards, 'a b c d')
  const acted = new Watch('d', ['a', 'b'], [own]).pass(5_000)
  acted.places.stay()
  acted.lives = ['a', 'b', 'c']
  assert.equal(acted.pass(beatIntervalMs).stewards, 'a b c d')
})

test('who leaves says so itself and is heeded at once; it shuts nobody out, and its taker leaves its own owner out', () => {
  const left = of('c', 'c', 'd')
  const watch = new Watch('a', ['b', 'c']).pass(stewardLostMs).hear(left)
  assert.deepEqual([watch.stewards, watch.excluding()], ['a b c d', 'a b c'])
  assert.equal(watch.places.heirOf(peerNamed('c')), peerNamed('d'))
  assert.equal(watch.places.heirOf(peerNamed('b')), undefined)
  const taker = new Watch('d', ['a', 'b', 'c'], [left]).pass(5_000)
  assert.deepEqual([taker.stewards, taker.excluding()], ['a b c d', 'a b c d'])
})

test('a giver replaces a steward once, and what it signs later deposes nobody', () => {
  const handovers = [of('b', 'c', 'd', 0), of('b', 'c', 'e', 1), of('b', 'c', 'f', 2)]
  const [lowest] = handovers.toSorted((x, y) => (x.id < y.id ? -1 : 1))
  for (const first of handovers) {
    const watch = new Watch('a', ['b']).hear(first).pass(stewardLostMs)
    const taker = nameOfPeer(first.payload.taker.peer)
    assert.equal(watch.stewards, `a b c ${taker}`)
    watch.hear(...handovers.filter((one) => one !== first))
    assert.equal(watch.pass(stewardLostMs).stewards, `a b c ${taker}`)
  }
  const started = new Watch('a', ['b'], handovers)
  assert.equal(started.stewards, `a b c ${nameOfPeer(lowest!.payload.taker.peer)}`)
})

test('each lost steward shuts out one owner more, and only of a taker that has signed something', () => {
  const watch = new Watch('a', ['b']).hear(of('b', 'c', 'd'), of('c', 'c', 'e')).pass(stewardLostMs)
  watch.hear(handoverOf({ job, signer: 'a', lost: 'c', taker: 'f' })).pass(beatIntervalMs)
  assert.equal(watch.places.stewards.length, 6)
  assert.equal(
    watch.excluding(() => false),
    'a b c',
  )
  assert.equal(watch.excluding().split(' ').length, 4)
})
