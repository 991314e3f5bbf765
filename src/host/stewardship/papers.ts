/** A job's records on this node's disk: those that it signs, and those that it takes from others. */
import type { CouncilEffect } from '../../protocol/council/contract.ts'
import type { RecordId } from '../../protocol/ids.ts'
import type { Handover } from '../../protocol/job/handover.ts'
import type { Verdict } from '../../protocol/job/verdict.ts'
import { encodeCbor, reopenCbor } from '../../protocol/record/block.ts'
import type { SignedRecord, Verified } from '../../protocol/record/record.ts'
import {
  isMoney,
  isShared,
  type JobRecord,
  type JobRecordKind,
  type Opened,
  reopen,
} from '../../protocol/records.ts'
import type { Recalled } from '../../protocol/state/decisions.ts'
import type { PayablesDriver } from '../ledger/payables-driver.ts'
import { sha256 } from '../sha256.ts'
import type { Outbox } from '../store/outbox.ts'
import { JobLogs } from './job-logs.ts'
import type { CouncilDriverOptions } from './options.ts'

export class Papers {
  readonly logs: JobLogs
  readonly #options: CouncilDriverOptions
  readonly #outbox: Outbox
  readonly #payables: PayablesDriver | null

  constructor(options: CouncilDriverOptions, outbox: Outbox, payables: PayablesDriver | null) {
    this.#options = options
    this.logs = new JobLogs(options)
    this.#outbox = outbox
    this.#payables = payables
  }

  /** All records of the job, and which verdicts of others were found to count. */
  restored(): { readonly records: JobRecord[]; readonly recalled: Recalled[]; readonly shutOut: RecordId[] } {
    const { store, job, key } = this.#options
    const records: JobRecord[] = []
    const recalled: Recalled[] = []
    const shutOut: RecordId[] = []
    for (const row of store.journal.ofJob(job)) {
      if (!isShared(row)) continue
      const entry = reopen(row.kind, row, sha256)
      records.push(entry)
      if (row.kind === 'verdict' && row.extra !== null)
        recalled.push({ verdict: row.id, positions: reopenCbor<number[]>(row.extra) })
      // What a vehicle keeps beside a lease of its own are keys.
      const isOwn = entry.kind === 'lease' && entry.record.payload.vehicle === key.peerId
      if ((row.kind === 'draw' || row.kind === 'lease') && row.extra !== null && !isOwn) shutOut.push(row.id)
    }
    return { records, recalled, shutOut }
  }

  /** Keeps which verdicts count that had to be proven, and for which shards: `counting` returns all of these. */
  counted(verdicts: readonly Verified<Verdict>[], counting: (id: RecordId) => readonly number[]): void {
    const { store, key, manifest } = this.#options
    for (const { id, signer } of verdicts)
      if (signer !== key.peerId && signer !== manifest.stewards[0]?.peer)
        this.#outbox.persist(store.journal.setExtraSoon(id, encodeCbor(counting(id))))
  }

  issue({ issued, body }: Extract<CouncilEffect, { type: 'issue' }>): void {
    const signed = { body, signature: this.#options.key.sign(body) }
    this.append({ ...issued, signed } as Opened<JobRecordKind>)
  }

  append(opened: Opened<JobRecordKind>): void {
    const { store, job } = this.#options
    const { kind, record, opening, signed } = opened
    const { body, signature } = signed
    const extra = opening === null ? null : encodeCbor(opening)
    this.#outbox.persist(store.journal.appendSoon({ id: record.id, job, kind, body, signature, extra }))
    if (isMoney(opened)) this.#payables?.learn(opened)
  }

  /** Undefined once the job was forgotten. */
  signed(id: RecordId): SignedRecord | undefined {
    const row = this.#options.store.journal.get(id)
    return row && { body: row.body, signature: row.signature }
  }

  /** It is marked beside the record. */
  shutOut(id: RecordId): void {
    this.#outbox.persist(this.#options.store.journal.setExtraSoon(id, encodeCbor('shut-out')))
  }

  /** They gave way to others. */
  discard(ids: readonly RecordId[]): void {
    this.#outbox.persist(this.#options.store.journal.deleteRecordsSoon(ids))
  }

  /** Returns the records that show others who became a steward of the job, by these handovers. */
  credentials(path: readonly Verified<Handover>[]): {
    readonly manifest: SignedRecord
    readonly handovers: readonly SignedRecord[]
  } {
    const handovers = path.flatMap(({ id }) => this.signed(id) ?? [])
    return { manifest: this.#options.manifestRecord, handovers }
  }
}
