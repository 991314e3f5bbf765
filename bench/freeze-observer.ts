/**
 * Says that a vehicle drives and that it is parked, in turn, and watches from outside how long its slots go on: in a
 * process of its own, since the node of the benchmark is busy on purpose. Told of the slots' pids, it answers each round.
 */
import { once } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import { statOf } from '../src/host/executor/usage.ts'
import { standsStill } from '../test/support/threads.ts'
import { driving, parked, VehicleBus } from '../test/support/vehicle-bus.ts'

export interface Order {
  readonly pids: readonly number[]
  readonly rounds: number
}

export interface Round {
  /** When the reading was written, on the machine's monotonic clock. */
  readonly saidMs: number
  /** Until no thread of any slot ran any more. */
  readonly frozenMs: number
  /** CPU time that the slots used in the time after that. */
  readonly leakedMs: number
}

/** How long a frozen slot is watched, and how long a slot works between two stops, at least and at most. */
const watchMs = 100
const [workMsMin, workMsMax] = [100, 400]
/** A slot that goes on for longer than this fails the benchmark. */
const frozenMsMax = 10_000

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
  while (!pids.every(standsStill)) {
    if (monotonicMs() - saidMs > frozenMsMax) throw new Error(`still at work after ${frozenMsMax} ms`)
    Atomics.wait(cell, 0, 0, 0.2)
  }
  const frozenMs = monotonicMs() - saidMs
  const before = pids.map(cpuMsOf)
  await delay(watchMs)
  return { saidMs, frozenMs, leakedMs: pids.reduce((sum, pid, i) => sum + cpuMsOf(pid) - before[i]!, 0) }
}

function cpuMsOf(pid: number): number {
  return statOf(pid)!.cpuMs
}

function monotonicMs(): number {
  return Number(process.hrtime.bigint()) / 1e6
}
