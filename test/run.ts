/**
 * Runs the tests: a few files at a time, the slow ones first, most of them in processes that run one file after another.
 *
 *   npm test                        all of them
 *   npm test -- council privacy     the files whose path has one of these words in it, with the names of their tests
 *   npm test -- --list              only says which files there are
 *   npm test -- --alone …           each file in a process of its own; --shared: none of them
 *   npm test -- --bundled …         the processes that tests start are of the bundle that is published, as for the whole suite
 *
 * It loses no result: a file fails that reports fewer tests than it declares, that declares none, that ends before its
 * tests do, or that does not end within its limit (`--limit`, in seconds). Why not `node --test`: Node 24's drops
 * results when it forces files to end (nodejs/node#64833), waits for ever when it does not, and on two cores runs one
 * file at a time, although many of them mostly wait.
 */
import { globSync, mkdtempSync, rmSync } from 'node:fs'
import { availableParallelism, tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { parseArgs } from 'node:util'
import { bundleForTests } from './runner/bundle.ts'
import { childrenCpuSeconds } from './runner/cpu.ts'
import { memoryFolder } from './runner/memory-folder.ts'
import type { FileOutcome } from './runner/outcome.ts'
import { OwnProcess } from './runner/own-process.ts'
import { headOf, summaryOf } from './runner/report.ts'
import { Runnable } from './runner/runnable.ts'
import { SharedProcess } from './runner/shared-process.ts'

/** Swarms wait for most of their time, once their nodes have started; so do a good part of the other files. */
const swarmsAtOnce = availableParallelism() + 1
const filesAtOnce = 4 * availableParallelism()
/** Only guards against hanging: ten times what the slowest takes on a quiet machine. */
const limitSecondsDefault = '600'
const root = join(import.meta.dirname, '..')
/**
 * The swarms that take longest, before all others, and the other files that do: so that no core is idle at the end, while the
 * last file goes on for half a minute. Nothing but the order depends on it.
 */
const slowSwarms = ['routers', 'kills', 'preemption', 'main-job', 'stewards', 'damage']
const slow = [
  'simulator/campaign',
  'mesh/delivery',
  'mesh/hostile-standby',
  'mesh/hostile-steward',
  'runtimes/ocr',
  'host/signals-viss',
  'host/supervisor',
  'cli/commands',
  'host/network-mesh',
  'mesh/acquaintance',
  'mesh/bad-input',
  'mesh/willing',
  'mesh/standbys',
  'mesh/hostile-leases',
  'mesh/stewardship',
  'mesh/ended-jobs',
  'host/executor',
  'fuzz/',
  'simulator/',
  'protocol/encoding',
  'protocol/clock-set',
  'protocol/job-state',
  'protocol/signer-bounds',
  'runner/',
  'runtimes/pdf',
]
/**
 * Files that share processes: a start, with libp2p, takes up to 0.7 s of processor time, and as much again until its code is
 * compiled for speed.
 */
const sharing = [
  ...['test/base/', 'test/cli/', 'test/host/', 'test/mesh/', 'test/protocol/'],
  ...['gguf', 'imaging-', 'ocr-ctc', 'ocr-geometry', 'ocr-reading', 'options', 'tokens'].map(
    (name) => `test/runtimes/${name}`,
  ),
]
/** … but for those that change their process, look at all of it, or begin with an `await`. */
const alone = [
  'cli/completion',
  'cli/mistakes',
  'host/executor',
  'mesh/long-results',
  'mesh/scored',
  'runtimes/imaging-formats',
  // They leave vehicles running, as if these were killed (lone-vehicle.ts).
  'host/history.',
  'host/idle-weights.',
  'host/vehicle.',
]

const { values: options, positionals: wanted } = parseArgs({
  allowPositionals: true,
  options: {
    list: { type: 'boolean', default: false },
    alone: { type: 'boolean', default: false },
    shared: { type: 'boolean', default: false },
    bundled: { type: 'boolean', default: false },
    limit: { type: 'string', default: limitSecondsDefault },
  },
})
const files = filesOf(wanted)
if (options.list) console.log(files.join('\n'))
else process.exitCode = await runAll(files)

/** Those whose path has one of these words in it; a file that is named as it is need not be called a test. */
function filesOf(words: readonly string[]): string[] {
  const all = globSync('test/**/*.test.ts', { cwd: root }).sort()
  const named = words.filter((word) => /^test\/.*\.ts$/.test(word) && !all.includes(word))
  const chosen = all.filter((file) => words.length === 0 || words.some((word) => file.includes(word)))
  return [...new Set([...named, ...chosen])].sort((a, b) => rankOf(a) - rankOf(b))
}

function isSwarm(file: string): boolean {
  return file.startsWith('test/swarm/')
}

/** A file that is named as it is has a process of its own. */
function isSharing(file: string): boolean {
  if (options.alone || options.shared) return options.shared
  return (
    file.endsWith('.test.ts') &&
    sharing.some((folder) => file.startsWith(folder)) &&
    !alone.some((name) => file.startsWith(`test/${name}`))
  )
}

function rankOf(file: string): number {
  if (isSwarm(file)) return slowSwarms.some((name) => file.includes(name)) ? -1 : 0
  const place = slow.findIndex((name) => file.startsWith(`test/${name}`))
  return place === -1 ? slow.length + 1 : place + 1
}

/** The exit code. */
async function runAll(files: readonly string[]): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), 'carpool-tests-'))
  // The name is short: the path of a node's socket has room for 103 bytes.
  const temporary = mkdtempSync(join(memoryFolder() ?? tmpdir(), 't-'))
  if (options.bundled || wanted.length === 0) process.env.TEST_BUNDLE = bundleForTests(root)
  const running = new Map<string, Pick<OwnProcess, 'signal'>>()
  const idle: SharedProcess[] = []
  const processes = new Set<SharedProcess>()
  const outcomes: FileOutcome[] = []
  const waiting = [...files]
  const runnable = new Runnable()
  const startedMs = performance.now()
  let interrupted: NodeJS.Signals | null = null
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
    process.on(signal, () => {
      const again = interrupted !== null
      interrupted ??= signal
      waiting.length = 0
      for (const file of running.values()) file.signal(again ? 'SIGKILL' : signal)
    })

  process.on('exit', () => {
    for (const one of [...running.values(), ...processes]) one.signal('SIGKILL')
  })

  /** In a process of its own, or in the next that is shared. */
  const run = async (file: string): Promise<FileOutcome> => {
    const [path, results, limitSeconds] = [join(root, file), join(folder, file), Number(options.limit)]
    if (!isSharing(file)) {
      const own = new OwnProcess(path, results, temporary, limitSeconds)
      running.set(file, own)
      return own.run()
    }
    const shared = idle.pop() ?? new SharedProcess(join(folder, `shared-${processes.size}`), temporary)
    processes.add(shared)
    running.set(file, shared)
    const outcome = await shared.run(path, results, limitSeconds)
    if (shared.isFit) idle.push(shared)
    else await shared.end()
    return outcome
  }

  await new Promise<void>((resolve, reject) => {
    const startMore = () => {
      while (runnable.hasRoom(running.size)) {
        const file = takeNext(waiting, running)
        if (file === undefined) break
        runnable.began()
        run(file).then((outcome) => {
          running.delete(file)
          const named = { ...outcome, file: relative(root, outcome.file) }
          outcomes.push(named)
          console.log(headOf(named, wanted.length > 0))
          startMore()
        }, reject)
      }
      if (running.size === 0) resolve()
    }
    runnable.onLook(startMore)
    startMore()
  })

  runnable.stop()
  await Promise.all([...processes].map((one) => one.end()))
  for (const done of [folder, temporary]) rmSync(done, { recursive: true, force: true, maxRetries: 5 })
  const { text, ok } = summaryOf(outcomes, files.length, {
    seconds: (performance.now() - startedMs) / 1000,
    cpuSeconds: childrenCpuSeconds(),
  })
  if (interrupted !== null) console.log(`\nended early by ${interrupted}`)
  console.log(text)
  return ok && interrupted === null ? 0 : 1
}

/** The first that may begin beside those that run, taken out of `waiting`. */
function takeNext(waiting: string[], running: ReadonlyMap<string, unknown>): string | undefined {
  if (running.size >= filesAtOnce) return undefined
  const swarms = [...running.keys()].filter(isSwarm).length
  const place = waiting.findIndex((file) => swarms < swarmsAtOnce || !isSwarm(file))
  return place === -1 ? undefined : waiting.splice(place, 1)[0]
}
