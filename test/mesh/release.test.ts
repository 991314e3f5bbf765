/** What the owner of a standby can do with a job of somebody else. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { after, afterEach, before, test } from 'node:test'
import { auditFile } from '../../src/host/jobs/audit.ts'
import { Gate, Mesh, type MeshNode, storedBytes } from '../support/mesh.ts'
import { honest } from '../support/scripted-executor.ts'

let mesh: Mesh
before(async () => {
  // A slot for each document: one that is held up keeps no other waiting.
  const vehicles = [1, 2].map((n) => ({ name: `car-${n}`, slots: 3 }))
  mesh = await Mesh.start({ vehicles, standbys: 2 })
})
after(() => mesh.stop())
afterEach(() => {
  for (const car of cars()) car.script = honest
})

const cars = () => ['car-1', 'car-2'].map((name) => mesh.node(name))

/** Kept in files of their own, and not in rows of the database. */
const large = (text: string) => text.padEnd(100_000, '.')

/**
 * A job with one standby of two, which could finish it; `other` is the one that was not drawn. The vehicles wait with all
 * documents that do not begin with 'done' until the gate opens.
 */
async function submitted(texts: readonly string[]) {
  const gate = new Gate()
  for (const car of cars()) car.script = (text) => (text.startsWith('done') ? text : gate.script(text))
  const { job } = await mesh.submitter.api.submit(mesh.request(texts, { standbys: 1 }))
  await mesh.submitter.status(job, 'the standby holds the inputs', ({ standbys }) => standbys.holding === 1)
  const [one, two] = [mesh.node('standby-1'), mesh.node('standby-2')]
  return knows(one, job) ? { job, gate, standby: one, other: two } : { job, gate, standby: two, other: one }
}

function knows({ api }: MeshNode, job: string): boolean {
  return api.jobs().some((known) => known.job === job)
}

test('a standby neither cancels nor forgets a job that runs, whether it acts or not; both are its submitter’s', async () => {
  const { submitter } = mesh
  const { job, gate, standby } = await submitted(['one', 'two'])
  const refuses = async () => {
    const { cancel, forget } = standby.api
    await assert.rejects(
      cancel(job),
      new RegExp(`stands by for job ${job}; only its submitter can cancel it`),
    )
    await assert.rejects(forget(job), new RegExp(`stands by for job ${job}.*carpool standby release ${job}`))
    assert.equal((await standby.api.status(job)).state, 'running')
  }
  await refuses()
  await submitter.stop()
  await mesh.clock.hurry(standby.status(job, 'it acts', ({ acting }) => acting))
  await refuses()
  await submitter.start(mesh.addresses())
  await mesh.acquainted()
  await submitter.api.cancel(job)
  gate.open()
  assert.equal((await standby.ended(job)).state, 'cancelled')
  await standby.api.forget(job)
  await assert.rejects(standby.api.status(job), /there is no job/)
})

test('a standby that acts hands its job over with all that only it has, and the other one finishes it', async () => {
  const { submitter } = mesh
  const texts = ['done', 'waits', 'waits, too'].map(large)
  const emptyBytes = new Map(mesh.running().map((node) => [node, storedBytes(node.dataDir)]))
  const keepsBytes = (node: MeshNode) => storedBytes(node.dataDir) - emptyBytes.get(node)! > 50_000
  const { job, gate, standby, other } = await submitted(texts)
  await mesh.sameRecords(job, [submitter, standby])
  await submitter.stop()
  await mesh.clock.hurry(standby.status(job, 'it acts', ({ acting }) => acting))
  await mesh.clock.hurry(standby.status(job, 'one is verified', ({ pages }) => pages.verified === 1))
  assert(keepsBytes(standby) && !keepsBytes(other))

  assert.deepEqual(await mesh.clock.hurry(standby.api.release(job)), { job, heir: other.peer })
  assert(!knows(standby, job))
  assert(standby.lines.items.some((line) => 'acting' in line && line.acting === false))
  await mesh.until('its disk is free again', () => !keepsBytes(standby))
  await standby.stop()
  gate.open()
  assert.equal((await mesh.clock.hurry(other.ended(job))).state, 'complete')
  assert.deepEqual(await other.texts(job), texts)
  const path = join(mesh.folder, 'handed-over.car')
  await other.api.report(job, path)
  assert.deepEqual((await auditFile(path)).problems, [])

  await submitter.start(mesh.addresses())
  assert.equal((await mesh.clock.hurry(submitter.ended(job))).state, 'complete')
  assert.deepEqual(await submitter.texts(job), texts)
  await standby.start(mesh.addresses())
  await mesh.acquainted()
})

