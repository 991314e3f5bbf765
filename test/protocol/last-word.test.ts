/** Promises of the last word: after the end all stewards that have the same records come to the same money, in whatever order these came. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Council } from '../../src/protocol/council/council.ts'
import type { RecordId } from '../../src/protocol/ids.ts'
import { decidedClaims, JobClaims } from '../../src/protocol/ledger/claims.ts'
import { beatIntervalMs, proofWaitMs } from '../../src/protocol/limits.ts'
import { byDependency, isMoney, type JobRecord } from '../../src/protocol/records.ts'
import type { JobState } from '../../src/protocol/state/job-state.ts'
import { lastWords, lastWordsMax } from '../../src/protocol/state/last-word.ts'
import { reportedOf } from '../../src/protocol/state/reported.ts'
import { drawSecret, peerNamed, sha256 } from '../support/core-fakes.ts'
import { JobBench } from '../support/job-bench.ts'

const payment = { currency: 'EUR', unit: 'page', unitMicrosMax: 7, budgetMicros: 1_000 } as const
const price = { currency: 'EUR', unitMicros: 7, operatorPpm: 0 } as const
const stewards = ['a', 'b', 'c']
const truth = 'x'

/** A job of two shards, each leased by stewards that do not hear each other. */
class Apart {
  readonly bench = new JobBench({ shards: 2, payment, assurance: { arbiter: 'steward' } })

  /** A steward decides a shard by what these two vehicles say, as an honest one does: by its own recomputation where they differ. */
  decide(
    by: string,
    position: number,
    said: readonly { readonly vehicle: string; readonly result: string }[],
  ): void {
    const claims = said.map(({ vehicle, result }) => ({
      result,
      id: this.claim(by, position, vehicle, result),
    }))
    const isUnanimous = claims.length > 1 && claims.every(({ result }) => result === claims[0]!.result)
    const result = isUnanimous ? claims[0]!.result : truth
    const [agreeing, contradicting] = [true, false].map((isAlike) =>
      claims.flatMap((claim) => ((claim.result === result) === isAlike ? claim.id : [])),
    )
    this.bench.verdict(by, result, agreeing!, {
      ...{ position, because: isUnanimous ? 'unanimous' : 'recomputed', contradicting: contradicting! },
    })
  }

  claim(by: string, position: number, vehicle: string, result: string): RecordId {
    return this.bench.claim(by, vehicle, result, [position], { price })
  }

  /** A node that these records reach in this order; what comes before one that it rests on comes again. */
  node(self: string, entries: readonly JobRecord[]): JobState {
    const state = this.bench.newState(self)
    this.hear(state, entries)
    return state
  }

  hear(state: JobState, entries: readonly JobRecord[]): void {
    for (let left = entries; left.length > 0; ) {
      const refused = left.filter((entry) => {
        const isIn = state.has(entry.record.id) || state.admit(entry)
        this.bench.look({ state })
        return !isIn
      })
      assert(refused.length < left.length, 'every record gets in at last')
      left = refused
    }
    for (let i = 0; i < 4; i += 1) state.decisions.review(this.bench.manifest.deadlineMs)
    this.bench.look({ state })
  }
}

/** The outcome of the records: the receipts that are paid. */
function paidOn(state: JobState): string[] {
  const job = { job: state.job, submitter: peerNamed('submitter'), fleet: null, currency: 'EUR' }
  const claims = new JobClaims(job, {
    counts: (lease) => state.counts(lease),
    isOpen: (lease, place, units) => state.allowances.isOpen(lease, place, units),
  })
  for (const entry of [...state.all()].sort(byDependency)) if (isMoney(entry)) claims.learn(entry)
  const { verdicts, ends } = state.decisions
  for (const entry of decidedClaims({ verdicts: [...verdicts.records.values()], ends })) claims.learn(entry)
  return [...claims.current()]
    .flatMap(({ claim, outcome }) => (outcome === 'paid' ? claim.receipt : []))
    .sort()
}

