/**
 * How long a job is without a steward: while a node starts again with a long journal, and until a standby takes over.
 *
 * The journal is filled by the protocol's own steward, with real keys and signatures, so that it holds what a job of
 * 5,000 shards leaves behind: 10,000 receipts with their leases, draws and verdicts. The clock runs from the start of
 * the process, compiled as it is installed, until it tells the job's status; beside it, a node with an empty journal.
 *
 * A takeover is timed from the acting steward's kill -9 until another says that it acts, in a swarm of real processes
 * with three stewards, and three vehicles at work.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import type { Member } from '../src/cli/swarm/member.ts'
import { Swarm } from '../src/cli/swarm/swarm.ts'
import { noOpModule, wasmModule } from '../test/support/wasm/modules.ts'
import { type BenchOptions, type Figure, median } from './figure.ts'
import { fillJournal } from './full-journal.ts'
import { install } from './installed.ts'
import { submitJob } from './job.ts'

const shards = 5_000
const replicas = 2
/** Three vehicles are not done with them before the last takeover: 400 were too few. */
const takeoverShards = 1_500
const pollMs = 20

export async function recovery(options: BenchOptions): Promise<Figure[]> {
  return [await restarts(options), ...(await takeovers(options))]
}

async function restarts({ quick, note }: BenchOptions): Promise<Figure> {
  const folder = mkdtempSync(join(tmpdir(), 'carpool-bench-'))
  const swarm = await Swarm.start({ vehicles: [], laterOwners: ['full', 'empty'] })
  const installed = install()
  const member = (name: string) => swarm.join({ name, slots: 0, program: installed.carpool })
  try {
    const module = join(folder, 'no-op.wasm')
    writeFileSync(module, await noOpModule())
    const documents = join(folder, 'documents')
    mkdirSync(documents)
    for (let i = 0; i < shards; i += 1) writeFileSync(join(documents, `${i}.txt`), `document ${i}`)
    const submitter = await member('full')
    const request = { runtime: 'wasm', module, replicas, paths: [documents], shardSize: 1 }
    const job = await submitJob(submitter.node, request)
    const { dataDir } = submitter
    await submitter.end('SIGTERM')
    await (await member('empty')).end('SIGTERM')
    const { receipts, records } = await fillJournal(dataDir, job)
    note(`${receipts} receipts among ${records} records`)

    const full: number[] = []
    const empty: number[] = []
    for (let round = 0; round < (quick ? 1 : 5); round += 1) {
      empty.push(
        await secondsUntil(
          () => member('empty'),
          ({ node }) => node.jobs(),
        ),
      )
      full.push(
        await secondsUntil(
          () => member('full'),
          async ({ node }) => {
            const { executions } = await node.status(job)
            if (executions < receipts) throw new Error(`${executions} of ${receipts} receipts came back`)
          },
        ),
      )
      note(`round ${round + 1}: ${full.at(-1)!.toFixed(2)} s, empty ${empty.at(-1)!.toFixed(2)} s`)
      for (const name of ['full', 'empty']) await swarm.vehicle(name).end('SIGTERM')
    }
    return {
      name: `restart to ready with ${receipts} receipts`,
      unit: 's',
      ours: median(full),
      baseline: median(empty),
      of: 'an empty journal',
      goal: { value: 'ours', most: 2 },
    }
  } finally {
    await swarm.stop()
    installed.remove()
    rmSync(folder, { recursive: true, force: true })
  }
}

async function secondsUntil(
  start: () => Promise<Member>,
  ask: (member: Member) => Promise<unknown>,
): Promise<number> {
  const startedMs = performance.now()
  await ask(await start())
  return (performance.now() - startedMs) / 1000
}

async function takeovers({ quick, note }: BenchOptions): Promise<Figure[]> {
  const folder = mkdtempSync(join(tmpdir(), 'carpool-bench-'))
  const swarm = await Swarm.start({
    vehicles: [
      ...['car-1', 'car-2', 'car-3'].map((name) => ({ name })),
      ...['steward-1', 'steward-2'].map((name) => ({ name, slots: 0 })),
    ],
  })
  try {
    const module = join(folder, 'slow.wasm')
    writeFileSync(module, await wasmModule('slow'))
    const documents = join(folder, 'documents')
    mkdirSync(documents)
    for (let i = 0; i < takeoverShards; i += 1) writeFileSync(join(documents, `${i}.txt`), `9 document ${i}.`)
    const job = await submitJob(swarm.submitter.node, {
      runtime: 'wasm',
      module,
      replicas,
      paths: [documents],
      shardSize: 1,
      standbys: 2,
      blind: false,
      category: 'documents',
      payment: null,
    })
    for await (const { standbys } of swarm.submitter.node.watch(job, new AbortController().signal))
      if (standbys.holding === 2) break

    const seconds: number[] = []
    for (let round = 0; round < (quick ? 4 : 25); round += 1) {
      const acting = await untilOneActs(stewardsOf(swarm), job)
      const { name } = acting
      await acting.end('SIGKILL')
      const startedMs = performance.now()
      await untilOneActs(
        stewardsOf(swarm).filter((member) => member !== acting),
        job,
      )
      seconds.push((performance.now() - startedMs) / 1000)
      note(`takeover ${round + 1}: ${seconds.at(-1)!.toFixed(2)} s after the end of ${name}`)
      if (name === 'submitter') await swarm.restartSubmitter()
      else await swarm.join({ name, slots: 0 }, stewardsOf(swarm).find((m) => m.isRunning)!.addresses)
      await untilOneActs(stewardsOf(swarm), job)
    }
    const sorted = seconds.toSorted((a, b) => a - b)
    const figure = (what: string, ours: number, most: number): Figure => ({
      name: `takeover after kill -9, ${what} of ${seconds.length}`,
      unit: 's',
      ours,
      baseline: sorted[0]!,
      of: 'the fastest',
      goal: { value: 'ours', most },
    })
    return [figure('median', median(seconds), 6), figure('slowest', sorted.at(-1)!, 15)]
  } finally {
    await swarm.stop()
    rmSync(folder, { recursive: true, force: true })
  }
}

function stewardsOf(swarm: Swarm): Member[] {
  return [swarm.submitter, swarm.vehicle('steward-1'), swarm.vehicle('steward-2')]
}

/** Resolves when exactly one of those that run acts, and all of them have answered. */
async function untilOneActs(members: readonly Member[], job: string): Promise<Member> {
  for (;;) {
    const running = members.filter(({ isRunning }) => isRunning)
    const statuses = await Promise.all(running.map(({ node }) => node.status(job).catch(() => undefined)))
    if (statuses.every((status) => status !== undefined)) {
      if (statuses.some((status) => status!.state !== 'running')) throw new Error('the job ended too early')
      const acting = running.filter((_, i) => statuses[i]!.acting)
      if (acting.length === 1) return acting[0]!
    }
    await setTimeout(pollMs)
  }
}
