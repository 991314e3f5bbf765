/** Promises of the record trie, and what two stewards say to each other to find what each lacks. */
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import fc from 'fast-check'
import { equals, fromString } from 'uint8arrays'
import type { CouncilEffect, FellowMessage } from '../../src/protocol/council/contract.ts'
import { Council } from '../../src/protocol/council/council.ts'
import type { RecordId } from '../../src/protocol/ids.ts'
import { encodeMessage } from '../../src/protocol/message.ts'
import { rawCid } from '../../src/protocol/record/block.ts'
import { encodeBody, recordId } from '../../src/protocol/record/record.ts'
import { RecordTrie, trieFanout } from '../../src/protocol/record/record-trie.ts'
import { checked, type JobRecord } from '../../src/protocol/records.ts'
import { seatOf } from '../support/core-council-job.ts'
import {
  believed,
  bodyOf,
  cidNamed,
  drawSecret,
  manifestWith,
  nameOfPeer,
  peerNamed,
  sha256,
} from '../support/core-fakes.ts'

function idOf(n: number): RecordId {
  return rawCid(sha256, fromString(`record ${n}`))
}

function trieOf(ids: Iterable<RecordId>): RecordTrie {
  const trie = new RecordTrie(sha256)
  for (const id of ids) trie.add(id)
  return trie
}

function onlyInOne<Item>(a: ReadonlySet<Item>, b: ReadonlySet<Item>): Item[] {
  return [...[...a].filter((item) => !b.has(item)), ...[...b].filter((item) => !a.has(item))]
}

/** Walks two tries as stewards do, and returns the ids that only one of them has. */
function differences(a: RecordTrie, b: RecordTrie): Set<RecordId> {
  const found = new Set<RecordId>()
  const theirs = b.branches()
  a.branches().forEach((hash, branch) => {
    if (equals(hash, theirs[branch]!)) return
    const leaves = b.leaves(branch)
    a.leaves(branch).forEach((leafHash, i) => {
      if (equals(leafHash, leaves[i]!)) return
      const leaf = branch * trieFanout + i
      const [mine, others] = [new Set(a.ids(leaf)), new Set(b.ids(leaf))]
      for (const id of onlyInOne(mine, others)) found.add(id)
    })
  })
  return found
}

const numbers = fc.uniqueArray(fc.nat({ max: 400 }), { maxLength: 200 })

test('a leaf into which somebody grinds ids holds each once, in whatever order they came, and has the same hash', () => {
  // The last characters of an id name its leaf.
  const ids = Array.from({ length: 1_000 }, (_, i) => `${String(i).padStart(55, 'b')}aaaa` as RecordId)
  const [one, other] = [trieOf(ids), trieOf(ids.toReversed())]
  for (const id of ids.slice(0, 70)) one.add(id)
  assert.deepEqual(one.ids(0).length, ids.length)
  assert(ids.every((id) => one.has(id)) && !one.has('baaaa' as RecordId))
  assert(equals(one.root(), other.root()))
})

test('the same ids in any order, and any of them twice, give the same root', () => {
  fc.assert(
    fc.property(numbers, fc.infiniteStream(fc.nat()), (ns, chance) => {
      const shuffled = [...ns, ...ns.slice(0, 5)]
        .map((n) => ({ n, at: chance.next().value as number }))
        .sort((a, b) => a.at - b.at)
        .map(({ n }) => idOf(n))
      assert.deepEqual(trieOf(shuffled).root(), trieOf(ns.map(idOf)).root())
    }),
  )
})

test('an id that is added after the root was taken changes it as if it had been there before', () => {
  fc.assert(
    fc.property(numbers, (ns) => {
      const trie = trieOf([])
      const roots = new Set<string>()
      for (const n of ns) {
        trie.add(idOf(n))
        assert(trie.has(idOf(n)))
        roots.add(trie.root().join())
      }
      assert.equal(roots.size, ns.length, 'every set has a root of its own')
      assert.deepEqual(trie.root(), trieOf(ns.map(idOf)).root())
    }),
  )
})

test('what only one of two tries has is found, and nothing else', () => {
  fc.assert(
    fc.property(numbers, numbers, (ns, ms) => {
      const expected = onlyInOne(new Set(ns), new Set(ms))
      const found = differences(trieOf(ns.map(idOf)), trieOf(ms.map(idOf)))
      assert.deepEqual(found, new Set(expected.map(idOf)))
    }),
  )
})

test('ids spread evenly over the leaves, so that none of them grows long', () => {
  const trie = trieOf(Array.from({ length: 40_960 }, (_, n) => idOf(n)))
  const sizes = Array.from({ length: trieFanout ** 2 }, (_, leaf) => trie.ids(leaf).length)
  // Ten a leaf on average; of 4,096 leaves that fill by chance, hardly one has less than 1 or more than 28.
  assert(Math.min(...sizes) >= 1, 'every leaf is used')
  assert(Math.max(...sizes) <= 28, `the longest has ${Math.max(...sizes)}`)
})

// --- what it costs ------------------------------------------------------------------------------------------

const job = cidNamed('a long job')
// The submitter's node c may sign so many records.
const manifest = manifestWith({ stewards: [seatOf('c'), seatOf('a'), seatOf('b')] })

