/**
 * The desk: all that a steward knows, as plain data. The parts of a steward (intake, judge, leasing, purse, endings
 * …) are functions that read and change it; none keeps anything of its own. They put their wishes into `effects`.
 *
 * Behind "Use" stands the reason to keep a field, and the part that writes it; behind "Invariant" a condition that
 * holds between two inputs, which
 * `checkDesk` (desk-check.ts) asserts after every command of the scenarios.
 */
import { equals } from 'uint8arrays'
import { assert } from '../../base/assert.ts'
import type { Sha256 } from '../../base/prng.ts'
import type { JobId, PeerId, RecordId } from '../ids.ts'
import { Issuer } from '../issuer.ts'
import type { ShardEntry } from '../job/lists.ts'
import type { Manifest, StewardPlace } from '../job/manifest.ts'
import { orderOf } from '../job/order.ts'
import type { JobEnd, ShardVerdict } from '../job/verdict.ts'
import type { Capacity } from '../membership/advert.ts'
import type { Micros } from '../price.ts'
import { JobState } from '../state/job-state.ts'
import { type Abroad, CandidateRules } from './candidate.ts'
import type { StewardEffect } from './contract.ts'
import { Cursors } from './cursors.ts'
import { DrawLog } from './draw-log.ts'
import { OrderedAssignment } from './in-order.ts'
import { Returns } from './returns.ts'
import { ShardBoard } from './shard-board.ts'
import { newVehicles, type Vehicles } from './vehicles.ts'
import { Windows } from './windows.ts'

export interface StewardOptions {
  readonly job: JobId
  readonly manifest: Manifest
  readonly shards: readonly ShardEntry[]
  readonly self: PeerId
  /** Those whose owners execute nothing of the job, by default those of its manifest. */
  readonly stewards?: readonly StewardPlace[]
  /** The epoch of the handover that made this a steward; 0 for those of the manifest. */
  readonly epoch?: number
  /** 32 bytes, from which the job's draws come; its sha256 stands in the manifest. */
  readonly drawSecret: Uint8Array
  readonly sha256: Sha256
  /** The state of the job by its records; shared with all else of this node that looks at the job. */
  readonly state?: JobState
  /** Shared with the other parts of this node that sign for the job. */
  readonly issuer?: Issuer
  /** True when a job that is decided may end at once; by default it may. */
  readonly safe?: boolean
}

export interface Desk extends Vehicles {
  readonly options: StewardOptions
  /** Use: the outcome of the job's records. Invariant: every record that this steward signed or kept is in it. */
  readonly state: JobState
  /** Use: numbers what this node signs for the job. */
  readonly issuer: Issuer
  /**
   * Use: the claims on each shard, and the replicas that it lacks. Invariant: a shard is open as long as it has no
   * verdict.
   */
  readonly board: ShardBoard
  /** Use: results that somebody claims and nobody has looked at. */
  readonly returns: Returns
  /** Use: numbers draws, and has their candidates on record. */
  readonly draws: DrawLog
  /** Use: audits. Invariant: null where unanimity alone decides. */
  readonly windows: Windows | null
  /** Use: shards on which stewards apart made verdicts that differ: the next one settles them. */
  readonly apart: Map<number, Apart>
  /** Use: the council tells it. */
  stewards: readonly StewardPlace[]
  /** Use: the roster as it was last told. */
  readonly capacities: Map<PeerId, Capacity>
  /** Use: what the roster says of vehicles that were not taken in yet. Invariant: nothing is leased while there are some. */
  readonly arriving: Map<PeerId, Capacity>
  /** Use: by vehicle of another cell, the list that it is on; and what those offer that are here still. */
  readonly abroad: Map<PeerId, Abroad>
  readonly foreign: Map<PeerId, Capacity>
  /** Use: says whom leases may go to, while these are the stewards. */
  rules: CandidateRules
  /** Use: by it this steward leases, where its voices count by the order of owners. */
  readonly inOrder: OrderedAssignment | undefined
  /** Use: where the board begins for each owner. */
  readonly cursors: Cursors
  /** Use: of this steward's fleet, the operator's share in parts per million. */
  operatorPpm: number
  /** Use: the board's growth when owners for whom nothing was found were last put aside. */
  barrenAt: number
  /** Use: there is more to do than one turn takes, and the driver was told so. */
  goesOn: boolean
  /** Use: somebody could be asked and cannot be paid; since when nothing changed. Invariant: only while a shard wants a replica. */
  short: { sinceMs: number; free: Micros; verdicts: number } | undefined
  /** Use: whether it was time to lease, by the last look at what vehicles ask in the next hours. */
  waiting: { sinceMs: number; isTime: boolean } | undefined
  /** Use: the accepted results are on another steward's disk, too. */
  safe: boolean
  startedMs: number | undefined
  /** Use: nothing is decided any more. Invariant: then no lease is under way. */
  end: JobEnd | undefined
  /** Use: verdicts that wait for their record. Invariant: none between two inputs. */
  unpublished: ShardVerdict[]
  /** Use: the tasks for the driver. Invariant: none between two inputs. */
  effects: StewardEffect[]
}

interface Apart {
  readonly settles: readonly RecordId[]
  /** Receipts that these verdicts rest on and whose claims were not looked at yet. */
  readonly unseen: Set<RecordId>
  /** The steward waits until then for receipts that it has not seen. */
  readonly untilMs: number
}

export function newDesk(options: StewardOptions): Desk {
  const { manifest, shards, self, sha256, drawSecret } = options
  assert(equals(sha256(drawSecret), manifest.drawCommitment), 'a steward draws as the manifest says')
  const state = options.state ?? new JobState(options.job, manifest, sha256, { self, drawSecret })
  state.knowShards(shards)
  const { assurance } = manifest
  const { audits } = assurance
  const order = orderOf(sha256, drawSecret, manifest)
  const board = new ShardBoard(manifest, shards, order)
  const vehicles = newVehicles(sha256, drawSecret)
  const stewards = options.stewards ?? manifest.stewards
  return {
    options,
    state,
    issuer: options.issuer ?? new Issuer(self, sha256),
    board,
    ...vehicles,
    returns: new Returns(),
    draws: new DrawLog(sha256, drawSecret),
    windows: audits === null ? null : new Windows(audits, assurance, sha256, drawSecret),
    apart: new Map(),
    stewards,
    capacities: new Map(),
    arriving: new Map(),
    abroad: new Map(),
    foreign: new Map(),
    rules: new CandidateRules(manifest, stewards, () => undefined),
    inOrder: order?.binds(self)
      ? new OrderedAssignment(order, board, vehicles.rooms, assurance.lead)
      : undefined,
    cursors: new Cursors(board),
    operatorPpm: 0,
    barrenAt: 0,
    goesOn: false,
    short: undefined,
    waiting: undefined,
    safe: options.safe ?? true,
    startedMs: undefined,
    end: undefined,
    unpublished: [],
    effects: [],
  }
}

/** There is more to do than this turn takes. */
export function goOn(desk: Desk): void {
  if (!desk.goesOn) desk.effects.push({ type: 'go-on' })
  desk.goesOn = true
}
