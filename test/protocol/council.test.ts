/** Promises of a job's council that a scenario cannot show: who acts when, who is asked, what holds in any order. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { fromString } from 'uint8arrays'
import { RandomStream } from '../../src/base/prng.ts'
import { Attendance } from '../../src/protocol/council/attendance.ts'
import type { CouncilEffect, CouncilInput, FellowMessage } from '../../src/protocol/council/contract.ts'
import { Council } from '../../src/protocol/council/council.ts'
import { JobRecords } from '../../src/protocol/council/job-records.ts'
import type { JobId, PeerId, RecordId } from '../../src/protocol/ids.ts'
import type { DrawBasis } from '../../src/protocol/job/draw.ts'
import type { Handover } from '../../src/protocol/job/handover.ts'
import type { Lease, Receipt } from '../../src/protocol/job/lease.ts'
import { receiptRoot } from '../../src/protocol/job/lease.ts'
import {
  reconnectGraceMs,
  stewardLeaseMs,
  stewardLostMs,
  successionStepMs,
  syncIdsMax,
} from '../../src/protocol/limits.ts'
import { decodeMessage, encodeMessage } from '../../src/protocol/message.ts'
import { encodeBody, type RecordBody, recordId, type Verified } from '../../src/protocol/record/record.ts'
import { checked, type JobRecord, type RecordKind } from '../../src/protocol/records.ts'
import { JobState } from '../../src/protocol/state/job-state.ts'
import { Steward } from '../../src/protocol/steward/steward.ts'
import { seatOf } from '../support/core-council-job.ts'
import { CouncilStage } from '../support/core-council-stage.ts'
import {
  believed,
  bodyOf,
  cidNamed,
  drawSecret,
  manifestWith,
  nameOfPeer,
  ownerNamed,
  peerNamed,
  sha256,
} from '../support/core-fakes.ts'
import { parseCommand } from '../support/core-script.ts'
import { handoverOf as handover } from '../support/handovers.ts'

const job = cidNamed('job')
const [a, b, c] = ['a', 'b', 'c'].map(peerNamed) as [PeerId, PeerId, PeerId]

// --- whose turn it is ---------------------------------------------------------------------------------------

function attendanceOf(self: PeerId, nowMs = 0): Attendance {
  const attendance = new Attendance(self)
  attendance.seat(['a', 'b', 'c'].map(seatOf), nowMs)
  return attendance
}

test('who has just begun leaves the job to the others until they had the time to say that they live', () => {
  const attendance = attendanceOf(a)
  assert(!attendance.myTurn(false, 0))
  assert(!attendance.myTurn(false, stewardLeaseMs - 1))
  assert(attendance.myTurn(false, stewardLeaseMs))
})

test('while somebody who lives acts, nobody else does, whatever the order', () => {
  const attendance = attendanceOf(a)
  for (let nowMs = 1_000; nowMs <= 60_000; nowMs += 1_000) {
    attendance.heard(b, false, nowMs)
    attendance.heard(c, true, nowMs)
    assert(!attendance.myTurn(false, nowMs))
  }
})

test('when nobody acts, each steward gives those before it that live a moment to begin', () => {
  const attendance = attendanceOf(c)
  const vacantMs = 1_000
  const hear = (nowMs: number) => {
    attendance.heard(a, false, nowMs)
    attendance.heard(b, false, nowMs)
  }
  hear(vacantMs)
  assert(!attendance.myTurn(false, vacantMs))
  hear(vacantMs + 2 * successionStepMs - 1)
  assert(!attendance.myTurn(false, vacantMs + 2 * successionStepMs - 1))
  assert(attendance.myTurn(false, vacantMs + 2 * successionStepMs))
})

test('those before it that are gone are not waited for', () => {
  const attendance = attendanceOf(c)
  attendance.heard(b, false, stewardLeaseMs)
  assert(!attendance.myTurn(false, stewardLeaseMs), 'b has its moment')
  attendance.heard(b, false, stewardLeaseMs + successionStepMs)
  assert(attendance.myTurn(false, stewardLeaseMs + successionStepMs), 'and a, silent, has none')
})

test('of two that act the one that is later in the order stops, and the other goes on', () => {
  const [first, second] = [attendanceOf(a), attendanceOf(b)]
  first.heard(b, true, 1_000)
  second.heard(a, true, 1_000)
  assert(first.myTurn(true, 1_000))
  assert(!second.myTurn(true, 1_000))
  assert(second.myTurn(true, 1_000 + stewardLeaseMs), 'until the first is silent')
})

test('who acts keeps acting when one before it comes back and watches', () => {
  const attendance = attendanceOf(b, 0)
  attendance.heard(a, false, 20_000)
  assert(attendance.myTurn(true, 20_000))
})

test('a connection that broke has a moment to come back', () => {
  const attendance = attendanceOf(b)
  attendance.heard(a, true, 1_000)
  attendance.heard(c, false, 1_000)
  attendance.left(a, 2_000)
  assert(!attendance.myTurn(false, 2_000 + reconnectGraceMs - 1))
  assert(attendance.myTurn(false, 2_000 + reconnectGraceMs))
  attendance.heard(a, true, 2_000 + reconnectGraceMs)
  assert(!attendance.myTurn(false, 2_000 + reconnectGraceMs))
})

test('a connection that breaks late in a silence does not prolong it', () => {
  const attendance = attendanceOf(b)
  attendance.heard(a, true, 0)
  attendance.heard(c, false, 9_000)
  attendance.left(a, 9_000)
  assert(attendance.lives(a, stewardLeaseMs - 1))
  assert(!attendance.lives(a, stewardLeaseMs))
})

test('a steward is lost after a minute of silence, and found again by its first word', () => {
  const attendance = attendanceOf(a)
  attendance.heard(b, false, 5_000)
  assert(!attendance.isLost(b, 5_000 + stewardLostMs - 1))
  assert(attendance.isLost(b, 5_000 + stewardLostMs))
  attendance.heard(b, false, 5_000 + stewardLostMs)
  assert(!attendance.isLost(b, 5_000 + stewardLostMs))
})

test('who is no steward neither lives nor acts nor gets lost', () => {
  const attendance = attendanceOf(a)
  const stranger = peerNamed('x')
  attendance.heard(stranger, true, 20_000)
  assert(!attendance.lives(stranger, 20_000))
  assert(!attendance.isLost(stranger, 20_000_000))
  assert(attendance.myTurn(false, 20_000))
})

// --- takeovers for nothing ----------------------------------------------------------------------------------

interface Watch {
  readonly stewards: readonly string[]
  /** Of what stewards say to each other, in percent, each message by itself. */
  readonly lostPercent: number
  readonly seconds: number
  readonly seed: number
}

