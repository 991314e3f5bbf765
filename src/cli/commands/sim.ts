/**
 * `carpool sim`: runs the protocol in a virtual world. One seed prints what happened, or, on a violation, the last
 * events and the command that repeats it; a campaign runs thousands of seeds over all cores and prints a table.
 */
import { fork } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import type { Command } from 'commander'
import { type Run, tabulate } from '../../simulator/campaign.ts'
import { dayScenarios } from '../../simulator/cells/day.ts'
import {
  campaignScenarios,
  formatScenario,
  parseScenario,
  type Scenario,
  scenarios,
} from '../../simulator/scenario.ts'
import { shrink } from '../../simulator/shrink.ts'
import { World } from '../../simulator/world.ts'
import { CommandFailure, usageExitCode } from '../failure.ts'
import { wholeNumber } from '../flags.ts'
import { formatCount, formatNumber } from '../format.ts'
import { note, print, printJson } from '../output.ts'
import { simulateCells } from './sim-cells.ts'

interface SimFlags {
  readonly seed: number
  readonly seeds?: number
  readonly scenario?: string
  readonly vehicles?: number
  readonly minutes: number
  readonly campaign?: boolean
  readonly shrink?: boolean
  readonly json?: boolean
  readonly cells?: number
  readonly sampled: number
  readonly sampledHours: number
}

const launcher = fileURLToPath(new URL('../../../bin/carpool.js', import.meta.url))
const campaignSeeds = 250

export function simCommand(program: Command): void {
  program
    .command('sim')
    .summary('run the protocol in a virtual world')
    .description(
      'Runs stewards and vehicles on virtual time, network, disks and owners, and checks after every event that the protocol keeps its promises. The same seed gives the same events.',
    )
    .option('--seed <number>', 'the first seed', wholeNumber(0, 2 ** 31), 1)
    .option('--seeds <count>', 'number of seeds, one after the other', wholeNumber(1, 1_000_000))
    .option(
      '--scenario <name|file>',
      `one of ${Object.keys(scenarios).join(', ')}, 'all' but the last, or a file (default: chaos)`,
    )
    .option('--vehicles <count>', 'number of vehicles, in place of the scenario’s', wholeNumber(1, 10_000))
    .option(
      '--minutes <count>',
      'virtual minutes of trouble, before the world may heal',
      wholeNumber(1, 100_000),
      10,
    )
    .option('--campaign', `all scenarios over all cores, ${campaignSeeds} seeds each unless told otherwise`)
    .option('--shrink', 'after a violation, look for a smaller scenario that shows it')
    .option(
      '--cells <vehicles>',
      `a day of a mesh of so many vehicles in cells; --scenario is then ${dayScenarios.join(', ')}, joining or cartel`,
      wholeNumber(100, 10_000_000),
    )
    .option(
      '--sampled <cells>',
      'with --cells: cells whose vehicles all run the whole machine, and have jobs',
      wholeNumber(0, 4_096),
      64,
    )
    .option(
      '--sampled-hours <hours>',
      'with --cells: virtual hours for which they do',
      wholeNumber(1, 24),
      24,
    )
    .option('--json', 'JSON lines')
    .action(simulate)
    .addHelpText(
      'after',
      '\nExamples:\n  $ carpool sim --seed 17 --scenario partitions\n  $ carpool sim --campaign --seeds 1000',
    )
}

async function simulate(flags: SimFlags): Promise<void> {
  if (flags.cells !== undefined) {
    simulateCells({ ...flags, cells: flags.cells })
    return
  }
  if (flags.campaign === true) {
    await campaign(flags)
    return
  }
  let violations = 0
  for (let seed = flags.seed; seed < flags.seed + (flags.seeds ?? 1); seed += 1)
    for (const scenario of scenariosOf(flags)) violations += runOne(scenario, seed, flags).violations
  if (violations > 0) throw new CommandFailure(`${formatCount(violations, 'violation')}`)
}

function scenariosOf({ scenario = 'chaos', vehicles }: SimFlags): Scenario[] {
  const names = scenario === 'all' ? campaignScenarios : [scenario]
  return names
    .map((name) => (Object.hasOwn(scenarios, name) ? scenarios[name]! : fileScenario(name)))
    .map((named) => (vehicles === undefined ? named : { ...named, vehicles }))
}

