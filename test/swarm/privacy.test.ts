/** What those see of a job who look where they may not. */
import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { pino } from 'pino'
import type { Member } from '../../src/cli/swarm/member.ts'
import { auditFile } from '../../src/host/jobs/audit.ts'
import { Network } from '../../src/host/network/network.ts'
import { jobSecret, namesKey, shardKey } from '../../src/host/sealing/sealing.ts'
import { sha256 } from '../../src/host/sha256.ts'
import { loadKey, SigningKey, verifyByPeerId } from '../../src/host/store/keys.ts'
import { openStore } from '../../src/host/store.ts'
import type { Cid, PeerId } from '../../src/protocol/ids.ts'
import { openManifest } from '../../src/protocol/job/manifest.ts'
import {
  cars,
  sharedSwarm,
  slowTexts,
  startSwarm,
  temporaryFolder,
  testTimeout,
  textsOf,
  until,
  untilEnded,
  untilStatus,
  wasmJob,
  writeDocuments,
  writeSlowDocuments,
} from '../support/swarm.ts'

/** Texts that are told apart from everything else on a disk, each of one job only. */
function wordsOf(job: string, mark = 'marker'): string[] {
  return Array.from({ length: 12 }, (_, n) => `${job}-confidential-${n}-${mark.repeat(40)}`)
}

/** One vehicle at first. The others come with the second test, and everybody ends with the last but one. */
const swarmOf = sharedSwarm({ vehicles: cars(1), laterOwners: ['car-2', 'depot', 'idle'] })

test('what cannot be blind is refused in one sentence', testTimeout, async (t) => {
  const swarm = await swarmOf(t)
  const request = await wasmJob(t, 'echo', writeDocuments(t, wordsOf('refused')), { blind: true })
  await assert.rejects(swarm.submitter.node.submit(request), /2 are needed, 1 is here/)
  await assert.rejects(
    swarm.submitter.node.submit({ ...request, runtime: 'ocr', engine: 'native' }),
    /must give the same bytes everywhere; 'native' does not, use --engine exact/,
  )
})

test(
  'a standby reads the job; whoever has the submitter’s key reads it from anywhere',
  testTimeout,
  async (t) => {
    const swarm = await swarmOf(t)
    const { submitter } = swarm
    // Marked otherwise: the standby that finishes this job opens its results.
    const words = wordsOf('read', 'beacon')
    await swarm.join({ name: 'car-2' })
    const depot = await swarm.join({ name: 'depot', slots: 0 })
    await swarm.untilKnown(2)
    await until('the submitter knows the depot', async () =>
      (await submitter.node.peers()).some(({ peer }) => peer === depot.peer),
    )
    const request = await wasmJob(t, 'echo', writeDocuments(t, words), { standbys: 1 })
    const { job } = await submitter.node.submit(request)
    await untilStatus(submitter, job, 'the standby holds it', ({ standbys }) => standbys.holding === 1)
    await untilEnded(submitter, job)
    await submitter.end('SIGKILL')
    await untilEnded(depot, job)
    assert.deepEqual(await textsOf(depot, job), words)
  },
)

test(
  'a blind job is finished without its submitter, who alone can read it afterwards',
  testTimeout,
  async (t) => {
    const swarm = await swarmOf(t)
    const submitter = await swarm.restartSubmitter()
    await swarm.untilKnown(2)
    const count = 8
    const documents = writeSlowDocuments(t, count, 5, 100)
    const { job } = await submitter.node.submit(
      await wasmJob(t, 'slow', documents, { standbys: 1, blind: true }),
    )
    await untilStatus(submitter, job, 'the standby holds it', ({ standbys }) => standbys.holding === 1)
    await submitter.end('SIGKILL')
    const depot = swarm.vehicle('depot')
    const { shards } = await untilEnded(depot, job)
    assert.equal(shards.verified, count)
    await assert.rejects(textsOf(depot, job), /is blind/)

    const restarted = await swarm.restartSubmitter()
    await untilEnded(restarted, job)
    assert.deepEqual(await textsOf(restarted, job), slowTexts(count, 5, 100))
  },
)

test('documents and their names are ciphertext on every vehicle’s disk', testTimeout, async (t) => {
  const swarm = await swarmOf(t)
  const { submitter } = swarm
  const request = await wasmJob(t, 'no-op', writeDocuments(t, wordsOf('sealed')), { standbys: 1 })
  const { job } = await submitter.node.submit(request)
  const status = await untilEnded(submitter, job)
  assert.deepEqual([status.state, status.shards.verified], ['complete', status.shards.total])
  for (const member of swarm.vehicles()) {
    const disk = diskOf(member)
    assert(disk.length > 100_000, 'there is something on the disk')
    assert.equal(disk.includes('marker'), false, `${member.name} has a document in the clear`)
    assert.equal(disk.includes('000.txt'), false, `${member.name} has a name in the clear`)
  }
  assert.equal(diskOf(submitter).includes('marker'), false, 'not even the submitter’s store has them')
})

