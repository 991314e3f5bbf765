/**
 * `carpool submit`: documents in, a job out.
 *
 * The node that runs on the data directory takes the job over, and the command returns. Without one, the command is
 * a node itself until the job has ended: nobody else would look after the job. Then results go to stdout unless
 * `-o` names a file; and while stdout belongs to results, everything else is said on stderr.
 */
import { resolve } from 'node:path'
import { type Command, Option } from 'commander'
import type { SubmitRequest } from '../../host/api.ts'
import type { Executor } from '../../host/executor/contract.ts'
import { connectLocal } from '../../host/local/client.ts'
import { isPackaged, runtimeNames, takesModel } from '../../host/submission/runtime-facts.ts'
import { stdinPath } from '../../host/submission/stdin.ts'
import { submitDefaults } from '../../host/submit-defaults.ts'
import { shardPagesMax, stewardsMax, unitMicrosMax } from '../../protocol/limits.ts'
import { formatMoney } from '../../protocol/price.ts'
import { checkSubmission } from '../before-start.ts'
import { addOptions } from '../config/config.ts'
import { nodeOptionNames, resolveNodeConfig } from '../config/node-config.ts'
import { CommandFailure, usageExitCode } from '../failure.ts'
import { category, money, numberBetween, type OptionValue, price, wholeNumber } from '../flags.ts'
import { parseDuration } from '../format.ts'
import { note, stdoutPath } from '../output.ts'
import { addOutputOptions, forFormat, type OutputFlags, outputOf } from '../output-choice.ts'
import { checkOutput } from '../results-output.ts'
import { orderOf, submitToOwnNode, submitToRunningNode } from '../submission.ts'
import { addPdfOptions, type PdfFlags, pdfOptionsOf, pdfRequestOf } from './pdf-flags.ts'
import { addRuntimeOptions } from './runtime-flags.ts'

export interface SubmitFlags extends OutputFlags, PdfFlags {
  readonly runtime: string
  readonly as: SubmitRequest['as']
  readonly engine: string
  readonly module?: string
  readonly language?: readonly string[]
  readonly traineddata?: readonly string[]
  readonly model?: string
  readonly promptTemplate?: string
  readonly encoding?: string
  readonly option?: Readonly<Record<string, OptionValue>>
  readonly errorBound: number
  readonly colludingShare: number
  readonly replicas?: number
  readonly deadline?: number
  readonly atOnce?: boolean
  readonly shardSize?: number
  readonly ifShort: 'wait' | 'fail'
  readonly arbiter: 'auto' | 'owners' | 'steward'
  readonly selfCheck?: boolean
  readonly standbys?: number
  readonly blind?: boolean
  readonly category: string
  readonly priceCap?: ReturnType<typeof price>
  readonly budget?: ReturnType<typeof money>
  readonly detach?: boolean
  readonly wait?: boolean
  readonly strict?: boolean
}

/** `createExecutor`: for a node of its own whose work is run otherwise. */
export function submitCommand(program: Command, createExecutor?: () => Executor): void {
  const command = addJobOptions(
    program
      .command('submit')
      .argument('<paths...>', documentsArgument)
      .summary('submit documents as a job')
      .description(
        'Submits documents as a job to the node that runs on the data directory; without one, a node runs here until the job has ended. The same request made again is answered with its job, unless that was cancelled or failed: then it becomes a new job.',
      ),
  )
    .option(
      '--standbys <count>',
      'other nodes that look after the job, too, as far as there are enough owners',
      wholeNumber(0, stewardsMax - 1),
      submitDefaults.standbys,
    )
    .option(
      '--blind',
      'hide documents and results from the standbys, too; only owners that are here now can execute the job',
    )
    .option(
      '--detach',
      'return as soon as the job can go on without this machine, when its standbys hold all they need',
    )
    .option('--wait', 'follow the job until it has ended')
    .action((paths: string[], flags: SubmitFlags) => submit(paths, flags, createExecutor?.()))
  addOutputOptions(command, "wait, then write the results there; '-' is stdout")
  addOptions(command, nodeOptionNames).addHelpText(
    'after',
    `
Examples:
  $ carpool submit scans/ --runtime ocr -o text.jsonl
  $ carpool submit scans/ --runtime ocr --error-bound 1e-6 --deadline 2h
  $ carpool submit scans/ --runtime ocr --price-cap 0.0005EUR --budget 5EUR
  $ carpool submit scans/ --runtime ocr --format pdf --output-dir searchable/
  $ carpool submit scans/ --runtime ocr --detach
  $ carpool submit *.txt --runtime wasm --module count.wasm --option pageCpuMsMax=30000
  $ carpool submit texts.jsonl --runtime wasm --module count.wasm -o counts.jsonl
  $ carpool submit prompts.jsonl --runtime llm --model model.gguf -o answers.jsonl
  $ carpool submit texts.jsonl --runtime embed -o vectors.jsonl
  $ ./lines-of-text | carpool submit - --runtime wasm --module count.wasm -o counts.jsonl
  $ carpool submit scans/ --runtime ocr --bootstrap /ip4/192.0.2.1/tcp/4001/p2p/12D3KooW… -o text.jsonl`,
  )
}

