/**
 * Jobs between computers behind different routers, with hubs that everybody can dial: nothing is set up but --bootstrap.
 *
 * The submitter is at home 1, and the vehicles at homes 2 and 3. A hub is a node without slots at a public address.
 */
import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test as declare, type TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'
import { Member } from '../../src/cli/swarm/member.ts'
import { Internet, noRouters, type Within } from '../support/routers.ts'
import { temporaryFolder, testTimeout, until, writeDocuments, writeModule } from '../support/swarm.ts'

const launcher = fileURLToPath(new URL('../../bin/carpool.js', import.meta.url))
const whyNot = noRouters()
const test = (name: string, run: (t: TestContext) => Promise<void>) =>
  declare(name, { ...testTimeout, skip: whyNot ?? false }, run)

let internet: Internet
let hub: Member
const vehicles: Member[] = []
const folder = temporaryFolder({ after } as unknown as TestContext)

before(async () => {
  if (whyNot !== undefined) return
  internet = await Internet.start(3)
  hub = await startHub('hub', 1)
  for (const home of [2, 3])
    vehicles.push(
      await start(`car-${home}`, internet.home(home).within, ['--slots', '1', '--bootstrap', hubAddress()]),
    )
})

after(async () => {
  await Promise.all([...vehicles, hub].map((member) => member?.end('SIGKILL')))
  await internet?.stop()
})

function start(name: string, within: Within, flags: readonly string[]): Promise<Member> {
  const dataDir = join(folder, name)
  mkdirSync(dataDir, { recursive: true, mode: 0o700 })
  return Member.start({ name, dataDir, within, flags })
}

function startHub(name: string, host: number): Promise<Member> {
  return start(name, internet.outside, ['--slots', '0', '--listen', `/ip4/45.83.0.${host}/tcp/4001`])
}

function hubAddress(): string {
  assert.deepEqual(hub.addresses, [`/ip4/45.83.0.1/tcp/4001/p2p/${hub.peer}`])
  return hub.addresses[0]!
}

/** Documents of texts of their own, and the request for them. */
async function documents(t: TestContext, count: number, module = 'echo') {
  const texts = Array.from({ length: count }, (_, i) => `0 ${t.name} ${i}`)
  const flags = ['--runtime', 'wasm', '--module', await writeModule(t, module), '--bootstrap', hubAddress()]
  return { texts, args: ['submit', writeDocuments(t, texts), ...flags] }
}

interface Command {
  readonly child: ChildProcess
  said(): string
  /** Resolves with its exit code. */
  readonly ended: Promise<number | null>
}

/** A command at a home; it is ended with the test. */
function carpool(t: TestContext, home: number, dataDir: string, args: readonly string[]): Command {
  const [command, ...more] = [...internet.home(home).within, process.execPath, launcher]
  const child = spawn(command!, [...more, ...args, '--data-dir', dataDir], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let said = ''
  child.stdout.on('data', (bytes) => (said += bytes))
  child.stderr.on('data', (bytes) => (said += bytes))
  t.after(() => child.kill('SIGKILL'))
  return { child, said: () => said, ended: once(child, 'exit').then(([code]) => code as number | null) }
}

function resultsIn(path: string): unknown[] {
  const lines = readFileSync(path, 'utf8').trim().split('\n')
  return lines.map((line) => JSON.parse(line).result?.text)
}

test('a hub says that it can be dialled, and computers behind routers that they cannot', async () => {
  await until('all have learned it', async () => {
    const rows = await hub.node.peers()
    const reach = Object.fromEntries(rows.map((row) => [row.name, row.reach]))
    return reach.hub === 'direct' && reach['car-2'] === 'outbound' && reach['car-3'] === 'outbound'
  })
  const info = await vehicles[0]!.node.info()
  assert.equal(info.routerAddress, '45.83.2.1')
})

test('an attached job completes with no flag but --bootstrap', async (t) => {
  const { texts, args } = await documents(t, 6)
  const output = join(temporaryFolder(t), 'out.jsonl')
  const submitting = carpool(t, 1, temporaryFolder(t), [...args, '-o', output])
  assert.equal(await submitting.ended, 0, submitting.said())
  assert.deepEqual(resultsIn(output), texts)
})