/** The submitter's node says its last word until it has nothing to add. */
function close(apart: Apart, state: JobState): JobRecord[] {
  const { bench } = apart
  const said: JobRecord[] = []
  if (state.end() === undefined) {
    bench.end('a', 'complete') // for it, every shard is accepted
    said.push(bench.records.at(-1)!)
    apart.hear(state, said)
  }
  for (let i = 0; i <= lastWordsMax; i += 1) {
    const words = lastWords(state, peerNamed('a'), bench.shards)
    if (words.length === 0) return said
    bench.sign('verdict', peerNamed('a'), { shards: words })
    const entry = bench.records.at(-1)!
    said.push(entry)
    apart.hear(state, [entry])
  }
  return assert.fail('it goes on and on')
}

const oneSaid = fc.record({
  by: fc.constantFrom(...stewards),
  position: fc.nat({ max: 1 }),
  first: fc.constantFrom('x', 'x', 'z'),
  second: fc.constantFrom('x', 'x', 'z', undefined),
  vehicles: fc.tuple(fc.nat({ max: 3 }), fc.nat({ max: 3 })),
})

test('after the end stewards that have the same records come to the same money, in whatever order these came', () => {
  let words = 0
  fc.assert(
    fc.property(
      fc.uniqueArray(oneSaid, {
        minLength: 1,
        maxLength: 5,
        selector: ({ by, position }) => `${by}/${position}`,
      }),
      fc.constantFrom('a', 'b', 'both'),
      fc.infiniteStream(fc.nat()),
      (decided, ender, chance) => {
        const apart = new Apart()
        for (const { by, position, first, second, vehicles } of decided) {
          const [one, other] = [vehicles[0] + 1, ((vehicles[0] + 1 + vehicles[1]) % 5) + 1]
          const said = [{ vehicle: `v${one}`, result: first }]
          if (second !== undefined) said.push({ vehicle: `v${other}`, result: second })
          apart.decide(by, position, said)
        }
        for (const by of ender === 'both' ? ['a', 'b'] : [ender]) apart.bench.end(by, 'failed')
        const shuffled = () =>
          apart.bench.records
            .map((entry) => ({ entry, at: chance.next().value as number }))
            .sort((one, other) => one.at - other.at)
            .map(({ entry }) => entry)
        const [a, ...others] = stewards.map((name) => apart.node(name, shuffled()))
        const said = close(apart, a!)
        words += said.filter(({ kind }) => kind === 'verdict').length
        for (const state of others) {
          apart.hear(state, said)
          assert.deepEqual(paidOn(state), paidOn(a!))
        }
        assert.deepEqual(
          paidOn(apart.node('c', shuffled())),
          paidOn(a!),
          'nor does a new one come to anything else',
        )
      },
    ),
    { numRuns: 200 },
  )
  assert(words > 20, `it was needed ${words} times`)
})

test('what a standby decided apart gives way to the last word of the submitter’s node, and is settled by it', () => {
  const apart = new Apart()
  apart.decide('a', 0, [
    { vehicle: 'v1', result: 'x' },
    { vehicle: 'v2', result: 'x' },
  ])
  apart.decide('b', 0, [
    { vehicle: 'v3', result: 'z' },
    { vehicle: 'v4', result: 'z' },
  ])
  apart.bench.end('a', 'failed')
  const [a, b] = ['a', 'b'].map((name) => apart.node(name, apart.bench.records))
  const said = close(apart, a!)
  apart.hear(b!, said)
  assert.deepEqual([apart.bench.stands(0, a!), apart.bench.stands(0, b!)], ['x', 'x'])
  const notes = reportedOf(b!)
  const theirs = apart.bench.records.find(
    ({ kind, record }) => kind === 'verdict' && record.signer === peerNamed('b'),
  )
  assert.equal(notes.get(theirs!.record.id), null, 'its report has both, and one settles the other')
})

test('what only a standby recomputed pays nobody after an end of the submitter’s, but claims that agree do', () => {
  const apart = new Apart()
  apart.decide('b', 0, [
    { vehicle: 'v1', result: 'x' },
    { vehicle: 'v2', result: 'z' },
  ])
  apart.decide('b', 1, [
    { vehicle: 'v3', result: 'x' },
    { vehicle: 'v2', result: 'z' },
  ])
  const third = apart.claim('b', 1, 'v4', 'x')
  apart.bench.end('a', 'failed')
  const [a, b] = ['a', 'b'].map((name) => apart.node(name, apart.bench.records))
  assert.equal(paidOn(b!).length, 2, 'it paid what it had counted itself')
  apart.hear(b!, close(apart, a!))
  assert.deepEqual([paidOn(b!), paidOn(b!).length, paidOn(b!).includes(third)], [paidOn(a!), 2, true])
})

