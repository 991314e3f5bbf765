/**
 * The desk at which payments are made with the submitter's key: what payees are told of their payments, and what their
 * vehicles say of them.
 */
import type { Logger } from 'pino'
import type { JobId, PeerId } from '../../protocol/ids.ts'
import { type AccountId, outsideAccount, ownerAccount } from '../../protocol/ledger/account.ts'
import type { PayeeWord, PaymentNotice } from '../../protocol/ledger/payment.ts'
import { openStatement, type Statement } from '../../protocol/ledger/statement.ts'
import { encodeBody, type SignedRecord } from '../../protocol/record/record.ts'
import { bodyOf } from '../../protocol/records.ts'
import { sha256 } from '../sha256.ts'
import type { Database } from '../store/database.ts'
import { type SigningKey, verifyByPeerId } from '../store/keys.ts'
import { placeOf } from '../store/place.ts'
import { type Books, heardPrefix } from './books.ts'
import { Payer } from './payer.ts'
import { Transfers } from './transfers.ts'

interface Kept {
  readonly database: Database
  readonly books: Books
  readonly directory: { readonly databasePath: string }
}

export interface PayingDeskOptions {
  readonly database: Database
  readonly books: Books
  readonly payer: Payer
  /** The submitter's. */
  readonly key: SigningKey
  readonly self: PeerId
  readonly log: Logger
}

export class PayingDesk {
  /** The desk of this data directory, whose first epoch begins here and now where it had none. */
  static open(
    { store, ...rest }: Pick<PayingDeskOptions, 'key' | 'self' | 'log'> & { readonly store: Kept },
    nowMs: number,
  ): PayingDesk {
    const { database, books, directory } = store
    const payer = new Payer(database, rest.key.peerId, placeOf(directory.databasePath))
    payer.begin(nowMs)
    return new PayingDesk({ database, books, payer, ...rest })
  }

  readonly #options: PayingDeskOptions
  readonly #transfers: Transfers
  #lastSerial = 0

  constructor(options: PayingDeskOptions) {
    this.#options = options
    this.#transfers = new Transfers(options.database)
  }

  get payer(): Payer {
    return this.#options.payer
  }

  notices(account: AccountId, currency: string): PaymentNotice[] {
    return this.#transfers.notices(account, currency)
  }

  /** A statement by the submitter's key itself. Its serial is the time, so that the nodes that share the key can tell which is newer. */
  sign(
    about: {
      readonly job: JobId
      readonly steward: PeerId
      readonly expiresMs: number
      readonly payload: Statement
    },
    nowMs: number,
  ): SignedRecord {
    const { key } = this.#options
    // Also where the clock was ahead when this directory took over: its word is newer than that of whoever paid before.
    this.#lastSerial = Math.max(this.#lastSerial + 1, nowMs, this.#options.payer.sinceMs)
    const body = encodeBody(bodyOf('statement', { ...about, signer: key.peerId, serial: this.#lastSerial }))
    return { body, signature: key.sign(body) }
  }

  /** A vehicle says what it was paid, and what has not arrived. */
  hear(vehicle: PeerId, word: PayeeWord, nowMs: number): void {
    const { payer, books, log } = this.#options
    this.#yieldTo(word.payer)
    const account = ownerAccount(word.owner, vehicle)
    for (const settlement of this.#transfers.noteMissing(account, word.missing, nowMs))
      log.warn({ vehicle, settlement }, 'a payee says that a payment has not arrived')
    // What another node of the key pays for its own jobs is not this one's to count, unless it took those over.
    if (payer.tookOverMs === 0) return
    const { currency, paidMicros } = word
    // What a transfer holds may be what it speaks of, and is noted when the bank's answer is: never both.
    const heldMicros = this.#transfers.heldFor(account, currency)
    const knownMicros = books.paidTo(account, payer.submitter, currency, true) + heldMicros
    // Beyond what it has earned its word changes no debt, and would only fill the ledger. It says it again when it has earned more.
    const mostMicros =
      paidMicros > knownMicros ? books.earnedFrom(account, vehicle, payer.submitter, currency) : 0
    const micros = Math.min(paidMicros, mostMicros) - knownMicros
    if (micros > 0) {
      const order = {
        name: `${heardPrefix}${account}/${currency}/${knownMicros - heldMicros + micros}`,
        ...{ currency, from: account, to: outsideAccount(payer.submitter), micros },
        reference: 'paid before, says the payee',
        isFact: true,
      }
      for (const refusal of books.handleNow([{ type: 'pay', order }], nowMs))
        log.error({ vehicle, refusal }, 'the ledger refused a payment')
    }
    payer.heard(account, currency)
  }

  /** The submitter's key signed a statement on another node: that one pays now. */
  #yieldTo(record: SignedRecord | null): void {
    const { payer, self, log } = this.#options
    if (record === null) return
    const { signer, steward, serial } = openStatement(record, sha256, verifyByPeerId)
    if (signer !== payer.submitter || steward === null || steward === self) return
    if (payer.yield(steward, serial))
      log.warn({ by: steward }, 'another node pays with this key now: carpool settle')
  }
}
