/** What the submitter is given: only what vehicles agreed on, or what its own node computed. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { auditFile } from '../../src/host/jobs/audit.ts'
import { cidOf } from '../../src/host/store/cid.ts'
import { encodeResult } from '../../src/protocol/job/result.ts'
import type { EngineDescription } from '../../src/runtimes/messages.ts'
import { Mesh, type MeshNode } from '../support/mesh.ts'
import {
  honest,
  ranOut,
  type Script,
  ScriptedExecutor,
  said,
  scriptedEngine,
} from '../support/scripted-executor.ts'

/** Two engines, as OCR has them: one gives the same bytes everywhere, the other within a class of processors. */
function enginesOf(isa: string): EngineDescription[] {
  return [scriptedEngine, { ...scriptedEngine, engine: 'native', id: 'native', isa, agreement: 'class-text' }]
}

/** Nobody answers before. */
let opened = Promise.resolve()

/** The native engine's numbers differ from class to class, and from the exact one's. */
function reader(isa: string, read: Script = honest): () => ScriptedExecutor {
  const script: Script = async (text, engine) => {
    await opened
    const answer = await read(text, engine)
    return typeof answer === 'string'
      ? said(answer, { confidence: engine === 'exact' ? 'exact' : isa })
      : answer
  }
  return () => new ScriptedExecutor(script, enginesOf(isa))
}

/** What the submitter's own node computes when it recomputes. */
let own: Script = honest

let mesh: Mesh
before(async () => {
  mesh = await Mesh.start({
    vehicles: ['avx2', 'avx2', 'avx512'].map((isa, i) => ({
      name: `car-${i + 1}`,
      createExecutor: reader(isa),
    })),
    createExecutor: reader('avx2', (text, engine) => own(text, engine)),
    fleet: {},
  })
})
after(() => mesh.stop())

/** Jobs that are submitted at most until a liar is drawn for something, and is done with it before others are. */
const jobsMax = 8

/** Jobs of new documents, one after another, until somebody is contradicted if that is expected. */
async function jobOf(count: number, changes: Parameters<Mesh['request']>[1], isLiarHere: boolean) {
  const { submitter } = mesh
  for (let tries = 1; ; tries += 1) {
    const texts = textsOf(count)
    const { job } = await mesh.clock.hurry(submitter.api.submit(mesh.request(texts, changes)))
    const ended = await mesh.clock.hurry(submitter.ended(job))
    const contradicted = ended.contradicted.map(({ owner }) => owner)
    assert.equal(ended.state, 'complete')
    if (!isLiarHere || contradicted.length > 0 || tries === jobsMax) return { job, texts, contradicted }
    assert.deepEqual(await submitter.texts(job), texts)
  }
}

let runs = 0
const textsOf = (count: number) => {
  runs += 1
  return Array.from({ length: count }, (_, i) => `run ${runs}, page ${i}`)
}

/** A text that is right, and an output that says something else, with the least name that a hundred tries give. */
const forges: Script = (text) => {
  const tries = Array.from({ length: 100 }, (_, salt) => {
    const record = { ...said(`FORGED ${text}`, { salt }), text }
    return { record, name: cidOf('dag-cbor', encodeResult({ engine: '', records: [record] })) }
  })
  return tries.reduce((least, one) => (one.name < least.name ? one : least)).record
}

async function auditOf(member: MeshNode, job: string): Promise<readonly string[]> {
  const path = join(mesh.folder, `${job}-${member.name}.car`)
  await member.api.report(job, path)
  return (await auditFile(path)).problems
}

