/**
 * Drives the payables of one job, on a node that looks after it: carries out the decisions of Payables (src/protocol/ledger).
 */
import type { Logger } from 'pino'
import type { LeaseId, OwnerId, PeerId } from '../../protocol/ids.ts'
import { ownerAccount } from '../../protocol/ledger/account.ts'
import type { ClaimRecord, JudgeOfLeases, PaidJob } from '../../protocol/ledger/claims.ts'
import type { LedgerInput } from '../../protocol/ledger/ledger.ts'
import { Payables, type PayablesEffect, type PayablesInput } from '../../protocol/ledger/payables.ts'
import {
  type LedgerClaim,
  ledgerClaim,
  openStatement,
  pageOf,
  type Statement,
  totalsOf,
} from '../../protocol/ledger/statement.ts'
import { jobRetentionMs } from '../../protocol/limits.ts'
import type { Message } from '../../protocol/message.ts'
import { encodeBody, recordId, type SignedRecord } from '../../protocol/record/record.ts'
import { bodyOf } from '../../protocol/records.ts'
import { at, type Clock, ClockSteps } from '../clock.ts'
import { sha256 } from '../sha256.ts'
import type { Journal } from '../store/journal.ts'
import type { SigningKey } from '../store/keys.ts'
import type { Outbox } from '../store/outbox.ts'
import type { Books } from './books.ts'
import type { PayingDesk } from './paying-desk.ts'
import type { LedgerTables } from './tables.ts'

export interface LedgerParts {
  readonly books: Books
  readonly tables: LedgerTables
}

export interface PayablesDriverOptions extends PaidJob, LedgerParts {
  readonly shards: number
  readonly judge: JudgeOfLeases
  readonly deadlineMs: number
  readonly key: SigningKey
  readonly journal: Journal
  readonly outbox: Outbox
  /** On a node of the submitter's key, which may be the one that pays. */
  readonly desk?: PayingDesk
  /** The job was submitted elsewhere, with this node's key: its vehicles take no statement of this node, but of the key. */
  readonly isReader: boolean
  readonly say: (to: PeerId, message: Message) => void
  readonly clock: Clock
  readonly log: Logger
}

export class PayablesDriver {
  readonly #options: PayablesDriverOptions
  readonly #payables: Payables
  readonly #steps: ClockSteps
  #callOff = () => {}

  constructor(options: PayablesDriverOptions) {
    this.#options = options
    this.#steps = new ClockSteps(options.clock)
    const { key, job, submitter, fleet, currency, shards, judge } = options
    this.#payables = new Payables({ job, submitter, fleet, currency, shards, judge, self: key.peerId })
  }

  /** Call first, with all that the journal holds: entries that the ledger lacks are made up for. */
  restore(records: Iterable<ClaimRecord>): void {
    this.#handle({ type: 'restored', records })
  }

  /** Records of the job that are about to be durable. */
  learn(...records: ClaimRecord[]): void {
    for (const record of records) this.#handle({ type: 'record', record })
  }

  /** Some records gave way to others: these are all that are left. */
  anew(records: Iterable<ClaimRecord>): void {
    this.#handle({ type: 'anew', records })
  }

  recounted(leases: readonly LeaseId[]): void {
    this.#handle({ type: 'recounted', leases })
  }

  acting(acting: boolean): void {
    this.#handle({ type: 'acting', acting })
  }

  connected(peer: PeerId): void {
    this.#handle({ type: 'connected', peer })
  }

  /** Money left for this vehicle. */
  paid(vehicle: PeerId): void {
    const { isReader, books, job } = this.#options
    if (!isReader) {
      this.#handle({ type: 'paid', vehicle })
      return
    }
    const owners = new Set([...books.standingOf(job, vehicle)].flatMap(({ claim }) => claim?.owner ?? []))
    for (const owner of owners) this.#options.outbox.after(() => this.#sayAsPayer(vehicle, owner))
  }

  hear(from: PeerId, message: Extract<Message, { type: 'account' | 'accounted' }>): void {
    const { desk, clock } = this.#options
    if (message.heard !== undefined) desk?.hear(from, message.heard, clock.now())
    if (message.type === 'account') {
      this.#handle({ type: 'ask', from, before: message.before })
      return
    }
    const { tables, key, job, outbox, log } = this.#options
    const row = tables
      .statements(job)
      .find(
        ({ id, steward, vehicle }) => id === message.statement && steward === key.peerId && vehicle === from,
      )
    if (row === undefined) return // it answers an older one
    const { payload } = openStatement(row, sha256, () => true)
    const agreed = payload.micros === message.micros
    if (!agreed)
      log.warn(
        { job, vehicle: from, ours: payload.micros, theirs: message.micros },
        'a vehicle’s receipts come to another sum than this node’s',
      )
    outbox.persist(tables.noteAnswerSoon(message.statement, agreed))
    this.#handle({ type: 'accounted', from })
  }

