/**
 * Keeps what vehicles say that modules wrote to stderr, for the submitter's node alone: a block for each receipt that brings
 * something, in the job's part of the store. A vehicle's word, and no part of any record.
 */
import type { Logger } from 'pino'
import type { JobId } from '../../protocol/ids.ts'
import { openLease, type Receipt } from '../../protocol/job/lease.ts'
import { encodeKeptLog, type PageLog } from '../../protocol/job/receipt-log.ts'
import type { Verified } from '../../protocol/record/record.ts'
import { sha256 } from '../sha256.ts'
import { cidOf } from '../store/cid.ts'
import type { Store } from '../store.ts'

/** The logs of one job, in bytes; what comes beyond is not kept. A guess. */
const jobLogBytesMax = 32 * 2 ** 20

export interface JobLogsOptions {
  readonly job: JobId
  readonly store: Store
  /** Submitted with the key of this node: it keeps no logs of strangers' jobs. */
  readonly isOwn: boolean
  readonly log: Logger
  /** The logs of the job, in bytes. */
  readonly logBytesMax?: number
}

export class JobLogs {
  readonly #options: JobLogsOptions
  #bytes: number | undefined

  constructor(options: JobLogsOptions) {
    this.#options = options
  }

  /** Takes what came with a receipt for the first time. What is not about the receipt's own shards is left out. Never rejects. */
  async keep(receipt: Verified<Receipt>, logs: readonly PageLog[]): Promise<void> {
    const { job, store, isOwn, log, logBytesMax = jobLogBytesMax } = this.#options
    const { lease, covers } = receipt.payload
    if (!isOwn || logs.length === 0) return
    const row = store.journal.get(lease)
    if (row?.job !== job || row.kind !== 'lease') return
    const { vehicle, positions } = openLease(row, sha256, () => true).payload
    if (vehicle !== receipt.signer) return
    const pages = logs
      .filter(({ place }) => covers.includes(place))
      .map(({ place, page, text }) => ({ position: positions[place]!, page, text }))
    const bytes = encodeKeptLog({ receipt: receipt.id, pages })
    const mine = store.blocks.of(job)
    this.#bytes ??= mine.list('log').reduce((sum, cid) => sum + (mine.size(cid) ?? 0), 0)
    if (pages.length === 0 || this.#bytes + bytes.byteLength > logBytesMax) return
    this.#bytes += bytes.byteLength
    await mine
      .put(cidOf('dag-cbor', bytes), bytes, 'log')
      .catch((error) => log.debug({ job, error }, 'what a module wrote to stderr was not kept'))
  }
}