export const documentsArgument =
  'documents, folders of documents, and JSON Lines: files that end in .jsonl or .ndjson, and - for stdin, with {"id": …, "text": …} or {"id": …, "path": …} in each line'

/** Adds the options that describe a job and limit its cost: the same for a quote as for a submission. */
export function addJobOptions(command: Command): Command {
  return addRuntimeOptions(addPdfOptions(command))
    .requiredOption('--runtime <name>', `runtime that processes each document: ${runtimeNames.join(', ')}`)
    .addOption(
      new Option(
        '--as <what>',
        'what the files that are named are: documents, or JSON Lines that name or hold documents; auto: by their ending',
      )
        .default(submitDefaults.as)
        .choices(['auto', 'document', 'lines']),
    )
    .addOption(
      new Option('--engine <name>', 'engine that executes the job; auto: the fastest that enough owners have')
        .default(submitDefaults.engine)
        .choices(['auto', 'native', 'exact', 'scored', 'gpu']),
    )
    .option(
      '--error-bound <probability>',
      'highest probability of a wrong result',
      numberBetween(0, 1),
      submitDefaults.errorBound,
    )
    .option(
      '--colluding-share <share>',
      'share of owners assumed to collude',
      numberBetween(0, 0.5),
      submitDefaults.colludingShare,
    )
    .option(
      '--replicas <count>',
      'number of owners that must agree, in place of an error bound',
      wholeNumber(1, 64),
    )
    .option(
      '--shard-size <pages>',
      'pages, or documents, that one vehicle gets at a time, at most (default: by what some of them cost here)',
      wholeNumber(1, shardPagesMax),
    )
    .option(
      '--deadline <duration>',
      'time after which the job fails if it is not done: 90s, 45m, 2h, at most 30d (default: 24h)',
      parseDuration,
    )
    .option(
      '--at-once',
      'with a deadline: do not wait for hours before it in which vehicles ask for less (default: a paid job waits)',
    )
    .addOption(
      new Option('--if-short <what>', 'what the job does while there are too few owners')
        .default(submitDefaults.shortage)
        .choices(['wait', 'fail']),
    )
    .addOption(
      new Option('--arbiter <who>', 'party that settles a disagreement')
        .default(submitDefaults.arbiter)
        .choices(['auto', 'owners', 'steward']),
    )
    .option(
      '--price-cap <amount>',
      'the most that a page, a document, or 1,000 tokens (0.0002EUR/1k) of one execution may cost',
      price,
    )
    .option('--budget <amount>', 'the most that the whole job may cost, even if vehicles fail', money)
    .option(
      '--category <name>',
      'kind of work, since owners may choose which kinds they take',
      category,
      submitDefaults.category,
    )
    .option('--strict', 'refuse the whole submission where one of its documents cannot be read')
    .option('--self-check', 'let this node check results by recomputing them, in place of other owners')
}

