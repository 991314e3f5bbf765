/** Open meshes: everybody comes to know everybody, and nobody is needed for it to stay so. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { Mesh } from '../support/mesh.ts'

const all = Array.from({ length: 11 }, (_, i) => `car-${i + 1}`)

let mesh: Mesh
before(async () => {
  mesh = await Mesh.start({ vehicles: 0 })
})
after(() => mesh.stop())

/** Stops a node. A goodbye may be lost: then its advert is over three minutes later, for which nobody waits here. */
function gone(name: string): Promise<void> {
  return mesh.clock.leap(mesh.leave(name))
}

for (const vehicles of [1, 2, all.length])
  test(`in a mesh of ${vehicles + 1} nodes every node comes to know every other`, async () => {
    const more = all.slice(mesh.running().length - 1, vehicles)
    await Promise.all(more.map((name) => mesh.join({ name }, false)))
    await mesh.acquainted()
    const everybody = mesh.running().map(({ peer }) => peer)
    assert.equal(everybody.length, vehicles + 1)
    for (const { api } of mesh.running())
      assert.deepEqual(
        api
          .peers()
          .map(({ peer }) => peer)
          .sort(),
        everybody.toSorted(),
      )
  })

test('each node learns how others reach it, and tells everybody', async () => {
  // An advert that gossip lost comes again with the next one, a minute later.
  await mesh.clock.leap(
    mesh.until('all say that they can be dialled', () =>
      mesh.running().every(({ api }) => api.peers().every(({ reach }) => reach === 'direct')),
    ),
  )
  assert.equal(mesh.submitter.api.info().reach, 'direct')
})

test('a node keeps its peer id and its place over a restart', async () => {
  const [car, other] = [mesh.node('car-1'), mesh.node('car-2')]
  const { peer } = car
  const modes = () => other.api.peers().filter((row) => row.peer === peer)
  await gone('car-1')
  await car.start(mesh.addresses())
  assert.equal(car.api.info().peer, peer)
  await mesh.clock.leap(mesh.until('it is back in its place', () => modes()[0]?.mode === 'run'))
  assert.equal(modes().length, 1)
})

test('a node that was here before finds the mesh without a bootstrap peer', async () => {
  const [car, other] = [mesh.node('car-3'), mesh.node('car-2')]
  const modes = () => other.api.peers().filter(({ peer }) => peer === car.peer)
  await gone('car-3')
  await car.start([])
  await mesh.clock.leap(mesh.until('it is back in its place', () => modes()[0]?.mode === 'run'))
})

test('an open mesh works, and says that it guarantees nothing', async () => {
  const { submitter } = mesh
  assert.deepEqual([...new Set(submitter.api.peers().map(({ counts }) => counts))], [null])
  const { job, errorBound } = await submitter.api.submit(mesh.request(['x']))
  assert.equal(errorBound, null)
  assert.equal((await submitter.ended(job)).state, 'complete')
})

test('the mesh outlives its bootstrap node: who comes late joins through another, and jobs run', async () => {
  // All have come in through the submitter.
  await mesh.submitter.crash()
  const late = await mesh.join({ name: 'late', slots: 0 })
  const { job } = await late.api.submit(mesh.request(['one', 'two', 'three']))
  const { state, pages } = await late.ended(job)
  assert.deepEqual([state, pages.verified], ['complete', 3])
})
