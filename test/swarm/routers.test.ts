/**
 * Jobs between computers behind different routers, with hubs that everybody can dial: nothing is set up but --bootstrap.
 *
 * A hub is a node without slots at a public address. There are two meshes, each with a submitter at one home and vehicles at two.
 */
import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test as declare, suite, type TestContext } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { Member } from '../../src/cli/swarm/member.ts'
import { pacedProgram } from '../support/launcher.ts'
import { Internet, noRouters, type Within } from '../support/routers.ts'
import {
  slowTexts,
  temporaryFolder,
  testTimeout,
  textsOf,
  until,
  untilAtWork,
  untilEnded,
  writeModule,
  writePacedDocuments,
} from '../support/swarm.ts'

const whyNot = noRouters()
const test = (name: string, run: (t: TestContext) => Promise<void>) =>
  declare(name, { ...testTimeout, skip: whyNot ?? false }, run)

/** As long as a tunnel, and as what makes a steward lost. */
const silenceMs = 60_000

let jobs = 0
let internet: Internet
const members: Member[] = []
const folder = temporaryFolder({ after } as unknown as TestContext)

before(async () => {
  if (whyNot === undefined) internet = await Internet.start(6, 2)
})

after(async () => {
  await Promise.all(members.map((member) => member.end('SIGKILL')))
  await internet?.stop()
})

async function start(name: string, within: Within, flags: readonly string[]): Promise<Member> {
  const dataDir = join(folder, name)
  mkdirSync(dataDir, { recursive: true, mode: 0o700 })
  const member = await Member.start({ name, dataDir, within, flags, program: pacedProgram })
  members.push(member)
  return member
}

function startHub(host: number, flags: readonly string[] = []): Promise<Member> {
  const listen = hubAddresses(host).flatMap((address) => ['--listen', address])
  return start(`hub-${host}`, internet.outside, ['--slots', '0', ...listen, ...flags])
}

function hubAddresses(host: number): string[] {
  return [`/ip4/45.83.0.${host}/tcp/4001`, `/ip6/2a0e:83::${host}/tcp/4001`]
}

/** One hub and a vehicle at each of these homes. */
async function startMesh(host: number, homes: readonly number[]): Promise<{ hub: Member; cars: Member[] }> {
  const hub = await startHub(host)
  assert.deepEqual(
    hub.addresses,
    hubAddresses(host).map((address) => `${address}/p2p/${hub.peer}`),
  )
  const flags = ['--slots', '1', ...hub.addresses.flatMap((address) => ['--bootstrap', address])]
  const starting = homes.map((home) => start(`car-${home}`, internet.home(home).within, flags))
  return { hub, cars: await Promise.all(starting) }
}

/** Four documents that take no time. */
function quickJob(t: TestContext, hub: Member, address = hub.addresses[0]!): Promise<Submission> {
  return jobOf(t, address, 4, 0)
}

/** Eight documents that keep a vehicle busy for a second each. */
function slowJob(t: TestContext, hub: Member): Promise<Submission> {
  return jobOf(t, hub.addresses[0]!, 8, 10)
}

/** No two jobs share a document. */
function jobOf(t: TestContext, address: string, count: number, tenths: number): Promise<Submission> {
  jobs += 1
  const first = 100 * jobs
  return submission(t, address, writePacedDocuments(t, count, tenths, first), slowTexts(count, tenths, first))
}

interface Submission {
  readonly texts: readonly string[]
  readonly args: readonly string[]
}

async function submission(
  t: TestContext,
  address: string,
  documents: string,
  texts: readonly string[],
): Promise<Submission> {
  const flags = ['--runtime', 'wasm', '--module', await writeModule(t, 'echo')]
  return { texts, args: ['submit', documents, ...flags, '--bootstrap', address] }
}

interface Command {
  readonly child: ChildProcess
  said(): string
  /** Resolves with its exit code. */
  readonly ended: Promise<number | null>
}

