/** The stderr of modules: one vehicle's word, from one that agrees, for the submitter; no vehicle can change a result by it. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { LogLine, LogsEnd, NodeApi } from '../../src/host/api.ts'
import { Mesh } from '../support/mesh.ts'
import { type Script, said } from '../support/scripted-executor.ts'

/** A vehicle's own words beside the same output. */
function writes(who: string, lies = false): Script {
  return (text) => ({
    ...said(lies ? `not ${text}` : text),
    ...(text.startsWith('quiet') ? {} : { log: `${who} on ${text}` }),
  })
}

let mesh: Mesh
before(async () => {
  mesh = await Mesh.start({ vehicles: ['a', 'b'].map((name) => ({ name, script: writes(name) })) })
})
after(() => mesh.stop())

async function logsOf(
  api: NodeApi,
  job: string,
): Promise<{ readonly lines: LogLine[]; readonly end: LogsEnd }> {
  const lines: LogLine[] = []
  const logs = api.logs(job)
  for (;;) {
    const next = await logs.next()
    if (next.done) return { lines, end: next.value }
    lines.push(next.value)
  }
}

test('vehicles that write different things agree on the result, and one of them is quoted', async () => {
  const { submitter } = mesh
  const standby = await mesh.join({ name: 'standby', slots: 0 })
  const texts = ['loud 1', 'quiet', 'loud 2']
  const { job } = await submitter.api.submit(mesh.request(texts, { standbys: 1 }))
  const { state, contradicted } = await mesh.clock.hurry(submitter.ended(job))
  assert.deepEqual([state, contradicted], ['complete', []])
  assert.deepEqual(await submitter.texts(job), texts)
  const { lines, end } = await logsOf(submitter.api, job)
  const { lines: results } = await submitter.results(job)
  assert.deepEqual(end, { pages: 3, logs: 2 })
  assert.deepEqual(
    lines.map(({ document, page, agreed }) => [document, page, agreed]),
    [results[0], results[2]].map((line) => [line!.document, 1, true]),
  )
  for (const [i, { text }] of lines.entries()) assert.match(text, new RegExp(`^[ab] on loud ${i + 1}$`))
  await mesh.sameRecords(job, [submitter, standby])
  assert.equal((await logsOf(standby.api, job)).lines.length, 0, 'a standby keeps no logs of others')

  // They outlive the node's memory, and go with the job.
  await submitter.restart()
  assert.equal((await logsOf(submitter.api, job)).lines.length, 2)
  await submitter.api.forget(job)
  await assert.rejects(logsOf(submitter.api, job), /there is no job/)
  await mesh.acquainted()
  await mesh.leave('standby')
})

test('a vehicle whose result is wrong is not quoted as one that agrees, and a blind job’s vehicles say nothing', async () => {
  const { submitter } = mesh
  await mesh.join({ name: 'liar', script: writes('liar', true) })
  await mesh.join({ name: 'c', script: writes('c') })
  const texts = Array.from({ length: 8 }, (_, i) => `loud ${i}`)
  const { job } = await submitter.api.submit(mesh.request(texts, { replicas: 2, arbiter: 'steward' }))
  await mesh.clock.hurry(submitter.ended(job))
  assert.deepEqual(await submitter.texts(job), texts)
  for (const { text, agreed } of (await logsOf(submitter.api, job)).lines)
    assert.equal(agreed, !text.startsWith('liar'))
  await mesh.leave('liar')
  const blind = await submitter.api.submit(mesh.request(texts, { blind: true }))
  assert.equal((await mesh.clock.hurry(submitter.ended(blind.job))).state, 'complete')
  assert.deepEqual(await logsOf(submitter.api, blind.job), { lines: [], end: { pages: 8, logs: 0 } })
})
