/** The order of owners: a steward that acts in the submitter's place chooses neither owners nor shards. */
import assert from 'node:assert/strict'
import test from 'node:test'
import type { OwnerId } from '../../src/protocol/ids.ts'
import type { ShardEntry } from '../../src/protocol/job/lists.ts'
import { type OwnerOrder, orderOf } from '../../src/protocol/job/order.ts'
import { areListed, listOwners, ownerTagBytes } from '../../src/protocol/job/owner-list.ts'
import { leaseShardsMax } from '../../src/protocol/limits.ts'
import { orderedOwnersMax, orderedShards, ordinalsMax } from '../../src/protocol/sizes.ts'
import { Cursors } from '../../src/protocol/steward/cursors.ts'
import { OrderedAssignment } from '../../src/protocol/steward/in-order.ts'
import type { Rooms } from '../../src/protocol/steward/rooms.ts'
import { ShardBoard } from '../../src/protocol/steward/shard-board.ts'
import { cidNamed, drawSecret, manifestWith, peerNamed, placeOf, sha256 } from '../support/core-fakes.ts'
import { owner, vehicle, WrittenReport } from '../support/core-report.ts'
import { JobBench } from '../support/job-bench.ts'

const [submitter, standby] = ['a', 'b'].map(placeOf) as [
  ReturnType<typeof placeOf>,
  ReturnType<typeof placeOf>,
]
const ownerNumbered = (number: number) => `${number}`.padStart(64, '0') as OwnerId
/** So many, of whom the first are those of the tests' vehicles. */
const crowdOf = (count: number, ...first: readonly OwnerId[]) => [
  ...first,
  ...Array.from({ length: count - first.length }, (_, i) => ownerNumbered(i)),
]

function orderWith(
  owners: readonly OwnerId[],
  { secret = drawSecret, share = 0.01 }: { readonly secret?: Uint8Array; readonly share?: number } = {},
): OwnerOrder {
  const assurance = { colludingSharePpm: Math.round(share * 1e6) }
  const listed = listOwners(sha256, secret, owners)
  return orderOf(sha256, secret, manifestWith({ stewards: [submitter, standby], owners: listed, assurance }))!
}

const voice = (of: OwnerId, by = standby) => ({ owner: of, lease: { signer: by.peer } })

test('the order of a few owners has each of them at one place, for sixteen shards the same, and another for the next', () => {
  const crowd = crowdOf(100)
  const order = orderWith(crowd)
  const placesAt = (position: number) => crowd.map((name) => order.placeOf(position, name))
  assert.deepEqual(
    placesAt(0).sort((a, b) => a! - b!),
    crowd.map((_, i) => i + 1),
  )
  assert.deepEqual(placesAt(0), placesAt(orderedShards - 1))
  assert.notDeepEqual(placesAt(0), placesAt(orderedShards))
  assert.notDeepEqual(
    placesAt(0),
    crowd.map((name) => orderWith(crowd, { secret: sha256(drawSecret) }).placeOf(0, name)),
  )
})

test('an owner that came later has a place by lot among 512 however short the list is, never the first, and none where the list is full', () => {
  const order = orderWith(crowdOf(10))
  const groups = 10_000
  const places = Array.from({ length: groups }, (_, i) => order.placeOf(16 * i, ownerNumbered(1_000)))
  const early = places.filter((place) => place !== undefined && place <= 65).length
  assert(
    Math.abs(early - groups / 8) < 5 * Math.sqrt(groups / 8),
    `${early} of ${groups} are among the first 65`,
  )
  assert(!places.includes(1))
  assert(places.every((place) => place === undefined || place <= ordinalsMax))
  const full = orderWith(crowdOf(orderedOwnersMax + 40))
  const outside = crowdOf(orderedOwnersMax + 41).filter((name) => full.placeOf(0, name) === undefined)
  assert.equal(outside.length, orderedOwnersMax + 41 - ordinalsMax)
})

test('a list has whole names, each once, rising, and no more than there may be', () => {
  const list = listOwners(sha256, drawSecret, crowdOf(orderedOwnersMax + 9))
  assert.equal(list.byteLength, ownerTagBytes * orderedOwnersMax)
  assert(areListed(list) && areListed(new Uint8Array(0)))
  assert(!areListed(list.subarray(1)))
  assert(!areListed(new Uint8Array(2 * ownerTagBytes)))
  assert(!areListed(Uint8Array.from([...list.subarray(4, 8), ...list.subarray(0, 4)])))
  assert(!areListed(Uint8Array.from([...list, 255, 255, 255, 255])))
})

