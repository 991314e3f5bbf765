/**
 * The memory that a submission of a million lines of JSON takes, in the command and in the node, from the first line to the last
 * result: a list on stdin goes to the node that runs, the job is followed to its end, and its results are written to a file.
 *
 * The documents are short texts for a no-op module, and each is executed once by one of two owners (`--replicas 1`): the checking
 * costs no memory here. Peaks are those of the kernel (VmHWM), of each process for itself. The baseline is the same with a hundred lines.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createReadStream, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { fileURLToPath } from 'node:url'
import { Swarm } from '../src/cli/swarm/swarm.ts'
import { noOpModule } from '../test/support/wasm/modules.ts'
import type { BenchOptions, Figure } from './figure.ts'

const launcher = fileURLToPath(new URL('../bin/carpool.js', import.meta.url))

const MiB = 2 ** 20

export async function lines({ quick, note }: BenchOptions): Promise<Figure[]> {
  const count = quick ? 50_000 : 1_000_000
  const small = await measured(100, note)
  const large = await measured(count, note)
  const goal = { value: 'ours', most: 300 } as const
  const of = 'with 100 lines'
  const name = `${count} lines on stdin, submission to last result`
  return [
    {
      name: `${name}, the command`,
      unit: 'MiB',
      ours: large.commandMiB,
      baseline: small.commandMiB,
      of,
      goal,
    },
    { name: `${name}, the node`, unit: 'MiB', ours: large.nodeMiB, baseline: small.nodeMiB, of, goal },
  ]
}

interface Peaks {
  readonly commandMiB: number
  readonly nodeMiB: number
}

async function measured(count: number, note: BenchOptions['note']): Promise<Peaks> {
  const folder = mkdtempSync(join(tmpdir(), 'carpool-bench-'))
  const swarm = await Swarm.start({ vehicles: [{ name: 'car-1' }, { name: 'car-2' }] })
  try {
    const module = join(folder, 'no-op.wasm')
    writeFileSync(module, await noOpModule())
    const output = join(folder, 'out.jsonl')
    const startedMs = performance.now()
    const args = [
      'submit',
      '-',
      '--runtime',
      'wasm',
      '--module',
      module,
      '--replicas',
      '1',
      '--standbys',
      '0',
    ]
    const command = spawn(
      process.execPath,
      [launcher, ...args, '--data-dir', swarm.submitter.dataDir, '-o', output],
      { stdio: ['pipe', 'ignore', 'inherit'] },
    )
    let commandPeak = 0
    let told = 0
    const watch = setInterval(() => {
      commandPeak = Math.max(commandPeak, peakMiB(command.pid!))
      if (performance.now() < told + 30_000) return
      told = performance.now()
      const [mine, node] = [commandPeak, peakMiB(swarm.submitter.pid)].map(Math.round)
      note(
        `${count} lines, ${Math.round((told - startedMs) / 1000)} s: command ${mine} MiB, node ${node} MiB`,
      )
    }, 100)
    const exited = once(command, 'exit')
    await pipeline(Readable.from(texts(count)), command.stdin!)
    const [code] = await exited
    clearInterval(watch)
    if (code !== 0) throw new Error(`the command ended with ${code}`)
    const written = await linesIn(output)
    if (written !== count) throw new Error(`${written} of ${count} results were written`)
    const seconds = (performance.now() - startedMs) / 1000
    note(`${count} lines took ${seconds.toFixed(0)} s`)
    return { commandMiB: commandPeak, nodeMiB: peakMiB(swarm.submitter.pid) }
  } finally {
    await swarm.stop()
    rmSync(folder, { recursive: true, force: true })
  }
}

function* texts(count: number): Generator<string> {
  for (let at = 0; at < count; at += 1)
    yield `${JSON.stringify({ id: `article ${at}`, text: `The text of article ${at}, of which there are ${count}.` })}\n`
}

/** The most memory that the process has had at any time; 0 once it is gone. */
function peakMiB(pid: number): number {
  try {
    const [, kibibytes] = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? []
    return (Number(kibibytes) * 1024) / MiB
  } catch {
    return 0
  }
}

async function linesIn(path: string): Promise<number> {
  let count = 0
  for await (const chunk of createReadStream(path) as AsyncIterable<Buffer>)
    for (let at = chunk.indexOf(10); at !== -1; at = chunk.indexOf(10, at + 1)) count += 1
  return count
}
