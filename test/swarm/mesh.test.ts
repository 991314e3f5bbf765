/** Meshes of real processes: everybody comes to know everybody, and nobody is needed for it to stay so. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Member } from '../../src/cli/swarm/member.ts'
import {
  cars,
  startSwarm,
  testTimeout,
  until,
  untilEnded,
  wasmJob,
  writeDocuments,
} from '../support/swarm.ts'

for (const vehicles of [1, 2, 11])
  test(
    `in a mesh of ${vehicles + 1} processes every node comes to know every other`,
    testTimeout,
    async (t) => {
      const swarm = await startSwarm(t, { vehicles: cars(vehicles) })
      const everybody = swarm.members().map(({ peer }) => peer)
      for (const member of swarm.members()) await untilKnows(member, everybody)
    },
  )

test(
  'the mesh outlives its bootstrap node: who comes late joins through another, and jobs run',
  testTimeout,
  async (t) => {
    const swarm = await startSwarm(t, { vehicles: cars(3), laterOwners: ['late'] })
    const [bootstrap, first] = [swarm.submitter, swarm.vehicle('car-1')]
    await untilKnows(
      first,
      swarm.members().map(({ peer }) => peer),
    )
    await bootstrap.end('SIGKILL')

    const late = await swarm.join({ name: 'late', slots: 0 }, first.addresses)
    const vehicles = swarm.vehicles().map(({ peer }) => peer)
    for (const member of swarm.vehicles()) await untilKnows(member, vehicles)

    const documents = writeDocuments(t, ['one', 'two', 'three'])
    const { job } = await late.node.submit(await wasmJob(t, 'echo', documents))
    const status = await untilEnded(late, job)
    assert.equal(status.state, 'complete')
    assert.equal(status.pages.verified, 3)
  },
)

test('a node keeps its peer id and its place over a restart', testTimeout, async (t) => {
  const swarm = await startSwarm(t, { vehicles: cars(2) })
  const before = swarm.vehicle('car-1')
  await before.end('SIGTERM')
  const after = await swarm.join({ name: 'car-1' })
  assert.equal(after.peer, before.peer)
  await untilKnows(swarm.vehicle('car-2'), [after.peer])
})

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
