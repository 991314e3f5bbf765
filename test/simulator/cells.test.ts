/** Meshes of cells in the virtual world: they split, find each other, draw from each other, and hear of a lie everywhere. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isInArc } from '../../src/protocol/cells/key.ts'
import type { CellId } from '../../src/protocol/ids.ts'
import { nodesAstray } from '../../src/simulator/cells/astray.ts'
import { CartelWorld, cartelWays } from '../../src/simulator/cells/cartel.ts'
import { liveDay } from '../../src/simulator/cells/day.ts'
import { Elsewhere } from '../../src/simulator/cells/elsewhere.ts'
import { joinAll } from '../../src/simulator/cells/joining.ts'
import { CellMesh } from '../../src/simulator/cells/mesh.ts'
import { CoarseMesh, type Trouble } from '../../src/simulator/cells/whole.ts'
import { firstCellAbroad, workIn } from '../../src/simulator/cells/work.ts'
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
  for (const way of cartelWays) {
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

test('a node that does not listen, and whose cell had been too small before, does not wake every millisecond', () => {
  const mesh = new CellMesh(1)
  const member = mesh.memberNamed('car')
  const node = mesh.come(member, { key: member.key, depth: 1, contacts: [] })
  node.tell({ type: 'metered', isMetered: true })
  mesh.run(20 * minute)
  assert(mesh.timeline.events < 1_000, `${mesh.timeline.events} events`)
})

/** All vehicles are there, and work, all day. */
function wholeOf(vehicles: number, trouble: Trouble = {}): CoarseMesh {
  const whole = new CoarseMesh(1, vehicles, trouble)
  const always = new Uint8Array(288).fill(1)
  for (let vehicle = 0; vehicle < vehicles; vehicle += 1) whole.setDay(vehicle, always, always, false)
  for (const _ of whole.run());
  return whole
}

test('a fleet that joins through three bootstrap nodes, one of them down for a while, is in its cells, of which none is huge', () => {
  const result = joinAll({ seed: 1, vehicles: 560, minutes: 3, bootstraps: 3 }, () => {})
  assert.equal(result.joined, 560)
  assert(result.joinSecondsWhileDown.most < 120, `${result.joinSecondsWhileDown.most} s`)
  assert(result.cells >= 2)
  assert(result.largestCell <= 512)
  assert.notEqual(result.settledMinutes, null, 'in the end nobody is in another cell than those around it')
})

test('a node is astray in a cell beside or above that of more around it', () => {
  const nodes = (cell: string, count: number, side = 0) => new Array(count).fill({ cell, side })
  assert.equal(nodesAstray([...nodes('00', 3), ...nodes('01', 3), ...nodes('1', 4)]), 0)
  assert.equal(nodesAstray([...nodes('00', 3), ...nodes('01', 3), ...nodes('0', 2)]), 2)
  assert.equal(nodesAstray([...nodes('0', 9), ...nodes('01', 2), ...nodes('01', 5, 1)]), 2)
})

test('a job too large for its cell draws from other cells, but for one whose every answer is a cartel’s, and its report passes the audit', () => {
  const elsewhere = new Elsewhere(wholeOf(600, { cartelEvery: 20 }))
  elsewhere.captured = firstCellAbroad(elsewhere)
  // A part of a cell is a small one.
  const cell = elsewhere.whole.cells().find((each) => each !== elsewhere.captured)!
  const sizes = { shardsPerJob: 25, shardCostMs: 20_000, crashEveryMs: 0 }
  const outcome = workIn(elsewhere, { seed: 1, index: 0, cell: `${cell}000` as CellId, hours: 0.2, sizes })
  assert.deepEqual(outcome.violations, [])
  assert.equal(outcome.jobsComplete, 4)
  assert(outcome.abroad.worked > 0, 'vehicles of other cells work')
  assert(outcome.abroad.doubted > 0, 'the captured cell is left out')
})
