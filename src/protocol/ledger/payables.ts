/**
 * Payables: one steward's side of the costs of one job. It follows the job's records, tells the ledger the fate of
 * each claim, and decides when to tell which vehicle.
 *
 * The steward that acts, or that ended the job, sends statements. Any other only answers a vehicle that asks, or
 * takes back a statement of its own. A statement that is not answered is sent again, so lost messages cost time and
 * no money. If a crash makes the steward forget one, the vehicle asks for it.
 */
import { impossible } from '../../base/assert.ts'
import type { LeaseId, OwnerId, PeerId } from '../ids.ts'
import { statementIntervalMs, statementRepeatMsMax, statementRepeatMsMin } from '../limits.ts'
import { type ClaimNews, type ClaimRecord, JobClaims, type JudgeOfLeases, type PaidJob } from './claims.ts'
import type { Claim, Unfounded } from './entry.ts'

/** Told four times in a minute, and not heard of. A guess. */
const repeatMsOfRest = 8 * statementRepeatMsMin

export interface PayablesOptions extends PaidJob {
  readonly self: PeerId
  /** The number of the job's shards. */
  readonly shards: number
  readonly judge: JudgeOfLeases
}

export type PayablesInput =
  /**
   * The records that the journal holds of the job, in the order of `lease`, `receipt` and the rest. This input comes
   * first of all.
   */
  | { readonly type: 'restored'; readonly records: Iterable<ClaimRecord> }
  /** Durable with, or before, what follows from it. */
  | { readonly type: 'record'; readonly record: ClaimRecord }
  /** Some records gave way to others: these, in the same order, are all that are left. */
  | { readonly type: 'anew'; readonly records: Iterable<ClaimRecord> }
  /** These leases began or ceased to count, or other places of them are open. */
  | { readonly type: 'recounted'; readonly leases: readonly LeaseId[] }
  /** True while this steward acts for the job. */
  | { readonly type: 'acting'; readonly acting: boolean }
  /** A vehicle wants to know; of claims decided before this place in the ledger, or of all. */
  | { readonly type: 'ask'; readonly from: PeerId; readonly before: number | null }
  /** It has taken up what this steward said last. */
  | { readonly type: 'accounted'; readonly from: PeerId }
  | { readonly type: 'connected'; readonly peer: PeerId }
  /** More was paid to a vehicle. */
  | { readonly type: 'paid'; readonly vehicle: PeerId }
  /** The clock was set forward by so much, or back when negative (as in ../steward/contract.ts). */
  | { readonly type: 'clock-set'; readonly byMs: number }
  | { readonly type: 'wake' }

export type PayablesEffect =
  /** For the ledger. */
  | ({ readonly type: 'claim' } & (ClaimNews | { readonly claim: Claim; readonly outcome: Unfounded }))
  /** Sign what the ledger says of this vehicle's claims, and send it with the newest of them before that place. */
  | {
      readonly type: 'state'
      readonly vehicle: PeerId
      readonly owner: OwnerId
      readonly closed: boolean
      readonly before: number | null
    }
  | { readonly type: 'wake'; readonly atMs: number }

interface Payee {
  readonly vehicle: PeerId
  readonly owner: OwnerId
  /** Not told yet. */
  changed: boolean
  /** Told, and not answered. */
  waiting: boolean
  toldMs: number | undefined
  repeatMs: number
}

export class Payables {
  readonly #options: PayablesOptions
  #claims: JobClaims
  /** By vehicle and owner: a car that was sold in between has two. */
  readonly #payees = new Map<string, Payee>()
  readonly #accepted = new Set<number>()
  #acting = false
  #ended: 'complete' | 'otherwise' | undefined
  #endedHere = false
  #wakeAtMs = Number.POSITIVE_INFINITY
  #effects: PayablesEffect[] = []

  constructor(options: PayablesOptions) {
    this.#options = options
    this.#claims = new JobClaims(options, options.judge)
  }

  /** Nobody is to be told anything soon: each has answered, or was told several times and asks when it is back. */
  get rests(): boolean {
    return [...this.#payees.values()].every(
      (payee) => this.#dueMs(payee, 0) === Number.POSITIVE_INFINITY || payee.repeatMs >= repeatMsOfRest,
    )
  }