  /** Every vehicle was told, and answered, or was told several times in vain: it asks when it is back. */
  get rests(): boolean {
    return this.#payables.rests
  }

  stop(): void {
    this.#callOff()
  }

  #handle(input: PayablesInput): void {
    const nowMs = this.#options.clock.now()
    const byMs = this.#steps.take()
    if (byMs !== 0) this.#carryOut(this.#payables.handle({ type: 'clock-set', byMs }, nowMs), nowMs)
    this.#carryOut(this.#payables.handle(input, nowMs), nowMs)
  }

  #carryOut(effects: readonly PayablesEffect[], nowMs: number): void {
    const claims = effects.filter((effect): effect is PayablesEffect & LedgerInput => effect.type === 'claim')
    if (claims.length > 0) this.#write(claims, nowMs)
    for (const effect of effects)
      if (effect.type === 'state') this.#options.outbox.after(() => this.#state(effect))
      else if (effect.type === 'wake') this.#wakeAt(effect.atMs)
  }

  #write(claims: readonly LedgerInput[], nowMs: number): void {
    const { books, outbox, job, log } = this.#options
    const written = books.handleSoon(claims, nowMs).then((refusals) => {
      for (const refusal of refusals) log.error({ job, refusal }, 'the ledger refused a claim')
    })
    outbox.persist(written)
  }

  #state({ vehicle, owner, closed, before }: Extract<PayablesEffect, { type: 'state' }>): void {
    const claims = this.#claimsOf(vehicle, owner)
    const record = this.#signed(this.#statementOf(vehicle, owner, claims, closed))
    this.#say(vehicle, owner, { type: 'statement', record, ...pageOf(claims, before) })
  }

  /** It says what was paid, and lists no claims: those are the stewards' to tell. */
  #sayAsPayer(vehicle: PeerId, owner: OwnerId): void {
    const { desk, job, key, deadlineMs, clock } = this.#options
    if (desk === undefined) return
    const payload = this.#statementOf(vehicle, owner, this.#claimsOf(vehicle, owner), false)
    const expiresMs = deadlineMs + jobRetentionMs
    const record = desk.sign({ job, steward: key.peerId, expiresMs, payload }, clock.now())
    this.#say(vehicle, owner, { type: 'statement', record, claims: [], next: null })
  }

  #say(vehicle: PeerId, owner: OwnerId, statement: Extract<Message, { type: 'statement' }>): void {
    const { desk, currency, say } = this.#options
    const payments = desk?.notices(ownerAccount(owner, vehicle), currency) ?? []
    say(vehicle, payments.length === 0 ? statement : { ...statement, payments })
  }

  #claimsOf(vehicle: PeerId, owner: OwnerId): LedgerClaim[] {
    const { books, job } = this.#options
    return [...books.standingOf(job, vehicle)]
      .filter(({ claim }) => claim?.owner === owner)
      .flatMap((entry) => ledgerClaim(entry) ?? [])
  }

  #statementOf(vehicle: PeerId, owner: OwnerId, claims: readonly LedgerClaim[], closed: boolean): Statement {
    const { books, currency, submitter } = this.#options
    return {
      vehicle,
      owner,
      currency,
      ...totalsOf(sha256, claims),
      closed,
      paidMicros: books.paidTo(ownerAccount(owner, vehicle), submitter, currency),
    }
  }

  /** The one before, where it says the same: a vehicle that reads page after page reads one statement. */
  #signed(payload: Statement): SignedRecord {
    const { key, job, tables, journal, deadlineMs } = this.#options
    const { vehicle, owner } = payload
    const before = tables.statement(job, key.peerId, vehicle, owner)
    if (before !== undefined && isSame(openStatement(before, sha256, () => true).payload, payload))
      return { body: before.body, signature: before.signature }
    const record = bodyOf('statement', {
      job,
      steward: key.peerId,
      signer: key.peerId,
      serial: journal.nextSerial('statement'),
      expiresMs: deadlineMs + jobRetentionMs,
      payload,
    })
    const body = encodeBody(record)
    const signature = key.sign(body)
    const id = recordId(sha256, body)
    tables.putStatement({ job, steward: key.peerId, vehicle, owner, id, body, signature, agreed: null })
    return { body, signature }
  }

  #wakeAt(atMs: number): void {
    this.#callOff()
    this.#callOff = at(this.#options.clock, atMs, () => this.#handle({ type: 'wake' }))
  }
}

function isSame(a: Statement, b: Statement): boolean {
  return (
    a.currency === b.currency &&
    a.micros === b.micros &&
    a.closed === b.closed &&
    a.paidMicros === b.paidMicros &&
    Buffer.compare(a.root, b.root) === 0
  )
}