function fileScenario(path: string): Scenario {
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch {
    const known = Object.keys(scenarios).join(', ')
    throw new CommandFailure(
      `there is no scenario '${path}' and no file of that name; name one of ${known}, or all`,
      usageExitCode,
    )
  }
  try {
    return parseScenario(text, path)
  } catch (error) {
    throw new CommandFailure(`${path}: ${(error as Error).message}`, usageExitCode)
  }
}

function runOne(scenario: Scenario, seed: number, flags: SimFlags): Run {
  const { minutes, json } = flags
  const startedMs = performance.now()
  const { lastEvents, violations, ...outcome } = new World(scenario, seed, minutes).run()
  const seconds = (performance.now() - startedMs) / 1000
  const run: Run = { scenario: scenario.name, seed, ...outcome, violations: violations.length }
  if (violations.length > 0) {
    lastEvents.forEach(note)
    violations.forEach(note)
    const size = flags.vehicles === undefined ? '' : ` --vehicles ${flags.vehicles}`
    note(`repeat it with: carpool sim --seed ${seed} --scenario ${scenario.name} --minutes ${minutes}${size}`)
    if (flags.shrink === true) sayShrunk(scenario, seed, minutes)
  }
  const eventsPerSecond = Math.round(outcome.events / seconds)
  if (json === true) printJson({ ...run, eventsPerSecond })
  else {
    print(
      `${scenario.name}, seed ${seed}: ${run.jobsComplete} of ${formatCount(run.jobs, 'job')} complete, ${run.jobsLost} lost, ` +
        `${run.wrongAccepted} wrong results accepted, ${run.executionsPerShard.toFixed(2)} executions a shard, ` +
        `${formatCount(violations.length, 'violation')}`,
    )
    print(
      `${formatNumber(run.events)} events in ${seconds.toFixed(1)} s, ${formatNumber(eventsPerSecond)}/s; trace ${run.traceHash}`,
    )
  }
  return run
}

function sayShrunk(scenario: Scenario, seed: number, minutes: number): void {
  const violates = (smaller: Scenario) => new World(smaller, seed, minutes).run().violations.length > 0
  note(`this scenario, in a file, is enough with --seed ${seed} --minutes ${minutes}:`)
  for (const line of formatScenario(shrink(scenario, violates)).split('\n')) note(line)
}

async function campaign({ seed, seeds = campaignSeeds, minutes, vehicles, json }: SimFlags): Promise<void> {
  const processes = Math.min(availableParallelism(), seeds)
  const share = Math.ceil(seeds / processes)
  const runs: Run[] = []
  await Promise.all(
    Array.from({ length: processes }, async (_, i) => {
      const count = Math.min(share, seeds - i * share)
      const args = ['sim', '--scenario', 'all', '--json', '--minutes', String(minutes)]
      args.push('--seed', String(seed + i * share), '--seeds', String(count))
      if (vehicles !== undefined) args.push('--vehicles', String(vehicles))
      const child = fork(launcher, args, { stdio: ['ignore', 'pipe', 'inherit', 'ipc'] })
      for await (const line of createInterface({ input: child.stdout! })) runs.push(JSON.parse(line) as Run)
    }),
  )
  const rows = tabulate(runs)
  for (const row of rows)
    if (json === true) printJson(row)
    else
      print(
        `${row.scenario.padEnd(15)} ${formatCount(row.runs, 'run')}, ${formatCount(row.violations, 'violation')}, ` +
          `${row.jobsLost} jobs lost, ${row.wrongAccepted} wrong, ${row.executionsPerShard.toFixed(2)} executions a shard, ` +
          `done in ${row.completionSeconds.p50} s (p95 ${row.completionSeconds.p95}, most ${row.completionSeconds.most})`,
      )
  const violations = rows.reduce((sum, row) => sum + row.violations, 0)
  if (violations > 0)
    throw new CommandFailure(`${formatCount(violations, 'violation')}; each is printed above`)
}