interface Watched {
  /** How often one began to act, though everybody lives. */
  readonly takeovers: number
  /** Virtual milliseconds during which not exactly one acted. */
  readonly disorderMs: number
  readonly beats: number
}

/** Councils that all live, whose words get lost: nothing happens to the job. */
function watch({ stewards, lostPercent, seconds, seed }: Watch): Watched {
  const manifest = manifestWith({ stewards: stewards.map(seatOf), deadlineMs: 1_000_000_000 })
  const shards = [{ shard: cidNamed('shard 0'), pages: 1, bytes: 1, costMs: 1_000 }]
  const chance = new RandomStream(sha256, fromString(`watch ${seed}`), 'loss')
  const councils = new Map<string, Council>()
  const wakes = new Map<string, number>()
  let [takeovers, disorderMs, beats, nowMs] = [0, 0, 0, 0]
  const queue: { to: string; input: CouncilInput }[] = []

  const carryOut = (name: string, effects: readonly CouncilEffect[]) => {
    for (const effect of effects)
      if (effect.type === 'wake') wakes.set(name, effect.atMs)
      else if (effect.type === 'share') {
        const record = believed(effect.record)
        queue.push({ to: nameOfPeer(effect.to), input: { type: 'record', from: peerNamed(name), record } })
      } else if (effect.type === 'acting' && effect.acting) takeovers += 1
      else if (effect.type === 'send') {
        if (effect.message.type === 'beat') beats += 1
        if (chance.below(100) < lostPercent) continue
        const message = effect.message as FellowMessage
        queue.push({ to: nameOfPeer(effect.to), input: { type: 'fellow', from: peerNamed(name), message } })
      }
  }
  const settle = () => {
    for (let next = queue.shift(); next !== undefined; next = queue.shift())
      carryOut(next.to, councils.get(next.to)!.handle(next.input, nowMs))
  }

  stewards.forEach((name, i) => {
    const self = peerNamed(name)
    const council = new Council({ job, manifest, self, drawSecret, sha256 })
    councils.set(name, council)
    nowMs = i * 137
    carryOut(name, council.begin({ records: [], shards, fresh: i === 0 }, nowMs))
  })
  for (const name of stewards) {
    carryOut(name, councils.get(name)!.handle({ type: 'inputs-held', shards }, nowMs))
    for (const other of stewards)
      if (other !== name)
        carryOut(name, councils.get(name)!.handle({ type: 'connected', peer: peerNamed(other) }, nowMs))
  }
  settle()
  assert.equal(takeovers, 1, 'the submitter begins')
  for (;;) {
    const [name, atMs] = [...wakes].reduce((x, y) => (y[1] < x[1] ? y : x))
    if (atMs > seconds * 1_000) break
    const acting = [...councils.values()].filter((council) => council.acting).length
    if (acting !== 1) disorderMs += atMs - nowMs
    nowMs = atMs
    carryOut(name, councils.get(name)!.handle({ type: 'wake' }, nowMs))
    settle()
  }
  return { takeovers: takeovers - 1, disorderMs, beats }
}

