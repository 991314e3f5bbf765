/** `carpool swarm`: demonstrates Carpool on one machine, with faults. */
import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { type Command, Option } from 'commander'
import type { SubmitRequest } from '../../host/api.ts'
import { submitDefaults } from '../../host/submit-defaults.ts'
import { CommandFailure, usageExitCode } from '../failure.ts'
import { formatCount } from '../format.ts'
import { aborted, heedSignals, signalExitCode } from '../interruption.ts'
import { print } from '../output.ts'
import { addOutputOptions, forFormat, type OutputFlags, outputOf } from '../output-choice.ts'
import { checkOutput, writeResults } from '../results-output.ts'
import { castOf, faultsFor, parseFaults } from '../swarm/cast.ts'
import { Director } from '../swarm/director.ts'
import { neighboursRequest } from '../swarm/neighbours.ts'
import { playNeighbours, playReading } from '../swarm/play.ts'
import { Swarm } from '../swarm/swarm.ts'
import { samplesFolder } from '../swarm/truth.ts'

interface Flags extends OutputFlags {
  readonly runtime: 'ocr' | 'embed'
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
      'Starts a node process for each vehicle, submits a folder of scanned pages, makes some vehicles fail, and shows the text that was read. Then a small language model files the letters among the sample pages. With --runtime embed it makes vectors of sentences, and shows which are nearest to each other.',
    )
    .addOption(
      new Option('--runtime <name>', 'demonstration: ocr reads pages, embed compares sentences')
        .default('ocr')
        .choices(['ocr', 'embed']),
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
  const isQuick = flags.runtime === 'embed'
  const faults = flags.faults === undefined ? faultsFor(count, isQuick) : parseFaults(flags.faults)
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
    const stage = { swarm, cast, faults, director, signal: interruption.signal, startedMs }
    const request = forFormat(requestFor(flags, folder), output)
    const played =
      flags.runtime === 'embed'
        ? await playNeighbours(stage, request)
        : await playReading(stage, request, folder)
    if (interruption.signal.aborted || played === undefined) return await stopped
    print('')
    for (const line of played.lines) print(line)
    if (output !== undefined) await writeResults(swarm.submitter.node, played.job, output)
    if (!played.succeeded)
      throw new CommandFailure('not everything was verified and came out well; see above')
  } finally {
    if (!interruption.signal.aborted) await swarm.stop()
    director.close()
    interruption.release()
  }
}

function requestFor({ runtime, engine }: Flags, folder: string): SubmitRequest {
  if (runtime === 'embed') return { ...neighboursRequest, engine }
  return {
    ...submitDefaults,
    paths: [folder],
    runtime: 'ocr',
    engine,
    payment: { currency: 'EUR', unitMicrosMax: 500, budgetMicros: 20_000_000 }, // twice what owners ask; and enough for 10,000 pages
    standbys: 0, // of six owners one lies, one dies and one leaves: the others are needed to execute
  }
}
