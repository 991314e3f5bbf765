/**
 * Pay-outs: the debts of this node's submitter, net for each payee, made ready for a bank. Carpool holds no money: a
 * payment is an entry with the bank's reference, and nothing else.
 *
 * Banks take whole minor units, so the rest of a cent stays owed. While a transfer is prepared or with the bank, the money that
 * it holds is in no other. Each transfer is noted by itself: one wrong account leaves the others paid.
 */
import { randomBytes } from 'node:crypto'
import { type AccountId, outsideAccount } from '../../protocol/ledger/account.ts'
import type { LedgerInput } from '../../protocol/ledger/ledger.ts'
import { formatMoney } from '../../protocol/price.ts'
import { RequestError } from '../errors.ts'
import type { Database } from '../store/database.ts'
import type { Books } from './books.ts'
import { objectionToSum, sumsOf } from './control-sums.ts'
import { Debts } from './debts.ts'
import type { Payer } from './payer.ts'
import type {
  Payout,
  PayoutLine,
  SettleRequest,
  SettleView,
  TransferNews,
  TransferState,
  TransferStep,
} from './settle-contract.ts'
import { Transfers } from './transfers.ts'

type Of<Action extends SettleRequest['action']> = Extract<SettleRequest, { action: Action }>

/** By where a transfer stands: the steps that it may take. */
const next: Readonly<Record<TransferState, readonly TransferState[]>> = {
  prepared: ['sent', 'paid', 'rejected', 'returned', 'cancelled'],
  sent: ['paid', 'rejected', 'returned'],
  paid: ['returned'],
  returned: [],
  rejected: [],
  cancelled: [],
}

/** Letters of the key that pays; with 32 bits drawn by lot, no two pay-outs of a day have one name, whichever copy of the key made them. */
const payerChars = 6
const lotBytes = 4

export class Payouts {
  readonly #database: Database
  readonly #books: Books
  readonly #payer: Payer
  readonly #transfers: Transfers
  readonly #debts: Debts
  readonly #tell: (accounts: ReadonlySet<AccountId>) => void

  /** `tell`: the vehicles of these accounts are told what was paid, and say what they know. */
  constructor(
    database: Database,
    books: Books,
    payer: Payer,
    tell: (accounts: ReadonlySet<AccountId>) => void = () => {},
  ) {
    this.#tell = tell
    this.#database = database
    this.#books = books
    this.#payer = payer
    this.#transfers = new Transfers(database)
    this.#debts = new Debts(database, books, payer, this.#transfers)
  }

