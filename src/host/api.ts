/**
 * The methods of a running node, for commands and other programs of its user. Plain data only, since all of it
 * crosses the node's local socket as JSON (local/operations.ts).
 */

import type { Cid, OwnerId, PeerId, RecordId } from '../protocol/ids.ts'
import type { Reachability } from '../protocol/membership/advert.ts'
import type { Ask } from '../protocol/price.ts'
import type { RuleFinding, RuleVerdict } from '../protocol/rules/judgement.ts'
import type { WorkerMode, WorkerView } from '../protocol/worker/contract.ts'
import type { FleetApi } from './fleet-views.ts'
import type { HistoryView } from './history/contract.ts'
import type {
  Cancelled,
  DocumentPages,
  DocumentPart,
  JobStatus,
  JobSummary,
  LogLine,
  LogsEnd,
  Quote,
  Released,
  ResultLine,
  ResultsEnd,
  RetryRequest,
  SubmitProgress,
  SubmitRequest,
  Submitted,
} from './job-views.ts'
import type {
  BilledShard,
  BillTotals,
  EarningsView,
  LedgerLine,
  OperatorsAccounts,
  OwnersAccounts,
  Period,
  ReceiptLine,
} from './ledger/contract.ts'
import type { JobDebt } from './ledger/job-debt.ts'
import type { IncomingPayment, SettleRequest, SettleView } from './ledger/settle-contract.ts'
import type { Notice } from './notices.ts'
import type { Reloaded } from './reloaded.ts'
import type { ShelvedWeights } from './store/weight-shelf.ts'

export type * from './job-views.ts'
export type { FleetMemberRow as FleetMember } from './store/member-tables.ts'
export type { ShelvedWeights } from './store/weight-shelf.ts'

