/** Stewards that list only some owners to draw from, as another steward sees it that knows more of them. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Council } from '../../src/protocol/council/council.ts'
import type { LeaseId, OwnerId, PeerId } from '../../src/protocol/ids.ts'
import { bitsOf, candidatesRoot } from '../../src/protocol/job/draw.ts'
import type { Lease } from '../../src/protocol/job/lease.ts'
import { rosterLagMs, stewardFruitlessMs, stewardLeaseMs } from '../../src/protocol/limits.ts'
import { checked, type JobRecord } from '../../src/protocol/records.ts'
import { seatOf } from '../support/core-council-job.ts'
import { believed, cidNamed, drawSecret, manifestWith, peerNamed, sha256 } from '../support/core-fakes.ts'
import { capacityOf } from '../support/core-steward-stage.ts'
import { paidJob, recordOf } from '../support/paid-work.ts'

const { job } = paidJob
const names = ['1', '2', '3', '4', '5', '6', '7', '8', '9', '10']
const vehicles = names.map((name) => capacityOf(`v${name}:o${name}`))
const shards = [{ shard: cidNamed('shard 0'), pages: 1, bytes: 1, costMs: 1_000 }]

/** Looks after a job that a submitted, beside c, and knows ten vehicles. */
class Standby {
  readonly #council: Council
  /** The vehicles whose credentials it has seen. */
  readonly met = new Map<PeerId, OwnerId>()
  #nowMs = 0
  #serial = 0

  constructor(fleet: PeerId | null = null) {
    const stewards = ['a', 'b', 'c'].map(seatOf)
    this.#council = new Council({
      ...{ job, drawSecret, sha256, self: peerNamed('b'), ownerOf: (vehicle) => this.met.get(vehicle) },
      manifest: manifestWith({ stewards, fleet, deadlineMs: 100_000_000 }),
    })
    this.#council.begin({ records: [], shards: null, fresh: false }, 0)
    this.#council.handle({ type: 'inputs-held', shards }, 0)
  }

  knows(capacities: typeof vehicles): void {
    this.#council.handle({ type: 'roster', capacities }, this.#nowMs)
  }

  connects(steward: 'a' | 'c'): void {
    this.#council.handle({ type: 'connected', peer: peerNamed(steward) }, this.#nowMs)
  }

  loses(steward: 'a' | 'c'): void {
    this.#council.handle({ type: 'disconnected', peer: peerNamed(steward) }, this.#nowMs)
  }

  pass(ms: number): void {
    this.#nowMs += ms
  }

  looks(): void {
    this.#council.handle({ type: 'wake' }, this.#nowMs)
  }

  /** Hears of a lease that the steward drew from so many of the vehicles, and tells whether it counts. */
  takes(steward: 'a' | 'c', count: number): boolean {
    const candidates = vehicles.slice(0, count).map(({ peer, owner }) => ({ peer, owner }))
    const draw = this.#hear('draw', steward, { candidates })
    const [{ peer, owner }] = candidates as [{ peer: Lease['vehicle']; owner: OwnerId }]
    const lease: Lease = {
      ...{ vehicle: peer, owner, shards: [shards[0]!.shard], positions: [0], isa: null, costMs: 1 },
      ...{
        units: [1],
        price: null,
        draw: { basis: draw, eligible: bitsOf(count, [0]), index: this.#serial },
      },
    }
    this.last = this.#hear('lease', steward, lease)
    return this.counts
  }

  /** Hears of a lease drawn from so many, all but the first of which are in a change that comes before the list that it changes. */
  takesBackwards(steward: 'a' | 'c', count: number): boolean {
    const [first, ...added] = vehicles.slice(0, count).map(({ peer, owner }) => ({ peer, owner }))
    const list = { candidates: [first!, ...added].sort((a, b) => (a.peer < b.peer ? -1 : 1)) }
    const serial = this.#serial + 1
    const { record: before } = recordOf('draw', peerNamed(steward), serial, { candidates: [first!] })
    const change = { before: before.id, removed: [], added, count, root: candidatesRoot(sha256, list) }
    const basis = this.#hear('draw', steward, change)
    const { peer: vehicle, owner } = list.candidates[0]!
    const draw = { basis, eligible: bitsOf(count, [0]), index: this.#serial }
    this.#serial = serial
    assert.equal(this.#hear('draw', steward, { candidates: [first!] }), before.id)
    this.last = this.#hear('lease', steward, {
      ...{ vehicle, owner, shards: [shards[0]!.shard], positions: [0], isa: null, costMs: 1 },
      ...{ units: [1], price: null, draw },
    } satisfies Lease)
    return this.counts
  }

  last = cidNamed('no lease')

  /** The last lease that it heard of. */
  get counts(): boolean {
    return this.#council.counts(this.last)
  }

  #hear(kind: 'draw' | 'lease', steward: 'a' | 'c', payload: unknown): LeaseId {
    const from = peerNamed(steward)
    const { record } = recordOf(kind, from, this.#serial, payload)
    this.#serial += 1
    this.#council.handle(
      { type: 'record', from, record: believed(checked(kind, record) as JobRecord) },
      this.#nowMs,
    )
    return record.id
  }
}

