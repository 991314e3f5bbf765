/** How a job's state judges one record at a time: what does not get in, and what counts of what does. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Opening } from '../../src/protocol/job/lease.ts'
import type { Verified } from '../../src/protocol/record/record.ts'
import { checked, type JobRecord } from '../../src/protocol/records.ts'
import { JobState } from '../../src/protocol/state/job-state.ts'
import { RecordedView } from '../../src/protocol/state/job-view.ts'
import { cidNamed, manifestWith, peerNamed, placeOf, sha256 } from '../support/core-fakes.ts'
import { basis, leaseOf, paidJob, receiptOf, recordOf, verdictOf } from '../support/paid-work.ts'

const manifest = manifestWith({ stewards: [placeOf('steward'), placeOf('standby')] })
const shards = [0, 1].map((i) => ({ shard: cidNamed(`shard ${i}`), pages: 1, bytes: 1, costMs: 1 }))
const lease = leaseOf('v1', [0, 1], { units: 1, price: null })

function stateOf(...records: readonly JobRecord[]): JobState {
  const state = new JobState(paidJob.job, manifest, sha256)
  state.knowShards(shards)
  for (const record of [checked('draw', basis) as JobRecord, ...records])
    assert.equal(state.admit(record), true)
  return state
}

function claimOf(result: string, serial: number): JobRecord {
  const opening: Opening = { results: [cidNamed(result)], nonce: new Uint8Array(32) }
  return checked('receipt', receiptOf(lease, [0], serial, opening), opening)
}

test('a record gets in once, for its own job, and from a steward of it', () => {
  const state = stateOf(checked('lease', lease))
  const judged = (record: Verified) => state.judge(checked('lease', record) as JobRecord)
  assert.equal(judged(lease), 'known')
  const foreign = { ...leaseOf('v2', [0], { serial: 1 }), job: cidNamed('another job') }
  assert.equal(judged(foreign), 'of-another-job')
  assert.equal(judged(leaseOf('v2', [0], { steward: 'stranger' })), 'not-by-a-steward')
  assert.equal(judged(leaseOf('v2', [0], { steward: 'standby' })), undefined)
})

test('of what a vehicle says of one place the first in turn counts, whichever came first', () => {
  const [first, second] = [claimOf('a', 0), claimOf('a', 1)]
  for (const order of [
    [first, second],
    [second, first],
  ]) {
    const [leased] = stateOf(checked('lease', lease), ...order).leases()
    const [[place, receipt]] = [...leased!.covered] as [[number, typeof first]]
    assert.deepEqual([place, receipt.record.id], [0, first.record.id])
    assert.equal(leased!.equivocated, false)
  }
})

test('an owner whose vehicle signed two results for one place is contradicted', () => {
  const two = stateOf(checked('lease', lease), claimOf('a', 0), claimOf('b', 1))
  assert.deepEqual(new RecordedView(two, shards).view().contradicted, [lease.payload.owner])
  const one = stateOf(checked('lease', lease), claimOf('a', 0), claimOf('a', 1))
  assert.deepEqual(new RecordedView(one, shards).view().contradicted, [])
})

test('a lease counts once the list of shards and its candidates are here, and its claims with it', () => {
  const state = new JobState(paidJob.job, manifest, sha256)
  const counts = () => [state.counts(lease.id), [...state.leases()].length]
  state.admit(checked('lease', lease) as JobRecord)
  state.admit(claimOf('a', 0))
  state.admit(checked('draw', basis) as JobRecord)
  assert.deepEqual(counts(), [false, 0])
  state.knowShards(shards)
  assert.deepEqual([counts(), state.takeRecounted()], [[true, 1], [lease.id]])
  const late = new JobState(paidJob.job, manifest, sha256)
  late.knowShards(shards)
  late.admit(checked('lease', lease) as JobRecord)
  assert.equal(late.counts(lease.id), false)
  late.admit(checked('draw', basis) as JobRecord)
  assert.deepEqual([late.counts(lease.id), late.takeRecounted()], [true, [lease.id]])
  late.shutOut(basis.id)
  assert.deepEqual([late.counts(lease.id), late.takeRecounted()], [false, [lease.id]])
  assert.deepEqual(late.takeRecounted(), [])
})

test('a lease of which other places are open is told as one that began to count, though its receipt comes last', () => {
  const payment = { currency: 'EUR', unit: 'page', unitMicrosMax: 7, budgetMicros: 100 } as const
  const stewards = [placeOf('steward'), placeOf('standby')]
  const paid = leaseOf('v1', [0, 1], { units: 1 })
  const opening: Opening = { results: [cidNamed('a')], nonce: new Uint8Array(32) }
  const receipt = receiptOf(paid, [0], 0, opening)
  const writtenOff = [{ lease: paid.id, places: [] }]
  const state = new JobState(paidJob.job, manifestWith({ stewards, payment }), sha256)
  state.knowShards(shards)
  const places = () => [0, 1].map((place) => state.allowances.isOpen(paid.id, place, 1))
  for (const entry of [
    checked('draw', basis),
    checked('lease', paid),
    checked(
      'allowance',
      recordOf('allowance', peerNamed('steward'), 2_000, { writtenOff, given: [] }).record,
    ),
    checked('verdict', verdictOf(0, [receipt])),
  ])
    assert.equal(state.admit(entry as JobRecord), true)
  state.takeRecounted()
  assert.deepEqual(places(), [false, false])
  assert.equal(state.admit(checked('receipt', receipt, opening) as JobRecord), true)
  assert.deepEqual(places(), [true, false])
  assert.deepEqual(state.takeRecounted(), [paid.id])
  assert.deepEqual(state.takeRecounted(), [])
})

test('results are on a second disk when another steward than the one that decided says that it has them', () => {
  const verdict = verdictOf(0, [])
  const holding = (steward: string) =>
    checked(
      'holding',
      recordOf('holding', peerNamed(steward), 2, { inputs: false, verdicts: [verdict.id] }).record,
    )
  const state = stateOf(checked('verdict', verdict), holding('steward'))
  assert.deepEqual([...state.holders.unheld], [verdict.id])
  state.admit(holding('standby'))
  assert.deepEqual([...state.holders.unheld], [])
  // The order does not matter.
  assert.deepEqual(
    [...stateOf(holding('standby'), checked('verdict', verdict)).holders.unheld],
    [],
    'it was said before the verdict came',
  )
})
