/**
 * Says that a vehicle drives and that it is parked, in turn, and watches from outside how long its slots go on: in a
 * process of its own, since the node of the benchmark is busy on purpose, and ahead of all others where it may be, since what it
 * does not see in time would count as the slots' own. Told of the slots' pids, it answers each round.
 */
import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { setPriority } from 'node:os'
import { setTimeout as delay } from 'node:timers/promises'
import { statOf } from '../src/host/executor/usage.ts'
import { setSessionNiceness } from '../src/host/session-niceness.ts'
import { standsStill } from '../test/support/threads.ts'
import { driving, parked, VehicleBus } from '../test/support/vehicle-bus.ts'

export interface Order {
  readonly pids: readonly number[]
  readonly rounds: number
}

export interface Round {
  /** When the reading was written, on the machine's monotonic clock. */
  readonly saidMs: number
  /** Until the slots used no processor any more, but for what it takes to stop. */
  readonly frozenMs: number
  /** Until each of their threads had stopped, also those that had to be woken for it, when the processor was free for that. */
  readonly stoppedMs: number
  /** CPU time that the slots used in the time after that. */
  readonly leakedMs: number
}

/** How long a frozen slot is watched, and how long a slot works between two stops, at least and at most. */
const watchMs = 100
const [workMsMin, workMsMax] = [100, 400]
/** A slot that goes on for longer than this fails the benchmark. */
const stoppedMsMax = 10_000
/** The processor time that two slots with a dozen threads each may use to stop; a thread that computes uses it in as long. */
const stoppingMs = 1
const niceness = -20

try {
  setPriority(niceness)
  setSessionNiceness('self', niceness)
} catch {
  // Then it sees some things late.
}

const bus = new VehicleBus(process.argv[2]!)
bus.say(parked)
process.send!({ source: bus.source })
const [{ pids, rounds }] = (await once(process, 'message')) as [Order]
for (let i = 0; i < rounds; i += 1) {
  bus.say(parked)
  while (pids.some((pid) => statOf(pid)?.state === 'T')) await delay(5)
  // Not in step with anything else that happens on the machine.
  await delay(workMsMin + Math.random() * (workMsMax - workMsMin))
  process.send!(await preempt())
}
process.disconnect()
bus.close()

async function preempt(): Promise<Round> {
  const cell = new Int32Array(new SharedArrayBuffer(4))
  const saidMs = monotonicMs()
  bus.say(driving)
  const looks: { readonly atMs: number; readonly ranMs: number }[] = []
  for (let isOver = false; !isOver; ) {
    isOver = pids.every(standsStill)
    const ranMs = pids.reduce((sum, pid) => sum + threadMsOf(pid), 0)
    looks.push({ atMs: monotonicMs() - saidMs, ranMs })
    if (looks.at(-1)!.atMs > stoppedMsMax) throw new Error(`still at work after ${stoppedMsMax} ms`)
    Atomics.wait(cell, 0, 0, 0.2)
  }
  const { atMs: stoppedMs, ranMs } = looks.at(-1)!
  const frozenMs = looks.find((look) => ranMs - look.ranMs <= stoppingMs)!.atMs
  const before = pids.map(cpuMsOf)
  await delay(watchMs)
  return {
    saidMs,
    frozenMs,
    stoppedMs,
    leakedMs: pids.reduce((sum, pid, i) => sum + cpuMsOf(pid) - before[i]!, 0),
  }
}

/** The processor time of all threads, as the scheduler counts it: of one that runs, up to its last tick. */
function threadMsOf(pid: number): number {
  let ns = 0
  for (const thread of readdirSync(`/proc/${pid}/task`)) {
    try {
      ns += Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'latin1').split(' ')[0])
    } catch {
      // It has ended.
    }
  }
  return ns / 1e6
}

function cpuMsOf(pid: number): number {
  return statOf(pid)!.cpuMs
}

function monotonicMs(): number {
  return Number(process.hrtime.bigint()) / 1e6
}