  /** Throws RequestError. */
  async settle(request: SettleRequest, nowMs: number): Promise<SettleView> {
    const damagedAt = await this.#books.check()
    const isRead = request.action === 'preview' || request.action === 'show'
    if (damagedAt !== null && !isRead)
      throw new RequestError(
        `entry ${damagedAt} of this node's ledger was changed: this node makes no pay-out from it until that is explained`,
      )
    const done = this.#act(request, nowMs)
    // Those that have not said yet what they were paid are asked each time that somebody looks.
    if (request.action === 'preview' || request.action === 'take-over')
      this.#tell(new Set(this.#payer.unheard().keys()))
    const thresholds = 'thresholds' in request ? request.thresholds : {}
    const { debts, objection } = this.#debts.list(
      thresholds,
      request.action === 'prepare' && request.alsoUnheard,
    )
    return {
      owed: debts.map(({ accounts: _, ...debt }) => debt),
      payouts: this.#transfers.list(),
      ...{ payout: null, steps: [], refused: [], noted: 0 },
      ...done,
      elsewhere: this.#payer.elsewhere().length,
      doubt: this.#doubt() ?? objection,
      damagedAt,
    }
  }

  #act(
    request: SettleRequest,
    nowMs: number,
  ): Partial<Pick<SettleView, 'payout' | 'steps' | 'refused' | 'noted'>> {
    switch (request.action) {
      case 'preview':
        return {}
      case 'prepare':
        return { payout: this.#prepare(request, nowMs) }
      case 'show':
        return this.#show(request.of)
      case 'note':
        return this.#note(request.news, nowMs)
      case 'take-over':
        if (this.#payer.doubt() === null && this.#payer.elsewhere().length === 0)
          throw new RequestError('this node pays for all jobs of its key that it knows: nothing to take over')
        this.#payer.takeOver(nowMs)
        return {}
    }
  }

  #prepare({ thresholds, payees, executionDate, alsoUnheard }: Of<'prepare'>, nowMs: number): Payout {
    const doubt = this.#doubt()
    if (doubt !== null) throw new RequestError(doubt)
    const { debts, objection } = this.#debts.list(thresholds, alsoUnheard)
    if (objection !== null) throw new RequestError(objection)
    const name = this.#newName(nowMs)
    const lines: PayoutLine[] = []
    const due: { currency: string; micros: number }[] = []
    for (const { payee, currency, payableMicros, accounts } of debts) {
      if (payableMicros === 0 || (payees !== null && !payees.includes(payee))) continue
      due.push({ currency, micros: payableMicros })
      let left = payableMicros
      const parts: { account: string; micros: number }[] = []
      for (const { account, micros } of accounts) {
        const part = Math.min(left, micros)
        if (part > 0) parts.push({ account, micros: part })
        left -= Math.max(0, part)
      }
      lines.push({
        settlement: `${name}-${lines.length + 1}`,
        ...{ payee, currency, micros: payableMicros, accounts: parts, missingAtMs: null },
        ...{ state: 'prepared', atMs: nowMs, reference: '', reason: '' },
      })
    }
    if (lines.length === 0) throw new RequestError(this.#whyNobody(thresholds))
    const payout: Payout = { name, createdAtMs: nowMs, executionDate, lines }
    this.#database.transaction(() => {
      this.#transfers.put(payout, sumsOf(due))
      const damage = this.#transfers.damage(name)
      if (damage !== null) throw new RequestError(damage)
    })
    return payout
  }

  #whyNobody(thresholds: Of<'prepare'>['thresholds']): string {
    const elsewhere = this.#payer.elsewhere().length
    if (elsewhere > 0) return otherPays(elsewhere)
    return this.#debts.list(thresholds, false).debts.some(({ unheard }) => unheard)
      ? 'nobody can be paid yet: the vehicles of those who are owed have not said what they were paid before the take-over; see carpool settle'
      : 'nobody is owed as much as the threshold'
  }

  #doubt(): string | null {
    const doubt = this.#payer.doubt()
    if (doubt === null) return null
    return doubt.why === 'yielded'
      ? `the node ${doubt.to} took over and pays for these jobs now; where it does not any more, this node takes over with: carpool settle --take-over`
      : "this data directory is a copy, or was restored from a backup: what was paid since is not in it. Where no other node pays with this key, 'carpool settle --take-over' asks the payees' vehicles what they were paid, and goes on from there"
  }

  #show(of: string): Pick<SettleView, 'payout' | 'steps' | 'refused'> {
    const line = this.#transfers.line(of)
    const payout = this.#transfers.payout(line === undefined ? of : payoutOf(of))
    if (payout === undefined) throw new RequestError(unknown(of))
    const why = this.#transfers.damage(payout.name)
    const refused = why === null ? [] : [{ of: payout.name, why }]
    if (line === undefined) return { payout, steps: [], refused }
    return { payout: { ...payout, lines: [line] }, steps: this.#transfers.steps(of), refused }
  }

  /** All that fits is noted in one commit: a bank's answer may be about thousands. Throws RequestError. */
  #note(news: readonly TransferNews[], nowMs: number): Pick<SettleView, 'refused' | 'noted'> {
    const refused: { of: string; why: string }[] = []
    const inputs: LedgerInput[] = []
    const moves: { settlement: string; step: TransferStep }[] = []
    const now = new Map<string, PayoutLine>()
    const touched = new Set<AccountId>()
    const damages = new Map<string, string | null>()
    for (const one of news) {
      const { of, currency } = one
      const payout = this.#transfers.payout(of)
      const known = payout?.lines ?? [this.#transfers.line(of)]
      const lines = known.filter((line) => line !== undefined)
      if (lines.length === 0) refused.push({ of, why: unknown(of) })
      const whole = payout?.name ?? payoutOf(of)
      if (!damages.has(whole)) damages.set(whole, this.#transfers.damage(whole))
      // What moves no money releases what it holds, whatever that is.
      const isMoved = one.state === 'paid' || one.state === 'returned'
      const damage = isMoved ? damages.get(whole)! : null
      const unfit = damage ?? (payout === undefined ? null : objectionToSum(payout, one))
      if (unfit !== null && lines.length > 0) refused.push({ of, why: unfit })
      for (const before of unfit === null ? lines : []) {
        const { settlement } = before
        const line = now.get(settlement) ?? before
        if (currency !== undefined && line.currency !== currency) continue
        // Of a whole pay-out, lines that came to an end of their own stay as they are.
        if (payout !== undefined && next[line.state].length === 0 && one.state !== 'cancelled') continue
        const why = objection(line, one)
        if (why !== null) refused.push({ of: settlement, why })
        if (why !== null || isKnown(line, one)) continue
        const { state, reason } = one
        const reference = one.reference === '' ? line.reference : one.reference
        const step = { state, atMs: nowMs, reference, reason }
        inputs.push(...this.#entriesOf(line, step))
        moves.push({ settlement, step })
        if (state === 'paid' || state === 'returned')
          for (const { account } of line.accounts) touched.add(account)
        now.set(settlement, { ...line, ...step })
      }
    }
    // Written twice, an entry is written once: after a crash in between the same is said again.
    const [refusal] = this.#books.handleNow(inputs, nowMs)
    if (refusal !== undefined) throw new RequestError(`nothing was noted: ${JSON.stringify(refusal)}`)
    this.#database.transaction(() => {
      for (const { settlement, step } of moves) this.#transfers.move(settlement, step)
    })
    this.#tell(touched)
    return { refused, noted: moves.length }
  }

  /** Money that left is a fact, also where less is owed by now. */
  *#entriesOf(line: PayoutLine, { state, reference, reason }: TransferStep): Generator<LedgerInput> {
    const { settlement, currency, accounts } = line
    for (const [i, { account, micros }] of accounts.entries()) {
      const name = `${settlement}/${i}`
      const to = outsideAccount(this.#payer.submitter)
      const order = { name, currency, from: account, to, micros, reference, isFact: true }
      if (state === 'paid' || (state === 'returned' && line.state !== 'paid')) yield { type: 'pay', order }
      if (state === 'returned') yield { type: 'take-back', name, reference: reason || reference }
    }
  }

  /** At most 21 characters, so that a line's number and a currency fit behind it: a bank takes 35. */
  #newName(nowMs: number): string {
    const day = new Date(nowMs).toISOString().slice(2, 10).replaceAll('-', '')
    const payer = this.#payer.submitter.slice(-payerChars)
    return `P${day}-${payer}-${randomBytes(lotBytes).readUInt32BE().toString(36).padStart(7, '0')}`
  }
}

