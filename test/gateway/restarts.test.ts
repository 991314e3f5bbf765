/** Batches go on after a stop or a crash where they were: no job is made twice, no answer is lost, no cancellation is forgotten. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { pino } from 'pino'
import { createBatch } from '../../src/gateway/create-batch.ts'
import { Files } from '../../src/gateway/files.ts'
import { Runner } from '../../src/gateway/runner.ts'
import { submitPart } from '../../src/gateway/submit.ts'
import type { ResultLine } from '../../src/host/api.ts'
import { systemClock } from '../../src/host/clock.ts'
import { StoreError } from '../../src/host/store/errors.ts'
import { WeightsRefused } from '../../src/host/submission/weights.ts'
import { batchStage, chat, runOf, ScriptedNode, settings } from '../support/batch-stage.ts'

const hourMs = 3_600_000

const scan = (custom_id: string) => {
  const url = `data:image/png;base64,${Buffer.from('\x89PNG\r\n\x1a\n', 'latin1').toString('base64')}`
  const messages = [{ role: 'user', content: [{ type: 'image_url', image_url: { url } }] }]
  return { ...chat(custom_id, ''), body: { model: 'ocr', messages } }
}

const linesOf = (lines: readonly object[]) =>
  Buffer.from(lines.map((line) => JSON.stringify(line)).join('\n'))

test('a job that is made while the node stops is noted, and none is made in its place', async (t) => {
  const stage = batchStage(t)
  const { batches, add, create } = stage
  const { id } = create(add('batch', linesOf([chat('a', 'x')])), systemClock.now())
  const scripted = new ScriptedNode()
  const stopped = runOf(stage, id, scripted.node)
  scripted.onSubmit = () => stopped.run.stop()
  await stopped.over
  assert.deepEqual(
    batches.parts(id).map(({ job }) => job),
    ['job-0'],
  )
  await runOf(stage, id, scripted.node).over
  assert.equal(scripted.requests.length, 1)
  assert.equal(batches.byId(id)!.status, 'completed')
})

test('reading its documents changes no payment of a batch, whose parts never get more than all of it together', async (t) => {
  const { batches, files, lines, models, add, create, check } = batchStage(t)
  const input = add('batch', linesOf([scan('a'), scan('b'), chat('c', 'x')]))
  const batch = { ...create(input, systemClock.now()), currency: 'EUR', budgetMicros: 1e6 }
  await check(batch)
  const scripted = new ScriptedNode()
  scripted.pagesOf = (document) => (document === '1.0' ? 0 : 1)
  const signal = new AbortController().signal
  const context = { files, lines, models, clock: systemClock, signal, node: scripted.node }
  for (const place of [0, 1, 0]) {
    const parts = batches.parts(batch.id)
    await submitPart(batch, parts[place]!, { ...context, parts })
  }
  const [scans, chats, again] = scripted.requests.map(
    ({ payment }) => payment as { readonly budgetMicros: number },
  )
  assert.deepEqual(again, scans)
  assert(
    scans!.budgetMicros + chats!.budgetMicros <= 1e6,
    `${scans!.budgetMicros} and ${chats!.budgetMicros}`,
  )
  assert(scans!.budgetMicros > 666_000 && chats!.budgetMicros > 333_000)
})

test('a batch pays by the price cap that its key had when it was made, whatever the key is given while the node is away', async (t) => {
  const stage = batchStage(t)
  const { keys, add } = stage
  const money = (micros: number) => ({ currency: 'EUR', micros })
  const anew = (cap: number) => {
    keys.revoke('team', 1)
    const given = { ...settings, budgetDay: money(1e6), priceCap: money(cap) }
    return keys.check(keys.create('team', given, 1)!)!
  }
  const { id } = createBatch(
    {
      input_file_id: add('batch', linesOf([chat('a', 'x')])),
      endpoint: '/v1/chat/completions',
      completion_window: '1h',
    },
    { ...stage, key: anew(700), nowMs: systemClock.now(), isRetry: false },
  ).batch
  anew(300)
  const scripted = new ScriptedNode()
  await runOf(stage, id, scripted.node).over
  assert.deepEqual(
    scripted.requests.map(({ payment }) => payment?.unitMicrosMax),
    [700],
  )
})

test('files that a batch writes expire when it has been over for long enough, and not before', async (t) => {
  let [lateMs, atMs]: [number, number | undefined] = [0, undefined]
  const clock = { ...systemClock, now: () => atMs ?? systemClock.now() + lateMs }
  const stage = batchStage(t, clock)
  const { batches, files, add, create } = stage
  const batch = create(add('batch', linesOf([chat('a', 'x')])), systemClock.now())
  const keepMs = batch.facts.keepMs
  const scripted = new ScriptedNode()
  const node = scripted.node
  const late: typeof node = {
    ...node,
    followResults: async function* (job, signal) {
      const ends = yield* node.followResults(job, signal)
      // A batch of many hours whose files are kept for few.
      lateMs = keepMs + hourMs
      files.expire()
      return ends
    },
  }
  await runOf(stage, batch.id, late, { clock }).over
  const { status, facts } = batches.byId(batch.id)!
  assert.equal(status, 'completed')
  const { expiresAtMs } = files.get('team', facts.outputFileId!)
  assert(expiresAtMs! >= systemClock.now() + keepMs + hourMs - 60_000)
  atMs = expiresAtMs! - 1
  files.expire()
  assert.match(readFileSync(files.pathOf(facts.outputFileId!), 'utf8'), /HELLO/)
  atMs = expiresAtMs!
  assert.throws(() => files.get('team', facts.outputFileId!), /there is no file/, 'before it is removed, too')
  const { rows } = files.list('team', { after: null, limit: 9, order: 'asc' }, null)
  assert(!rows.some(({ id }) => id === facts.outputFileId))
  files.expire()
  assert(!existsSync(files.pathOf(facts.outputFileId!)))
})

test('a crash at the end of a batch loses no answer, and leaves no second proof', async (t) => {
  const stage = batchStage(t)
  const { tables, batches, files, add, create } = stage
  const { id } = create(add('batch', linesOf([chat('a', 'x'), chat('b', 'y')])), systemClock.now())
  const { node } = new ScriptedNode()
  const ended = () => {
    throw new Error('as if the node had crashed')
  }
  await assert.rejects(runOf(stage, id, node, { ended }).over, /crashed/)
  const before = batches.byId(id)!
  assert.equal(before.status, 'finalizing')
  await runOf(stage, id, node).over
  const { status, facts } = batches.byId(id)!
  assert.deepEqual([status, facts.counts], ['completed', { total: 2, completed: 2, failed: 0 }])
  assert.equal(readFileSync(files.pathOf(facts.outputFileId!), 'utf8').match(/HELLO/g)!.length, 2)
  const proofs = tables.all<{ id: string }>("SELECT id FROM files WHERE filename LIKE '%proof%'")
  assert.deepEqual(
    proofs.map((proof) => proof.id),
    facts.proofFileIds,
  )
})

test('answers that cannot be written leave no half files', async (t) => {
  const stage = batchStage(t)
  const { dataDir, batches, add, create } = stage
  const { id } = create(add('batch', linesOf([chat('a', 'x')])), systemClock.now())
  const { node } = new ScriptedNode()
  // biome-ignore lint/correctness/useYield: it is broken before its first result
  const results: typeof node.api.results = async function* () {
    throw new Error('the disk is broken')
  }
  await runOf(stage, id, { ...node, api: { ...node.api, results } }).over
  assert.equal(batches.byId(id)!.status, 'failed')
  assert.deepEqual(
    readdirSync(join(dataDir, 'gateway')).filter((name) => name.endsWith('.part')),
    [],
  )
})

test('a model whose file is none that can be asked there is the fault of its lines alone', async (t) => {
  const stage = batchStage(t)
  const { batches, files, add, create } = stage
  const { id } = create(add('batch', linesOf([chat('a', 'x'), scan('b')])), systemClock.now())
  const scripted = new ScriptedNode()
  scripted.onSubmit = (job) => {
    if (job === 'job-0')
      throw new WeightsRefused({ name: 'model', path: '/models/vectors.gguf' }, 'is refused: it cannot chat')
  }
  await runOf(stage, id, scripted.node).over
  const { status, facts } = batches.byId(id)!
  assert.deepEqual([status, facts.counts], ['completed', { total: 2, completed: 1, failed: 1 }])
  const [line] = readFileSync(files.pathOf(facts.errorFileId!), 'utf8').split('\n')
  const { response } = JSON.parse(line!)
  assert.equal(response.status_code, 400)
  assert.equal(
    response.body.error.message,
    'the model letters cannot be asked at /v1/chat/completions: its file is refused: it cannot chat',
  )
})

test('a disk that is full ends no batch and no node: the run is tried again', async (t) => {
  const stage = batchStage(t)
  const { batches, files, lines, add, create } = stage
  const { id } = create(add('batch', linesOf([chat('a', 'x')])), systemClock.now())
  let isFull = true
  const full = () => {
    if (isFull) throw new StoreError({ code: 'disk-full', what: 'a test' })
  }
  const scripted = new ScriptedNode()
  scripted.onSubmit = full
  const waits: (() => void)[] = []
  const after = (_: number, act: () => void) => {
    waits.push(act)
    return () => {}
  }
  const said = Promise.withResolvers<void>()
  const log = pino({ level: 'error' }, { write: () => said.resolve() })
  const clock = { ...systemClock, after }
  const parts = { node: scripted.node, batches, files, lines, clock, log, ended: () => {} }
  const runner = new Runner(parts)
  const isOver = new Promise<void>((resolve) => {
    runner.changes.on('change', () => ['completed', 'failed'].includes(batches.byId(id)!.status) && resolve())
  })
  runner.begin(batches.byId(id)!)
  await said.promise
  assert.equal(batches.byId(id)!.status, 'validating')
  assert.deepEqual(scripted.cancelled, [])
  // Its client may delete the input as soon as the batch is made, also while it waits.
  files.remove(batches.byId(id)!.facts.inputFileId)
  isFull = false
  for (const act of waits.splice(0)) act()
  await isOver
  assert.equal(batches.byId(id)!.status, 'completed')
  await runner.stop()
})

test('answers that are there when a node comes back stay there, but for half a line', async (t) => {
  const stage = batchStage(t)
  const { batches, files, add, create } = stage
  const input = add('batch', linesOf(['a', 'b', 'c'].map((name) => chat(name, name))))
  const { id } = create(input, systemClock.now())
  const scripted = new ScriptedNode()
  const held = Promise.withResolvers<void>()
  const { node } = scripted
  const path = () => files.pathOf(batches.byId(id)!.facts.outputFileId!)
  const stopping: typeof node = {
    ...node,
    followResults: async function* (job, signal) {
      const results = node.followResults(job, signal)
      yield (await results.next()).value as ResultLine
      held.resolve()
      await once(signal, 'abort')
      signal.throwIfAborted()
      return undefined as never
    },
  }
  const first = runOf(stage, id, stopping)
  await held.promise
  first.run.stop()
  await first.over
  const before = readFileSync(path(), 'utf8')
  assert.equal(before.split('\n').length, 2)
  writeFileSync(path(), `${before}{"id":"batch_req_0123`)
  const seen: string[] = []
  const looking: typeof node = {
    ...node,
    followResults: async function* (job, signal) {
      for await (const record of node.followResults(job, signal)) {
        yield record
        seen.push(readFileSync(path(), 'utf8'))
      }
      return undefined as never
    },
  }
  await runOf(stage, id, looking).over
  assert(
    seen.every((text) => text.startsWith(before)),
    seen.join('\n---\n'),
  )
  const { status, facts } = batches.byId(id)!
  assert.deepEqual([status, facts.counts.completed], ['completed', 3])
})

test('jobs of a batch that was cancelled as the node went are cancelled when it comes back', async (t) => {
  const stage = batchStage(t)
  const { batches, add, create, check } = stage
  const batch = create(add('batch', linesOf([chat('a', 'x')])), systemClock.now())
  await check(batch)
  batches.submitted(batch.id, 0, 'job-0')
  batches.update({
    ...batch,
    status: 'cancelling',
    facts: { ...batch.facts, moments: { in_progress: 1, cancelling: 2 } },
  })
  const scripted = new ScriptedNode()
  await runOf(stage, batch.id, scripted.node).over
  assert.deepEqual(scripted.cancelled, ['job-0'])
  assert.equal(batches.byId(batch.id)!.status, 'cancelled')
})

test('answers of the first job of a batch are written while a node that came back submits the others', {
  timeout: 30_000,
}, async (t) => {
  const stage = batchStage(t)
  const { batches, add, create, check } = stage
  const batch = create(add('batch', linesOf([chat('a', 'x'), scan('b')])), systemClock.now())
  await check(batch)
  batches.submitted(batch.id, 0, 'job-0')
  batches.update({
    ...batch,
    status: 'in_progress',
    facts: { ...batch.facts, moments: { in_progress: 1 }, isSubmitting: true },
  })
  const scripted = new ScriptedNode()
  const isFollowed = Promise.withResolvers<void>()
  scripted.onFollow = () => isFollowed.resolve()
  scripted.onSubmit = () => isFollowed.promise
  await runOf(stage, batch.id, scripted.node).over
  assert.deepEqual(scripted.followed, ['job-0', 'job-1'])
})

test('the input of a batch that its client has deleted is there after a restart until it is read, and then it goes', async (t) => {
  const stage = batchStage(t)
  const { dataDir, tables, batches, files, add, create } = stage
  const input = add('batch', linesOf([chat('a', 'x')]))
  const { id } = create(input, systemClock.now())
  files.hold(input)
  files.remove(input)
  writeFileSync(files.pathOf('file-of-nobody'), '')
  const again = new Files(tables, dataDir, systemClock)
  assert(!existsSync(again.pathOf('file-of-nobody')))
  await runOf({ ...stage, files: again }, id, new ScriptedNode().node).over
  assert.equal(batches.byId(id)!.status, 'completed', JSON.stringify(batches.byId(id)!.facts.errors))
  assert(!existsSync(again.pathOf(input)))
})

test('a batch whose input is gone before its last job says so', async (t) => {
  const stage = batchStage(t)
  const { batches, files, add, create, check } = stage
  const batch = create(add('batch', linesOf([chat('a', 'x')])), systemClock.now())
  await check(batch)
  const facts = { ...batch.facts, moments: { in_progress: 1 }, isSubmitting: true }
  batches.update({ ...batch, status: 'in_progress', facts })
  files.remove(facts.inputFileId)
  await runOf(stage, batch.id, new ScriptedNode().node).over
  assert.equal(batches.byId(batch.id)!.facts.errors[0]!.code, 'input_file_missing')
})