const dayS = 86_400

for (const stewards of [
  ['a', 'b'],
  ['a', 'b', 'c'],
])
  test(`with a fifth of all beats lost, ${stewards.length} stewards hardly ever take over for nothing in a day`, (t) => {
    const pairs = (stewards.length * (stewards.length - 1)) / 2
    const outcome = watch({ stewards, lostPercent: 20, seconds: dayS, seed: 1 })
    t.diagnostic(
      `${outcome.takeovers} takeovers in ${outcome.beats.toLocaleString('en')} beats, ${pairs} pairs`,
    )
    assert(outcome.beats >= dayS * 2 * pairs * 0.99, 'a beat a second in each direction')
    assert(outcome.takeovers <= pairs, 'at most one for each pair and day')
    assert(outcome.disorderMs <= pairs * 20_000, 'and soon over')
  })

test('beats that get lost more often do lead to takeovers, and they are over within seconds', (t) => {
  const stewards = ['a', 'b', 'c']
  const outcome = watch({ stewards, lostPercent: 60, seconds: dayS / 8, seed: 1 })
  t.diagnostic(
    `${outcome.takeovers} takeovers in three hours, ${outcome.disorderMs} ms with two acting or none`,
  )
  assert(outcome.takeovers > 0, 'or the tests above could not fail')
  assert(outcome.disorderMs / outcome.takeovers <= 10_000)
})

// --- what holds in any order --------------------------------------------------------------------------------

function recordOf<Payload>(
  kind: RecordKind,
  signer: string,
  payload: Payload,
  more: Partial<RecordBody> = {},
): Verified<Payload> {
  const body = bodyOf(kind, peerNamed(signer), payload, { job, ...more })
  return { ...body, id: recordId(sha256, encodeBody(body)) }
}

function handoverOf(signer: string, taker: string, after?: Verified<Handover>, serial = 0): JobRecord {
  return checked('handover', handover({ job, signer, lost: 'c', taker: seatOf(taker), after, serial }))
}

const twoStewards = manifestWith({ stewards: ['a', 'b'].map(seatOf) })
const threeStewards = manifestWith({ stewards: ['a', 'b', 'c'].map(seatOf) })