test('two voices are enough among the first three, three among seven, four among seventeen, where one in a hundred colludes', () => {
  const order = orderWith(crowdOf(100))
  assert.deepEqual(
    [2, 3, 4, 5].map((voices) => order.lastPlace(voices, 2)),
    [3, 7, 17, 29],
  )
  assert.equal(order.lastPlace(1, 2), 0)
  assert.equal(orderWith(crowdOf(9), { share: 0 }).lastPlace(2, 2), ordinalsMax)
  const byPlace = new Map(crowdOf(100).map((name) => [order.placeOf(0, name)!, name]))
  const areEnough = (...places: readonly number[]) =>
    order.areEnough(
      0,
      places.map((place) => voice(byPlace.get(place)!)),
      2,
    )
  assert(areEnough(1, 3))
  assert(!areEnough(1, 4))
  assert(areEnough(1, 4, 7))
  assert(!areEnough(1, 8, 9))
  assert(areEnough(1, 3, 90), 'one more voice never takes anything away')
  assert(!areEnough(1))
  const [late, first] = [byPlace.get(90)!, byPlace.get(1)!]
  assert(order.areEnough(0, [voice(late, submitter), voice(byPlace.get(80)!, submitter)], 2))
  assert(order.areEnough(0, [voice(late, submitter), voice(first)], 2))
  assert(!order.areEnough(0, [voice(late, submitter), voice(byPlace.get(2)!)], 2))
  assert(!order.areEnough(0, [voice(first), voice(first)], 2), 'an owner counts once')
})

test('of a list of so few that one of as many as must agree is honest, any are enough', () => {
  const crowd = crowdOf(50)
  const order = orderWith(crowd)
  const late = crowd.filter((name) => order.placeOf(0, name)! > 40)
  const [one, two] = late.map((name) => voice(name))
  assert(order.areEnough(0, [one!, two!], 2))
  assert(!order.areEnough(0, [one!, one!], 2), 'an owner counts once')
  assert(order.areEnough(0, [one!, voice(two!.owner, submitter)], 2))
  const newcomer = Array.from({ length: 200 }, (_, i) => ownerNumbered(1_000 + i)).find(
    (name) => (order.placeOf(0, name) ?? 0) > 10,
  )!
  assert(
    !order.areEnough(0, [one!, voice(newcomer)], 2),
    'of those that came later nobody knows how many collude',
  )
  const larger = orderWith(crowdOf(51))
  const last = crowdOf(51).filter((name) => larger.placeOf(0, name)! > 40)
  assert(
    !larger.areEnough(0, [voice(last[0]!), voice(last[1]!)], 2),
    'two of 51 are four in a hundred, at most',
  )
})

test('a steward that chooses owners and shards as it likes gets a cartel no more than honest draws may give it', () => {
  const owners = crowdOf(60)
  for (const { share, needed, groups } of [
    { share: 0.05, needed: 2, groups: 4_000 },
    { share: 0.1, needed: 3, groups: 4_000 },
    { share: 0.2, needed: 1, groups: 4_000 },
  ]) {
    const order = orderWith(owners, { share })
    const cartel = owners.slice(0, 60 * share)
    let forged = 0
    for (let group = 0; group < groups; group += 1)
      if (
        order.areEnough(
          group * orderedShards,
          cartel.map((name) => voice(name)),
          needed,
        )
      )
        forged += 1
    const most = groups * (2 * share) ** needed
    assert(forged <= most + 5 * Math.sqrt(most), `${forged} of ${groups}, at most ${most}`)
    assert(forged > 0, 'the rule is no stricter than it says')
  }
})

test('where the submitter knew 30 of 500 owners, those of a hundred that collude get no more than honest draws give them, whoever of them was known', () => {
  const groups = 10_000
  for (const { listed, later } of [
    { listed: 0, later: 25 },
    { listed: 1, later: 8 },
  ]) {
    const owners = crowdOf(500)
    const order = orderWith(owners.slice(0, 30), { share: 0.05 })
    const cartel = [...owners.slice(0, listed), ...owners.slice(100, 100 + later)].map((name) => voice(name))
    let forged = 0
    for (let group = 0; group < groups; group += 1)
      if (order.areEnough(group * orderedShards, cartel, 2)) forged += 1
    const most = groups * (2 * 0.05) ** 2
    assert(
      forged <= most + 5 * Math.sqrt(most),
      `${listed} and ${later}: ${forged} of ${groups}, at most ${most}`,
    )
  }
})