function standby(): Standby {
  const b = new Standby()
  b.connects('a')
  b.connects('c')
  b.knows(vehicles)
  return b
}

test('leases drawn from candidates that leave out more than a fifth of the owners known for long do not count', () => {
  const b = standby()
  b.pass(rosterLagMs)
  assert.equal(b.takes('c', 10), true)
  assert.equal(b.takes('c', 8), true)
  assert.equal(b.takes('c', 7), false)
  assert.equal(b.takes('c', 9), true, 'the steward is not judged for good')
})

test('a list that comes before the one that it changes is judged once both are here', () => {
  const b = standby()
  b.pass(rosterLagMs)
  assert.equal(b.takesBackwards('c', 9), true)
  assert.equal(b.takesBackwards('c', 7), false)
})

test('a node that stood still judges no list by the vehicles that it knew before', () => {
  const b = standby()
  b.pass(rosterLagMs)
  b.looks()
  assert.equal(b.takes('c', 7), false)
  b.pass(2 * stewardLeaseMs)
  assert.equal(b.takes('c', 7), true, 'three of them may have left meanwhile, and that is on its way')
  for (let ms = 0; ms < rosterLagMs; ms += 1_000) {
    b.pass(1_000)
    b.looks()
  }
  assert.equal(b.takes('c', 7), false)
})

/** The node that submitted a job acts for it, and hears c, which stands by, and may lease what it likes. */
class Submitter {
  readonly #council: Council
  /** The count of the last beat that c has. */
  #heard: number | null = null
  #nowMs = 0
  #serial = 0

