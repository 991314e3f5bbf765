/**
 * What a shard costs when there is nothing to compute: a no-op wasm command, twice, by distinct owners, in a
 * swarm of four vehicles; beside one slot that executes the same documents without any mesh.
 *
 * Each document is executed in a fresh instance in both cases, in one child for each job. Two rates:
 *
 * - shards/s: each document is a shard of its own (`--shard-size 1`), so each is leased, claimed, fetched and judged by
 *   itself.
 * - documents/s: the same documents as `carpool submit` splits them.
 *
 * The clock is the job's own, from the first lease to the last verdict; it includes starting the children.
 * Rounds alternate and the median counts. Everything (steward, four vehicles, their children) shares the cores.
 */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Swarm } from '../src/cli/swarm/swarm.ts'
import { ProcessExecutor } from '../src/host/executor/executor.ts'
import { weightFile } from '../test/support/wasm/executor.ts'
import { noOpModule } from '../test/support/wasm/modules.ts'
import { type BenchOptions, type Figure, median } from './figure.ts'
import { runJob } from './job.ts'

export async function wasm({ quick, note }: BenchOptions): Promise<Figure[]> {
  const rounds = quick ? 1 : 3
  const documents = quick ? 2_000 : 10_000
  const folder = mkdtempSync(join(tmpdir(), 'carpool-bench-'))
  const module = join(folder, 'no-op.wasm')
  writeFileSync(module, await noOpModule())
  const names = ['car-1', 'car-2', 'car-3', 'car-4']
  const swarm = await Swarm.start({
    vehicles: names.map((name) => ({ name })),
  })
  try {
    const { node } = swarm.submitter
    const request = { runtime: 'wasm', module, replicas: 2 }
    const raw: number[] = []
    const shardsPerSecond: number[] = []
    const documentsPerSecond: number[] = []
    for (let round = 0; round < rounds; round += 1) {
      const path = (name: string) =>
        writeDocuments(join(folder, `${name}-${round}`), `${name} ${round}`, documents)
      raw.push(await runDirect(path('direct'), module))
      const single = await runJob(node, { ...request, paths: [path('single')], shardSize: 1 })
      if (single.shards.total !== documents) throw new Error('a shard is not one document')
      shardsPerSecond.push(single.pagesPerSecond)
      const split = await runJob(node, { ...request, paths: [path('split')] })
      documentsPerSecond.push(split.pagesPerSecond)
      const [r, s, d] = [raw, shardsPerSecond, documentsPerSecond].map((values) => values.at(-1)!.toFixed(0))
      note(
        `round ${round + 1} of ${rounds}, ${documents} documents: direct ${r}, shards ${s}, documents ${d}`,
      )
    }
    const of = 'one slot without a mesh'
    return [
      {
        name: 'no-op wasm, 4 vehicles, m = 2, a document a shard',
        unit: 'shards/s',
        ours: median(shardsPerSecond),
        baseline: median(raw),
        of,
        goal: { value: 'ours', least: 500 },
      },
      {
        name: 'no-op wasm, 4 vehicles, m = 2, split as usual',
        unit: 'documents/s',
        ours: median(documentsPerSecond),
        baseline: median(raw),
        of,
        goal: { value: 'ours', least: 500 },
      },
    ]
  } finally {
    await swarm.stop()
    rmSync(folder, { recursive: true, force: true })
  }
}

/** Executions per second of one warm slot. */
async function runDirect(folder: string, module: string): Promise<number> {
  const documents = readdirSync(folder).map((name) => readFileSync(join(folder, name)))
  const executor = new ProcessExecutor({ log: { debug: () => {}, info: () => {}, warn: () => {} } })
  try {
    const slot = executor.openSlot()
    await slot.prepare({
      key: folder,
      runtime: 'wasm',
      engine: 'exact',
      options: {},
      weights: async () => new Map([['module', weightFile(readFileSync(module))]]),
    })
    const startedMs = performance.now()
    await Promise.all(documents.map((document) => slot.run(document, 0)))
    return (documents.length / (performance.now() - startedMs)) * 1000
  } finally {
    await executor.close()
  }
}

function writeDocuments(folder: string, label: string, count: number): string {
  mkdirSync(folder)
  for (let i = 0; i < count; i += 1) writeFileSync(join(folder, `${i}.txt`), `${label}, document ${i}\n`)
  return folder
}
