/**
 * The council: one steward's side of looking after a job together with the others.
 *
 * It keeps the job's records equal to theirs, holds its inputs and accepted results, and watches who lives. While it is
 * this node's turn, a Steward (../steward) made from the records decides about the job; when the turn passes to another,
 * that Steward is let go, and nothing is lost with it, since all it knew follows from records that every steward has.
 * With no standbys it is a steward with nobody to talk to.
 */

import { assert, impossible } from '../../base/assert.ts'
import type { LeaseId, PeerId, RecordId } from '../ids.ts'
import type { ShardEntry } from '../job/lists.ts'
import type { JobRecord } from '../records.ts'
import type { Recalled } from '../state/decisions.ts'
import type { RecordedView } from '../state/job-view.ts'
import { greet, hearOfRecords } from './comparison.ts'
import type { CouncilEffect, CouncilInput, FellowMessage } from './contract.ts'
import { heedClock } from './gap.ts'
import { sayInputsHeld } from './holding.ts'
import { checkCensus, discardDropped, receiveRecord, takeReceiptAside } from './intake.ts'
import { followCounted, followRecounted, lookAtProofs, seekAnew } from './judging.ts'
import { heirOf, leaveOnceHeld, release, seekTaker } from './leaving.ts'
import { look } from './look.ts'
import { answeredInvitation, heedHandovers } from './replacement.ts'
import { hasGrounds, isComplete, rests, wakeUnlessAtRest } from './rest.ts'
import { hearAdverts, hearRoster } from './roster.ts'
import {
  actsInstead,
  type CouncilOptions,
  checkSeat,
  differs,
  fellowsOf,
  hasActed,
  hasEnded,
  isActing,
  isReader,
  livingFellows,
  newSeat,
  pathsTo,
  type Seat,
} from './seat.ts'
import { takeOver, tellSteward } from './turn.ts'
import {
  countsHere,
  endHere,
  endingHere,
  isOpenHere,
  moneyHere,
  type Reported,
  recordedView,
  reportedHere,
  type Unproven,
  unprovenHere,
} from './view.ts'

export interface Beginning {
  /** The records that the journal holds of the job. */
  readonly records: Iterable<JobRecord>
  /** Null while the inputs are not here. */
  readonly shards: readonly ShardEntry[] | null
  /** The job was submitted here, just now: nobody else can be acting. */
  readonly fresh: boolean
  /** The verdicts of others that were found to count before this node stopped. */
  readonly recalled?: Iterable<Recalled>
  /** The draws and leases that were found never to count here. */
  readonly shutOut?: Iterable<RecordId>
  /** Where this node left the job before: the first serial that it has not used. */
  readonly serial?: number
}

export class Council {
  readonly #seat: Seat

  constructor(options: CouncilOptions) {
    this.#seat = newSeat(options)
  }

  /** Call once, before the first input. */
  begin(
    { records, shards, fresh, recalled = [], shutOut = [], serial = 0 }: Beginning,
    nowMs: number,
  ): CouncilEffect[] {
    const seat = this.#seat
    seat.records.decisions.recall(recalled)
    for (const record of shutOut) seat.records.shutOut(record)
    if (shards !== null) seat.records.countShards(shards.length)
    seat.records.restore(records)
    for (const entry of records) seat.issuer.learn(entry.record)
    seat.issuer.learn({ signer: seat.options.self, serial: serial - 1 })
    discardDropped(seat)
    seat.places.begin(seat.records.succession)
    if (hasActed(seat)) seat.places.stay()
    const { decisions } = seat.records
    decisions.review(nowMs)
    decisions.takeCounted() // known already
    for (const verdict of decisions.verdicts.records.values()) seat.results.learn(verdict)
    seat.results.forgetHeld()
    for (const entry of records)
      if (entry.kind === 'draw') checkCensus(seat, entry.record, entry.record.signer)
    seat.knowsEnd = hasEnded(seat)
    // A standby may have the list of shards and not yet all of them: it says so, once it has.
    const { self, manifest } = seat.options
    const complete =
      this.isReader || manifest.stewards[0]?.peer === self || seat.records.holders.hasInputs(self)
    this.#knowShards(complete ? shards : null)
    seat.records.takeRecounted() // known already
    seat.started = true
    heedHandovers(seat, nowMs)
    if (!fresh) seat.attendance.seatAnew(nowMs)
    if (seat.shards === null) seat.effects.push({ type: 'hold-inputs' })
    else sayInputsHeld(seat)
    if (!hasEnded(seat) && (fresh || fellowsOf(seat).length === 0)) takeOver(seat, fresh, nowMs)
    return this.#drain(nowMs)
  }

