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
 * The driver's contract is in contract.ts.
 */
import { equals } from 'uint8arrays'
import { assert } from '../../base/assert.ts'
import type { Sha256 } from '../../base/prng.ts'
import type { Capacity } from '../advert.ts'
import { bitsOf, type DrawBasis, drawVehicle } from '../draw.ts'
import type { Cid, JobId, LeaseId, OwnerId, PeerId, RecordId } from '../ids.ts'
import type { Manifest, ShardEntry } from '../job.ts'
import { checkReceipt, type Lease, type Opening, type Receipt } from '../lease.ts'
import {
  jobRetentionMs,
  leaseShardsMax,
  shortageGraceMs,
  speculationFactor,
  speculationMinMs,
} from '../limits.ts'
import type { ReleaseReason } from '../message.ts'
import { encodeBody, type RecordBody, type RecordKind, recordId, type Verified } from '../record.ts'
import type { JobEnd, ShardVerdict, Verdict } from '../verdict.ts'
import { bundle, fairShare, nextOpportunity, type Room } from './assignment.ts'
import { type Candidate, candidatesFor } from './candidate.ts'
import type { Examined, StewardEffect, StewardInput, StewardView, Wanted } from './contract.ts'
import { LeaseBook, type LeaseState } from './lease-book.ts'
import { ShardBoard, type ShardState } from './shard-board.ts'

/** How often a steward looks for stragglers and lapsed leases: a guess, short against every time it judges. */
const lookIntervalMs = 1_000

/** How much one receipt moves the estimate of how slow vehicles are against the reference core: a guess. */
const slownessWeight = 0.3

export interface StewardOptions {
  readonly job: JobId
  readonly manifest: Manifest
  readonly shards: readonly ShardEntry[]
  readonly self: PeerId
  /** 32 bytes; its sha256 stands in the manifest. */
  readonly seed: Uint8Array
  /** Owners whose voices count; null in an open mesh. */
  readonly owners: ReadonlySet<OwnerId> | null
  readonly sha256: Sha256
}

/** A record as the journal returns it. */
export type Restored =
  | { readonly kind: 'draw'; readonly record: Verified<DrawBasis> }
  | { readonly kind: 'lease'; readonly record: Verified<Lease> }
  | { readonly kind: 'receipt'; readonly record: Verified<Receipt>; readonly opening: Opening }
  | { readonly kind: 'verdict'; readonly record: Verified<Verdict> }
  | { readonly kind: 'end'; readonly record: Verified<JobEnd> }

/** A claim whose result nobody has looked at yet. */
interface Return {
  readonly shard: ShardState
  readonly lease: LeaseState
  readonly receipt: RecordId
  readonly result: Cid
}

export class Steward {
  readonly #options: StewardOptions
  readonly #board: ShardBoard
  readonly #leases = new LeaseBook()
  readonly #capacities = new Map<PeerId, Capacity>()
  readonly #away = new Set<PeerId>()
  readonly #notBefore = new Map<PeerId, number>()
  /** Results looked at, by what was wanted: equal results are fetched once. */
  readonly #findings = new Map<string, Exclude<Examined['finding'], { state: 'missing' }>>()
  /** Returns that wait for their result to be examined, by what was wanted. */
  readonly #returns = new Map<string, Return[]>()
  /** What each lease's shard was claimed to be: a second, different claim is equivocation. */
  readonly #claimed = new Map<string, Cid>()
  #candidates: Candidate[] = []
  #basis: { readonly id: RecordId; readonly basis: DrawBasis } | undefined
  #draws = 0
  #serial = 0
  #slowness = 1
  #startedMs: number | undefined
  #end: JobEnd | undefined
  #effects: StewardEffect[] = []
  #verdicts: ShardVerdict[] = []

