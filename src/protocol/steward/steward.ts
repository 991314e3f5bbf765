/**
 * The steward: looks after one job, from its manifest to its end.
 *
 * It draws vehicles, leases them shards, renews the leases that show progress, takes back those that do not,
 * collects the results that receipts commit to, tallies them, and says when the job is done. All it knows
 * follows from the job's manifest and from signed records in their order (draws, leases, receipts, verdicts),
 * so a steward that is restored from them goes on where it was; leases under way are then heard of again or
 * lapse. The alternative, a table of states that is updated in place (BOINC's), cannot be merged with a second
 * steward's, and a job must outlive its steward.
 *
 * A lease of a paid job promises money when it is issued: what its vehicle asks for each unit, never more than this
 * steward's allowance takes (../allowance.ts). When the allowance has no room for another lease, the steward writes off
 * what closed leases can no longer bring, and waits for what is under way and for what other stewards give it. When
 * nothing of that comes any more, the job ends failed by the name of its budget, with all that is verified kept.
 *
 * The driver's contract is in contract.ts.
 */
import { equals } from 'uint8arrays'
import { assert } from '../../base/assert.ts'
import type { Sha256 } from '../../base/prng.ts'
import type { JobId, LeaseId, OwnerId, PeerId, RecordId } from '../ids.ts'
import { Issuer } from '../issuer.ts'
import type { Lease, Opening, Receipt } from '../job/lease.ts'
import type { ShardEntry } from '../job/lists.ts'
import type { Manifest, StewardPlace } from '../job/manifest.ts'
import { Slowness } from '../job/slowness.ts'
import type { JobEnd, ShardVerdict } from '../job/verdict.ts'
import {
  budgetWaitMs,
  jobRetentionMs,
  leaseShardsMax,
  offerTtlMs,
  settledVerdictsMax,
  settleWaitMs,
  shortageGraceMs,
  speculationFactor,
  speculationMinMs,
  verdictReceiptsMax,
  windowIdleMs,
  windowMarginMs,
  writeOffMs,
  writtenOffMax,
} from '../limits.ts'
import type { Capacity } from '../membership/advert.ts'
import type { DeclineReason, ReleaseReason } from '../message.ts'
import { formatMoney, type Micros, unitsOf } from '../price.ts'
import type { Verified } from '../record/record.ts'
import type { JobRecord, JobRecordKind, Opened, PayloadOf } from '../records.ts'
import { JobState } from '../state/job-state.ts'
import { type JobView, paymentOf } from '../state/job-view.ts'
import type { Finding } from '../verification/examination.ts'
import { answersAlike, type Claim } from '../verification/tally.ts'
import { type Affords, bundle, fairShare, nextOpportunity, type Room } from './assignment.ts'
import { type Candidate, candidatesFor } from './candidate.ts'
import type { Examined, StewardEffect, StewardInput, Wanted } from './contract.ts'
import { DrawLog } from './draw-log.ts'
import { LeaseBook, type LeaseState } from './lease-book.ts'
import { Patience } from './patience.ts'
import { type Return, Returns } from './returns.ts'
import { ShardBoard, type ShardState } from './shard-board.ts'
import { type Check, type ClosedWindow, Windows } from './windows.ts'

/** How often a steward looks for stragglers and lapsed leases: a guess, short against every time it judges. */
const lookIntervalMs = 1_000

export interface StewardOptions {
  readonly job: JobId
  readonly manifest: Manifest
  readonly shards: readonly ShardEntry[]
  readonly self: PeerId
  /** All stewards of the job, by default those of its manifest; and this one's own place among them. */
  readonly stewards?: readonly StewardPlace[]
  readonly place?: StewardPlace
  /** Of the handover that made this a steward; 0 for those of the manifest. */
  readonly epoch?: number
  /** 32 bytes; its sha256 stands in the place. */
  readonly seed: Uint8Array
  readonly sha256: Sha256
  /** What the job's records say; shared with all else of this node that looks at the job. */
  readonly state?: JobState
  /** Shared with whatever else signs for this node's part in the job. */
  readonly issuer?: Issuer
}

export class Steward {
  readonly #options: StewardOptions
  readonly #board: ShardBoard
  readonly #leases = new LeaseBook()
  readonly #returns = new Returns()
  readonly #patience = new Patience()
  readonly #draws: DrawLog
  readonly #issuer: Issuer
  /** Null where unanimity alone decides. */
  readonly #windows: Windows | null
  readonly #state: JobState
  /** Somebody could be asked, and cannot be paid. Since when nothing has changed about it. */
  #short: { sinceMs: number; free: Micros; verdicts: number } | undefined
  /** Of this steward's fleet: the operator's share, in parts per million. */
  #operatorPpm = 0
  #capacities = new Map<PeerId, Capacity>()
  #candidates: Candidate[] = []
  /** Owners for whom a search found nothing, and the board's growth at that time. */
  readonly #barren = new Set<OwnerId>()
  #barrenAt = 0
  readonly #slowness = new Slowness()
  #stewards: readonly StewardPlace[]
  /** Shards on which stewards apart made verdicts that differ: the next one settles them. */
  readonly #apart = new Map<number, Apart>()
  /** What was accepted is on another steward's disk, too. */
  #safe = true
  #startedMs: number | undefined
  #end: JobEnd | undefined
  #effects: StewardEffect[] = []
  #verdicts: ShardVerdict[] = []