/** A standby that finds nobody for any shard of so many groups: each turn tells how it ended, how many groups it put into order, and the first. */
function fruitless(groups: number) {
  const shard = { shard: cidNamed('a'), pages: 1, bytes: 1, costMs: 1 }
  const manifest = manifestWith({ stewards: [submitter, standby] })
  const board = new ShardBoard(manifest, Array<ShardEntry>(groups * orderedShards).fill(shard))
  const asked = new Set<number>()
  const order = {
    binds: () => true,
    hasHonest: () => false,
    lastPlace: () => 3,
    standingOf: (name: OwnerId) => ({ owner: name, index: -1, lot: 0 }),
    placeIn(group: number) {
      asked.add(group)
      return 200 // too late to help
    },
  }
  const owners = new Map([[ownerNumbered(1), new Map()]])
  const rooms = { arrivals: 1, owners, free: owners, isAwaited: () => true } as unknown as Rooms
  const inOrder = new OrderedAssignment(order as unknown as OwnerOrder, board, rooms, 2)
  const market = { board, rooms, cursors: new Cursors(board), affords: () => true }
  const turn = () => {
    asked.clear()
    inOrder.begin()
    return [inOrder.next(market, 0), asked.size, Math.min(...asked)]
  }
  return { turn, owners, rooms }
}

test('a standby puts few groups of shards into order in one turn, goes on with the next ones, and comes to all of them', () => {
  const { turn, owners, rooms } = fruitless(200)
  assert.deepEqual(turn(), ['later', 64, 0])
  assert.deepEqual(turn(), ['later', 64, 64])
  assert.deepEqual(turn(), ['later', 64, 128])
  assert.deepEqual(turn(), ['cramped', 8, 192])
  // What is known already costs nothing, until somebody comes.
  assert.deepEqual(turn(), ['cramped', 0, Number.POSITIVE_INFINITY])
  owners.set(ownerNumbered(2), new Map())
  Object.assign(rooms, { arrivals: 2 })
  assert.deepEqual(turn(), ['later', 64, 0])
})

test('a standby comes to the last of more shards than it looks at in one turn', () => {
  const { turn } = fruitless(1_000)
  for (let from = 0; from < 960; from += 64) assert.deepEqual(turn(), ['later', 64, from])
  assert.deepEqual(turn(), ['cramped', 40, 960])
})

/** A standby acts alone, gives both leases of each shard to its accomplices, and says that they agree. */
function forgedBy(bench: JobBench): number {
  for (let from = 0; from < bench.shards.length; from += leaseShardsMax) {
    const positions = Array.from(
      { length: Math.min(leaseShardsMax, bench.shards.length - from) },
      (_, i) => from + i,
    )
    const receipts = ['v8', 'v9'].map((name) => bench.claim('b', name, 'forged', positions))
    const [position, ...others] = positions.map((one) => ({ position: one }))
    bench.verdict('b', 'forged', receipts, position, others)
  }
  bench.look()
  return bench.shards.filter((_, position) => bench.stands(position) === 'forged').length
}

test('two of a hundred owners forge no shard with the steward that acts, where all of them are leased to these two', () => {
  const shards = 2 * leaseShardsMax
  const owners = listOwners(sha256, drawSecret, crowdOf(100, owner(8), owner(9)))
  assert.equal(forgedBy(new JobBench({ shards })), shards, 'a job that lists no owners has no such rule')
  assert.equal(forgedBy(new JobBench({ shards, owners })), 0)
  assert.equal(forgedBy(new JobBench({ self: 'c', shards, owners })), 0, 'nor for another standby')
})

test('the audit objects to voices of owners that another steward chose, and not to those that the secret draws', () => {
  const crowd = crowdOf(100, owner(0), owner(1), owner(2), owner(3))
  const owners = listOwners(sha256, drawSecret, crowd)
  const order = orderWith(crowd)
  const report = (signer: typeof standby.peer, ...voices: readonly number[]) => {
    const written = new WrittenReport(1, { stewards: [placeOf('steward'), standby], owners })
    const result = written.result('forged')
    const receipts = voices.map((index) =>
      written.receipt(written.lease(index, [0], {}, { signer, epoch: 0 }), [result]),
    )
    written.verdict(0, result, receipts, {}, { signer })
    written.end(signer)
    return written.problems
  }
  assert(!order.areEnough(0, [voice(owner(0)), voice(owner(1))], 2))
  assert.match(report(standby.peer, 0, 1).join(), /rests on 2 owners that another steward chose/)
  assert.deepEqual(report(peerNamed('steward'), 0, 1), [])
  assert.equal(vehicle(0), peerNamed('v0'))
})