  handle(input: CouncilInput, nowMs: number): CouncilEffect[] {
    const seat = this.#seat
    if (seat.hasLeft) return []
    heedClock(seat, input, nowMs)
    switch (input.type) {
      case 'fellow':
        this.#hear(input.from, input.message, nowMs)
        break
      case 'answered':
        answeredInvitation(seat, input, nowMs)
        seekTaker(seat, nowMs)
        break
      case 'release':
        release(seat, nowMs)
        break
      case 'reader':
        seat.readers.add(input.peer)
        break
      case 'record':
        receiveRecord(seat, input.record, input.from, nowMs)
        break
      case 'inputs-held':
        this.#knowShards(input.shards)
        sayInputsHeld(seat)
        break
      case 'results-held':
        seat.results.fetched(input.verdict, input.held)
        break
      case 'result-lost':
        seat.results.lose(input.result)
        break
      case 'wake':
        seat.isWaking = false
        this.#look(nowMs)
        break
      case 'connected':
        seat.connected.add(input.peer)
        seat.watch.connected(input.peer, nowMs, input.isRelayed)
        if (seat.records.isSteward(input.peer)) {
          seekAnew(seat, input.peer, nowMs)
          greet(seat, input.peer)
        }
        tellSteward(seat, input, nowMs)
        break
      case 'disconnected':
        seat.connected.delete(input.peer)
        seat.watch.left(input.peer)
        seat.attendance.left(input.peer, nowMs)
        tellSteward(seat, input, nowMs)
        break
      case 'roster':
        seat.operatorPpm = input.operatorPpm ?? 0
        hearRoster(seat, input.capacities, nowMs)
        tellSteward(seat, input, nowMs)
        break
      case 'adverts':
        hearAdverts(seat, input.changed, input.gone, nowMs)
        tellSteward(seat, input, nowMs)
        break
      case 'receipt':
        if (seat.steward !== undefined) tellSteward(seat, input, nowMs)
        else takeReceiptAside(seat, input.receipt)
        break
      case 'accepted':
      case 'declined':
      case 'progress':
        // A lease of another job is no reason to look at this one's vehicles.
        if (seat.records.has(input.lease)) tellSteward(seat, input, nowMs)
        break
      case 'cancel':
        if (seat.options.self !== seat.options.manifest.stewards[0]?.peer || hasEnded(seat)) break
        // The submitter's node always has its shards.
        if (!this.acting) takeOver(seat, false, nowMs)
        tellSteward(seat, input, nowMs)
        break
      case 'examined':
        seat.records.decisions.examined(input.results)
        tellSteward(seat, input, nowMs)
        break
      case 'undelivered':
        seat.watch.undelivered(input.lease)
        tellSteward(seat, input, nowMs)
        break
      case 'go-on':
      case 'recomputed':
      case 'stewards':
      case 'allowance':
      case 'safe':
      case 'census':
      case 'clock-set':
        tellSteward(seat, input, nowMs)
        break
      case 'census-checked':
        seat.records.proveCensus(input.list)
        break
      default:
        impossible(input)
    }
    return this.#drain(nowMs)
  }

  /** Over the ids of all records that are here: equal on stewards that know the same. */
  get root(): Uint8Array {
    return this.#seat.records.trie.root()
  }

  get recordCount(): number {
    return this.#seat.records.size
  }

  /** An estimate of what the records take in memory. */
  get recordBytes(): number {
    return this.#seat.records.bytes
  }

  /** The first serial that this node has not used for the job. */
  get serial(): number {
    return this.#seat.issuer.serial
  }