test('of a blind job nobody but its vehicles and its submitter learns anything', testTimeout, async (t) => {
  const swarm = await swarmOf(t)
  const { submitter } = swarm
  const depot = swarm.vehicle('depot')
  await swarm.untilKnown(2)
  const words = wordsOf('blind')
  const documents = writeDocuments(t, words)
  const request = await wasmJob(t, 'echo', documents, { standbys: 1, blind: true })
  const plan = await submitter.node.submit(request)
  assert.deepEqual([plan.blind, plan.standbys], [true, 1])
  const { job } = plan
  const idle = await swarm.join({ name: 'idle' })
  await untilStatus(submitter, job, 'the standby holds it', ({ standbys }) => standbys.holding === 1)
  await untilEnded(submitter, job)
  assert.deepEqual(await textsOf(submitter, job), words)
  assert.equal((await untilEnded(depot, job)).state, 'complete')
  await assert.rejects(textsOf(depot, job), /is blind: only its submitter can read it/)

  const report = join(temporaryFolder(t), 'report.car')
  await submitter.node.report(job, report)
  assert.deepEqual((await auditFile(report)).problems, [])
  assert.equal(readFileSync(report, 'latin1').includes('marker'), false, 'the report shows nothing')

  for (const member of swarm.members()) await member.end('SIGTERM')
  const { secret: blocks } = blocksOf(submitter, job)
  const keys = keysOf(submitter, job)
  for (const curious of [depot, idle]) {
    const disk = diskOf(curious)
    assert.equal(disk.includes('marker'), false, `${curious.name} has a document or a result in the clear`)
    for (const key of keys)
      for (const encoding of ['latin1', 'hex'] as const)
        assert.equal(disk.includes(key.toString(encoding)), false, `${curious.name} has a key`)
  }
  assert(
    keys.some((key) => diskOf(swarm.vehicle('car-1')).includes(key.toString('latin1'))),
    'keys are seen',
  )
  const held = new Set(blocksOf(depot, job).secret)
  assert(
    blocks.every((cid) => held.has(cid)),
    'the standby holds all that it cannot read',
  )
  assert.deepEqual(blocksOf(idle, job).secret, [], 'and the idle vehicle nothing')
})

test('a peer that no lease names gets none of a job’s blocks', testTimeout, async (t) => {
  const swarm = await startSwarm(t, { vehicles: cars(2), fleet: false })
  const { submitter } = swarm
  const request = await wasmJob(t, 'no-op', writeDocuments(t, wordsOf('sniffed')), { standbys: 0 })
  const { job } = await submitter.node.submit(request)
  await untilEnded(submitter, job)
  const report = join(temporaryFolder(t), 'report.car')
  await submitter.node.report(job, report)
  assert.deepEqual((await auditFile(report)).problems, [])

  await submitter.end('SIGTERM')
  const { secret, weights } = blocksOf(submitter, job)
  assert(secret.length >= 5, `${secret.length} blocks`)
  const restarted = await swarm.restartSubmitter()
  const sniffer = await Network.start({
    privateKey: SigningKey.generate().toLibp2p(),
    listen: [],
    bootstrap: [],
    gossipScope: 'open',
    log: pino({ level: 'silent' }),
  })
  t.after(() => sniffer.stop())
  const offered = new Set<Cid>()
  for (const member of [restarted, ...swarm.vehicles()]) {
    await sniffer.reach(member.addresses[0]!)
    const had = await sniffer.blocks.have(member.peer as PeerId, [...secret, ...weights])
    for (const cid of had) offered.add(cid)
  }
  assert.deepEqual([...offered], weights, 'weights are anybody’s, and nothing else is')
})

/** All from which a job's documents and results open. */
function keysOf({ dataDir }: Member, job: string): Buffer[] {
  const submitter = loadKey(join(dataDir, 'submitter.key'))
  const store = openStore(dataDir)
  try {
    const { payload } = openManifest(store.journal.get(job as Cid)!, sha256, verifyByPeerId)
    const secret = jobSecret(submitter, payload.seal.nonce)
    const shards = Array.from({ length: payload.shards.count }, (_, position) => shardKey(secret, position))
    return [secret, namesKey(secret), ...shards].map((key) => Buffer.from(key))
  } finally {
    store.close()
  }
}

/** Everything that is in a node's data directory, as one text; names of files, too. */
function diskOf({ dataDir }: Member): string {
  return readdirSync(dataDir, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => `${entry.name}\n${textOf(join(entry.parentPath, entry.name))}`)
    .join('\n')
}

/** Empty where a node that runs has removed the file meanwhile. */
function textOf(path: string): string {
  try {
    return readFileSync(path, 'latin1')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return ''
    throw error
  }
}

/** What the node, which must not run, has of a job. */
function blocksOf({ dataDir }: Member, job: string): { secret: Cid[]; weights: Cid[] } {
  const store = openStore(dataDir)
  const [inputs, results, weights] = (['input', 'result', 'weights'] as const).map((kind) =>
    store.blocks.of(job as Cid).list(kind),
  )
  try {
    return { secret: [...inputs!, ...results!], weights: [...weights!] }
  } finally {
    store.close()
  }
}
