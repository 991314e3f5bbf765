/**
 * Receivables: a vehicle's side of the debts of one job for its work. It sets aside the worth of each receipt when it
 * is signed, and learns the receipt's fate from statements.
 *
 * Stewards that cannot hear each other may each know of verdicts that the other lacks: a claim is paid when any of
 * them says so, and void when one of them says so and none says otherwise. Each steward's newest statement counts. A
 * statement that agrees with this vehicle's own claims to the unit is answered; where it does not, the vehicle asks
 * for all that it lists, page by page, and what still differs then is shown with the receipts behind it.
 */

import { equals } from 'uint8arrays'
import { compareText } from '../../base/bytes.ts'
import type { Sha256 } from '../../base/prng.ts'
import { pushTo } from '../../base/push-to.ts'
import type { LeaseId, OwnerId, PeerId, RecordId } from '../ids.ts'
import type { Lease, Receipt } from '../job/lease.ts'
import { statementRepeatMsMax, statementRepeatMsMin } from '../limits.ts'
import type { Micros } from '../price.ts'
import type { Verified } from '../record/record.ts'
import { type ClaimNews, claimsOfReceipt, type PaidJob } from './claims.ts'
import { type Claim, type ClaimOutcome, subjectOf } from './entry.ts'
import { jointWordOf, paidMicros, type StatedAccount, wordOf } from './stated-account.ts'
import { type StatedClaim, type Statement, totalsOf } from './statement.ts'

export interface ReceivablesOptions extends PaidJob {
  readonly self: PeerId
  readonly sha256: Sha256
}

export type ReceivablesInput =
  /** Durable with, or before, what follows from it. */
  | {
      readonly type: 'signed'
      readonly lease: Verified<Lease>
      readonly receipt: Verified<Receipt>
      /** Places that the ledger has as paid, where this was signed before a restart: so they stay until somebody says otherwise. */
      readonly paid?: readonly number[]
    }
  /** A statement by a steward of the job; `next` is where the rest of its claims begins, null: that is all. */
  | {
      readonly type: 'statement'
      readonly statement: Verified<Statement>
      readonly claims: readonly StatedClaim[]
      readonly next: number | null
    }
  | { readonly type: 'stewards'; readonly stewards: readonly PeerId[] }
  | { readonly type: 'connected'; readonly peer: PeerId }
  | { readonly type: 'wake' }

export type ReceivablesEffect =
  /** For the ledger. */
  | ({ readonly type: 'claim' } & ClaimNews)
  /** Keep this statement in the place of the same steward's older ones: it agrees with what the ledger says, or is disputed. */
  | { readonly type: 'keep'; readonly statement: Verified<Statement>; readonly agrees: boolean }
  | { readonly type: 'ask'; readonly to: PeerId; readonly before: number | null }
  /** Send this lease, which that steward may not know. */
  | { readonly type: 'show'; readonly to: PeerId; readonly lease: LeaseId }
  /** Tell its signer that the statement was taken up; `micros` is what this vehicle comes to itself. */
  | { readonly type: 'accounted'; readonly to: PeerId; readonly statement: RecordId; readonly micros: Micros }
  | { readonly type: 'wake'; readonly atMs: number }

/** A claim on which a steward and this vehicle differ; null: that side does not know of the claim. */
export interface Difference {
  readonly steward: PeerId
  readonly receipt: RecordId
  readonly place: number
  readonly oursMicros: Micros | null
  readonly theirsMicros: Micros | null
}

interface Known {
  readonly claim: Claim
  outcome: ClaimOutcome | undefined
  /** Use: the ledger had it as paid before this vehicle began again. */
  readonly wasPaid: boolean
}

/** So many claims of a statement that this vehicle knows nothing of are remembered, to be shown: more say nothing new. A guess. */
const strangeClaimsMax = 1_024

export class Receivables {
  readonly #options: ReceivablesOptions
  readonly #claims = new Map<string, Known>()
  readonly #byPosition = new Map<number, Known[]>()
  /** By steward and owner. */
  readonly #accounts = new Map<string, StatedAccount>()
  #stewards: readonly PeerId[] = []
  /** The steward to ask next. */
  #turn = 0
  #patienceMs = statementRepeatMsMin
  #wakeAtMs = Number.POSITIVE_INFINITY
  #effects: ReceivablesEffect[] = []

  constructor(options: ReceivablesOptions) {
    this.#options = options
  }

