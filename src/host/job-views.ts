/** The requests of people who submit a job, and the answers of a node about its jobs: the plain data of `api.ts`. */
import type { Wait } from '../protocol/energy/cheap-hours.ts'
import type { JobId, OwnerId, PeerId } from '../protocol/ids.ts'
import type { Audits } from '../protocol/job/manifest.ts'
import type { JobEnd } from '../protocol/job/verdict.ts'
import type { WeightsArrived } from '../protocol/message.ts'
import type { Ask, Micros, Payment, UnitCount } from '../protocol/price.ts'
import type { JobView } from '../protocol/state/job-view.ts'
import type { Cost } from '../protocol/verification/cost.ts'
import type { Outcomes } from '../protocol/verification/outcomes.ts'
import type { Plan } from '../protocol/verification/plan.ts'

export interface SubmitRequest {
  /** Absolute paths of files and folders; '-' is stdin, which the command hands on. */
  readonly paths: readonly string[]
  /** The meaning of files that are named themselves (submission/sources.ts). */
  readonly as: 'auto' | 'document' | 'lines'
  /** The absolute path at which relative paths on stdin begin; null: nowhere. */
  readonly folder: string | null
  readonly runtime: string
  /** 'auto' takes the fastest engine that enough owners have. */
  readonly engine: string
  /** Absolute path of the module, for a runtime that takes one. */
  readonly module: string | null
  /** … and of the model, or the name of one that comes in a package. */
  readonly model: string | null
  /** Absolute path of the text that makes a request of each document; null: its text is the request. */
  readonly promptTemplate: string | null
  /** The text's languages, for the ocr runtime, in the order in which they are tried; null: its default. */
  readonly languages: readonly string[] | null
  /** Absolute paths of Tesseract's traineddata, for languages that are not installed. */
  readonly traineddata: readonly string[]
  readonly options: Readonly<Record<string, string | number | boolean>>
  readonly errorBound: number
  readonly colludingShare: number
  /** Overrides what the error bound asks for. */
  readonly replicas: number | null
  /** Results are wanted while the job runs, at a higher price (protocol/verification/plan.ts). Left out: when it is complete. */
  readonly isFollowed?: boolean
  /** Pages in a shard, at most; null: by what they cost. */
  readonly shardSize: number | null
  readonly deadlineMs: number | null
  /** The job has time until its deadline, and waits for hours in which vehicles ask for less. */
  readonly waits: boolean
  readonly shortage: 'wait' | 'fail'
  readonly arbiter: 'auto' | 'owners' | 'steward'
  /** Checks are recomputed on this node, and by no other owner. */
  readonly selfCheck: boolean
  /** Other nodes that should look after the job, too, at most. */
  readonly standbys: number
  /** Refuses the submission where no other node looks after the job, too: it must outlive this one. */
  readonly mustOutlive: boolean
  /** Hides documents and results from them. */
  readonly blind: boolean
  /** The kind of work, for owners who do not take everything. */
  readonly category: string
  /** Null: it is for those who work for nothing. */
  readonly payment: RequestedPayment | null
  /** Ranges of pages of each PDF, counted from 1, `last` null to its end; null: all pages. */
  readonly pages: readonly PageRange[] | null
  /** Absolute path of a file with the passwords of PDFs, one a line. */
  readonly passwordFile: string | null
  /** Refuses the whole submission where one of its documents cannot be read. */
  readonly strict: boolean
}

export interface PageRange {
  readonly first: number
  readonly last: number | null
}

export interface RequestedPayment {
  readonly currency: string
  /** The most that one unit of one execution may cost, or `per` of them. */
  readonly unitMicrosMax: Micros
  /** Left out: 1. It must be what the runtime's unit is priced by. */
  readonly per?: number
  /** The most that the whole job may cost. A quote does without. */
  readonly budgetMicros: Micros | null
}

/** The cost of a submission, here and now. */
export interface Quote {
  readonly documents: number
  /** Things below the paths that are no documents of the job, by kind. */
  readonly leftOut: readonly LeftOut[]
  /** Documents that cannot be read, by reason: nothing of them is sent, or paid for. */
  readonly refused: readonly RefusedDocuments[]
  readonly pages: number
  /** The units of work in all documents, and in their results at most; null where the runtime counts pages or documents. */
  readonly units: UnitCount | null
  readonly shards: number
  readonly runtime: string
  readonly engine: string
  /** Owners that could execute it for what it pays, and their slots together. */
  readonly supply: { readonly owners: number; readonly slots: number }
  readonly payment: RequestedPayment | null
  /** Where it waits for cheap hours: what a unit costs now, and in those; null: it does not, or nobody is there. */
  readonly waiting: Wait | null
  /** Owners that could execute it, and ask more than it pays. */
  readonly dearer: {
    readonly owners: number
    /** For each currency: the lowest price of a unit among them. */
    readonly from: readonly Ask[]
  }
  /** All that meet the error bound, the cheapest first; a submission gets the first. */
  readonly plans: readonly (Omit<Plan, 'errorBound'> & {
    /** Null: nobody vouches for the owners. */
    readonly errorBound: number | null
    /** The time on the reference core, all executions together. */
    readonly computeMs: number
    /** If all slots worked on it; null without any. */
    readonly elapsedMs: number | null
    /**
     * The cost of all executions together, by the prices that owners ask now; null where nobody is paid, or nobody
     * offers.
     */
    readonly cost: Cost | null
    /** How likely the budget suffices where nobody leaves or disagrees, from 0 to 1; null: there is no budget, or nobody offers. */
    readonly budgetChance: number | null
  })[]
}

export interface LeftOut {
  readonly what: string
  readonly count: number
}

