/**
 * The questions about paying debts and their answers; plain data, since all of it crosses a socket as JSON. Amounts are micros.
 */
import type { PeerId } from '../../protocol/ids.ts'
import type { PaymentNotice } from '../../protocol/ledger/payment.ts'
import type { Micros } from '../../protocol/price.ts'

/** Where a transfer stands: the last four are ends, and only `paid` may still become `returned`. */
export type TransferState = 'prepared' | 'sent' | 'paid' | 'returned' | 'rejected' | 'cancelled'

/** The least that a payee is paid, by currency; '*': in every other. Where none is named, one whole unit (minimumMicros). */
export type Thresholds = Readonly<Record<string, Micros>>

/** News of one transfer, or of all of a pay-out, from a person or a bank. */
export interface TransferNews {
  /** The transfer's end-to-end id, or the name of a pay-out. */
  readonly of: string
  /** Only the lines of a pay-out in this currency. */
  readonly currency?: string
  readonly state: Exclude<TransferState, 'prepared'>
  readonly reference: string
  readonly reason: string
  /** A bank says so, and may say it again in other words. */
  readonly byBank?: true
  /** By the bank; it must be that of the line. Of what came back the bank may have kept its charges. */
  readonly micros?: Micros
  /** The currency of `micros`; missing: that of the line. */
  readonly inCurrency?: string
  /** The whole pay-out of which the bank speaks. A message about something else is told and not noted. */
  readonly sum?: BankSum
}

export interface BankSum {
  /** All transfers of the file that the bank was given, or those that it booked: all but the rejected and cancelled ones. */
  readonly of: 'all' | 'booked'
  readonly lines?: number
  /** All amounts added up, whatever their currencies, unless it names one. */
  readonly micros?: Micros
  readonly inCurrency?: string
}

export type SettleRequest =
  /** Shows what is owed, and the pay-outs. */
  | { readonly action: 'preview'; readonly thresholds: Thresholds }
  | {
      readonly action: 'prepare'
      readonly thresholds: Thresholds
      /** Pays only these payees; null: all. */
      readonly payees: readonly string[] | null
      /** On which the bank is to carry it out: 2026-12-28. */
      readonly executionDate: string
      /** Pays also payees whose vehicles have not said what they were paid, after a take-over. */
      readonly alsoUnheard: boolean
    }
  /** The lines of one pay-out, or one transfer with its steps. */
  | { readonly action: 'show'; readonly of: string }
  /** Notes what became of transfers; what does not fit is told and not noted. */
  | { readonly action: 'note'; readonly news: readonly TransferNews[] }
  /** This data directory pays from now on. */
  | { readonly action: 'take-over' }

export interface TransferStep {
  readonly state: TransferState
  /** Since when. */
  readonly atMs: number
  /** The bank's own name for it, or what was noted. */
  readonly reference: string
  /** Why it was rejected or sent back, in the bank's code or words. */
  readonly reason: string
}

export interface PayoutLine extends TransferStep {
  /** An owner's id, or `operator:<fleet>`. */
  readonly payee: string
  readonly currency: string
  /** In whole minor units of the currency. */
  readonly micros: Micros
  /** Names this transfer in the bank's file, end to end; 35 characters at most. */
  readonly settlement: string
  /** Since when its payee says that it has not arrived. */
  readonly missingAtMs: number | null
  /** How it is shared among the accounts of the payee's vehicles. */
  readonly accounts: readonly { readonly account: string; readonly micros: Micros }[]
}

export interface Payout {
  readonly name: string
  readonly createdAtMs: number
  readonly executionDate: string
  readonly lines: readonly PayoutLine[]
}

export interface PayoutSummary extends Omit<Payout, 'lines'> {
  readonly sums: readonly {
    readonly state: TransferState
    readonly currency: string
    readonly lines: number
    readonly micros: Micros
    /** So many of them have not arrived, say their payees. */
    readonly missing: number
  }[]
}

export interface Debt {
  readonly payee: string
  readonly currency: string
  readonly owedMicros: Micros
  /** In whole minor units; 0 below the threshold. The rest stays owed. */
  readonly payableMicros: Micros
  readonly vehicles: number
  /** After a take-over: its vehicles have not said yet what they were paid, so that it waits. */
  readonly unheard: boolean
}

export interface SettleView {
  /** All that this data directory pays for, less what open pay-outs hold already. */
  readonly owed: readonly Debt[]
  readonly payouts: readonly PayoutSummary[]
  /** The one that was just prepared, or asked for. */
  readonly payout: Payout | null
  /** The steps of the transfer that was asked for. */
  readonly steps: readonly TransferStep[]
  /** News that did not fit, and why: a sentence each. */
  readonly refused: readonly { readonly of: string; readonly why: string }[]
  /** Transfers that took a step by the news. */
  readonly noted: number
  /** Jobs of the submitter's key that others pay for. */
  readonly elsewhere: number
  /** Why nothing can be paid from here now; null: it can. */
  readonly doubt: string | null
  readonly damagedAt: number | null
}

/** A payment that a payer has named to this node's vehicle. */
export interface IncomingPayment extends PaymentNotice {
  readonly submitter: PeerId
  readonly currency: string
  /** Since when the owner says that it has not arrived. */
  readonly missingAtMs: number | null
}