  /** Throws ProtocolError amount-too-large for a claim that no ledger can hold. */
  handle(input: ReceivablesInput, nowMs: number): ReceivablesEffect[] {
    switch (input.type) {
      case 'signed':
        this.#signed(input)
        break
      case 'statement':
        this.#heard(input.statement, input.claims, input.next)
        break
      case 'stewards':
        this.#stewards = input.stewards
        break
      case 'connected':
        if (!this.isSettled && this.#stewards.includes(input.peer)) this.#ask(input.peer, null)
        break
      case 'wake':
        this.#wakeAtMs = Number.POSITIVE_INFINITY
        this.#askAround()
    }
    this.#askToWake(nowMs)
    const effects = this.#effects
    this.#effects = []
    return effects
  }

  /**
   * Nothing is open, somebody who says that the job is over agrees with this vehicle, and no steward pays what another does
   * not: stewards that were apart tell each other, and the last word may have been lost.
   */
  get isSettled(): boolean {
    const isOver = [...this.#accounts.values()].some(
      ({ statement, agrees }) => statement.payload.closed && agrees,
    )
    // Nearly every input asks: while the job goes on, its claims are not walked over.
    return isOver && !this.#isOpen() && !this.#areAtOdds()
  }

  /** Returns the last statement of each steward, and whether this vehicle's claims come to the same. */
  statements(): { readonly statement: Verified<Statement>; readonly agrees: boolean }[] {
    return [...this.#accounts.values()].map(({ statement, agrees }) => ({ statement, agrees }))
  }

  /** Returns the claims of disagreeing statements that one side pays and the other does not, or pays differently. */
  differences(): Difference[] {
    return [...this.#accounts.values()].flatMap(({ statement, said, agrees }) => {
      if (agrees) return []
      const steward = statement.signer
      const found: Difference[] = []
      for (const [subject, theirs] of said) {
        const ours = this.#claims.get(subject)
        const { receipt, place } = theirs
        const oursMicros =
          ours === undefined ? null : paidMicros(ours.outcome === 'paid', ours.claim.ownerMicros)
        const theirsMicros = paidMicros(theirs.paid, theirs.micros)
        if (oursMicros !== theirsMicros) found.push({ steward, receipt, place, oursMicros, theirsMicros })
      }
      return found.sort((a, b) => compareText(a.receipt, b.receipt) || a.place - b.place)
    })
  }

  #signed({ lease, receipt, paid = [] }: Extract<ReceivablesInput, { type: 'signed' }>): void {
    for (const claim of claimsOfReceipt(this.#options, lease, receipt)) {
      const subject = subjectOf(claim)
      if (this.#claims.has(subject)) continue
      const known: Known = { claim, outcome: undefined, wasPaid: paid.includes(claim.place) }
      this.#claims.set(subject, known)
      pushTo(this.#byPosition, claim.position, known)
      this.#judge(claim.position)
    }
  }

  #heard(statement: Verified<Statement>, claims: readonly StatedClaim[], next: number | null): void {
    const { signer, payload } = statement
    if (payload.vehicle !== this.#options.self || payload.currency !== this.#options.currency) return
    const key = `${signer}/${payload.owner}`
    const known = this.#accounts.get(key)
    if (known !== undefined && known.statement.serial > statement.serial) return
    const account = known ?? { statement, said: new Map(), agrees: false }
    account.statement = statement
    this.#accounts.set(key, account)
    for (const stated of claims) {
      const subject = subjectOf(stated)
      const isKnown = this.#claims.has(subject) || account.said.has(subject)
      if (isKnown || account.said.size < this.#claims.size + strangeClaimsMax)
        account.said.set(subject, stated)
    }
    account.agrees = this.#agrees(account, payload.owner)
    const touched = claims.flatMap((stated) => this.#claims.get(subjectOf(stated))?.claim.position ?? [])
    for (const position of new Set(payload.closed ? this.#byPosition.keys() : touched)) this.#judge(position)
    if (!account.agrees && next !== null) {
      this.#ask(signer, next)
      return
    }
    const micros = this.#micros(account, payload.owner)
    this.#effects.push(
      { type: 'keep', statement, agrees: account.agrees },
      { type: 'accounted', to: signer, statement: statement.id, micros },
    )
    this.#patienceMs = statementRepeatMsMin
  }

  /** Tells whether the account pays what this vehicle knows of its own claims, to the unit. */
  #agrees(account: StatedAccount, owner: OwnerId): boolean {
    const { units, micros, receipts, root } = account.statement.payload
    const ours = totalsOf(this.#options.sha256, this.#acknowledged(account, owner))
    return (
      ours.units === units && ours.micros === micros && ours.receipts === receipts && equals(ours.root, root)
    )
  }

  #micros(account: StatedAccount, owner: OwnerId): Micros {
    return totalsOf(this.#options.sha256, this.#acknowledged(account, owner)).micros
  }

  /** Claims that the steward pays, at the worth that this vehicle's own leases and receipts give them. */
  *#acknowledged({ said }: StatedAccount, owner: OwnerId): Generator<StatedClaim> {
    for (const [subject, { claim }] of this.#claims)
      if (claim.owner === owner && said.get(subject)?.paid === true) {
        const { receipt, place, units, ownerMicros: micros } = claim
        yield { receipt, place, units, micros, paid: true }
      }
  }

  /**
   * This vehicle is paid once for a shard: if two stewards that cannot hear each other both pay, the first in their
   * order counts.
   */
  #judge(position: number): void {
    let isPaid = false
    const news: ClaimNews[] = []
    for (const known of this.#byPosition.get(position)!.sort(inOrder)) {
      const said = this.#outcomeOf(known)
      const outcome: ClaimOutcome = said === 'paid' && isPaid ? 'void' : said
      isPaid ||= outcome === 'paid'
      const again = outcome === 'pending' && known.outcome !== undefined
      if (outcome !== known.outcome) news.push({ claim: known.claim, outcome: again ? 'reopened' : outcome })
      known.outcome = outcome
    }
    news.sort((a, b) => Number(a.outcome === 'paid') - Number(b.outcome === 'paid'))
    for (const one of news) this.#effects.push({ type: 'claim', ...one })
  }

  #isOpen(): boolean {
    for (const { outcome } of this.#claims.values()) if (outcome === 'pending') return true
    return false
  }

  #areAtOdds(): boolean {
    const words = [...this.#accounts.values()]
    return [...this.#claims.values()].some(
      ({ claim, outcome }) =>
        outcome === 'void' && words.some((account) => wordOf(account, claim) === 'paid'),
    )
  }

  /**
   * Once the submitter's node has closed its account, its word decides: it is the one that pays, and another steward may say
   * that more is owed than the job ever promised. Until then whoever says that a claim is paid is believed.
   */
  #outcomeOf({ claim, wasPaid }: Known): ClaimOutcome {
    const submitters = this.#accounts.get(`${this.#stewards[0]}/${claim.owner}`)
    const last = submitters?.statement.payload.closed ? wordOf(submitters, claim) : 'pending'
    if (last !== 'pending') return last
    return jointWordOf(this.#accounts.values(), claim) ?? (wasPaid ? 'paid' : 'pending')
  }

  #askAround(): void {
    if (this.isSettled || this.#stewards.length === 0 || this.#claims.size === 0) return
    this.#turn += 1
    this.#ask(this.#stewards[this.#turn % this.#stewards.length]!, null)
    this.#patienceMs = Math.min(statementRepeatMsMax, 2 * this.#patienceMs)
  }

  #ask(to: PeerId, before: number | null): void {
    if (before === null) this.#show(to)
    this.#effects.push({ type: 'ask', to, before })
  }

  /**
   * A steward tells only those that it knows to have worked. One that has told nothing may never have heard of the lease: the
   * steward that signed it may have kept it to itself. It is shown one for each owner, and answers that nothing is owed for it.
   */
  #show(to: PeerId): void {
    const shown = new Set<OwnerId>()
    for (const { claim, outcome } of this.#claims.values()) {
      const { owner, lease } = claim
      if (outcome !== 'pending' || shown.has(owner) || this.#accounts.has(`${to}/${owner}`)) continue
      shown.add(owner)
      this.#effects.push({ type: 'show', to, lease })
    }
  }

  #askToWake(nowMs: number): void {
    if (this.#wakeAtMs !== Number.POSITIVE_INFINITY || this.isSettled || this.#claims.size === 0) return
    this.#wakeAtMs = nowMs + this.#patienceMs
    this.#effects.push({ type: 'wake', atMs: this.#wakeAtMs })
  }
}

function inOrder(a: Known, b: Known): number {
  return compareText(a.claim.lease, b.claim.lease) || compareText(subjectOf(a.claim), subjectOf(b.claim))
}
