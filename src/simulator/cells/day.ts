/** A day of a mesh of cells: all vehicles by presence and rules, a part of its cells by their machines and with jobs, and what that costs a vehicle. */

import { arcOf, isInArc } from '../../protocol/cells/key.ts'
import { Elsewhere } from './elsewhere.ts'
import { presenceOf, stepMs, stepsPerDay } from './presence.ts'
import { Region } from './region.ts'
import type { StepCounts } from './whole.ts'
import { CoarseMesh, type Steps, type Trouble } from './whole.ts'
import { firstCellAbroad, workIn } from './work.ts'
import { sumUp, type Worked } from './worked.ts'

/** Measured on real nodes: one advert or digest that a node hears, with the copies that gossip brings it, and one message. */
const gossipCpuMs = 4.5
const gossipBytes = 11_000
const messageCpuMs = 0.5
const messageBytes = 900
/** A roster's entry, and the machine of cells beside it with its contacts and digests. */
const entryBytes = 2_860
const machineBytes = 60_000

export const dayScenarios = ['ordinary', 'evening', 'dark', 'parted', 'liars'] as const
export type DayScenario = (typeof dayScenarios)[number]

export interface DayOptions {
  readonly seed: number
  readonly vehicles: number
  readonly scenario: DayScenario
  /** Cells whose nodes all run the machine, about; 0: none. */
  readonly sampledCells: number
  /** Virtual hours for which they do. */
  readonly sampledHours: number
}

export interface DayResult {
  readonly vehicles: number
  readonly scenario: DayScenario
  readonly steps: readonly StepCounts[]
  /** The traffic of a vehicle that is in the mesh, on average over the sampled cells, beside its work. */
  readonly bytesPerSecond: number
  readonly cpuShare: number
  readonly memoryBytes: number
  /** Moves of a vehicle, a day. */
  readonly moves: number
  readonly largestCell: number
  /** Questions at bootstrap nodes of all vehicles in a day: by those who had nobody left to ask. */
  readonly lookups: number
  readonly arrivals: number
  readonly sampled: {
    readonly nodes: number
    readonly hours: number
    readonly splits: number
    readonly merges: number
    readonly censuses: number
    readonly doubtedCells: number
    readonly membersPerCensus: number
    readonly questionsPerNodeHour: number
    /** The most nodes in cells beside or above those of more around them, in one step, and how many are at the end. */
    readonly astrayMost: number
    readonly astrayAtEnd: number
    /** So long after the day's trouble was over nobody was astray any more; null: there was none, or somebody was. */
    readonly healedAfterMs: number | null
  } | null
  readonly worked: Worked | null
  /** Promises that were broken, each as a sentence; empty: all held. */
  readonly broken: readonly string[]
}

export function liveDay(options: DayOptions, say: (line: string) => void): DayResult {
  const { seed, vehicles, scenario, sampledCells, sampledHours } = options
  const whole = new CoarseMesh(seed, vehicles, troubleOf(scenario))
  const evening = scenario === 'evening' ? 18 : null
  for (let vehicle = 0; vehicle < vehicles; vehicle += 1) {
    const { here, works, isMetered } = presenceOf(
      seed,
      vehicle,
      vehicle % 5 === 0 ? 'robotaxi' : 'private',
      evening,
    )
    whole.setDay(vehicle, here, works, isMetered)
    if (vehicle % 10_000 === 9_999) say(`${vehicle + 1} days of vehicles`)
  }
  const steps: StepCounts[] = []
  let region: Region | undefined
  for (const counts of whole.run()) {
    steps.push(counts)
    if (sampledCells > 0 && counts.step * stepMs < sampledHours * 3_600_000) {
      region ??= new Region(whole, seed, counts, sampledCells)
      region.live(counts)
    }
    if (counts.step % 12 === 11)
      say(`hour ${(counts.step + 1) / 12} of ${stepsPerDay / 12}: ${counts.present} in ${counts.cells} cells`)
  }
  const worked = region === undefined ? null : workOf(whole, region, options, say)
  const sum = (key: 'moved' | 'arrivals' | 'lost') => steps.reduce((total, step) => total + step[key], 0)
  const sampled = region === undefined ? null : sampledOf(region, troubleOf(scenario))
  return {
    ...{ vehicles, scenario, steps, ...costOf(steps, region) },
    moves: sum('moved') / vehicles,
    largestCell: Math.max(...steps.map(({ largest }) => largest)),
    ...{ lookups: sum('lost'), arrivals: sum('arrivals') },
    ...{ sampled, worked, broken: brokenIn(sampled, worked) },
  }
}

