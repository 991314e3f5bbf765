/** A job that has ended falls silent: its stewards wake no more once they know the same, and answer who asks. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { CouncilEffect, CouncilInput, FellowMessage } from '../../src/protocol/council/contract.ts'
import { Council } from '../../src/protocol/council/council.ts'
import { rests } from '../../src/protocol/council/rest.ts'
import { stewardLostMs } from '../../src/protocol/limits.ts'
import { checked } from '../../src/protocol/records.ts'
import { seatOf } from '../support/core-council-job.ts'
import {
  believed,
  cidNamed,
  drawSecret,
  manifestWith,
  nameOfPeer,
  peerNamed,
  sha256,
} from '../support/core-fakes.ts'
import { basis, endOf, leaseOf, paidJob, receiptOf, recordOf, verdictOf } from '../support/paid-work.ts'

const job = cidNamed('job')
const shards = [{ shard: cidNamed('shard 0'), pages: 1, bytes: 1, costMs: 1_000 }]

/** Councils of one job that say everything to each other at once, but for those that are away. */
class Councils {
  nowMs = 0
  readonly away = new Set<string>()
  readonly wakes = new Map<string, number>()
  /** Of all messages between them. */
  said: { readonly from: string; readonly type: string }[] = []
  readonly #councils = new Map<string, Council>()
  #queue: { readonly from: string; readonly to: string; readonly input: CouncilInput }[] = []

  constructor(names: readonly string[]) {
    const manifest = manifestWith({ stewards: names.map(seatOf), deadlineMs: 1_000_000_000 })
    for (const name of names) {
      const self = peerNamed(name)
      const council = new Council({ job, manifest, self, drawSecret, sha256 })
      this.#councils.set(name, council)
      this.away.add(name)
    }
    for (const name of names) {
      this.#carryOut(name, this.of(name).begin({ records: [], shards, fresh: name === names[0] }, 0))
      this.tell(name, { type: 'inputs-held', shards })
    }
    for (const name of names) this.connect(name)
  }

  of(name: string): Council {
    return this.#councils.get(name)!
  }

  connect(name: string): void {
    this.away.delete(name)
    for (const other of this.#councils.keys())
      if (other !== name && !this.away.has(other)) {
        this.tell(other, { type: 'connected', peer: peerNamed(name) })
        this.tell(name, { type: 'connected', peer: peerNamed(other) })
      }
  }

  leave(name: string): void {
    this.away.add(name)
    for (const other of this.#councils.keys())
      if (other !== name) {
        this.tell(other, { type: 'disconnected', peer: peerNamed(name) })
        this.tell(name, { type: 'disconnected', peer: peerNamed(other) })
      }
  }

  tell(name: string, input: CouncilInput): void {
    this.#carryOut(name, this.of(name).handle(input, this.nowMs))
    for (let next = this.#queue.shift(); next !== undefined; next = this.#queue.shift())
      if (!this.away.has(next.from) && !this.away.has(next.to))
        this.#carryOut(next.to, this.of(next.to).handle(next.input, this.nowMs))
  }

  /** Lets this much time pass; the answer is how often one woke. */
  pass(ms: number): number {
    const untilMs = this.nowMs + ms
    for (let woken = 0; ; woken += 1) {
      const [name, atMs] = [...this.wakes].sort(([, a], [, b]) => a - b)[0] ?? ['', Number.POSITIVE_INFINITY]
      if (atMs > untilMs) {
        this.nowMs = untilMs
        return woken
      }
      this.nowMs = Math.max(this.nowMs, atMs)
      this.wakes.delete(name)
      this.tell(name, { type: 'wake' })
    }
  }

  #carryOut(from: string, effects: readonly CouncilEffect[]): void {
    for (const effect of effects)
      if (effect.type === 'wake') {
        assert(!this.wakes.has(from), `${from} asks for one wake at a time`)
        this.wakes.set(from, effect.atMs)
      } else if (effect.type === 'share') {
        const record = believed(effect.record)
        this.#post(from, nameOfPeer(effect.to), 'record', { type: 'record', from: peerNamed(from), record })
      } else if (effect.type === 'send') {
        const message = effect.message as FellowMessage
        this.#post(from, nameOfPeer(effect.to), message.type, {
          type: 'fellow',
          from: peerNamed(from),
          message,
        })
      }
  }

