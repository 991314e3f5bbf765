/**
 * `carpool sim`: the protocol in a virtual world. One seed prints what happened, or, on a violation, the last events and
 * the command that repeats it; a campaign runs thousands of seeds over all cores and prints a table.
 */
import { fork } from 'node:child_process'
import { availableParallelism } from 'node:os'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import type { Command } from 'commander'
import { type Run, tabulate } from '../../simulator/campaign.ts'
import { scenarios } from '../../simulator/scenario.ts'
import { World } from '../../simulator/world.ts'
import { CommandFailure, usageExitCode } from '../failure.ts'
import { wholeNumber } from '../flags.ts'
import { formatCount, formatNumber } from '../format.ts'
import { note, print, printJson } from '../output.ts'

interface SimFlags {
  readonly seed: number
  readonly seeds?: number
  readonly scenario?: string
  readonly vehicles?: number
  readonly minutes: number
  readonly campaign?: boolean
  readonly json?: boolean
}

const launcher = fileURLToPath(new URL('../../../bin/carpool.js', import.meta.url))
const campaignSeeds = 250

export function simCommand(program: Command): void {
  program
    .command('sim')
    .summary('run the protocol in a virtual world')
    .description(
      'Runs stewards and vehicles on virtual time, network, disks and owners, and checks after every event what must hold. The same seed gives the same events.',
    )
    .option('--seed <number>', 'the first seed', wholeNumber(0, 2 ** 31), 1)
    .option('--seeds <count>', 'how many seeds, one after the other', wholeNumber(1, 1_000_000))
    .option('--scenario <name>', `one of ${Object.keys(scenarios).join(', ')}, or all (default: chaos)`)
    .option('--vehicles <count>', 'in place of the scenario’s', wholeNumber(1, 10_000))
    .option(
      '--minutes <count>',
      'virtual minutes of trouble, before the world may heal',
      wholeNumber(1, 100_000),
      10,
    )
    .option('--campaign', `all scenarios over all cores, ${campaignSeeds} seeds each unless told otherwise`)
    .option('--json', 'JSON lines')
    .action(simulate)
    .addHelpText(
      'after',
      '\nExamples:\n  $ carpool sim --seed 17 --scenario partitions\n  $ carpool sim --campaign --seeds 1000',
    )
}

async function simulate(flags: SimFlags): Promise<void> {
  const names = namesOf(flags)
  if (flags.campaign === true) {
    await campaign(flags)
    return
  }
  let violations = 0
  for (let seed = flags.seed; seed < flags.seed + (flags.seeds ?? 1); seed += 1)
    for (const name of names) violations += runOne(name, seed, flags).violations
  if (violations > 0) throw new CommandFailure(`${formatCount(violations, 'violation')}`)
}

function namesOf({ scenario, campaign }: SimFlags): string[] {
  if (scenario === 'all' || campaign === true) return Object.keys(scenarios)
  const name = scenario ?? 'chaos'
  if (Object.hasOwn(scenarios, name)) return [name]
  const known = Object.keys(scenarios).join(', ')
  throw new CommandFailure(`there is no scenario '${name}'; there are ${known}, and all`, usageExitCode)
}

function runOne(scenario: string, seed: number, { vehicles, minutes, json }: SimFlags): Run {
  const preset = scenarios[scenario]!
  const startedMs = performance.now()
  const world = new World(vehicles === undefined ? preset : { ...preset, vehicles }, seed, minutes)
  const { lastEvents, violations, ...outcome } = world.run()
  const seconds = (performance.now() - startedMs) / 1000
  const run: Run = { scenario, seed, ...outcome, violations: violations.length }
  if (violations.length > 0) {
    lastEvents.forEach(note)
    violations.forEach(note)
    const size = vehicles === undefined ? '' : ` --vehicles ${vehicles}`
    note(`repeat it with: carpool sim --seed ${seed} --scenario ${scenario} --minutes ${minutes}${size}`)
  }
  const eventsPerSecond = Math.round(outcome.events / seconds)
  if (json === true) printJson({ ...run, eventsPerSecond })
  else {
    print(
      `${scenario}, seed ${seed}: ${run.jobsComplete} of ${formatCount(run.jobs, 'job')} complete, ${run.jobsLost} lost, ` +
        `${run.wrongAccepted} wrong results accepted, ${run.executionsPerShard.toFixed(2)} executions a shard, ` +
        `${formatCount(violations.length, 'violation')}`,
    )
    print(
      `${formatNumber(run.events)} events in ${seconds.toFixed(1)} s, ${formatNumber(eventsPerSecond)}/s; trace ${run.traceHash}`,
    )
  }
  return run
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
        `${row.scenario.padEnd(14)} ${formatCount(row.runs, 'run')}, ${formatCount(row.violations, 'violation')}, ` +
          `${row.jobsLost} jobs lost, ${row.wrongAccepted} wrong, ${row.executionsPerShard.toFixed(2)} executions a shard, ` +
          `done in ${row.completionSeconds.p50} s (p95 ${row.completionSeconds.p95}, most ${row.completionSeconds.most})`,
      )
  const violations = rows.reduce((sum, row) => sum + row.violations, 0)
  if (violations > 0)
    throw new CommandFailure(`${formatCount(violations, 'violation')}; each is printed above`)
}
