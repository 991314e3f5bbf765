/** What a submitter is promised: by how many owners, for how much, and only where somebody vouches for them. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { SubmitRequest } from '../../src/host/api.ts'
import { assuranceOf, type Market, plansOf, supplyOf } from '../../src/host/submission/assurance.ts'
import type { OwnerId } from '../../src/protocol/ids.ts'
import type { Capacity } from '../../src/protocol/membership/advert.ts'
import { peerNamed } from '../support/core-fakes.ts'
import { vehicleOf } from '../support/jobs-stage.ts'

const request = {
  runtime: 'wasm',
  engine: 'auto',
  errorBound: 1e-4,
  colludingShare: 0.01,
  replicas: null,
  arbiter: 'auto',
  selfCheck: false,
} as SubmitRequest

function carOf(owner: string, micros: number | null = null, slots = 1): Capacity {
  const vehicle = vehicleOf(peerNamed(`car of ${owner}`), slots)
  const ask = micros === null ? null : { currency: 'EUR', unitMicros: micros }
  return { ...vehicle, owner: owner as OwnerId, engines: vehicle.engines.map((one) => ({ ...one, ask })) }
}

const engine = { runtime: 'wasm', engine: 'exact', id: 'engine', isa: null, agreement: 'bytes' } as const

function market(changes: Partial<Market> = {}): Market {
  return {
    capacities: ['anna', 'bert', 'carl'].map((owner) => carOf(owner)),
    fleet: peerNamed('fleet'),
    owner: 'me' as OwnerId,
    canRecompute: () => true,
    ...changes,
  }
}

test('the supply is that of other owners, with slots and the engine', () => {
  const [me, other, full] = [carOf('me'), carOf('bert'), carOf('carl', null, 0)]
  const without = { ...carOf('dora'), engines: [] }
  const capacities = [me, other, full, without]
  const { owners, slots } = supplyOf(market({ capacities }), 'wasm', 'engine', null)
  assert.deepEqual([owners, slots], [1, 1])
})

test('owners who ask more than a job pays are no supply, and are named beside it', () => {
  const capacities = [carOf('anna', 5), carOf('bert', 20), carOf('carl', 30)]
  const payment = { currency: 'EUR', unitMicrosMax: 10, budgetMicros: 1_000 }
  const { owners, dearer } = supplyOf(market({ capacities }), 'wasm', 'engine', payment)
  assert.equal(owners, 1)
  assert.deepEqual(dearer, { owners: 2, from: [{ currency: 'EUR', unitMicros: 20 }] })
})

test('a job has an error bound where a fleet vouches for its owners, and none in an open mesh', () => {
  const boundIn = (where: Market): number | null => {
    const [plan] = plansOf(request, where, 3, supplyOf(where, 'wasm', 'engine', null), engine)
    return assuranceOf(request, where, plan!, engine).errorBoundPpb
  }
  const promised = boundIn(market())
  assert(promised !== null && promised > 0 && promised <= 100_000)
  assert.equal(boundIn(market({ fleet: null })), null)
})

test('a steward decides disputes where it can recompute, and a job that wants it to begins nowhere else', () => {
  const arbiterOf = (arbiter: SubmitRequest['arbiter'], canRecompute: boolean) => {
    const where = market({ canRecompute: () => canRecompute })
    const [plan] = plansOf(request, where, 3, supplyOf(where, 'wasm', 'engine', null), engine)
    return assuranceOf({ ...request, arbiter }, where, plan!, engine).arbiter
  }
  assert.deepEqual(
    [
      arbiterOf('auto', true),
      arbiterOf('auto', false),
      arbiterOf('owners', true),
      arbiterOf('steward', true),
    ],
    ['steward', 'owners', 'owners', 'steward'],
  )
  assert.throws(() => arbiterOf('steward', false), /cannot recompute wasm; use --arbiter owners/)
  const where = market({ canRecompute: () => false })
  const supply = supplyOf(where, 'wasm', 'engine', null)
  assert.throws(
    () => plansOf({ ...request, selfCheck: true }, where, 3, supply, engine),
    /cannot recompute wasm; leave out --self-check/,
  )
})

test('a steward that scores claims plans for less than one that makes them again', () => {
  const asked = { ...request, selfCheck: true }
  const where = market()
  const scoring = { ...engine, agreement: { relation: 'scored', gapMax: 1, differenceMax: 1 } } as const
  const work = (of: typeof engine | typeof scoring, selfCheck = true) =>
    plansOf({ ...asked, selfCheck }, where, 3_000, supplyOf(where, 'wasm', 'engine', null), of)[0]!
      .executionsPerShard
  assert(work(scoring) < work(engine))
  assert.equal(work(scoring, false), work(engine, false), 'vehicles that check make a claim again')
})
