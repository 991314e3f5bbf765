/** `carpool swarm`: demonstrates Carpool on one machine, with faults. */
import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { type Command, Option } from 'commander'
import { CommandFailure, usageExitCode } from '../failure.ts'
import { formatCount } from '../format.ts'
import { aborted, heedSignals, signalExitCode } from '../interruption.ts'
import { print } from '../output.ts'
import { addOutputOptions, forFormat, type OutputFlags, outputOf } from '../output-choice.ts'
import { checkOutput, writeResults } from '../results-output.ts'
import { castOf, faultsFor, parseFaults } from '../swarm/cast.ts'
import { Director } from '../swarm/director.ts'
import { playComparing, playReading } from '../swarm/play.ts'
import { comparingRequest, comparingRuntime, readingRequest, readingRuntime } from '../swarm/requests.ts'
import { Swarm } from '../swarm/swarm.ts'
import { samplesFolder } from '../swarm/truth.ts'

interface Flags extends OutputFlags {
  readonly runtime: typeof readingRuntime | typeof comparingRuntime
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
        .default(readingRuntime)
        .choices([readingRuntime, comparingRuntime]),
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
  const compares = flags.runtime === comparingRuntime
  const faults = flags.faults === undefined ? faultsFor(count, compares) : parseFaults(flags.faults)
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
    const played = compares
      ? await playComparing(stage, forFormat(comparingRequest(flags.engine), output))
      : await playReading(stage, forFormat(readingRequest(folder, flags.engine), output), folder)
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
