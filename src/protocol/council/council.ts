/**
 * The council: one steward's side of looking after a job together with the others.
 *
 * It keeps the job's records equal to theirs, holds its inputs and accepted results, and watches who lives. While it is
 * this node's turn, a Steward (../steward) made from the records decides about the job; when the turn passes to another,
 * that Steward is let go, and nothing is lost with it, since all it knew follows from records that every steward has.
 * With no standbys it is a steward with nobody to talk to.
 */
import { concat, equals, fromString } from 'uint8arrays'
import { assert } from '../../base/assert.ts'
import type { Sha256 } from '../../base/prng.ts'
import type { JobId, PeerId, RecordId } from '../ids.ts'
import { Issuer } from '../issuer.ts'
import type { Allowance } from '../job/allowance.ts'
import type { Handover } from '../job/handover.ts'
import type { ShardEntry } from '../job/lists.ts'
import type { Manifest, StewardPlace } from '../job/manifest.ts'
import type { JobEnd, Verdict } from '../job/verdict.ts'
import {
  beatIntervalMs,
  handoversMax,
  holdingVerdictsMax,
  inviteAgainMs,
  inviteTtlMs,
  jobRetentionMs,
  stewardLeaseMs,
  syncIdsMax,
  syncIntervalMs,
} from '../limits.ts'
import type { Capacity } from '../membership/advert.ts'
import { type Micros, unitsOf } from '../price.ts'
import type { Verified } from '../record/record.ts'
import { shortIdOf, trieFanout } from '../record/record-trie.ts'
import {
  byDependency,
  checked,
  type JobRecord,
  type JobRecordKind,
  type Opened,
  type PayloadOf,
} from '../records.ts'
import { RecordedView } from '../state/job-view.ts'
import type { StewardEffect } from '../steward/contract.ts'
import { Steward } from '../steward/steward.ts'
import { Attendance } from './attendance.ts'
import type { CouncilEffect, CouncilInput, FellowMessage } from './contract.ts'
import { JobRecords } from './job-records.ts'
import { Results } from './results.ts'
import { findStandbys } from './standbys.ts'

/** Whoever is not connected is dialled by a beat, and most of those are gone: seldom enough to cost nothing. A guess. */
const beatsBetweenDials = 5

export interface CouncilOptions {
  readonly job: JobId
  readonly manifest: Manifest
  readonly self: PeerId
  /** This node's seed in a place of this nonce. */
  readonly seedOf: (nonce: Uint8Array) => Uint8Array
  readonly sha256: Sha256
}

export interface Beginning {
  /** What the journal holds of the job. */
  readonly records: Iterable<JobRecord>
  /** Null while the inputs are not here. */
  readonly shards: readonly ShardEntry[] | null
  /** The job was submitted here, just now: nobody else can be acting. */
  readonly fresh: boolean
}

export class Council {
  readonly #options: CouncilOptions
  readonly #records: JobRecords
  readonly #attendance: Attendance
  readonly #connected = new Set<PeerId>()
  /** When the records of a fellow were last compared with these. */
  readonly #compared = new Map<PeerId, number>()
  readonly #readers = new Set<PeerId>()
  readonly #results: Results
  readonly #issuer: Issuer
  /** Verdicts that do not count, since nobody who lives has their results. */
  #unreachable = new Set<RecordId>()
  /** What fellows last said of theirs. */
  readonly #roots = new Map<PeerId, Uint8Array>()
  /** By fellow and leaf, how many ids of one that is too large for a message have been named. */
  readonly #named = new Map<string, number>()
  /** Who is asked to take the place of a lost steward, and until when. */
  #invited:
    | {
        readonly candidate: Capacity
        readonly lost: PeerId
        readonly nonce: Uint8Array
        readonly untilMs: number
      }
    | undefined
  /** Who is not to be asked before then. */
  readonly #refused = new Map<PeerId, number>()
  /** Stewards that have said anything yet: the others may not know that they are. */
  readonly #heardFrom = new Set<PeerId>()
  #lookedMs: number | undefined
  #capacities: readonly Capacity[] = []
  #operatorPpm = 0
  #shards: readonly ShardEntry[] | null = null
  /** Decides, while it is this node's turn; `#stale` once others' records have changed what it stands on. */
  #steward: Steward | undefined
  #stale = false
  /** How the job stood when so many records were here. */
  #observed: { readonly size: number; readonly view: RecordedView } | undefined
  #started = false
  /** A wake was asked for, and has not come. */
  #isWaking = false
  #looks = 0
  #effects: CouncilEffect[] = []

