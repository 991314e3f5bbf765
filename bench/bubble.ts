/**
 * A bubble: real nodes of a mesh whose cells are small, so that a machine holds several; what each costs beside the constants that the simulator of
 * large meshes counts with, and a job that draws from several cells, before and after half of the nodes end at once.
 *
 * As many nodes as were asked for with `--nodes`, or as this machine has memory for, at most 150. Bytes are those of the loopback, with the
 * headers of TCP: in a network namespace of its own nobody else's are counted (`unshare -n sh -c 'ip link set lo up; npm run bench -- --only
 * bubble'`).
 */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import type { Member } from '../src/cli/swarm/member.ts'
import { Swarm } from '../src/cli/swarm/swarm.ts'
import { usageOf } from '../src/host/executor/usage.ts'
import { auditFile } from '../src/host/jobs/audit.ts'
import { noOpModule } from '../test/support/wasm/modules.ts'
import type { BenchOptions, Figure } from './figure.ts'
import { install } from './installed.ts'
import { runJob } from './job.ts'

/** A node, and the child of its slot while it works. */
const nodeMiB = 160
const spareMiB = 2_048
const nodesMost = 150
/** Nodes that start at once, on two cores. */
const startAtOnce = 3
const lookMs = 2_000
const settleMsMax = 600_000

interface Cell {
  readonly name: string
  readonly mesh: number | null
}

export async function bubble({ quick, nodes = nodesThatFit(), note }: BenchOptions): Promise<Figure[]> {
  // Quarters of the mesh are well below the first, and quarters of half of it are below the second.
  const cells = `${Math.round(nodes / 3)}/${Math.round(0.3 * nodes)}`
  const folder = mkdtempSync(join(tmpdir(), 'carpool-bubble-'))
  const module = join(folder, 'no-op.wasm')
  writeFileSync(module, await noOpModule())
  const installed = install()
  const flags = ['--cells', cells]
  const names = Array.from({ length: nodes - 1 }, (_, i) => `car-${i + 1}`)
  const swarm = await Swarm.start({
    ...{ vehicles: [], laterOwners: names, program: installed.carpool, submitterFlags: flags },
  })
  try {
    note(`${nodes} nodes start, ${startAtOnce} at once`)
    for (let i = 0; i < names.length; i += startAtOnce)
      await Promise.all(names.slice(i, i + startAtOnce).map((name) => swarm.join({ name, flags })))
    note(`${nodes} nodes have started, with cells of ${cells}`)
    const settledMs = await untilCounted(swarm, nodes, 4, note)
    const figures = [
      atMost(
        'time until nodes of four cells and more know how many they are within a fifth',
        's',
        settledMs / 1_000,
        settleMsMax / 1_000,
      ),
      ...(await measure(swarm, quick ? 30 : 120, note)),
    ]
    const before = await jobAcross(swarm, module, join(folder, 'before'), note)
    const gone = swarm.vehicles().filter((_, i) => i % 2 === 0)
    await Promise.all(gone.map((vehicle) => vehicle.end('SIGKILL')))
    note(`${gone.length} nodes have ended at once`)
    const after = await jobAcross(swarm, module, join(folder, 'after'), note)
    const left = nodes - gone.length
    const mergedMs = await untilCounted(swarm, left, 1, note)
    return [
      ...figures,
      cellsOfJob('a job', before),
      cellsOfJob('a job after half of the nodes ended', after),
      atMost(
        'time until those that are left know how many they are within a fifth',
        's',
        mergedMs / 1_000,
        settleMsMax / 1_000,
      ),
    ]
  } finally {
    await swarm.stop()
    installed.remove()
    rmSync(folder, { recursive: true, force: true })
  }
}

function atMost(name: string, unit: string, ours: number, most: number): Figure {
  return { name, unit, ours, baseline: most, of: 'bound', goal: { value: 'ours', most } }
}

function cellsOfJob(what: string, cells: number): Figure {
  return {
    name: `cells whose vehicles took part in ${what}`,
    unit: 'cells',
    ours: cells,
    baseline: 3,
    of: 'wanted',
    goal: { value: 'ours', least: 3 },
  }
}

function nodesThatFit(): number {
  const [, kB] = /^MemAvailable:\s*(\d+) kB/m.exec(readFileSync('/proc/meminfo', 'latin1'))!
  return Math.min(nodesMost, Math.floor((Number(kB) / 1_024 - spareMiB) / nodeMiB))
}

function running(swarm: Swarm): Member[] {
  return swarm.members().filter(({ isRunning }) => isRunning)
}

