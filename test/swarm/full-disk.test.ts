/** A vehicle whose disk is full, a small one of its own. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { closeSync, mkdirSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { Member } from '../../src/cli/swarm/member.ts'
import { pacedProgram } from '../support/launcher.ts'
import {
  slowTexts,
  testTimeout,
  textsOf,
  until,
  untilEnded,
  untilStatus,
  wasmJob,
  writePacedDocuments,
} from '../support/swarm.ts'

test(
  'a vehicle whose disk is full lives, keeps its word, takes no work, and works again when there is room',
  testTimeout,
  async (t) => {
    const folder = mkdtempSync(join(tmpdir(), 'carpool-test-'))
    const members: Member[] = []
    const small = join(folder, 'car-1')
    mkdirSync(small, { mode: 0o700 })
    const refusal = mountSmall(small)
    // In this order: a folder that is in use is neither unmounted nor removed.
    t.after(async () => {
      await Promise.all(members.map((member) => member.end('SIGTERM')))
      if (refusal === null) assert.equal(spawnSync('umount', ['-l', small]).status, 0)
      rmSync(folder, { recursive: true, force: true })
    })
    if (refusal !== null) return t.skip(`a small disk cannot be mounted here: ${refusal}`)
    const submitter = await start(folder, 'submitter', [])
    members.push(submitter)
    for (const name of ['car-1', 'car-2', 'car-3'])
      members.push(await start(folder, name, submitter.addresses))
    await until('all are known', async () => (await submitter.node.peers()).length === 4)
    const car = members[1]!

    const first = await wasmJob(t, 'slow', writePacedDocuments(t, 24, 9))
    const { job } = await submitter.node.submit(first)
    await untilStatus(submitter, job, 'car-1 has handed in something', ({ vehicles }) =>
      vehicles.some(({ peer, claims }) => peer === car.peer && claims > 0),
    )
    fill(join(small, 'filler'))
    const status = await untilEnded(submitter, job)
    assert.deepEqual([status.state, status.shards.verified, status.contradicted], ['complete', 24, []])
    assert.deepEqual(await textsOf(submitter, job), slowTexts(24, 9))

    // The end of that job made room: what there is, is filled again.
    await until('car-1 says that it takes nothing', async () => {
      fill(join(small, 'more filler'))
      const rows = await submitter.node.peers()
      return rows.some(({ peer, mode }) => peer === car.peer && mode === 'drain')
    })
    const second = await wasmJob(t, 'slow', writePacedDocuments(t, 2, 0), { replicas: 3 })
    const { job: waiting } = await submitter.node.submit(second)
    const others = await untilStatus(
      submitter,
      waiting,
      'the others have done their part',
      ({ executions }) => executions === 4,
    )
    assert.equal(others.state, 'running')
    assert.equal(
      others.vehicles.some(({ peer, claims }) => peer === car.peer && claims > 0),
      false,
    )
    assert.equal((await car.node.info()).vehicle.leases, 0)

    for (const filler of ['filler', 'more filler']) rmSync(join(small, filler))
    const done = await untilEnded(submitter, waiting)
    assert.deepEqual([done.state, done.executions, done.contradicted], ['complete', 6, []])
    assert.equal(car.isRunning, true, 'it lived through all of it')
  },
)

/** 64 MiB. Null, or why not. */
function mountSmall(path: string): string | null {
  const { status, stderr, error } = spawnSync(
    'mount',
    ['-t', 'tmpfs', '-o', 'size=64m,mode=700', 'tmpfs', path],
    {
      encoding: 'utf8',
    },
  )
  return status === 0 ? null : (error?.message ?? stderr.trim())
}

/** Until nothing more fits. */
function fill(path: string): void {
  const file = openSync(path, 'a')
  try {
    for (const bytes of [2 ** 20, 4096]) writeAll(file, Buffer.alloc(bytes, 1))
  } finally {
    closeSync(file)
  }
}

function writeAll(file: number, bytes: Uint8Array): void {
  try {
    for (;;) writeSync(file, bytes)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error
  }
}

async function start(folder: string, name: string, bootstrap: readonly string[]): Promise<Member> {
  const dataDir = join(folder, name)
  mkdirSync(dataDir, { recursive: true, mode: 0o700 })
  const slots = name.startsWith('car') ? '1' : '0'
  const flags = ['--listen', '/ip4/127.0.0.1/tcp/0', '--slots', slots, '--log-level', 'warn']
  for (const address of bootstrap) flags.push('--bootstrap', address)
  return Member.start({ name, dataDir, flags, program: pacedProgram })
}
