/** Networks that come apart while a job runs, or carry words one way only, and come together again. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import type { JobStatus } from '../../src/host/api.ts'
import { auditFile } from '../../src/host/jobs/audit.ts'
import type { MeshNode } from '../support/mesh.ts'
import { PartedMesh } from '../support/parted-mesh.ts'

let net: PartedMesh
before(async () => {
  net = await PartedMesh.start()
})
after(() => net.stop())

/** More than what the vehicles do until a standby has taken over, so that the rest is left to do together. */
const documents = 60
const someAreVerified = ({ shards }: JobStatus) => shards.verified > 0
const stewards = () => ['submitter', 'standby-1', 'standby-2'].map((name) => net.mesh.node(name))

test('a network that is parted goes on with a job on both sides, and ends it as one', async (t) => {
  const { submitter } = net.mesh
  const texts = textsOf('parted')
  const job = await submitted(texts)
  await net.atWork(submitter.status(job, 'something is verified', someAreVerified))

  net.part(['submitter', 'car-1', 'car-2'])
  const first = await net.mesh.clock.hurry(actingStandby(job))
  const [here, there] = [await submitter.api.status(job), await first.api.status(job)]
  assert.deepEqual([here.acting, here.state, there.state], [true, 'running', 'running'])
  await net.atWork(Promise.all([goesOn(submitter, job, here), goesOn(first, job, there)]))
  assert.deepEqual(net.neighboursOf(submitter), ['car-1', 'car-2'])

  assert.equal((await submitter.api.status(job)).state, 'running', 'nothing was left to do together')
  net.heal()
  const met = net.mesh.until('one of the two stands down', async () => {
    const statuses = await Promise.all(stewards().map(({ api }) => api.status(job)))
    return statuses.filter(({ acting }) => acting).length === 1
  })
  await net.mesh.clock.hurry(met)
  t.diagnostic(await assertDone(job, texts))
})

test('a steward that hears and is not heard is replaced, and heard again does no harm', async (t) => {
  const { submitter } = net.mesh
  for (const member of net.mesh.running()) await net.mesh.clock.hurry(net.untilInTouch(member))
  const texts = textsOf('silenced')
  const job = await submitted(texts)
  await net.atWork(submitter.status(job, 'something is verified', someAreVerified))

  net.silence('submitter')
  const first = await net.mesh.clock.hurry(actingStandby(job))
  await net.atWork(goesOn(first, job, await first.api.status(job)))

  assert.equal((await first.api.status(job)).state, 'running', 'nothing was left to do together')
  net.heal()
  await net.mesh.clock.hurry(net.untilInTouch(submitter))
  t.diagnostic(await assertDone(job, texts))
})

function textsOf(what: string): string[] {
  return Array.from({ length: documents }, (_, i) => `${what} ${i}`)
}

/** On stewards that all hold its inputs. */
async function submitted(texts: readonly string[]): Promise<string> {
  const { submitter } = net.mesh
  const { job, standbys } = await submitter.api.submit(net.mesh.request(texts, { standbys: 2 }))
  assert.equal(standbys, 2)
  await submitter.status(job, 'both standbys hold the inputs', ({ standbys }) => standbys.holding === 2)
  return job
}

async function actingStandby(job: string): Promise<MeshNode> {
  let acting: MeshNode | undefined
  await net.mesh.until('a standby acts', async () => {
    for (const member of stewards().slice(1)) if ((await member.api.status(job)).acting) acting = member
    return acting !== undefined
  })
  return acting!
}

function goesOn(member: MeshNode, job: string, { shards: before }: JobStatus): Promise<JobStatus> {
  return member.status(
    job,
    `${member.name} goes on by itself`,
    ({ shards }) => shards.verified > before.verified,
  )
}

/** Has the vehicles do the rest. Says how much was executed. */
async function assertDone(job: string, texts: readonly string[]): Promise<string> {
  const { mesh } = net
  net.setFree(true)
  for (const member of stewards().slice(0, 2)) {
    const status = await member.ended(job)
    assert.deepEqual([status.state, status.shards.verified, status.contradicted], ['complete', documents, []])
    assert.deepEqual(await member.texts(job), texts)
    // What was signed on the other side last is still on its way when the job has ended here.
    const report = join(mesh.folder, 'report.car')
    let lacking: readonly string[] = []
    await mesh
      .until(`${member.name} has all records of both sides`, async () => {
        await member.api.report(job, report)
        const { problems } = await auditFile(report)
        lacking = [...problems]
        return lacking.length === 0
      })
      .catch((error) => {
        throw new Error(`${error.message}; it lacks: ${lacking.join('; ')}`, { cause: error })
      })
  }
  net.setFree(false)
  const { executions } = await mesh.submitter.api.status(job)
  return `${executions} executions of ${documents} shards`
}