  get acting(): boolean {
    return isActing(this.#seat)
  }

  /** The steward that acts since this one reaches too few vehicles, if that is so. */
  actsInstead(nowMs: number): PeerId | undefined {
    return actsInstead(this.#seat, nowMs)
  }

  /** The stewards that have a place here. */
  get places() {
    return this.#seat.places
  }

  /** The handovers by which these are stewards, each after the one that it follows. */
  pathsTo(peers: readonly PeerId[]) {
    return pathsTo(this.#seat, peers)
  }

  /** It has no place, and may read the job. */
  get isReader(): boolean {
    return isReader(this.#seat)
  }

  /** True when this node has the end of the job, the verdicts and receipts that it stands on and all accepted results. */
  get isComplete(): boolean {
    return isComplete(this.#seat) && hasGrounds(this.#seat)
  }

  get hasEnded(): boolean {
    return hasEnded(this.#seat)
  }

  /** Tells whether a lease counts on this node: one that does not is paid to nobody. */
  counts(lease: LeaseId): boolean {
    return countsHere(this.#seat, lease)
  }

  /** Tells whether so many units at a place of a lease were not written off: what was is paid to nobody. */
  isOpen(lease: LeaseId, place: number, units: number): boolean {
    return isOpenHere(this.#seat, lease, place, units)
  }

  /** The records that this node's report of the job has. */
  get reported(): Reported {
    return reportedHere(this.#seat)
  }

  /** The shards and the end that other stewards speak of, and that nothing here proves. */
  get unproven(): Unproven {
    return unprovenHere(this.#seat)
  }

  /** The shards for which a verdict counts on this node. */
  positionsOf(verdict: RecordId): number[] {
    const counting = this.#seat.records.verdicts.records.get(verdict)
    return counting?.payload.shards.map(({ position }) => position) ?? []
  }

  /** The records that money follows from, each after those that it rests on. */
  get money() {
    return moneyHere(this.#seat)
  }

  /**
   * Tells whether the council has nothing left to do until it hears something: the job has ended, this node has all
   * of it, and every other steward has said that it has the same records, or has been gone for so long that it is not
   * sought any more.
   */
  rests(nowMs: number): boolean {
    return rests(this.#seat, nowMs)
  }

  /** The steward to which this one has given its place; it leaves once that one has all. */
  get heir(): PeerId | undefined {
    return heirOf(this.#seat)
  }

  /** Other stewards that have not said that they have the same records. */
  behind(): PeerId[] {
    const fellows = this.isReader ? [] : fellowsOf(this.#seat)
    return fellows.filter((peer) => differs(this.#seat, peer) && this.places.heirOf(peer) === undefined)
  }

  /** The other stewards with a place that have said that they have the same records, whether this node has a place or not. */
  level(): PeerId[] {
    return fellowsOf(this.#seat).filter((peer) => !differs(this.#seat, peer))
  }

  /** Standbys that hold the inputs, this node left out: with them the job outlives it. */
  holders(): PeerId[] {
    return fellowsOf(this.#seat).filter((peer) => this.#seat.records.holders.hasInputs(peer))
  }

  /**
   * Where this steward acts for the job and the job is decided as a whole: returns the stewards that must get
   * accepted results before it may end, with how many verdicts each lacks. Empty where nothing is waited for.
   */
  lackingResults(nowMs: number): ReadonlyMap<PeerId, number> {
    return this.#seat.steward?.isDecided
      ? this.#seat.results.lacking(livingFellows(this.#seat, nowMs))
      : new Map()
  }

  /** How the job stands, as far as is known here; undefined while this steward does not know its shards. */
  observe(): Pick<RecordedView, 'view' | 'verdicts' | 'claims' | 'standings'> | undefined {
    // After the end a Steward learns nothing more, and records may still come.
    if (this.#seat.steward !== undefined && !this.hasEnded) return this.#seat.steward
    return recordedView(this.#seat)
  }

  /** The end that counts here; undefined while this steward does not know the job's shards. */
  get end() {
    return endHere(this.#seat)
  }

  /** The end that counts here, as vehicles are shown it. */
  get ending() {
    return endingHere(this.#seat)
  }

  /** Asserts what holds between two inputs, for tests. */
  check(): void {
    checkSeat(this.#seat)
  }

  #look(nowMs: number): void {
    wakeUnlessAtRest(this.#seat, nowMs)
    look(this.#seat, nowMs)
  }

  #hear(from: PeerId, message: FellowMessage, nowMs: number): void {
    const seat = this.#seat
    if (!seat.records.isSteward(from) && !seat.readers.has(from)) return
    seat.heardFrom.add(from)
    if (message.type === 'beat') seat.watch.beat(from, message, nowMs)
    hearOfRecords(seat, from, message, nowMs)
    leaveOnceHeld(seat, nowMs)
  }

  #knowShards(shards: readonly ShardEntry[] | null): void {
    this.#seat.shards = shards
    if (shards !== null) this.#seat.records.knowShards(shards)
  }

  #drain(nowMs: number): CouncilEffect[] {
    const seat = this.#seat
    assert(seat.started, 'a council begins before it hears')
    if (!seat.hasLeft) {
      lookAtProofs(seat)
      followCounted(seat, nowMs)
      followRecounted(seat)
      wakeUnlessAtRest(this.#seat, nowMs)
    }
    const effects = seat.effects
    seat.effects = []
    return effects
  }
}
