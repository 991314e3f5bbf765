/** The next lease of a steward: the same as by a walk over all shards and all vehicles, at a cost that does not grow with either. */
import assert from 'node:assert/strict'
import test from 'node:test'
import type { JobId, LeaseId, OwnerId, PeerId } from '../../src/protocol/ids.ts'
import type { Manifest } from '../../src/protocol/job/manifest.ts'
import { turnLeasesMax, turnLotsMax } from '../../src/protocol/limits.ts'
import { crampedShardsMax, type Market, nextOpportunity } from '../../src/protocol/steward/assignment.ts'
import type { Candidate } from '../../src/protocol/steward/candidate.ts'
import { type Desk, newDesk } from '../../src/protocol/steward/desk.ts'
import { assignWork } from '../../src/protocol/steward/leasing.ts'
import { learnAdverts, learnRoster } from '../../src/protocol/steward/roster.ts'
import type { ShardState } from '../../src/protocol/steward/shard-state.ts'
import { Steward } from '../../src/protocol/steward/steward.ts'
import { Chance } from '../../src/simulator/chance.ts'
import { cidNamed, drawSecret, manifestWith, peerNamed, placeOf, sha256 } from '../support/core-fakes.ts'
import { capacityOf } from '../support/core-steward-stage.ts'

function deskOf(shards: number, assurance: Partial<Manifest['assurance']> = { replicas: 2 }): Desk {
  const entries = Array.from({ length: shards }, (_, i) => ({
    shard: cidNamed(`S${i}`),
    pages: 1,
    bytes: 1,
    costMs: 100 + (i % 7) * 400,
  }))
  const manifest = manifestWith({ assurance, stewards: [placeOf('steward')], deadlineMs: 1e12 })
  const self = peerNamed('steward')
  return newDesk({ job: 'job' as JobId, manifest, shards: entries, self, drawSecret, sha256 })
}

function marketOf({ board, cursors, rooms }: Desk): Market {
  return { board, cursors, rooms, affords: () => true }
}

/** By vehicle without room: since when. */
type FullSince = Map<PeerId, number>

/** By a walk over everything, as the rule says it. Call in each step. */
function dumbOpportunity(
  desk: Desk,
  full: FullSince,
  nowMs: number,
): { shard: ShardState; eligible: Candidate[] } | undefined {
  const free = [...desk.rooms.all()].flatMap((candidate) => {
    const { peer, slots, mode, availableUntilMs } = candidate
    const active = desk.leases.activeOf(peer)
    const leftMs = (availableUntilMs ?? Number.POSITIVE_INFINITY) - nowMs
    const costMsMax = leftMs / desk.slowness.value - desk.leases.costMsOf(peer) / slots
    const isFree = desk.patience.open(peer, nowMs) && mode === 'run' && active < 2 * slots && costMsMax > 0
    return isFree ? [{ candidate, active, costMsMax }] : []
  })
  const present = [...desk.rooms.all()]
  for (const peer of [...full.keys()]) if (!present.some((one) => one.peer === peer)) full.delete(peer)
  const awaited = new Set<OwnerId>()
  for (const { peer, owner, slots, mode, availableUntilMs } of present) {
    const isFree = free.some(({ candidate }) => candidate.peer === peer)
    if (isFree) full.delete(peer)
    else if (!full.has(peer)) full.set(peer, nowMs)
    const workMs = (desk.leases.costMsOf(peer) / slots) * desk.slowness.value
    const fullUntilMs = (full.get(peer) ?? nowMs) + Math.max(60_000, 1.5 * workMs)
    const untilMs = Math.min(fullUntilMs, availableUntilMs ?? fullUntilMs)
    const isHere = mode === 'run' && !desk.patience.isAway(peer)
    const isSoon = nowMs < untilMs && desk.patience.notBeforeMs(peer) < untilMs
    if (isFree || (isHere && isSoon && desk.patience.setbacks(peer) <= 2)) awaited.add(owner)
  }
  let cramped = 0
  for (const shard of desk.board.states) {
    if (shard.wanted === 0) continue
    let able = free.filter(
      ({ candidate, costMsMax }) =>
        desk.board.isEligible(shard, candidate.owner) && shard.entry.costMs <= costMsMax,
    )
    const ownersOf = (some: typeof able) => new Set(some.map(({ candidate }) => candidate.owner))
    const could = new Set([...awaited].filter((owner) => desk.board.isEligible(shard, owner)))
    const hurried = ownersOf(free.filter(({ candidate }) => desk.board.isEligible(shard, candidate.owner)))
    for (const owner of hurried) if (!ownersOf(able).has(owner)) could.delete(owner)
    const isEnough = (some: typeof able) => some.length > 0 && 2 * ownersOf(some).size >= could.size
    if (!isEnough(able)) {
      cramped += able.length > 0 ? 1 : 0
      if (cramped === crampedShardsMax) return undefined
      continue
    }
    const fresh = able.filter(({ candidate }) => !shard.losers.includes(candidate.owner))
    if (isEnough(fresh)) able = fresh
    const idle = able.filter(({ candidate, active }) => active < candidate.slots)
    if (isEnough(idle)) able = idle
    return { shard, eligible: able.map(({ candidate }) => candidate) }
  }
  return undefined
}

