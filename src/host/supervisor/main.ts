/**
 * The supervisor: a process of its own that reads the vehicle's signals, asks the owner's rules, and freezes the slots'
 * processes itself the moment the verdict is to stop.
 *
 * The node cannot promise to be at once: an fsync, a hash or a garbage collection holds its event loop for tens of
 * milliseconds, and a busy disk for seconds. Nothing waits here. Signals go out before the node is told. News for the
 * node goes through a socket that never blocks, and while the node does not read, only the newest judgement waits for
 * it.
 *
 * When the node is gone, the supervisor ends the processes that it left behind, and then itself.
 */
import { Socket } from 'node:net'
import { setPriority } from 'node:os'
import { pino } from 'pino'
import { UnusedSignals } from '../../protocol/rules/unused.ts'
import { at, ClockSteps, systemClock } from '../clock.ts'
import { statOf } from '../executor/usage.ts'
import { LineReader } from '../local/lines.ts'
import { setSessionNiceness } from '../session-niceness.ts'
import { openProviders } from '../signals/open.ts'
import { CpuTimes } from './cpu-times.ts'
import {
  childrenMax,
  type FromSupervisor,
  messageBytesMax,
  type ToSupervisor,
  toSupervisorSchema,
} from './messages.ts'
import { RulesDriver } from './rules-driver.ts'

/** The descriptor that the node has put its end of the socket's other end at. */
const socketFd = 3

/** Ahead of ordinary processes, behind what the system itself puts first. A guess. */
const niceness = -10

/** How often the slots' CPU time is looked at: a cap of watts is about minutes. A guess. */
const sampleMs = 5_000

/** Values that changed without consequence are reported this often, for people who watch them (carpool why). */
const tellIntervalMs = 1_000

/** Beyond this the node does not read, and further news would be old by the time it does. Four judgements. */
const backlogBytesMax = 16 * 1024

interface ChildState {
  readonly startedTicks: number | null
  isFrozen: boolean
}

process.umask(0o077)
const socket = new Socket({ fd: socketFd })
/** Ends the providers, and with them the programs that they run. */
const leaving = new AbortController()
const children = new Map<number, ChildState>()
const log = pino(
  { level: 'info', base: null },
  { write: (line: string) => say({ type: 'log', line: line.slice(0, 16_384) }) },
)
const cpuTimes = new CpuTimes()
let guard: RulesDriver | undefined
const unused = new UnusedSignals()
let trafficBytes = 0
const steps = new ClockSteps(systemClock)
let callOffWake = () => {}
let tellTimer: NodeJS.Timeout | undefined
let told = { text: '', gist: '' }

// Before a machine that is busy with anything else, where this user may ask for it; providers' programs inherit it.
try {
  setPriority(niceness)
  // The node starts it as a session of its own.
  setSessionNiceness('self', niceness)
} catch {
  // The scheduler wakes a process that mostly sleeps soon in any case.
}

const reader = new LineReader(messageBytesMax)
socket.on('data', (chunk: Uint8Array) => {
  try {
    for (const line of reader.push(chunk)) hear(toSupervisorSchema.parse(JSON.parse(line)))
  } catch (error) {
    fail(error as Error)
  }
})
socket.on('drain', tell)
socket.on('error', leave)
socket.on('close', leave)

function hear(message: ToSupervisor): void {
  switch (message.type) {
    case 'begin':
      begin(message)
      break
    case 'child':
      // The bound ends a node that floods us; a child that comes during a stop is frozen before its first work.
      if (children.size >= childrenMax) throw new Error(`more than ${childrenMax} children`)
      children.set(message.pid, { startedTicks: message.startedTicks, isFrozen: false })
      cpuTimes.add(message.pid)
      if (guard === undefined || guard.judgement.verdict === 'stop') freeze()
      break
    case 'gone':
      children.delete(message.pid)
      cpuTimes.drop(message.pid)
      break
    case 'pause':
    case 'resume':
    case 'preferences':
      follow(() => guard!.handle(message, systemClock.now()))
      say({ type: 'heeded' })
      break
    case 'tick':
      trafficBytes += message.trafficBytes
      say({ type: 'tock' })
      break
  }
}

