/** A language model on vehicles of different kinds, with the real engine: answers that differ are scored by the steward. */
import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { pino } from 'pino'
import type { SessionSpec } from '../../src/host/executor/contract.ts'
import { ProcessExecutor } from '../../src/host/executor/executor.ts'
import { auditFile } from '../../src/host/jobs/audit.ts'
import { llmAgreements } from '../../src/runtimes/llm/description.ts'
import type { EngineDescription } from '../../src/runtimes/messages.ts'
import { letterCategories, letterLines, lettersModelPath } from '../support/letters.ts'
import { Mesh } from '../support/mesh.ts'

const log = pino({ level: 'silent' })

/** Describing engines takes a second, and all nodes have the same. */
let described: Promise<EngineDescription[]> | undefined
class Engines extends ProcessExecutor {
  override describeEngines(): Promise<EngineDescription[]> {
    described ??= super.describeEngines()
    return described
  }
}

/** A vehicle with an old processor. */
class Old extends Engines {
  override openSlot() {
    const slot = super.openSlot()
    const prepare = slot.prepare.bind(slot)
    slot.prepare = (session: SessionSpec) =>
      prepare(session.engine === 'scored' ? { ...session, engine: 'scored@oldest' } : session)
    return slot
  }
}

/** A vehicle with an accelerator, which is a stand-in: its numbers are those of an old processor. */
class Accelerated extends Engines {
  override async describeEngines(): Promise<EngineDescription[]> {
    const all = await super.describeEngines()
    const scored = all.find(({ scores }) => scores !== undefined)!
    const agreement = llmAgreements.gpu
    const { scores, ...one } = { ...scored, engine: 'gpu', isa: 'a stand-in', agreement }
    return [{ ...one, id: scores![0]! }]
  }

  override openSlot() {
    const slot = super.openSlot()
    const prepare = slot.prepare.bind(slot)
    slot.prepare = (session: SessionSpec) =>
      prepare(session.engine === 'gpu' ? { ...session, engine: 'scored@oldest' } : session)
    return slot
  }
}

/** A vehicle that reads the last third of each prompt. */
class Lazy extends Engines {
  override openSlot() {
    const slot = super.openSlot()
    const run = slot.run.bind(slot)
    slot.run = (document, page, limits) => {
      const request = JSON.parse(new TextDecoder().decode(document))
      const [message] = request.messages
      message.content = message.content.slice((2 * message.content.length) / 3)
      return run(new TextEncoder().encode(JSON.stringify(request)), page, limits)
    }
    return slot
  }
}

const engines = await new Engines({ log }).describeEngines()
const skip = engines.some(({ engine }) => engine === 'scored') ? false : 'there is no native engine here'

test('vehicles of different kinds agree on answers whose bits differ, and one that shortens prompts loses its voice and is not banned', {
  skip,
}, async () => {
  const mesh = await Mesh.start({
    vehicles: [
      { name: 'new', createExecutor: () => new Engines({ log }) },
      { name: 'old', createExecutor: () => new Old({ log }) },
      { name: 'lazy', createExecutor: () => new Lazy({ log }) },
      { name: 'gpu', createExecutor: () => new Accelerated({ log }) },
    ],
    createExecutor: () => new Engines({ log }),
  })
  try {
    const path = join(mesh.folder, 'requests.jsonl')
    const lines = letterLines().slice(0, 12)
    writeFileSync(path, lines.map((line) => `${JSON.stringify(line)}\n`).join(''))
    const request = { paths: [path], runtime: 'llm', module: null, model: lettersModelPath, shardSize: 2 }
    const { job } = await mesh.submitter.api.submit(mesh.request([], { ...request, engine: 'scored' }))
    const { state, contradicted } = await mesh.submitter.ended(job)
    assert.equal(state, 'complete')
    assert.deepEqual(
      contradicted.map(({ peers }) => peers),
      [[mesh.node('lazy').peer]],
    )
    const { lines: results } = await mesh.submitter.results(job)
    for (const [i, { result }] of results.entries())
      assert.equal(JSON.parse(String(result?.text)).category, letterCategories()[i])
    assert.deepEqual(mesh.submitter.api.bans(), [])
    const report = join(mesh.folder, 'job.car')
    await mesh.submitter.api.report(job, report)
    const { problems } = await auditFile(report)
    assert.deepEqual(problems, [])

    // On the accelerator, within limits that are wider than a processor's, whatever was measured.
    writeFileSync(
      path,
      lines
        .slice(0, 4)
        .map((line) => `${JSON.stringify(line)}\n`)
        .join(''),
    )
    const accelerated = mesh.request([], { ...request, engine: 'gpu', replicas: 1 })
    const second = await mesh.submitter.api.submit(accelerated)
    assert.equal((await mesh.submitter.ended(second.job)).state, 'complete')
    assert.equal((await mesh.submitter.results(second.job)).lines.length, 4)
    await mesh.submitter.api.report(second.job, `${report}.gpu`)
    const audit = await auditFile(`${report}.gpu`)
    assert.deepEqual(audit.problems, [])
    const within = /log-probabilities, and these within ([\d.e-]+) a token/.exec(audit.summary.join(' '))
    assert(Number(within?.[1]) >= 5e-3, String(within))
  } finally {
    await mesh.stop()
  }
})
