/**
 * The time from submitting a request to a large language model's first token on a machine that has none of its weights, and the memory
 * that its process keeps to itself: two nodes that are processes of their own, with the native engine.
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { Swarm } from '../src/cli/swarm/swarm.ts'
import { defaultLimits } from '../src/host/executor/limits.ts'
import type { BenchOptions, Figure } from './figure.ts'
import { runJob } from './job.ts'
import { writeRandomModel } from './random-model.ts'

const MiB = 2 ** 20

/** `bareMegabytesPerSecond`: of a bare stream in the same run. */
export async function firstToken(
  mebibytes: number,
  bareMegabytesPerSecond: number,
  note: BenchOptions['note'],
): Promise<Figure[]> {
  const folder = mkdtempSync(join(tmpdir(), 'carpool-bench-'))
  const model = join(folder, 'random.gguf')
  const bytes = writeRandomModel(model, mebibytes)
  const prompts = join(folder, 'prompts.jsonl')
  const body = { messages: [{ role: 'user', content: 'where is my car' }], max_tokens: 1 }
  writeFileSync(prompts, `${JSON.stringify({ custom_id: 'first', body })}\n`)
  const swarm = await Swarm.start({ vehicles: [{ name: 'car' }] })
  try {
    const { node } = swarm.submitter
    const watch = new MemoryWatch(swarm.members().map(({ pid }) => pid))
    const startedMs = performance.now()
    const { outcomes } = await runJob(node, {
      paths: [prompts],
      runtime: 'llm',
      engine: 'native',
      model,
      replicas: 1,
    })
    const seconds = (performance.now() - startedMs) / 1e3
    const ownBytes = await watch.stop()
    if (outcomes?.withError !== 0) throw new Error('the model gave no token')
    note(`first token of a model of ${(bytes / MiB).toFixed(0)} MiB after ${seconds.toFixed(1)} s`)
    return [
      {
        name: `from submitting to the first token of a model of ${(bytes / MiB).toFixed(0)} MiB that no vehicle has`,
        unit: 's',
        ours: seconds,
        baseline: bytes / 1e6 / bareMegabytesPerSecond,
        of: 'as many bytes by a bare libp2p stream',
        goal: null,
      },
      {
        name: 'memory that its process keeps to itself, at most',
        unit: 'MiB',
        ours: ownBytes / MiB,
        baseline: bytes / MiB,
        of: 'the file that it maps',
        goal: { value: 'ours', most: defaultLimits.privateBytesMax / MiB },
      },
    ]
  } finally {
    await swarm.stop()
    rmSync(folder, { recursive: true })
  }
}

/** Looks at the processes that descend from these ones, every tenth of a second: at those that map a model. */
class MemoryWatch {
  readonly #roots: readonly number[]
  readonly #over = new AbortController()
  readonly #looking: Promise<void>
  #mostBytes = 0

  constructor(roots: readonly number[]) {
    this.#roots = roots
    this.#looking = this.#look()
  }

  /** The most that one of them kept to itself. */
  async stop(): Promise<number> {
    this.#over.abort()
    await this.#looking
    return this.#mostBytes
  }

  async #look(): Promise<void> {
    while (!this.#over.signal.aborted) {
      for (const pid of descendants(this.#roots)) {
        const status = readOf(pid, 'status')
        const bytes = 1024 * Number(/^RssAnon:\s+(\d+) kB$/m.exec(status)?.[1] ?? 0)
        if (bytes > this.#mostBytes && /\/weights\/\S*$/m.test(readOf(pid, 'maps'))) this.#mostBytes = bytes
      }
      await delay(100)
    }
  }
}

function descendants(roots: readonly number[]): number[] {
  const parents = new Map<number, number>()
  for (const name of readdirSync('/proc')) {
    const parent = /^PPid:\s+(\d+)$/m.exec(/^\d+$/.test(name) ? readOf(Number(name), 'status') : '')?.[1]
    if (parent !== undefined) parents.set(Number(name), Number(parent))
  }
  const isBelow = (pid: number | undefined): boolean =>
    pid !== undefined && (roots.includes(pid) || isBelow(parents.get(pid)))
  return [...parents.keys()].filter((pid) => !roots.includes(pid) && isBelow(pid))
}

/** Empty where the process has ended. */
function readOf(pid: number, name: string): string {
  try {
    return readFileSync(`/proc/${pid}/${name}`, 'utf8')
  } catch {
    return ''
  }
}