/** What a steward has who was told these, again and again while any was new, as comparisons do. */
function told(entries: readonly JobRecord[]): JobRecords {
  const records = new JobRecords(job, threeStewards, sha256)
  while (entries.some((entry) => records.admitFirst(entry))) {}
  return records
}

const inputsHeld = { inputs: true, verdicts: [] }

test('stewards that are told the same records in any order have the same, takers and all that they signed', () => {
  const first = handoverOf('a', 'd', undefined)
  const fork = handoverOf('b', 'e', undefined)
  const second = handoverOf('d', 'f', first.record as Verified<Handover>)
  const entries: JobRecord[] = [
    first,
    fork,
    second,
    handoverOf('x', 'y', undefined),
    ...['a', 'd', 'e', 'f', 'x', 'y'].map((name) =>
      checked('holding', recordOf('holding', name, inputsHeld)),
    ),
  ]
  const expected = told(entries)
  assert.equal(expected.size, 7, 'all but what x and y say')
  fc.assert(
    fc.property(fc.shuffledSubarray(entries, { minLength: entries.length }), (shuffled) => {
      const records = told(shuffled)
      assert.deepEqual(records.trie.root(), expected.trie.root())
      assert.deepEqual(records.succession.stewards, expected.succession.stewards)
    }),
  )
})

test('nothing of another job, of a lease that nobody gave, or of no steward gets into a job’s records', () => {
  const lease = leaseOf('a', 'v1', 'o1', [0, 1], 1)
  const records = told([checked('lease', lease)])
  const good = receiptOf(lease, 0, 'r', 1, 0) as JobRecord & { kind: 'receipt' }
  const elsewhere = { job: cidNamed('another job') as JobId }
  const unleased = leaseOf('a', 'v2', 'o2', [0], 2)
  const replayed: JobRecord[] = [
    checked('lease', { ...leaseOf('a', 'v3', 'o3', [0]), ...elsewhere }),
    checked('holding', recordOf('holding', 'b', inputsHeld, elsewhere)),
    checked('lease', leaseOf('x', 'v3', 'o3', [0])),
    checked('holding', recordOf('holding', 'v1', inputsHeld)),
    receiptOf(unleased, 0, 'r', 2, 0) as JobRecord,
    { ...good, record: { ...good.record, ...elsewhere } },
  ]
  for (const entry of replayed) assert.equal(records.admit(entry), false, entry.record.id)
  for (const signer of ['v2', 'a'])
    assert.throws(() => records.admit({ ...good, record: { ...good.record, signer: peerNamed(signer) } }))
  assert.equal(records.size, 1)
  assert(records.admit(good))
  assert.equal(records.admit(good), false, 'and the same only once')
})

function permutations<Item>(items: readonly Item[]): Item[][] {
  if (items.length === 0) return [[]]
  return items.flatMap((item, i) => permutations(items.toSpliced(i, 1)).map((rest) => [item, ...rest]))
}

test('beyond the bound of handovers, too, the order in which they come makes no difference', () => {
  // More than their giver may sign, two under each serial; and what all their takers sign.
  const own = Array.from({ length: 24 }, (_, i) => handoverOf('a', `t${i}`, undefined, i >> 1))
  const next = own.map(({ record }, i) => handoverOf(`t${i}`, `u${i}`, record as Verified<Handover>))
  const honest = handoverOf('b', 'd', undefined, 999)
  const takers = own.flatMap((_, i) => [`t${i}`, `u${i}`])
  const said = ['d', ...takers].map((name) => checked('holding', recordOf('holding', name, inputsHeld)))
  const entries: JobRecord[] = [honest, ...own, ...next, ...said]
  const expected = told(entries)
  assert(expected.size < entries.length, 'some exceed the bound')
  assert(expected.has(honest.record.id) && expected.has(said[0]!.record.id), 'and take no place of others')
  fc.assert(
    fc.property(fc.shuffledSubarray(entries, { minLength: entries.length }), (shuffled) => {
      const records = told(shuffled)
      assert.deepEqual(records.trie.root(), expected.trie.root(), 'or they compare their records for ever')
      assert.deepEqual(records.succession.stewards, expected.succession.stewards)
      assert(
        records.takeDropped().every((id) => !records.has(id)),
        'what had to go is gone',
      )
    }),
    { numRuns: 20 },
  )
})

