/**
 * The questions about money and their answers; plain data, since all of it crosses a socket as JSON. Amounts are
 * micros.
 */

import type { JobId, OwnerId, PeerId, RecordId } from '../../protocol/ids.ts'
import type { ClaimOutcome, Entry } from '../../protocol/ledger/entry.ts'
import type { Difference } from '../../protocol/ledger/receivables.ts'
import type { Micros, UnitCount } from '../../protocol/price.ts'
import type { EnergyHour } from '../history/energy-hours.ts'

export type * from './settle-contract.ts'

/** Work, with the evidence of its receipts. */
export interface Work {
  /** The units of shards that were verified, by their name, as in a manifest: "page", "token". */
  readonly units: Readonly<Record<string, number>>
  readonly receipts: number
  readonly wallMs: number
  /** Joules, by what they are based on; receipts that say nothing of energy. */
  readonly measuredJoules: number
  readonly estimatedJoules: number
  readonly receiptsWithoutEnergy: number
}

/** From then until now. */
export interface Period {
  readonly name: string
  /** Milliseconds since 1970. */
  readonly sinceMs: number
}

export interface PeriodEarnings extends Work, Period {
  readonly verifiedMicros: Micros
  readonly paidMicros: Micros
}

export interface CurrencyEarnings {
  readonly currency: string
  /** Receipts without a verdict. */
  readonly pendingMicros: Micros
  /** Verified and not paid, added up over those who owe. */
  readonly owedMicros: Micros
  /** The sum that payers say they paid beyond what they owe; missing: an older node, which takes it from what others owe. */
  readonly beyondMicros?: Micros
  readonly periods: readonly PeriodEarnings[]
}

export interface JobEarnings extends Work {
  readonly job: JobId
  readonly submitter: PeerId
  readonly currency: string
  readonly sinceMs: number
  readonly pendingMicros: Micros
  readonly verifiedMicros: Micros
  /** Claims that came to nothing. */
  readonly void: number
  readonly settled: boolean
  readonly statements: readonly {
    readonly steward: PeerId
    readonly micros: Micros
    readonly closed: boolean
    readonly agreed: boolean | null
  }[]
  readonly differences: readonly Difference[]
}

export interface EarningsView {
  readonly peer: PeerId
  readonly owner: OwnerId
  /** The first entry that does not follow from those before it; null: the ledger is whole. */
  readonly damagedAt: number | null
  readonly currencies: readonly CurrencyEarnings[]
  readonly jobs: readonly JobEarnings[]
  readonly energy: EnergyAccount
}

/** Energy by the hour, as far back as it was counted: a year at most. */
export interface EnergyAccount {
  /** The power of a computer that is awake for work only, beside the work. */
  readonly idleWatts: number
  readonly hours: readonly EnergyHour[]
}

/** Accounts of several vehicles, each asked by itself. */
export interface OwnersAccounts {
  readonly owner: OwnerId
  readonly vehicles: readonly {
    readonly peer: PeerId
    readonly name: string
    /** Null: it did not answer. */
    readonly accounts: Pick<EarningsView, 'currencies' | 'energy'> | null
  }[]
}

/** An operator's share of one vehicle's work for one job; null: for all its jobs of before those that are told one by one. */
export interface OperatorShare {
  readonly vehicle: PeerId
  readonly job: JobId | null
  readonly currency: string
  readonly pendingMicros: Micros
  readonly verifiedMicros: Micros
  readonly periods: readonly { readonly name: string; readonly verifiedMicros: Micros }[]
}

export interface OperatorsAccounts {
  readonly fleet: PeerId
  readonly shares: readonly OperatorShare[]
  /** Vehicles that did not answer. */
  readonly silent: readonly { readonly peer: PeerId; readonly name: string }[]
}

/**
 * Why a shard was executed: as one of the voices that its plan asks for at first; to check an owner's window; or once
 * more, since another was late, was lost or disagreed.
 */
export type ExecutionKind = 'replica' | 'audit' | 'copy'

export interface BilledShard {
  /** From 0, in the job's list. */
  readonly position: number
  /** Forgotten: the job was, and how its shards came out with it. */
  readonly outcome: 'accepted' | 'failed' | 'open' | 'forgotten'
  /** The name of the unit that its work is counted in. */
  readonly unit: string
  readonly executions: readonly {
    readonly kind: ExecutionKind
    readonly vehicle: PeerId
    readonly owner: OwnerId
    readonly receipt: RecordId
    readonly units: number
    /** The same as what went in and what came out, where a result's units are counted. */
    readonly counted: UnitCount | null
    /** With the operator's share; owed only when the outcome is `paid`. */
    readonly micros: Micros
    readonly operatorMicros: Micros
    readonly outcome: ClaimOutcome
  }[]
}

export interface BilledWork {
  readonly executions: number
  readonly units: number
  /** Null where a result's units are not counted. */
  readonly counted: UnitCount | null
  readonly micros: Micros
}

export interface BillTotals {
  readonly job: JobId
  readonly currency: string
  readonly budgetMicros: Micros
  /** The unit's name, as in the manifest. */
  readonly unit: string
  readonly paid: Readonly<Record<ExecutionKind, BilledWork>>
  readonly owedMicros: Micros
  readonly operatorMicros: Micros
  readonly pendingMicros: Micros
  /** Executions that came to nothing, and cost nothing. */
  readonly void: number
  /** The job has ended: nothing will be added. */
  readonly closed: boolean
  readonly damagedAt: number | null
}

/** A party that a node keeps books for. */
export type LedgerSide = 'vehicle' | 'submitter' | 'operator'

/** An entry as JSON: the hash in hex. */
export type LedgerLine = Omit<Entry, 'hash'> & {
  /** The name of the unit that a claim counts; null for payments. */
  readonly unit: string | null
  /** The runtime of the claim's job; null for payments, and where the job was forgotten. */
  readonly runtime: string | null
  /** The node that keeps this ledger. */
  readonly node: PeerId
  /** The parties of this node in whose books the entry belongs. */
  readonly sides: readonly LedgerSide[]
  readonly hash: string
}

/** A receipt with all that its owner needs to prove it, as JSON: bytes in base64. */
export interface ReceiptLine {
  readonly job: JobId
  readonly receipt: RecordId
  readonly lease: RecordId
  readonly vehicle: PeerId
  readonly owner: OwnerId
  readonly covers: readonly number[]
  readonly units: number
  readonly currency: string
  readonly unitMicros: Micros
  /** The price is for so many units. */
  readonly per: number
  readonly operatorPpm: number
  readonly cpuMs: number
  readonly wallMs: number
  readonly energy: { readonly joules: number; readonly basis: 'measured' | 'estimated' } | null
  readonly signed: {
    readonly lease: { readonly body: string; readonly signature: string }
    readonly receipt: { readonly body: string; readonly signature: string }
  }
}
