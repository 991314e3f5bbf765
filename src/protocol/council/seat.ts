/** The seat: one steward's part in the council of a job, as plain data, with what all parts of the council need. */

import { equals } from 'uint8arrays'
import { assert } from '../../base/assert.ts'
import type { Sha256 } from '../../base/prng.ts'
import type { JobId, OwnerId, PeerId, RecordId } from '../ids.ts'
import { Issuer } from '../issuer.ts'
import type { OfferedPlace } from '../job/consent.ts'
import { type Handover, pathTo } from '../job/handover.ts'
import type { ShardEntry } from '../job/lists.ts'
import type { Manifest, StewardPlace } from '../job/manifest.ts'
import { jobRetentionMs } from '../limits.ts'
import type { Capacity } from '../membership/advert.ts'
import type { Verified } from '../record/record.ts'
import type { JobRecord, JobRecordKind, PayloadOf } from '../records.ts'
import type { Steward } from '../steward/steward.ts'
import { Attendance } from './attendance.ts'
import type { CouncilEffect, FellowMessage } from './contract.ts'
import { JobRecords } from './job-records.ts'
import { Places } from './places.ts'
import { Progress } from './progress.ts'
import { Results } from './results.ts'
import { Watch } from './watch.ts'

export interface CouncilOptions {
  readonly job: JobId
  readonly manifest: Manifest
  /** The key that signed the manifest. Undefined: nobody can cancel the job from elsewhere. */
  readonly submitter?: PeerId
  readonly self: PeerId
  /** From which the draws of all stewards of the job come; its sha256 stands in the manifest. */
  readonly drawSecret: Uint8Array
  /** In a fleet, the owner for whom a vehicle was admitted, as far as this node has seen. */
  readonly ownerOf?: (vehicle: PeerId) => OwnerId | undefined
  readonly sha256: Sha256
}

/** All that a steward knows of its part in a council, as plain data; the parts of the council work on it. */
export interface Seat {
  readonly options: CouncilOptions
  /** Use: the records that are here, and what follows from them. Invariant: equal on stewards that know the same. */
  readonly records: JobRecords
  /** Use: tells which stewards live, and which one's turn it is. */
  readonly attendance: Attendance
  /** Use: the stewards that have a place, by this node's own watch. Invariant: seated in `attendance`. */
  readonly places: Places
  /** Use: whether the steward that acts gets on with the job. */
  readonly progress: Progress
  /** Use: where accepted results are. */
  readonly results: Results
  /** Use: numbers what this node signs for the job. Invariant: the acting Steward has the same one. */
  readonly issuer: Issuer
  readonly connected: Set<PeerId>
  /** Use: since when vehicles' owners could be drawn, and stewards were there, as far as this node knows; whom it reaches. */
  readonly watch: Watch
  /** Use: the peers that may read the job, and are sent the records that they lack. */
  readonly readers: Set<PeerId>
  /** Use: stewards that have said anything yet; the others may not know that they are. */
  readonly heardFrom: Set<PeerId>
  /** Use: when a steward without a place here was last answered. */
  readonly answeredMs: Map<PeerId, number>
  /** Use: when the records of a fellow were last compared with these. */
  readonly compared: Map<PeerId, number>
  /** Use: the last root of each fellow's records, as it said. */
  readonly roots: Map<PeerId, Uint8Array>
  /** Use: by fellow and leaf, how many ids of one that is too large for a message have been named. */
  readonly named: Map<string, number>
  /** Use: the node that is asked to take the place of a lost steward, and until when. Invariant: one at a time. */
  invited:
    | {
        readonly candidate: Capacity
        readonly place: OfferedPlace
        readonly nonce: Uint8Array
        readonly untilMs: number
      }
    | undefined
  /** Use: its owner wants it to leave, and it seeks a node for its place. */
  isSeeking: boolean
  /** Use: the nodes that were asked in vain, their owners, and the time before which each is not asked again. */
  readonly refused: Map<PeerId, { readonly owner: OwnerId; readonly untilMs: number }>
  /** Use: the stewards whose owners are left out of the work, as this node's Steward was last told. */
  excluding: string
  /** Use: when the job was submitted here; undefined on other nodes, and after a restart. */
  begunMs: number | undefined
  /** Use: since when this node has acted without a pause of its machine; undefined while it does not. */
  actingSinceMs: number | undefined
  /** Use: when this node, as it acted, last leased or decided something, or got something back. */
  ownNewsMs: number
  /** Use: … and when it got something back, or began to act. */
  ownReturnMs: number
  /** Use: until then no record is taken for which others have to give way. */
  noWayUntilMs: number
  /** Use: by steward that was reached, when results that had not come were asked for anew. */
  readonly soughtAnewMs: Map<PeerId, number>
  /** Use: those of whom it was said that they signed more than they may. */
  readonly blamed: Set<PeerId>
  /** Use: this node has given up its place; it says and does nothing more. */
  hasLeft: boolean
  /** Use: verdicts that did not count when the Steward was made, since nobody who lives has their results. */
  unreachable: Set<RecordId>
  /** Use: how often what counts has changed without a new record. */
  changes: number
  /** Use: since when this node has known that the job is cancelled; undefined while it is not. */
  cancelledMs: number | undefined
  /** Use: since when results are looked at that others' verdicts rest on; undefined while there are none. */
  judgingSinceMs: number | undefined
  /** Use: since when the job is decided and waits for its results to be elsewhere, too; undefined while it does not. */
  unsafeSinceMs: number | undefined
  /** Use: whether the submitter's node has more to say after the end, as it was when so many records were here, and so often had others come to count. */
  readonly closing: {
    size: number
    changes: number
    isOpen: boolean
    /** Use: so many records have been here since `closingSinceMs`. */
    seenSize: number
  }
  closingSinceMs: number | undefined
  /** Use: it was told that the job has ended. */
  knowsEnd: boolean
  lookedMs: number | undefined
  looks: number
  /** Use: by steward, the lists from abroad that were looked at. */
  readonly listsAbroad: Map<PeerId, number>
  readonly capacities: Map<PeerId, Capacity>
  operatorPpm: number
  /** Use: null while the inputs are not here. Invariant: not null while this steward acts. */
  shards: readonly ShardEntry[] | null
  /** Use: decides. Invariant: there is one exactly while it is this node's turn. */
  steward: Steward | undefined
  /** Use: others' records have changed what the Steward stands on. Invariant: only while there is one. */
  stale: boolean
  started: boolean
  /** Use: a wake was asked for, and has not come. */
  isWaking: boolean
  effects: CouncilEffect[]
}