test('the next shard and the vehicles that may get it are those of a walk over everything, whatever happened before', () => {
  const seeds = Number(process.env.CARPOOL_SEEDS ?? 15)
  const first = Number(process.env.CARPOOL_SEED ?? 1)
  for (let seed = first; seed < first + seeds; seed += 1) {
    const chance = new Chance(seed, 'assignment')
    const desk = deskOf(24, { replicas: chance.between(1, 3) })
    const full: FullSince = new Map()
    let nowMs = 1_000
    const vehicleOf = (i: number) => {
      const until = chance.between(0, 2) === 0 ? `:until=${nowMs + chance.between(0, 20_000)}ms` : ''
      const mode = chance.between(0, 9) === 0 ? ':mode=drain' : ''
      return capacityOf(`v${i}:o${i % 5}:slots=${chance.between(1, 2)}${until}${mode}`)
    }
    learnRoster(
      desk,
      Array.from({ length: 9 }, (_, i) => vehicleOf(i)),
    )
    const anyShard = () => desk.board.states[chance.between(0, 23)]!
    const anyPeer = () => peerNamed(`v${chance.between(0, 11)}`)
    const happenings = [
      () => assignWork(desk, nowMs),
      () => learnAdverts(desk, [vehicleOf(chance.between(0, 11))], []),
      () => learnAdverts(desk, [], [anyPeer()]),
      () => desk.patience.setback(anyPeer(), chance.between(0, 5_000), nowMs),
      () => desk.patience.left(anyPeer()),
      () => desk.patience.returned(anyPeer()),
      () => {
        nowMs += chance.between(0, chance.between(0, 9) === 0 ? 80_000 : 8_000)
      },
      () => {
        for (const [owner, { lease }] of anyShard().holders)
          desk.board.release(
            desk.board.states.find(({ holders }) => holders.get(owner)?.lease === lease)!,
            owner,
            lease,
            chance.between(0, 1) === 0,
          )
      },
      () => {
        const state = [...desk.leases.active()][0]
        if (state !== undefined) desk.leases.close(state, nowMs)
      },
      () => {
        const shard = anyShard()
        for (const [owner, { lease }] of shard.holders) desk.board.late(shard, owner, lease)
      },
      () => desk.board.need(anyShard(), 3),
    ]
    for (let step = 0; step < 150; step += 1) {
      happenings[chance.between(0, happenings.length - 1)]!()
      desk.effects = []
      desk.rooms.refresh(nowMs)
      desk.rooms.unshelve()
      const found = nextOpportunity(marketOf(desk), nowMs)
      const expected = dumbOpportunity(desk, full, nowMs)
      const names = (some: readonly Candidate[]) => some.map(({ peer }) => peer).sort()
      const where = `CARPOOL_SEED=${seed}, step ${step}`
      if (expected === undefined) assert(typeof found !== 'object', where)
      else {
        assert(typeof found === 'object', where)
        assert.equal(found.shard.position, expected.shard.position, where)
        assert.deepEqual(names(found.eligible), names(expected.eligible), where)
      }
    }
  }
})

/** The leases of each turn, until there is no more to lease, or of so many turns. */
function turnsOf(desk: Desk, turnsMax = Infinity): { vehicle: PeerId; positions: readonly number[] }[][] {
  const turns = []
  for (;;) {
    desk.goesOn = false
    assignWork(desk, 1_000)
    const leases = desk.effects.flatMap((effect) =>
      effect.type === 'issue' && effect.issued.kind === 'lease' ? [effect.issued.record.payload] : [],
    )
    turns.push(leases)
    const goesOn = desk.effects.some(({ type }) => type === 'go-on')
    desk.effects = []
    if (!goesOn || turns.length === turnsMax) return turns
  }
}

function crowd(vehicles: number, owners: number) {
  return Array.from({ length: vehicles }, (_, i) => capacityOf(`v${i}:o${i % owners}:slots=2`))
}

test('a turn gives out so many leases and no more, and the next ones give out the rest', () => {
  const desk = deskOf(4_000)
  learnRoster(desk, crowd(40, 1))
  const turns = turnsOf(desk)
  assert.equal(turns.flat().length, 160)
  assert.deepEqual(
    turns.map((leases) => leases.length).filter((count) => count > 0),
    [32, 32, 32, 32, 32],
  )
  assert(Math.max(...turns.map((leases) => leases.length)) <= turnLeasesMax)
})

test('a turn ends sooner where each draw is among many', () => {
  const desk = deskOf(1_000)
  learnRoster(desk, crowd(450, 450))
  // The first turn puts them on record.
  const [listing, first] = turnsOf(desk, 2)
  assert.deepEqual(listing, [])
  assert.equal(first!.length, Math.ceil(turnLotsMax / 450))
})

