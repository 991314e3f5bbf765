/** Meshes of cells in the virtual world: they split, find each other, draw from each other, and hear of a lie everywhere. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isInArc } from '../../src/protocol/cells/key.ts'
import { CartelWorld } from '../../src/simulator/cells/cartel.ts'
import { liveDay } from '../../src/simulator/cells/day.ts'
import { CellMesh } from '../../src/simulator/cells/mesh.ts'
import { cidOf, ownerNamed, secretNamed } from '../../src/simulator/fixtures.ts'

const minute = 60_000

/** Nodes of so many owners that come within a minute and know one bootstrap node. */
function meshOf(nodes: number): CellMesh {
  const mesh = new CellMesh(1)
  mesh.comeAsBootstrap(mesh.memberNamed('bootstrap'))
  for (let i = 0; i < nodes; i += 1)
    mesh.timeline.at((i * minute) / nodes, () => mesh.come(mesh.memberNamed(`car-${i}`)))
  return mesh
}

test('a mesh that outgrows a cell splits, all of it and once, and merges when most have gone; a census and a proof reach every cell', () => {
  const mesh = meshOf(300)
  mesh.run(30 * minute)
  const cells = () => [...new Set(mesh.nodes().map(({ view }) => view.cell))].sort()
  assert.deepEqual(cells(), ['0', '1'])
  assert.equal(mesh.counts.moves, mesh.nodes().length, 'each node moved once')
  for (const { view } of mesh.nodes()) {
    assert.equal(view.members, mesh.nodes().filter((other) => other.view.cell === view.cell).length)
    assert.equal(view.speakers.length, 3)
  }

  const [asker] = mesh.nodes().filter(({ view }) => view.cell === '0')
  asker!.tell({ type: 'take-census', name: 'a', drawSecret: secretNamed('a'), index: 0, engine: null })
  mesh.run(minute)
  const census = mesh.censuses.get('a')!
  const expected = mesh.nodes().filter(({ member }) => isInArc(census.arc, member.key))
  assert.deepEqual(
    census.members.map(({ peer }) => peer).sort(),
    expected.map(({ member }) => member.peer).sort(),
  )
  assert.deepEqual(census.doubted, [])

  const speaker = mesh.nodes().find(({ view }) => view.isSpeaker && view.cell === '1')!
  const liar = ownerNamed('liar')
  mesh.trueProofs.add(cidOf('proof'))
  speaker.tell({ type: 'proof', owner: liar, proof: cidOf('proof'), isTrue: true })
  mesh.run(15 * minute)
  assert(mesh.warned.get(liar)!.size >= mesh.nodes().length - 3, 'a proof is heard of in every cell')

  const staying = mesh.nodes().filter((_, i) => i % 5 === 0)
  for (const node of mesh.nodes()) if (!staying.includes(node)) mesh.leave(node.member.peer)
  // What speakers said that have gone counts until it lapses.
  mesh.run(60 * minute)
  assert.deepEqual(cells(), [''], 'those that are left are one cell again')
})

test('a cartel that answers, omits, stuffs or eclipses, with a cell captured whole, gets about its share and no more', () => {
  const f = 0.05
  const world = new CartelWorld(1, 16, f)
  for (const way of ['answers', 'omits', 'eclipses'] as const) {
    const { share, both } = world.measure(way, f, 30, 10)
    assert(share < 2 * f, `${way}: ${share}`)
    assert(both < 0.02, `${way}: ${both}`)
  }
})

test('a day of a hundred vehicles is counted, and the same for the same seed', () => {
  const options = { seed: 3, vehicles: 100, scenario: 'evening', sampledCells: 0, sampledHours: 1 } as const
  const day = liveDay(options, () => {})
  assert.equal(day.steps.length, 288)
  assert(day.steps[240]!.present > 70, 'all are at home in the evening')
  assert.deepEqual(
    liveDay(options, () => {}),
    day,
  )
})