  constructor(options: StewardOptions) {
    const place = options.manifest.stewards.find((steward) => steward.peer === options.self)
    assert(place !== undefined, 'a steward is named by its manifest')
    assert(
      equals(options.sha256(options.seed), place.drawCommitment),
      'a steward draws from the seed it committed to',
    )
    this.#options = options
    this.#board = new ShardBoard(options.manifest, options.shards)
  }

  /** Rebuilds the state from what was durable. Call before the first input, which then asks for what is missing. */
  restore(records: Iterable<Restored>, nowMs: number): StewardEffect[] {
    for (const { kind, record, ...rest } of records) {
      if (record.signer === this.#options.self) this.#serial = Math.max(this.#serial, record.serial + 1)
      if (kind === 'draw') this.#basis = { id: record.id, basis: record.payload as DrawBasis }
      else if (kind === 'lease') this.#openLease(record as Verified<Lease>, nowMs)
      else if (kind === 'receipt')
        this.#takeReceipt(record as Verified<Receipt>, (rest as { opening: Opening }).opening, null, nowMs)
      else if (kind === 'verdict')
        for (const verdict of (record.payload as Verdict).shards) this.#settle(verdict)
      else this.#end = record.payload as JobEnd
    }
    // What the records made us ask for again is asked below, once; what they made us keep is kept already.
    const wanted = this.#effects.flatMap((effect) => (effect.type === 'collect' ? effect.wanted : []))
    this.#effects = []
    if (this.#end !== undefined) return []
    for (const state of this.#leases.active()) this.#away.add(state.lease.payload.vehicle)
    for (const peer of this.#away) this.#leases.suspend(peer, nowMs)
    if (wanted.length > 0) this.#effects.push({ type: 'collect', wanted })
    return this.#drain(nowMs)
  }

  handle(input: StewardInput, nowMs: number): StewardEffect[] {
    if (this.#end !== undefined) return this.#afterEnd(input)
    switch (input.type) {
      case 'roster':
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
        this.#receive(input.receipt, input.opening, input.released, nowMs)
        break
      case 'examined':
        for (const examined of input.results) this.#examined(examined)
        break
      case 'recomputed': {
        const shard = this.#board.states[input.position]
        if (shard !== undefined && shard.verdict === undefined) this.#board.recomputed(shard, input.found)
        break
      }
      case 'connected':
        this.#away.delete(input.peer)
        this.#leases.resume(input.peer, nowMs)
        break
      case 'disconnected':
        this.#away.add(input.peer)
        this.#leases.suspend(input.peer, nowMs)
        break
      case 'cancel':
        this.#finish('cancelled', 'cancelled by its submitter')
        break
      case 'wake':
        this.#look(nowMs)
        break
    }
    return this.#drain(nowMs)
  }

  view(): StewardView {
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
      end: this.#end ?? null,
    }
  }

  /** Verdicts so far, in the order of shards. */
  verdicts(): ShardVerdict[] {
    return this.#board.states.flatMap((shard) => (shard.verdict === undefined ? [] : [shard.verdict]))
  }

  // --- what happens -----------------------------------------------------------------------------------------

  #learn(capacities: readonly Capacity[]): void {
    this.#capacities.clear()
    for (const capacity of capacities) this.#capacities.set(capacity.peer, capacity)
    const { manifest, owners } = this.#options
    this.#candidates = candidatesFor(manifest, [...this.#capacities.values()], owners)
  }

  #heard(id: LeaseId, from: PeerId, nowMs: number): LeaseState | undefined {
    const state = this.#leases.get(id)
    if (state === undefined || state.lease.payload.vehicle !== from) return undefined
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
    this.#notBefore.set(input.from, nowMs + input.retryMs)
    this.#giveUp(state, false)
  }

  #undelivered(id: LeaseId, nowMs: number): void {
    const state = this.#leases.get(id)
    if (state === undefined || state.state === 'closed') return
    this.#notBefore.set(state.lease.payload.vehicle, nowMs + speculationMinMs)
    this.#giveUp(state, false)
  }

  #receive(
    receipt: Verified<Receipt>,
    opening: Opening,
    released: ReleaseReason | null,
    nowMs: number,
  ): void {
    const kept = this.#takeReceipt(receipt, opening, released, nowMs)
    if (!kept) return
    // Acknowledged only once durable, so before anything that follows from it.
    this.#effects.unshift(
      { type: 'keep', receipt: receipt.id, opening },
      { type: 'send', to: receipt.signer, message: { type: 'acknowledge', receipt: receipt.id } },
    )
  }

  /** False when the receipt is not worth keeping. Throws ProtocolError when it lies about its lease. */
  #takeReceipt(
    receipt: Verified<Receipt>,
    opening: Opening,
    released: ReleaseReason | null,
    nowMs: number,
  ): boolean {
    const state = this.#leases.get(receipt.payload.lease)
    if (state === undefined) return false
    checkReceipt(this.#options.sha256, state.lease, receipt, opening)
    this.#leases.renew(state, nowMs)
    let costMs = 0
    const wanted: Wanted[] = []
    receipt.payload.covers.forEach((place, i) => {
      const result = opening.results[i]!
      const slot = `${state.lease.id}/${place}`
      const before = this.#claimed.get(slot)
      if (before !== undefined && before !== result) this.#contradict(state.lease.payload.owner)
      if (before !== undefined) return
      this.#claimed.set(slot, result)
      state.covered.add(place)
      const shard = this.#board.states[state.lease.payload.positions[place]!]!
      costMs += shard.entry.costMs
      this.#return({ shard, lease: state, receipt: receipt.id, result }, wanted)
    })
    if (costMs > 0) this.#measure(receipt.payload.wallMs / costMs)
    if (wanted.length > 0) this.#effects.push({ type: 'collect', wanted })
    if (state.covered.size === state.lease.payload.positions.length) this.#close(state)
    else if (released !== null) this.#giveUp(state, released !== 'withdrawn')
    return true
  }

  #return(claim: Return, wanted: Wanted[]): void {
    const want: Wanted = {
      result: claim.result,
      pages: claim.shard.entry.pages,
      from: claim.lease.lease.payload.vehicle,
    }
    const key = keyOf(want)
    const finding = this.#findings.get(key)
    const waiting = this.#returns.get(key)
    if (finding !== undefined) this.#claim(claim, finding)
    else if (waiting !== undefined) waiting.push(claim)
    else {
      this.#returns.set(key, [claim])
      wanted.push(want)
    }
  }

  #examined(examined: Examined): void {
    const key = keyOf(examined)
    const waiting = this.#returns.get(key) ?? []
    const { finding } = examined
    if (finding.state !== 'missing') {
      this.#findings.set(key, finding)
      this.#returns.delete(key)
      for (const claim of waiting) this.#claim(claim, finding)
      return
    }
    const [failed, others] = partition(waiting, (c) => c.lease.lease.payload.vehicle === examined.from)
    for (const claim of failed) this.#lose(claim.shard, claim.lease, true)
    if (others.length === 0) this.#returns.delete(key)
    else {
      this.#returns.set(key, others)
      const from = others[0]!.lease.lease.payload.vehicle
      this.#effects.push({
        type: 'collect',
        wanted: [{ result: examined.result, pages: examined.pages, from }],
      })
    }
  }

  #claim(claim: Return, finding: Exclude<Examined['finding'], { state: 'missing' }>): void {
    const { shard, lease } = claim
    const { vehicle: peer, owner, isa } = lease.lease.payload
    if (shard.holders.get(owner) === lease.lease.id) shard.holders.delete(owner)
    const invalid = finding.state === 'invalid'
    this.#board.claim(shard, {
      peer,
      owner,
      receipt: claim.receipt,
      result: claim.result,
      isa,
      text: invalid ? 'invalid' : finding.text,
      exhausted: !invalid && finding.exhausted,
    })
    if (invalid) this.#contradict(owner)
  }

  #contradict(owner: OwnerId): void {
    if (this.#board.contradicted.has(owner)) return
    this.#board.contradict(owner)
    for (const state of [...this.#leases.active()])
      if (state.lease.payload.owner === owner) this.#withdraw(state)
  }

  /** Lapsed leases, stragglers, shards that cannot go on, the deadline. */
  #look(nowMs: number): void {
    for (const state of this.#leases.lapsed(nowMs)) {
      this.#notBefore.set(state.lease.payload.vehicle, nowMs + lookIntervalMs)
      this.#giveUp(state, state.state !== 'offered')
    }
    this.#copyStragglers(nowMs)
    if (nowMs >= this.#options.manifest.deadlineMs)
      this.#finish('failed', `the deadline passed with ${this.#board.open.size} shards open`)
    else if (this.#options.manifest.shortage === 'fail' && nowMs - this.#startedMs! >= shortageGraceMs)
      this.#failForWantOfOwners()
    this.#effects.push({ type: 'wake', atMs: nowMs + lookIntervalMs })
  }

  /**
   * At the tail, when nothing waits and vehicles idle, a shard that takes much longer than expected gets one
   * more replica elsewhere. It is one more voice, never one fewer: as many must agree as before.
   */
  #copyStragglers(nowMs: number): void {
    for (const shard of this.#board.open) if (this.#board.wanted(shard) > 0) return
    for (const state of this.#leases.active()) {
      const work = this.#leases.activeOf(state.lease.payload.vehicle) * state.lease.payload.costMs
      const expectedMs = Math.max(speculationMinMs, speculationFactor * work * this.#slowness)
      if (nowMs - state.startedMs < expectedMs) continue
      state.lease.payload.positions.forEach((position, place) => {
        const shard = this.#board.states[position]!
        if (!state.covered.has(place) && shard.verdict === undefined) shard.speculative = true
      })
    }
  }

  #failForWantOfOwners(): void {
    const { needed, available } = this.view().owners
    const everBegun = this.#leases.size > 0
    if (!everBegun && available < needed)
      this.#finish('failed', `${needed} distinct owners are needed and ${available} are known`)
    else
      for (const shard of this.#board.open) {
        const hopeless = this.#board.wanted(shard) > 0 && shard.holders.size === 0
        if (hopeless && !this.#candidates.some((candidate) => this.#board.eligible(shard, candidate)))
          this.#fail(shard, 'no-owner-left')
      }
  }

  // --- what is decided --------------------------------------------------------------------------------------

  /** Everything that follows from what just happened; then the effects, in order. */
  #drain(nowMs: number): StewardEffect[] {
    if (this.#startedMs === undefined) {
      this.#startedMs = nowMs
      this.#effects.push({ type: 'wake', atMs: nowMs + lookIntervalMs })
    }
    if (this.#end === undefined) {
      this.#decide()
      this.#publishVerdicts()
      if (this.#board.open.size === 0) this.#conclude()
      else this.#assign(nowMs)
    }
    const effects = this.#effects
    this.#effects = []
    return effects
  }

  #decide(): void {
    for (const shard of this.#board.open) {
      const { tally } = shard
      if (tally.state === 'accepted') {
        const agreeing = tally.agreeing.map((claim) => claim.receipt)
        const contradicting = shard.claims.filter((c) => !c.exhausted && !tally.agreeing.includes(c))
        this.#verdict(shard, {
          outcome: 'accepted',
          result: tally.result,
          because: tally.because,
          agreeing,
          contradicting: contradicting.map((claim) => claim.receipt),
        })
        for (const claim of tally.contradicting) this.#contradict(claim.owner)
      } else if (tally.disputed && this.#mayRecompute(shard)) {
        shard.recomputation = 'asked'
        this.#effects.push({ type: 'recompute', position: shard.position })
      } else if (this.#board.exhausted(shard)) this.#fail(shard, 'too-many-losses')
    }
  }

  #mayRecompute(shard: ShardState): boolean {
    return this.#options.manifest.assurance.arbiter === 'steward' && shard.recomputation === 'none'
  }

  #fail(shard: ShardState, because: 'no-owner-left' | 'too-many-losses'): void {
    const contradicting = shard.claims.map((claim) => claim.receipt)
    this.#verdict(shard, { outcome: 'failed', result: null, because, agreeing: [], contradicting })
  }

  #verdict(
    shard: ShardState,
    decision: Pick<ShardVerdict, 'outcome' | 'result' | 'because' | 'agreeing' | 'contradicting'>,
  ): void {
    const verdict: ShardVerdict = {
      position: shard.position,
      shard: shard.entry.shard,
      status: 'final',
      ...decision,
    }
    this.#verdicts.push(verdict)
    this.#settle(verdict)
  }

  #settle(verdict: ShardVerdict): void {
    const shard = this.#board.states[verdict.position]!
    this.#board.decide(shard, verdict)
    for (const lease of new Set(shard.holders.values())) {
      const state = this.#leases.get(lease)
      if (state !== undefined && state.state !== 'closed' && this.#pointless(state)) this.#withdraw(state)
    }
  }

  #publishVerdicts(): void {
    while (this.#verdicts.length > 0) {
      const shards = this.#verdicts.splice(0, leaseShardsMax)
      this.#issue('verdict', { shards } satisfies Verdict)
      this.#effects.push({ type: 'decided', verdicts: shards })
    }
  }

  #conclude(): void {
    const failed = this.#board.states.filter((shard) => shard.verdict?.outcome === 'failed').length
    if (failed === 0) this.#finish('complete', 'every shard is verified')
    else this.#finish('failed', `${failed} of ${this.#board.states.length} shards failed`)
  }

  #finish(outcome: JobEnd['outcome'], reason: string): void {
    if (this.#end !== undefined) return
    const end: JobEnd = { outcome, reason, seed: this.#options.seed }
    for (const state of [...this.#leases.active()]) this.#withdraw(state)
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
    if (input.type === 'receipt') return [{ type: 'send', to: input.receipt.signer, message }]
    if (input.type === 'progress' || input.type === 'accepted')
      return [{ type: 'send', to: input.from, message }]
    return []
  }

  // --- who works --------------------------------------------------------------------------------------------

  #assign(nowMs: number): void {
    for (;;) {
      const rooms = this.#candidates.map((candidate) => this.#roomOf(candidate.peer, nowMs))
      const opportunity = nextOpportunity(this.#board, this.#candidates, rooms)
      if (opportunity === undefined) return
      const basis = this.#drawBasis()
      const eligible = bitsOf(this.#candidates.length, opportunity.eligible)
      const { sha256, seed } = this.#options
      const drawn = drawVehicle(sha256, seed, this.#draws, basis.basis, eligible)
      const candidate = this.#candidates[drawn]!
      const share = fairShare(this.#board, this.#candidates, rooms)
      const shards = bundle(this.#board, opportunity.shard, candidate, share, this.#slowness)
      this.#lease(candidate, shards, { basis: basis.id, eligible, index: this.#draws }, nowMs)
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
      draw,
    } satisfies Lease)
    this.#openLease(lease, nowMs)
    this.#effects.push({ type: 'offer', lease: lease.id, to: candidate.peer })
  }

  #openLease(lease: Verified<Lease>, nowMs: number): LeaseState {
    const { owner, positions, isa, draw } = lease.payload
    this.#draws = Math.max(this.#draws, draw.index + 1)
    const state = this.#leases.open(lease, nowMs)
    for (const position of positions) {
      const shard = this.#board.states[position]!
      shard.holders.set(owner, lease.id)
      shard.isa ??= isa
      shard.speculative = false
    }
    return state
  }

  #drawBasis(): { readonly id: RecordId; readonly basis: DrawBasis } {
    const candidates = this.#candidates.map(({ peer, owner }) => ({ peer, owner }))
    const same =
      this.#basis !== undefined &&
      this.#basis.basis.candidates.length === candidates.length &&
      candidates.every((candidate, i) => {
        const known = this.#basis!.basis.candidates[i]!
        return known.peer === candidate.peer && known.owner === candidate.owner
      })
    if (!same) {
      const basis: DrawBasis = { candidates }
      this.#basis = { id: this.#issue('draw', basis).id, basis }
    }
    return this.#basis!
  }

  #roomOf(peer: PeerId, nowMs: number): Room {
    const open = !this.#away.has(peer) && (this.#notBefore.get(peer) ?? 0) <= nowMs
    return { active: this.#leases.activeOf(peer), open }
  }

  #availableOwners(): number {
    return new Set(
      this.#candidates
        .filter((c) => !this.#board.contradicted.has(c.owner))
        .map((candidate) => candidate.owner),
    ).size
  }

  // --- leases that end --------------------------------------------------------------------------------------

  /** What the lease has not returned goes back to the queue. `loss`: count it against the shards' patience. */
  #giveUp(state: LeaseState, loss: boolean): void {
    this.#close(state)
    state.lease.payload.positions.forEach((position, place) => {
      if (!state.covered.has(place)) this.#lose(this.#board.states[position]!, state, loss)
    })
  }

  #lose(shard: ShardState, state: LeaseState, loss: boolean): void {
    const { owner } = state.lease.payload
    if (shard.holders.get(owner) === state.lease.id) shard.holders.delete(owner)
    if (loss) shard.lost += 1
  }

  #withdraw(state: LeaseState): void {
    this.#effects.push({
      type: 'send',
      to: state.lease.payload.vehicle,
      message: { type: 'withdraw', lease: state.lease.id },
    })
    this.#giveUp(state, false)
  }

  #close(state: LeaseState): void {
    if (state.state === 'closed') return
    this.#leases.close(state)
    const { vehicle: from } = state.lease.payload
    this.#effects.push({ type: 'revoke', lease: state.lease.id, from })
  }

  #pointless(state: LeaseState): boolean {
    return state.lease.payload.positions.every(
      (position, place) => state.covered.has(place) || this.#board.states[position]!.verdict !== undefined,
    )
  }

  #measure(slowness: number): void {
    const bounded = Math.min(100, Math.max(0.01, slowness))
    this.#slowness += slownessWeight * (bounded - this.#slowness)
  }

  #issue<Payload>(kind: RecordKind, payload: Payload): Verified<Payload> {
    const { job, self, manifest, sha256 } = this.#options
    const body: RecordBody<Payload> = {
      domain: 'carpool',
      version: 1,
      kind,
      job,
      epoch: 0,
      steward: self,
      serial: this.#serial,
      expiresMs: manifest.deadlineMs + jobRetentionMs,
      signer: self,
      payload,
    }
    this.#serial += 1
    const id = recordId(sha256, encodeBody(body))
    this.#effects.push({ type: 'issue', id, body })
    return { ...body, id }
  }
}

function keyOf(want: { readonly result: Cid; readonly pages: number }): string {
  return `${want.result}/${want.pages}`
}

function partition<Item>(items: readonly Item[], test: (item: Item) => boolean): [Item[], Item[]] {
  return [items.filter(test), items.filter((item) => !test(item))]
}

function stateOf(shard: ShardState): 'queued' | 'leased' | 'returned' | 'verified' | 'disputed' | 'failed' {
  if (shard.verdict !== undefined) return shard.verdict.outcome === 'accepted' ? 'verified' : 'failed'
  if (shard.tally.state === 'open' && shard.tally.disputed) return 'disputed'
  if (shard.claims.length > 0) return 'returned'
  return shard.holders.size > 0 ? 'leased' : 'queued'
}
