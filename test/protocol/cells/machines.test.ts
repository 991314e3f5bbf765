/** Cells: where nodes belong, when cells split and merge, and who speaks for them. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import {
  defaultCellLimits,
  mergeBelow,
  resizeAfterMs,
  splitAbove,
} from '../../../src/protocol/cell-limits.ts'
import { Asking } from '../../../src/protocol/cells/asking.ts'
import { CellDepth, type Crowd } from '../../../src/protocol/cells/depth.ts'
import {
  digestType,
  type EngineDigest,
  enginesOf,
  fitting,
  openDigest,
  packDigest,
  unpackDigest,
} from '../../../src/protocol/cells/digest.ts'
import { Digests } from '../../../src/protocol/cells/digests.ts'
import {
  arcOf,
  cellAt,
  cellKeyOf,
  circle,
  holds,
  isInArc,
  keyBits,
  parentOf,
  regionOf,
  sharedBits,
  siblingOf,
} from '../../../src/protocol/cells/key.ts'
import { decodeCellMessage, encodeCellMessage } from '../../../src/protocol/cells/message.ts'
import { arrangeTopics } from '../../../src/protocol/cells/moving.ts'
import { News } from '../../../src/protocol/cells/news.ts'
import { hourOf, SpeakerLots } from '../../../src/protocol/cells/speakers.ts'
import type { Station } from '../../../src/protocol/cells/station.ts'
import type { CellId } from '../../../src/protocol/ids.ts'
import { recordBytesMax } from '../../../src/protocol/sizes.ts'
import { digestOf, memberAt } from '../../support/core-cells.ts'
import { bodyOf, ownerNamed, peerNamed, sha256, sign, verify } from '../../support/core-fakes.ts'

const key = fc.nat(2 ** 31 - 1).chain((high) => fc.nat(2 ** 17 - 1).map((low) => high * 2 ** 17 + low))

test('a cell is all keys that begin with its bits, its halves are its children, and a region has 64 of them', () => {
  fc.assert(
    fc.property(key, key, fc.integer({ min: 1, max: 24 }), (a, b, depth) => {
      const cell = cellAt(a, depth)
      assert.equal(cell.length, depth)
      assert(holds(cell, a) && isInArc(arcOf(parentOf(cell)), a))
      assert(!holds(siblingOf(cell), a))
      assert.equal(holds(cell, b), sharedBits(a, b) >= depth)
      const bits = (key: number) => key.toString(2).padStart(keyBits, '0')
      let same = 0
      while (same < keyBits && bits(a)[same] === bits(b)[same]) same += 1
      assert.equal(sharedBits(a, b), same)
      const region = regionOf(cell)!
      assert.equal(region.length % 6, 0)
      assert(cell.length - region.length >= 1 && cell.length - region.length <= 6)
    }),
  )
})

test('in a fleet nobody has the key of another credential, and in an open mesh the key is the peer’s', () => {
  const credential = (byte: number) => ({ body: new Uint8Array(1), signature: new Uint8Array(64).fill(byte) })
  const [a, b] = [peerNamed('a'), peerNamed('b')]
  assert.equal(cellKeyOf(sha256, a, credential(1)), cellKeyOf(sha256, b, credential(1)))
  assert.notEqual(cellKeyOf(sha256, a, credential(1)), cellKeyOf(sha256, a, credential(2)))
  assert.notEqual(cellKeyOf(sha256, a, null), cellKeyOf(sha256, b, null))
  assert(cellKeyOf(sha256, a, null) < circle)
})

const crowd: Crowd = {
  here: 128,
  deeper: 0,
  beside: 128,
  above: 0,
  movedDown: 0,
  movedUp: 0,
  heardAround: 128,
}

test('a cell splits when it is too large for a quarter of an hour, and not when it was for a moment', () => {
  const depth = new CellDepth()
  const large = { ...crowd, here: splitAbove + 1 }
  assert.equal(depth.look(3, large, 0), 'stay')
  assert.equal(depth.look(3, crowd, resizeAfterMs / 2), 'stay')
  assert.equal(depth.look(3, large, resizeAfterMs), 'stay')
  assert.equal(depth.look(3, large, 2 * resizeAfterMs - 1), 'stay')
  assert.equal(depth.dueMs, 2 * resizeAfterMs)
  assert.equal(depth.look(3, large, 2 * resizeAfterMs), 'split')
})

test('a cell of more than twice the size at which cells split does not wait: its halves are too large as well', () => {
  const depth = new CellDepth()
  assert.equal(depth.look(3, { ...crowd, here: 2 * splitAbove }, 0), 'stay')
  assert.equal(depth.look(3, { ...crowd, here: 2 * splitAbove + 1 }, 1), 'split')
  assert.equal(depth.look(4, { ...crowd, here: splitAbove + 1 }, 2), 'stay', 'its halves wait')
})

test('two halves merge when both together are too few for as long', () => {
  const small = { ...crowd, here: 40, beside: mergeBelow - 41, heardAround: 40 }
  const depth = new CellDepth()
  assert.equal(depth.look(3, small, 0), 'stay')
  assert.equal(depth.look(3, { ...small, beside: 60 }, resizeAfterMs), 'stay')
  assert.equal(depth.look(3, small, resizeAfterMs + 1), 'stay')
  assert.equal(depth.look(3, small, 2 * resizeAfterMs + 1), 'merge')
  assert.equal(depth.look(0, small, 9 * resizeAfterMs), 'stay', 'the whole mesh has nothing to merge with')
})

test('whoever sees that most of its cell has moved moves along, and whoever moved first is not led back', () => {
  const depth = new CellDepth()
  assert.equal(depth.look(3, { ...crowd, here: 300, movedDown: 151 }, 0), 'split')
  assert.equal(depth.look(3, { ...crowd, here: 80, beside: 0, movedUp: 41, heardAround: 80 }, 0), 'merge')
  // It has split before the others, which it hears all around it.
  assert.equal(depth.look(4, { ...crowd, here: 150, movedUp: 149, heardAround: 300 }, 0), 'stay')
  // It has merged before the others.
  assert.equal(depth.look(2, { ...crowd, here: 80, movedDown: 79, deeper: 80, beside: 0 }, 0), 'stay')
})

test('where some are in a cell and others in its halves, all meet again at one of the two depths', () => {
  const few = new CellDepth()
  const mixed = { ...crowd, here: 60, beside: 50, above: 90 }
  assert.equal(few.look(3, mixed, 0), 'stay')
  assert.equal(few.look(3, mixed, resizeAfterMs), 'merge', 'there is room for all of them')
  const many = new CellDepth()
  const above = { ...crowd, here: 100, deeper: 200 }
  assert.equal(many.look(2, above, 0), 'stay')
  assert.equal(many.look(2, above, resizeAfterMs), 'split', 'there is not')
})

test('three members that can be dialled speak, of three owners, others in another hour, and all name the same', () => {
  const members = Array.from({ length: 40 }, (_, i) =>
    memberAt(`m${i}`, i * 1_000, {
      owner: ownerNamed(`o${i % 5}`),
      reach: i % 2 === 0 ? 'direct' : 'outbound',
    }),
  )
  const lots = new SpeakerLots(sha256)
  const speakers = lots.speakers(members, 7)
  assert.equal(new Set(speakers.map(({ owner }) => owner)).size, 3)
  assert(speakers.every(({ reach }) => reach === 'direct'))
  assert.deepEqual(new SpeakerLots(sha256).speakers(members.toReversed(), 7), speakers)
  const hours = new Set(Array.from({ length: 24 }, (_, hour) => lots.speakers(members, hour)[0]!.peer))
  assert(hours.size > 6)
  const few = lots.speakers([members[1]!, members[2]!, members[3]!], 7)
  assert.equal(few[0], members[2], 'the one that can be dialled comes first')
  assert.equal(few.length, 3)
})

test('the lowest lots of so many owners are those that a sort of all finds', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(5), { maxLength: 20 }), fc.nat(4), fc.nat(9), (owners, max, hour) => {
      const members = owners.map((owner, i) =>
        memberAt(`m${i}`, i * 1_000, { owner: ownerNamed(`o${owner}`) }),
      )
      const lots = new SpeakerLots(sha256)
      const sorted = members.toSorted((a, b) => lots.of(a.key, hour) - lots.of(b.key, hour))
      const first = sorted.filter(({ owner }, i) => sorted.findIndex((other) => other.owner === owner) === i)
      assert.deepEqual(lots.lowest(members, hour, max), first.slice(0, max))
    }),
  )
})

test('a digest takes 500 bytes at most, whatever it has to say, and says the same when it is opened', () => {
  const most = Number.MAX_SAFE_INTEGER
  const engine = (tag: number): EngineDigest => ({
    ...{ tag: 2 ** 32 - 1 - tag, members: 99_999, slots: 99_999 - tag, free: 99_999, unitsPerHour: 2 ** 40 },
    ...{ prices: [2 ** 30, 2 ** 30, 2 ** 30], slotMinutes: 2 ** 30 },
  })
  const full = fitting(
    digestOf('010101010101010101010101', {
      ...{ engines: Array.from({ length: 20 }, (_, i) => engine(i)), members: 2 ** 31, cells: 2 ** 24 },
      ...{ charter: { serial: most, hash: new Uint8Array(16) }, address: 'x'.repeat(40) },
    }),
  )
  assert(full.engines.length >= 2, `${full.engines.length} engines fit`)
  assert.deepEqual(full.engines[0], engine(0), 'those with the most slots come first')
  const at = { serial: most, expiresMs: most }
  const record = sign(bodyOf('digest', 'd'.repeat(52) as never, packDigest(full), at))
  assert(record.body.byteLength <= recordBytesMax.digest, `${record.body.byteLength} bytes`)
  assert.deepEqual(unpackDigest(digestType.open(record, sha256, verify).payload), full)
})

test('what members say adds up to no more than a digest can say', () => {
  const most = Number.MAX_SAFE_INTEGER
  const engine = {
    ...{ tag: 1, members: most, slots: 2 * most, free: most, unitsPerHour: 1_024 * most },
    ...{ prices: [most, 2 * most, most] as const, slotMinutes: 3 * most },
  }
  const digest = digestOf('', { engines: [engine], members: 2 * most })
  const at = { serial: 1, expiresMs: most }
  const record = sign(bodyOf('digest', 'd'.repeat(52) as never, packDigest(digest), at))
  const told = unpackDigest(digestType.open(record, sha256, verify).payload)
  assert.deepEqual(
    [told.members, told.engines[0]!.unitsPerHour, told.engines[0]!.prices[1]],
    [most, most, most],
  )
})

test('nobody speaks for a cell that its key is not in, nor with the credential of another', () => {
  const speaker = peerNamed('speaker')
  const own = cellKeyOf(sha256, speaker, null)
  const said = (cell: CellId) => sign(bodyOf('digest', speaker, packDigest(digestOf(cell)), { expiresMs: 9 }))
  const here = cellAt(own, 4)
  const heard = openDigest({ digest: said(here), credential: null }, sha256, verify)
  assert.equal(heard.speaker.key, own)
  assert.throws(
    () => openDigest({ digest: said(siblingOf(here)), credential: null }, sha256, verify),
    /another cell/,
  )
  const credential = sign(
    bodyOf('credential', peerNamed('fleet'), {
      peer: peerNamed('other'),
      vehicle: 'car',
      owner: 'ab'.repeat(32),
    }),
  )
  assert.throws(() => openDigest({ digest: said(here), credential }, sha256, verify), /another peer/)
})

test('of three speakers the middle one counts: a liar among them moves nothing, and a fourth is not heard', () => {
  const digests = new Digests(new SpeakerLots(sha256))
  const heard = (name: string, members: number, serial = 1) => ({
    ...digestOf('01', { members }),
    speaker: memberAt(name, circle / 4 + members),
    ...{ serial, expiresMs: 900_000, id: 'x' as never },
  })
  const liar = heard('liar', 1_000_000)
  for (const digest of [heard('a', 128), liar, heard('b', 130)]) digests.hear(digest, 0)
  assert.equal(digests.counts('01' as CellId, false, 0)?.members, 130)
  assert.equal(digests.hear({ ...liar }, 1), false, 'what was said before is no news')
  const hour = hourOf(0)
  const lots = new SpeakerLots(sha256)
  for (let i = 0; i < 8; i += 1) digests.hear(heard(`more${i}`, 500 + i), 0)
  const speakers = digests.speakersFor('01' as CellId, false, 0)
  assert.equal(speakers.length, 3)
  const all = [...speakers, memberAt('a', circle / 4 + 128), liar.speaker]
  assert.deepEqual(new Set(lots.lowest(all, hour)), new Set(speakers), 'those with the lowest lots are')
  assert.equal(digests.counts('01' as CellId, false, 900_001), undefined, 'digests lapse')
})

test('a cell’s engines are summed up with the spread of their prices', () => {
  const ask = (unitMicros: number) => ({ currency: 'EUR', unitMicros })
  const members = Array.from({ length: 11 }, (_, i) =>
    memberAt(`m${i}`, i, {
      slots: { total: 2, free: 1 },
      availableUntilMs: 30 * 60_000,
      engines: [{ runtime: 'ocr', engine: 'exact', id: 'e', isa: null, unitsPerHour: 100, ask: ask(10 * i) }],
    }),
  )
  const [engine] = enginesOf(members, () => 7, 0)
  assert.deepEqual(engine, {
    ...{ tag: 7, members: 11, slots: 22, free: 11, unitsPerHour: 2_200 },
    ...{ prices: [10, 50, 90], slotMinutes: 660 },
  })
})

test('a member that does not listen gets each change once, page by page', () => {
  const news = new News()
  for (let i = 0; i < 100; i += 1) news.changed(peerNamed(`m${i}`))
  const first = news.since(0)
  assert.equal(first.peers.length, 64)
  const second = news.since(first.next)
  assert.deepEqual([second.peers.length, second.hasMore], [36, false])
  assert.deepEqual(news.since(second.next).peers, [])
  news.changed(peerNamed('m3'))
  news.gone(peerNamed('m4'))
  assert.deepEqual(news.since(second.next).peers, [peerNamed('m3')])
  assert.equal(news.since(10 ** 9).peers.length, 64, 'the number of another speaker counts as none')
})

test('messages of cells are read as they were written, and longer ones are refused', () => {
  const contact = { ...memberAt('m', 5), owner: 'ab'.repeat(32) as never }
  const { peer, owner, key, addresses } = contact
  const message = {
    type: 'there',
    question: 3,
    cell: '01' as CellId,
    contacts: [{ peer, owner, key, addresses }],
  } as const
  assert.deepEqual(decodeCellMessage(encodeCellMessage(message)), message)
  const long = { ...message, contacts: Array.from({ length: 9 }, () => message.contacts[0]!) }
  assert.throws(() => decodeCellMessage(encodeCellMessage(long)), /malformed|contacts/)
  const outside = { type: 'where', question: 1, key: circle } as const
  assert.throws(() => decodeCellMessage(encodeCellMessage(outside)), /key/)
})

test('whoever stops speaking stays in its regions for a while, and one that is metered for none', () => {
  const left = (nowMs: number, isMetered = false) => {
    const regions = { topics: new Set<string>(), regionsUntilMs: new Map<string, number>() }
    const station = (speaks: boolean) =>
      ({
        ...regions,
        ...{
          cell: '0',
          earlier: [],
          effects: [],
          limits: defaultCellLimits,
          isMetered: !speaks && isMetered,
        },
        ...{ speaks: () => speaks, regions: () => [] },
      }) as unknown as Station
    arrangeTopics(station(true), 0)
    const spoken = [...regions.topics].filter((topic) => topic.startsWith('region/'))
    assert(spoken.length > 0)
    arrangeTopics(station(false), nowMs)
    return spoken.filter((topic) => regions.topics.has(topic)).length / spoken.length
  }
  assert.equal(left(defaultCellLimits.bothCellsMs - 1), 1)
  assert.equal(left(defaultCellLimits.bothCellsMs), 0)
  assert.equal(left(1, true), 0)
})

test('a speaker that hears nobody in a half of its region looks there, and one that hears somebody does not', () => {
  const own = memberAt('own', 0)
  const asked = (isHeard: boolean) => {
    const effects: { type: string; message?: { type: string; key?: number } }[] = []
    const other = { key: circle / 2 }
    const station = {
      ...{ own, depth: 1, cell: '0', met: new Map(), effects, bootstraps: [{ peer: peerNamed('boot') }] },
      ...{
        options: { sha256, secret: new Uint8Array(32) },
        digests: { speakersIn: () => (isHeard ? [other] : []) },
      },
      ...{ speaks: () => true, regions: () => [], nearest: () => [], contacts: { lost: () => {} } },
    }
    const asking = new Asking(station as unknown as Station, 0)
    asking.look(0)
    return effects.flatMap(({ message }) => (message?.type === 'where' ? [message.key!] : []))
  }
  const keys = asked(false)
  assert(keys.length > 0 && keys.every((one) => one >= circle / 2), `${keys}`)
  assert.deepEqual(asked(true), [])
})
