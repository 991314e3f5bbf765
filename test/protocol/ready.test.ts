/** A look once a second costs what has changed since the last one, and says the same as a walk over everything. */
import assert from 'node:assert/strict'
import test from 'node:test'
import { Ready, type ReadyFacts } from '../../src/protocol/council/ready.ts'
import { Watch } from '../../src/protocol/council/watch.ts'
import type { OwnerId, PeerId } from '../../src/protocol/ids.ts'
import type { Manifest } from '../../src/protocol/job/manifest.ts'
import type { Capacity, Reachability } from '../../src/protocol/membership/advert.ts'
import { type Candidate, candidatesFor } from '../../src/protocol/steward/candidate.ts'
import { ShardBoard } from '../../src/protocol/steward/shard-board.ts'
import type { ShardState } from '../../src/protocol/steward/shard-state.ts'
import type { Claim } from '../../src/protocol/verification/tally.ts'
import { Chance } from '../../src/simulator/chance.ts'
import { cidNamed, manifestWith, peerNamed, placeOf } from '../support/core-fakes.ts'
import { capacityOf } from '../support/core-steward-stage.ts'

interface Known extends ReadyFacts {
  stewards: Manifest['stewards']
  readonly capacities: Map<PeerId, Capacity>
  readonly connected: Set<PeerId>
}

function known(watch = new Watch()): Known {
  return {
    manifest: manifestWith({ stewards: [placeOf('a')] }),
    stewards: [placeOf('a')],
    capacities: new Map(),
    connected: new Set(),
    isOutOfReach: (vehicle) => watch.isOutOfReach(vehicle),
    isRelayed: (vehicle) => watch.isRelayed(vehicle),
  }
}

/** By a walk over everything, as the rule says it. */
function dumbOwners({ manifest, stewards, capacities, connected, isOutOfReach, isRelayed }: Known) {
  const able = candidatesFor(manifest, stewards, capacities.values()).filter(({ mode }) => mode !== 'stop')
  const saysOf = ({ peer }: Candidate, reach: Reachability) =>
    (capacities.get(peer)?.reach ?? 'direct') === reach && !isOutOfReach(peer)
  const reached = able.filter(
    (one) => (connected.has(one.peer) && !isRelayed(one.peer)) || saysOf(one, 'direct'),
  )
  const relayed = able.filter((one) => connected.has(one.peer) || saysOf(one, 'relayed'))
  const ownersOf = (some: readonly Candidate[]) => new Set(some.map(({ owner }) => owner)).size
  return {
    able: ownersOf(able),
    reached: ownersOf(reached),
    reachedAtAll: ownersOf([...reached, ...relayed]),
    idle: ownersOf(able.filter(({ peer, mode, free }) => connected.has(peer) && mode === 'run' && free > 0)),
  }
}

test('the owners that are able, reached and idle are those of a walk over everything, whatever happened before', () => {
  const seeds = Number(process.env.CARPOOL_SEEDS ?? 20)
  const first = Number(process.env.CARPOOL_SEED ?? 1)
  for (let seed = first; seed < first + seeds; seed += 1) {
    const chance = new Chance(seed, 'ready')
    const watch = new Watch()
    const { ready } = watch
    let step = 0
    const facts = known(watch)
    const anyPeer = () => peerNamed(['a', 'v0', 'v1', 'v2', 'v3', 'v4', 'v5'][chance.between(0, 6)]!)
    const touch = (peer: PeerId) => ready.touch(peer)
    const happenings = [
      () => {
        const name = ['a', 'v0', 'v1', 'v2', 'v3', 'v4', 'v5'][chance.between(0, 6)]!
        const mode = ['run', 'drain', 'stop'][chance.between(0, 2)]
        const capacity = capacityOf(
          `${name}:o${chance.between(0, 3)}:slots=${chance.between(0, 2)}:mode=${mode}`,
        )
        const reach = (['direct', 'relayed', 'outbound', undefined] as const)[chance.between(0, 3)]
        facts.capacities.set(capacity.peer, { ...capacity, ...(reach && { reach }) })
        touch(capacity.peer)
      },
      () => {
        const peer = anyPeer()
        facts.capacities.delete(peer)
        touch(peer)
      },
      () => {
        const peer = anyPeer()
        facts.connected.add(peer)
        watch.connected(peer, step, chance.between(0, 2) === 0)
      },
      () => {
        const peer = anyPeer()
        facts.connected.delete(peer)
        watch.left(peer)
      },
      () => {
        watch.offered(cidNamed(`L${step}`), anyPeer())
        watch.undelivered(cidNamed(`L${step}`))
      },
      () => {
        facts.stewards = chance.between(0, 1) === 0 ? [placeOf('a')] : [placeOf('a'), placeOf('v1')]
      },
    ]
    for (; step < 150; step += 1) {
      happenings[chance.between(0, 9) === 0 ? 5 : chance.between(0, 4)]!()
      if (chance.between(0, 2) > 0) continue
      assert.deepEqual(ready.owners(facts), dumbOwners(facts), `CARPOOL_SEED=${seed}, step ${step}`)
    }
  }
})

