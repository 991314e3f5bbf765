import assert from 'node:assert/strict'
import { test } from 'node:test'
import { checkOrder, isSampled } from '../../src/protocol/job/window.ts'
import { Windows } from '../../src/protocol/steward/windows.ts'
import { plansFor } from '../../src/protocol/verification/plan.ts'
import { cidNamed, manifestWith, ownerNamed, seed, sha256 } from '../support/core-fakes.ts'

const positions = Array.from({ length: 100 }, (_, i) => i)

test('checks are a shuffle of the window that the seed and the record decide together', () => {
  const order = checkOrder(sha256, seed, cidNamed('w'), positions)
  assert.deepEqual(
    [...order].sort((a, b) => a - b),
    positions,
  )
  assert.deepEqual(checkOrder(sha256, seed, cidNamed('w'), positions), order)
  assert.notDeepEqual(checkOrder(sha256, seed, cidNamed('other'), positions), order)
  assert.notDeepEqual(checkOrder(sha256, sha256(seed), cidNamed('w'), positions), order)
})

test('every position is checked equally often', () => {
  const counts = new Array<number>(10).fill(0)
  const rounds = 5_000
  for (let i = 0; i < rounds; i += 1)
    for (const position of checkOrder(sha256, seed, cidNamed(`w${i}`), positions.slice(0, 10)).slice(0, 3))
      counts[position]! += 1
  for (const count of counts) assert.ok(Math.abs(count - rounds * 0.3) < 4 * Math.sqrt(rounds * 0.21))
})

test('a window is sampled only when drawing is possible and cheaper than unanimity', () => {
  const audits = { replicas: 1, checks: 38, windowShards: 1_000, auditor: 'owners' } as const
  assert.equal(isSampled(38, audits, 2), false)
  assert.equal(isSampled(39, audits, 2), true)
  assert.equal(isSampled(39, { ...audits, replicas: 2 }, 3), true)
})

test('plans cost what the notes on reliability say, and the cheapest comes first', () => {
  const ask = { shards: 100_000, owners: 100, auditor: 'steward' } as const
  const [audited, unanimous] = plansFor({ ...ask, errorBound: 1e-4, colludingShare: 0.01 })
  assert.deepEqual([audited?.audits?.checks, audited?.audits?.replicas], [38, 1])
  assert.ok(Math.abs(audited!.executionsPerShard - 1.038) < 1e-9)
  assert.deepEqual([unanimous?.audits, unanimous?.replicas], [null, 2])
  for (const [colludingShare, checks] of [
    [0.05, 194],
    [0.1, 409],
    [0.2, 920],
  ] as const)
    assert.equal(plansFor({ ...ask, errorBound: 1e-4, colludingShare })[0]!.audits?.checks, checks)
})

test('a job that is followed closes windows early, for an eighth to a quarter of its executions more, or asks two owners each time', () => {
  const ask = { owners: 2, auditor: 'owners', errorBound: 1e-4, colludingShare: 0.01 } as const
  const firstOf = (shards: number, isFollowed = true) => plansFor({ ...ask, shards, isFollowed })[0]!
  assert.equal(firstOf(2 * 304).audits, null)
  assert.equal(firstOf(2 * 304, false).audits?.windowShards, 1_000)
  for (const shards of [2 * 305, 2_000, 5_000, 100_000]) {
    const { audits, executionsPerShard, errorBound } = firstOf(shards)
    const share = shards / ask.owners / audits!.windowShards
    assert(audits!.windowShards <= 8 * audits!.checks && share > 1.98, `${audits!.windowShards}`)
    // Each window is as large as the others.
    assert(Math.ceil(share) - share < 0.02 * Math.ceil(share), `${share}`)
    assert(executionsPerShard > 1.12 && executionsPerShard < 1.26, `${executionsPerShard}`)
    assert(errorBound <= 1e-4)
  }
})

test('every plan meets the bound that was asked for', () => {
  for (const errorBound of [1e-2, 1e-3, 1e-4, 1e-6])
    for (const colludingShare of [0, 0.01, 0.05, 0.2, 0.3])
      for (const auditor of ['owners', 'steward'] as const)
        for (const shards of [1, 100, 10_000, 1_000_000]) {
          const plans = plansFor({ errorBound, colludingShare, shards, owners: 50, auditor })
          assert.ok(plans.length > 0)
          for (const plan of plans) assert.ok(plan.errorBound <= errorBound * (1 + 1e-9))
        }
})