test('a vehicle that says the right text and shows another is contradicted, whatever class it names', async () => {
  const { submitter } = mesh
  for (const isa of ['a class of its own', 'avx2'])
    for (const assurance of [
      { replicas: 2, arbiter: 'steward' },
      { replicas: null, errorBound: 0.02, colludingShare: 0.05, selfCheck: true },
    ] as const) {
      const forger = await mesh.join({
        name: `forger ${isa} ${assurance.replicas}`,
        slots: 4,
        createExecutor: reader(isa, forges),
      })
      const { job, texts, contradicted } = await jobOf(24, { engine: 'native', ...assurance }, true)
      assert.deepEqual(contradicted, [forger.api.info().owner], forger.name)
      const { lines, end } = await submitter.results(job)
      assert.deepEqual(end.missing, [])
      assert.deepEqual(
        lines.map(({ result }) => result),
        texts.map((text) => ({ text })),
      )
      assert.deepEqual(await auditOf(submitter, job), [])
      await mesh.leave(forger.name)
    }
})

test('what vehicles do not compare is not delivered, so a vehicle that makes it up gains nothing', async () => {
  const { submitter } = mesh
  const inventor = await mesh.join({
    name: 'inventor',
    slots: 4,
    createExecutor: reader('avx2', (text) => said(text, { confidence: 'made up', lines: ['FORGED'] })),
  })
  const texts = textsOf(12)
  const { job } = await mesh.clock.hurry(
    submitter.api.submit(mesh.request(texts, { engine: 'native', arbiter: 'steward' })),
  )
  const { state, contradicted } = await mesh.clock.hurry(submitter.ended(job))
  assert.deepEqual([state, contradicted], ['complete', []])
  const { lines } = await submitter.results(job)
  assert.deepEqual(
    lines.map(({ result }) => result),
    texts.map((text) => ({ text })),
  )
  assert.deepEqual(await auditOf(submitter, job), [])
  await mesh.leave(inventor.name)
})

test('where bytes are compared, the whole output is delivered', async () => {
  const { submitter } = mesh
  const { job } = await mesh.clock.hurry(submitter.api.submit(mesh.request(textsOf(1), { engine: 'exact' })))
  await mesh.clock.hurry(submitter.ended(job))
  assert.deepEqual(
    (await submitter.results(job)).lines.map(({ result }) => Object.keys(result!)),
    [['text', 'confidence']],
  )
})

test('honest jobs pass their audit, whatever assurance was bought, and who lied is named in it', async () => {
  const { submitter } = mesh
  const audited = { replicas: null, errorBound: 0.02, colludingShare: 0.05 }
  for (const [name, changes, hasLiar] of [
    ['unanimous', { replicas: 2, engine: 'native' }, false],
    ['lead', { replicas: 3, arbiter: 'owners', engine: 'exact' }, true],
    ['recomputed', { replicas: 3, arbiter: 'steward', engine: 'native' }, true],
    ['checks by owners', { ...audited, engine: 'native' }, false],
    ['checks by the steward', { ...audited, engine: 'native', selfCheck: true }, false],
    ['checks by the steward, of bytes', { ...audited, engine: 'exact', selfCheck: true }, true],
  ] as const) {
    const joined = hasLiar ? ['liar', 'friend'] : []
    const lies: Script = (text) => `not ${text}`
    for (const who of joined) {
      const createExecutor = reader('avx2', who === 'liar' ? lies : honest)
      await mesh.join({ name: `${who}: ${name}`, createExecutor })
    }
    const { job, texts, contradicted } = await jobOf(24, changes, hasLiar)
    const liars = hasLiar ? [mesh.node(`liar: ${name}`).api.info().owner] : []
    assert.deepEqual(contradicted, liars, name)
    assert.deepEqual(await submitter.texts(job), texts)
    assert.deepEqual(await auditOf(submitter, job), [], name)
    for (const who of joined) await mesh.leave(`${who}: ${name}`)
  }
})

