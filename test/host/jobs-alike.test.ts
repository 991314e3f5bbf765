/**
 * Jobs that resemble each other, and requests that are made again: four real nodes in this process, a submitter, a
 * standby and two cars, each of an owner of its own.
 */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { pino } from 'pino'
import { type OwnNode, resolveNodeConfig, startOwnNode } from '../../src/cli/local-node.ts'
import type { SubmitRequest } from '../../src/host/api.ts'
import { auditFile } from '../../src/host/jobs/audit.ts'
import { openStore } from '../../src/host/store.ts'
import { blockOf, jobNamed } from '../support/store.ts'
import {
  resultsOf,
  temporaryFolder,
  textsOf,
  until,
  untilEnded,
  wasmJob,
  writeDocuments,
  writeSlowDocuments,
} from '../support/swarm.ts'

const timeout = { timeout: 400_000 }
const payment = { currency: 'EUR', unitMicrosMax: 1_000, budgetMicros: 1_000_000 }

/** What a node of this file says at info. */
interface Said {
  readonly msg: string
  readonly [fact: string]: unknown
}

class TestNode {
  readonly dataDir: string
  readonly said: Said[]
  readonly #own: OwnNode

  private constructor(dataDir: string, own: OwnNode, said: Said[]) {
    this.dataDir = dataDir
    this.#own = own
    this.said = said
  }

  static async start(dataDir: string, slots: number, bootstrap: readonly string[] = []): Promise<TestNode> {
    const said: Said[] = []
    const log = pino({ level: 'info' }, { write: (line: string) => void said.push(JSON.parse(line)) })
    const config = resolveNodeConfig({ dataDir, slots, bootstrap, listen: ['/ip4/127.0.0.1/tcp/0'] })
    return new TestNode(dataDir, await startOwnNode(config, log), said)
  }

  get node() {
    return this.#own.client
  }

  stop(): Promise<void> {
    return this.#own.stop()
  }

  /** Ends the node, and tells how many uses of blocks it leaves on its disk, but for what the cache keeps. */
  async usesLeft(): Promise<number> {
    await this.stop()
    const store = openStore(this.dataDir)
    try {
      return store.database.get<{ n: number }>(`SELECT count(*) AS n FROM block_uses WHERE job <> ''`)!.n
    } finally {
      store.close()
    }
  }
}

interface Mesh {
  readonly submitter: TestNode
  readonly standby: TestNode
}

async function startMesh(t: TestContext): Promise<Mesh> {
  const all: TestNode[] = []
  t.after(async () => {
    await Promise.all(all.map((node) => node.stop()))
    for (const { dataDir } of all) rmSync(dataDir, { recursive: true, force: true })
  })
  const start = async (slots: number, bootstrap: readonly string[] = []) => {
    const started = await TestNode.start(mkdtempSync(join(tmpdir(), 'carpool-test-')), slots, bootstrap)
    all.push(started)
    return started
  }
  const submitter = await start(0)
  const { addresses } = await submitter.node.info()
  const standby = await start(0, addresses)
  await start(1, addresses)
  await start(1, addresses)
  await until(
    'the submitter knows everybody',
    async () => (await submitter.node.peers()).length === all.length,
  )
  return { submitter, standby }
}

async function audited(t: TestContext, { node }: TestNode, job: string): Promise<readonly string[]> {
  const path = join(temporaryFolder(t), 'report.car')
  await node.report(job, path)
  return (await auditFile(path)).problems
}

test('a job over the documents of another, at another price, is whole by itself', timeout, async (t) => {
  const { submitter, standby } = await startMesh(t)
  const texts = ['one', 'two', 'three']
  const first = await wasmJob(t, 'echo', writeDocuments(t, texts), { standbys: 1, replicas: 2, payment })
  const second: SubmitRequest = { ...first, payment: { ...payment, budgetMicros: 900_000 } }
  const jobs: string[] = []
  for (const request of [first, second]) {
    const { job, known, standbys } = await submitter.node.submit(request)
    assert.deepEqual([known, standbys], [false, 1])
    assert.equal((await untilEnded(submitter, job)).state, 'complete')
    jobs.push(job)
  }
  const [one, two] = jobs as [string, string]
  assert.notEqual(one, two)
  for (const job of jobs) assert.deepEqual(await audited(t, submitter, job), [])

  await until('the standby has what it says that it holds', async () => {
    const { end } = await resultsOf(standby, two)
    return end.missing.length === 0
  })
  for (const steward of [submitter, standby]) {
    await steward.node.forget(one)
    assert.deepEqual(await textsOf(steward, two), texts)
  }
  assert.deepEqual(await audited(t, submitter, two), [])

  for (const steward of [submitter, standby]) await steward.node.forget(two)
  for (const steward of [submitter, standby]) assert.equal(await steward.usesLeft(), 0)
})

test('what a crash left of a job that is forgotten goes when the node starts', timeout, async (t) => {
  const dataDir = temporaryFolder(t)
  const { cid, bytes } = blockOf(50_000)
  const store = openStore(dataDir)
  await store.blocks.of(jobNamed('forgotten')).put(cid, bytes, 'input')
  store.close()
  const started = await TestNode.start(dataDir, 0)
  assert.equal(await started.usesLeft(), 0)
})

test(
  'a request whose job was cancelled or failed becomes a new job; one that runs or is complete is answered',
  timeout,
  async (t) => {
    const { submitter } = await startMesh(t)
    const { node } = submitter
    const request = await wasmJob(t, 'slow', writeSlowDocuments(t, 2, 3), { replicas: 2 })

    const cancelled = await node.submit(request)
    await node.cancel(cancelled.job)
    const [again, twice] = await Promise.all([node.submit(request), node.submit(request)])
    assert.deepEqual([again.known, twice.known].sort(), [false, true])
    assert.equal(again.job, twice.job)
    assert.notEqual(again.job, cancelled.job)
    assert.deepEqual(await node.submit(request), { ...again, known: true, owners: twice.owners })
    await node.forget(cancelled.job) // whose documents are those of the job that runs
    assert.equal((await untilEnded(submitter, again.job)).state, 'complete')
    assert.equal((await textsOf(submitter, again.job)).length, 2)
    const complete = await node.submit(request)
    assert.deepEqual([complete.job, complete.known], [again.job, true])

    const tooFew = { ...request, replicas: 3, deadlineMs: 1_500 }
    const failed = await node.submit(tooFew)
    assert.equal((await untilEnded(submitter, failed.job)).state, 'failed')
    const anew = await node.submit({ ...tooFew, deadlineMs: null })
    assert.equal(anew.known, false)
    assert.notEqual(anew.job, failed.job)
  },
)
