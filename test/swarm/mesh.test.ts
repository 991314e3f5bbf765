/** Meshes of real processes: everybody comes to know everybody, and nobody is needed for it to stay so. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Member } from '../../src/cli/swarm/member.ts'
import {
  cars,
  sharedSwarm,
  startSwarm,
  testTimeout,
  until,
  untilEnded,
  wasmJob,
  writeDocuments,
} from '../support/swarm.ts'

const all = cars(11)
const swarmOf = sharedSwarm({ vehicles: [], laterOwners: [...all.map(({ name }) => name), 'late'] })

for (const vehicles of [1, 2, all.length])
  test(
    `in a mesh of ${vehicles + 1} processes every node comes to know every other`,
    testTimeout,
    async (t) => {
      const swarm = await swarmOf(t)
      await Promise.all(all.slice(swarm.vehicles().length, vehicles).map((vehicle) => swarm.join(vehicle)))
      const everybody = swarm.members().map(({ peer }) => peer)
      assert.equal(everybody.length, vehicles + 1)
      for (const member of swarm.members()) await untilKnows(member, everybody)
    },
  )

test('a node keeps its peer id and its place over a restart', testTimeout, async (t) => {
  const swarm = await swarmOf(t)
  const before = swarm.vehicle('car-1')
  await before.end('SIGTERM')
  const after = await swarm.join({ name: 'car-1' })
  assert.equal(after.peer, before.peer)
  await untilKnows(swarm.vehicle('car-2'), [after.peer])
})

test(
  'the mesh outlives its bootstrap node: who comes late joins through another, and jobs run',
  testTimeout,
  async (t) => {
    const swarm = await swarmOf(t)
    // The rest of the twelve have shown what they are for.
    for (const { name } of all.slice(3)) await swarm.vehicle(name).end('SIGTERM')
    const vehicles = all.slice(0, 3).map(({ name }) => swarm.vehicle(name))
    const first = vehicles[0]!
    await untilKnows(first, [swarm.submitter.peer, ...vehicles.map(({ peer }) => peer)])
    await swarm.submitter.end('SIGKILL')

    const late = await swarm.join({ name: 'late', slots: 0 }, first.addresses)
    const peers = vehicles.map(({ peer }) => peer)
    for (const member of [...vehicles, late]) await untilKnows(member, [...peers, late.peer])

    const documents = writeDocuments(t, ['one', 'two', 'three'])
    const { job } = await late.node.submit(await wasmJob(t, 'echo', documents))
    const status = await untilEnded(late, job)
    assert.equal(status.state, 'complete')
    assert.equal(status.pages.verified, 3)
  },
)

test('an open mesh works, and says that it guarantees nothing', testTimeout, async (t) => {
  const swarm = await startSwarm(t, { vehicles: cars(2), fleet: false })
  assert.deepEqual([...new Set((await swarm.submitter.node.peers()).map(({ counts }) => counts))], [null])
  const plan = await swarm.submitter.node.submit(await wasmJob(t, 'echo', writeDocuments(t, ['x'])))
  assert.equal(plan.errorBound, null)
  assert.equal((await untilEnded(swarm.submitter, plan.job)).state, 'complete')
})

function untilKnows({ node, name }: Member, peers: readonly string[]): Promise<void> {
  return until(`${name} knows everybody`, async () => {
    const known = new Set<string>((await node.peers()).map(({ peer }) => peer))
    return peers.every((peer) => known.has(peer))
  })
}