/** A cell may be about to split, or to merge, when the day ends. */
const astrayShareMax = 0.01

function brokenIn(sampled: DayResult['sampled'], worked: Worked | null): string[] {
  if (sampled === null || worked === null) return []
  const { astrayAtEnd, nodes } = sampled
  const { jobs, jobsComplete, violations } = worked
  return [
    ...violations,
    ...(jobsComplete < jobs ? [`${jobs - jobsComplete} of ${jobs} jobs are not complete`] : []),
    ...(astrayAtEnd > astrayShareMax * nodes
      ? [`${astrayAtEnd} of ${nodes} nodes are not in one cell with others around them`]
      : []),
  ]
}

/** In each of the sampled cells, as they are at the end of the day. */
function workOf(
  whole: CoarseMesh,
  { arc }: Region,
  { seed }: DayOptions,
  say: (line: string) => void,
): Worked {
  const elsewhere = new Elsewhere(whole)
  if (whole.trouble.cartelEvery !== undefined) elsewhere.captured = firstCellAbroad(elsewhere)
  const cells = whole.cells().filter((cell) => isInArc(arc, arcOf(cell).from))
  return sumUp(
    cells.map((cell, index) => {
      const outcome = workIn(elsewhere, { seed, index, cell })
      say(
        `work in cell ${index + 1} of ${cells.length}: ${outcome.jobsComplete} of ${outcome.jobs} jobs complete`,
      )
      return outcome
    }),
  )
}

/** By the counts of the sampled cells, or, without any, by the sizes of cells alone. */
function costOf(steps: readonly StepCounts[], region: Region | undefined) {
  const around = steps.reduce((total, step) => total + step.around * step.present, 0)
  const members = around / steps.reduce((total, step) => total + step.present, 0)
  const seconds = region === undefined ? 1 : (region.nodeSteps * stepMs) / 1000
  const gossiped =
    region === undefined ? members / 60 : (region.mesh.gossip.received + region.counts.digests) / seconds
  const messages = region === undefined ? 0 : (region.counts.messages + region.counts.reports) / seconds
  const known = region === undefined ? members : region.known / region.nodeSteps
  return {
    bytesPerSecond: gossiped * gossipBytes + messages * messageBytes,
    cpuShare: (gossiped * gossipCpuMs + messages * messageCpuMs) / 1000,
    memoryBytes: known * entryBytes + machineBytes,
  }
}

function sampledOf(region: Region, trouble: Trouble): NonNullable<DayResult['sampled']> {
  const censuses = [...region.mesh.censuses.values()]
  const { splits, merges, asked } = region.counts
  const hours = (region.nodeSteps * stepMs) / 3_600_000
  return {
    ...{ nodes: region.sampled, hours, splits, merges, censuses: censuses.length },
    doubtedCells: censuses.reduce((total, { doubted }) => total + doubted.length, 0),
    membersPerCensus:
      censuses.reduce((total, { members }) => total + members.length, 0) / Math.max(1, censuses.length),
    questionsPerNodeHour: asked / hours,
    ...{ astrayMost: Math.max(...region.astray), astrayAtEnd: region.astray.at(-1)! },
    healedAfterMs: healedAfter(region.astray, trouble.dark ?? trouble.parted),
  }
}

function healedAfter(astray: readonly number[], trouble: Steps | undefined): number | null {
  if (trouble === undefined || astray.at(-1) !== 0) return null
  const last = astray.findLastIndex((nodes) => nodes > 0)
  return Math.max(0, last + 1 - trouble.untilStep) * stepMs
}

function troubleOf(scenario: DayScenario): Trouble {
  // At eight in the evening, for two hours.
  const hours = { fromStep: 20 * 12, untilStep: 22 * 12 }
  if (scenario === 'dark') return { dark: { ...hours, share: 0.2 } }
  if (scenario === 'liars') return { cartelEvery: 20 }
  return scenario === 'parted' ? { parted: hours } : {}
}