test('a large roster is taken in over several turns, with what changed meanwhile, and nobody is leased anything before', () => {
  const manifest = manifestWith({
    shards: { ...manifestWith().shards, count: 9, pages: 9 },
    deadlineMs: 1e12,
  })
  const shards = Array.from({ length: 9 }, (_, i) => ({
    shard: cidNamed(`S${i}`),
    pages: 1,
    bytes: 1,
    costMs: 100,
  }))
  const steward = new Steward({
    job: 'job' as JobId,
    manifest,
    shards,
    self: peerNamed('steward'),
    drawSecret,
    sha256,
  })
  let effects = steward.handle({ type: 'roster', capacities: crowd(1_200, 1_200) }, 1_000)
  assert.equal(steward.view().owners.available, 512)
  const listed: PeerId[] = []
  // The last one leaves, and the one before it moves to an owner that was there.
  steward.handle({ type: 'adverts', changed: [capacityOf('v1198:o0')], gone: [peerNamed('v1199')] }, 1_000)
  for (let turns = 1; effects.some(({ type }) => type === 'go-on'); turns += 1) {
    assert(effects.every(({ type }) => type !== 'issue') || turns > 2)
    effects = steward.handle({ type: 'go-on' }, 1_000)
    for (const effect of effects)
      if (effect.type === 'issue' && effect.issued.kind === 'draw') {
        const { payload } = effect.issued.record
        listed.push(...('added' in payload ? payload.added : payload.candidates).map(({ peer }) => peer))
      }
  }
  assert.equal(steward.view().owners.available, 1_198)
  assert(listed.length > 512 && !listed.includes(peerNamed('v1199')))
  steward.check()
})

test('leases to one owner walk over no shard again that the owner has', () => {
  const shards = 5_000
  const desk = deskOf(shards)
  learnRoster(desk, crowd(100, 1))
  const leases = turnsOf(desk).flat().length
  assert.equal(leases, 400)
  const { steps } = desk.cursors
  assert(steps <= 2 * shards + 2 * leases, `${steps} steps for ${leases} leases over ${shards} shards`)
})

test('a lease looks at the room of its vehicle, and at no other', () => {
  const desk = deskOf(3_000)
  learnRoster(desk, crowd(150, 150))
  const leases = turnsOf(desk).flat().length
  assert(desk.rooms.looks <= 150 + leases, `${desk.rooms.looks} looks for ${leases} leases`)
  const before = desk.rooms.looks
  const news = Array.from({ length: 100 }, (_, i) => capacityOf(`v${i}:o${i}:slots=4`))
  learnAdverts(desk, news, [])
  const more = turnsOf(desk).flat().length
  assert(more > 0)
  assert(desk.rooms.looks - before <= 100 + more, 'an advert makes only its own vehicle’s room be looked at')
})

test('a replica that is given up is leased again, though the owner’s cursor had passed it', () => {
  const desk = deskOf(40, { replicas: 1 })
  learnRoster(desk, crowd(2, 1))
  turnsOf(desk)
  const [held] = desk.board.states.filter(({ holders }) => holders.size > 0)
  const [owner, { lease }] = [...held!.holders][0]!
  desk.board.release(held!, owner as OwnerId, lease as LeaseId, false)
  desk.rooms.unshelve()
  assert.equal(desk.cursors.first(owner as OwnerId)?.position, held!.position)
})

test('what changed in a roster leads to the same vehicles as the whole roster, the owner of a steward included', () => {
  for (let seed = 1; seed <= 10; seed += 1) {
    const chance = new Chance(seed, 'adverts')
    const [told, whole] = [deskOf(1), deskOf(1)]
    const roster = new Map<PeerId, ReturnType<typeof capacityOf>>()
    for (let step = 0; step < 60; step += 1) {
      const name = chance.between(0, 9) === 0 ? 'steward' : `v${chance.between(0, 7)}`
      const capacity = capacityOf(`${name}:o${chance.between(0, 3)}:slots=${chance.between(0, 2)}`)
      const isGone = chance.between(0, 3) === 0
      if (isGone) roster.delete(capacity.peer)
      else roster.set(capacity.peer, capacity)
      learnAdverts(told, isGone ? [] : [capacity], isGone ? [capacity.peer] : [])
      learnRoster(whole, [...roster.values()])
      const facts = ({ rooms }: Desk) => [...rooms.all()].sort((a, b) => (a.peer < b.peer ? -1 : 1))
      assert.deepEqual(facts(told), facts(whole), `seed ${seed}, step ${step}`)
      assert.deepEqual(new Set(told.rooms.owners.keys()), new Set(facts(whole).map(({ owner }) => owner)))
    }
  }
})

test('owners for whom there is no money are waited for when one has room that asks for nothing', () => {
  const desk = deskOf(4, { replicas: 1 })
  const free = peerNamed('x')
  learnRoster(desk, [...crowd(4, 4), capacityOf('x')])
  desk.patience.setback(free, 1_000, 0)
  const market: Market = { ...marketOf(desk), affords: ({ peer }) => peer === free }
  desk.rooms.refresh(0)
  assert.equal(nextOpportunity(market, 0), 'unaffordable')
  desk.rooms.refresh(2_000)
  assert.equal(nextOpportunity(market, 2_000), 'cramped')
  desk.rooms.unshelve() // there is money again
  assert.equal(typeof nextOpportunity(marketOf(desk), 2_000), 'object')
})