export function newSeat(options: CouncilOptions): Seat {
  const { job, manifest, submitter, self, drawSecret, ownerOf, sha256 } = options
  const records = new JobRecords(job, manifest, sha256, {
    ...{ self, drawSecret },
    ...(submitter && { submitter }),
    ...(ownerOf && { ownerOf }),
  })
  const attendance = new Attendance(self)
  return {
    options,
    records,
    attendance,
    places: new Places(self, manifest.stewards, attendance),
    progress: new Progress(),
    results: new Results(self, records),
    issuer: new Issuer(self, sha256),
    connected: new Set(),
    watch: new Watch(),
    readers: new Set(),
    heardFrom: new Set(),
    answeredMs: new Map(),
    compared: new Map(),
    roots: new Map(),
    named: new Map(),
    invited: undefined,
    isSeeking: false,
    refused: new Map(),
    excluding: '',
    begunMs: undefined,
    actingSinceMs: undefined,
    ownNewsMs: Number.NEGATIVE_INFINITY,
    ownReturnMs: Number.NEGATIVE_INFINITY,
    noWayUntilMs: Number.NEGATIVE_INFINITY,
    soughtAnewMs: new Map(),
    blamed: new Set(),
    hasLeft: false,
    unreachable: new Set(),
    changes: 0,
    cancelledMs: undefined,
    judgingSinceMs: undefined,
    unsafeSinceMs: undefined,
    closing: { size: 0, changes: 0, isOpen: false, seenSize: 0 },
    closingSinceMs: undefined,
    knowsEnd: false,
    ...{ lookedMs: undefined, looks: 0 },
    ...{ listsAbroad: new Map(), capacities: new Map(), operatorPpm: 0 },
    ...{ shards: null, steward: undefined, stale: false },
    ...{ started: false, isWaking: false, effects: [] },
  }
}

/** Asserts what holds of a seat between two inputs. */
export function checkSeat({ steward, shards, stale, effects }: Seat): void {
  assert(steward === undefined || shards !== null, 'who acts for a job knows its shards')
  assert(!stale || steward !== undefined, 'only what decides can be out of date')
  assert(effects.length === 0, 'an input leaves nothing undone')
  steward?.check()
}

