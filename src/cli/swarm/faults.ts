/** What goes wrong in a demonstration: which faults there are, and when they strike. */
import { fileURLToPath } from 'node:url'
import { CommandFailure, usageExitCode } from '../failure.ts'
import type { Member } from './member.ts'
import type { Swarm, SwarmVehicle } from './swarm.ts'

const faultNames = ['liar', 'kill', 'drive-off'] as const
export type Fault = (typeof faultNames)[number]

export interface Casualty {
  readonly fault: Exclude<Fault, 'liar'>
  readonly member: Member
  readonly atSeconds: number
}

const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js'
const liarProgram = fileURLToPath(new URL(`./liar.${extension}`, import.meta.url))

/** How often vehicles are looked at while a fault waits for one that works. */
const lookIntervalMs = 50

/** Throws CommandFailure for a fault that there is not. */
export function parseFaults(text: string): ReadonlySet<Fault> {
  if (text === 'none' || text === '') return new Set()
  const names = text.split(',').map((name) => name.trim())
  for (const name of names)
    if (!(faultNames as readonly string[]).includes(name))
      throw new CommandFailure(
        `there is no fault '${name}'; there are none, ${faultNames.join(', ')}`,
        usageExitCode,
      )
  return new Set(names as Fault[])
}

/** car-1, car-2 …, the second of them a liar if one is asked for. */
export function vehiclesFor(count: number, faults: ReadonlySet<Fault>): SwarmVehicle[] {
  return Array.from({ length: count }, (_, i) => {
    const name = `car-${i + 1}`
    return faults.has('liar') && i === Math.min(1, count - 1) ? { name, program: liarProgram } : { name }
  })
}

export function isLiar(vehicle: SwarmVehicle): boolean {
  return vehicle.program === liarProgram
}

/**
 * Lets the faults strike vehicles that work on a page: one is killed, then another one's owner drives off.
 * Resolves when all have struck, or the signal says that there is nothing left to disturb.
 */
export async function strike(
  swarm: Swarm,
  vehicles: readonly SwarmVehicle[],
  faults: ReadonlySet<Fault>,
  onStrike: (casualty: Casualty) => void,
  signal: AbortSignal,
): Promise<void> {
  const startedMs = Date.now()
  const honest = vehicles.filter((vehicle) => !isLiar(vehicle)).map(({ name }) => swarm.vehicle(name))
  const struck = new Set<Member>()
  for (const fault of ['kill', 'drive-off'] as const) {
    if (!faults.has(fault)) continue
    // Who drives off has something to hand back; who is killed loses what he has.
    const shardsDoneMin = fault === 'drive-off' ? 1 : 0
    const candidates = honest.filter((candidate) => !struck.has(candidate))
    const member = await firstAtWork(candidates, shardsDoneMin, signal)
    if (member === undefined) return
    struck.add(member)
    if (fault === 'kill') await member.end('SIGKILL')
    else await member.node.pause(null)
    onStrike({ fault, member, atSeconds: (Date.now() - startedMs) / 1000 })
  }
}

async function firstAtWork(
  members: readonly Member[],
  shardsDoneMin: number,
  signal: AbortSignal,
): Promise<Member | undefined> {
  while (!signal.aborted) {
    for (const member of members) {
      const { vehicle } = await member.node.info()
      const atWork = vehicle.slots.free < vehicle.slots.total && vehicle.leases > 0
      if (atWork && vehicle.shardsDone >= shardsDoneMin) return member
    }
    await new Promise((resolve) => setTimeout(resolve, lookIntervalMs))
  }
  return undefined
}