test('a node that left a job and gets a place in it again signs nothing under a serial that it has used', () => {
  const council = new Council({ job, manifest: twoStewards, self: b, drawSecret, sha256 })
  council.begin({ records: [], shards: null, fresh: false, serial: 7 }, 0)
  const issued = council
    .handle({ type: 'inputs-held', shards: [] }, 0)
    .flatMap((effect) => (effect.type === 'issue' ? [effect.issued.record] : []))
  assert.deepEqual(
    issued.map(({ kind, serial }) => [kind, serial]),
    [['holding', 7]],
  )
})

test('a taker whose handover gives way says what it signed under, so that no serial is used twice after a restart', () => {
  const place = handoverOf('a', 'd', undefined, 50)
  const council = new Council({ job, manifest: twoStewards, self: peerNamed('d'), drawSecret, sha256 })
  const effects = [
    ...council.begin({ records: [place], shards: null, fresh: false }, 0),
    ...council.handle({ type: 'inputs-held', shards: [] }, 0),
  ]
  // Its giver makes so many others under lower serials that it has no room for this one.
  for (let i = 0; i < 12; i += 1)
    effects.push(
      ...council.handle(
        { type: 'record', from: b, record: believed(handoverOf('a', `t${i}`, undefined, i)) },
        1_000 * i,
      ),
    )
  const issued = effects.flatMap((effect) => (effect.type === 'issue' ? [effect.issued.record] : []))
  assert.deepEqual(
    issued.map(({ serial }) => serial),
    [0],
  )
  const discarded = effects.filter((effect) => effect.type === 'discard')
  const own = discarded.find(({ records }) => records.includes(issued[0]!.id))
  assert.equal(own?.serial, 1)
})

/** Records whose ids are all in one leaf of the trie, in the order of their ids. */
function inOneLeaf(count: number): JobRecord[] {
  return Array.from({ length: count }, (_, i) => {
    const digits = [...i.toString(16)].map((digit) => String.fromCharCode(97 + Number.parseInt(digit, 16)))
    const id = `bafyrei${`${digits.join('').padStart(6, 'a')}aaaa`.padStart(52, 'a')}` as RecordId
    return checked('holding', { ...recordOf('holding', 'b', inputsHeld, { serial: i }), id })
  })
}

test('stewards find what they lack in a leaf with more ids than a message names', () => {
  const records = inOneLeaf(3 * syncIdsMax)
  const [first, last] = [records[0]!.record.id, records.at(-1)!.record.id]
  const begin = (self: PeerId, known: readonly JobRecord[]) => {
    const council = new Council({ job, manifest: twoStewards, self, drawSecret, sha256 })
    council.begin({ records: known, shards: null, fresh: false }, 0)
    return council
  }
  const councils = new Map([
    [a, begin(a, records.slice(1))],
    [b, begin(b, records.slice(0, -1))],
  ])
  const tell = (self: PeerId, input: CouncilInput, nowMs: number): void => {
    const other = self === a ? b : a
    for (const effect of councils.get(self)!.handle(input, nowMs))
      if (effect.type === 'share')
        tell(other, { type: 'record', from: self, record: believed(effect.record) }, nowMs)
      else if (effect.type === 'send') {
        const message = decodeMessage(encodeMessage(effect.message)) as FellowMessage
        tell(other, { type: 'fellow', from: self, message }, nowMs)
      }
  }
  for (const self of [a, b]) tell(self, { type: 'connected', peer: self === a ? b : a }, 0)
  for (let nowMs = 1_000; nowMs <= 20_000; nowMs += 1_000)
    for (const self of [a, b]) tell(self, { type: 'wake' }, nowMs)
  assert.equal(councils.get(a)!.recordCount, records.length, `a lacks ${first}`)
  assert.equal(councils.get(b)!.recordCount, records.length, `b lacks ${last}`)
})