test('a job that a standby finished passes its audit, and every steward delivers the same', async () => {
  const { submitter } = mesh
  const standby = await mesh.join({ name: 'standby', slots: 0, createExecutor: reader('avx512') })
  for (const engine of ['exact', 'native']) {
    const texts = textsOf(24)
    const gate = Promise.withResolvers<void>()
    opened = gate.promise
    const { job } = await mesh.clock.hurry(submitter.api.submit(mesh.request(texts, { engine, standbys: 1 })))
    await mesh.clock.hurry(
      submitter.status(job, 'the standby holds the inputs', ({ standbys }) => standbys.holding === 1),
    )
    await mesh.sameRecords(job, [submitter, standby])
    await submitter.stop()
    gate.resolve()
    assert.equal((await mesh.clock.hurry(standby.ended(job))).state, 'complete')
    assert.deepEqual(await standby.texts(job), texts)
    assert.deepEqual(await auditOf(standby, job), [])
    await submitter.start(mesh.addresses())
    await mesh.acquainted()
    await mesh.clock.hurry(submitter.ended(job))
    assert.deepEqual((await submitter.results(job)).lines, (await standby.results(job)).lines)
    assert.deepEqual(await auditOf(submitter, job), [])
  }
  await mesh.leave('standby')
})

test('a steward that runs out of something while it recomputes leaves the shard to owners, and accuses nobody', async () => {
  const { submitter } = mesh
  const broke = await mesh.join({
    name: 'broke',
    createExecutor: reader('avx2', () => ranOut('memory-limit')),
  })
  const liar = await mesh.join({ name: 'lies once', createExecutor: reader('avx2', (text) => `not ${text}`) })
  const friends = ['friend-1', 'friend-2']
  for (const name of friends) await mesh.join({ name, createExecutor: reader('avx2') })
  // What runs out is told in one place, whatever the steward recomputes for.
  for (const [code, ...selfChecks] of [
    ['crash', false, true],
    ['cpu-limit', true],
    ['memory-limit', false],
    ['stack-limit', true],
    ['time-limit', false],
  ] as const)
    for (const selfCheck of selfChecks) {
      own = () => ranOut(code)
      const assurance = selfCheck
        ? { replicas: null, errorBound: 0.02, colludingShare: 0.05, selfCheck }
        : { replicas: 3, arbiter: 'steward' as const }
      const texts = textsOf(6)
      const { job } = await mesh.clock.hurry(
        submitter.api.submit(mesh.request(texts, { engine: 'exact', ...assurance })),
      )
      const { state, contradicted } = await mesh.clock.hurry(submitter.ended(job))
      own = honest
      assert.equal(state, 'complete')
      assert.deepEqual(await submitter.texts(job), texts)
      assert(
        contradicted.every(({ owner }) => owner === liar.api.info().owner),
        `${code}: ${JSON.stringify(contradicted)}`,
      )
      assert.deepEqual(await auditOf(submitter, job), [])
    }
  const banned = submitter.api.peers().filter((peer) => peer.banned)
  assert(banned.every(({ owner }) => !friends.some((name) => mesh.node(name).api.info().owner === owner)))
  for (const name of [broke.name, liar.name, ...friends]) await mesh.leave(name)
})

test('one result that nests without end costs its own page and no other', async () => {
  const { submitter } = mesh
  const deep = `{"text":${'['.repeat(200_000)}${']'.repeat(200_000)}}`
  const texts = textsOf(3)
  const nests: Script = (text) =>
    text === texts[1] ? { output: Buffer.from(deep), text, error: null } : text
  const both = ['nests-1', 'nests-2', 'nests-3']
  for (const name of ['car-1', 'car-2', 'car-3']) await mesh.leave(name)
  for (const name of both) await mesh.join({ name, createExecutor: reader('avx2', nests) })
  const { job } = await mesh.clock.hurry(submitter.api.submit(mesh.request(texts, { engine: 'exact' })))
  assert.equal((await mesh.clock.hurry(submitter.ended(job))).state, 'complete')
  const { lines, end } = await submitter.results(job)
  assert.deepEqual(
    lines.map(({ result }) => result?.text),
    [texts[0], texts[2]],
  )
  assert.deepEqual(
    end.missing.map(({ why }) => why),
    ['its output nests deeper than 64 levels'],
  )
})
