/** The draw: every owner alike, whatever the number of its vehicles, and the same draw for the same secret. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { fromString } from 'uint8arrays'
import type { PeerId, RecordId } from '../../src/protocol/ids.ts'
import {
  bitsOf,
  candidatesRoot,
  changedBy,
  type DrawBasis,
  type DrawRecord,
  drawVehicle,
  hasBit,
  isChange,
} from '../../src/protocol/job/draw.ts'
import { drawCandidatesMax } from '../../src/protocol/limits.ts'
import { encodeCbor } from '../../src/protocol/record/block.ts'
import { drawListedMax } from '../../src/protocol/sizes.ts'
import type { Candidate } from '../../src/protocol/steward/candidate.ts'
import { DrawLog } from '../../src/protocol/steward/draw-log.ts'
import { cidNamed, ownerNamed, peerNamed, sha256 } from '../support/core-fakes.ts'

/** Owner i has i + 1 vehicles. */
function basisOf(owners: number): DrawBasis {
  const candidates = Array.from({ length: owners }, (_, i) =>
    Array.from({ length: i + 1 }, (_, k) => ({ peer: peerNamed(`v${i}-${k}`), owner: ownerNamed(`o${i}`) })),
  ).flat()
  return { candidates: candidates.sort((a, b) => (a.peer < b.peer ? -1 : 1)) }
}

/** Σ (observed − expected)² / expected. */
function chiSquare(observed: readonly number[]): number {
  const expected = observed.reduce((a, b) => a + b, 0) / observed.length
  return observed.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0)
}

test('an owner with twenty vehicles is drawn as often as an owner with one', () => {
  const basis = basisOf(20)
  const everybody = bitsOf(
    basis.candidates.length,
    basis.candidates.map((_, i) => i),
  )
  for (const name of ['one', 'two', 'three']) {
    const byOwner = new Map<string, number>()
    const byVehicle = new Map<number, number>()
    for (let index = 0; index < 5_000; index += 1) {
      const drawn = drawVehicle(sha256, fromString(name), index, basis, everybody)
      const { owner } = basis.candidates[drawn]!
      byOwner.set(owner, (byOwner.get(owner) ?? 0) + 1)
      if (owner === 'o19') byVehicle.set(drawn, (byVehicle.get(drawn) ?? 0) + 1)
    }
    // 43.8 is exceeded once in a thousand by chance with 19 degrees of freedom; the seeds are fixed.
    assert.equal(byOwner.size, 20)
    assert(chiSquare([...byOwner.values()]) < 43.8, `owners, seed ${name}`)
    assert.equal(byVehicle.size, 20)
    assert(chiSquare([...byVehicle.values()]) < 43.8, `vehicles of one owner, seed ${name}`)
  }
})

test('only an eligible candidate is drawn, and always the same one for the same secret, position and bits', () => {
  const basis = basisOf(6)
  const size = basis.candidates.length
  fc.assert(
    fc.property(
      fc.uint8Array({ minLength: 1, maxLength: 32 }),
      fc.nat(1_000),
      fc.uniqueArray(fc.nat(size - 1), { minLength: 1 }),
      (seed, index, eligible) => {
        const bits = bitsOf(size, eligible)
        for (let i = 0; i < size; i += 1) assert.equal(hasBit(bits, i), eligible.includes(i))
        const drawn = drawVehicle(sha256, seed, index, basis, bits)
        assert(eligible.includes(drawn))
        assert.equal(drawVehicle(sha256, seed, index, basis, bits), drawn)
      },
    ),
  )
})

test('draws of one secret do not follow each other: position and secret both change the outcome', () => {
  const basis = basisOf(8)
  const everybody = bitsOf(
    basis.candidates.length,
    basis.candidates.map((_, i) => i),
  )
  const series = (seed: string) =>
    Array.from({ length: 50 }, (_, i) => drawVehicle(sha256, fromString(seed), i, basis, everybody))
  assert.notDeepEqual(series('a'), series('b'))
  assert(new Set(series('a')).size > 5)
})

test('leaving out an owner changes a draw only if that owner would have been drawn', () => {
  const basis = basisOf(6)
  const all = basis.candidates.map((_, i) => i)
  for (let block = 0; block < 200; block += 1) {
    const drawn = drawVehicle(sha256, fromString('s'), block, basis, bitsOf(all.length, all))
    const winner = basis.candidates[drawn]!.owner
    for (const { owner } of basis.candidates) {
      if (owner === winner) continue
      const rest = all.filter((i) => basis.candidates[i]!.owner !== owner)
      assert.equal(drawVehicle(sha256, fromString('s'), block, basis, bitsOf(all.length, rest)), drawn)
    }
  }
})