const vehicles = ['v1:o1', 'v2:o2', 'v3:o1'].map((name) => name.split(':') as [string, string])
const basis = recordOf<DrawBasis>('draw', 'a', {
  candidates: vehicles.map(([peer, owner]) => ({ peer: peerNamed(peer), owner: ownerNamed(owner) })),
})

/** A lease, and the receipt of its vehicle. */
function leaseOf(
  signer: string,
  vehicle: string,
  owner: string,
  positions: readonly number[],
  serial = 0,
): Verified<Lease> {
  const payload: Lease = {
    vehicle: peerNamed(vehicle),
    owner: ownerNamed(owner),
    shards: positions.map((position) => cidNamed(`shard ${position}`)),
    positions,
    isa: null,
    costMs: 1_000,
    units: positions.map(() => 1),
    price: null,
    draw: { basis: basis.id, eligible: new Uint8Array(1), index: 0 },
  }
  return recordOf('lease', signer, payload, { serial })
}

/** `chance` gives the record another id. */
function receiptOf(
  lease: Verified<Lease>,
  place: number,
  result: string,
  serial: number,
  chance: number,
): JobRecord {
  const { vehicle: worker, shards } = lease.payload
  const opening = { results: [cidNamed(result)], nonce: sha256(new Uint8Array(1)) }
  const payload: Receipt = {
    lease: lease.id,
    covers: [place],
    root: receiptRoot(sha256, { id: lease.id, job, worker, shards }, [place], opening),
    cpuMs: chance,
    wallMs: 1_000,
    energy: null,
  }
  return { kind: 'receipt', record: recordOf('receipt', nameOfPeer(worker), payload, { serial }), opening }
}

/** What a steward that takes over makes of these records, once it has seen every result. */
function made(records: readonly JobRecord[]) {
  const shards = [0, 1].map((n) => ({ shard: cidNamed(`shard ${n}`), pages: 1, bytes: 1, costMs: 1_000 }))
  const state = new JobState(job, threeStewards, sha256).restore(records)
  const steward = new Steward({ job, manifest: threeStewards, shards, self: a, drawSecret, sha256, state })
  let effects = steward.restore(0)
  for (;;) {
    const wanted = effects.flatMap((effect) => (effect.type === 'collect' ? effect.wanted : []))
    if (wanted.length === 0) return { shards: steward.view().shards, verdicts: steward.verdicts() }
    const results = wanted.map((want) => ({
      ...want,
      finding: { state: 'good', text: want.result, exhausted: false } as const,
    }))
    effects = steward.handle({ type: 'examined', results }, 0)
  }
}

test('stewards that have the same records come to the same, in whatever order they got them', () => {
  // Two stewards apart leased one shard to two vehicles of one owner, which do not agree: the first of them counts.
  const leases = [
    leaseOf('a', 'v1', 'o1', [0, 1], 1),
    leaseOf('b', 'v3', 'o1', [0], 1),
    leaseOf('a', 'v2', 'o2', [0], 2),
  ]
  const [first, second, third] = leases as [Verified<Lease>, Verified<Lease>, Verified<Lease>]
  const sought = Array.from({ length: 40 }, (_, i) => i)
  const r1s = sought.map((i) => receiptOf(first, 0, 'y', 0, i))
  const r2s = sought.map((i) => receiptOf(first, 1, 's', 1, i))
  const r1 = r1s.reduce((x, y) => (y.record.id > x.record.id ? y : x))
  const r2 = r2s.reduce((x, y) => (y.record.id < x.record.id ? y : x))
  const r3 = receiptOf(second, 0, 'x', 0, 0)
  assert(r2.record.id < r3.record.id && r3.record.id < r1.record.id, 'by id they stand against their serials')
  const opened = [checked('draw', basis), ...leases.map((record) => checked('lease', record))]
  const receipts = [r1, r2, r3, receiptOf(third, 0, 'x', 0, 0)]
  const outcomes = permutations(receipts).map((shuffled) => JSON.stringify(made([...opened, ...shuffled])))
  assert.equal(new Set(outcomes).size, 1)
  assert.equal(JSON.parse(outcomes[0]!).shards.queued, 0, 'its leases count')
})

