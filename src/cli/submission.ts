/** The life of a submission on this side of the socket: hand over, say the plan, follow, write the results. */
import type { JobStatus, ResultsEnd, SubmitProgress, SubmitRequest, Submitted } from '../host/api.ts'
import type { Executor } from '../host/executor/contract.ts'
import type { RemoteApi } from '../host/local/client.ts'
import { stdinFor } from './before-start.ts'
import type { NodeConfig } from './config/node-config.ts'
import { CommandFailure, withErrorsExitCode } from './failure.ts'
import { type Display, follow, liveDisplay } from './follow.ts'
import { formatCount, formatNumber, quoted, shortJob } from './format.ts'
import { heedSignals, type Interruption, signalExitCode } from './interruption.ts'
import {
  describeActor,
  describeDoubtful,
  describeEnd,
  describeErrors,
  describePlan,
  describeShortage,
  describeWaiting,
} from './job-view.ts'
import { createLog } from './log.ts'
import { note, print } from './output.ts'
import { isStdout, type Output, placeOf } from './output-choice.ts'
import { startOwnNode } from './own-node.ts'
import { refuseErrors, writeResults } from './results-output.ts'

/** The order that is handed to a node, which makes a job of it. */
export interface Order {
  readonly shortage: SubmitRequest['shortage']
  readonly submit: (node: RemoteApi, onProgress: (progress: SubmitProgress) => void) => Promise<Submitted>
}

/** The order to submit documents. */
export function orderOf(request: SubmitRequest): Order {
  return {
    shortage: request.shortage,
    submit: (node, onProgress) => node.submit(request, onProgress, stdinFor(request)),
  }
}

export interface Wish {
  readonly wait: boolean
  /** Until the job outlives this machine. */
  readonly detach: boolean
  /** Where results go; undefined: they are not written yet. */
  readonly output: Output | undefined
}

/** Throws CommandFailure when the job fails or stays incomplete while it is waited for. */
export async function submitToRunningNode(
  node: RemoteApi,
  { dataDir, json }: NodeConfig,
  order: Order,
  { wait, detach, output }: Wish,
): Promise<void> {
  const voice = new Voice(json, isStdout(output))
  const plan = await handOver(node, order, voice)
  const directory = quoted(dataDir)
  if (detach) await untilDurable(node, plan, voice)
  if (!wait && output === undefined) {
    voice.say(`follow it with: carpool status ${shortJob(plan.job)} --data-dir ${directory}`)
    return
  }
  const interruption = heedSignals()
  const status = await follow(node, plan.job, voice.display(), interruption.signal)
  if (interruption.signal.aborted) {
    note(`the job goes on; follow it with: carpool status ${shortJob(plan.job)} --data-dir ${directory}`)
    process.exit(signalExitCode(interruption.name()!))
  }
  interruption.release()
  await conclude(node, voice, status!, output)
}

/** Is a node until the job has ended and its results are written, or until a signal. `executor`: in place of the usual one. */
export async function submitToOwnNode(
  config: NodeConfig,
  order: Order,
  wish: Wish & { readonly output: Output },
  executor?: Executor,
): Promise<void> {
  const { origins, json } = config
  // A steward executes nothing of its own jobs, and what else would this node do: it only looks after this one.
  const slots = origins.slots.layer === 'default' ? 0 : config.slots
  // A person follows one job here, and wants to hear of trouble, not of a service's daily round.
  const level = origins.logLevel.layer === 'default' ? 'warn' : config.logLevel
  const voice = new Voice(json, isStdout(wish.output) && !wish.detach)
  const interruption = heedSignals()
  const parts = executor === undefined ? {} : { executor }
  const node = await startOwnNode({ ...config, slots }, createLog(level, json), { ...parts, standsBy: false })
  try {
    await submitAndStay(node.client, config, order, wish, voice, interruption)
  } finally {
    await node.stop()
  }
  if (interruption.signal.aborted) process.exit(signalExitCode(interruption.name()!))
}