function begin({
  preferences,
  signals,
  network,
  slotWatts,
  kept,
  pause,
  logLevel,
}: ToSupervisor & { type: 'begin' }): void {
  if (guard !== undefined) throw new Error('begun twice')
  log.level = logLevel
  const nowMs = systemClock.now()
  const provider = openProviders(signals, network, log, noteUnused)
  guard = new RulesDriver({ preferences, isVehicle: true, slotWatts, kept }, nowMs)
  follow(() => guard!.handle(pause === null ? { type: 'look' } : { type: 'pause', ...pause }, nowMs))
  setInterval(() => follow(sample), sampleMs)
  void read(provider.readings(leaving.signal))
}

async function read(readings: ReturnType<ReturnType<typeof openProviders>['readings']>): Promise<void> {
  try {
    for await (const state of readings)
      follow(() => guard!.handle({ type: 'readings', readings: state }, systemClock.now()))
    if (!leaving.signal.aborted) throw new Error('the vehicle’s signals ended')
  } catch (error) {
    fail(error as Error)
  }
}

/** It is told to the owner with the next judgement; nothing follows from it. */
function noteUnused(name: string): void {
  if (unused.note(name)) guard?.handle({ type: 'unused', name }, systemClock.now())
}

/** Does something that may change the judgement, and then acts on the new one: the slots first. */
function follow(change: () => void): void {
  const byMs = steps.take()
  if (byMs !== 0) guard!.handle({ type: 'clock-set', byMs }, systemClock.now())
  change()
  if (guard!.judgement.verdict === 'stop') freeze()
  else resume()
  const { wakeAtMs } = guard!
  callOffWake()
  if (wakeAtMs !== null)
    callOffWake = at(systemClock, wakeAtMs, () =>
      follow(() => guard!.handle({ type: 'look' }, systemClock.now())),
    )
  tell()
}

function freeze(): void {
  for (const [pid, child] of children) if (!child.isFrozen) signal(pid, child, 'SIGSTOP')
}

function resume(): void {
  for (const [pid, child] of children) if (child.isFrozen) signal(pid, child, 'SIGCONT')
}

/** To this child and no other: its pid may be somebody else's by now. */
function signal(pid: number, child: ChildState, name: 'SIGSTOP' | 'SIGCONT' | 'SIGKILL'): void {
  const stat = statOf(pid)
  if (child.startedTicks !== null && stat?.startedTicks !== child.startedTicks) return
  try {
    process.kill(pid, name)
    child.isFrozen = name === 'SIGSTOP'
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH')
      log.error({ pid, signal: name, error }, 'a slot’s process takes no signal')
  }
}

function sample(): void {
  guard!.count(cpuTimes.take(), trafficBytes, systemClock.now())
  trafficBytes = 0
  const kept = guard!.takeKept(systemClock.now())
  if (kept !== null) say({ type: 'keep', kept })
}

/** At once when something follows from it. */
function tell(): void {
  if (guard === undefined) return
  if (gist() === told.gist) tellTimer ??= setTimeout(tellNow, tellIntervalMs)
  else tellNow()
}

function tellNow(): void {
  clearTimeout(tellTimer)
  tellTimer = undefined
  const { judgement, energyRate } = guard!
  const text = JSON.stringify({ type: 'judged', judgement, energyRate } satisfies FromSupervisor)
  if (text === told.text || socket.writableLength > backlogBytesMax) return
  told = { text, gist: gist() }
  socket.write(`${text}\n`)
}

function gist(): string {
  const { judgement, energyRate } = guard!
  return JSON.stringify([judgement.verdict, judgement.reasons, judgement.availableUntilMs, energyRate])
}

function say(message: FromSupervisor): void {
  // Lines of a log are the first to go; state to be kept comes again in a minute.
  if (message.type !== 'tock' && socket.writableLength > backlogBytesMax) return
  socket.write(`${JSON.stringify(message)}\n`)
}

/** The node starts another one. */
function fail(error: Error): void {
  freeze()
  leaving.abort()
  socket.end(`${JSON.stringify({ type: 'failed', message: error.message.slice(0, 4096) })}\n`, () =>
    process.exit(1),
  )
}

function leave(): void {
  leaving.abort()
  for (const [pid, child] of children) signal(pid, child, 'SIGKILL')
  process.exit(0)
}