/** By the end-to-end id of a transfer. */
function payoutOf(settlement: string): string {
  return settlement.slice(0, settlement.lastIndexOf('-'))
}

const said: Readonly<Record<TransferState, string>> = {
  prepared: 'prepared',
  sent: 'with the bank',
  paid: 'paid',
  returned: 'sent back',
  rejected: 'rejected',
  cancelled: 'cancelled',
}

/** Returns why a line cannot take that step; null: it can, or stands there already. */
function objection(line: PayoutLine, news: TransferNews): string | null {
  const { settlement, currency, micros } = line
  const { micros: named = micros, inCurrency = currency } = news
  // A bank keeps its charges from what it sends back: half of it, at most. A guess.
  const isLike = news.state === 'returned' ? named <= micros && 2 * named >= micros : named === micros
  if (!isLike || inCurrency !== currency)
    return `the bank names ${formatMoney(named, inCurrency)}, and ${settlement} is ${formatMoney(micros, currency)}`
  if (line.state === news.state && news.state === 'paid') {
    const isOther = !news.byBank && news.reference !== '' && news.reference !== line.reference
    return isOther ? `${settlement} was paid as '${line.reference}' already` : null
  }
  if (isKnown(line, news)) return null
  if (!next[line.state].includes(news.state)) return `${settlement} is ${said[line.state]} already`
  if (news.state === 'paid' && news.reference === '')
    return `${settlement}: name the bank's reference for it: --reference <text>`
  return null
}

/** An earlier word of a bank on a transfer is old news once it has said more: a file may be read twice, or after a later one. */
function isKnown({ state }: PayoutLine, news: TransferNews): boolean {
  if (state === news.state || (news.state === 'sent' && (state === 'paid' || state === 'returned')))
    return true
  if (!news.byBank) return false
  return news.state === 'sent' ? state === 'rejected' : news.state === 'paid' && state === 'returned'
}

function unknown(of: string): string {
  return `there is no pay-out or transfer '${of}' here; 'carpool settle list' shows them`
}

function otherPays(jobs: number): string {
  const what = jobs === 1 ? 'a job' : `${jobs} jobs`
  return `the debts of ${what} of this key are not this data directory's to pay: they were submitted from another, where it is known what was paid. Settle there; or, where that one is gone for good, here: carpool settle --take-over`
}