/** A small record that rests on nothing else. */
function recordNumbered(serial: number): JobRecord {
  const body = bodyOf('holding', peerNamed('c'), { inputs: true, verdicts: [] }, { job, serial })
  return checked('holding', { ...body, id: recordId(sha256, encodeBody(body)) })
}

function councilOf(name: string, records: Iterable<JobRecord>): Council {
  const council = new Council({
    job,
    manifest,
    self: peerNamed(name),
    drawSecret,
    sha256,
  })
  council.begin({ records, shards: null, fresh: false }, 0)
  return council
}

interface Exchange {
  /** Of everything that is said to find the differences, the records themselves left out. */
  readonly bytes: number
  readonly records: number
  /** How often a message and what answers it cross: a beat that shows the difference, then two for each round trip. */
  readonly flights: number
}

/** a and b meet and tell each other what they lack, all that is said at once taking one flight. */
function exchange(a: Council, b: Council): Exchange {
  const councils = new Map([
    ['a', a],
    ['b', b],
  ])
  let [bytes, records, flights] = [0, 0, 0]
  type Said = { readonly from: string; readonly to: string; readonly effect: CouncilEffect }
  const saidBy = (from: string, effects: readonly CouncilEffect[]): Said[] =>
    effects.flatMap((effect) =>
      effect.type === 'send' || effect.type === 'share' ? [{ from, to: nameOfPeer(effect.to), effect }] : [],
    )
  let said = saidBy('b', b.handle({ type: 'connected', peer: peerNamed('a') }, 0))
  while (said.length > 0) {
    flights += 1
    const next: Said[] = []
    for (const { from, to, effect } of said) {
      const sender = peerNamed(from)
      if (effect.type === 'send') {
        bytes += encodeMessage(effect.message).byteLength
        const message = effect.message as FellowMessage
        next.push(...saidBy(to, councils.get(to)!.handle({ type: 'fellow', from: sender, message }, 0)))
      } else if (effect.type === 'share') {
        records += 1
        const record = believed(effect.record)
        next.push(...saidBy(to, councils.get(to)!.handle({ type: 'record', from: sender, record }, 0)))
      }
    }
    said = next
  }
  return { bytes, records, flights }
}

/** Two stewards that both have `count` records, and each `apart` that the other lacks. */
function meet(count: number, apart: number): Exchange {
  const all = Array.from({ length: count + 2 * apart }, (_, serial) => recordNumbered(serial))
  const shared = all.slice(0, count)
  const a = councilOf('a', [...shared, ...all.slice(count, count + apart)])
  const b = councilOf('b', [...shared, ...all.slice(count + apart)])
  const outcome = exchange(a, b)
  assert.deepEqual(a.root, b.root, 'afterwards both have the same')
  assert.equal(a.recordCount, all.length)
  return outcome
}

function tell(t: TestContext, what: string, { bytes, records, flights }: Exchange, notes: string): void {
  t.diagnostic(
    `${what}: ${bytes.toLocaleString('en')} bytes, ${records} records, ${flights} flights (notes §4: ${notes})`,
  )
}

test('two stewards with the same 10,000 records find that out by one beat', (t) => {
  const outcome = meet(10_000, 0)
  tell(t, '10,000 records, none apart', outcome, '17 B')
  assert.equal(outcome.records, 0)
  assert.equal(outcome.flights, 1)
  assert(outcome.bytes <= 160, 'a beat')
})

for (const { apart, bytesMax, notes } of [
  { apart: 1, bytesMax: 8_000, notes: 'no figure' },
  { apart: 10, bytesMax: 60_000, notes: '25 KB at 100,000 records' },
  { apart: 100, bytesMax: 220_000, notes: '539 KB for 1,000 at 100,000 records' },
])
  test(`two stewards of 10,000 records, ${apart} apart on either side, are equal after two round trips`, (t) => {
    const outcome = meet(10_000, apart)
    tell(t, `10,000 records, ${apart} + ${apart} apart`, outcome, notes)
    assert.equal(outcome.records, 2 * apart, 'each record that is lacked is sent once')
    // beat; branches, leaves; ids, the records of one side and what it wants; the records of the other.
    assert.equal(outcome.flights, 6)
    assert(outcome.bytes <= bytesMax, `${outcome.bytes} bytes`)
  })

test('a trie of few records takes kilobytes, not the room of all its leaves', () => {
  const hashes = { count: 0 }
  const counting = (bytes: Uint8Array) => {
    hashes.count += 1
    return sha256(bytes)
  }
  const tries = Array.from({ length: 200 }, () => new RecordTrie(counting))
  const before = heapBytes()
  for (const [i, trie] of tries.entries()) {
    for (let j = 0; j < 10; j += 1) trie.add(cidNamed(`record ${i}/${j}`))
    trie.root()
  }
  const each = (heapBytes() - before) / tries.length
  assert(each < 30_000, `${Math.round(each)} bytes each`)
  // Ten leaves, their branches, one for all that are empty, and the root.
  assert(hashes.count <= tries.length * 22)
})

function heapBytes(): number {
  setFlagsFromString('--expose-gc')
  ;(runInNewContext('gc') as () => void)()
  return process.memoryUsage().heapUsed
}