export interface NodeApi extends FleetApi {
  info(): NodeInfo
  peers(): PeerRow[]
  /**
   * Imports, signs and starts a job; the same submission twice is the same job. `stdin`: for a request that reads it. Throws
   * RequestError.
   */
  submit(
    request: SubmitRequest,
    onProgress?: (progress: SubmitProgress) => void,
    stdin?: AsyncIterable<Uint8Array>,
  ): Promise<Submitted>
  /** Returns what `submit` would do with this request. Throws RequestError. */
  quote(
    request: SubmitRequest,
    onProgress?: (progress: SubmitProgress) => void,
    stdin?: AsyncIterable<Uint8Array>,
  ): Promise<Quote>
  /**
   * Makes a new job of the documents of one that has ended and that have no output: an error, or no result. Options, assurance and
   * prices are the same. Throws RequestError where nothing failed, or the documents are not on this node any more.
   */
  retry(request: RetryRequest, onProgress?: (progress: SubmitProgress) => void): Promise<Submitted>
  jobs(): JobSummary[]
  /** Looks for jobs that were submitted elsewhere with this node's submitter key: from then on they are among its jobs, to be read. */
  seekJobs(): Promise<void>
  /** `job` may be any unambiguous beginning of a job's id, here and below. Throws RequestError. */
  status(job: string): Promise<JobStatus>
  /** A status at once, one after each change (at most a few a second), and a last one when the job has ended. */
  watch(job: string, signal: AbortSignal): AsyncIterable<JobStatus>
  /**
   * Returns how each shard of a job stands, in their order, a letter for each: the first of `queued`, `leased`, `returned`,
   * `verified`, `disputed`, `failed`. Empty on a standby that does not know the job's shards yet.
   */
  shardMap(job: string): Promise<string>
  /**
   * Yields the verified results in the order of the submission. Pages without a verdict are left out here and named
   * at the end.
   */
  results(job: string): AsyncGenerator<ResultLine, ResultsEnd, undefined>
  /** Yields each verified result of a job once, as soon as its verdict is final and until the job has ended. */
  followResults(job: string): AsyncGenerator<ResultLine, ResultsEnd, undefined>
  /**
   * Yields the bytes of a job's document as it was submitted, or of the part of it that has this page, counted from 1; and says
   * which pages are in it. Throws RequestError where this node does not have it.
   */
  document(job: string, name: string, page: number): AsyncGenerator<DocumentPart, DocumentPages, undefined>
  /** Yields what modules wrote to stderr, in the order of the submission, as far as this node was told. Throws RequestError. */
  logs(job: string): AsyncGenerator<LogLine, LogsEnd, undefined>
  /**
   * Ends a job: on the node that it was submitted to, or with the submitter's key on any other. The answer is the end that stands,
   * which need not be this one. Throws RequestError without the key, and where no end was seen in time.
   */
  cancel(job: string): Promise<Cancelled>
  /** The debt of a job, as far as payments tell; null: nothing. Throws RequestError for a job that is not here. */
  owes(job: string): JobDebt | null
  /** Frees the job's blocks and records; its bill stays. Throws RequestError for a job that runs. */
  forget(job: string): Promise<void>
  /**
   * Hands a job that this node stands by for over to another node, and lets it go once that one holds what it needs. Throws
   * RequestError where nobody is willing.
   */
  release(job: string): Promise<Released>
  /** Writes the job's report (a CAR file) to this absolute path. */
  report(job: string, path: string): Promise<{ readonly root: Cid; readonly bytes: number }>
  /** Returns the amounts that this node's vehicle is owed and was paid, in all and since each of these times. */
  earnings(periods: readonly Period[]): Promise<EarningsView>
  /**
   * Asks all vehicles of an owner what they earned. `access`: what the owner's key signed for this node, as bytes in base64.
   * Throws RequestError.
   */
  ownersAccounts(access: SignedText, periods: readonly Period[]): Promise<OwnersAccounts>
  /** Asks all vehicles of the fleet for its operator's share. Throws RequestError on a node that is not a registrar. */
  operatorsAccounts(periods: readonly Period[]): Promise<OperatorsAccounts>
  /** Yields a job's cost shard by shard. Throws RequestError for a job that pays nobody. */
  bill(job: string): AsyncGenerator<BilledShard, BillTotals>
  /** Shows the debts of this node's submitter, and pays them out. Throws RequestError. */
  settle(request: SettleRequest): Promise<SettleView>
  /** Payments that payers have named to this node's vehicle, the newest first. */
  payments(): IncomingPayment[]
  /** The owner says that a payment has not arrived, or that it has after all. Throws RequestError. */
  markPayment(settlement: string, isMissing: boolean): void
  /** Every entry of this node's ledger, in order. */
  ledger(): AsyncGenerator<LedgerLine, null>
  /** The receipts behind it. */
  receipts(): AsyncGenerator<ReceiptLine, null>
  /** Lists the weights that are files on this node's disk, the largest first. */
  weights(): ShelvedWeights[]
  /** Puts a file on this machine beside the weights, to stay there: it is not fetched from anybody then. Throws RequestError. */
  addWeights(path: string): Promise<ShelvedWeights>
  /**
   * Keeps weights when no job uses them, or no longer does; null: they are gone then. `file` may be any unambiguous beginning of
   * their name, here and below. Throws RequestError.
   */
  pinWeights(file: string, isPinned: boolean): ShelvedWeights | null
  /** Deletes weights that no job uses, pinned or not. Throws RequestError. */
  removeWeights(file: string): ShelvedWeights
  /** Lists the models that have names, by which programs ask for them over HTTP. */
  models(): NamedModel[]
  /** Names a model that is a file on this machine. Throws RequestError where no runtime would load it, or the name is taken. */
  addModel(path: string, name: string): Promise<NamedModel>
  /** Forgets the name, and the file unless it is elsewhere as well. Throws RequestError. */
  removeModel(name: string): NamedModel
  /** Lists the owners that get no work from this node, since one of their vehicles lied. */
  bans(): BanRow[]
  /** Ends the ban of an owner on this node, for what it did in jobs that have begun by now. Throws RequestError. */
  liftBan(owner: OwnerId): BanRow
  /** Shows what this node's vehicle did on each of the last days, today among them: at most 400. */
  history(days: number): HistoryView
  /** Shows the judgement of the owner's rules on the vehicle. */
  why(): WhyView
  /** At once, and after each change. */
  watchWhy(signal: AbortSignal): AsyncIterable<WhyView>
  /**
   * The owner's word: the vehicle stands still at once, until then or, with null, until `resume`; also after a restart.
   * `isDate`: until that time of day, and not for so long from now, which is not the same when the clock is set.
   */
  pause(untilMs: number | null, isDate?: boolean): void
  resume(): void
  /** Reads the node's configuration again. Throws RequestError where it is not valid; then all stays as it is. */
  reload(): Reloaded | Promise<Reloaded>
}

