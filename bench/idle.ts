/**
 * What a parked vehicle pays for belonging to a mesh while nobody has work: memory and processor time.
 *
 * Twelve Carpool processes (eleven vehicles and a submitter) and twelve bare libp2p processes (bare-node.js), each
 * group a full mesh of its own on the same transport stack, stand beside each other and are measured over the same
 * seconds. Counted from half a minute after every node knows every other; adverts go out at their default interval.
 * The vehicles run compiled, as they have it installed (installed.ts), the bare nodes as JavaScript. The median over
 * the vehicles is shown. RSS counts pages that processes share (the node binary) in each of
 * them, PSS by parts; the goal is about RSS, the number that `ps` shows to the vehicle's owner.
 */
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { setTimeout } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { Swarm } from '../src/cli/swarm/swarm.ts'
import { usageOf } from '../src/host/executor/usage.ts'
import { type BenchOptions, type Figure, median } from './figure.ts'
import { install } from './installed.ts'

const nodes = 12
/** Handshakes and first adverts are over by then, and every node has given back what starting took (host/node/memory.ts): once, and not each minute. */
const settleMs = 31_000
const bareProgram = fileURLToPath(new URL('./bare-node.js', import.meta.url))

export async function idle({ quick, note }: BenchOptions): Promise<Figure[]> {
  const seconds = quick ? 20 : 60
  const installed = install()
  const bare = await startBareMesh()
  const swarm = await Swarm.start({
    vehicles: Array.from({ length: nodes - 1 }, (_, i) => ({
      name: `car-${i + 1}`,
      program: installed.carpool,
    })),
  })
  try {
    for (const member of swarm.members()) await swarm.untilKnown(nodes - 1, member)
    await setTimeout(settleMs)
    note(`${nodes} nodes know each other; measuring for ${seconds} s`)
    const groups = [swarm.vehicles().map(({ pid }) => pid), bare.map(({ pid }) => pid!)]
    const before = groups.map((pids) => pids.map(cpuMsOf))
    await setTimeout(seconds * 1000)
    const [ours, theirs] = groups.map((pids, group) => ({
      rss: median(pids.map((pid) => memoryOf(pid, 'Rss'))),
      pss: median(pids.map((pid) => memoryOf(pid, 'Pss'))),
      cpu: median(pids.map((pid, i) => ((cpuMsOf(pid) - before[group]![i]!) / (seconds * 1000)) * 100)),
    }))
    const of = 'bare libp2p'
    const figure = (name: string, unit: string, key: 'rss' | 'pss' | 'cpu', most: number): Figure => ({
      name: `idle vehicle among ${nodes}, ${name}`,
      unit,
      ours: ours![key],
      baseline: theirs![key],
      of,
      goal: { value: 'ours', most },
    })
    return [
      figure('resident memory (RSS)', 'MiB', 'rss', 120),
      figure('proportional memory (PSS)', 'MiB', 'pss', 120),
      figure('processor', '% of a core', 'cpu', 1),
    ]
  } finally {
    for (const node of bare) node.disconnect()
    await swarm.stop()
    installed.remove()
  }
}

/** Each dials all that came before it. */
async function startBareMesh(): Promise<ChildProcess[]> {
  const started: ChildProcess[] = []
  const addresses: string[] = []
  for (let i = 0; i < nodes; i += 1) {
    const node = fork(bareProgram, addresses)
    started.push(node)
    const ended = once(node, 'exit').then(() => {
      throw new Error('a bare node ended')
    })
    const [address] = (await Promise.race([once(node, 'message'), ended])) as [string]
    ended.catch(() => {}) // at the end it may
    addresses.push(address)
  }
  return started
}

function cpuMsOf(pid: number): number {
  return usageOf(pid)!.cpuMs
}

/** In MiB. */
function memoryOf(pid: number, field: 'Rss' | 'Pss'): number {
  const found = new RegExp(`^${field}:\\s*(\\d+) kB`, 'm').exec(
    readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'),
  )
  return Number(found![1]) / 1024
}
