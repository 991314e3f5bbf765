/** Casts a demonstration: one vehicle lies, one drives off, one is not charged enough to work. */
import { fileURLToPath } from 'node:url'
import { CommandFailure, usageExitCode } from '../failure.ts'
import type { SwarmVehicle } from './swarm.ts'

const faultNames = ['liar', 'kill', 'drive-off', 'low-charge', 'hot', 'late'] as const
export type Fault = (typeof faultNames)[number]

/** `steady` is parked and plugged in from beginning to end, unless it is killed. */
type Part = Exclude<Fault, 'kill'> | 'steady'

export interface CastVehicle extends SwarmVehicle {
  readonly part: Part
}

const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js'
/** A node that falsifies what its engines read. */
const liarProgram = fileURLToPath(new URL(`../liar.${extension}`, import.meta.url))

/** Throws CommandFailure for a fault that there is not. */
export function parseFaults(text: string): ReadonlySet<Fault> {
  if (text === 'none' || text === '') return new Set()
  const names = text.split(',').map((name) => name.trim())
  for (const name of names)
    if (!(faultNames as readonly string[]).includes(name))
      throw new CommandFailure(
        `there is no fault '${name}'; name none, or any of ${faultNames.join(', ')}`,
        usageExitCode,
      )
  return new Set(names as Fault[])
}

/**
 * Returns the faults of a demonstration for which nobody chose any: all of them or, among few vehicles, those that
 * leave enough vehicles to agree. `isQuick`: the job is over before most of them could happen.
 */
export function faultsFor(count: number, isQuick = false): ReadonlySet<Fault> {
  const all: readonly (readonly Fault[])[] = [faultNames, ['liar', 'kill', 'drive-off'], ['liar'], []]
  const choices = isQuick ? all.slice(2) : all
  return new Set(choices.find((faults) => count >= vehiclesFor(new Set(faults)))!)
}

/**
 * Returns the number of vehicles that these faults need: one for each, and two that stay to the end, since only
 * results that two agree on are verified.
 */
function vehiclesFor(faults: ReadonlySet<Fault>): number {
  return faults.size === 0 ? 1 : faults.size + 2
}

/** Throws CommandFailure where so much cannot go wrong among so few. */
export function castOf(count: number, faults: ReadonlySet<Fault>): CastVehicle[] {
  const least = vehiclesFor(faults)
  if (count < least)
    throw new CommandFailure(
      `these faults need at least ${least} vehicles: raise --vehicles, or name fewer --faults`,
      usageExitCode,
    )
  const parts: Part[] = faultNames.filter((fault) => fault !== 'kill').filter((fault) => faults.has(fault))
  const steady = new Array<Part>(count - parts.length).fill('steady')
  return [...steady, ...parts].map((part, i) => ({
    name: `car-${i + 1}`,
    part,
    ...(part === 'liar' ? { program: liarProgram } : {}),
  }))
}
