/** Cells: a mesh of several, each with gossip of its own; who comes finds its cell, and a job draws from those that it needs. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { auditFile } from '../../src/host/jobs/audit.ts'
import type { PeerId } from '../../src/protocol/ids.ts'
import { Mesh, type MeshNode } from '../support/mesh.ts'

/** Two vehicles in each of three cells, and the submitter in one of them. */
const cells = ['0', '10', '11']
const submitterCell = '0'
const vehicles = cells.flatMap((cell) => ['a', 'b'].map((name) => ({ name: `${cell}${name}`, cell })))
/** It does not listen: it reports to those who speak for its cell. */
const metered = '0b'
/** However many are left, each number of them has one right answer: three are a cell, and four are two. */
const limits = {
  splitAbove: 3,
  mergeBelow: 4,
  resizeAfterMs: 20_000,
  bothCellsMs: 10_000,
  listenMs: 5_000,
  lonelyMs: 60_000,
}

let mesh: Mesh
before(async () => {
  mesh = await Mesh.start({ vehicles: [], fleet: {}, cells: limits, submitterCell })
})
after(() => mesh?.stop())

function cellOf(node: MeshNode): string | undefined {
  return node.api.info().cell?.name
}

/** Lets the time of the mesh go on until this is so. */
function until(what: string, condition: () => boolean): Promise<void> {
  return mesh.clock.leap(mesh.until(what, condition))
}

function listening(): MeshNode[] {
  return mesh.running().filter(({ name }) => name !== metered)
}

/** Nodes that listen know those of their own cell, and nobody else. */
function isParted(): boolean {
  const nodes = mesh.running()
  const cells = new Map(nodes.map((node) => [node.peer, cellOf(node)!]))
  return listening().every((node) => {
    const here = nodes.filter(({ peer }) => cells.get(peer) === cellOf(node)).map(({ peer }) => peer)
    const known = node.api.peers().map(({ peer }) => peer)
    return here.length === known.length && here.every((peer) => known.includes(peer))
  })
}

function cellsOf(peers: readonly PeerId[]): Set<string | undefined> {
  return new Set(mesh.running().flatMap((node) => (peers.includes(node.peer) ? [cellOf(node)] : [])))
}

test('a mesh that grows splits, and each node knows its own cell and nobody else', async () => {
  await Promise.all(vehicles.map((spec) => mesh.come({ ...spec, isMetered: spec.name === metered })))
  await until(
    'there are three cells',
    () => isParted() && cellsOf(mesh.running().map((n) => n.peer)).size === cells.length,
  )
  for (const { name, cell } of vehicles) assert.equal(cellOf(mesh.node(name)), cell)
  await until('each knows by digests how large the mesh is', () =>
    listening().every(({ api }) => api.info().cell!.mesh === vehicles.length + 1),
  )
})

test('a job that needs vehicles of three cells completes, and its report proves the draw', async () => {
  const { submitter } = mesh
  const texts = Array.from({ length: 6 }, (_, i) => `document ${i}`)
  // Of a cell that is not its steward's a shard gets one voice.
  const { job } = await submitter.api.submit(mesh.request(texts, { replicas: 4 }))
  const { state, vehicles: used } = await mesh.clock.hurry(submitter.ended(job))
  assert.equal(state, 'complete')
  assert.deepEqual(await submitter.texts(job), texts)
  assert.equal(cellsOf(used.map(({ peer }) => peer)).size, 3)
  assert(used.some(({ peer }) => peer === mesh.node(metered).peer))
  const path = join(mesh.folder, 'abroad.car')
  await submitter.api.report(job, path)
  assert.deepEqual((await auditFile(path)).problems, [])
})

test('half of two cells ends at once: cells that are too small merge, and a job that needs several goes on', async () => {
  const { submitter } = mesh
  const texts = Array.from({ length: 4 }, (_, i) => `paper ${i}`)
  const { job } = await submitter.api.submit(mesh.request(texts, { replicas: 3 }))
  await Promise.all(['10b', '11b'].map((name) => mesh.node(name).crash()))
  assert.equal((await mesh.clock.leap(submitter.ended(job))).state, 'complete')
  assert.deepEqual(await submitter.texts(job), texts)
  // One vehicle of each is left.
  await until(
    'they have merged',
    () => isParted() && mesh.running().every((node) => ['0', '1'].includes(cellOf(node)!)),
  )
})

test('a node that was here before finds its cell without a bootstrap node, and a newcomer through one', async () => {
  const [back, late] = [mesh.node('11b'), { name: 'late', cell: '1' }]
  await Promise.all([back.start([]), mesh.come(late)])
  await until('both know their cells', isParted)
  assert.equal(cellOf(mesh.node('late'))![0] ?? '1', '1')
})