/** Keeps the records of a log, and makes each list from them as anybody can. */
class Signed {
  readonly records = new Map<RecordId, DrawRecord>()

  readonly issue = (payload: DrawRecord): RecordId => {
    const id = cidNamed(`basis ${this.records.size}`)
    this.records.set(id, payload)
    return id
  }

  listOf(id: RecordId): DrawBasis {
    const payload = this.records.get(id)!
    if (!isChange(payload)) return payload
    const list = changedBy(this.listOf(payload.before), [payload])!
    assert.equal(list.candidates.length, payload.count)
    assert.deepEqual(candidatesRoot(sha256, list), payload.root)
    return list
  }
}

test('vehicles that go and come back are on record once, and who has gone is not drawn', () => {
  const all = basisOf(12).candidates.map((candidate) => candidate as Candidate)
  const log = new DrawLog(sha256, fromString('s'))
  const signed = new Signed()
  for (let position = 0; position < 400; position += 1) {
    const present = all.filter((_, i) => (i * 7 + position) % 3 > 0)
    const rooms = {
      all: () => present,
      get: (peer: PeerId) => present.find((one) => one.peer === peer),
      arrivals: position,
    }
    assert(log.list(rooms, signed.issue), 'there is room for all in one record')
    const { candidate, draw } = log.draw(position, rooms, present)
    assert(present.includes(candidate))
    const basis = signed.listOf(draw.basis)
    const drawn = drawVehicle(sha256, fromString('s'), position, basis, draw.eligible)
    assert.equal(basis.candidates[drawn]!.peer, candidate.peer, 'and anybody can repeat it')
    const eligible = basis.candidates.filter((_, i) => hasBit(draw.eligible, i))
    assert.deepEqual(
      eligible.map(({ peer }) => peer),
      present.map(({ peer }) => peer),
    )
  }
  assert(signed.records.size <= 3, `${signed.records.size} records`)
})

test('thousands are listed in turns, a newcomer costs a few hundred bytes, and a list never has more than it may', () => {
  const log = new DrawLog(sha256, fromString('s'))
  const signed = new Signed()
  let arrivals = 0
  const candidates = (from: number, to: number) =>
    Array.from({ length: to - from }, (_, i) => {
      const peer = peerNamed(`v${from + i}`)
      return { peer, owner: ownerNamed(`o${from + i}`) } as Candidate
    })
  const listAll = (present: readonly Candidate[]) => {
    const rooms = {
      all: () => present,
      get: (peer: PeerId) => present.find((one) => one.peer === peer),
      arrivals,
    }
    let turns = 1
    for (; !log.list(rooms, signed.issue); turns += 1)
      assert(signed.records.size - before <= turns, 'one record in each turn')
    arrivals += 1
    const { draw } = log.draw(0, rooms, present)
    const list = signed.listOf(draw.basis)
    assert(list.candidates.length <= drawCandidatesMax)
    const names = (some: readonly { readonly peer: PeerId }[]) => some.map(({ peer }) => peer).sort()
    const eligible = list.candidates.filter((_, i) => hasBit(draw.eligible, i))
    assert.deepEqual(names(eligible), names(present))
    return { turns, list }
  }
  let before = 0
  const many = candidates(0, drawCandidatesMax - 100)
  listAll(many)
  assert(signed.records.size >= many.length / 512)
  before = signed.records.size
  const { turns } = listAll([...many.slice(1), ...candidates(5_000, 5_001)])
  assert.equal(turns, 1)
  const last = signed.records.get(cidNamed(`basis ${before}`))!
  assert(encodeCbor(last).byteLength < 400, `${encodeCbor(last).byteLength} bytes`)
  before = signed.records.size
  // All are others: those that have gone leave, and the list has those alone that may be drawn.
  const { list } = listAll(candidates(6_000, 6_000 + drawCandidatesMax))
  assert.equal(list.candidates.length, drawCandidatesMax)
  for (const payload of signed.records.values())
    if (isChange(payload)) assert(payload.added.length + payload.removed.length <= drawListedMax)
})