// --- what scenarios would show, were it so ------------------------------------------------------------------

function play(script: string): string[] {
  const stage = new CouncilStage()
  return script
    .trim()
    .split('\n')
    .flatMap((line) => stage.run(parseCommand(line.trim())))
}

test('a job of which every shard is accepted at its deadline is complete, though its results are on one disk', () => {
  const lines = play(`
    council stewards=a,b shards=1 deadline=60s
    submit
    inputs b
    roster v1:o1 v2:o2
    accept a L1 L2
    receipt a L1 S0=x
    examine a x
    receipt a L2 S0=x
    wait 30s
    lacking a
    wait 31s
  `)
  assert(lines.includes('a: results are lacking at b 1'))
  assert.deepEqual(
    lines.filter((line) => line.includes(': ended')),
    ['a: ended complete: every shard is verified', 'b: ended complete: every shard is verified'],
  )
})

test('a job that is decided and does not end says whom its results have not reached', () => {
  const lines = play(`
    council stewards=a,b,c shards=1
    submit
    inputs b c
    roster v1:o1 v2:o2
    accept a L1 L2
    receipt a L1 S0=x
    examine a x
    lacking a
    receipt a L2 S0=x
    lacking a b
    results b
    wait 1s
    lacking a
  `)
  assert.deepEqual(
    lines.filter((line) => line.includes('lacking')),
    [
      'a: results are lacking at nobody',
      'a: results are lacking at b 1 c 1',
      'b: results are lacking at nobody',
      'a: results are lacking at nobody',
    ],
  )
})

test('verdicts apart are settled only when the claims of both sides have been looked at', () => {
  const lines = play(`
    council stewards=a,b shards=1 arbiter=steward
    submit
    inputs b
    down a v3 v4
    down b v1 v2
    roster v1:o1 v2:o2 v3:o3 v4:o4
    accept a L1 L2
    mute a b
    wait 14s
    progress a L1 L2
    accept b L3 L4
    hold a b
    unmute a b
    receipt b L3 S0=z
    examine b z
    receipt b L4 S0=z
    receipt a L1 S0=x
    examine a x
    receipt a L2 S0=x
    release a b
    wait 6s
    examine a x z
    wait 2s
    examine a x
  `)
  const settling = lines.filter((line) => line.includes('settles'))
  assert.deepEqual(settling, [], 'two owners say x and two say z: nothing is unanimous')
})

test('verdicts apart are settled only when the claims of both sides are here', () => {
  const lines = play(`
    council stewards=a,b shards=1 arbiter=steward
    submit
    inputs b
    down a v3 v4
    down b v1 v2
    roster v1:o1 v2:o2 v3:o3 v4:o4
    accept a L1 L2
    mute a b
    wait 14s
    progress a L1 L2
    accept b L3 L4
    hold a b
    unmute a b
    receipt b L3 S0=z
    examine b z
    receipt b L4 S0=z
    receipt a L1 S0=x
    examine a x
    receipt a L2 S0=x
    release a b
    wait 1s
  `)
  const settling = lines.filter((line) => line.includes('settles'))
  assert.deepEqual(settling, [], 'the verdict of b names receipts that a has not seen')
})

test('a replaced steward that comes back learns of its taker from the taker, too', () => {
  const lines = play(`
    council stewards=a,b,c shards=1
    submit
    inputs b c
    crash c
    roster d:d:slots=0
    wait 60s
    willing d
    inputs d
    wait 61s
    crash a
    crash b
    restore c
    wait 30s
    view c d
  `)
  assert.deepEqual(
    lines.slice(-2).map((line) => line.slice(0, line.indexOf(','))),
    ['c: watches', 'd: acts'],
  )
})

