/**
 * The ledger: keeps track of debts, and of their reasons. Every node keeps its own.
 *
 * Its rules are TigerBeetle's (docs.tigerbeetle.com, two-phase transfers), at the size of a car: an entry never
 * changes; what a claim is worth is set aside when its receipt is known (`pending`) and resolved once, posted when a
 * final verdict counts the claim, voided when none does. If stewards that could not hear each other decided
 * otherwise, an entry of its own reverses the posted one, and the claim is opened again under the next generation.
 * Every entry takes from one account what it gives to others, so that all balances of a currency sum to zero. Entries
 * are chained by their hashes, so that a ledger that was edited says so.
 *
 * The accounts:
 *  - `submitter:<key>`  pays for its jobs: at or below zero, the sum of what they cost so far.
 *  - `owner:<owner>:<vehicle>`  is owed for a vehicle's work. One for each vehicle and not for each owner, because a
 *    vehicle can only check what it signed itself, and both sides must be able to compare the same number.
 *  - `operator:<fleet>`  is owed the operator's share.
 *  - `outside:<key>`  what a submitter paid, as it says: Carpool holds no money, and a payment is a note that it left.
 *
 * Two nodes write the same entries: a steward's node derives them from the job's records (claims.ts), a vehicle's
 * node from its own receipts and the statements that stewards sign (receivables.ts). A claim's subject is its receipt
 * and place, so that news that is replayed, repeated, or learnt twice changes nothing.
 *
 * The alternative, a table of balances that is updated in place, can be neither replayed nor compared.
 */
import { impossible } from '../../base/assert.ts'
import type { Sha256 } from '../../base/prng.ts'
import { ProtocolError, type Refusal } from '../errors.ts'
import { type AccountId, operatorAccount, ownerAccount, submitterAccount } from './account.ts'
import { addMicros } from './amounts.ts'
import {
  type Claim,
  type ClaimWord,
  type Entry,
  type EntryBody,
  type EntryKind,
  firstHash,
  movementsOf,
  subjectOf,
  type Unfounded,
} from './entry.ts'
import { entryHash } from './entry-hash.ts'

export interface Balance {
  /** Set aside for claims without a verdict. */
  readonly pendingMicros: number
  readonly postedMicros: number
}

/**
 * The entries that were appended before, as the shell keeps them. Answers must include all entries of earlier
 * `append` effects: the shell carries them out before the next input.
 */
export interface LedgerState {
  readonly last: () => Pick<Entry, 'serial' | 'hash'> | undefined
  /** The last entry about this subject. */
  readonly lastOf: (subject: string) => Entry | undefined
  readonly balance: (account: AccountId, currency: string) => Balance
}

interface PaymentOrder {
  /** Under which it is never written twice. */
  readonly name: string
  readonly currency: string
  readonly from: AccountId
  readonly to: AccountId
  readonly micros: number
  readonly reference: string
  /** It has left, whatever is owed: it is written also where it is more. */
  readonly isFact?: boolean
}

export type LedgerInput =
  /** The present fate of a claim; it may be known already. */
  | { readonly type: 'claim'; readonly claim: Claim; readonly outcome: ClaimWord | Unfounded }
  /** Money left for a payee. */
  | { readonly type: 'pay'; readonly order: PaymentOrder }
  /** It did not: the bank sent it back. */
  | { readonly type: 'take-back'; readonly name: string; readonly reference: string }

export type LedgerEffect =
  | { readonly type: 'append'; readonly entry: Entry }
  /** Nothing of the input was written. */
  | { readonly type: 'refused'; readonly refusal: Refusal }

export class Ledger {
  readonly #sha256: Sha256
  readonly #state: LedgerState

  constructor(sha256: Sha256, state: LedgerState) {
    this.#sha256 = sha256
    this.#state = state
  }

