/** Failed documents are done again in a new job, from what the node has; and what was cancelled or has failed may be submitted again. */
import assert from 'node:assert/strict'
import { unlinkSync } from 'node:fs'
import { after, before, test } from 'node:test'
import type { SubmitRequest } from '../../src/host/api.ts'
import { Mesh } from '../support/mesh.ts'
import { honest, ranOut, type Script } from '../support/scripted-executor.ts'

/** Documents that fail, until they are mended. */
let isMended = false
const moody: Script = (text) =>
  text.startsWith('bad') && !isMended
    ? { output: new Uint8Array(0), text: '', error: { code: 'exit-code', message: 'exit code 3' } }
    : text

let mesh: Mesh
before(async () => {
  mesh = await Mesh.start({ vehicles: ['car-1', 'car-2'].map((name) => ({ name, script: moody })) })
})
after(() => mesh.stop())

const texts = ['good 1', 'bad 1', 'good 2', 'bad 2']

function withoutFiles(request: SubmitRequest): void {
  for (const path of request.paths) unlinkSync(path)
}

test('the documents that ended in an error become a job of their own, without their files, and once', async () => {
  const { submitter } = mesh
  isMended = false
  for (const blind of [false, true]) {
    const request = mesh.request(texts, { blind, options: { pageCpuMsMax: 5_000 } })
    const { job } = await submitter.api.submit(request)
    const status = await mesh.clock.hurry(submitter.ended(job))
    assert.deepEqual(status.outcomes?.errors, [{ code: 'exit-code', count: 2 }])
    assert.equal(status.pages.verified, 4)
    isMended = true
    if (request.paths.length === 4) withoutFiles(request)
    const again = await submitter.api.retry({ job: job.slice(0, 20) })
    assert.notEqual(again.job, job)
    assert.deepEqual([again.documents, again.known, again.replicas], [2, false, 2])
    assert.equal((await mesh.clock.hurry(submitter.ended(again.job))).outcomes?.withError, 0)
    assert.deepEqual(await submitter.texts(again.job), ['bad 1', 'bad 2'])
    const names = async (of: string) => (await submitter.results(of)).lines.map(({ document }) => document)
    assert.deepEqual(await names(again.job), [(await names(job))[1], (await names(job))[3]])

    const once = await submitter.api.retry({ job })
    assert.deepEqual([once.job, once.known], [again.job, true])
    await assert.rejects(submitter.api.retry({ job: again.job }), /no document of job .* failed/)
    isMended = false
  }
})

test('a job that runs, or whose documents are elsewhere, is refused in one sentence', async () => {
  const { submitter } = mesh
  const gate = Promise.withResolvers<void>()
  const cars = ['car-1', 'car-2'].map((name) => mesh.node(name))
  for (const car of cars)
    car.script = async (text) => {
      await gate.promise
      return text
    }
  const { job } = await submitter.api.submit(mesh.request(['one', 'two']))
  await assert.rejects(submitter.api.retry({ job }), /runs: wait for its end, or cancel it/)
  await assert.rejects(cars[0]!.api.retry({ job }), /there is no job/)

  // Cancelled with nothing done: all of it is to be done again, by either command.
  await submitter.api.cancel(job)
  const status = await submitter.ended(job)
  assert.deepEqual([status.state, status.code], ['cancelled', 'cancelled'])
  gate.resolve()
  const again = await submitter.api.retry({ job })
  assert.equal(again.documents, 2)
  assert.equal((await mesh.clock.hurry(submitter.ended(again.job))).state, 'complete')
  for (const car of cars) car.script = honest
})

test('a job that was cancelled or has failed runs when it is submitted again; a complete one is known', async () => {
  const { submitter } = mesh
  const cars = ['car-1', 'car-2'].map((name) => mesh.node(name))
  const given = ['again 1', 'again 2']
  const request = mesh.request(given)
  const gate = Promise.withResolvers<void>()
  for (const car of cars)
    car.script = async (text) => {
      await gate.promise
      return text
    }
  const first = await submitter.api.submit(request)
  assert.equal((await submitter.api.submit(request)).job, first.job, 'it runs')
  await submitter.api.cancel(first.job)
  await submitter.ended(first.job)
  await submitter.restart()
  await mesh.acquainted()
  gate.resolve()
  for (const car of cars) car.script = honest
  const second = await submitter.api.submit(request)
  assert.deepEqual([second.known, second.job === first.job], [false, false])
  assert.equal((await mesh.clock.hurry(submitter.ended(second.job))).state, 'complete')
  assert.deepEqual(await submitter.texts(second.job), given)
  const third = await submitter.api.submit(request)
  assert.deepEqual([third.known, third.job], [true, second.job])
})

test('pages that ran out of something on every vehicle count as errors, and are done again', async () => {
  const { submitter } = mesh
  const cars = ['car-1', 'car-2'].map((name) => mesh.node(name))
  for (const car of cars) car.script = (text) => (text === 'heavy' ? ranOut('memory-limit') : text)
  const { job } = await submitter.api.submit(mesh.request(['heavy', 'light']))
  const { outcomes, state } = await mesh.clock.hurry(submitter.ended(job))
  assert.deepEqual([state, outcomes?.errors], ['complete', [{ code: 'memory-limit', count: 1 }]])
  for (const car of cars) car.script = honest
  const again = await submitter.api.retry({ job })
  await mesh.clock.hurry(submitter.ended(again.job))
  assert.deepEqual(await submitter.texts(again.job), ['heavy'])
})