  constructor(options: StewardOptions) {
    const place = options.place ?? options.manifest.stewards.find(({ peer }) => peer === options.self)
    assert(place !== undefined, 'a steward is named by its manifest')
    assert(
      equals(options.sha256(options.seed), place.drawCommitment),
      'a steward draws from the seed it committed to',
    )
    this.#options = options
    this.#stewards = options.stewards ?? options.manifest.stewards
    this.#board = new ShardBoard(options.manifest, options.shards)
    this.#draws = new DrawLog(options.sha256, options.seed)
    this.#issuer = options.issuer ?? new Issuer(options.self, options.sha256)
    const { assurance } = options.manifest
    this.#windows =
      assurance.audits === null
        ? null
        : new Windows(assurance.audits, assurance, options.sha256, options.seed)
    this.#state = options.state ?? new JobState(options.job, options.manifest, options.sha256)
  }

  /**
   * Goes on where the state leaves the job. Call before the first input; asks for what is missing. Nobody has the results
   * that `unreachable` verdicts accept: what only they say is open again.
   */
  restore(nowMs: number, unreachable: ReadonlySet<RecordId> = new Set()): StewardEffect[] {
    const state = this.#state
    const { self } = this.#options
    for (const { record } of state.all()) this.#issuer.learn(record)
    for (const { record } of state.inTurn('draw'))
      if (record.signer === self) this.#draws.restoreBasis(record.id, record.payload)
    for (const { record } of state.inTurn('lease')) this.#openLease(record, nowMs, true)
    for (const { record } of state.inTurn('window'))
      if (record.signer === self) this.#windows?.close(record.id, record.payload)
    // Verdicts before receipts, so that only what is still open is looked at.
    for (const position of state.verdicts.positions()) this.#restoreVerdict(position, unreachable, nowMs)
    for (const { record, opening } of state.inTurn('receipt'))
      this.#takeReceipt(this.#leases.get(record.payload.lease)!, record, opening, null, nowMs)
    this.#end = state.end()?.payload
    // What the records made us ask for is asked below, once, where it still matters; the rest was said already.
    this.#effects = []
    const { wanted, settled } = this.#returns.outstanding()
    for (const claim of settled) this.#claimUnseen(claim)
    if (this.#end !== undefined) return []
    for (const lease of [...this.#leases.active()]) {
      const { vehicle } = lease.lease.payload
      if (this.#pointless(lease)) {
        this.#close(lease, nowMs + writeOffMs)
        continue
      }
      if (lease.lease.signer === self) this.#leases.renew(lease, nowMs)
      this.#leases.suspend(vehicle, nowMs)
      this.#patience.left(vehicle)
    }
    this.#effects = []
    if (wanted.length > 0) this.#effects.push({ type: 'collect', wanted })
    return this.#drain(nowMs)
  }

  #restoreVerdict(position: number, unreachable: ReadonlySet<RecordId>, nowMs: number): void {
    const standing = this.#state.standing(position, unreachable)
    switch (standing.state) {
      case 'open':
        break
      case 'stands':
        this.#settle(standing.verdict, nowMs)
        for (const owner of this.#state.contradictedBy(standing.verdict)) this.#contradict(owner, nowMs)
        break
      case 'apart':
        this.#apart.set(position, {
          settles: standing.left.map(({ record }) => record.id).slice(0, settledVerdictsMax),
          unseen: new Set(
            standing.left.flatMap(({ verdict }) => [...verdict.agreeing, ...verdict.contradicting]),
          ),
          untilMs: nowMs + settleWaitMs,
        })
    }
  }