/** A command at a home; it is ended with the test. */
function carpool(t: TestContext, home: number, dataDir: string, args: readonly string[]): Command {
  const [command, ...more] = [...internet.home(home).within, process.execPath, pacedProgram]
  const child = spawn(command!, [...more, ...args, '--data-dir', dataDir], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let said = ''
  child.stdout.on('data', (bytes) => (said += bytes))
  child.stderr.on('data', (bytes) => (said += bytes))
  t.after(() => child.kill('SIGKILL'))
  return { child, said: () => said, ended: once(child, 'exit').then(([code]) => code as number | null) }
}

/** Leaves a job to the hub, from a laptop. */
async function handOver(
  t: TestContext,
  args: readonly string[],
): Promise<{ readonly dataDir: string; readonly job: string }> {
  const dataDir = join(temporaryFolder(t), 'laptop')
  const submitting = carpool(t, 1, dataDir, [...args, '--detach', '--json'])
  assert.equal(await submitting.ended, 0, submitting.said())
  return { dataDir, job: eventsOf(submitting).find(({ event }) => event === 'submitted')!.job }
}

function eventsOf({ said }: Command): { readonly event: string; readonly job: string }[] {
  return said()
    .split('\n')
    .flatMap((line) => (line.startsWith('{"event"') && line.endsWith('}') ? [JSON.parse(line)] : []))
}

/** The pages that are verified by the last status that it said. */
function verified(command: Command): number {
  const last = eventsOf(command).findLast(({ event }) => event === 'status')
  return (last as unknown as { pages: { verified: number } } | undefined)?.pages.verified ?? 0
}

/** The only standby says that it has all that the job needs. */
function isHeld(submitting: Command): boolean {
  const holding = ({ standbys }: { readonly standbys?: { readonly holding: number } }) =>
    standbys?.holding === 1
  return eventsOf(submitting).some((said) => holding(said as object))
}

/** Some of it is verified, and some is not. */
async function untilInTheMiddle(submitting: Command): Promise<void> {
  await until('some of it is verified', () => verified(submitting) > 0)
  assert.equal(submitting.child.exitCode, null, submitting.said())
}

function resultsIn(path: string): unknown[] {
  const lines = readFileSync(path, 'utf8').trim().split('\n')
  return lines.map((line) => JSON.parse(line).result?.text)
}

/** At home 1 somebody submits, and the vehicles are at homes 2 and 3; homes 7 and 8 have IPv6 alone. */
function hubsThatComeAndGo(): void {
  let hub: Member
  let cars: Member[]

  before(async () => {
    if (whyNot === undefined) ({ hub, cars } = await startMesh(1, [2, 3]))
  })

  suite('while nothing goes wrong', { concurrency: true }, () => {
    test('a hub says that it can be dialled, and computers behind routers that it relays to them', async () => {
      await until('all have learned it', async () => {
        const rows = await hub.node.peers()
        const reach = Object.fromEntries(rows.map((row) => [row.name, row.reach]))
        return reach['hub-1'] === 'direct' && reach['car-2'] === 'relayed' && reach['car-3'] === 'relayed'
      })
      const info = await cars[0]!.node.info()
      assert.equal(info.routerAddress, '45.83.2.1')
    })

    test('an attached job completes with no flag but --bootstrap', async (t) => {
      const { texts, args } = await quickJob(t, hub)
      const output = join(temporaryFolder(t), 'out.jsonl')
      const submitting = carpool(t, 1, temporaryFolder(t), [...args, '-o', output])
      assert.equal(await submitting.ended, 0, submitting.said())
      assert.deepEqual(resultsIn(output), texts)
    })

    test('a small job for which no hub may act goes over the relay of one', async (t) => {
      const { texts, args } = await quickJob(t, hub)
      const output = join(temporaryFolder(t), 'out.jsonl')
      const submitting = carpool(t, 1, temporaryFolder(t), [...args, '--standbys', '0', '-o', output])
      assert.equal(await submitting.ended, 0, submitting.said())
      assert.deepEqual(resultsIn(output), texts)
    })

    test('a detached job completes while its laptop is closed, which gets the results when it is opened', async (t) => {
      const { texts, args } = await quickJob(t, hub)
      const { dataDir, job } = await handOver(t, args)
      assert.equal((await untilEnded(hub, job)).state, 'complete')
      const laptop = await Member.start({
        ...{ name: 'laptop', dataDir, within: internet.home(1).within, program: pacedProgram },
        flags: ['--slots', '0', '--bootstrap', hub.addresses[0]!],
      })
      t.after(() => laptop.end('SIGKILL'))
      await untilEnded(laptop, job)
      assert.deepEqual(await textsOf(laptop, job), texts)
    })
  })

  test('a laptop and a vehicle that have IPv6 alone work with vehicles that have IPv4 alone, over a hub with both', async (t) => {
    const address = hub.addresses[1]!
    const car = await start('car-7', internet.home(7).within, ['--slots', '1', '--bootstrap', address])
    await until('it is reached through the hub', async () => (await car.node.info()).reach === 'relayed')
    const { texts, args } = await quickJob(t, hub, address)
    const output = join(temporaryFolder(t), 'out.jsonl')
    const byAll = ['--standbys', '0', '--replicas', '3', '-o', output]
    const submitting = carpool(t, 8, temporaryFolder(t), [...args, ...byAll])
    assert.equal(await submitting.ended, 0, submitting.said())
    assert.deepEqual(resultsIn(output), texts)
    await car.end('SIGTERM')
  })

  test('a job outlives its only hub, which is killed in the middle and started again', async (t) => {
    const { texts, args } = await slowJob(t, hub)
    const output = join(temporaryFolder(t), 'out.jsonl')
    const submitting = carpool(t, 1, temporaryFolder(t), [...args, '-o', output, '--json'])
    await untilInTheMiddle(submitting)
    await hub.end('SIGKILL')
    hub = await startHub(1)
    assert.equal(await submitting.ended, 0, submitting.said())
    assert.deepEqual(resultsIn(output), texts)
  })

  test('where there are two hubs, a job outlives the one that acts for it', async (t) => {
    const second = await startHub(2, ['--bootstrap', hub.addresses[0]!])
    for (const { node } of cars)
      await until('all vehicles know the second hub', async () =>
        (await node.peers()).some(({ peer, connected }) => peer === second.peer && connected),
      )
    const { texts, args } = await slowJob(t, hub)
    const output = join(temporaryFolder(t), 'out.jsonl')
    const both = [...args, '--bootstrap', second.addresses[0]!, '-o', output, '--json']
    const submitting = carpool(t, 1, temporaryFolder(t), both)
    await untilInTheMiddle(submitting)
    await hub.end('SIGKILL')
    assert.equal(await submitting.ended, 0, submitting.said())
    assert.deepEqual(resultsIn(output), texts)
  })
}

/** The minute of silence has a mesh of its own, so that the other tests can pass meanwhile. */
suite('jobs between homes', { concurrency: true }, () => {
  suite('hubs that come and go', { concurrency: 1 }, hubsThatComeAndGo)

  test('routers that change their address, a minute of silence, and a laptop that sleeps for it, end no job', async (t) => {
    const [home, ...others] = [4, 5, 6].map((number) => internet.home(number))
    const { hub, cars } = await startMesh(3, [5, 6])
    const asleep = await fallAsleep(t, hub)
    const { texts, args } = await slowJob(t, hub)
    const output = join(temporaryFolder(t), 'out.jsonl')
    const submitting = carpool(t, 4, temporaryFolder(t), [...args, '-o', output, '--json'])
    // Its first lease is several documents, of which nobody has heard yet.
    await untilAtWork(cars[1]!)
    await others[1]!.silence()
    await home!.changeAddress()
    await others[0]!.changeAddress()
    await delay(silenceMs)
    assert.equal(submitting.child.exitCode, null, 'it needs the vehicle that is silent')
    await others[1]!.pass()
    assert.equal(await submitting.ended, 0, submitting.said())
    assert.deepEqual(resultsIn(output), texts)
    await asleep.wakeUp()
  })
})

/** A laptop at home 4 submits a job, and is suspended once the hub could finish it. */
async function fallAsleep(t: TestContext, hub: Member): Promise<{ wakeUp(): Promise<void> }> {
  // Longer than the others: the hub has to hold its inputs before it is over.
  const { texts, args } = await jobOf(t, hub.addresses[0]!, 16, 10)
  const output = join(temporaryFolder(t), 'out.jsonl')
  const submitting = carpool(t, 4, temporaryFolder(t), [...args, '-o', output, '--json'])
  await until('the hub can finish the job', () => {
    assert.equal(submitting.child.exitCode, null, submitting.said())
    return isHeld(submitting)
  })
  submitting.child.kill('SIGSTOP')
  const { job } = eventsOf(submitting).find(({ event }) => event === 'submitted')!
  return {
    wakeUp: async () => {
      assert.equal((await untilEnded(hub, job)).state, 'complete')
      assert.equal(submitting.child.exitCode, null, submitting.said())
      submitting.child.kill('SIGCONT')
      assert.equal(await submitting.ended, 0, submitting.said())
      assert.deepEqual(resultsIn(output), texts)
    },
  }
}
