/** Disks that forget: a damaged block is noticed, and fetched or stored again where anybody still has it. */
import assert from 'node:assert/strict'
import { chmodSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { pacedProgram } from '../support/launcher.ts'
import {
  resultsOf,
  sharedSwarm,
  temporaryFolder,
  testTimeout,
  textsOf,
  until,
  untilEnded,
  untilStatus,
  wasmJob,
  writeDocuments,
  writeModule,
} from '../support/swarm.ts'

/** A submitter by itself at first, and two vehicles since then. Nothing is computed: a text beginning with 0 is its own result. */
const swarmOf = sharedSwarm({
  vehicles: [],
  laterOwners: ['car-1', 'car-2', 'keeper'],
  program: pacedProgram,
})

/** A document whose block is a file of its own, and so its result's. */
function large(name: string): string {
  return `0 ${name} ${'vast '.repeat(60_000)}`
}

test(
  'a submitter whose copy of a document is damaged stores it again when asked again',
  testTimeout,
  async (t) => {
    const swarm = await swarmOf(t)
    const texts = [large('one'), large('two')]
    const request = await wasmJob(t, 'echo', writeDocuments(t, texts))
    const { job } = await swarm.submitter.node.submit(request)
    await swarm.submitter.end('SIGTERM')
    assert.ok(damage(swarm.submitter.dataDir) > 0)
    const submitter = await swarm.restartSubmitter()
    await swarm.join({ name: 'car-1' })
    await swarm.join({ name: 'car-2' })

    await untilStatus(submitter, job, 'the damage is named', ({ reason }) =>
      reason.includes('submit the same job again'),
    )
    assert.equal((await submitter.node.status(job)).state, 'running')
    const again = await submitter.node.submit(request)
    assert.deepEqual([again.job, again.known], [job, true])
    const status = await untilEnded(submitter, job)
    assert.deepEqual([status.state, status.contradicted], ['complete', []])
    assert.deepEqual(await textsOf(submitter, job), texts)
  },
)

test('a vehicle whose copy of the weights is damaged fetches them again', testTimeout, async (t) => {
  const swarm = await swarmOf(t)
  const { submitter } = swarm
  const module = await writeLargeModule(t)
  const first = { ...(await wasmJob(t, 'echo', writeDocuments(t, ['0 three']))), module }
  await untilEnded(submitter, (await submitter.node.submit(first)).job)
  const { dataDir } = swarm.vehicle('car-1')
  await swarm.vehicle('car-1').end('SIGTERM')
  assert.ok(damage(dataDir) > 0)
  const car = await swarm.join({ name: 'car-1' })

  const second = { ...(await wasmJob(t, 'echo', writeDocuments(t, ['0 four']))), module }
  const { job } = await submitter.node.submit(second)
  const status = await untilEnded(submitter, job)
  assert.deepEqual([status.state, status.contradicted], ['complete', []])
  assert.deepEqual(await textsOf(submitter, job), ['0 four'])
  assert.match(car.log(), /put a damaged block aside/)
})

test(
  'a result that is damaged on the disk is named as missing, and the others are there',
  testTimeout,
  async (t) => {
    const swarm = await swarmOf(t)
    const folder = writeDocuments(t, ['0 small', large('five')])
    const { job } = await swarm.submitter.node.submit(await wasmJob(t, 'echo', folder, { engine: 'exact' }))
    await untilEnded(swarm.submitter, job)
    assert.equal((await textsOf(swarm.submitter, job)).length, 2)
    await swarm.submitter.end('SIGTERM')
    assert.ok(damage(swarm.submitter.dataDir) > 0)
    const submitter = await swarm.restartSubmitter()
    const { lines, end } = await resultsOf(submitter, job)
    assert.equal(lines.length + end.missing.length, 2)
    for (const { document, why } of end.missing) {
      assert.match(document, /^00[01]\.txt$/)
      assert.match(why, /damaged or gone/)
    }
    assert.ok(end.missing.length > 0)
  },
)

test(
  'a result that is damaged on the submitter is read from a standby, and is whole again here',
  testTimeout,
  async (t) => {
    const swarm = await swarmOf(t)
    const keeper = await swarm.join({ name: 'keeper', slots: 0 })
    await until('the submitter knows the keeper', async () =>
      (await swarm.submitter.node.peers()).some(({ peer }) => peer === keeper.peer),
    )
    const folder = writeDocuments(t, [large('six')])
    const request = await wasmJob(t, 'echo', folder, { engine: 'exact', standbys: 1 })
    const { job } = await swarm.submitter.node.submit(request)
    await untilEnded(swarm.submitter, job)
    await swarm.submitter.end('SIGTERM')
    assert.ok(damage(swarm.submitter.dataDir) > 0)
    const submitter = await swarm.restartSubmitter()
    await until(
      'the standby is asked',
      async () => (await resultsOf(submitter, job)).end.missing.length === 0,
    )
    await keeper.end('SIGKILL')
    assert.deepEqual(await textsOf(submitter, job), [large('six')])
  },
)

/** Flips a bit of every block that is a file of its own. Answers how many those are. */
function damage(dataDir: string): number {
  const files = ['blocks', 'weights'].flatMap((folder) =>
    readdirSync(join(dataDir, folder), { withFileTypes: true }).filter((entry) => entry.isFile()),
  )
  for (const { parentPath, name } of files) {
    const path = join(parentPath, name)
    const bytes = readFileSync(path)
    bytes[bytes.byteLength >> 1]! ^= 1
    chmodSync(path, 0o600)
    writeFileSync(path, bytes)
  }
  return files.length
}

/** `echo` with a custom section that makes it too large for one block. */
async function writeLargeModule(t: Parameters<typeof temporaryFolder>[0]): Promise<string> {
  const content = Buffer.concat([Buffer.from([4]), Buffer.from('room'), Buffer.alloc(1_500_000, 7)])
  const path = join(temporaryFolder(t), 'large.wasm')
  writeFileSync(
    path,
    Buffer.concat([
      readFileSync(await writeModule(t, 'echo')),
      Buffer.from([0]),
      leb128(content.byteLength),
      content,
    ]),
  )
  return path
}

function leb128(value: number): Uint8Array {
  const bytes: number[] = []
  for (let rest = value; ; rest >>>= 7) {
    if (rest < 128) return Buffer.from([...bytes, rest])
    bytes.push((rest & 127) | 128)
  }
}
