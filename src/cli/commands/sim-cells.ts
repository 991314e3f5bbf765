/** `carpool sim --cells <vehicles>`: a day of a mesh of cells, or a cartel against its draws. */
import { CartelWorld, cartelWays } from '../../simulator/cells/cartel.ts'
import { type DayResult, type DayScenario, dayScenarios, liveDay } from '../../simulator/cells/day.ts'
import { CommandFailure, usageExitCode } from '../failure.ts'
import { formatNumber } from '../format.ts'
import { note, print, printJson } from '../output.ts'

export interface CellsFlags {
  readonly seed: number
  readonly cells: number
  readonly scenario?: string
  readonly sampled: number
  readonly sampledHours: number
  readonly json?: boolean
}

const censuses = 400
const drawsPerCensus = 20
const cartelCells = 64

export function simulateCells(flags: CellsFlags): void {
  const { seed, cells: vehicles, scenario = 'ordinary', sampled, sampledHours, json } = flags
  if (scenario === 'cartel') {
    measureCartel(seed, json === true)
    return
  }
  if (!dayScenarios.includes(scenario as DayScenario))
    throw new CommandFailure(
      `with --cells, --scenario is one of ${dayScenarios.join(', ')}, cartel`,
      usageExitCode,
    )
  const startedMs = performance.now()
  const options = { seed, vehicles, scenario: scenario as DayScenario, sampledCells: sampled, sampledHours }
  const result = liveDay(options, note)
  if (json === true) {
    printJson(result)
    return
  }
  for (const line of linesOf(result)) print(line)
  print(`${((performance.now() - startedMs) / 60_000).toFixed(1)} min`)
}

function linesOf(result: DayResult): string[] {
  const { vehicles, scenario, steps, sampled } = result
  const hours = steps.filter(({ step }) => step % 24 === 0)
  return [
    `${formatNumber(vehicles)} vehicles, ${scenario} day`,
    ...hours.map(
      ({ step, present, cells, smallest, largest }) =>
        `${`${step / 12}`.padStart(2, '0')}:00  ${formatNumber(present)} in ${formatNumber(cells)} cells of ${smallest} to ${largest}`,
    ),
    `a vehicle in the mesh: ${formatNumber(Math.round(result.bytesPerSecond))} bytes/s, ${(100 * result.cpuShare).toFixed(2)} % of a core, ${formatNumber(Math.round(result.memoryBytes / 1024))} KiB`,
    `${result.moves.toFixed(2)} moves between cells a vehicle and day, the largest cell had ${result.largestCell}`,
    `${formatNumber(result.lookups)} of ${formatNumber(result.arrivals)} arrivals had to ask a bootstrap node`,
    sampled === null
      ? 'no cell was sampled: cells are counted, and their machines did not run'
      : `sampled: ${formatNumber(sampled.nodes)} vehicles with the whole machine, ${Math.round(sampled.hours)} hours together; all others are counted. ` +
        `${sampled.splits} splits and ${sampled.merges} merges there, ${sampled.questionsPerNodeHour.toFixed(1)} questions an hour, ` +
        `${sampled.censuses} censuses of ${sampled.membersPerCensus.toFixed(0)}, ${sampled.doubtedCells} cells doubted`,
  ]
}

function measureCartel(seed: number, json: boolean): void {
  for (const f of [0.01, 0.05, 0.2]) {
    const world = new CartelWorld(seed, cartelCells, f)
    for (const way of cartelWays) {
      const result = world.measure(way, f, censuses, drawsPerCensus)
      if (json) printJson(result)
      else
        print(
          `${(100 * f).toFixed(0)} % that ${way}, with one cell of ${cartelCells} captured: ${(100 * result.share).toFixed(2)} % of voices, ` +
            `both of ${(100 * result.both).toFixed(3)} % of shards, ${result.doubted} cells left out in ${censuses} censuses`,
        )
    }
  }
}
