/** Networks that come apart while a job runs, or carry words one way only, and come together again. */
import assert from 'node:assert/strict'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { Member } from '../../src/cli/swarm/member.ts'
import { auditFile } from '../../src/host/jobs/audit.ts'
import { dialledBy, freePort, TcpProxy } from '../support/proxy.ts'
import {
  slowTexts,
  temporaryFolder,
  textsOf,
  until,
  untilEnded,
  untilStatus,
  wasmJob,
  writeSlowDocuments,
} from '../support/swarm.ts'

const timeout = 300_000

test('a network that is parted goes on with a job on both sides, and ends it as one', {
  timeout,
}, async (t) => {
  const net = await startNetwork(t, 4)
  const submitter = net.member('submitter')
  const job = await submit(t, net, 60)
  await untilStatus(submitter, job, 'something is verified', ({ shards }) => shards.verified > 0)

  net.part(['submitter', 'car-1', 'car-2'])
  const partedMs = performance.now()
  const first = await actingStandby(net, job)
  t.diagnostic(`takeover ${Math.round(performance.now() - partedMs)} ms after the network was parted`)
  const [here, there] = [await submitter.node.status(job), await first.node.status(job)]
  assert.deepEqual([here.acting, here.state, there.state], [true, 'running', 'running'])
  for (const [member, before] of [
    [submitter, here],
    [first, there],
  ] as const)
    await untilStatus(
      member,
      job,
      `${member.name} goes on by itself`,
      ({ shards }) => shards.verified > before.shards.verified,
    )
  assert.deepEqual(await neighboursOf(net, submitter), ['car-1', 'car-2'])

  net.freezeVehicles()
  assert.equal((await submitter.node.status(job)).state, 'running', 'nothing was left to do together')
  net.heal()
  await until('one of the two stands down', async () => {
    const acting = await Promise.all(net.stewards().map(({ node }) => node.status(job)))
    return acting.filter((status) => status.acting).length === 1
  })
  net.thawVehicles()
  await assertDone(t, net, job, 60)
})

test('a steward that hears and is not heard is replaced, and heard again does no harm', {
  timeout,
}, async (t) => {
  const net = await startNetwork(t, 3)
  const submitter = net.member('submitter')
  const job = await submit(t, net, 40)
  await untilStatus(submitter, job, 'something is verified', ({ shards }) => shards.verified > 0)

  net.silence('submitter')
  const silencedMs = performance.now()
  const first = await actingStandby(net, job)
  t.diagnostic(
    `takeover ${Math.round(performance.now() - silencedMs)} ms after the acting steward's last word`,
  )
  const before = (await first.node.status(job)).shards.verified
  await untilStatus(first, job, 'the job goes on', ({ shards }) => shards.verified > before)

  net.freezeVehicles()
  assert.equal((await first.node.status(job)).state, 'running', 'nothing was left to do together')
  net.heal()
  await until('the submitter is heard', async () => {
    const heard = await neighboursOf(net, submitter)
    return ['steward-1', 'steward-2'].every((name) => heard.includes(name))
  })
  net.thawVehicles()
  await until('the submitter is in touch', async () => (await neighboursOf(net, submitter)).length === 5)
  await assertDone(t, net, job, 40)
})

/** Members that reach each other through proxies only, and know each other. */
async function startNetwork(t: TestContext, carCount: number): Promise<Net> {
  const net = new Net(temporaryFolder(t))
  t.after(async () => {
    if (!(t as TestContext & { readonly passed: boolean }).passed)
      for (const member of net.members()) t.diagnostic(`${member.name}: ${member.log().slice(-2000)}`)
    await net.stop()
  })
  const { announced } = await net.join('submitter', 0, [])
  const bootstrap = [`${announced}/p2p/${net.member('submitter').peer}`]
  const names = [...Array.from({ length: carCount }, (_, i) => `car-${i + 1}`), 'steward-1', 'steward-2']
  await Promise.all(names.map((name) => net.join(name, name.startsWith('car') ? 1 : 0, bootstrap)))
  for (const member of net.members())
    await until(`${member.name} is connected to everybody`, async () => {
      return (await neighboursOf(net, member)).length === names.length
    })
  return net
}

class Net {
  readonly #folder: string
  readonly #members = new Map<string, Member>()
  readonly #proxies = new Map<string, TcpProxy>()

  constructor(folder: string) {
    this.#folder = folder
  }