test('a standby that is released while its submitter is there is replaced at once, and missed by nobody', async () => {
  const { submitter } = mesh
  const texts = ['done', 'waits']
  const { job, gate, standby, other } = await submitted(texts)
  await submitter.status(job, 'one is verified', ({ pages }) => pages.verified === 1)
  assert.equal((await standby.api.release(job)).heir, other.peer)
  assert(!knows(standby, job))
  const { acting, state } = await submitter.api.status(job)
  assert.deepEqual([acting, state], [true, 'running'])
  await submitter.stop()
  gate.open()
  assert.equal((await mesh.clock.hurry(other.ended(job))).state, 'complete')
  assert.deepEqual(await other.texts(job), texts)
  await submitter.start(mesh.addresses())
  assert.equal((await mesh.clock.hurry(submitter.ended(job))).state, 'complete')
  assert.deepEqual(await submitter.texts(job), texts)
  assert(!knows(standby, job))
  await mesh.acquainted()
})

test('where no node is willing, a standby says so and keeps its job, which it finishes', async () => {
  const { submitter } = mesh
  const texts = ['one', 'two']
  const { job, gate, standby, other } = await submitted(texts)
  await mesh.leave(other.name)
  await assert.rejects(standby.api.release(job), /no node that is connected is willing to stand by for job/)
  await submitter.stop()
  await mesh.clock.hurry(standby.status(job, 'it acts', ({ acting }) => acting))
  await assert.rejects(standby.api.release(job), /no node that is connected is willing/)
  assert.equal((await standby.api.status(job)).acting, true)
  gate.open()
  assert.equal((await mesh.clock.hurry(standby.ended(job))).state, 'complete')
  await assert.rejects(standby.api.release(job), /has ended; to free what is kept of it: carpool forget/)
  for (const node of [submitter, other]) await node.start(mesh.addresses())
  assert.equal((await mesh.clock.hurry(submitter.ended(job))).state, 'complete')
  assert.deepEqual(await submitter.texts(job), texts)
  await mesh.acquainted()
})

test('the node that a job was submitted to hands it over to nobody', async () => {
  const { submitter } = mesh
  const { job, gate } = await submitted(['one'])
  await assert.rejects(submitter.api.release(job), /was submitted to this node.*: carpool cancel/)
  gate.open()
  assert.equal((await submitter.ended(job)).state, 'complete')
})

test('a submitter whose place has gone to another node cancels its job, and is told the truth', async () => {
  const laptop = await mesh.join({ name: 'laptop', slots: 0, standsBy: false })
  const gate = new Gate()
  for (const car of cars()) car.script = gate.script
  const { job } = await laptop.api.submit(mesh.request(['left', 'behind'], { standbys: 1 }))
  await laptop.status(job, 'the standby holds the inputs', ({ standbys }) => standbys.holding === 1)
  await laptop.stop()
  const stewards = () => ['submitter', 'standby-1', 'standby-2'].map((name) => mesh.node(name))
  // The node that stands by has its place given to another, which neither of them was before.
  await mesh.clock.hurry(
    mesh.until('another has its place', () => stewards().filter((node) => knows(node, job)).length === 2),
  )
  const [one, two] = stewards().filter((node) => knows(node, job)) as [MeshNode, MeshNode]
  for (const node of [one, two])
    await mesh.clock.hurry(node.status(job, 'it holds the inputs', ({ standbys }) => standbys.holding > 0))

  await laptop.start(mesh.addresses())
  const told = await mesh.clock.wait(laptop.api.cancel(job))
  await laptop.stop()
  gate.open()
  assert.deepEqual(told, { job, state: 'cancelled', hadEnded: false, untold: 0 })
  for (const node of [one, two]) assert.equal((await node.ended(job)).state, 'cancelled')
})