  /** All or nothing: either its entries, in order, or a refusal. No effects: it was known. */
  handle(input: LedgerInput, nowMs: number): LedgerEffect[] {
    const draft = new Draft(this.#sha256, this.#state, nowMs)
    try {
      switch (input.type) {
        case 'claim':
          claim(draft, input.claim, input.outcome)
          break
        case 'pay':
          pay(draft, input.order)
          break
        case 'take-back':
          takeBack(draft, input.name, input.reference)
          break
        default:
          impossible(input)
      }
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error
      return [{ type: 'refused', refusal: error.refusal }]
    }
    return draft.entries.map((entry) => ({ type: 'append', entry }))
  }
}

/**
 * By what was written last about the claim, and what is known now. That it is pending is no news of one that was
 * decided: so a node that begins again, and hears of receipts before verdicts, takes nothing back.
 */
const steps: Readonly<
  Record<
    'new' | 'pending' | 'posted' | 'closed',
    Readonly<Record<ClaimWord | Unfounded, readonly EntryKind[]>>
  >
> = {
  new: {
    pending: ['pending'],
    paid: ['pending', 'posted'],
    void: ['pending', 'voided'],
    reopened: ['pending'],
    unfounded: [],
  },
  pending: { pending: [], paid: ['posted'], void: ['voided'], reopened: [], unfounded: ['voided'] },
  posted: {
    pending: [],
    paid: [],
    void: ['reversed'],
    reopened: ['reversed', 'pending'],
    unfounded: ['reversed'],
  },
  closed: { pending: [], paid: ['pending', 'posted'], void: [], reopened: ['pending'], unfounded: [] },
}

function claim(draft: Draft, claim: Claim, outcome: ClaimWord | Unfounded): void {
  const subject = subjectOf(claim)
  const last = draft.lastOf(subject)
  const { job, receipt, place, position, vehicle, owner, units, currency, ownerMicros, operatorMicros } =
    claim
  const credits = [{ account: ownerAccount(owner, vehicle), micros: ownerMicros }]
  if (operatorMicros > 0) credits.push({ account: operatorAccount(claim.fleet), micros: operatorMicros })
  const debit = submitterAccount(claim.submitter)
  if (last !== undefined && !movesAlike(last, { currency, debit, credits }))
    throw new ProtocolError({
      code: 'other-amount',
      transfer: subject,
      why: `it is ${amountText(last)} in the ledger`,
    })
  const before =
    last === undefined
      ? 'new'
      : last.kind === 'pending' || last.kind === 'posted'
        ? last.kind
        : ('closed' as const)
  let generation = last?.generation ?? 0
  for (const kind of steps[before][outcome]) {
    if (kind === 'pending' && last !== undefined) generation += 1
    draft.append({
      kind,
      subject,
      generation,
      currency,
      debit,
      credits,
      claim: { job, receipt, place, position, vehicle, owner, units },
      memo: '',
    })
  }
}

function pay(draft: Draft, order: PaymentOrder): void {
  const { name, currency, from, to, micros, reference, isFact = false } = order
  const subject = paymentSubject(name)
  const last = draft.lastOf(subject)
  const body = { currency, debit: from, credits: [{ account: to, micros }] }
  if (last !== undefined) {
    if (last.kind !== 'paid')
      throw new ProtocolError({ code: 'already-resolved', transfer: subject, state: last.kind })
    if (!movesAlike(last, body))
      throw new ProtocolError({
        code: 'other-amount',
        transfer: subject,
        why: `it is ${amountText(last)} in the ledger`,
      })
    return
  }
  const owedMicros = draft.balance(from, currency).postedMicros
  if (!isFact && micros > owedMicros)
    throw new ProtocolError({ code: 'overdrawn', account: from, micros, owedMicros })
  draft.append({ kind: 'paid', subject, generation: 0, ...body, claim: null, memo: reference })
}

function takeBack(draft: Draft, name: string, reference: string): void {
  const subject = paymentSubject(name)
  const last = draft.lastOf(subject)
  if (last?.kind === 'unpaid') return
  if (last === undefined)
    throw new ProtocolError({ code: 'already-resolved', transfer: subject, state: 'unknown' })
  const { generation, currency, debit, credits } = last
  draft.append({
    kind: 'unpaid',
    subject,
    generation,
    currency,
    debit,
    credits,
    claim: null,
    memo: reference,
  })
}

function paymentSubject(name: string): string {
  return `payment/${name}`
}

/** Entries that one input makes, each seen by the next. */
class Draft {
  readonly entries: Entry[] = []
  readonly #sha256: Sha256
  readonly #state: LedgerState
  readonly #nowMs: number
  readonly #balances = new Map<string, Balance>()

  constructor(sha256: Sha256, state: LedgerState, nowMs: number) {
    this.#sha256 = sha256
    this.#state = state
    this.#nowMs = nowMs
  }

  lastOf(subject: string): Entry | undefined {
    return this.entries.findLast((entry) => entry.subject === subject) ?? this.#state.lastOf(subject)
  }

  balance(account: AccountId, currency: string): Balance {
    return this.#balances.get(`${currency}/${account}`) ?? this.#state.balance(account, currency)
  }

  /** Throws ProtocolError amount-too-large. */
  append(entry: Omit<EntryBody, 'serial' | 'atMs'>): void {
    for (const { account, pendingMicros, postedMicros } of movementsOf(entry)) {
      const balance = this.balance(account, entry.currency)
      const what = `account ${account}`
      this.#balances.set(`${entry.currency}/${account}`, {
        pendingMicros: addMicros(what, balance.pendingMicros, pendingMicros),
        postedMicros: addMicros(what, balance.postedMicros, postedMicros),
      })
    }
    const last = this.entries.at(-1) ?? this.#state.last()
    const body: EntryBody = { serial: (last?.serial ?? 0) + 1, atMs: this.#nowMs, ...entry }
    this.entries.push({ ...body, hash: entryHash(this.#sha256, last?.hash ?? firstHash, body) })
  }
}

type Moved = Pick<EntryBody, 'currency' | 'debit' | 'credits'>

function movesAlike(a: Moved, b: Moved): boolean {
  return (
    a.currency === b.currency &&
    a.debit === b.debit &&
    a.credits.length === b.credits.length &&
    a.credits.every((credit, i) => {
      const other = b.credits[i]!
      return credit.account === other.account && credit.micros === other.micros
    })
  )
}

function amountText({ currency, credits }: Moved): string {
  return `${credits.map(({ micros }) => micros).join(' + ')} micros of ${currency}`
}