export interface NamedModel {
  readonly name: string
  /** Absolute. */
  readonly path: string
  readonly bytes: number
  readonly addedAtMs: number
}

export interface WhyView {
  /** Engines that the machine could run and does not offer, each with the reason. */
  readonly withheld: readonly { readonly runtime: string; readonly engine: string; readonly why: string }[]
  /** Sentences about a lack of memory, for the node's owner. */
  readonly memory: readonly string[]
  /** Sentences about the mesh around it. */
  readonly mesh: readonly string[]
  /** Weights on their way to this vehicle: the bytes that are here, and how many peers bring them. */
  readonly fetching: readonly {
    readonly file: Cid
    readonly bytes: number
    readonly of: number
    readonly peers: number
  }[]
  readonly verdict: RuleVerdict
  /** The verdict, and what holds work back. */
  readonly sentence: string
  /** Codes of the rules that hold work back, the strictest first. */
  readonly reasons: readonly string[]
  readonly availableUntilMs: number | null
  readonly rules: readonly (RuleFinding & {
    /** The place where its limit was set, in words; null where nobody can set it. */
    readonly origin: string | null
  })[]
}

/** A node's cell: a part of its mesh, whose vehicles it knows. */
interface CellInfo {
  /** The bits that begin the keys of its members; empty: the whole mesh. */
  readonly name: string
  readonly members: number
  readonly isSpeaker: boolean
  /** Nodes in the whole mesh, about; null: nobody has said. */
  readonly mesh: number | null
}

export interface NodeInfo {
  readonly peer: PeerId
  readonly name: string
  readonly owner: OwnerId
  readonly fleet: FleetStanding | null
  /** Where others may dial it, the most useful first. */
  readonly addresses: readonly string[]
  /** Its cell; null: it knows no cells, or has not begun. */
  readonly cell: CellInfo | null
  /** How others reach it; null until it has learned that. */
  readonly reach: Reachability | null
  /** The address of the router that it is behind, as others see it; null: none is known. */
  readonly routerAddress: string | null
  readonly software: string
  readonly vehicle: WorkerView
  readonly connections: number
  /** News of the mesh around it that its owner should know, of the last hour. */
  readonly notices: readonly Notice[]
}

/** A node's standing with its fleet. */
export interface FleetStanding {
  readonly name: string
  /** The first key that the node knows: the fleet's name in the mesh. */
  readonly key: PeerId
  /** The keys in force: one, or two while the fleet changes it. */
  readonly keys: readonly PeerId[]
  readonly isRegistrar: boolean
  readonly state: 'admitted' | 'waiting'
  /** When its credential ends; null without any. */
  readonly untilMs: number | null
  /** Why it waits, in the words of a member of the fleet; null when it is admitted, or nobody has said. */
  readonly why: string | null
}

/** A signed record: its bytes in base64. */
export interface SignedText {
  readonly body: string
  readonly signature: string
}

export interface PeerRow {
  readonly peer: PeerId
  /** Name and version of the software that it says it runs. */
  readonly software: string
  readonly name: string
  readonly owner: OwnerId
  /** True when its fleet vouches for its owner; null in an open mesh, where nobody does. */
  readonly counts: boolean | null
  /** True when this node has proof that its owner lied. */
  readonly banned: boolean
  readonly slots: { readonly total: number; readonly free: number }
  readonly mode: WorkerMode
  /** Codes of its owner's rules that hold it back. */
  readonly reasons: readonly string[]
  readonly engines: readonly {
    readonly runtime: string
    readonly engine: string
    readonly unitsPerHour: number
    /** Null: its owner asks for nothing. */
    readonly ask: Ask | null
  }[]
  readonly ageMs: number
  /** How others reach it, by its own word; null where it has not said. */
  readonly reach: Reachability | null
  readonly connected: boolean
  readonly self: boolean
}

export interface BanRow {
  readonly owner: OwnerId
  /** The vehicle that lied. */
  readonly peer: PeerId
  /** It signed two results for one place, which anybody can check; or this node computed another result itself. */
  readonly because: 'equivocation' | 'recomputed'
  /** The lease that the two receipts are for, or the receipt that was found wrong. */
  readonly evidence: RecordId
  readonly sinceMs: number
}
