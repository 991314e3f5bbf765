/** What a submission leaves in the store, with an executor that finds a page in everything. */
import assert from 'node:assert/strict'
import { existsSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test, { type TestContext } from 'node:test'
import type { SubmitRequest } from '../../src/host/api.ts'
import { systemClock } from '../../src/host/clock.ts'
import type { Executor } from '../../src/host/executor/contract.ts'
import { readJobDocument } from '../../src/host/jobs/document.ts'
import { jobSecret } from '../../src/host/sealing/sealing.ts'
import { sha256 } from '../../src/host/sha256.ts'
import { StoreError } from '../../src/host/store/errors.ts'
import { chunkFile, fileBlockBytesMax, readFile } from '../../src/host/store/files.ts'
import { JobBlocks } from '../../src/host/store/job-blocks.ts'
import { SigningKey } from '../../src/host/store/keys.ts'
import type { Store } from '../../src/host/store.ts'
import { withDescription } from '../../src/host/submission/description.ts'
import { Measuring } from '../../src/host/submission/measuring.ts'
import { quoteJob } from '../../src/host/submission/quote.ts'
import { namedWeightOf } from '../../src/host/submission/runtime-facts.ts'
import { makeJob, type PreparedJob, type SubmissionContext } from '../../src/host/submission/submission.ts'
import { readWeights, weightSources } from '../../src/host/submission/weights.ts'
import { submitDefaults } from '../../src/host/submit-defaults.ts'
import type { Cid, OwnerId, PeerId } from '../../src/protocol/ids.ts'
import { decodeShardList } from '../../src/protocol/job/lists.ts'
import { blindCandidatesMax } from '../../src/protocol/limits.ts'
import { ownerIdOf } from '../../src/protocol/membership/owner.ts'
import { runtimes } from '../../src/runtimes/registry.ts'
import { peerNamed } from '../support/core-fakes.ts'
import { splitGguf } from '../support/gguf-parts.ts'
import { vehicleOf } from '../support/jobs-stage.ts'
import { lettersModel } from '../support/letters.ts'
import { honest, ScriptedExecutor } from '../support/scripted-executor.ts'
import { blockOf, temporaryDirectory, temporaryStore } from '../support/store.ts'

/** A module of two blocks and three documents, of which one is of two blocks as well. */
const module = blockOf(fileBlockBytesMax + 10, 1).bytes
const documents = [blockOf(100, 2), blockOf(200, 3), blockOf(fileBlockBytesMax + 1, 4)]

function requestFor(t: TestContext): SubmitRequest {
  const folder = temporaryDirectory(t)
  writeFileSync(join(folder, 'module.wasm'), module)
  const paths = documents.map(({ bytes }, i) => {
    const path = join(folder, `${i}.txt`)
    writeFileSync(path, bytes)
    return path
  })
  return {
    ...submitDefaults,
    paths,
    runtime: 'wasm',
    module: join(folder, 'module.wasm'),
    errorBound: 0.001,
    colludingShare: 0.05,
    replicas: 2,
    standbys: 0,
  }
}

function contextOn({ blocks }: Store): SubmissionContext {
  const node = SigningKey.generate()
  return {
    blocks,
    executor: { inspect: async () => ({ pages: 1, pageCostMs: 10 }) } as unknown as Executor,
    measuring: new Measuring(new ScriptedExecutor(honest)),
    node,
    submitter: node,
    engines: [{ runtime: 'wasm', engine: 'exact', id: 'engine-1', isa: null, agreement: 'bytes' }],
    capacities: [],
    fleet: null,
    owner: ownerIdOf(sha256, node.peerId),
    canRecompute: () => true,
    around: () => [],
    recruit: async () => [],
    clock: systemClock,
  }
}

test('one request made twice is one request, and becomes two jobs that share their inputs', async (t) => {
  const store = temporaryStore(t, { cacheBytesMax: 0 })
  const context = contextOn(store)
  const request = requestFor(t)
  const digestOf = (changes: Partial<SubmitRequest>) =>
    withDescription(
      { ...request, ...changes },
      context,
      () => {},
      async ({ requestDigest }) => requestDigest,
    )
  const digest = await digestOf({})
  assert.equal(await digestOf({ deadlineMs: 60_000, standbys: 2 }), digest)
  assert.notEqual(await digestOf({ replicas: 3 }), digest, 'it resembles the first, and is another')
  const payment = { currency: 'EUR', unitMicrosMax: 10, budgetMicros: 1_000 }
  const paid = [await digestOf({ payment }), await digestOf({ payment: { ...payment, budgetMicros: 2_000 } })]
  assert.equal(new Set([digest, ...paid]).size, 3, 'with another budget it is another')
  assert.equal(count(store, 'block_uses'), 0, 'what no job takes is not kept')
  assert.equal(count(store, 'blocks'), 0)

  const [first, second] = [await make(request, context), await make(request, context)]
  assert.notEqual(first.job, second.job)
  const weights: Cid[] = []
  for await (const { cid } of chunkFile(module)) weights.push(cid)
  assert.equal(weights.length, 3)
  for (const { job } of [first, second]) {
    assert.deepEqual(store.blocks.of(job).list('weights'), [...weights].sort(), 'with all of their parts')
    // Documents: 1, 1 and 3 blocks; their shard or shards, and the two lists.
    assert(store.blocks.of(job).list('input').length >= 5 + 3)
  }

  const kept = store.blocks.of(second.job).list()
  await store.blocks.release(first.job)
  for (const cid of kept) assert.notEqual(await store.blocks.get(cid), undefined)
  await store.blocks.release(second.job)
  assert.equal(count(store, 'block_uses'), 0)
  assert.equal(count(store, 'blocks'), 0)
})

test('a submission that fails half-way leaves nothing, and harms no job that shares its documents', async (t) => {
  const store = temporaryStore(t, { cacheBytesMax: 0 })
  const context = contextOn(store)
  const request = requestFor(t)
  const whole = await make(request, context)
  const before = count(store, 'block_uses')
  const alone = {
    ...context,
    recruit: async () => {
      throw new Error('nobody answers')
    },
  }
  await assert.rejects(make(request, alone), /nobody answers/)
  assert.equal(count(store, 'block_uses'), before)
  const paths = [...request.paths, join(request.paths[0]!, 'is no folder')]
  await assert.rejects(make({ ...request, paths }, context), /cannot be read/)
  assert.equal(count(store, 'block_uses'), before)
  for (const cid of store.blocks.of(whole.job).list()) assert.notEqual(await store.blocks.get(cid), undefined)
})

test('each document is read once: a file that changes afterwards is submitted as it was', async (t) => {
  const store = temporaryStore(t, { cacheBytesMax: 0 })
  const context = contextOn(store)
  const request = requestFor(t)
  const whole = await make(request, context)
  const again = await withDescription(
    request,
    context,
    () => {},
    async (described) => {
      for (const path of request.paths) rmSync(path)
      return makeJob(described, context, () => {})
    },
  )
  const inputs = ({ job }: PreparedJob) => store.blocks.of(job).list('input')
  const shared = new Set(inputs(whole))
  // All but the shards and the lists, whose keys are the job's.
  assert.equal(inputs(again).filter((cid) => shared.has(cid)).length, 5)
})

test('a document is read back as it was submitted, and said to be elsewhere where its blocks are gone', async (t) => {
  const store = temporaryStore(t, { cacheBytesMax: 0, hotBytesMax: 0 })
  const context = contextOn(store)
  const { manifest } = await make(requestFor(t), context)
  const get = (cid: Cid) => store.blocks.get(cid)
  const shards = decodeShardList(await readFile(manifest.shards, get, 2 ** 20))
  const secret = jobSecret(context.submitter, manifest.seal.nonce)
  const read = async (name: string) =>
    (await readJobDocument({ manifest, shards, secret, get }, name, 1)).bytes
  for (const [i, { bytes }] of documents.entries())
    assert.deepEqual(Buffer.from(await read(`${i}.txt`)), Buffer.from(bytes))
  await assert.rejects(read('3.txt'), /the job has no page 1 of a document 3\.txt/)
  store.database.run('DELETE FROM blocks WHERE bytes > 100000')
  await assert.rejects(
    read('2.txt'),
    /2\.txt is not on this node: ask on the machine that the job was submitted from/,
  )
})

test('what a crash leaves of a submission goes when the store is opened for the jobs that are known', async (t) => {
  const store = temporaryStore(t, { cacheBytesMax: 0 })
  const context = contextOn(store)
  await withDescription(
    requestFor(t),
    context,
    () => {},
    async () => {
      assert(count(store, 'block_uses') > 5)
      await store.collect()
      assert.equal(count(store, 'block_uses'), 0)
    },
  )
})

test('a job that finds no room for its lists leaves nothing, and one whose documents were lost is refused', async (t) => {
  const store = temporaryStore(t, { cacheBytesMax: 0 })
  const context = contextOn(store)
  const { take, putMany } = JobBlocks.prototype
  let isTaken = false
  const taking = t.mock.method(
    JobBlocks.prototype,
    'take',
    function (this: JobBlocks, ...args: Parameters<typeof take>) {
      isTaken = true
      return take.apply(this, args)
    },
  )
  const putting = t.mock.method(
    JobBlocks.prototype,
    'putMany',
    async function (this: JobBlocks, ...args: Parameters<typeof putMany>) {
      if (isTaken) throw new StoreError({ code: 'disk-full', what: 'blocks' })
      await putMany.apply(this, args)
    },
  )
  await assert.rejects(make(requestFor(t), context), StoreError)
  assert.deepEqual([count(store, 'block_uses'), count(store, 'blocks')], [0, 0])
  putting.mock.restore()
  taking.mock.mockImplementation(async (cids) => [...cids].slice(0, 1))
  await assert.rejects(make(requestFor(t), context), /1 blocks of it were damaged on this disk; submit again/)
  assert.deepEqual([count(store, 'block_uses'), count(store, 'blocks')], [0, 0])
})

test('a quote names an error bound where a fleet vouches for owners, and none in an open mesh', async (t) => {
  const context = contextOn(temporaryStore(t))
  const capacities = [0, 1, 2].map((i) => vehicleOf(peerNamed(`car ${i}`)))
  const request = { ...requestFor(t), replicas: null }
  const boundsIn = async (fleet: PeerId | null) => {
    const { plans } = await quoteJob(request, { ...context, capacities, fleet }, () => {})
    assert(plans.length > 0)
    return new Set(plans.map(({ errorBound }) => errorBound !== null && errorBound <= request.errorBound))
  }
  assert.deepEqual(await boundsIn(peerNamed('fleet')), new Set([true]))
  assert.deepEqual(await boundsIn(null), new Set([false]))
})

test('the keys of a blind job are for vehicles of as many owners as possible', async (t) => {
  const peers = Array.from({ length: blindCandidatesMax + 2 }, () => SigningKey.generate().peerId).sort()
  const last = peers.at(-1)!
  const [many, one] = ['many', 'one'] as OwnerId[]
  const capacities = peers.map((peer) => ({
    ...vehicleOf(peer),
    owner: peer === last ? one! : many!,
    engines: [{ runtime: 'wasm', engine: 'exact', id: 'engine-1', isa: null, unitsPerHour: 0, ask: null }],
  }))
  const context = { ...contextOn(temporaryStore(t)), capacities }
  const { manifest } = await make({ ...requestFor(t), blind: true }, context)
  const { candidates } = manifest.blind!
  assert.equal(candidates.length, blindCandidatesMax)
  assert(candidates.some(({ peer, owner }) => peer === last && owner === one))
})

test('a blind job takes no engine whose results must be read to be compared', async (t) => {
  const engines = [
    { runtime: 'wasm', engine: 'native', id: 'engine-2', isa: 'x64', agreement: 'class-text' },
  ] as const
  const context = { ...contextOn(temporaryStore(t)), engines }
  const request = { ...requestFor(t), engine: 'native' } as const
  await assert.rejects(make({ ...request, blind: true }, context), /'native' does not, use --engine exact/)
  assert.equal((await make(request, context)).manifest.engine.name, 'native')
})

function make(request: SubmitRequest, context: SubmissionContext): Promise<PreparedJob> {
  return withDescription(
    request,
    context,
    () => {},
    (described) => makeJob(described, context, () => {}),
  )
}

test('of every runtime that is registered, a submission knows the weights, and where they are; of others it says which there are', () => {
  for (const name of Object.keys(runtimes)) {
    const named = namedWeightOf(name)
    const sources = weightSources(name, { ...submitDefaults, ...(named && { [named]: '/my/file' }) })
    assert(sources.length > 0)
    for (const { path } of sources) assert(path === '/my/file' || existsSync(path), path)
  }
  for (const name of ['tea', 'constructor'])
    assert.throws(
      () => weightSources(name, submitDefaults),
      new RegExp(`there is no runtime '${name}'; there are ${Object.keys(runtimes).join(', ')}`),
    )
})

test('a model in parts is gathered by naming the first, and what keeps it from that is named', (t) => {
  const folder = temporaryDirectory(t)
  const paths = splitGguf(lettersModel(), 3).map((part, i) => {
    const path = join(folder, `letters-0000${i + 1}-of-00003.gguf`)
    writeFileSync(path, part)
    return path
  })
  const sources = (model: string) => weightSources('llm', { ...submitDefaults, model })
  assert.deepEqual(
    sources(paths[0]!),
    paths.map((path, i) => ({ name: `model-0000${i + 1}-of-00003.gguf`, path })),
  )
  for (const source of sources(paths[0]!)) readWeights('llm', source)
  assert.throws(() => sources(paths[1]!), /is part 2 of 3: name the first, letters-00001-of-00003.gguf/)
  // As no vehicle could run it, before anything is sent.
  const template = Buffer.from(lettersModel())
  template.write('tokenizer.chat_templatf', template.indexOf('tokenizer.chat_template'))
  writeFileSync(join(folder, 'mute.gguf'), template)
  assert.throws(
    () => readWeights('llm', sources(join(folder, 'mute.gguf'))[0]!),
    /has no chat template, so it answers no messages/,
  )
  rmSync(paths[2]!)
  assert.throws(
    () => sources(paths[0]!),
    /has 3 parts, and lacks letters-00003-of-00003.gguf: they belong beside it/,
  )
})

test('a job takes the languages it names, in their order, and one that is not installed is refused by name', () => {
  const named = (choice: Partial<typeof submitDefaults>) =>
    weightSources('ocr', { ...submitDefaults, ...choice })
      .map(({ name }) => name)
      .filter((name) => name.startsWith('traineddata-'))
  assert.deepEqual(named({}), ['traineddata-0-eng', 'traineddata-1-deu', 'traineddata-2-fra'])
  assert.deepEqual(named({ languages: ['deu', 'eng'] }), ['traineddata-0-deu', 'traineddata-1-eng'])
  assert.deepEqual(named({ traineddata: ['/my/rus.traineddata'] }), ['traineddata-0-rus'])
  assert.deepEqual(named({ traineddata: ['/my/rus.traineddata.gz'], languages: ['eng'] }), [
    'traineddata-0-rus',
    'traineddata-1-eng',
  ])
  for (const language of ['xxx', '../../etc', ''])
    assert.throws(
      () => named({ languages: [language] }),
      (error: Error) =>
        error.message.includes(JSON.stringify(language)) && /--traineddata <file>/.test(error.message),
    )
  assert.throws(() => named({ languages: Array(9).fill('eng') }), /at most 8 languages/)
  assert.throws(
    () => weightSources('wasm', { ...submitDefaults, languages: ['eng'] }),
    /leave out --language/,
  )
})

function count({ database }: Store, table: 'blocks' | 'block_uses'): number {
  return database.get<{ n: number }>(`SELECT count(*) AS n FROM ${table}`)!.n
}
