/** Plays a demonstration on a swarm that stands: jobs one after another, the first of them with faults. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { JobStatus, ResultLine, SubmitRequest, Submitted } from '../../host/api.ts'
import { follow, liveDisplay } from '../follow.ts'
import { describePlan, describeStatus } from '../job-view.ts'
import { print } from '../output.ts'
import { booksOf } from './books.ts'
import type { CastVehicle, Fault } from './cast.ts'
import type { Director } from './director.ts'
import { type Incident, strike } from './faults.ts'
import { categoriesFor, describeFilings, filingsOf, wellFiled } from './filing.ts'
import { areSensible, describeNeighbours, neighboursOf } from './neighbours.ts'
import { filingRequest } from './requests.ts'
import {
  type Demonstration,
  describeDemonstration,
  describeReadings,
  readWell,
  succeeded,
} from './summary.ts'
import type { Swarm } from './swarm.ts'
import { readingOf } from './truth.ts'

export interface Stage {
  readonly swarm: Swarm
  readonly cast: readonly CastVehicle[]
  readonly faults: ReadonlySet<Fault>
  readonly director: Director
  readonly signal: AbortSignal
  readonly startedMs: number
}

/** A demonstration that was played to its end. */
export interface Played {
  /** The job whose results somebody may want to keep. */
  readonly job: string
  readonly lines: readonly string[]
  readonly succeeded: boolean
}

/** Reads the pages of a folder, and files the letters among them whose category is known. Undefined when the signal came before the end. */
export async function playReading(
  stage: Stage,
  request: SubmitRequest,
  folder: string,
): Promise<Played | undefined> {
  const read = await performWithFaults(stage, request)
  if (read === undefined) return undefined
  const readings = read.lines.map((line) => readingOf(line, folder))
  const categories = categoriesFor(folder)
  const letters = read.lines.filter(({ document, error }) => error === null && categories.has(document))
  const filed = letters.length === 0 ? null : await file(stage, letters)
  if (filed === undefined) return undefined
  const filings = filed === null ? [] : filingsOf(letters, filed.lines, categories)
  const demonstration = await demonstrationOf(stage, read)
  return {
    job: read.job,
    lines: [
      ...describeReadings(readings),
      ...(filed === null ? [] : ['', ...describeFilings(filings, filed.status)]),
      '',
      ...describeDemonstration(demonstration),
    ],
    succeeded:
      succeeded(demonstration) &&
      readWell(readings) &&
      (filed === null || (filed.status.state === 'complete' && wellFiled(filings))),
  }
}

/** Makes vectors of sentences. Undefined when the signal came before the end. */
export async function playComparing(stage: Stage, request: SubmitRequest): Promise<Played | undefined> {
  const made = await performWithFaults(stage, request)
  if (made === undefined) return undefined
  const neighbours = neighboursOf(made.lines)
  const demonstration = await demonstrationOf(stage, made)
  return {
    job: made.job,
    lines: [...describeNeighbours(neighbours), '', ...describeDemonstration(demonstration)],
    succeeded: succeeded(demonstration) && areSensible(neighbours),
  }
}

interface Performed {
  readonly job: string
  readonly status: JobStatus
  readonly lines: readonly ResultLine[]
}

/** Null where this machine lacks the engine, which is said. */
async function file(stage: Stage, letters: readonly ResultLine[]): Promise<Performed | null | undefined> {
  const { folder, submitter } = stage.swarm
  const results = join(folder, 'letters.jsonl')
  writeFileSync(results, letters.map((line) => `${JSON.stringify(line)}\n`).join(''))
  print('')
  let plan: Submitted
  try {
    plan = await submitter.node.submit(filingRequest(results))
  } catch (error) {
    print(`the letters are not filed: ${(error as Error).message}`)
    return null
  }
  return perform(stage, plan)
}

async function performWithFaults(
  stage: Stage,
  request: SubmitRequest,
): Promise<(Performed & { readonly incidents: readonly Incident[] }) | undefined> {
  const { swarm, cast, faults, director } = stage
  const plan = await swarm.submitter.node.submit(request)
  const incidents: Incident[] = []
  const ended = new AbortController()
  const tell = (incident: Incident) => incidents.push(incident)
  const striking = strike(swarm, cast, faults, director, tell, ended.signal)
  const performed = await perform(stage, plan)
  ended.abort()
  await striking
  return performed && { ...performed, incidents }
}

async function perform({ swarm, signal }: Stage, plan: Submitted): Promise<Performed | undefined> {
  const { node } = swarm.submitter
  for (const line of describePlan(plan)) print(line)
  print('')
  const status = await follow(node, plan.job, display(), signal)
  if (signal.aborted || status === undefined) return undefined
  const lines: ResultLine[] = []
  for await (const line of node.results(plan.job)) lines.push(line)
  return { job: plan.job, status, lines }
}

async function demonstrationOf(
  { swarm, cast, startedMs }: Stage,
  { job, status, lines, incidents }: Performed & { readonly incidents: readonly Incident[] },
): Promise<Demonstration> {
  return {
    lines,
    status,
    vehicles: cast.map(({ name, part }) => ({ member: swarm.vehicle(name), lies: part === 'liar' })),
    incidents,
    books: status.payment === null ? null : await booksOf(swarm, job),
    tookMs: Date.now() - startedMs,
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