  #post(from: string, to: string, type: string, input: CouncilInput): void {
    this.said.push({ from, type })
    this.#queue.push({ from, to, input })
  }
}

test('a job without standbys asks for no more wakes once it has ended', () => {
  const councils = new Councils(['a'])
  assert(councils.pass(5_000) >= 5)
  councils.tell('a', { type: 'cancel' })
  assert(councils.pass(2_000) <= 1)
  assert(councils.of('a').rests(councils.nowMs))
  assert.deepEqual([...councils.wakes], [])
})

test('stewards that know the same of a job that has ended fall silent, and answer one that asks', () => {
  const councils = new Councils(['a', 'b', 'c'])
  councils.pass(5_000)
  councils.tell('a', { type: 'cancel' })
  councils.pass(10_000)
  for (const name of ['a', 'b', 'c']) assert(councils.of(name).rests(councils.nowMs), `${name} rests`)
  councils.said = []
  assert.equal(councils.pass(600_000), 0)
  assert.deepEqual(councils.said, [])

  const { root } = councils.of('a')
  const beat = { type: 'beat', job, acting: false, root, count: 0, heard: null } as const
  councils.tell('a', { type: 'fellow', from: peerNamed('b'), message: { ...beat, asks: true } })
  assert.deepEqual(councils.said, [{ from: 'a', type: 'beat' }])
  councils.tell('a', { type: 'fellow', from: peerNamed('b'), message: { ...beat, asks: false } })
  assert.equal(councils.said.length, 1, 'an answer is not answered')
})

test('a steward that was away when the job ended is waited for, then let be, and told when it is back', () => {
  const councils = new Councils(['a', 'b'])
  councils.pass(5_000)
  councils.leave('b')
  councils.wakes.delete('b') // suspended with its machine
  councils.tell('a', { type: 'cancel' })
  councils.pass(stewardLostMs / 2)
  assert(!councils.of('a').rests(councils.nowMs))
  assert.deepEqual(councils.of('a').behind(), [peerNamed('b')])
  councils.pass(stewardLostMs)
  assert(councils.of('a').rests(councils.nowMs))
  assert.equal(councils.pass(600_000), 0)

  councils.connect('b')
  councils.pass(10_000)
  assert(councils.of('b').hasEnded)
  assert.deepEqual([councils.of('a').behind(), councils.of('b').behind()], [[], []])
  assert.equal(councils.pass(600_000), 0)
})

test('a job is whole where its receipts are, and the candidates that they were drawn from: the report of one that lacks them would prove nothing', () => {
  const { job } = paidJob
  const manifest = manifestWith({ stewards: ['steward', 'b'].map(seatOf) })
  const self = peerNamed('b')
  const lease = leaseOf('car', [0], { price: null })
  const opening = { results: [cidNamed('result')], nonce: new Uint8Array(32) }
  const receipt = receiptOf(lease, [0], 0, opening)
  const verdict = verdictOf(0, [receipt])
  const council = new Council({ job, manifest, self, drawSecret, sha256 })
  const holding = recordOf('holding', self, 0, { inputs: true, verdicts: [] }).record
  const records = [
    checked('holding', holding),
    checked('lease', lease),
    checked('verdict', verdict),
    checked('end', endOf()),
  ]
  council.begin({ records, shards, fresh: false }, 0)
  council.handle({ type: 'results-held', verdict: verdict.id, held: true }, 0)
  assert.equal(council.isComplete, false)
  for (const [record, isWhole] of [
    [believed(checked('receipt', receipt, opening)), false],
    [believed(checked('draw', basis)), true],
  ] as const) {
    council.handle({ type: 'record', from: peerNamed('steward'), record }, 0)
    assert.equal(council.isComplete, isWhole)
  }
})

test('whoever has all of a job that has ended does not rest while results are asked for that verdicts of others rest on', () => {
  const self = peerNamed('b')
  const isResting = (isSeeking: boolean) =>
    rests(
      {
        options: { self, manifest: manifestWith({ stewards: [seatOf('a')] }) },
        places: { has: () => true, stewards: [] },
        shards: [],
        records: { end: () => endOf('failed'), decisions: { isSeeking } },
        results: { areAllHere: true, haveNews: false },
      } as unknown as Parameters<typeof rests>[0],
      0,
    )
  assert.deepEqual([isResting(true), isResting(false)], [false, true])
})