test('a claim that only a verdict names which does not count here is owed where its own lease counts, to each owner once', () => {
  const apart = new Apart()
  const { bench } = apart
  apart.decide('a', 0, [
    { vehicle: 'v1', result: 'x' },
    { vehicle: 'v2', result: 'x' },
  ])
  const good = apart.claim('b', 0, 'v3', 'x')
  const again = apart.claim('b', 0, 'v1', 'x')
  const other = apart.claim('b', 0, 'v4', 'z')
  bench.verdict('b', 'x', [good, again, other], { position: 0, because: 'unanimous' })
  bench.end('a', 'failed')
  const [a, b] = ['a', 'b'].map((name) => apart.node(name, bench.records))
  const said = close(apart, a!)
  assert.equal(said.length, 1, 'one word says it')
  apart.hear(b!, said)
  assert.deepEqual([paidOn(a!).length, paidOn(a!).includes(good)], [3, true])
  assert.deepEqual(bench.stands(0, a!), 'x')
})

test('a verdict that came too late for a standby counts there once the last word says the same', () => {
  const apart = new Apart()
  const { bench } = apart
  const since = (first: number) => bench.records.slice(first)
  apart.decide('b', 0, [])
  bench.end('b', 'failed')
  const b = apart.node('b', bench.records)
  const first = bench.records.length
  apart.decide('c', 0, [
    { vehicle: 'v1', result: 'z' },
    { vehicle: 'v2', result: 'z' },
  ])
  apart.hear(b, since(first))
  const next = bench.records.length
  apart.decide('a', 0, [
    { vehicle: 'v3', result: 'z' },
    { vehicle: 'v4', result: 'z' },
  ])
  bench.end('a', 'failed')
  const a = apart.node('a', bench.records)
  apart.hear(b, since(next))
  apart.hear(b, close(apart, a))
  assert.deepEqual([paidOn(a).length, paidOn(b)], [4, paidOn(a)])
  const theirs = bench.records.find(
    ({ kind, record }) => kind === 'verdict' && record.signer === peerNamed('c'),
  )
  assert(b.verdicts.records.has(theirs!.record.id), 'it came too late, and counts now')
})

test('whatever others sign after the end, the last word on a shard is said a bounded number of times', () => {
  const apart = new Apart()
  apart.bench.end('a', 'failed')
  const a = apart.node('a', apart.bench.records)
  let words = 0
  for (let i = 0; i < 3 * lastWordsMax; i += 1) {
    apart.bench.verdict('b', `x${i}`, [])
    apart.hear(a, [apart.bench.records.at(-1)!])
    words += close(apart, a).length
  }
  assert.equal(words, lastWordsMax)
})

test('the submitter’s node says its last word once nothing new has come for a while, and rests then', () => {
  const apart = new Apart()
  apart.decide('b', 0, [
    { vehicle: 'v1', result: 'x' },
    { vehicle: 'v2', result: 'z' },
  ])
  apart.bench.end('a', 'failed')
  const { job, manifest, records, shards } = apart.bench
  const of = (name: string) => {
    const submitter = peerNamed('submitter')
    const council = new Council({ job, manifest, submitter, self: peerNamed(name), drawSecret, sha256 })
    const effects = council.begin({ records, shards, fresh: false }, 0)
    for (let nowMs = beatIntervalMs; nowMs <= 2 * proofWaitMs; nowMs += beatIntervalMs) {
      for (const effect of effects.filter(({ type }) => type === 'collect'))
        if (effect.type === 'collect') {
          const finding = { state: 'good', text: '', exhausted: false } as const
          const results = effect.wanted.map(({ result, pages }) => ({
            result,
            pages,
            from: effect.wanted[0]!.from,
            finding,
          }))
          council.handle({ type: 'examined', results }, nowMs)
        }
      effects.push(...council.handle({ type: 'wake' }, nowMs))
    }
    return effects.flatMap((effect) => (effect.type === 'issue' ? effect.issued.kind : []))
  }
  assert.deepEqual([of('a'), of('c')], [['verdict'], []])
})