  handle(input: StewardInput, nowMs: number): StewardEffect[] {
    if (this.#end !== undefined) return this.#afterEnd(input)
    switch (input.type) {
      case 'roster':
        this.#operatorPpm = input.operatorPpm ?? 0
        this.#learn(input.capacities)
        break
      case 'accepted':
        this.#heard(input.lease, input.from, nowMs)
        break
      case 'declined':
        this.#declined(input, nowMs)
        break
      case 'undelivered':
        this.#undelivered(input.lease, nowMs)
        break
      case 'progress':
        this.#progress(input.lease, input.from, input.done, nowMs)
        break
      case 'receipt':
        this.#receive(input.receipt, input.released, nowMs)
        break
      case 'examined':
        for (const examined of input.results) this.#examined(examined, nowMs)
        break
      case 'recomputed': {
        const shard = this.#board.states[input.position]
        if (shard !== undefined) this.#board.recomputed(shard, input.found)
        break
      }
      case 'stewards':
        this.#stewards = input.stewards
        this.#learn([...this.#capacities.values()])
        break
      case 'allowance':
        this.#state.admit(input.allowance)
        this.#barren.clear()
        break
      case 'safe':
        this.#safe = input.safe
        break
      case 'connected':
        this.#patience.returned(input.peer)
        for (const { lease } of this.#leases.resume(input.peer, nowMs))
          this.#effects.push({ type: 'offer', lease: lease.id, to: input.peer })
        break
      case 'disconnected':
        this.#patience.left(input.peer)
        this.#leases.suspend(input.peer, nowMs)
        break
      case 'cancel':
        this.#finish('cancelled', 'cancelled by its submitter', nowMs)
        break
      case 'wake':
        this.#look(nowMs)
        break
    }
    // Most of what a steward hears, and it frees nobody: what room it shows is found at the next look, in a second.
    return this.#drain(nowMs, input.type !== 'progress')
  }

  /** Tells whether every shard has its verdict, and the end waits. */
  get isDecided(): boolean {
    return this.#end === undefined && this.#board.open.size === 0
  }

  view(): JobView {
    const shards = { total: 0, queued: 0, leased: 0, returned: 0, verified: 0, disputed: 0, failed: 0 }
    const pages = { total: 0, verified: 0 }
    let executions = 0
    for (const shard of this.#board.states) {
      shards.total += 1
      pages.total += shard.entry.pages
      executions += shard.claims.length
      if (shard.verdict?.outcome === 'accepted') pages.verified += shard.entry.pages
      shards[stateOf(shard)] += 1
    }
    return {
      shards,
      pages,
      executions,
      owners: { needed: this.#options.manifest.assurance.replicas, available: this.#availableOwners() },
      contradicted: [...this.#board.contradicted].sort(),
      payment: paymentOf(this.#state, this.verdicts()),
      end: this.#end ?? null,
    }
  }

  /** Verdicts so far, in the order of shards. */
  verdicts(): ShardVerdict[] {
    return this.#board.states.flatMap((shard) => (shard.verdict === undefined ? [] : [shard.verdict]))
  }

  /** Every claim that was counted, with the verdict on its shard where there is one. */
  *claims(): Generator<{ readonly claim: Claim; readonly verdict: ShardVerdict | undefined }> {
    for (const { claims, verdict } of this.#board.states) for (const claim of claims) yield { claim, verdict }
  }

  // --- what happens -----------------------------------------------------------------------------------------

  #learn(capacities: readonly Capacity[]): void {
    const before = this.#capacities
    this.#capacities = new Map(capacities.map((capacity) => [capacity.peer, capacity]))
    for (const { peer, mode } of capacities)
      if (mode === 'run' && (before.get(peer)?.mode ?? 'run') !== 'run') this.#patience.ready(peer)
    this.#candidates = candidatesFor(this.#options.manifest, this.#stewards, capacities)
    this.#barren.clear()
  }

  #heard(id: LeaseId, from: PeerId, nowMs: number): LeaseState | undefined {
    const state = this.#leases.get(id)
    if (state === undefined || state.lease.payload.vehicle !== from) return undefined
    if (state.state === 'closed' && this.#pointless(state)) this.#sayWithdrawn(state)
    this.#leases.renew(state, nowMs)
    return state
  }

  #progress(id: LeaseId, from: PeerId, done: number, nowMs: number): void {
    const state = this.#heard(id, from, nowMs)
    if (state !== undefined)
      state.done = Math.max(state.done, Math.min(done, state.lease.payload.positions.length))
  }

  #declined(input: Extract<StewardInput, { type: 'declined' }>, nowMs: number): void {
    const state = this.#leases.get(input.lease)
    if (state === undefined || state.lease.payload.vehicle !== input.from || state.state === 'closed') return
    // A lease that the vehicle is done with since before this steward acted is no setback.
    if (!state.restored) this.#patience.setback(input.from, input.retryMs, input.reason === 'busy', nowMs)
    this.#giveUp(state, speaksAgainstShard(input.reason), nowMs)
    state.expectedUntilMs = nowMs // by its own word
  }

  #undelivered(id: LeaseId, nowMs: number): void {
    const state = this.#leases.get(id)
    if (state === undefined || state.state === 'closed') return
    this.#patience.setback(state.lease.payload.vehicle, offerTtlMs, false, nowMs)
    this.#giveUp(state, false, nowMs)
  }

  #receive(opened: Opened<'receipt'>, released: ReleaseReason | null, nowMs: number): void {
    const { record: receipt, opening } = opened
    const state = this.#leases.get(receipt.payload.lease)
    if (state === undefined || !this.#holds(opened)) return
    const isNews = this.#takeReceipt(state, receipt, opening, released, nowMs)
    // Acknowledged only once durable, so before anything that follows from it. What says nothing new is not kept: a
    // vehicle could sign the same for ever, and every steward of the job would store it.
    if (isNews) {
      this.#state.add(opened)
      this.#effects.unshift({ type: 'keep', receipt: opened })
    }
    const acknowledged = { type: 'acknowledge', receipt: receipt.id } as const
    this.#effects.splice(isNews ? 1 : 0, 0, { type: 'send', to: receipt.signer, message: acknowledged })
  }

  /** Whether a receipt may be counted. Throws ProtocolError when it lies about its lease. */
  #holds(receipt: Opened<'receipt'>): boolean {
    const refusal = this.#state.judge(receipt)
    return refusal === undefined || refusal === 'known'
  }

  /** Whether it says something that no receipt of the lease has said, about a shard or about its vehicle. */
  #takeReceipt(
    state: LeaseState,
    receipt: Verified<Receipt>,
    opening: Opening,
    released: ReleaseReason | null,
    nowMs: number,
  ): boolean {
    this.#leases.renew(state, nowMs)
    let isNews = false
    let costMs = 0
    const wanted: Wanted[] = []
    receipt.payload.covers.forEach((place, i) => {
      const result = opening.results[i]!
      const before = state.covered.get(place)
      if (before !== undefined && before !== result && !state.equivocated) {
        state.equivocated = true
        isNews = true
        this.#contradict(state.lease.payload.owner, nowMs)
        this.#effects.push({ type: 'lied', receipt: receipt.id, because: 'equivocation' })
      }
      if (before !== undefined) return
      state.covered.set(place, result)
      isNews = true
      const shard = this.#board.states[state.lease.payload.positions[place]!]!
      // Written off: nobody would be paid for it, so it does not count, and nothing more comes of this lease.
      if (!this.#state.allowances.isOpen(state.lease.id, place)) {
        this.#board.release(shard, state.lease.payload.owner, state.lease.id, false)
        return
      }
      costMs += shard.entry.costMs
      this.#return({ shard, lease: state, receipt: receipt.id, result }, wanted, nowMs)
    })
    this.#slowness.measure(receipt.payload.wallMs, costMs)
    if (wanted.length > 0) this.#effects.push({ type: 'collect', wanted })
    if (state.covered.size === state.lease.payload.positions.length) this.#close(state, nowMs)
    else if (released !== null && state.state !== 'closed') {
      // Its advert may not have come yet that says so.
      this.#patience.setback(receipt.signer, offerTtlMs, false, nowMs)
      this.#giveUp(state, speaksAgainstShard(released), nowMs)
    }
    if (released !== null) state.expectedUntilMs = nowMs
    return isNews
  }