/** Turns the flags into a request to a node. Paths become absolute: the node has another working directory. Throws CommandFailure. */
export function requestOf(paths: readonly string[], flags: SubmitFlags): SubmitRequest {
  const { runtime, engine, errorBound, colludingShare, arbiter, category } = flags
  const { standbys = submitDefaults.standbys, selfCheck = submitDefaults.selfCheck } = flags
  const isFile = takesModel(runtime)
  return {
    paths: paths.map((path) => (path === stdinPath ? path : resolve(path))),
    as: flags.as,
    folder: paths.includes(stdinPath) ? process.cwd() : submitDefaults.folder,
    runtime,
    engine,
    module: pathOf(flags.module),
    model: isFile ? modelOf(runtime, flags.model) : submitDefaults.model,
    promptTemplate: pathOf(flags.promptTemplate),
    languages: flags.language ?? submitDefaults.languages,
    traineddata: (flags.traineddata ?? submitDefaults.traineddata).map((path) => resolve(path)),
    options: {
      ...flags.option,
      ...(flags.model === undefined || isFile ? {} : { model: flags.model }),
      ...(flags.encoding === undefined ? {} : { encoding: flags.encoding }),
      ...pdfOptionsOf(flags),
    },
    errorBound,
    colludingShare,
    replicas: flags.replicas ?? submitDefaults.replicas,
    shardSize: flags.shardSize ?? submitDefaults.shardSize,
    deadlineMs: flags.deadline ?? submitDefaults.deadlineMs,
    waits: flags.deadline !== undefined && flags.priceCap !== undefined && flags.atOnce !== true,
    shortage: flags.ifShort,
    arbiter,
    selfCheck,
    standbys,
    mustOutlive: flags.detach ?? submitDefaults.mustOutlive,
    blind: flags.blind ?? submitDefaults.blind,
    category,
    payment: paymentOf(flags),
    strict: flags.strict ?? submitDefaults.strict,
    ...pdfRequestOf(flags),
  }
}

function pathOf(flag: string | undefined): string | null {
  return flag === undefined ? null : resolve(flag)
}

/** A model that comes in a package goes by its name; ./name is a file all the same. */
function modelOf(runtime: string, model: string | undefined): string | null {
  return model !== undefined && isPackaged(runtime, model) ? model : pathOf(model)
}

/** Throws CommandFailure. */
function paymentOf({ priceCap, budget }: SubmitFlags): SubmitRequest['payment'] {
  if (priceCap === undefined) {
    if (budget === undefined) return null
    throw new CommandFailure(
      '--budget needs --price-cap, the most that a page, or 1,000 tokens, of one execution may cost',
      usageExitCode,
    )
  }
  if (budget !== undefined && budget.currency !== priceCap.currency)
    throw new CommandFailure(
      `--budget is in ${budget.currency} and --price-cap in ${priceCap.currency}; give both in one currency`,
      usageExitCode,
    )
  if (priceCap.micros > unitMicrosMax)
    throw new CommandFailure(
      `--price-cap is above ${formatMoney(unitMicrosMax, priceCap.currency)}, the most that a unit can cost`,
      usageExitCode,
    )
  return {
    currency: priceCap.currency,
    unitMicrosMax: priceCap.micros,
    ...(priceCap.per === 1 ? {} : { per: priceCap.per }),
    budgetMicros: budget?.micros ?? null,
  }
}

async function submit(paths: readonly string[], flags: SubmitFlags, executor?: Executor): Promise<void> {
  const config = resolveNodeConfig({ ...flags })
  const output = outputOf(flags)
  const request = forFormat(requestOf(paths, flags), output)
  if (output !== undefined) checkOutput(output)
  const wish = { wait: flags.wait === true, detach: flags.detach === true, output }
  if (wish.detach && (wish.wait || output !== undefined))
    throw new CommandFailure(
      '--detach returns before the job has ended; leave out --wait, -o, --format and --output-dir',
      usageExitCode,
    )
  if (wish.detach && request.standbys === 0)
    throw new CommandFailure('--detach leaves the job to standbys; leave out --standbys 0', usageExitCode)
  const running = await connectLocal(config.dataDir)
  if (running === undefined) {
    await checkSubmission(request)
    await submitToOwnNode(config, orderOf(request), { ...wish, output: output ?? stdoutPath }, executor)
    return
  }
  const idle = nodeOptionNames.filter(
    (name) => !['dataDir', 'json', 'logLevel'].includes(name) && config.origins[name].layer === 'flag',
  )
  if (idle.length > 0)
    note(`carpool: the node that runs on ${config.dataDir} keeps its own ${idle.join(', ')}`)
  try {
    await submitToRunningNode(running, config, orderOf(request), wish)
  } finally {
    running.close()
  }
}