async function submitAndStay(
  node: RemoteApi,
  { dataDir, bootstrap, origins }: NodeConfig,
  order: Order,
  { detach, output }: Wish,
  voice: Voice,
  interruption: Interruption,
): Promise<void> {
  if (interruption.signal.aborted) return
  if (bootstrap.length === 0) {
    const { addresses } = await node.info()
    voice.say(`without --bootstrap, vehicles have to come here: ${addresses.join(' ')}`)
  }
  const plan = await handOver(node, order, voice)
  const where = whereOf({ dataDir, bootstrap, origins })
  if (detach) {
    await untilDurable(node, plan, voice)
    for (const line of [...nextCommands(plan.job, where), endCommand(plan.job, where)]) voice.say(line)
    return
  }
  const status = await follow(node, plan.job, voice.display(), interruption.signal)
  if (interruption.signal.aborted) {
    for (const line of afterInterruption(await node.status(plan.job), dataDir, where)) note(line)
    return
  }
  await conclude(node, voice, status!, output)
}

/** The options by which another command finds the mesh that this one used: the flags that were given here. */
function whereOf({
  dataDir,
  bootstrap,
  origins,
}: Pick<NodeConfig, 'dataDir' | 'bootstrap' | 'origins'>): string {
  const flags = [
    ...(origins.dataDir.layer === 'default' ? [] : [`--data-dir ${quoted(dataDir)}`]),
    ...(origins.bootstrap.layer === 'flag' ? bootstrap.map((address) => `--bootstrap ${address}`) : []),
  ]
  return flags.map((flag) => ` ${flag}`).join('')
}

function nextCommands(job: string, where: string): string[] {
  const short = shortJob(job)
  return [
    `follow it with: carpool status ${short}${where}`,
    `its results: carpool results ${short} -o results.jsonl${where}`,
  ]
}

function endCommand(job: string, where: string): string {
  return `to end it: carpool cancel ${shortJob(job)}${where}`
}

/** Says truly what goes on once this node is gone: standbys that hold the job finish it, and it costs what it costs. */
export function afterInterruption(
  { job, state, standbys, payment }: Pick<JobStatus, 'job' | 'state' | 'standbys' | 'payment'>,
  dataDir: string,
  where: string,
): string[] {
  const short = shortJob(job)
  const again = `carpool node --data-dir ${quoted(dataDir)}`
  if (state !== 'running') return [`job ${short} has ended`, ...nextCommands(job, where)]
  if (standbys.holding === 0)
    return [`job ${short} stands still until a node starts on this data directory, with: ${again}`]
  const cost = payment === null ? '' : ', and pays for what is done'
  return [
    `job ${short} goes on: ${formatCount(standbys.holding, 'other node')} can finish it without this one${cost}`,
    ...nextCommands(job, where),
    endCommand(job, where),
  ]
}

async function handOver(node: RemoteApi, order: Order, voice: Voice): Promise<Submitted> {
  const plan = await order.submit(node, (progress) => voice.progress(progress))
  voice.plan(plan, order)
  return plan
}

/** Throws CommandFailure when the job is an older one that names nobody who could outlive this node; it goes on here all the same. */
async function untilDurable(node: RemoteApi, plan: Submitted, voice: Voice): Promise<void> {
  if (plan.standbys === 0)
    throw new CommandFailure(
      `job ${shortJob(plan.job)} was submitted before, with no standby, so it ends if this node stops; cancel it, and submit it again`,
    )
  const durable = new AbortController()
  for await (const { standbys, state } of node.watch(plan.job, durable.signal)) {
    if (standbys.holding < standbys.named && state === 'running') continue
    voice.durable(standbys.holding)
    durable.abort()
  }
}