test('a vehicle of which something was heard costs a look at that one, however many are known, the advert of a steward too', () => {
  const facts = known()
  const ready = new Ready()
  for (let i = 0; i < 1_000; i += 1) {
    const capacity = capacityOf(`v${i}:o${i}`)
    facts.capacities.set(capacity.peer, capacity)
  }
  const steward = { ...capacityOf('a'), owner: 'of a' as OwnerId }
  facts.capacities.set(steward.peer, steward)
  ready.touchAll()
  assert.equal(ready.owners(facts).able, 1_000)
  const looks = ready.looks
  for (let i = 0; i < 10; i += 1) {
    facts.connected.add(peerNamed(`v${i}`))
    ready.touch(peerNamed(`v${i}`))
    facts.capacities.set(steward.peer, { ...steward, serial: i })
    ready.touch(steward.peer)
    assert.equal(ready.owners(facts).idle, i + 1)
    assert.equal(ready.owners(facts).idle, i + 1)
  }
  assert.equal(ready.looks - looks, 20)
})

test('the shards on which many have spoken are found as by a walk over all of them', () => {
  const seeds = Number(process.env.CARPOOL_SEEDS ?? 20)
  const first = Number(process.env.CARPOOL_SEED ?? 1)
  const entries = Array.from({ length: 40 }, (_, i) => ({
    shard: cidNamed(`S${i}`),
    pages: 1,
    bytes: 1,
    costMs: 1,
  }))
  for (let seed = first; seed < first + seeds; seed += 1) {
    const chance = new Chance(seed, 'waiting')
    const board = new ShardBoard(manifestWith({ assurance: { replicas: chance.between(1, 3) } }), entries)
    let step = 0
    const anyShard = () => board.states[chance.between(0, 39)]!
    const anyOwner = () => `o${chance.between(0, 4)}` as OwnerId
    const happenings = [
      () => board.hold(anyShard(), anyOwner(), cidNamed(`L${chance.between(0, 9)}`)),
      () => {
        const shard = anyShard()
        for (const [owner, { lease }] of shard.holders) board.release(shard, owner, lease, false)
      },
      () => {
        const [shard, owner] = [anyShard(), anyOwner()]
        const claim = {
          ...{
            peer: peerNamed(owner),
            owner,
            receipt: cidNamed(`R${seed}`),
            lease: { epoch: 0, serial: step, id: cidNamed(`L${step}`) } as never,
          },
          ...{
            result: cidNamed(`r${chance.between(0, 1)}`),
            text: `r${chance.between(0, 1)}`,
            exhausted: false,
          },
        } satisfies Claim
        if (shard.verdict === undefined)
          board.claim(shard, claim, shard.holders.get(owner)?.lease ?? cidNamed('L'))
      },
      () => board.contradict(anyOwner()),
      () => board.need(anyShard(), 3),
    ]
    for (step = 0; step < 200; step += 1) {
      happenings[chance.between(0, 19) === 0 ? 3 : [0, 1, 2, 2, 4][chance.between(0, 4)]!]!()
      const most = chance.between(0, 6)
      for (const asks of [
        (claims: number) => claims >= most,
        (claims: number, wanted: number) => claims + wanted > most,
      ]) {
        const dumb = (shard: ShardState) =>
          shard.wanted > 0 && shard.holders.size === 0 && asks(shard.claims.length, shard.wanted)
        assert.deepEqual(
          board.waiting(asks).map(({ position }) => position),
          [...board.open].filter(dumb).map(({ position }) => position),
          `CARPOOL_SEED=${seed}, step ${step}`,
        )
      }
    }
  }
})
