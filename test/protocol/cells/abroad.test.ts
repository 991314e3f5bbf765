/** Draws abroad: every owner alike, no two voices of one foreign cell, and a list that the audit makes once more. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fromString } from 'uint8arrays'
import { arcLength, arcOfCensus } from '../../../src/protocol/cells/arc.ts'
import { cellAt, circle, isInArc, keyFrom } from '../../../src/protocol/cells/key.ts'
import type { CellId, OwnerId, PeerId, RecordId } from '../../../src/protocol/ids.ts'
import { advertsRoot, type DrawAbroad, encodeAdverts, openForeign } from '../../../src/protocol/job/abroad.ts'
import { bitsOf, drawVehicle } from '../../../src/protocol/job/draw.ts'
import type { Lease } from '../../../src/protocol/job/lease.ts'
import { arrival, logarithm, ownerWeight } from '../../../src/protocol/job/owner-weight.ts'
import { advertTtlMs } from '../../../src/protocol/limits.ts'
import type { ForeignCapacity } from '../../../src/protocol/membership/advert.ts'
import { rawCid } from '../../../src/protocol/record/block.ts'
import type { SignedRecord } from '../../../src/protocol/record/record.ts'
import { Steward } from '../../../src/protocol/steward/steward.ts'
import { capacityOf } from '../../../src/simulator/fixtures.ts'
import {
  bodyOf,
  cidNamed,
  drawSecret,
  manifestWith,
  peerNamed,
  seed,
  sha256,
  sign,
  verify,
} from '../../support/core-fakes.ts'
import { steward, WrittenReport } from '../../support/core-report.ts'

test('logarithms of exact operations are those of the library, and a certain owner weighs the least', () => {
  for (let i = 1; i <= 2_000; i += 1) {
    const number = i ** 4 / 2_000 ** 4
    assert(Math.abs(logarithm(number) - Math.log(number)) <= 1e-14 * Math.abs(Math.log(number)) + 1e-15)
  }
  assert.equal(ownerWeight(1 / 4, 1), 4)
  assert.equal(ownerWeight(1, 1), 1)
  assert.equal(ownerWeight(1 / 1024, null), 1)
  assert(Math.abs(ownerWeight(1 / 1024, 1_000_000) - 1) < 1e-12)
  assert(arrival(0.5, 2) < arrival(0.5, 1))
})

test('over many arcs an owner with fifty vehicles is drawn as often as one with one', () => {
  const sizes = [...Array(200).fill(1), ...Array(40).fill(10), ...Array(10).fill(50)] as number[]
  const vehicles = sizes.flatMap((size, o) =>
    Array.from({ length: size }, (_, i) => ({
      ...{ peer: peerNamed(`o${o}v${i}`), owner: `o${o}` as OwnerId, vehicles: size },
      key: keyFrom(sha256(fromString(`key ${o} ${i}`))),
    })),
  )
  const length = circle / 8
  const drawn = new Map<number, number>()
  const draws = 1_500
  for (let index = 0; index < draws; index += 1) {
    const arc = arcOfCensus(sha256, seed, index, length)
    const candidates = vehicles.filter(({ key }) => isInArc(arc, key))
    const list = { candidates, census: { length } }
    const all = bitsOf(
      candidates.length,
      candidates.map((_, i) => i),
    )
    const size = candidates[drawVehicle(sha256, seed, index, list, all)]!.vehicles
    drawn.set(size, (drawn.get(size) ?? 0) + 1)
  }
  // Of 250 owners; a draw that weighs nobody gives those with ten and more 66 % in place of 20 %.
  for (const [size, owners] of [
    [1, 200],
    [10, 40],
    [50, 10],
  ] as const) {
    const share = drawn.get(size)! / draws
    assert(Math.abs(share - owners / 250) < 0.03, `${size} vehicles: ${share} of draws`)
  }
})

function foreign(name: string, key: number, cell: string): ForeignCapacity {
  const engines = [{ runtime: 'ocr', engine: 'wasm', id: 'engine-1', isa: null, unitsPerHour: 1, ask: null }]
  const capacity = capacityOf({
    peer: peerNamed(name),
    owner: `owner of ${name}` as OwnerId,
    slots: { total: 4, free: 4 },
    engines,
  })
  return { ...capacity, key, vehicles: 1, cell: cell as CellId }
}

test('two replicas of a shard never go to vehicles of one foreign cell, and each list has a draw of its own', () => {
  const shards = Array.from({ length: 24 }, (_, i) => ({
    shard: cidNamed(`s${i}`),
    pages: 1,
    bytes: 1,
    costMs: 2_000,
  }))
  const manifest = manifestWith({ shards: { file: cidNamed('list'), bytes: 1, count: 24, pages: 24 } })
  const self = manifest.stewards[0]!.peer
  const machine = new Steward({ job: cidNamed('job'), manifest, shards, self, drawSecret, sha256 })
  const cells = new Map<PeerId, string>()
  const members = (cell: string, census: number) =>
    Array.from({ length: 3 }, (_, i) => {
      const member = foreign(`c${cell}-${census}-${i}`, 10 * census + i, cell)
      cells.set(member.peer, cell)
      return member
    })
  const mark = (index: number) => ({
    ...{
      index,
      length: circle / 8,
      expected: 64,
      doubted: [],
      root: sha256(fromString('r')),
      adverts: cidNamed('a'),
    },
  })
  const effects = [
    ...machine.handle(
      { type: 'census', census: mark(0), members: [...members('00', 0), ...members('01', 0)] },
      0,
    ),
    ...machine.handle({ type: 'census', census: mark(1), members: members('11', 1) }, 0),
  ]
  for (let turn = 0; turn < 20; turn += 1) effects.push(...machine.handle({ type: 'go-on' }, 0))
  const issued = effects.flatMap((effect) => (effect.type === 'issue' ? [effect.issued] : []))
  const lists = new Map(
    issued.flatMap(({ kind, record }) =>
      kind === 'draw' ? [[record.id, record.payload as DrawAbroad] as const] : [],
    ),
  )
  assert.equal(lists.size, 2)
  const leases = issued.flatMap(({ kind, record }) => (kind === 'lease' ? [record.payload as Lease] : []))
  const byShard = new Map<number, string[]>()
  for (const { vehicle, positions, draw } of leases) {
    const list = lists.get(draw.basis)!
    assert.equal(
      list.candidates[drawVehicle(sha256, drawSecret, positions[0]!, list, draw.eligible)]?.peer,
      vehicle,
    )
    for (const position of positions)
      byShard.set(position, [...(byShard.get(position) ?? []), cells.get(vehicle)!])
  }
  assert.equal(byShard.size, 24)
  for (const [position, used] of byShard) assert.equal(new Set(used).size, 2, `shard ${position}: ${used}`)
  assert.equal(new Set([...byShard.values()].flat()).size, 3, 'all cells have work')
})

const fleet = peerNamed('fleet key')
const atMs = 1_000_000

function advertOf(
  name: string,
  more: { serial?: number; expiresMs?: number; ownerVehicles?: number } = {},
): SignedRecord {
  const { serial = 1, expiresMs = atMs + advertTtlMs, ownerVehicles = 1 } = more
  const peer = peerNamed(name)
  const ownerKey = peerNamed(`key of ${name}`)
  const at = { expiresMs, serial }
  const certificate = sign(bodyOf('owner', ownerKey, { peer }, { expiresMs: 9 * atMs }))
  const owner = openCertificateOwner(ownerKey)
  const credential = sign(
    bodyOf('credential', fleet, { peer, vehicle: name, owner, ownerVehicles }, { expiresMs: 9 * atMs }),
  )
  const { peer: _, owner: __, serial: ___, expiresMs: ____, ...advert } = foreign(name, 0, '')
  const { key: _____, vehicles: ______, cell: _______, ...plain } = advert
  return sign(bodyOf('advert', peer, { ...plain, certificate, credential }, at))
}

function openCertificateOwner(key: PeerId): OwnerId {
  return Buffer.from(sha256(fromString(key))).toString('hex') as OwnerId
}

interface Told {
  /** Peers that are left out of the list. */
  readonly without?: (peers: readonly PeerId[]) => readonly PeerId[]
  readonly change?: (draw: DrawAbroad) => DrawAbroad
  readonly forget?: boolean
  readonly witnesses?: readonly SignedRecord[]
}