/** Writes the verified results before it complains: they are worth having even when the job failed. */
async function conclude(
  node: RemoteApi,
  voice: Voice,
  status: JobStatus,
  output: Output | undefined,
): Promise<void> {
  if (status.state === 'complete') voice.complete(status)
  else if (output !== undefined) voice.incomplete(status)
  let end: ResultsEnd | undefined
  if (output !== undefined) {
    end = await writeResults(node, status.job, output)
    if (!isStdout(output)) voice.say(`results are in ${placeOf(output)}`)
  }
  if (status.state !== 'complete') throw new CommandFailure(describeEnd(status))
  if (end !== undefined) refuseErrors(end)
  const errors = describeErrors(status)
  if (errors !== null) throw new CommandFailure(errors, withErrorsExitCode)
}

/** Reports progress as JSON lines or as sentences, on stdout unless that belongs to results. */
class Voice {
  readonly #isJson: boolean
  readonly #stream: NodeJS.WriteStream
  readonly #write: (line: string) => void

  constructor(isJson: boolean, isStdoutTaken: boolean) {
    this.#isJson = isJson
    this.#stream = isStdoutTaken ? process.stderr : process.stdout
    this.#write = isStdoutTaken ? note : print
  }

  /** For people only. */
  say(line: string): void {
    if (!this.#isJson) this.#write(line)
  }

  progress(progress: SubmitProgress): void {
    if (this.#isJson) this.#tell('progress', progress)
    else if (this.#stream.isTTY) this.#stream.write(`\r\x1b[K${describeProgress(progress)}`)
  }

  plan(plan: Submitted, { shortage }: Order): void {
    if (this.#isJson) {
      this.#tell('submitted', plan)
      return
    }
    if (this.#stream.isTTY) this.#stream.write('\r\x1b[K')
    describePlan(plan).forEach(this.#write)
    const short = plan.known ? null : describeShortage(plan.owners, shortage, plan.payment !== null)
    if (short !== null) this.#write(short)
  }

  durable(standbys: number): void {
    if (this.#isJson) this.#tell('durable', { standbys })
    else this.#write(`durable: ${formatCount(standbys, 'other node')} can finish the job without this one`)
  }

  /** For a reader that is neither a terminal nor a program only what changes a job's lot: another node acts, or it waits for something. */
  display(): Display {
    if (this.#isJson) return (status) => this.#tell('status', status)
    return this.#stream.isTTY ? liveDisplay(this.#stream) : newsTold(this.#write)
  }

  /** A terminal shows it already, and JSON has told it. */
  complete(status: JobStatus): void {
    if (this.#stream.isTTY) return
    this.say(describeEnd(status))
    for (const line of describeDoubtful(status)) this.say(line)
  }

  /** Said before what is missing, which follows from it. */
  incomplete(status: JobStatus): void {
    if (!this.#stream.isTTY) note(describeEnd(status))
  }

  #tell(event: string, facts: object): void {
    this.#write(JSON.stringify({ event, ...facts }))
  }
}

function describeProgress({ step, done, total }: SubmitProgress): string {
  const words: Readonly<Record<SubmitProgress['step'], string>> = {
    reading: 'reading documents',
    'importing-weights': 'importing weights',
    storing: 'storing documents',
    measuring: 'running some documents here, to cut the job by what they cost',
    signing: 'signing the manifest',
  }
  if (total > 0) return `${words[step]}: ${formatNumber(done)} of ${formatNumber(total)}`
  return done > 0 ? `${words[step]}: ${formatNumber(done)} …` : `${words[step]} …`
}

/** Tells of each node that acts in the place of this one, once, and of each thing that the job waits for. */
export function newsTold(tell: (line: string) => void): Display {
  const told = new Set<string>()
  let waited = ''
  return ({ actor, reason, state }) => {
    if (actor !== null && !told.has(actor.peer)) {
      told.add(actor.peer)
      tell(describeActor(actor))
    }
    if (state !== 'running' || reason === '' || reason === waited) return
    waited = reason
    tell(describeWaiting(reason))
  }
}
