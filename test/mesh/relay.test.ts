/** Jobs between nodes that nobody can dial: over a relay where no node that can be dialled may act, and not over it where one may. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { defaultRelayBounds } from '../../src/host/network/relay-bounds.ts'
import { Mesh, type MeshNode } from '../support/mesh.ts'
import { honest } from '../support/scripted-executor.ts'

/** The mesh's first node is a hub; the laptop and the vehicles listen nowhere. */
let mesh: Mesh
let hub: MeshNode
let laptop: MeshNode
const mute = ['laptop', 'car-1', 'car-2']
before(async () => {
  mesh = await Mesh.start({
    fleet: {},
    vehicles: [{ name: 'laptop', slots: 0 }, { name: 'car-1' }, { name: 'car-2' }],
    placeOf: async (name) => ({
      listen: mute.includes(name) ? [] : ['/ip4/127.0.0.1/tcp/0'],
      announce: [],
    }),
  })
  hub = mesh.submitter
  laptop = mesh.node('laptop')
  await mesh.until('all know how each is reached', () =>
    mesh.running().every(({ api }) => {
      const reach = new Map(api.peers().map((row) => [row.name, row.reach]))
      return reach.get('submitter') === 'direct' && mute.every((name) => reach.get(name) === 'relayed')
    }),
  )
})
after(() => mesh.stop())

/** Those that a node is connected to, by their names. */
function connectedTo({ api }: MeshNode): Set<string> {
  return new Set(api.peers().flatMap(({ name, connected }) => (connected ? [name] : [])))
}

test('a job that takes longer than a moment passes to a hub that may act, is said to, and its results come back', async () => {
  const told = Promise.withResolvers<void>()
  for (const name of ['car-1', 'car-2'])
    mesh.node(name).script = async (text) => {
      await told.promise
      return text
    }
  const texts = ['a page', 'another']
  const { job } = await laptop.api.submit(mesh.request(texts, { standbys: 1 }))
  await mesh.until('the laptop says that the hub acts', async () => {
    const { acting, actor } = await laptop.api.status(job)
    return !acting && actor?.peer === hub.peer
  })
  assert.equal((await hub.api.status(job)).acting, true)
  told.resolve()
  assert.equal((await hub.ended(job)).state, 'complete')
  const { state, actor } = await laptop.ended(job)
  assert.deepEqual([state, actor], ['complete', null])
  assert.deepEqual(await laptop.texts(job), texts)
})

test('a job of more than a relay carries is handed out by a hub that may act', async () => {
  const [MiB, count] = [2 ** 20, 10]
  assert(count * MiB > defaultRelayBounds.relayedBytesMax)
  const told = Promise.withResolvers<void>()
  for (const name of ['car-1', 'car-2'])
    mesh.node(name).script = async (text) => {
      await told.promise
      return text.slice(0, 8)
    }
  const texts = Array.from({ length: count }, (_, n) => `large ${n} `.padEnd(MiB, 'x'))
  const { job } = await laptop.api.submit(mesh.request(texts, { standbys: 1 }))
  await hub.status(job, 'the hub acts', ({ acting }) => acting)
  told.resolve()
  assert.equal((await laptop.ended(job)).state, 'complete')
  assert.deepEqual(
    await laptop.texts(job),
    texts.map((text) => text.slice(0, 8)),
  )
  for (const name of ['car-1', 'car-2']) mesh.node(name).script = honest
})

test('where no hub may act, a job between nodes that nobody can dial goes over its relay', async () => {
  const texts = ['one page', 'two pages', 'three pages']
  const { job } = await laptop.api.submit(mesh.request(texts, { standbys: 0 }))
  assert.equal((await laptop.ended(job)).state, 'complete')
  assert.deepEqual(await laptop.texts(job), texts)
  assert.deepEqual(connectedTo(laptop), new Set(['submitter', 'car-1', 'car-2']))
  assert(!hub.api.jobs().some((known) => known.job === job))
})
