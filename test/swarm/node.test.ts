/** One node, its key and its way into the mesh. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { type TestContext, test } from 'node:test'
import { Member } from '../../src/cli/swarm/member.ts'
import { loadOrCreateKey } from '../../src/host/store/keys.ts'
import { launcher } from '../support/launcher.ts'
import { freePort } from '../support/ports.ts'
import { temporaryFolder, testTimeout, until } from '../support/swarm.ts'

test(
  'a node whose bootstrap peer is away is ready, says so, and joins when that one comes',
  testTimeout,
  async (t) => {
    const folder = temporaryFolder(t)
    const [port, late] = [await freePort(), join(folder, 'late')]
    mkdirSync(late, { mode: 0o700 })
    const { peerId } = loadOrCreateKey(join(late, 'node.key'), 'node')
    const address = `/ip4/127.0.0.1/tcp/${port}/p2p/${peerId}`
    const early = await start(t, join(folder, 'early'), [
      '--listen',
      '/ip4/127.0.0.1/tcp/0',
      '--bootstrap',
      address,
    ])
    await until('the node says that it keeps trying', () => /unreachable, will keep trying/.test(early.log()))
    assert.equal((await early.node.info()).connections, 0)

    const bootstrap = await start(t, late, ['--listen', `/ip4/127.0.0.1/tcp/${port}`])
    assert.equal(bootstrap.peer, peerId)
    await until('the two are connected', async () => (await early.node.info()).connections > 0)
  },
)

test('nobody but its owner may read a node’s keys', testTimeout, async (t) => {
  const folder = join(temporaryFolder(t), 'node')
  const member = await start(t, folder, ['--listen', '/ip4/127.0.0.1/tcp/0'])
  assert.equal(statSync(join(folder, 'node.key')).mode & 0o777, 0o600)
  assert.equal(await member.end('SIGTERM'), 0)
  const again = await start(t, folder, ['--listen', '/ip4/127.0.0.1/tcp/0'])
  assert.equal(again.peer, member.peer)
})

test(
  'a second node on a data directory ends with one sentence, and the first goes on',
  testTimeout,
  async (t) => {
    const folder = join(temporaryFolder(t), 'node')
    const first = await start(t, folder, ['--listen', '/ip4/127.0.0.1/tcp/0'])
    const args = [launcher, 'node', '--data-dir', folder, '--listen', '/ip4/127.0.0.1/tcp/0', '--slots', '0']
    const second = spawn(process.execPath, args, { stdio: ['ignore', 'ignore', 'pipe'] })
    t.after(() => second.kill('SIGKILL'))
    const [said, [code]] = await Promise.all([text(second.stderr), once(second, 'exit')])
    assert.equal(code, 1)
    assert.equal(said, `carpool: data directory ${folder} is in use by another node (pid ${first.pid})\n`)

    assert.equal((await first.node.info()).peer, first.peer)
    const neighbour = await start(t, `${folder}-2`, [
      '--listen',
      '/ip4/127.0.0.1/tcp/0',
      '--bootstrap',
      first.addresses[0]!,
    ])
    await until('the first still takes peers', async () => (await first.node.info()).connections > 0)
    assert.equal(await neighbour.end('SIGTERM'), 0)
    assert.equal(await first.end('SIGTERM'), 0)
  },
)

async function start(t: TestContext, dataDir: string, flags: readonly string[]): Promise<Member> {
  mkdirSync(dataDir, { recursive: true, mode: 0o700 })
  const member = await Member.start({
    name: 'node',
    dataDir,
    program: launcher,
    flags: ['--slots', '0', ...flags],
  })
  t.after(() => member.end('SIGTERM'))
  return member
}