test('checks by other owners count for less, since those may be of the cartel, too', () => {
  const ask = { errorBound: 1e-3, colludingShare: 0.2, shards: 100_000, owners: 100 }
  const checks = (auditor: 'owners' | 'steward') => plansFor({ ...ask, auditor })[0]!.audits!.checks
  assert.equal(checks('steward'), 92)
  assert.equal(checks('owners'), 115)
})

test('checks by scores cost a part of an execution: 1,000 shards of an owner take 1.02 executions each', () => {
  const ask = {
    errorBound: 1e-4,
    colludingShare: 0.01,
    shards: 10_000,
    owners: 10,
    auditor: 'steward',
  } as const
  const [scored, again] = [plansFor({ ...ask, checkCost: 0.5 })[0]!, plansFor(ask)[0]!]
  assert.deepEqual(scored.audits, again.audits)
  assert.equal(scored.executionsPerShard.toFixed(3), '1.019')
  assert.equal(again.executionsPerShard.toFixed(3), '1.038')
})

test('a window that is closed keeps its claims, passes when its checks have, and goes with its owner', () => {
  const { assurance } = manifestWith({ assurance: { replicas: 2 } })
  const audits = { replicas: 1, checks: 3, windowShards: 10, auditor: 'owners' } as const
  const windows = new Windows(audits, assurance, sha256, seed)
  const [liar, honest] = [ownerNamed('liar'), ownerNamed('honest')]
  for (let i = 0; i < 12; i += 1) windows.add(honest, i, cidNamed(`r${i >> 2}`), 0)
  windows.add(liar, 3, cidNamed('lie'), 0)
  const due = windows.takeDue(() => false)
  assert.deepEqual(due, [
    { owner: honest, positions: positions.slice(0, 10), receipts: [0, 1, 2].map((i) => cidNamed(`r${i}`)) },
  ])
  windows.close(cidNamed('w'), due[0]!)
  const [pending] = [...windows.pending(() => 'pending')]
  assert.equal(pending?.checks.length, 3)
  const [voided] = pending!.checks
  const [replaced] = [...windows.pending((_, position) => (position === voided ? 'void' : 'pending'))]
  assert.equal(replaced?.checks.length, 3)
  assert.ok(!replaced?.checks.includes(voided!))
  assert.equal(windows.hasPassed(honest, 0), false)
  const [passed] = [...windows.pending(() => 'passed')]
  assert.deepEqual([passed?.checks, passed?.window.passed], [[], true])
  assert.equal(windows.hasPassed(honest, 0), true)
  windows.drop(honest)
  assert.equal(windows.hasPassed(honest, 0), false)
})

test('a window whose drawn checks cannot be made never passes: all that is left of it gets unanimous replicas', () => {
  const { assurance } = manifestWith({ assurance: { replicas: 2 } })
  const audits = { replicas: 1, checks: 3, windowShards: 10, auditor: 'owners' } as const
  const owner = ownerNamed('o')
  const windowed = () => {
    const windows = new Windows(audits, assurance, sha256, seed)
    const receipts = [cidNamed('r')]
    return {
      windows,
      window: windows.close(cidNamed('w'), { owner, positions: positions.slice(0, 10), receipts }),
    }
  }
  const gone = windowed()
  assert.deepEqual(
    [...gone.windows.pending(() => 'void')].map(({ checks }) => checks),
    [[]],
  )
  assert.equal(gone.windows.hasPassed(owner, 0), false)

  const few = windowed()
  const kept = few.window.order.slice(8)
  const [left] = few.windows.pending((_, position) => (kept.includes(position) ? 'passed' : 'void'))
  assert.deepEqual([left?.checks, left?.window.isSampled], [[], false])
  assert.equal(few.windows.hasPassed(owner, kept[0]!), false)

  const missed = windowed()
  const [first, ...others] = missed.window.order
  const [all] = missed.windows.pending((_, position) => (position === first ? 'never' : 'pending'))
  assert.deepEqual(
    [all?.checks, all?.window.isSampled],
    [others, false],
    'the drawn one was decided without it',
  )
  const [after] = missed.windows.pending((_, position) => (position === others[4] ? 'never' : 'passed'))
  assert.deepEqual([after?.checks, after?.window.passed], [[], false])
})