test('a taker that hears the steward that it should replace, before it was silent to it as well, leaves', () => {
  const lines = play(`
    council stewards=a,b,c shards=1
    submit
    inputs b c
    crash c
    roster d:d:slots=0
    wait 60s
    willing d
    inputs d
    wait 1s
    restore c
    wait 5s
    view a b c
  `)
  assert(lines.includes('d: leaves: not-lost'))
  assert(!lines.includes('c: acts'), 'a acts all the while')
})

test('a steward that only one fellow calls lost stays in its place for all others, and for itself', () => {
  const lines = play(`
    council stewards=a,b,c shards=1
    submit
    inputs b c
    mute c a
    roster d:d:slots=0
    wait 61s
    willing d
    wait 5s
    view a b c
  `)
  assert(lines.includes('d: leaves: not-lost'))
  assert.deepEqual(
    lines.slice(-3).map((line) => /stewards ([^,]*)/.exec(line)![1]),
    ['a b c (lost) d', 'a b c', 'a (lost) b c d'],
  )
})

test('a replaced steward that comes back after the end learns of its taker and of the end', () => {
  const lines = play(`
    council stewards=a,b,c shards=1
    submit
    inputs b c
    crash c
    roster d:d:slots=0 v1:o1 v2:o2
    wait 60s
    willing d
    inputs d
    wait 1s
    crash a
    crash b
    wait 20s
    receipt d L1 S0=x
    examine d x
    receipt d L2 S0=x
    wait 2s
    crash d
    restore d
    restore c
    wait 5s
    examine c x
    wait 30s
    results c
    compare
    view c
  `)
  assert.equal(lines.at(-2), 'the roots are equal')
  assert.match(lines.at(-1)!, /ended complete/)
  assert(!lines.includes('c: acts'), 'c would execute the job a second time')
})

test('a steward that lives and takes no results holds up the end of a decided job for a bounded time', () => {
  const decided = `
    council stewards=a,b shards=1
    submit
    inputs b
    roster v1:o1 v2:o2
    receipt a L1 S0=x
    examine a x
    receipt a L2 S0=x
    wait 280s
  `
  const ends = (lines: readonly string[]) => lines.some((line) => line.startsWith('a: issue E1 end complete'))
  assert(!ends(play(decided)))
  assert(ends(play(`${decided.trimEnd()}\nwait 30s`)))
})

test('a steward whose machine was suspended listens before it acts', () => {
  const lines = play(`
    council stewards=a,b shards=1
    submit
    inputs b
    roster d:d:slots=0
    wait 1s
    sleep b
    wait 50s
    awake b
    wait 5s
  `)
  assert(!lines.includes('b: acts'))
})

test('a steward whose machine was suspended for long has nobody replaced who lives', () => {
  const lines = play(`
    council stewards=a,b shards=1
    submit
    inputs b
    down a d
    roster d:d:slots=0
    wait 1s
    sleep b
    wait 65s
    awake b
    wait 5s
  `)
  assert(!lines.includes('b: invite d'), 'whose answer would be a handover, and stays')
})

test('a taker that was away when it was entrusted hears of it when it comes back', () => {
  const lines = play(`
    council stewards=a,b shards=1
    submit
    inputs b
    crash b
    roster d:d:slots=0
    wait 60s
    down a d
    willing d
    wait 5s
    up a d
    wait 30s
  `)
  assert(lines.includes('d: hold inputs'))
})

test('who had no room to stand by is asked again after a while', () => {
  const lines = play(`
    council stewards=a,b shards=1
    submit
    inputs b
    crash b
    roster d:d:slots=0
    wait 60s
    unwilling d no-space
    wait 3000s
  `)
  assert.equal(lines.filter((line) => line === 'a: invite d').length, 2)
})
