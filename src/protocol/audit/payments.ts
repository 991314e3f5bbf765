/**
 * Adds up the money that a report's receipts come to, and checks that the statements in it say the same.
 *
 * Written apart from src/protocol/ledger, from the rules alone: a place of a receipt is paid, once for each owner and
 * shard, when an accepting verdict counts the receipt as agreeing, and that verdict stands or says the same as the one
 * that does, or when the verdict that stands says that the shard failed and names the receipt as owed all the same,
 * unless the place was written off (write-offs.ts); its worth is the units that its receipt counts, or else its lease, times the
 * price in its lease, of which the operator gets its parts per million, cut to whole micros. Leases, receipts and verdicts were opened and
 * checked in records.ts.
 */

import { equals } from 'uint8arrays'
import { compareText } from '../../base/bytes.ts'
import { pushTo } from '../../base/push-to.ts'
import type { OwnerId, PeerId, RecordId } from '../ids.ts'
import type { Receipt } from '../job/lease.ts'
import type { ShardVerdict } from '../job/verdict.ts'
import type { Statement } from '../ledger/statement.ts'
import type { Payment } from '../price.ts'
import { encodeCbor, type Sha256 } from '../record/block.ts'
import { merkleRoot } from '../record/merkle.ts'
import type { Verified } from '../record/record.ts'
import type { Problems } from './problems.ts'
import type { AuditedRecords } from './records.ts'
import { unitsAt, type WriteOffs, wholeMicros } from './write-offs.ts'

export interface AuditedPayments {
  readonly currency: string
  /** The name of the unit that work was counted in. */
  readonly unit: string
  /** All that the submitter owes for the job, the operator's share included. */
  readonly micros: bigint
  readonly operatorMicros: bigint
  readonly payees: readonly AuditedPayee[]
  /** Statements that were compared with it. */
  readonly statements: number
}

interface AuditedPayee {
  readonly owner: OwnerId
  readonly vehicle: PeerId
  readonly units: bigint
  /** The owner's. */
  readonly micros: bigint
  readonly receipts: number
}

interface Paid {
  readonly receipt: RecordId
  readonly place: number
  readonly units: number
  readonly micros: bigint
  readonly operatorMicros: bigint
}

interface PaidClaim extends Paid {
  readonly vehicle: PeerId
  readonly owner: OwnerId
}

interface Said {
  readonly record: RecordId
  readonly by: Pick<Verified, 'epoch'>
  readonly verdict: ShardVerdict
}

export class PaymentAudit {
  readonly #payment: Payment | null
  readonly #records: AuditedRecords
  readonly #writeOffs: WriteOffs
  readonly #sha256: Sha256
  readonly #receipts: ReadonlyMap<RecordId, Verified<Receipt>>

  constructor(payment: Payment | null, records: AuditedRecords, writeOffs: WriteOffs, sha256: Sha256) {
    this.#payment = payment
    this.#records = records
    this.#writeOffs = writeOffs
    this.#sha256 = sha256
    this.#receipts = new Map(records.receipts.map((receipt) => [receipt.id, receipt]))
  }

  /** Null for a job that pays nobody. */
  check(problems: Problems): AuditedPayments | null {
    const { statements } = this.#records
    if (this.#payment === null) {
      if (statements.length > 0) problems.blame('it has statements of money, and the job pays nobody')
      return null
    }
    const { currency, unit } = this.#payment
    const paid = this.#replay(currency)
    this.#checkStatements(paid, currency, problems)
    let [micros, operatorMicros] = [0n, 0n]
    const payees = [...paid].map(([key, claims]): AuditedPayee => {
      const [vehicle, owner] = key.split('/') as [PeerId, OwnerId]
      const sum = totalOf(claims)
      micros += sum.micros + sum.operatorMicros
      operatorMicros += sum.operatorMicros
      return { owner, vehicle, units: sum.units, micros: sum.micros, receipts: sum.receipts }
    })
    payees.sort((a, b) => (`${a.owner}/${a.vehicle}` < `${b.owner}/${b.vehicle}` ? -1 : 1))
    return { currency, unit, micros, operatorMicros, payees, statements: statements.length }
  }

