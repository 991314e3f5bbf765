/**
 * The main of a process that runs test files one after another, each as a suite of its own: Node, libp2p and the compiled
 * code of both are there when the second begins. What a file leaves behind is found out here, as it would keep a process of
 * its own from ending.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { mock } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { countAnew, declaredTests, fileSuite } from './counted.ts'
import { cpuSeconds } from './cpu.ts'
import { moveTo } from './paths.ts'
import { type FileEnded, type NextFile, shared } from './shared.ts'

/** For what a file's end had closed, and for processes that it had told to end. */
const leaveMs = 5_000
const lookMs = 20
/** Longer than the runner waits for the file. */
const suiteTimeoutMs = 2 ** 31 - 1

const load = createRequire(import.meta.url)

// What a test leaves going may fail when its file is over, and nobody else would say how.
process.on('uncaughtExceptionMonitor', (error) => console.error(error))

process.on('message', async ({ file, folder }: NextFile) => {
  const before = { cpu: cpuSeconds(), open: openResources() }
  countAnew()
  const { env, cwd } = { env: { ...process.env }, cwd: process.cwd() }
  moveTo(folder)
  const isGood = await new Promise<boolean>((resolve) => {
    shared.file = file
    shared.ended = resolve
    // At once, and not by `import`: what it declares belongs to the suite.
    void fileSuite(file, { timeout: suiteTimeoutMs }, () => void load(file))
  })
  mock.reset()
  process.chdir(cwd)
  for (const name of Object.keys(process.env)) if (!(name in env)) delete process.env[name]
  Object.assign(process.env, env)
  const left = await leftOf(before.open)
  const ended: FileEnded = {
    declared: declaredTests(),
    cpuSeconds: cpuSeconds() - before.cpu,
    code: isGood ? Number(process.exitCode ?? 0) : 1,
    left,
  }
  process.exitCode = undefined
  process.send!(ended)
})

/** How many there are of each kind of resource that keeps this process from ending. */
function openResources(): ReadonlyMap<string, number> {
  const counts = new Map<string, number>()
  for (const kind of process.getActiveResourcesInfo()) counts.set(kind, (counts.get(kind) ?? 0) + 1)
  return counts
}

/** Waits until nothing is open that was not, and names what stays. */
async function leftOf(before: ReadonlyMap<string, number>): Promise<string | null> {
  const endMs = performance.now() + leaveMs
  for (;;) {
    const open = [...openResources()].flatMap(([kind, count]) =>
      count > (before.get(kind) ?? 0) ? kind : [],
    )
    const processes = others()
    if (open.length === 0 && processes.length === 0) return null
    if (performance.now() > endMs) {
      for (const pid of processes) process.kill(pid, 'SIGKILL')
      return [...open, ...(processes.length > 0 ? ['processes behind, which were killed'] : [])].join(', ')
    }
    await delay(lookMs)
  }
}

/** The other processes of this one's group. */
function others(): number[] {
  const pids = readdirSync('/proc').map(Number).filter(Number.isInteger)
  return pids.filter((pid) => pid !== process.pid && groupOf(pid) === process.pid)
}

/** Field 5 of proc_pid_stat(5). */
function groupOf(pid: number): number | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[2])
  } catch {
    return null // It has ended.
  }
}