  /** Throws ProtocolError amount-too-large for a claim that no ledger can hold. */
  handle(input: PayablesInput, nowMs: number): PayablesEffect[] {
    switch (input.type) {
      case 'restored':
        this.#restore(input.records)
        break
      case 'record':
        this.#learn(input.record)
        break
      case 'anew':
        this.#anew(input.records)
        break
      case 'recounted':
        this.#follow(this.#claims.recount(input.leases))
        break
      case 'acting':
        this.#acting = input.acting
        break
      case 'ask':
        for (const payee of this.#of(input.from)) this.#state(payee, input.before, nowMs)
        break
      case 'accounted':
        for (const payee of this.#of(input.from)) payee.waiting = false
        break
      case 'connected':
        for (const payee of this.#of(input.peer)) if (payee.waiting) payee.changed = true
        break
      case 'paid':
        for (const payee of this.#of(input.vehicle)) payee.changed = true
        break
      case 'clock-set':
        for (const payee of this.#payees.values()) if (payee.toldMs !== undefined) payee.toldMs += input.byMs
        this.#wakeAtMs += input.byMs
        break
      case 'wake':
        this.#wakeAtMs = Number.POSITIVE_INFINITY
        break
      default:
        impossible(input)
    }
    this.#tell(nowMs)
    const effects = this.#effects
    this.#effects = []
    return effects
  }

  /**
   * Restores the books. The ledger may lack some entries. Statements that went out before do not go out again, but a
   * vehicle that missed one asks for it.
   */
  #restore(records: Iterable<ClaimRecord>): void {
    for (const record of records) {
      this.#note(record)
      this.#claims.learn(record)
    }
    for (const news of this.#claims.current()) {
      this.#effects.push({ type: 'claim', ...news })
      this.#payeeOf(news.claim)
    }
    for (const claim of this.#claims.unfounded()) {
      this.#effects.push({ type: 'claim', claim, outcome: 'unfounded' })
      // Whoever was told that it is paid asks no more.
      this.#payeeOf(claim).changed = true
    }
  }

  /** Some of the records that were here gave way to others: what rested on them is taken back. */
  #anew(records: Iterable<ClaimRecord>): void {
    const before = this.#claims
    this.#claims = new JobClaims(this.#options, this.#options.judge)
    this.#accepted.clear()
    for (const record of records) {
      this.#note(record)
      this.#claims.learn(record)
    }
    this.#follow(this.#claims.changesSince(before))
  }

  #learn(record: ClaimRecord): void {
    this.#note(record)
    this.#follow(this.#claims.learn(record))
    // Every vehicle that worked for the job hears how it ended, also when nothing else is new.
    if (record.kind === 'end') for (const payee of this.#payees.values()) payee.changed = true
  }

  #follow(claims: readonly ClaimNews[]): void {
    for (const news of claims) {
      this.#effects.push({ type: 'claim', ...news })
      const payee = this.#payeeOf(news.claim)
      if (news.outcome !== 'pending') payee.changed = true
    }
  }

  #note({ kind, record }: ClaimRecord): void {
    // A vehicle that has a lease may sign receipts that come too late, and would then ask in vain unless it is known.
    if (kind === 'lease' && record.payload.price !== null) this.#payeeOf(record.payload)
    if (kind === 'verdict')
      for (const { position, outcome } of record.payload.shards)
        if (outcome === 'accepted') this.#accepted.add(position)
    if (kind === 'end') {
      this.#ended = record.payload.outcome === 'complete' ? 'complete' : 'otherwise'
      this.#endedHere ||= record.signer === this.#options.self
    }
  }

  /** A steward that lacks a verdict must not call anything void for good. */
  get #closed(): boolean {
    if (this.#ended === undefined) return false
    return this.#ended !== 'complete' || this.#accepted.size >= this.#options.shards
  }

  #tell(nowMs: number): void {
    let nextMs = Number.POSITIVE_INFINITY
    for (const payee of this.#payees.values()) {
      const dueMs = this.#dueMs(payee, nowMs)
      if (dueMs <= nowMs) this.#state(payee, null, nowMs)
      nextMs = Math.min(nextMs, this.#dueMs(payee, nowMs))
    }
    if (nextMs >= this.#wakeAtMs) return
    this.#wakeAtMs = nextMs
    this.#effects.push({ type: 'wake', atMs: nextMs })
  }

  #dueMs({ changed, waiting, toldMs, repeatMs }: Payee, nowMs: number): number {
    if (!this.#acting && !this.#endedHere && toldMs === undefined) return Number.POSITIVE_INFINITY
    if (changed)
      return this.#ended !== undefined || toldMs === undefined ? nowMs : toldMs + statementIntervalMs
    return waiting ? toldMs! + repeatMs : Number.POSITIVE_INFINITY
  }

  #state(payee: Payee, before: number | null, nowMs: number): void {
    const { vehicle, owner } = payee
    this.#effects.push({ type: 'state', vehicle, owner, closed: this.#closed, before })
    if (before !== null) return // the rest of what it was told
    payee.repeatMs = payee.changed ? statementRepeatMsMin : Math.min(statementRepeatMsMax, payee.repeatMs * 2)
    payee.changed = false
    payee.waiting = true
    payee.toldMs = nowMs
  }

  #of(vehicle: PeerId): Payee[] {
    return [...this.#payees.values()].filter((payee) => payee.vehicle === vehicle)
  }

  #payeeOf({ vehicle, owner }: { readonly vehicle: PeerId; readonly owner: OwnerId }): Payee {
    const key = `${vehicle}/${owner}`
    const known = this.#payees.get(key) ?? {
      vehicle,
      owner,
      changed: false,
      waiting: false,
      toldMs: undefined,
      repeatMs: statementRepeatMsMin,
    }
    this.#payees.set(key, known)
    return known
  }
}