/** A report whose two leases went to vehicles of a census among 64. */
function problemsOf({
  without = () => [],
  change = (draw) => draw,
  forget = false,
  witnesses = [],
}: Told): readonly string[] {
  const report = new WrittenReport(1, { fleet })
  const length = arcLength(16, 64)
  const arc = arcOfCensus(sha256, seed, 0, length)
  const there = Array.from({ length: 64 }, (_, i) => advertOf(`w${i}`)).filter((advert) =>
    isInArc(arc, openForeign(advert, sha256, verify).key),
  )
  const all = there.map((advert) => ({ advert, opened: openForeign(advert, sha256, verify) }))
  const left = new Set(without(all.map(({ opened }) => opened.peer)))
  const listed = all
    .filter(({ opened }) => !left.has(opened.peer))
    .sort((a, b) => (a.opened.peer < b.opened.peer ? -1 : 1))
  const adverts = listed.map(({ advert }) => advert)
  const block = encodeAdverts(adverts)
  const cid = rawCid(sha256, block)
  report.block(cid, block)
  report.results = []
  if (forget) report.forget(cid)
  const draw = change({
    candidates: listed.map(({ opened: { peer, owner, key, vehicles } }) => ({ peer, owner, key, vehicles })),
    census: { index: 0, length, expected: 64, doubted: [], root: advertsRoot(sha256, adverts), adverts: cid },
  })
  const basis: RecordId = report.add('draw', steward, draw)
  const bits = bitsOf(
    draw.candidates.length,
    draw.candidates.map((_, i) => i),
  )
  const drawn = draw.candidates[drawVehicle(sha256, seed, 0, draw, bits)]!
  const others = bitsOf(
    draw.candidates.length,
    draw.candidates.flatMap(({ peer }, i) => (peer === drawn.peer ? [] : [i])),
  )
  const second = draw.candidates[drawVehicle(sha256, seed, 0, draw, others)]!
  const result = report.result('read')
  const receipts = [
    report.work(0, [0], result, {
      vehicle: drawn.peer,
      owner: drawn.owner,
      draw: { basis, eligible: bits, index: 0 },
    }),
    report.work(1, [0], result, {
      vehicle: second.peer,
      owner: second.owner,
      draw: { basis, eligible: others, index: 1 },
    }),
  ]
  report.verdict(0, result, receipts)
  report.end()
  report.add(
    'charter',
    fleet,
    { name: 'f', keys: [fleet], registrars: [], operatorPpm: 0, revoked: [] },
    { job: null },
  )
  for (const { opened } of listed)
    report.add('credential', fleet, { peer: opened.peer, vehicle: 'x', owner: opened.owner }, { job: null })
  return report.auditWith(witnesses).problems
}

