/**
 * Keeps the facts about each job that are not in its records, in one row of the journal: they are private until the
 * job ends, or only of use here. They are read from the disk's JSON in this file and nowhere else.
 */
import type { Logger } from 'pino'
import { z } from 'zod'
import type { JobId, PeerId, RecordId } from '../../protocol/ids.ts'
import { openManifest } from '../../protocol/job/manifest.ts'
import { jobDeadlineMsMax } from '../../protocol/limits.ts'
import type { JobOutcomes, JobSummary } from '../api.ts'
import { RequestError } from '../errors.ts'
import { sha256 } from '../sha256.ts'
import type { CouncilDriver } from '../stewardship/council-driver.ts'
import { outcomesOf, summaryOf } from '../stewardship/status.ts'
import type { Journal } from '../store/journal.ts'

export const stewardRole = 'steward'

const peersSchema = z.array(z.custom<PeerId>((value) => typeof value === 'string'))

const countsSchema = z.array(z.object({ code: z.string(), count: z.number() }))

const outcomesSchema: z.ZodType<JobOutcomes> = z.object({
  pages: z.number(),
  withError: z.number(),
  withWarning: z.number(),
  failed: z.number(),
  errors: countsSchema,
  warnings: countsSchema,
})

/** Rows of older versions lack what has a default here. */
const summarySchema: z.ZodType<JobSummary> = z.object({
  job: z.custom<JobId>((value) => typeof value === 'string'),
  runtime: z.string(),
  state: z.enum(['running', 'complete', 'failed', 'cancelled']),
  reason: z.string(),
  code: z.string().nullable().default(null),
  pages: z.object({ total: z.number(), verified: z.number() }),
  outcomes: outcomesSchema.nullable().default(null),
  createdAtMs: z.number(),
  deadlineMs: z.number(),
})

const restSchema = z.object({
  /** In hex: over the ids of all records that are here. */
  root: z.string(),
  /** The job's other stewards, and who may read it: to them it answers when it is not in memory, too. */
  fellows: peersSchema,
  readers: peersSchema,
  /** Fellows that have not said that they have the same records: they are told when they are back. */
  behind: peersSchema,
})

const factsSchema = z.object({
  /** Empty for a job of somebody else. */
  requestDigest: z.string(),
  /** The key that signed the manifest; '' where that cannot be read. Rows of older versions are given it once (reading.ts). */
  submitter: z.custom<PeerId | ''>((value) => typeof value === 'string').optional(),
  /** The manifest's. */
  deadlineMs: z.number().optional(),
  /** In hex, where others submitted it: the submitter's key makes it here. */
  secret: z.string().optional(),
  /** In hex, where others submitted it: the secret of its draws. */
  drawSecret: z.string().optional(),
  /** The shards of a job of somebody else, which this node has in memory. */
  shards: z.number().optional(),
  /** Once the job has ended: the summary that a list of jobs shows … */
  summary: summarySchema.optional(),
  /** … the record of its end … */
  end: z.custom<RecordId>((value) => typeof value === 'string').optional(),
  /** … and how fast it was. */
  pagesPerSecond: z.number().optional(),
  /** Once it was let go after its end. */
  rest: restSchema.optional(),
})

export type JobFacts = z.infer<typeof factsSchema>
export type Rest = z.infer<typeof restSchema>

/** Nodes that may read a job and are remembered while it is not in memory: a person has a few. */
const readersMax = 16

export interface KnownJob {
  readonly job: JobId
  readonly state: JobFacts
  readonly createdAtMs: number
  readonly endedAtMs: number | null
}

export class JobRows {
  readonly #journal: Journal

  constructor(journal: Journal) {
    this.#journal = journal
  }

  /** Oldest first. */
  list(): KnownJob[] {
    return this.#journal.listJobs(stewardRole).map((row) => ({ ...row, state: factsSchema.parse(row.state) }))
  }

  /** Answered by indexes, however many rows there are. */
  get index(): Journal['stewardRows'] {
    return this.#journal.stewardRows
  }

  get(job: JobId): KnownJob | undefined {
    const row = this.#journal.getJob(job, stewardRole)
    return row && { ...row, state: factsSchema.parse(row.state) }
  }