  async join(name: string, slots: number, bootstrap: readonly string[]): Promise<{ announced: string }> {
    const dataDir = join(this.#folder, name)
    mkdirSync(dataDir, { mode: 0o700 })
    const port = await freePort()
    const proxy = await TcpProxy.start(port)
    this.#proxies.set(name, proxy)
    const announced = `/ip4/127.0.0.1/tcp/${proxy.port}`
    const flags = [
      '--listen',
      `/ip4/127.0.0.1/tcp/${port}`,
      '--announce',
      announced,
      '--slots',
      String(slots),
    ]
    for (const address of bootstrap) flags.push('--bootstrap', address)
    this.#members.set(name, await Member.start({ name, dataDir, flags: [...flags, '--log-level', 'warn'] }))
    return { announced }
  }

  member(name: string): Member {
    return this.#members.get(name)!
  }

  members(): Member[] {
    return [...this.#members.values()]
  }

  /** Nothing gets from these to the others any more, nor back. */
  part(names: readonly string[]): void {
    const others = [...this.#members.keys()].filter((name) => !names.includes(name))
    for (const [here, there] of [
      [names, others],
      [others, names],
    ] as const)
      for (const name of here) this.#proxies.get(name)!.cut(this.#dialledBy(there))
  }

  /** It hears everybody, and nobody hears it. */
  silence(name: string): void {
    for (const [owner, proxy] of this.#proxies)
      if (owner === name) proxy.stall('down')
      else proxy.stall('up', this.#dialledBy([name]))
  }

  heal(): void {
    for (const proxy of this.#proxies.values()) proxy.heal()
  }

  stewards(): Member[] {
    return this.members().filter(({ name }) => !name.startsWith('car'))
  }

  /** Vehicles that do nothing, so that the job cannot end before the stewards have met again. */
  freezeVehicles(): void {
    for (const { pid } of this.#vehicles()) process.kill(pid, 'SIGSTOP')
  }

  thawVehicles(): void {
    for (const { pid } of this.#vehicles()) process.kill(pid, 'SIGCONT')
  }

  async stop(): Promise<void> {
    this.thawVehicles()
    await Promise.all(this.members().map((member) => member.end('SIGTERM')))
    for (const proxy of this.#proxies.values()) proxy.close()
  }

  #vehicles(): Member[] {
    return this.members().filter(({ name, isRunning }) => name.startsWith('car') && isRunning)
  }

  #dialledBy(names: readonly string[]) {
    return dialledBy(() => names.map((name) => this.member(name).pid))
  }
}

/** A job that takes its vehicles a while, on stewards that all hold its inputs. */
async function submit(t: TestContext, net: Net, documents: number): Promise<string> {
  const submitter = net.member('submitter')
  const request = await wasmJob(t, 'slow', writeSlowDocuments(t, documents, 9), { standbys: 2 })
  const { job, standbys } = await submitter.node.submit(request)
  assert.equal(standbys, 2)
  await untilStatus(submitter, job, 'both standbys hold the inputs', ({ standbys }) => standbys.holding === 2)
  return job
}

async function actingStandby(net: Net, job: string): Promise<Member> {
  const standbys = [net.member('steward-1'), net.member('steward-2')]
  let acting: Member | undefined
  await until('a standby acts', async () => {
    for (const member of standbys) if ((await member.node.status(job)).acting) acting = member
    return acting !== undefined
  })
  return acting!
}

async function assertDone(t: TestContext, net: Net, job: string, documents: number): Promise<void> {
  const report = join(temporaryFolder(t), 'report.car')
  for (const name of ['submitter', 'steward-1']) {
    const member = net.member(name)
    const status = await untilEnded(member, job)
    assert.deepEqual([status.state, status.shards.verified, status.contradicted], ['complete', documents, []])
    assert.deepEqual(await textsOf(member, job), slowTexts(documents, 9))
    // What was signed on the other side last is still on its way when the job has ended here.
    let lacking: readonly string[] = []
    await until(`${name} has all records of both sides`, async () => {
      await member.node.report(job, report)
      const { problems, unrevealed } = await auditFile(report)
      lacking = [...problems, ...unrevealed]
      return lacking.length === 0
    }).catch((error) => {
      throw new Error(`${error.message}; it lacks: ${lacking.join('; ')}`, { cause: error })
    })
  }
  const { executions } = await net.member('submitter').node.status(job)
  t.diagnostic(`${executions} executions of ${documents} shards`)
}

/** The names of those that a member is connected to. */
async function neighboursOf(net: Net, { node }: Member): Promise<string[]> {
  const connected = (await node.peers()).filter(({ connected, self }) => connected && !self)
  return net
    .members()
    .filter(({ peer }) => connected.some((row) => row.peer === peer))
    .map(({ name }) => name)
    .sort()
}
