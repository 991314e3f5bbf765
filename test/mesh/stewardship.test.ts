/** Jobs that outlive those who look after them. */
import assert from 'node:assert/strict'
import { copyFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { auditFile } from '../../src/host/jobs/audit.ts'
import { damage, Gate, Mesh, type MeshNode } from '../support/mesh.ts'
import { honest } from '../support/scripted-executor.ts'

let mesh: Mesh
before(async () => {
  mesh = await Mesh.start({ vehicles: 2, standbys: 2 })
})
after(() => mesh.stop())

const cars = () => ['car-1', 'car-2'].map((name) => mesh.node(name))
const standbys = () => ['standby-1', 'standby-2'].map((name) => mesh.node(name))
/** Kept in a file of its own, and not in a row of the database. */
const large = (text: string) => text.padEnd(100_000, '.')

test('a job whose submitter is gone is finished by a standby, and the submitter learns of it', async () => {
  const { submitter } = mesh
  const gate = new Gate()
  for (const car of cars()) car.script = gate.script
  const texts = ['one', 'two', 'three']
  const job = await submitted(texts, 2)
  await mesh.sameRecords(job, [submitter, ...standbys()])
  await submitter.stop()
  const acting = await mesh.clock.hurry(actingOf(job))
  gate.open()
  assert.equal((await acting.ended(job)).state, 'complete')
  assert.deepEqual(await acting.texts(job), texts)
  const path = join(mesh.folder, 'job.car')
  await acting.api.report(job, path)
  const { problems } = await auditFile(path)
  assert.deepEqual(problems, [])

  await submitter.start(mesh.addresses())
  assert.equal((await submitter.ended(job)).state, 'complete')
  assert.deepEqual(await submitter.texts(job), texts)
  await mesh.acquainted()
  for (const car of cars()) car.script = honest
})

test('every steward has all results of a job that has ended, though nobody else is there', async () => {
  const { submitter } = mesh
  const texts = [large('one'), 'two']
  const job = await submitted(texts, 2)
  await submitter.ended(job)
  for (const standby of standbys()) {
    await standby.ended(job)
    await standby.texts(job)
  }
  for (const member of [submitter, ...cars()]) await member.stop()
  for (const standby of standbys()) assert.deepEqual(await standby.texts(job), texts)
  for (const member of [submitter, ...cars()]) await member.start(mesh.addresses())
  await mesh.acquainted()
})

test('documents that the acting steward’s disk has damaged are fetched from a standby', async () => {
  const { submitter } = mesh
  for (const car of cars()) await car.api.pause(null)
  await mesh.until('all cars stand still', () =>
    submitter.api.peers().every(({ slots, mode }) => slots.total === 0 || mode === 'stop'),
  )
  const texts = [large('first'), large('second')]
  const job = await submitted(texts, 1)
  await submitter.stop()
  assert(damage(submitter.dataDir) >= 2)
  await submitter.start(mesh.addresses())
  for (const car of cars()) await car.api.resume()
  assert.equal((await submitter.ended(job)).state, 'complete')
  assert.deepEqual(await submitter.texts(job), texts)
  assert(submitter.lines.items.some(({ msg }) => /put a damaged block aside/.test(msg)))
})

test('who has the submitter’s key reads a job from any node, and cancels it; who has not is told nothing', async () => {
  const { submitter } = mesh
  const job = submitter.api.jobs()[0]!.job
  const gate = new Gate()
  for (const car of cars()) car.script = gate.script
  const running = await submitted(['a page', 'and one more'], 2)
  await mesh.sameRecords(running, [submitter, ...standbys()])
  const laptop = await mesh.join({
    name: 'laptop',
    slots: 0,
    prepare: (dataDir) =>
      copyFileSync(join(mesh.submitter.dataDir, 'submitter.key'), join(dataDir, 'submitter.key')),
  })
  const { api } = laptop
  await mesh.until(
    'the laptop reads its end',
    async () => (await mesh.clock.hurry(api.status(job))).state === 'complete',
  )
  await mesh.clock.hurry(api.seekJobs())
  const known = (jobs: readonly { readonly job: string }[]) => jobs.map((one) => one.job).sort()
  assert.deepEqual(known(api.jobs()), known(mesh.submitter.api.jobs()))
  assert.deepEqual(await laptop.texts(job), await mesh.submitter.texts(job))
  const report = join(mesh.folder, 'from-the-laptop.car')
  await api.report(job, report)
  assert.deepEqual((await auditFile(report)).problems, [])
  const stranger = await mesh.join({ name: 'stranger', slots: 0 })
  await assert.rejects(mesh.clock.hurry(stranger.texts(job)), /there is no job/)
  await stranger.stop()

  // And ends a job that runs, while the machine that it was submitted from is gone.
  await submitter.stop()
  await mesh.clock.hurry(actingOf(running))
  await mesh.clock.hurry(api.cancel(running.slice(0, 20)))
  const { state, reason } = await api.status(running)
  assert.deepEqual([state, reason], ['cancelled', 'cancelled by its submitter'])
  for (const standby of standbys()) assert.equal((await standby.ended(running)).state, 'cancelled')
  await mesh.until('no vehicle has a lease', () => cars().every((car) => car.api.info().vehicle.leases === 0))
  const proof = join(mesh.folder, 'cancelled.car')
  await api.report(running, proof)
  assert.deepEqual((await auditFile(proof)).problems, [])
  await laptop.stop()
  gate.open()
  await submitter.start(mesh.addresses())
  assert.equal((await submitter.ended(running)).state, 'cancelled')
  await mesh.acquainted()
  for (const car of cars()) car.script = honest
})

/** Submits a job, and waits until so many standbys could finish it. */
async function submitted(texts: readonly string[], count: number): Promise<string> {
  const { job, standbys } = await mesh.submitter.api.submit(mesh.request(texts, { standbys: count }))
  assert.equal(standbys, count)
  const holds = ({ standbys }: { readonly standbys: { readonly holding: number } }) =>
    standbys.holding === count
  await mesh.submitter.status(job, 'the standbys hold the inputs', holds)
  return job
}

/** The standby that takes over. */
function actingOf(job: string): Promise<MeshNode> {
  return Promise.any(
    standbys().map(async (standby) => {
      await standby.lines.find((line) => isActing(line, job))
      return standby
    }),
  )
}

function isActing(line: object, job: string): boolean {
  return 'acting' in line && line.acting === true && 'job' in line && line.job === job
}