  constructor() {
    this.#council = new Council({
      ...{ job, drawSecret, sha256, self: peerNamed('a') },
      manifest: manifestWith({ stewards: ['a', 'b', 'c'].map(seatOf), deadlineMs: 100_000_000 }),
    })
    this.#council.begin({ records: [], shards, fresh: true }, 0)
    this.#council.handle({ type: 'connected', peer: peerNamed('c') }, 0)
    this.#council.handle({ type: 'roster', capacities: vehicles }, 0)
  }

  /** c says once a second that it lives; `hears`: and hears each beat of this node. */
  pass(ms: number, hears = true): this {
    for (const endMs = this.#nowMs + ms; this.#nowMs < endMs; ) {
      this.#nowMs += 1_000
      this.#beat()
      for (const effect of this.#council.handle({ type: 'wake' }, this.#nowMs))
        if (hears && effect.type === 'send' && effect.message.type === 'beat')
          this.#heard = effect.message.count
    }
    return this
  }

  /** Says whether a lease counts that c has drawn from all vehicles, and whether it says that it never will. */
  hears(): [counts: boolean, isShutOut: boolean] {
    this.#beat()
    const { record: basis } = recordOf('draw', peerNamed('c'), 500 + this.#serial, {
      candidates: vehicles.map(({ peer, owner }) => ({ peer, owner })),
    })
    const [{ peer: vehicle, owner }] = vehicles as [(typeof vehicles)[0]]
    const { record: lease } = recordOf('lease', peerNamed('c'), 501 + this.#serial, {
      ...{ vehicle, owner, shards: [shards[0]!.shard], positions: [0], isa: null, costMs: 1, units: [1] },
      ...{ price: null, draw: { basis: basis.id, eligible: bitsOf(10, [0]), index: 0 } },
    })
    this.#serial += 2
    const effects = [checked('draw', basis), checked('lease', lease)].flatMap((entry) =>
      this.#council.handle(
        { type: 'record', from: peerNamed('c'), record: believed(entry as JobRecord) },
        this.#nowMs,
      ),
    )
    const shutOut = effects.some((effect) => effect.type === 'shut-out' && effect.record === lease.id)
    return [this.#council.counts(lease.id), shutOut]
  }

  #beat(): void {
    const { root } = this.#council
    const counts = { count: 0, heard: this.#heard }
    const beat = { type: 'beat', job, root, acting: false, asks: false, ...counts } as const
    this.#council.handle({ type: 'fellow', from: peerNamed('c'), message: beat as never }, this.#nowMs)
  }
}

test('while a steward acts and gets on, leases of one behind it that says that it hears so never count there', () => {
  assert.deepEqual(new Submitter().pass(4_000).hears(), [false, true], 'in the first seconds')
  assert.deepEqual(new Submitter().pass(40_000).hears(), [false, true])
  assert.deepEqual(
    new Submitter().pass(40_000).pass(stewardLeaseMs, false).hears(),
    [true, false],
    'it is heard, and hears nobody: it acts in good faith',
  )
  assert.deepEqual(
    new Submitter().pass(40_000).pass(stewardLeaseMs, false).pass(2_000).hears(),
    [true, false],
    'what it leased before they met comes now',
  )
  assert.deepEqual(
    new Submitter().pass(stewardFruitlessMs).hears(),
    [true, false],
    'where nothing comes back',
  )
})

test('owners that a steward may not have heard of yet are not missing', () => {
  const b = standby()
  b.pass(rosterLagMs - 1)
  assert.equal(b.takes('c', 1), true, 'their adverts may be on their way')
  b.knows(vehicles.slice(0, 2))
  b.pass(1)
  b.knows(vehicles)
  b.pass(rosterLagMs - 1)
  assert.equal(b.takes('c', 2), true, 'they were not there all the time')
  b.pass(1)
  assert.equal(b.takes('c', 2), false)
})

test('what a steward drew while nobody heard it is not judged by who is there when it is heard again', () => {
  const b = standby()
  b.pass(rosterLagMs)
  b.loses('c')
  b.connects('c')
  assert.equal(b.takes('c', 2), true)
  b.pass(rosterLagMs)
  assert.equal(b.takes('c', 2), false)
})

test('the submitter’s node draws from whom it likes', () => {
  const b = standby()
  b.pass(rosterLagMs)
  assert.equal(b.takes('a', 1), true)
})

test('in a fleet a lease counts once its vehicle is known to be admitted for the owner that it names', () => {
  const { peer, owner } = vehicles[0]!
  const b = new Standby(peerNamed('fleet'))
  for (const steward of ['a', 'c'] as const) {
    b.met.clear()
    assert.equal(b.takes(steward, 1), false, 'whoever made it up may have no vehicle at all')
    b.met.set(peer, owner)
    b.knows(vehicles)
    assert.equal(b.counts, true)
    b.met.set(peer, vehicles[1]!.owner)
    assert.equal(b.takes(steward, 1), false, 'one owner under two names')
  }
})