  #return(claim: Return, wanted: Wanted[], nowMs: number): void {
    if (claim.shard.verdict !== undefined) {
      this.#claimUnseen(claim)
      return
    }
    const finding = this.#returns.expect(claim, wanted)
    if (finding !== undefined) this.#claim(claim, finding, nowMs)
  }

  #examined(examined: Examined, nowMs: number): void {
    const { finding } = examined
    if (finding.state !== 'missing') {
      for (const claim of this.#returns.found(examined, finding)) this.#claim(claim, finding, nowMs)
      return
    }
    const { lost, next } = this.#returns.missed(examined)
    // That speaks against the vehicle and not against the shard, which it claims to have finished.
    for (const { shard, lease, receipt } of lost) {
      this.#apart.get(shard.position)?.unseen.delete(receipt)
      this.#board.release(shard, lease.lease.payload.owner, lease.lease.id, false)
    }
    if (lost.length > 0) this.#patience.setback(examined.from, 0, false, nowMs)
    if (next !== undefined) this.#effects.push({ type: 'collect', wanted: [next] })
  }

  #claim(claim: Return, finding: Finding, nowMs: number): void {
    const { shard, lease } = claim
    const { vehicle: peer, owner, isa } = lease.lease.payload
    const invalid = finding.state === 'invalid'
    const found = {
      text: invalid ? 'invalid' : finding.text,
      exhausted: !invalid && finding.exhausted,
      ...(invalid || finding.content === undefined ? {} : { content: finding.content }),
    }
    const { receipt, result } = claim
    this.#apart.get(shard.position)?.unseen.delete(receipt)
    this.#board.claim(shard, { peer, owner, receipt, result, isa, ...found }, lease.lease.id)
    if (invalid) this.#contradict(owner, nowMs)
    else this.#patience.forgive(peer)
  }

  /** A claim about a settled shard changes nothing any more: nobody fetches its result. */
  #claimUnseen({ shard, lease, receipt, result }: Return): void {
    const { vehicle: peer, owner, isa } = lease.lease.payload
    this.#board.claim(
      shard,
      { peer, owner, receipt, result, isa, text: '', exhausted: false },
      lease.lease.id,
    )
  }

  #contradict(owner: OwnerId, nowMs: number): void {
    if (this.#board.contradicted.has(owner)) return
    this.#board.contradict(owner)
    this.#windows?.drop(owner)
    for (const state of [...this.#leases.active()])
      if (state.lease.payload.owner === owner) this.#withdraw(state, nowMs)
  }

  /** Lapsed leases, stragglers, shards that cannot go on, the deadline. */
  #look(nowMs: number): void {
    for (const state of this.#leases.lapsed(nowMs)) {
      this.#patience.setback(state.lease.payload.vehicle, 0, false, nowMs)
      this.#giveUp(state, state.state !== 'offered', nowMs)
    }
    this.#copyStragglers(nowMs)
    this.#closeWindows(nowMs)
    this.#replenish(nowMs)
    for (const [position, { unseen, untilMs }] of this.#apart)
      if (unseen.size > 0 && nowMs >= untilMs) {
        unseen.clear()
        this.#board.touch(this.#board.states[position]!)
      }
    if (nowMs >= this.#options.manifest.deadlineMs)
      this.#finish('failed', `the deadline passed with ${this.#board.open.size} shards open`, nowMs)
    else if (this.#options.manifest.shortage === 'fail' && nowMs - this.#startedMs! >= shortageGraceMs)
      this.#failForWantOfOwners(nowMs)
    if (this.#end === undefined) this.#failForWantOfKeys(nowMs)
    if (this.#end === undefined) this.#effects.push({ type: 'wake', atMs: nowMs + lookIntervalMs })
  }

  /**
   * At the tail, when nothing waits, nobody counts on a lease any more that takes much longer than expected: its
   * shards get one more replica elsewhere. It is one more voice, never one fewer: as many must agree as before.
   */
  #copyStragglers(nowMs: number): void {
    if (this.#board.wantedTotal > 0) return
    for (const state of this.#leases.active()) {
      const work = this.#leases.activeOf(state.lease.payload.vehicle) * state.lease.payload.costMs
      const expectedMs = Math.max(speculationMinMs, speculationFactor * work * this.#slowness.value)
      if (nowMs - state.startedMs < expectedMs) continue
      state.lease.payload.positions.forEach((position, place) => {
        const shard = this.#board.states[position]!
        if (!state.covered.has(place) && shard.verdict === undefined)
          this.#board.late(shard, state.lease.payload.owner, state.lease.id)
      })
    }
  }

  #failForWantOfOwners(nowMs: number): void {
    const needed = this.#options.manifest.assurance.replicas
    const available = this.#availableOwners()
    const everBegun = this.#leases.size > 0
    if (!everBegun && available < needed)
      this.#finish('failed', `${needed} distinct owners are needed and ${available} are known`, nowMs)
    else
      for (const shard of this.#board.open) {
        const hopeless = shard.wanted > 0 && shard.holders.size === 0
        if (hopeless && !this.#candidates.some((candidate) => this.#board.eligible(shard, candidate)))
          this.#fail(shard, 'no-owner-left', nowMs)
      }
  }

  /** Nobody joins a blind job: a shard that needs more owners than its submitter wrapped keys for has no hope. */
  #failForWantOfKeys(nowMs: number): void {
    const { blind } = this.#options.manifest
    if (blind === null) return
    const owners = new Set(blind.candidates.map(({ owner }) => owner))
    for (const owner of this.#board.contradicted) owners.delete(owner)
    for (const shard of this.#board.open) {
      if (shard.wanted === 0 || shard.holders.size > 0) continue
      const spoken = new Set(shard.claims.map(({ owner }) => owner))
      const left = [...owners].filter((owner) => !spoken.has(owner)).length
      if (left < shard.wanted) this.#fail(shard, 'no-owner-left', nowMs)
    }
  }

  // --- what is decided --------------------------------------------------------------------------------------

  /** Everything that follows from what just happened; then the effects, in order. */
  #drain(nowMs: number, mayAssign = true): StewardEffect[] {
    if (this.#startedMs === undefined) {
      this.#startedMs = nowMs
      this.#effects.push({ type: 'wake', atMs: nowMs + lookIntervalMs })
    }
    if (this.#end === undefined) {
      this.#decide(nowMs)
      this.#publishVerdicts()
      if (this.#board.open.size === 0) {
        if (this.#safe) this.#conclude(nowMs)
      } else if (mayAssign) this.#assign(nowMs)
    }
    const effects = this.#effects
    this.#effects = []
    return effects
  }

  #decide(nowMs: number): void {
    // A verdict contradicts owners, and a check passes windows, which changes other shards in turn.
    for (;;) {
      const changed = this.#board.takeChanged()
      if (changed.length === 0) break
      for (const shard of changed) if (shard.verdict === undefined) this.#decideOne(shard, nowMs)
      this.#followChecks()
    }
    const next = this.#board.nextToRecompute()
    if (next !== undefined) this.#effects.push({ type: 'recompute', position: next.position })
  }

  #decideOne(shard: ShardState, nowMs: number): void {
    // Whichever side is looked at first would be unanimous otherwise.
    if ((this.#apart.get(shard.position)?.unseen.size ?? 0) > 0) return
    const { tally } = shard
    if (tally.state === 'accepted') {
      const { agreeing, result, because } = tally
      const contradicting = [...tally.contradicting, ...this.#dismissed(shard, agreeing)]
      this.#verdict(shard, { outcome: 'accepted', result, because }, agreeing, contradicting, nowMs)
      for (const claim of tally.contradicting) {
        this.#contradict(claim.owner, nowMs)
        if (because === 'recomputed' && this.#options.manifest.agreement === 'bytes')
          this.#effects.push({ type: 'lied', receipt: claim.receipt, because })
      }
    } else if (tally.disputed && this.#mayRecompute(shard)) {
      this.#board.queueToRecompute(shard)
    } else if (this.#board.exhausted(shard)) this.#fail(shard, 'too-many-losses', nowMs)
    else if (!tally.disputed) this.#provide(shard, tally.leading, nowMs)
  }

  /** Under audits: nobody disagrees, and the shard has its verdict once enough of its claims' windows have passed. */
  #provide(shard: ShardState, agreeing: readonly Claim[], nowMs: number): void {
    const { audits, replicas } = this.#options.manifest.assurance
    if (audits === null || agreeing.length < audits.replicas) return
    // That a vehicle ran out of something is its word about itself.
    if (agreeing.some(({ exhausted }) => exhausted)) {
      this.#board.need(shard, replicas)
      return
    }
    const passed = agreeing.filter(({ owner }) => this.#windows!.hasPassed(owner, shard.position))
    if (passed.length >= audits.replicas) {
      const { result } = passed[0]!
      this.#verdict(shard, { outcome: 'accepted', result, because: 'audited' }, agreeing, [], nowMs)
      return
    }
    for (const { owner, receipt } of agreeing.slice(0, audits.replicas))
      this.#windows!.add(owner, shard.position, receipt, nowMs)
  }

  /** Windows whose owners are idle while nothing waits, or that must close for other reasons (limits.ts). */
  #closeWindows(nowMs: number): void {
    if (this.#windows === null) return
    const { deadlineMs } = this.#options.manifest
    const busy = new Set<OwnerId>()
    for (const { lease } of this.#leases.active()) busy.add(lease.payload.owner)
    const isLate = nowMs >= deadlineMs - windowMarginMs
    const due = this.#windows.takeDue(
      (owner, idleSinceMs) =>
        isLate ||
        (!busy.has(owner) && (this.#board.wantedTotal === 0 || nowMs - idleSinceMs >= windowIdleMs)),
    )
    for (const window of due) {
      const { id } = this.#issue('window', window)
      this.#windows.close(id, window)
    }
    this.#followChecks()
  }

  #followChecks(): void {
    if (this.#windows === null) return
    for (const { window, checks } of this.#windows.pending((owner, position) =>
      this.#checkOf(owner, position),
    )) {
      for (const position of checks) this.#check(window, this.#board.states[position]!)
      if (window.passed)
        for (const position of window.positions) this.#board.touch(this.#board.states[position]!)
    }
  }

  #checkOf(owner: OwnerId, position: number): Check {
    const shard = this.#board.states[position]!
    if (shard.verdict !== undefined) return shard.verdict.outcome === 'accepted' ? 'passed' : 'void'
    if (!shard.claims.some((claim) => claim.owner === owner)) return 'void'
    const { tally } = shard
    const voices = this.#options.manifest.assurance.audits!.replicas + 1
    const agrees = tally.state === 'open' && !tally.disputed && tally.leading.length >= voices
    return agrees ? 'passed' : 'pending'
  }

  #check(window: ClosedWindow, shard: ShardState): void {
    const { audits, replicas } = this.#options.manifest.assurance
    if (!window.isSampled) this.#board.need(shard, replicas)
    else if (audits!.auditor === 'owners') this.#board.need(shard, audits!.replicas + 1)
    else if (shard.recomputation === 'none') this.#board.queueToRecompute(shard)
    else if (shard.recomputation === 'impossible') this.#board.need(shard, audits!.replicas + 1)
  }

  /** Claims of owners who had no voice any more, and said something else. */
  #dismissed(shard: ShardState, agreeing: readonly Claim[]): Claim[] {
    const { agreement } = this.#options.manifest
    return shard.claims.filter(
      (claim) =>
        this.#board.contradicted.has(claim.owner) &&
        !claim.exhausted &&
        !agreeing.some((other) => answersAlike(claim, other, agreement)),
    )
  }

  #mayRecompute(shard: ShardState): boolean {
    return this.#options.manifest.assurance.arbiter === 'steward' && shard.recomputation === 'none'
  }

  #fail(shard: ShardState, because: 'no-owner-left' | 'too-many-losses', nowMs: number): void {
    this.#verdict(shard, { outcome: 'failed', result: null, because }, [], shard.claims, nowMs)
  }

  #verdict(
    shard: ShardState,
    decision: Pick<ShardVerdict, 'outcome' | 'result' | 'because'>,
    agreeing: readonly Claim[],
    contradicting: readonly Claim[],
    nowMs: number,
  ): void {
    const receipts = (claims: readonly Claim[]) => claims.slice(0, verdictReceiptsMax).map((c) => c.receipt)
    const verdict: ShardVerdict = {
      position: shard.position,
      shard: shard.entry.shard,
      status: 'final',
      ...decision,
      agreeing: receipts(agreeing),
      contradicting: receipts(contradicting),
      settles: this.#apart.get(shard.position)?.settles ?? [],
    }
    this.#verdicts.push(verdict)
    this.#settle(verdict, nowMs)
  }

  #settle(verdict: ShardVerdict, nowMs: number): void {
    const shard = this.#board.states[verdict.position]!
    this.#board.decide(shard, verdict)
    this.#windows?.settle(verdict.position)
    for (const { lease } of [...shard.holders.values()]) {
      const state = this.#leases.get(lease)
      if (state !== undefined && state.state !== 'closed' && this.#pointless(state))
        this.#withdraw(state, nowMs)
    }
  }

  #publishVerdicts(): void {
    while (this.#verdicts.length > 0) {
      const shards = this.#verdicts.splice(0, packLength(this.#verdicts))
      this.#issue('verdict', { shards })
      this.#safe = this.#stewards.length === 1
      this.#effects.push({ type: 'decided', verdicts: shards })
    }
  }

  #conclude(nowMs: number): void {
    const failed = this.#board.states.filter((shard) => shard.verdict?.outcome === 'failed').length
    if (failed === 0) this.#finish('complete', 'every shard is verified', nowMs)
    else this.#finish('failed', `${failed} of ${this.#board.states.length} shards failed`, nowMs)
  }

  #finish(outcome: JobEnd['outcome'], reason: string, nowMs: number): void {
    if (this.#end !== undefined) return
    const end: JobEnd = { outcome, reason, seed: this.#options.seed }
    for (const state of [...this.#leases.active()]) this.#withdraw(state, nowMs)
    this.#publishVerdicts()
    this.#issue('end', end)
    this.#end = end
    for (const peer of [...this.#leases.vehicles()].sort())
      this.#effects.push({ type: 'send', to: peer, message: { type: 'ended', job: this.#options.job } })
    this.#effects.push({ type: 'ended', end })
  }

  /** After the end there is nothing to decide; late vehicles are told so. */
  #afterEnd(input: StewardInput): StewardEffect[] {
    const message = { type: 'ended', job: this.#options.job } as const
    if (input.type === 'receipt') return [{ type: 'send', to: input.receipt.record.signer, message }]
    if (input.type === 'progress' || input.type === 'accepted')
      return [{ type: 'send', to: input.from, message }]
    return []
  }

  // --- who works --------------------------------------------------------------------------------------------

  #assign(nowMs: number): void {
    if (this.#board.wantedTotal === 0) {
      this.#short = undefined
      return
    }
    const affords: Affords = (candidate, shards) => this.#affords(candidate, shards)
    for (;;) {
      if (this.#barrenAt !== this.#board.growth) this.#barren.clear()
      this.#barrenAt = this.#board.growth
      const rooms = this.#candidates.map((candidate) => this.#roomOf(candidate, nowMs))
      const opportunity = nextOpportunity(this.#board, this.#candidates, rooms, this.#barren, affords)
      if (opportunity === 'nobody-free') return
      if (opportunity === 'unaffordable') {
        this.#short ??= this.#shortage(nowMs)
        return
      }
      this.#short = undefined
      if (opportunity === undefined) return
      const { candidate, draw } = this.#draws.draw(
        this.#candidates,
        opportunity.eligible,
        (basis) => this.#issue('draw', basis).id,
      )
      const share = fairShare(this.#board, this.#candidates, rooms)
      const room = this.#roomOf(candidate, nowMs)
      const shards = bundle(
        this.#board,
        opportunity.shard,
        candidate,
        room,
        share,
        this.#slowness.value,
        affords,
      )
      this.#lease(candidate, shards, draw, nowMs)
    }
  }

  #lease(candidate: Candidate, shards: readonly ShardState[], draw: Lease['draw'], nowMs: number): void {
    const lease = this.#issue('lease', {
      vehicle: candidate.peer,
      owner: candidate.owner,
      shards: shards.map((shard) => shard.entry.shard),
      positions: shards.map((shard) => shard.position),
      isa: candidate.isa,
      costMs: shards.reduce((sum, shard) => sum + shard.entry.costMs, 0),
      units: shards.map((shard) => this.#unitsOf(shard)),
      price: this.#priceOf(candidate),
      draw,
    })
    this.#openLease(lease, nowMs)
    this.#effects.push({ type: 'offer', lease: lease.id, to: candidate.peer })
  }

  #openLease(lease: Verified<Lease>, nowMs: number, restored = false): LeaseState {
    const { owner, positions, isa, draw } = lease.payload
    if (lease.signer === this.#options.self) this.#draws.restoreDraw(draw)
    const state = this.#leases.open(lease, nowMs, restored)
    for (const position of positions) this.#board.hold(this.#board.states[position]!, owner, lease.id, isa)
    return state
  }

  // --- money ------------------------------------------------------------------------------------------------

  #unitsOf({ entry }: ShardState): number {
    return unitsOf(entry, this.#options.manifest.payment?.unit ?? 'page')
  }

  #priceOf({ unitMicros }: Candidate): Lease['price'] {
    const { payment } = this.#options.manifest
    if (payment === null || unitMicros === null) return null
    return { currency: payment.currency, unitMicros, operatorPpm: this.#operatorPpm }
  }

  #affords({ unitMicros }: Candidate, shards: readonly ShardState[]): boolean {
    if (unitMicros === null || unitMicros === 0) return true
    const units = shards.reduce((sum, shard) => sum + this.#unitsOf(shard), 0)
    return units * unitMicros <= this.#free
  }

  get #free(): Micros {
    return this.#state.allowances.freeOf(this.#options.self)
  }

  #shortage(nowMs: number) {
    return { sinceMs: nowMs, free: this.#free, verdicts: this.#board.open.size }
  }

  /** There is no money for what waits: takes back what can be, and gives up once nothing moves any more. */
  #replenish(nowMs: number): void {
    if (this.#short === undefined) return
    let isComing = [...this.#leases.active()].some(({ lease }) => lease.payload.price !== null)
    const due: LeaseState[] = []
    for (const state of this.#leases.closed()) {
      const { id, signer } = state.lease
      if (signer !== this.#options.self || this.#state.allowances.gain(id, coveredPlaces(state)) === 0)
        continue
      if (state.expectedUntilMs <= nowMs) due.push(state)
      else isComing = true
    }
    for (let i = 0; i < due.length; i += writtenOffMax) this.#writeOff(due.slice(i, i + writtenOffMax))
    const { free, verdicts } = this.#short
    if (due.length > 0 || isComing || free !== this.#free || verdicts !== this.#board.open.size)
      this.#short = this.#shortage(nowMs)
    else if (nowMs - this.#short.sinceMs >= budgetWaitMs) {
      const { currency, budgetMicros } = this.#options.manifest.payment!
      const [budget, promised, left] = [budgetMicros, this.#state.allowances.promised, this.#free].map(
        (micros) => formatMoney(micros, currency),
      )
      this.#finish(
        'failed',
        `the budget of ${budget} does not take ${this.#board.open.size} shards that are open: ${promised} are owed or promised, and ${left} are left to this steward`,
        nowMs,
      )
    }
  }

  #writeOff(states: readonly LeaseState[]): void {
    const writtenOff = states.map((state) => ({
      lease: state.lease.id,
      places: [...coveredPlaces(state)].sort((a, b) => a - b),
    }))
    this.#issue('allowance', { writtenOff, given: [] })
    this.#barren.clear()
  }

  #roomOf({ peer, slots, availableUntilMs }: Candidate, nowMs: number): Room {
    const remainingMs = availableUntilMs === null ? Number.POSITIVE_INFINITY : availableUntilMs - nowMs
    return {
      costMsMax: remainingMs / this.#slowness.value - this.#leases.costMsOf(peer) / slots,
      active: this.#leases.activeOf(peer),
      open: this.#patience.open(peer, nowMs),
      promising: this.#patience.promising(peer, nowMs),
    }
  }

  #availableOwners(): number {
    return new Set(
      this.#candidates
        .filter((c) => !this.#board.contradicted.has(c.owner))
        .map((candidate) => candidate.owner),
    ).size
  }

  // --- leases that end --------------------------------------------------------------------------------------

  /**
   * What the lease has not returned goes back to the queue. `loss`: count it against the patience with the shard
   * that was under way; those behind it in the lease are innocent.
   */
  #giveUp(state: LeaseState, loss: boolean, nowMs: number): void {
    if (state.state === 'closed') return
    this.#close(state, nowMs + writeOffMs)
    const { owner, positions } = state.lease.payload
    const suspect = loss ? underWay(state) : undefined
    positions.forEach((position, place) => {
      if (!state.covered.has(place))
        this.#board.release(this.#board.states[position]!, owner, state.lease.id, place === suspect)
    })
  }

  #withdraw(state: LeaseState, nowMs: number): void {
    this.#sayWithdrawn(state)
    this.#giveUp(state, false, nowMs)
  }

  #sayWithdrawn(state: LeaseState): void {
    const { vehicle: to } = state.lease.payload
    this.#effects.push({ type: 'send', to, message: { type: 'withdraw', lease: state.lease.id } })
  }

  #close(state: LeaseState, expectedUntilMs: number): void {
    if (state.state === 'closed') return
    this.#leases.close(state, expectedUntilMs)
    const { vehicle: from } = state.lease.payload
    this.#effects.push({ type: 'revoke', lease: state.lease.id, from })
  }

  #pointless(state: LeaseState): boolean {
    return state.lease.payload.positions.every(
      (position, place) => state.covered.has(place) || this.#board.states[position]!.verdict !== undefined,
    )
  }

  #issue<Kind extends JobRecordKind>(kind: Kind, payload: PayloadOf<Kind>): Verified<PayloadOf<Kind>> {
    const { job, self, manifest, epoch = 0 } = this.#options
    const expiresMs = manifest.deadlineMs + jobRetentionMs
    const made = this.#issuer.issue(kind, { payload, job, epoch, steward: self, expiresMs })
    const isFine = this.#state.admit(made.issued as JobRecord)
    assert(isFine, 'a steward signs only what belongs to its job')
    this.#effects.push({ type: 'issue', ...made } as StewardEffect)
    return made.issued.record as Verified<PayloadOf<Kind>>
  }
}