export interface RefusedDocuments {
  /** The reason in a word or two, as in "HEIC". */
  readonly what: string
  /** A clause that says what their owner can do; empty: nothing is known. */
  readonly wayOut: string
  readonly count: number
  /** The names of the first of them, at most 100. */
  readonly documents: readonly string[]
}

export interface SubmitProgress {
  readonly step: 'reading' | 'importing-weights' | 'storing' | 'measuring' | 'signing'
  readonly done: number
  readonly total: number
}

export interface Submitted {
  readonly job: JobId
  /** True when this node had the job already. */
  readonly known: boolean
  readonly documents: number
  readonly leftOut: readonly LeftOut[]
  readonly refused: readonly RefusedDocuments[]
  readonly pages: number
  /** As Quote's. */
  readonly units: UnitCount | null
  readonly shards: number
  readonly runtime: string
  readonly engine: string
  /** Those that text is read in, where a runtime reads any. */
  readonly languages: readonly string[]
  readonly replicas: number
  /** Null: every shard gets all replicas. */
  readonly audits: Audits | null
  /** The error bound that the replicas guarantee; null: no bound, since nobody vouches for the owners. */
  readonly errorBound: number | null
  readonly owners: { readonly needed: number; readonly available: number }
  /** How many other nodes the manifest names as stewards. */
  readonly standbys: number
  /** They see neither documents nor results. */
  readonly blind: boolean
  readonly payment: Payment | null
}

export interface RetryRequest {
  /** Any unambiguous beginning of its id. */
  readonly job: string
}

/** The end of a job that was to be cancelled, as it stands on the node that was asked. */
export interface Cancelled {
  readonly job: JobId
  readonly state: JobEnd['outcome']
  /** It had ended before it was to be cancelled. */
  readonly hadEnded: boolean
  /**
   * The other stewards that have not said that they know of this end: one of them may end the job as complete. 0 on a node that
   * goes on running, and tells them.
   */
  readonly untold: number
}

export interface Released {
  readonly job: JobId
  /** The node that stands by for the job in the place of this one. */
  readonly heir: PeerId
}

/** How pages came out: verified ones with an output or an error, and those that have no result. */
export interface JobOutcomes extends Outcomes {
  /** Pages of shards that failed. */
  readonly failed: number
}

export interface JobSummary {
  readonly job: JobId
  readonly runtime: string
  readonly state: 'running' | 'complete' | 'failed' | 'cancelled'
  readonly reason: string
  /** The reason for programs: `verified`, `shards-failed`, …; null while it runs. */
  readonly code: string | null
  readonly pages: { readonly total: number; readonly verified: number }
  /** Null where this node cannot read the results, or has not looked. */
  readonly outcomes: JobOutcomes | null
  readonly createdAtMs: number
  readonly deadlineMs: number
}

export interface JobStatus extends JobSummary {
  /** As their submitter named them, however they are cut. */
  readonly documents: number
  /** The units of work in all of them, and in their results at most; null where pages or documents are counted. */
  readonly units: UnitCount | null
  readonly engine: string
  readonly replicas: number
  readonly audits: Audits | null
  readonly errorBound: number | null
  readonly shards: JobView['shards']
  readonly executions: number
  /** Null: nobody is paid. */
  readonly payment: JobView['payment']
  readonly owners: JobView['owners']
  /** Verified pages for each second since the first lease; 0 before the first. */
  readonly pagesPerSecond: number
  readonly etaMs: number | null
  readonly contradicted: readonly { readonly owner: OwnerId; readonly peers: readonly PeerId[] }[]
  /** Stewards beside this one; how many of them hold the job's inputs; whether this node acts for the job. */
  readonly standbys: { readonly named: number; readonly holding: number }
  readonly acting: boolean
  /** The steward that acts in the place of this node, since this one reaches too few vehicles; null: that is not so. */
  readonly actor: { readonly peer: PeerId; readonly name: string } | null
  /** Why what other stewards say is not shown as so, and why a report would not pass its audit: a sentence each. */
  readonly doubts: readonly string[]
  /** Vehicles that fetch weights of the job, by their own word: the bytes that are there, and the peers that bring them. */
  readonly fetching: readonly (WeightsArrived & { readonly peer: PeerId; readonly name: string })[]
  /** Each vehicle's share of the work: claims counted, and shards of them that agreed with the verdict. */
  readonly vehicles: readonly {
    readonly peer: PeerId
    readonly name: string
    readonly owner: OwnerId
    readonly claims: number
    readonly agreed: number
    readonly contradicted: number
  }[]
}

export interface ResultLine {
  readonly document: string
  /** Counted from 1. */
  readonly page: number
  /** The runtime's own JSON object, or null with an error. */
  readonly result: Readonly<Record<string, unknown>> | null
  readonly error: { readonly code: string; readonly message: string } | null
}

export interface DocumentPart {
  readonly base64: string
}

export interface DocumentPages {
  /** Counted from 1. */
  readonly firstPage: number
  readonly pages: number
}

/** The stderr of a module for one page: a vehicle's word, and no part of what owners agree on. */
export interface LogLine {
  readonly document: string
  /** Counted from 1. */
  readonly page: number
  /** The end of it. */
  readonly text: string
  /** The vehicle is one of those on whose result the verdict rests. */
  readonly agreed: boolean
}

export interface LogsEnd {
  readonly pages: number
  /** Pages of which something is here. */
  readonly logs: number
}

export interface ResultsEnd {
  readonly runtime: string
  /** All pages of the job, and its documents. */
  readonly pages: number
  readonly documents: number
  readonly outcomes: Outcomes
  readonly missing: readonly { readonly document: string; readonly page: number; readonly why: string }[]
  /** As in a status. */
  readonly doubts: readonly string[]
}