  /** By vehicle and owner. */
  #replay(currency: string): Map<string, Paid[]> {
    const paid = new Map<string, Paid[]>()
    for (const [position, said] of this.#said())
      for (const { owner, vehicle, ...claim } of this.#paidFor(position, said, currency))
        pushTo(paid, `${vehicle}/${owner}`, claim)
    return paid
  }

  /** By position, all that stewards said. */
  #said(): Map<number, Said[]> {
    const said = this.#records.verdicts.flatMap((by) =>
      by.payload.shards.map((verdict) => ({ record: by.id, by, verdict })),
    )
    return Map.groupBy(said, ({ verdict }) => verdict.position)
  }

  /** Returns the claims about one shard that are paid: one of each owner, and of each vehicle, whatever owners it has. */
  #paidFor(position: number, said: readonly Said[], currency: string): PaidClaim[] {
    const settled = new Set(said.flatMap(({ verdict }) => verdict.settles))
    const left = said
      .filter(({ record }) => !settled.has(record))
      .sort((a, b) => a.by.epoch - b.by.epoch || (a.record < b.record ? -1 : 1))
    const standing = left.find(({ verdict }) => verdict.outcome === 'accepted') ?? left[0]
    if (standing === undefined) return []
    const claims = new Map<string, PaidClaim>()
    for (const { verdict } of said) {
      const isSaid = verdict.outcome === 'accepted' && verdict.result === standing.verdict.result
      if (!isSaid && verdict !== standing.verdict) continue
      for (const id of verdict.agreeing) {
        const receipt = this.#receipts.get(id)
        const lease = receipt && this.#records.leases.get(receipt.payload.lease)?.payload
        if (receipt === undefined || lease === undefined) continue // the audit of verdicts says so
        if (this.#records.unpaid.has(receipt.payload.lease)) continue
        if (lease.price === null || lease.price.currency !== currency) continue
        for (const place of receipt.payload.covers) {
          if (lease.positions[place] !== position) continue
          const units = unitsAt(lease, receipt.payload, place)
          if (this.#writeOffs.has(receipt.payload.lease, place, units)) continue
          const whole = wholeMicros(units, lease.price)
          const operatorMicros = (whole * BigInt(lease.price.operatorPpm)) / 1_000_000n
          const order = `${receipt.payload.lease}/${id}/${place}`
          const { vehicle, owner } = lease
          const micros = whole - operatorMicros
          claims.set(order, { receipt: id, place, units, micros, operatorMicros, vehicle, owner })
        }
      }
    }
    const payees = new Set<OwnerId | PeerId>()
    const inOrder = [...claims].sort(([a], [b]) => compareText(a, b))
    return inOrder.flatMap(([, claim]) => {
      if (payees.has(claim.owner) || payees.has(claim.vehicle)) return []
      payees.add(claim.owner).add(claim.vehicle)
      return [claim]
    })
  }

  /** A steward's newest word on each vehicle must be what the receipts say; before the job's end, no more than that. */
  #checkStatements(paid: ReadonlyMap<string, readonly Paid[]>, currency: string, problems: Problems): void {
    const newest = new Map<string, Verified<Statement>>()
    for (const statement of this.#records.statements) {
      const key = `${statement.signer}/${statement.payload.vehicle}/${statement.payload.owner}`
      if ((newest.get(key)?.serial ?? -1) < statement.serial) newest.set(key, statement)
    }
    for (const { signer, payload } of newest.values()) {
      const name = `the statement of ${signer} on ${payload.vehicle}`
      const claims = paid.get(`${payload.vehicle}/${payload.owner}`) ?? []
      const { units, micros, receipts } = totalOf(claims)
      if (payload.currency !== currency) problems.blame(`${name} is in ${payload.currency}, not ${currency}`)
      const ours = `${micros} micros for ${units} units of ${receipts} receipts`
      const theirs = `${payload.micros} micros for ${payload.units} units of ${payload.receipts} receipts`
      const isSame = BigInt(payload.micros) === micros && BigInt(payload.units) === units
      if (payload.closed ? !isSame || payload.receipts !== receipts : BigInt(payload.micros) > micros)
        problems.blame(`${name} says ${theirs}, and the receipts come to ${ours}`)
      else if (payload.closed && !equals(payload.root, this.#rootOf(claims)))
        problems.blame(`${name} has the right sum over other claims than the receipts give`)
    }
  }

  #rootOf(claims: readonly Paid[]): Uint8Array {
    const sorted = claims.toSorted((a, b) =>
      a.receipt === b.receipt ? a.place - b.place : a.receipt < b.receipt ? -1 : 1,
    )
    return merkleRoot(
      this.#sha256,
      sorted.map(({ receipt, place, units, micros }) =>
        encodeCbor(['carpool/paid/1', receipt, place, units, Number(micros)]),
      ),
    )
  }
}

function totalOf(claims: readonly Paid[]) {
  let [units, micros, operatorMicros] = [0n, 0n, 0n]
  for (const claim of claims) {
    units += BigInt(claim.units)
    micros += claim.micros
    operatorMicros += claim.operatorMicros
  }
  return { units, micros, operatorMicros, receipts: new Set(claims.map(({ receipt }) => receipt)).size }
}