  constructor(options: CouncilOptions) {
    this.#options = options
    this.#records = new JobRecords(options.job, options.manifest, options.sha256)
    this.#results = new Results(options.self, this.#records)
    this.#attendance = new Attendance(options.self)
    this.#issuer = new Issuer(options.self, options.sha256)
  }

  /** Call once, before the first input. */
  begin({ records, shards, fresh }: Beginning, nowMs: number): CouncilEffect[] {
    for (const entry of [...records].sort(byDependency)) {
      if (this.#records.admit(entry) && entry.kind === 'verdict') this.#results.learn(entry.record)
      this.#issuer.learn(entry.record)
    }
    this.#results.forgetHeld()
    // A standby may have the list of shards and not yet all of them: it says so, once it has.
    const { self, manifest } = this.#options
    const complete =
      this.isReader || manifest.stewards[0]?.peer === self || this.#records.holders.hasInputs(self)
    this.#shards = complete ? shards : null
    this.#started = true
    this.#seat(nowMs)
    if (this.#shards === null) this.#effects.push({ type: 'hold-inputs' })
    else this.#sayInputsHeld()
    if (this.#ended) this.#reveal()
    else if (fresh || this.#fellows().length === 0) this.#act(fresh, nowMs)
    return this.#drain(nowMs)
  }

  handle(input: CouncilInput, nowMs: number): CouncilEffect[] {
    switch (input.type) {
      case 'fellow':
        this.#hear(input.from, input.message, nowMs)
        break
      case 'reader':
        this.#readers.add(input.peer)
        break
      case 'record':
        this.#receive(input.record, input.from, nowMs)
        break
      case 'inputs-held':
        this.#shards = input.shards
        this.#sayInputsHeld()
        break
      case 'results-held':
        this.#results.fetched(input.verdict, input.held)
        break
      case 'result-lost':
        this.#results.lose(input.result)
        break
      case 'wake':
        this.#isWaking = false
        this.#look(nowMs)
        break
      case 'connected':
        this.#connected.add(input.peer)
        if (this.#records.isSteward(input.peer)) this.#greet(input.peer)
        this.#tellSteward(input, nowMs)
        break
      case 'disconnected':
        this.#connected.delete(input.peer)
        this.#attendance.left(input.peer, nowMs)
        this.#tellSteward(input, nowMs)
        break
      case 'roster':
        this.#capacities = input.capacities
        this.#operatorPpm = input.operatorPpm ?? 0
        this.#tellSteward(input, nowMs)
        break
      case 'receipt':
        if (this.#steward !== undefined) this.#tellSteward(input, nowMs)
        else this.#takeReceipt(input.receipt)
        break
      case 'accepted':
      case 'declined':
      case 'progress':
        // A lease of another job is no reason to look at this one's vehicles.
        if (this.#records.has(input.lease)) this.#tellSteward(input, nowMs)
        break
      case 'cancel':
        if (this.isReader || this.#ended) break
        if (this.#shards === null) this.#cancel()
        else {
          if (!this.acting) this.#act(false, nowMs)
          this.#tellSteward(input, nowMs)
        }
        break
      default:
        this.#tellSteward(input, nowMs)
    }
    return this.#drain(nowMs)
  }

  /** Over the ids of all records that are here: equal on stewards that know the same. */
  get root(): Uint8Array {
    return this.#records.trie.root()
  }

  /** How many records of the job are here. */
  get recordCount(): number {
    return this.#records.size
  }

  get acting(): boolean {
    return this.#steward !== undefined
  }

  get succession() {
    return this.#records.succession
  }

  /** No steward of the job, but allowed to read it. */
  get isReader(): boolean {
    return !this.#records.hasPlace(this.#options.self)
  }

  /** Whether the end of the job, the verdicts that it stands on and all accepted results are here. */
  get isComplete(): boolean {
    return this.#ended && this.#shards !== null && this.#hasVerdicts(this.#shards) && this.#results.areAllHere
  }

  get hasEnded(): boolean {
    return this.#ended
  }

  /**
   * Whether there is nothing left to do, until somebody says something: the job has ended, all of it is here, and every
   * other steward has said that it has the same records, or has been gone for so long that it is not sought any more.
   */
  rests(nowMs: number): boolean {
    if (!this.isComplete || this.#results.haveNews) return false
    return this.isReader || this.#fellows().every((peer) => !this.#differs(peer) || this.#isGone(peer, nowMs))
  }

  /** Other stewards that have not said that they have the same records. */
  behind(): PeerId[] {
    return this.isReader ? [] : this.#fellows().filter((peer) => this.#differs(peer))
  }

  /** Standbys that hold the inputs, this node left out: with them the job outlives it. */
  holders(): PeerId[] {
    return this.#fellows().filter((peer) => this.#records.holders.hasInputs(peer))
  }

  /**
   * Of a job that this steward acts for and that is decided as a whole: the stewards that must get accepted results
   * before it may end, with how many verdicts each lacks. Empty where nothing is waited for.
   */
  lackingResults(nowMs: number): ReadonlyMap<PeerId, number> {
    return this.#steward?.isDecided ? this.#results.lacking(this.#living(nowMs)) : new Map()
  }

  /** How the job stands, as far as is known here; undefined while this steward does not know its shards. */
  observe(): Pick<RecordedView, 'view' | 'verdicts' | 'claims'> | undefined {
    if (this.#steward !== undefined) return this.#steward
    if (this.#shards === null) return undefined
    const { size } = this.#records
    if (this.#observed?.size !== size)
      this.#observed = { size, view: new RecordedView(this.#records, this.#shards) }
    return this.#observed.view
  }

  /** Asserts what holds between two inputs, for tests. */
  check(): void {
    this.#steward?.check()
  }

  // --- whose turn it is ---------------------------------------------------------------------------------------

  get #ended(): boolean {
    return this.#records.end() !== undefined
  }

  /** Records come in any order: the end of a complete job may be here before the verdicts on its shards. */
  #hasVerdicts(shards: readonly ShardEntry[]): boolean {
    if (this.#records.end()?.payload.outcome !== 'complete') return true
    return this.#records.verdicts.positions().length === shards.length
  }

  #fellows(): PeerId[] {
    const { self } = this.#options
    return this.#records.succession.stewards.map(({ peer }) => peer).filter((peer) => peer !== self)
  }

  #isGone(peer: PeerId, nowMs: number): boolean {
    return !this.#connected.has(peer) && this.#attendance.isLost(peer, nowMs)
  }

  #living(nowMs: number): PeerId[] {
    return this.#fellows().filter((peer) => this.#attendance.lives(peer, nowMs))
  }

  #seat(nowMs: number): void {
    this.#attendance.seat(this.#records.succession.stewards, nowMs)
  }

  #look(nowMs: number): void {
    this.#wakeUnlessAtRest(nowMs)
    const sinceMs = nowMs - (this.#lookedMs ?? nowMs)
    if (sinceMs < 0 || sinceMs > stewardLeaseMs / 2) this.#attendance.seatAnew(nowMs)
    this.#lookedMs = nowMs
    if (this.isReader) {
      if (this.#steward !== undefined) this.#standDown()
      this.#ask(nowMs)
    } else if (!this.#ended) {
      const turn = this.#shards !== null && this.#attendance.myTurn(this.acting, nowMs)
      if (turn && this.#steward === undefined) this.#act(false, nowMs)
      else if (!turn && this.#steward !== undefined) this.#standDown()
      else if (this.#stale || this.#hasLostResults(nowMs)) this.#act(false, nowMs)
      this.#tellSteward({ type: 'wake' }, nowMs)
      if (this.acting) this.#replaceLost(nowMs)
      else this.#give(nowMs)
    }
    this.#sayArrived()
    this.#fetchResults(nowMs)
    this.#looks += 1
    const dials = this.#looks % beatsBetweenDials === 0
    for (const peer of this.#fellows())
      if ((dials || this.#connected.has(peer)) && (!this.#ended || this.#differs(peer))) {
        if (dials) this.#greet(peer)
        else this.#beat(peer)
      }
  }

  /** Takes up the job where its records leave it. */
  #act(fresh: boolean, nowMs: number): void {
    assert(this.#shards !== null, 'who acts for a job knows its shards')
    const wasActing = this.acting
    this.#stale = false
    const steward = this.#newSteward(this.#shards)
    this.#steward = steward
    if (!wasActing) this.#effects.push({ type: 'acting', acting: true })
    this.#unreachable = new Set(this.#results.unreachable(this.#living(nowMs)))
    this.#follow(steward.restore(nowMs, this.#unreachable))
    if (!fresh) for (const { peer } of this.#capacities) if (this.#connected.has(peer)) this.#adopt(peer)
    const [capacities, operatorPpm] = [this.#capacities, this.#operatorPpm]
    this.#tellSteward({ type: 'roster', capacities, operatorPpm }, nowMs)
    for (const peer of this.#connected) this.#tellSteward({ type: 'connected', peer }, nowMs)
    if (!wasActing) for (const peer of this.#fellows()) this.#beat(peer)
  }

  #adopt(peer: PeerId): void {
    if (!this.#records.isSteward(peer)) this.#effects.push({ type: 'adopt', to: peer })
  }

  #standDown(): void {
    this.#steward = undefined
    this.#stale = false
    this.#effects.push({ type: 'acting', acting: false })
    for (const peer of this.#fellows()) this.#beat(peer)
  }

  #newSteward(shards: readonly ShardEntry[]): Steward {
    const { job, manifest, self, sha256, seedOf } = this.#options
    const { stewards, chain } = this.#records.succession
    const place = stewards.find(({ peer }) => peer === self)
    assert(place !== undefined, 'only a steward of the job acts for it')
    const epoch = chain.find(({ payload }) => payload.taker.peer === self)?.epoch ?? 0
    const seed = seedOf(place.nonce)
    const issuer = this.#issuer
    const state = this.#records
    return new Steward({ job, manifest, shards, self, stewards, place, epoch, seed, sha256, state, issuer })
  }

  #tellSteward(input: Parameters<Steward['handle']>[0], nowMs: number): void {
    if (this.#steward === undefined) return
    if (input.type === 'wake')
      this.#follow(this.#steward.handle({ type: 'safe', safe: this.#isSafe(nowMs) }, nowMs))
    this.#follow(this.#steward.handle(input, nowMs))
  }

  /** What the steward decided, seen from here: its records are the job's, and the others get them at once. */
  #follow(effects: readonly StewardEffect[]): void {
    for (const effect of effects) {
      if (effect.type === 'wake') continue // the council's own look wakes it
      this.#effects.push(effect)
      if (effect.type === 'issue') this.#spread(effect.issued)
      else if (effect.type === 'keep') this.#spread(effect.receipt)
      else if (effect.type === 'ended') this.#reveal()
    }
  }

  /** A record of this node is among those of the job: the others get it at once. */
  #spread(entry: JobRecord): void {
    if (entry.kind === 'verdict') this.#results.learn(entry.record)
    this.#shareWithAll(entry)
  }

  #shareWithAll(record: JobRecord): void {
    for (const to of this.#fellows())
      if (this.#connected.has(to)) this.#effects.push({ type: 'share', record, to })
  }

  #isSafe(nowMs: number): boolean {
    return this.#results.areSafe(this.#living(nowMs))
  }

  /** A result is gone that the acting steward counted on. */
  #hasLostResults(nowMs: number): boolean {
    if (this.#steward === undefined || this.#results.areAllHere) return false
    return this.#results.unreachable(this.#living(nowMs)).some((id) => !this.#unreachable.has(id))
  }

  // --- records ------------------------------------------------------------------------------------------------

  #receive(entry: Opened<JobRecordKind>, from: PeerId, nowMs: number): void {
    if (entry.kind === 'receipt' && this.#steward !== undefined) {
      if (this.#records.has(entry.record.id)) return
      this.#tellSteward({ type: 'receipt', receipt: entry, released: null }, nowMs)
      if (this.#records.has(entry.record.id)) return
    }
    const wasEnded = this.#ended
    if (!this.#records.admit(entry)) return
    this.#issuer.learn(entry.record)
    this.#effects.push({ type: 'copy', record: entry })
    if (entry.kind === 'handover') {
      this.#seat(nowMs)
      this.#tellSteward({ type: 'stewards', stewards: this.#records.succession.stewards }, nowMs)
    }
    if (entry.kind === 'allowance') this.#tellSteward({ type: 'allowance', allowance: entry }, nowMs)
    if (this.#steward !== undefined && ['lease', 'verdict', 'receipt', 'end'].includes(entry.kind))
      this.#stale = true
    if (entry.kind === 'verdict') {
      this.#results.learn(entry.record)
      this.#fetch(entry.record, from)
    }
    if (entry.kind === 'end' && !wasEnded) this.#learnEnd()
    if (entry.kind === 'holding') this.#tellSteward({ type: 'safe', safe: this.#isSafe(nowMs) }, nowMs)
  }

  /** Without the inputs there is nothing else to decide. */
  #cancel(): void {
    const seed = this.#options.seedOf(this.#placeOfSelf().nonce)
    const end: JobEnd = { outcome: 'cancelled', reason: 'cancelled by its submitter', seed }
    this.#issue('end', end)
    this.#effects.push({ type: 'ended', end })
  }

  #learnEnd(): void {
    const end = this.#records.end()!
    if (this.#steward !== undefined) this.#standDown()
    this.#reveal()
    this.#effects.push({ type: 'ended', end: end.payload })
  }

  /** A vehicle that found nobody else repeats its receipt here. */
  #takeReceipt(entry: Opened<'receipt'>): void {
    const { record } = entry
    if (this.#ended) {
      const message = { type: 'ended', job: this.#options.job } as const
      this.#effects.push({ type: 'send', to: record.signer, message })
      return
    }
    const known = this.#records.has(record.id)
    // Each covers at least one more shard of the lease, but for one that contradicts another.
    if (!known && this.#records.hasEnoughReceipts(record.payload.lease)) return
    if (!known && !this.#records.admit(entry)) return
    if (!known) this.#effects.push({ type: 'keep', receipt: entry })
    const message = { type: 'acknowledge', receipt: record.id } as const
    this.#effects.push({ type: 'send', to: record.signer, message })
    this.#shareWithAll(entry)
  }

  // --- what is held -------------------------------------------------------------------------------------------

  #sayInputsHeld(): void {
    const { self } = this.#options
    if (this.isReader || this.#fellows().length === 0 || this.#records.holders.hasInputs(self) || this.#ended)
      return
    this.#issue('holding', { inputs: true, verdicts: [] })
  }

  #fetchResults(nowMs: number): void {
    const isReached = (peer: PeerId) => this.#connected.has(peer) && this.#attendance.lives(peer, nowMs)
    for (const { verdict, from } of this.#results.toFetch(isReached)) this.#fetch(verdict, from)
  }

  #fetch(verdict: Verified<Verdict>, from: PeerId): void {
    if (!this.#results.startFetch(verdict)) return
    const results = verdict.payload.shards.flatMap(({ result }) => (result === null ? [] : [result]))
    this.#effects.push({ type: 'hold-results', verdict: verdict.id, results, from })
  }

  #sayArrived(): void {
    if (this.isReader) return
    for (;;) {
      const verdicts = this.#results.takeArrived(holdingVerdictsMax)
      if (verdicts.length === 0) return
      this.#issue('holding', { inputs: false, verdicts })
    }
  }

  #reveal(): void {
    const { self, seedOf } = this.#options
    const end = this.#records.end()
    if (end === undefined || end.signer === self) return
    let drew = false
    for (const { kind, record } of this.#records.all()) {
      if (record.signer !== self) continue
      if (kind === 'reveal' || kind === 'end') return
      if (kind === 'draw') drew = true
    }
    const place = this.#records.succession.stewards.find(({ peer }) => peer === self)
    if (drew && place !== undefined) this.#issue('reveal', { seed: seedOf(place.nonce) })
  }

  /**
   * Who does not act lets the one that does have at least as much of the budget left as itself (../allowance.ts); and
   * keeps nothing that would not pay for a shard.
   */
  #give(nowMs: number): void {
    const { payment } = this.#options.manifest
    const to = this.#attendance.acting(nowMs)
    if (payment === null || this.#shards === null || to === undefined || !this.#connected.has(to)) return
    const free = this.#records.freeOf(this.#options.self)
    const has = this.#records.freeOf(to)
    const shard =
      payment.unitMicrosMax * this.#shards.reduce((max, s) => Math.max(max, unitsOf(s, payment.unit)), 1)
    if (free <= 0 || (has >= free && has >= shard)) return
    this.#giveTo(to, free < 2 * shard ? free : Math.ceil(free / 2), nowMs)
  }

  #giveTo(to: PeerId, micros: Micros, nowMs: number): void {
    const payload: Allowance = { writtenOff: [], given: [{ to, micros }] }
    const allowance = checked('allowance', this.#issue('allowance', payload))
    this.#tellSteward({ type: 'allowance', allowance }, nowMs)
  }

  // --- fellows ------------------------------------------------------------------------------------------------

  #hear(from: PeerId, message: FellowMessage, nowMs: number): void {
    if (message.type === 'willing' || message.type === 'unwilling') {
      this.#answered(from, message, nowMs)
      return
    }
    if (!this.#records.isSteward(from) && !this.#readers.has(from)) return
    this.#heardFrom.add(from)
    switch (message.type) {
      case 'beat':
        this.#attendance.heard(from, message.acting, nowMs)
        this.#roots.set(from, message.root)
        this.#compare(from, message.asks, nowMs)
        break
      case 'branches':
        this.#records.trie.branches().forEach((hash, branch) => {
          if (!equals(hash, message.hashes[branch]!))
            this.#say(from, {
              type: 'leaves',
              job: this.#options.job,
              branch,
              hashes: this.#records.trie.leaves(branch),
            })
        })
        break
      case 'leaves':
        this.#records.trie.leaves(message.branch).forEach((hash, i) => {
          if (equals(hash, message.hashes[i]!)) return
          const leaf = message.branch * trieFanout + i
          const ids = this.#idsToName(leaf, from).map(shortIdOf)
          this.#say(from, { type: 'ids', job: this.#options.job, leaf, ids })
        })
        break
      case 'ids': {
        const theirs = new Set(message.ids)
        const mine = this.#records.trie.ids(message.leaf)
        this.#share(
          from,
          mine.filter((id) => !theirs.has(shortIdOf(id))),
        )
        const { leaf } = message
        const ids = this.#records.trie.resolve(leaf, message.ids).unknown
        if (ids.length > 0) this.#say(from, { type: 'want', job: this.#options.job, leaf, ids })
        break
      }
      case 'want':
        this.#share(from, this.#records.trie.resolve(message.leaf, message.ids).known)
    }
  }

  /**
   * Of a leaf, as many as a message takes, and the next of them each time: what is not named, the other would never ask
   * for. Only a job of millions of records has such a leaf, or one with a steward that looks for ids that share it.
   */
  #idsToName(leaf: number, fellow: PeerId): readonly RecordId[] {
    const ids = this.#records.trie.ids(leaf)
    if (ids.length <= syncIdsMax) return ids
    const key = `${fellow}/${leaf}`
    const start = Math.min(this.#named.get(key) ?? 0, ids.length - syncIdsMax)
    const end = start + syncIdsMax
    this.#named.set(key, end < ids.length ? end : 0)
    return ids.slice(start, end)
  }

  /** A reader asks every steward that it reaches for what it lacks. */
  #ask(nowMs: number): void {
    for (const peer of this.#fellows()) {
      if (!this.#connected.has(peer)) continue
      if (nowMs - (this.#compared.get(peer) ?? Number.NEGATIVE_INFINITY) < syncIntervalMs) continue
      this.#compared.set(peer, nowMs)
      this.#attendance.heard(peer, false, nowMs)
      this.#say(peer, { type: 'branches', job: this.#options.job, hashes: this.#records.trie.branches() })
    }
  }

  #share(to: PeerId, ids: readonly RecordId[]): void {
    const entries = ids.flatMap((id) => this.#records.get(id) ?? []).sort(byDependency)
    for (const record of entries) this.#effects.push({ type: 'share', record, to })
  }

  /** One of two looks for the differences, the one with the lower id. */
  #compare(fellow: PeerId, asks: boolean, nowMs: number): void {
    if (!this.#differs(fellow)) {
      // While the job runs it hears so within a second.
      if (asks && this.#ended) this.#beat(fellow)
      return
    }
    if (this.#options.self > fellow) {
      if (this.#ended) this.#beat(fellow)
      return
    }
    if (nowMs - (this.#compared.get(fellow) ?? Number.NEGATIVE_INFINITY) < syncIntervalMs) return
    this.#compared.set(fellow, nowMs)
    this.#say(fellow, { type: 'branches', job: this.#options.job, hashes: this.#records.trie.branches() })
  }

  #differs(fellow: PeerId): boolean {
    const root = this.#roots.get(fellow)
    return root === undefined || !equals(root, this.#records.trie.root())
  }

  /**
   * Whoever has said nothing yet may not know that it is a steward, or that this node is one. After the end it needs no
   * job any more, and may have forgotten this one: it is only told how the stewards have changed.
   */
  #greet(peer: PeerId): void {
    if (!this.#heardFrom.has(peer) && this.#connected.has(peer)) {
      if (this.acting) this.#effects.push({ type: 'entrust', to: peer })
      else if (this.#ended)
        this.#share(
          peer,
          this.#records.succession.chain.map(({ id }) => id),
        )
    }
    this.#beat(peer)
  }

  #beat(to: PeerId): void {
    const { job } = this.#options
    const root = this.#records.trie.root()
    this.#say(to, { type: 'beat', job, acting: this.acting, root, asks: this.#differs(to) })
  }

  #say(to: PeerId, message: FellowMessage): void {
    this.#effects.push({ type: 'send', to, message })
  }

  // --- replacing the lost -------------------------------------------------------------------------------------

  /** As many stewards as the manifest names should live; one is sought at a time. */
  #replaceLost(nowMs: number): void {
    if (this.#invited !== undefined && this.#invited.untilMs > nowMs) return
    if (this.#invited !== undefined) this.#refused.set(this.#invited.candidate.peer, nowMs + inviteAgainMs)
    this.#invited = undefined
    const { stewards, chain, lost } = this.#records.succession
    const living = 1 + this.#living(nowMs).length
    const gone = stewards.find(({ peer }) => !lost.has(peer) && this.#attendance.isLost(peer, nowMs))
    if (
      gone === undefined ||
      living >= this.#options.manifest.stewards.length ||
      (chain.at(-1)?.epoch ?? 0) >= handoversMax
    )
      return
    const { manifest, sha256, seedOf } = this.#options
    const place = this.#placeOfSelf()
    const refused = [...this.#refused].filter(([, untilMs]) => untilMs > nowMs).map(([peer]) => peer)
    const [candidate] = findStandbys(
      {
        capacities: this.#capacities.filter(({ peer }) => this.#connected.has(peer)),
        runtime: manifest.runtime,
        engine: manifest.engine.id,
        replicas: manifest.assurance.replicas,
        taken: {
          peers: new Set([...stewards.map(({ peer }) => peer), ...refused]),
          // Whoever has keys of a blind job and became its steward could read all of it.
          owners: new Set([...stewards, ...(manifest.blind?.candidates ?? [])].map(({ owner }) => owner)),
        },
        sha256,
        seed: seedOf(place.nonce),
      },
      1,
    )
    if (candidate === undefined) return
    const nonce = sha256(
      concat([seedOf(place.nonce), fromString(`place/${this.#issuer.serial}/${candidate.peer}`)]),
    ).slice(0, 16)
    this.#invited = { candidate, lost: gone.peer, nonce, untilMs: nowMs + inviteTtlMs }
    const bytes = manifest.documents.bytes
    this.#effects.push({ type: 'send', to: candidate.peer, message: { type: 'invite', nonce, bytes } })
  }

  #answered(
    from: PeerId,
    message: Extract<FellowMessage, { type: 'willing' | 'unwilling' }>,
    nowMs: number,
  ): void {
    const invited = this.#invited
    if (invited?.candidate.peer !== from || !equals(invited.nonce, message.nonce) || !this.acting) return
    this.#invited = undefined
    if (message.type === 'unwilling') {
      this.#refused.set(from, nowMs + inviteAgainMs)
      return
    }
    const { chain } = this.#records.succession
    const previous = chain.at(-1)
    const taker: StewardPlace = {
      peer: from,
      owner: invited.candidate.owner,
      nonce: invited.nonce,
      drawCommitment: message.drawCommitment,
    }
    const payload: Handover = { previous: previous?.id ?? this.#options.job, lost: invited.lost, taker }
    this.#issue('handover', payload, (previous?.epoch ?? 0) + 1)
    this.#endow(from, nowMs)
    this.#seat(nowMs)
    this.#tellSteward({ type: 'stewards', stewards: this.#records.succession.stewards }, nowMs)
    this.#effects.push({ type: 'entrust', to: from })
  }

  /** A new steward has an even part of what its giver has left: it may have to go on alone. */
  #endow(taker: PeerId, nowMs: number): void {
    const micros = Math.floor(
      this.#records.freeOf(this.#options.self) / this.#options.manifest.stewards.length,
    )
    if (micros > 0) this.#giveTo(taker, micros, nowMs)
  }

  #placeOfSelf(): StewardPlace {
    return this.#records.succession.stewards.find(({ peer }) => peer === this.#options.self)!
  }

  #issue<Kind extends JobRecordKind>(
    kind: Kind,
    payload: PayloadOf<Kind>,
    epoch = 0,
  ): Verified<PayloadOf<Kind>> {
    const { job, self, manifest } = this.#options
    const expiresMs = manifest.deadlineMs + jobRetentionMs
    const made = this.#issuer.issue(kind, { payload, job, epoch, steward: self, expiresMs })
    this.#effects.push({ type: 'issue', ...made } as CouncilEffect)
    if (this.#records.admit(made.issued as JobRecord)) this.#spread(made.issued as JobRecord)
    return made.issued.record as Verified<PayloadOf<Kind>>
  }

  #wakeUnlessAtRest(nowMs: number): void {
    if (this.#isWaking || this.rests(nowMs)) return
    this.#isWaking = true
    this.#effects.push({ type: 'wake', atMs: nowMs + beatIntervalMs })
  }

  #drain(nowMs: number): CouncilEffect[] {
    assert(this.#started, 'a council begins before it hears')
    this.#wakeUnlessAtRest(nowMs)
    const effects = this.#effects
    this.#effects = []
    return effects
  }
}