  /** Notes the submitters of rows of older versions, a few at a time, so that nothing else waits for long. */
  async attributeAll(): Promise<void> {
    for (;;) {
      const jobs = this.index.unattributed(attributedAtOnce)
      if (jobs.length === 0) return
      this.index.attribute(jobs.map((job) => ({ job, ...attributionOf(this.#journal, job) })))
      await new Promise((resolve) => setImmediate(resolve))
    }
  }

  put({ job, state, createdAtMs, endedAtMs }: KnownJob): void {
    this.#journal.putJob({ job, role: stewardRole, state, createdAtMs, endedAtMs })
  }

  /** Summaries of all jobs of this node, the oldest first. `running`: those in memory. */
  summaries(running: (job: JobId) => CouncilDriver | undefined): JobSummary[] {
    return this.list().flatMap(({ job, state, createdAtMs }) => {
      const stewardship = running(job)
      return stewardship === undefined
        ? (state.summary ?? [])
        : withOutcomes(summaryOf(stewardship, createdAtMs), state)
    })
  }

  /** Keeps how a job has ended, and then how its pages came out, once that is counted. */
  noteEnd(stewardship: CouncilDriver, nowMs: number, log: Logger): void {
    const { job } = stewardship
    const row = this.get(job)
    if (row === undefined) return
    const summary = withOutcomes(summaryOf(stewardship, row.createdAtMs), row.state)
    const end = stewardship.endRecord
    const pagesPerSecond = stewardship.pagesPerSecond()
    const state = { ...row.state, summary, ...(end && { end }), pagesPerSecond }
    this.put({ ...row, state, endedAtMs: row.endedAtMs ?? nowMs })
    outcomesOf(stewardship)
      .then((outcomes) => this.noteOutcomes(job, outcomes))
      .catch((error) => log.debug({ job, error }, 'the outcomes of a job are not counted yet'))
  }

  /** How the pages of a job that has ended came out, for the list of jobs. */
  noteOutcomes(job: JobId, outcomes: JobOutcomes | null): void {
    const row = this.get(job)
    const summary = row?.state.summary
    if (row === undefined || summary === undefined || outcomes === null) return
    if (JSON.stringify(summary.outcomes) === JSON.stringify(outcomes)) return
    this.put({ ...row, state: { ...row.state, summary: { ...summary, outcomes } } })
  }

  /** The job whose id begins like this. Throws RequestError for none, and for several. */
  find(prefix: string): JobId {
    const jobs = this.#journal.listJobs(stewardRole).map(({ job }) => job)
    const found = jobs.filter((job) => job.startsWith(prefix))
    if (found.length === 1) return found[0]!
    if (found.length > 1)
      throw new RequestError(`'${prefix}' begins the ids of ${found.length} jobs; give more of the id`)
    throw new RequestError(`there is no job '${prefix}' on this node; 'carpool jobs' lists them`)
  }
}

/** A row takes less than a tenth of a millisecond, and each commit takes half of one. A guess. */
const attributedAtOnce = 64

/** The journal's manifests were verified when they came. */
function attributionOf(journal: Journal, job: JobId): { submitter: PeerId | ''; deadlineMs: number } {
  const record = journal.get(job)
  try {
    const { signer, payload } = openManifest(record!, sha256, () => true)
    return { submitter: signer, deadlineMs: payload.deadlineMs }
  } catch {
    return {
      submitter: '',
      deadlineMs: (journal.getJob(job, stewardRole)?.createdAtMs ?? 0) + jobDeadlineMsMax,
    }
  }
}

/** Returns the state of a job that is let go after its end. */
export function restingStateOf(
  before: JobFacts,
  summary: JobSummary,
  stewardship: Pick<CouncilDriver, 'root' | 'fellows' | 'behind' | 'readers'>,
): JobFacts {
  const { fellows, behind } = stewardship
  const root = Buffer.from(stewardship.root).toString('hex')
  const readers = [...new Set([...(before.rest?.readers ?? []), ...stewardship.readers])]
  return {
    ...before,
    summary: withOutcomes(summary, before),
    rest: { root, fellows, behind, readers: readers.slice(-readersMax) },
  }
}

/** The summary with what was counted before, where nobody has looked since. */
function withOutcomes(summary: JobSummary, before: JobFacts): JobSummary {
  return summary.outcomes === null ? { ...summary, outcomes: before.summary?.outcomes ?? null } : summary
}
