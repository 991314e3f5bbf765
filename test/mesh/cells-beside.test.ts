/** Nodes that know cells, beside others that do not. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { Mesh, type MeshNode } from '../support/mesh.ts'

/** Four nodes are too many for a cell, of which two go to one of their own; the others are forgotten there before it might split again. */
const limits = {
  splitAbove: 3,
  mergeBelow: 2,
  resizeAfterMs: 600_000,
  bothCellsMs: 10_000,
  listenMs: 5_000,
  lonelyMs: 60_000,
}
const oldOnes = ['old-a', 'old-b']

let mesh: Mesh
before(async () => {
  const vehicles = [
    { name: 'new', cell: '0' },
    ...oldOnes.map((name) => ({ name, cell: '0', knowsCells: false })),
  ]
  mesh = await Mesh.start({ vehicles, fleet: {}, cells: limits, submitterCell: '0' })
})
after(() => mesh?.stop())

async function vehiclesOf(submitter: MeshNode, replicas: number): Promise<string[]> {
  const { job } = await submitter.api.submit(
    mesh.request([`by ${submitter.name}, ${replicas}`], { replicas }),
  )
  const { state, vehicles } = await mesh.clock.hurry(submitter.ended(job))
  assert.equal(state, 'complete')
  return mesh
    .running()
    .filter(({ peer }) => vehicles.some((vehicle) => vehicle.peer === peer))
    .map(({ name }) => name)
    .sort()
}

test('as long as their mesh is one cell, nodes with and without cells work together', async () => {
  assert.deepEqual(await vehiclesOf(mesh.submitter, 3), ['new', ...oldOnes])
})

test('once the mesh splits, each goes on with its own', async () => {
  const { submitter } = mesh
  await mesh.clock.leap(
    mesh.until('those with cells have gone to one', () =>
      [submitter, mesh.node('new')].every(
        ({ api }) => api.info().cell?.name === '0' && api.peers().length === 2,
      ),
    ),
  )
  assert.deepEqual(await vehiclesOf(submitter, 1), ['new'])
  // Their last word to all lasts for some time, and they take work as long as it does.
  const { peer } = mesh.node('new')
  await mesh.clock.leap(
    mesh.until('the other side has forgotten them', () =>
      mesh
        .node('old-a')
        .api.peers()
        .every((known) => known.peer !== peer),
    ),
  )
  assert.deepEqual(await vehiclesOf(mesh.node('old-a'), 1), ['old-b'])
})