export function isActing({ steward }: Seat): boolean {
  return steward !== undefined
}

/** No steward of the job, but allowed to read it. */
export function isReader({ places, options }: Seat): boolean {
  return !places.has(options.self)
}

/** Tells whether this node has decided anything for the job. */
export function hasActed({ records, options }: Seat): boolean {
  for (const { kind, record } of records.all())
    if (record.signer === options.self && (kind === 'lease' || kind === 'verdict')) return true
  return false
}

/** The steward that acts in the place of this one, since this one reaches too few vehicles; undefined: that is not so. */
export function actsInstead(seat: Seat, nowMs: number): PeerId | undefined {
  if (isActing(seat) || hasEnded(seat) || seat.watch.tooFewSinceMs === undefined) return undefined
  return seat.attendance.acting(nowMs)
}

export function hasEnded(seat: Seat): boolean {
  return seat.records.end() !== undefined
}

/** Returns the other stewards of the job. */
export function fellowsOf(seat: Seat): PeerId[] {
  const { self } = seat.options
  return seat.places.stewards.map(({ peer }) => peer).filter((peer) => peer !== self)
}

/** Tells whether a fellow has been away for so long that it is not sought once the job has ended. */
export function isGone(seat: Seat, peer: PeerId, nowMs: number): boolean {
  return isAway(seat, peer, nowMs) || (!seat.connected.has(peer) && seat.attendance.isLost(peer, nowMs))
}

/** Tells whether a fellow has given its place away, and left: it has said nothing for long. */
export function isAway({ places, attendance }: Seat, peer: PeerId, nowMs: number): boolean {
  return places.heirOf(peer) !== undefined && attendance.isLost(peer, nowMs)
}

/** Returns those of them that live. */
export function livingFellows(seat: Seat, nowMs: number): PeerId[] {
  return fellowsOf(seat).filter((peer) => seat.attendance.lives(peer, nowMs))
}

/** The stewards whose owners execute none of the job. */
export function excludingStewards(seat: Seat): StewardPlace[] {
  return seat.places.excluding((peer) => seat.records.hasSigned(peer))
}

/** The handovers by which these are stewards, each after the one that it follows. */
export function pathsTo({ records, options }: Seat, peers: readonly PeerId[]): Verified<Handover>[] {
  const paths = peers.flatMap((peer) => pathTo(records.succession, options.manifest, peer))
  return [...new Set(paths)]
}

/** Signs a record: it is among those of the job, and the others get it at once. */
export function issue<Kind extends JobRecordKind>(
  seat: Seat,
  kind: Kind,
  payload: PayloadOf<Kind>,
  epoch = 0,
): Verified<PayloadOf<Kind>> {
  const { job, self, manifest } = seat.options
  const expiresMs = manifest.deadlineMs + jobRetentionMs
  const made = seat.issuer.issue(kind, { payload, job, epoch, steward: self, expiresMs })
  seat.effects.push({ type: 'issue', ...made } as CouncilEffect)
  if (seat.records.admit(made.issued as JobRecord)) spread(seat, made.issued as JobRecord)
  return made.issued.record as Verified<PayloadOf<Kind>>
}

/** A record of this node is among those of the job: the others get it at once. */
export function spread(seat: Seat, entry: JobRecord): void {
  if (entry.kind === 'verdict') seat.results.learn(entry.record)
  shareWithAll(seat, entry)
}

export function shareWithAll(seat: Seat, record: JobRecord): void {
  for (const to of fellowsOf(seat))
    if (seat.connected.has(to)) seat.effects.push({ type: 'share', record, to })
}

export function say(seat: Seat, to: PeerId, message: FellowMessage): void {
  seat.effects.push({ type: 'send', to, message })
}

/** Tells a fellow that this steward lives, and the root of its records. */
export function beat(seat: Seat, to: PeerId): void {
  const { job } = seat.options
  const [root, acting, asks] = [seat.records.trie.root(), isActing(seat), differs(seat, to)]
  const heard = seat.watch.lastBeatOf(to)
  say(seat, to, { type: 'beat', job, acting, root, asks, count: seat.looks, heard })
}

/** Tells whether a fellow may have other records than these. */
export function differs(seat: Seat, fellow: PeerId): boolean {
  const root = seat.roots.get(fellow)
  return root === undefined || !equals(root, seat.records.trie.root())
}
