/** `carpool swarm`: demonstrates Carpool on one machine, with faults. */
import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import type { Command } from 'commander'
import type { JobStatus, SubmitRequest } from '../../host/api.ts'
import { submitDefaults } from '../../host/submit-defaults.ts'
import { CommandFailure, usageExitCode } from '../failure.ts'
import { follow, liveDisplay } from '../follow.ts'
import { formatCount } from '../format.ts'
import { aborted, heedSignals, signalExitCode } from '../interruption.ts'
import { describePlan, describeStatus } from '../job-view.ts'
import { print } from '../output.ts'
import { addOutputOptions, forFormat, type OutputFlags, outputOf } from '../output-choice.ts'
import { checkOutput, writeResults } from '../results-output.ts'
import { booksOf } from '../swarm/books.ts'
import { castOf, faultsFor, parseFaults } from '../swarm/cast.ts'
import { Director } from '../swarm/director.ts'
import { type Incident, strike } from '../swarm/faults.ts'
import { describeDemonstration, succeeded } from '../swarm/summary.ts'
import { Swarm } from '../swarm/swarm.ts'
import { type Reading, readingOf, samplesFolder } from '../swarm/truth.ts'

interface Flags extends OutputFlags {
  readonly vehicles: string
  readonly documents?: string
  readonly faults?: string
  readonly engine: string
  readonly logLevel: string
}

/** One vehicle for each fault, and two that stay to the end; more crowd two cores. */
const vehiclesDefault = '8'
const vehiclesMax = 64

export function swarmCommand(program: Command): void {
  const command = program
    .command('swarm')
    .summary('demonstrate Carpool on this machine: vehicles, a job, and faults')
    .description(
      'Starts a node process for each vehicle, submits a folder of scanned pages, makes some vehicles fail, and shows the text that was read.',
    )
    .option('--vehicles <count>', 'number of vehicles', vehiclesDefault)
    .option('--documents <folder>', "scanned pages and PDFs to read (default: the project's samples)")
    .option(
      '--faults <list>',
      'none, or some of liar,kill,drive-off,low-charge,hot,late (default: as many as the vehicles allow)',
    )
    .option('--engine <name>', 'engine: auto, native or exact', 'auto')
    .option('--log-level <level>', 'least severe level of log lines that the nodes write', 'warn')
    .action((flags: Flags) => runSwarm(flags))
  addOutputOptions(command, 'keep the results as JSON lines')
}

async function runSwarm(flags: Flags): Promise<void> {
  const count = Number(flags.vehicles)
  if (!Number.isInteger(count) || count < 1 || count > vehiclesMax)
    throw new CommandFailure(`--vehicles takes a whole number from 1 to ${vehiclesMax}`, usageExitCode)
  const faults = flags.faults === undefined ? faultsFor(count) : parseFaults(flags.faults)
  const cast = castOf(count, faults)
  const folder = resolve(flags.documents ?? samplesFolder)
  if (!existsSync(folder)) throw new CommandFailure(`${folder} cannot be read: there is no such folder`)
  const output = outputOf(flags)
  if (output !== undefined) checkOutput(output)

  const interruption = heedSignals()
  const startedMs = Date.now()
  const director = new Director()
  print(`starting ${formatCount(count, 'vehicle')} and a submitter, each a process of its own …`)
  const vehicles = cast.map((vehicle) => director.equip(vehicle))
  const starting = Swarm.start({ vehicles, logLevel: flags.logLevel })
  const stopped = aborted(interruption.signal).then(async () => {
    // A swarm that does not start cleans up after itself.
    await starting.then(
      (swarm) => swarm.stop(),
      () => {},
    )
    process.exit(signalExitCode(interruption.name()!))
  })
  const swarm = await Promise.race([starting, stopped])
  if (interruption.signal.aborted) return await stopped
  try {
    const { node } = swarm.submitter
    const request = forFormat(requestFor(folder, flags.engine), output)
    const plan = await node.submit(request)
    for (const line of describePlan(plan)) print(line)
    print('')
    const incidents: Incident[] = []
    const ended = new AbortController()
    const striking = strike(
      swarm,
      cast,
      faults,
      director,
      (incident) => incidents.push(incident),
      ended.signal,
    )
    const status = await follow(node, plan.job, display(), interruption.signal)
    ended.abort()
    await striking
    if (interruption.signal.aborted || status === undefined) return await stopped
    const readings: Reading[] = []
    for await (const line of node.results(plan.job)) readings.push(readingOf(line, folder))
    const demonstration = {
      readings,
      status,
      vehicles: cast.map(({ name, part }) => ({ member: swarm.vehicle(name), lies: part === 'liar' })),
      incidents,
      books: await booksOf(swarm, plan.job),
      tookMs: Date.now() - startedMs,
    }
    print('')
    for (const line of describeDemonstration(demonstration)) print(line)
    if (output !== undefined) await writeResults(node, plan.job, output)
    if (!succeeded(demonstration))
      throw new CommandFailure('not every page was verified and read well; see above')
  } finally {
    if (!interruption.signal.aborted) await swarm.stop()
    director.close()
    interruption.release()
  }
}

function requestFor(folder: string, engine: string): SubmitRequest {
  return {
    ...submitDefaults,
    paths: [folder],
    runtime: 'ocr',
    engine,
    payment: { currency: 'EUR', unitMicrosMax: 500, budgetMicros: 20_000_000 }, // twice what owners ask; and enough for 10,000 pages
    standbys: 0, // of six owners one lies, one dies and one leaves: the others are needed to execute
  }
}

/** Drawn in place on a terminal, a line for each step of progress elsewhere. */
function display(): (status: JobStatus) => void {
  if (process.stdout.isTTY) return liveDisplay(process.stdout)
  let last = -1
  return (status) => {
    if (status.pages.verified === last) return
    last = status.pages.verified
    print(describeStatus(status).slice(1, 3).join('  '))
  }
}