interface Apart {
  readonly settles: readonly RecordId[]
  /** Receipts that these verdicts rest on and whose claims were not looked at yet. */
  readonly unseen: Set<RecordId>
  /** What was not seen by then is not waited for. */
  readonly untilMs: number
}

/**
 * Was it the work, and not the vehicle's day, that ended the lease? Blocks that could not be had are the stewards'
 * affair: the job waits until they are whole again.
 */
function speaksAgainstShard(reason: DeclineReason | ReleaseReason): boolean {
  return reason === 'failed' || reason === 'wrong-blocks'
}

/** The place in the lease that the vehicle was at when it was last heard of: shards run one after another. */
function underWay({ lease, covered, done }: LeaseState): number {
  const open = lease.payload.positions.map((_, place) => place).filter((place) => !covered.has(place))
  return open.find((place) => place >= done) ?? open[0]!
}

function coveredPlaces({ covered }: LeaseState): Set<number> {
  return new Set(covered.keys())
}

/** How many of these verdicts fit in one record. */
function packLength(verdicts: readonly ShardVerdict[]): number {
  let receipts = 0
  const length = verdicts.slice(0, leaseShardsMax).findIndex(({ agreeing, contradicting }, i) => {
    receipts += agreeing.length + contradicting.length
    return i > 0 && receipts > 2 * verdictReceiptsMax
  })
  return length > 0 ? length : leaseShardsMax
}

function stateOf(shard: ShardState): 'queued' | 'leased' | 'returned' | 'verified' | 'disputed' | 'failed' {
  if (shard.verdict !== undefined) return shard.verdict.outcome === 'accepted' ? 'verified' : 'failed'
  if (shard.tally.state === 'open' && shard.tally.disputed) return 'disputed'
  if (shard.claims.length > 0) return 'returned'
  return shard.holders.size > 0 ? 'leased' : 'queued'
}