async function cellsOf(members: readonly Member[]): Promise<Map<string, Cell>> {
  const cells = new Map<string, Cell>()
  for (const { peer, node } of members) {
    const { cell } = await node.info()
    if (cell !== null) cells.set(peer, { name: cell.name, mesh: cell.mesh })
  }
  return cells
}

/** Milliseconds until there are so many cells, and each node knows by digests how large the mesh is. Throws Error where that takes too long. */
async function untilCounted(
  swarm: Swarm,
  nodes: number,
  cellsMin: number,
  note: BenchOptions['note'],
): Promise<number> {
  const startedMs = performance.now()
  for (let looks = 0; performance.now() - startedMs < settleMsMax; looks += 1) {
    const cells = [...(await cellsOf(running(swarm))).values()]
    const names = new Set(cells.map(({ name }) => name))
    const knowing = cells.filter(({ mesh }) => mesh !== null && Math.abs(mesh - nodes) <= nodes / 5).length
    if (looks % 10 === 0)
      note(
        `cells ${[...names]
          .sort()
          .map((name) => `'${name}'`)
          .join(' ')}; ${knowing} of ${cells.length} nodes know that they are about ${nodes}`,
      )
    if (names.size >= cellsMin && knowing === nodes) return performance.now() - startedMs
    await delay(lookMs)
  }
  throw new Error(`the nodes did not know of all cells within ${settleMsMax / 1_000} s`)
}

/** The simulator's constants for what it counts, beside all that the nodes use. */
async function measure(swarm: Swarm, seconds: number, note: BenchOptions['note']): Promise<Figure[]> {
  const members = running(swarm)
  const cells = [...(await cellsOf(members)).values()]
  const sizes = cells.map(({ name }) => cells.filter((other) => other.name === name).length)
  const adverts = sizes.reduce((sum, size) => sum + size - 1, 0) / members.length / 60
  const [cpuBefore, bytesBefore] = [members.map(({ pid }) => usageOf(pid)!.cpuMs), loopbackBytes()]
  await delay(seconds * 1_000)
  const cpuMs = members.reduce((sum, { pid }, i) => sum + usageOf(pid)!.cpuMs - cpuBefore[i]!, 0)
  const bytes = loopbackBytes() - bytesBefore
  const perNode = {
    cpu: (100 * cpuMs) / 1_000 / seconds / members.length,
    bytes: bytes / seconds / members.length,
  }
  note(
    `${adverts.toFixed(2)} adverts a second reach a node; cells of ${Math.min(...sizes)} to ${Math.max(...sizes)}`,
  )
  const of = "by the simulator's constants, for adverts alone"
  return [
    {
      ...{
        name: 'a node of a bubble, processor',
        unit: '% of a core',
        ours: perNode.cpu,
        baseline: adverts * 0.45,
      },
      of,
      goal: null,
    },
    {
      ...{
        name: 'a node of a bubble, received',
        unit: 'bytes/s',
        ours: perNode.bytes,
        baseline: adverts * 11_000,
      },
      of,
      goal: null,
    },
  ]
}

function loopbackBytes(): number {
  const [, received] = /^\s*lo:\s*(\d+)/m.exec(readFileSync('/proc/self/net/dev', 'latin1'))!
  return Number(received)
}

/**
 * Runs a job of which each shard wants one more voice than the submitter's own cell and one other have, and audits it. Answers from how
 * many cells its vehicles were.
 */
async function jobAcross(
  swarm: Swarm,
  module: string,
  folder: string,
  note: BenchOptions['note'],
): Promise<number> {
  const { submitter } = swarm
  const alive = running(swarm)
  const cells = await cellsOf(alive)
  const own = cells.get(submitter.peer)!.name
  const here = alive.filter(({ peer }) => peer !== submitter.peer && cells.get(peer)?.name === own).length
  mkdirSync(folder)
  const documents = join(folder, 'documents')
  mkdirSync(documents)
  for (let i = 0; i < 4; i += 1) writeFileSync(join(documents, `${i}.txt`), `document ${i}\n`)
  const startedMs = performance.now()
  const status = await runJob(submitter.node, {
    runtime: 'wasm',
    module,
    replicas: here + 2,
    paths: [documents],
    shardSize: 1,
  })
  const used = new Set(status.vehicles.map(({ peer }) => cells.get(peer)?.name))
  const path = join(folder, 'job.car')
  await submitter.node.report(status.job, path)
  const { problems } = await auditFile(path)
  if (problems.length > 0) throw new Error(`the audit refuses the job: ${JSON.stringify(problems[0])}`)
  note(
    `a job of ${here + 2} voices a shard took ${((performance.now() - startedMs) / 1_000).toFixed(0)} s and vehicles of ${used.size} cells; its audit holds`,
  )
  return used.size
}
