/** Whom a job draws from where a mesh has more vehicles than a list of candidates. */
import assert from 'node:assert/strict'
import test from 'node:test'
import type { Seat } from '../../src/protocol/council/seat.ts'
import { shutsOut } from '../../src/protocol/council/shut-out.ts'
import { Watch } from '../../src/protocol/council/watch.ts'
import type { OwnerId, PeerId } from '../../src/protocol/ids.ts'
import { drawCandidatesMax, drawOwnerVehiclesMax, rosterLagMs } from '../../src/protocol/limits.ts'
import type { Candidate } from '../../src/protocol/steward/candidate.ts'
import { ownerLot, Selection } from '../../src/protocol/steward/selection.ts'
import { Chance } from '../../src/simulator/chance.ts'
import { drawSecret, manifestWith, peerNamed, placeOf, sha256 } from '../support/core-fakes.ts'

function candidate(name: string, owner: string): Candidate {
  const facts = {
    slots: 1,
    free: 1,
    mode: 'run',
    isa: null,
    availableUntilMs: null,
    unitMicros: null,
  } as const
  return { peer: name as PeerId, owner: owner as OwnerId, ...facts }
}

function crowd(vehicles: number, owners: number): Candidate[] {
  return Array.from({ length: vehicles }, (_, i) => candidate(`v${i}`, `o${i % owners}`))
}

function selectedOf(candidates: readonly Candidate[], max = drawCandidatesMax): Candidate[] {
  const selection = new Selection(sha256, drawSecret, max)
  for (const one of candidates) selection.put(one.peer, one)
  return [...selection.takeChanged().values()].filter((one) => one !== undefined)
}

function lotOf({ owner }: { readonly owner: string }): string {
  return ownerLot(sha256, drawSecret, owner as OwnerId)
}

function byPeer(candidates: readonly Candidate[]): Candidate[] {
  return candidates.toSorted((a, b) => (a.peer < b.peer ? -1 : 1))
}

test('where there is room for all, all are selected, however many are of one owner', () => {
  const all = crowd(drawCandidatesMax, 3)
  assert.deepEqual(byPeer(selectedOf(all)), byPeer(all))
  const few = selectedOf(crowd(600, 3), 512)
  assert.equal(few.length, 3 * 128, 'three owners have as many as leave room for each other')
})

test('in a crowd the owners with the lowest lots are selected, in whatever order they came', () => {
  const all = crowd(6_000, 3_000)
  const selected = selectedOf(all)
  assert(selected.length <= drawCandidatesMax)
  assert(selected.length > drawCandidatesMax - drawOwnerVehiclesMax)
  assert.deepEqual(byPeer(selectedOf(all.toReversed())), byPeer(selected))
  const owners = new Set(selected.map(({ owner }) => owner))
  const last = selected.map(lotOf).reduce((a, b) => (a > b ? a : b))
  for (const one of all) assert.equal(owners.has(one.owner), lotOf(one) <= last)
})

test('an owner with thousands of vehicles has a few of them in, and displaces nobody by more', () => {
  const others = crowd(drawCandidatesMax + 200, drawCandidatesMax + 200)
  // With the lowest lot of all: it comes first.
  const owner = Array.from({ length: 5_000 }, (_, i) => `flood${i}`).toSorted((a, b) =>
    lotOf({ owner: a }) < lotOf({ owner: b }) ? -1 : 1,
  )[0]!
  const flood = Array.from({ length: 5_000 }, (_, i) => candidate(`f${i}`, owner))
  const selected = selectedOf([...flood, ...others])
  const own = selected.filter((one) => one.owner === owner).length
  assert.equal(own, drawOwnerVehiclesMax)
  assert(new Set(selected.map(({ owner }) => owner)).size > drawCandidatesMax - 2 * drawOwnerVehiclesMax)
})

test('what comes and goes leads to the same selection as if it had always been so', () => {
  const max = 512
  const selection = new Selection(sha256, drawSecret, max)
  const chance = new Chance(1, 'selection')
  const [known, selected] = [new Map<PeerId, Candidate>(), new Map<PeerId, Candidate>()]
  for (let step = 0; step < 6_000; step += 1) {
    // A crowd that grows, stays around the bound, and shrinks.
    const most = [300, 700, 1_200, 600, 400][Math.floor(step / 1_200)]!
    const one = candidate(`v${chance.between(0, most)}`, `o${chance.between(0, most / 3)}`)
    const isGone = chance.between(0, 4) === 0
    if (isGone) known.delete(one.peer)
    else known.set(one.peer, one)
    selection.put(one.peer, isGone ? undefined : one)
    for (const [peer, now] of selection.takeChanged())
      if (now === undefined) selected.delete(peer)
      else selected.set(peer, now)
    if (step % 100 > 0) continue
    assert.deepEqual(
      byPeer([...selected.values()]),
      byPeer(selectedOf([...known.values()], max)),
      `step ${step}`,
    )
  }
  assert(known.size > max)
})

test('a vehicle of a large mesh that comes, goes or changes is looked at alone, unless others are in or out because of it', () => {
  const max = 512
  const selection = new Selection(sha256, drawSecret, max)
  for (const one of crowd(2_000, 2_000)) selection.put(one.peer, one)
  const selected = [...selection.takeChanged().values()].filter((one) => one !== undefined)
  const owners = new Set(selected.map(({ owner }) => owner))
  const last = selected.map(lotOf).reduce((a, b) => (a > b ? a : b))
  const { looks } = selection
  for (let i = 0; i < 200; i += 1) {
    const one = candidate(`v${i}`, `o${i}`)
    selection.put(one.peer, one)
    assert.equal(selection.takeChanged().size, Number(owners.has(one.owner)))
  }
  assert.equal(selection.looks, looks)
  let isIn = 0
  for (let i = 2_000; i < 2_200; i += 1) {
    const one = candidate(`v${i}`, `o${i}`)
    isIn += Number(lotOf(one) <= last)
    selection.put(one.peer, one)
    selection.takeChanged()
  }
  assert(isIn > 20)
  assert(selection.looks - looks <= 2 * isIn, 'each that is in, and the one that is out for it')
})

test('a full list that has other owners than those with the lowest lots draws nothing that counts', () => {
  const all = crowd(9_000, 9_000)
  const watch = new Watch()
  const [nowMs, steward] = [rosterLagMs, peerNamed('c')]
  for (const { peer, owner } of all) watch.vehicle(peer, owner, 0)
  watch.connected(steward, 0)
  const options = { self: peerNamed('b'), manifest: manifestWith({ stewards: ['a', 'b', 'c'].map(placeOf) }) }
  const facts = { options: { ...options, sha256, drawSecret }, watch, capacities: new Map() }
  const seat = facts as unknown as Seat
  const isShutOut = (candidates: readonly Candidate[]) => shutsOut(seat, steward, { candidates }, nowMs)
  const honest = selectedOf(all)
  assert.equal(isShutOut(honest), false)
  const accomplices = Array.from({ length: drawCandidatesMax }, (_, i) => candidate(`x${i}`, `x${i}`))
  assert.equal(isShutOut(accomplices), true)
  assert.equal(
    isShutOut([...honest.slice(0, drawCandidatesMax / 2), ...accomplices.slice(0, drawCandidatesMax / 2)]),
    true,
  )
  assert.equal(isShutOut(all.slice(0, drawCandidatesMax)), true, 'those who came first')
  assert.equal(
    isShutOut(honest.slice(0, drawCandidatesMax - 100)),
    true,
    'a list that is not full lacks all others',
  )
})