test('a list from abroad is made once more from the secret and its adverts, and every other one is blamed', () => {
  assert.deepEqual(problemsOf({}), [])
  const changed = (change: Told['change'], why: RegExp) =>
    assert.match(problemsOf({ change: change! }).join('\n'), why)
  assert.match(problemsOf({ forget: true }).join(), /their adverts are not in the report/)
  changed((draw) => ({ ...draw, census: { ...draw.census, index: 1 } }), /is not where the secret draws/)
  changed(
    (draw) => ({ ...draw, census: { ...draw.census, length: draw.census.length - 1 } }),
    /ends where its signer liked/,
  )
  changed(
    (draw) => ({ ...draw, census: { ...draw.census, root: sha256(fromString('x')) } }),
    /not those that its root names/,
  )
  changed(
    (draw) => ({
      ...draw,
      candidates: draw.candidates.map((one, i) => (i === 0 ? { ...one, vehicles: 9 } : one)),
    }),
    /another number of vehicles/,
  )
  changed(
    (draw) => ({
      ...draw,
      candidates: draw.candidates.map((one, i) => (i === 0 ? { ...one, key: one.key + 1 } : one)),
    }),
    /is not where the secret draws/,
  )
})

test('whoever was in force and is left out of a list is named, and nobody who came later, had gone, or is elsewhere', () => {
  const everybody = Array.from({ length: 64 }, (_, i) =>
    advertOf(`w${i}`, { serial: 2, expiresMs: atMs + advertTtlMs - 90_000 }),
  )
  const left: PeerId[] = []
  const without = (peers: readonly PeerId[]) => {
    left.push(peers[1]!)
    return [peers[1]!]
  }
  assert.deepEqual(problemsOf({ without }), [], 'the list alone shows nothing')
  const problems = problemsOf({ without, witnesses: everybody })
  assert.equal(problems.length, 1)
  assert.match(problems[0]!, new RegExp(`leave out ${left[0]!.replaceAll('.', '\\.')}`))
  assert.deepEqual(problemsOf({ witnesses: everybody }), [], 'an honest list leaves out nobody')
  const later = everybody.map((_, i) => advertOf(`w${i}`, { expiresMs: atMs + advertTtlMs + 1 }))
  assert.deepEqual(problemsOf({ without, witnesses: later }), [], 'it had not been heard yet')
  const gone = everybody.map((_, i) => advertOf(`w${i}`, { expiresMs: atMs - 1 }))
  assert.deepEqual(problemsOf({ without, witnesses: gone }), [], 'it had lapsed')
  const doubted = (draw: DrawAbroad) => ({
    ...draw,
    census: { ...draw.census, doubted: [cellAt(openForeign(everybody[0]!, sha256, verify).key, 0)] },
  })
  assert.deepEqual(problemsOf({ without, witnesses: everybody, change: doubted }), [], 'its cell was doubted')
})
