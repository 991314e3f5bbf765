/** What those see of a job who look where they may not. */
import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { pino } from 'pino'
import type { Member } from '../../src/cli/swarm/member.ts'
import { auditFile } from '../../src/host/audit.ts'
import { Network } from '../../src/host/network/network.ts'
import { SigningKey } from '../../src/host/store/keys.ts'
import { openStore } from '../../src/host/store/store.ts'
import type { Cid, PeerId } from '../../src/protocol/ids.ts'
import {
  cars,
  startSwarm,
  temporaryFolder,
  testTimeout,
  textsOf,
  untilEnded,
  untilStatus,
  wasmJob,
  writeDocuments,
} from '../support/swarm.ts'

/** Told apart from everything else on a disk. */
const words = Array.from({ length: 12 }, (_, n) => `confidential-${n}-${'marker'.repeat(40)}`)

test('documents and their names are ciphertext on every vehicle’s disk', testTimeout, async (t) => {
  const swarm = await startSwarm(t, { vehicles: cars(3) })
  const { submitter } = swarm
  const request = await wasmJob(t, 'no-op', writeDocuments(t, words), { standbys: 1 })
  const { job } = await submitter.node.submit(request)
  const status = await untilEnded(submitter, job)
  assert.deepEqual([status.state, status.shards.verified], ['complete', status.shards.total])
  for (const member of swarm.vehicles()) {
    await member.end('SIGTERM')
    const disk = diskOf(member)
    assert(disk.length > 100_000, 'there is something on the disk')
    assert.equal(disk.includes('marker'), false, `${member.name} has a document in the clear`)
    assert.equal(disk.includes('000.txt'), false, `${member.name} has a name in the clear`)
  }
  await submitter.end('SIGTERM')
  assert.equal(diskOf(submitter).includes('marker'), false, 'not even the submitter’s store has them')
})

test('a peer that no lease names gets none of a job’s blocks', testTimeout, async (t) => {
  const swarm = await startSwarm(t, { vehicles: cars(3), fleet: false })
  const { submitter } = swarm
  const request = await wasmJob(t, 'no-op', writeDocuments(t, words), { standbys: 0 })
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

test(
  'a standby reads the job; whoever has the submitter’s key reads it from anywhere',
  testTimeout,
  async (t) => {
    const swarm = await startSwarm(t, { vehicles: [...cars(3), { name: 'depot', slots: 0 }] })
    const { submitter } = swarm
    const request = await wasmJob(t, 'echo', writeDocuments(t, words), { standbys: 1 })
    const { job } = await submitter.node.submit(request)
    await untilStatus(submitter, job, 'the standby holds it', ({ standbys }) => standbys.holding === 1)
    await untilEnded(submitter, job)
    await submitter.end('SIGKILL')
    const depot = swarm.vehicle('depot')
    await untilEnded(depot, job)
    assert.deepEqual(await textsOf(depot, job), words)
  },
)

/** Everything that is in a node's data directory, as one text; names of files, too. */
function diskOf({ dataDir }: Member): string {
  return readdirSync(dataDir, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => `${entry.name}\n${readFileSync(join(entry.parentPath, entry.name), 'latin1')}`)
    .join('\n')
}

/** What the node, which must not run, has of a job. */
function blocksOf({ dataDir }: Member, job: string): { secret: Cid[]; weights: Cid[] } {
  const store = openStore(dataDir)
  const [inputs, results, weights] = (['input', 'result', 'weights'] as const).map((kind) =>
    store.blocks.blocksOf(job as Cid, kind),
  )
  try {
    return { secret: [...inputs!, ...results!], weights: [...weights!] }
  } finally {
    store.close()
  }
}
