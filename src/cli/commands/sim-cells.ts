/** `carpool sim --cells <vehicles>`: a day of a mesh of cells, a fleet that joins, or a cartel against its draws. */
import { CartelWorld, cartelWays } from '../../simulator/cells/cartel.ts'
import { type DayResult, type DayScenario, dayScenarios, liveDay } from '../../simulator/cells/day.ts'
import { joinAll } from '../../simulator/cells/joining.ts'
import type { Worked } from '../../simulator/cells/worked.ts'
import { CommandFailure, usageExitCode } from '../failure.ts'
import { formatCount, formatNumber } from '../format.ts'
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
const joining = { minutes: 30, bootstraps: 3 }

export function simulateCells(flags: CellsFlags): void {
  const { seed, cells: vehicles, scenario = 'ordinary', sampled, sampledHours, json } = flags
  if (scenario === 'cartel') {
    measureCartel(seed, json === true)
    return
  }
  if (scenario === 'joining') {
    simulateJoining(seed, vehicles, json === true)
    return
  }
  if (!dayScenarios.includes(scenario as DayScenario))
    throw new CommandFailure(
      `with --cells, --scenario is one of ${dayScenarios.join(', ')}, joining, cartel`,
      usageExitCode,
    )
  const startedMs = performance.now()
  const options = { seed, vehicles, scenario: scenario as DayScenario, sampledCells: sampled, sampledHours }
  const result = liveDay(options, note)
  const { cpuSeconds, mebibytes } = spent()
  if (json === true) printJson({ ...result, cpuSeconds, mebibytes })
  else {
    for (const line of linesOf(result)) print(line)
    const minutes = ((performance.now() - startedMs) / 60_000).toFixed(1)
    print(`the simulation: ${minutes} min, ${cpuSeconds} CPU-s, ${mebibytes} MiB`)
  }
  result.broken.forEach(note)
  if (result.broken.length > 0) throw new CommandFailure(formatCount(result.broken.length, 'broken promise'))
}

/** The processor time of this process, and its memory at most. */
function spent() {
  const { userCPUTime, systemCPUTime, maxRSS } = process.resourceUsage()
  return {
    cpuSeconds: Math.round((userCPUTime + systemCPUTime) / 1e6),
    mebibytes: Math.round(maxRSS / 1024),
  }
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
        `${sampled.censuses} censuses of ${sampled.membersPerCensus.toFixed(0)}, ${sampled.doubtedCells} cells doubted; ` +
        `astray at most ${sampled.astrayMost}, at the end ${sampled.astrayAtEnd}${healed(sampled.healedAfterMs)}`,
    ...(result.worked === null ? [] : workedLines(result.worked)),
  ]
}

function healed(afterMs: number | null): string {
  return afterMs === null ? '' : `, none ${afterMs / 60_000} min after the day’s trouble`
}

function workedLines(worked: Worked): string[] {
  const { completionMinutes: done, takeoverSeconds: takeover } = worked
  return [
    `sampled, too: ${worked.cells} cells of ${formatNumber(worked.vehicles)} vehicles with councils, workers, disks and jobs, each a world of its own. ` +
      `${worked.jobsComplete} of ${formatCount(worked.jobs, 'job')} complete, ${worked.jobsLost} lost, in ${done.median.toFixed(0)} min (p99 ${done.p99.toFixed(0)}); ` +
      `${worked.wrongAccepted} of ${formatNumber(worked.shards)} results wrong, ${worked.executionsPerShard.toFixed(2)} executions a shard, ${formatCount(worked.violations.length, 'violation')}`,
    `${worked.takeovers} takeovers in ${takeover.median.toFixed(1)} s (p99 ${takeover.p99.toFixed(1)}, most ${takeover.most.toFixed(1)}), ${worked.handovers} stewards replaced`,
    `from other cells: ${worked.censuses} censuses listed ${formatNumber(worked.listedAbroad)} vehicles, ${formatNumber(worked.workedAbroad)} of which worked; ${worked.doubtedCells} cells left out`,
  ]
}

function simulateJoining(seed: number, vehicles: number, json: boolean): void {
  const result = joinAll({ ...joining, seed, vehicles }, note)
  const { cpuSeconds, mebibytes } = spent()
  if (json) {
    printJson({ ...result, cpuSeconds, mebibytes })
    return
  }
  const { joinSeconds: took, joinSecondsWhileDown: whileDown } = result
  print(
    `${formatNumber(result.joined)} of ${formatNumber(vehicles)} vehicles joined within ${result.minutes} minutes through ${result.bootstraps} bootstrap nodes`,
  )
  print(
    `in its cell after ${took.median.toFixed(0)} s (p99 ${took.p99.toFixed(0)}, most ${took.most.toFixed(0)}); ` +
      `while one bootstrap node was down ${whileDown.median.toFixed(0)} s (p99 ${whileDown.p99.toFixed(0)}, most ${whileDown.most.toFixed(0)})`,
  )
  print(
    `a bootstrap node was asked ${(result.questions / result.bootstraps / (60 * result.minutes)).toFixed(1)} questions a second, ${result.questionsPerSecond.toFixed(1)} in its busiest ten seconds, ` +
      `${result.questionsPerSecondWhileDown.toFixed(1)} while another one was down; all nodes together ${formatNumber(result.asked)}`,
  )
  print(
    `${formatNumber(result.cells)} cells, the largest of ${result.largestCell} (${formatNumber(result.largestCellMost)} on the way), ${formatNumber(result.moves)} moves; ` +
      (result.settledMinutes === null
        ? 'not settled'
        : `settled ${result.settledMinutes} min after the last came`),
  )
  print(`the simulation: ${cpuSeconds} CPU-s, ${mebibytes} MiB`)
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
