/**
 * Keeps a vehicle's records of its jobs: those of leases and receipts, the keys of shards, and the stewards that may
 * read its results. Each write is started at once, and messages that follow it wait for it (store/outbox.ts).
 */
import type { Logger } from 'pino'
import type { JobId, LeaseId, PeerId, RecordId } from '../../protocol/ids.ts'
import type { Issued } from '../../protocol/issuer.ts'
import { type Lease, openingSchema, type Receipt } from '../../protocol/job/lease.ts'
import type { Message } from '../../protocol/message.ts'
import { decodeCbor, encodeCbor, reopenCbor } from '../../protocol/record/block.ts'
import type { SignedRecord, Verified } from '../../protocol/record/record.ts'
import type { RecordKind } from '../../protocol/records.ts'
import { openingBytesMax } from '../../protocol/sizes.ts'
import type { WorkerEffect } from '../../protocol/worker/contract.ts'
import type { Worker } from '../../protocol/worker/worker.ts'
import type { Clock } from '../clock.ts'
import type { ReceivablesDriver, Signed } from '../ledger/receivables-driver.ts'
import type { SigningKey } from '../store/keys.ts'
import type { Outbox } from '../store/outbox.ts'
import type { Store } from '../store.ts'
import { IdleWeights } from './idle-weights.ts'
import type { Brought } from './offers.ts'
import { type WorkerJobState, workerRole } from './restore.ts'
import type { Room } from './room.ts'
import { ShardLogs } from './shard-logs.ts'

export interface LeaseRecordsOptions {
  readonly key: SigningKey
  readonly store: Store
  readonly earnings: ReceivablesDriver
  readonly clock: Clock
  readonly outbox: Outbox
  readonly room: Room
  readonly log: Logger
  /** Tells whether leases of the job are under way. */
  readonly works: Worker['works']
}

export class LeaseRecords {
  readonly logs = new ShardLogs()
  readonly #options: LeaseRecordsOptions
  readonly #jobs = new Map<JobId, WorkerJobState>()
  /** The keys of the shards of leases that this run took; older ones are in the journal. */
  readonly #keys = new Map<LeaseId, readonly Uint8Array[]>()
  readonly #weights: IdleWeights
  /** Jobs for which this run has signed something; that of older runs is in the journal. */
  readonly #signed = new Set<JobId>()

  constructor(options: LeaseRecordsOptions) {
    this.#options = options
    const { clock, store } = options
    this.#weights = new IdleWeights({
      clock,
      blocks: store.blocks,
      isWanted: (job) => this.#isWanted(job),
      onFailure: (job, error) => this.#weightsStay(job, error),
    })
    for (const { job, state } of store.journal.listJobs(workerRole))
      this.#jobs.set(job, state as WorkerJobState)
  }

  mayRead(peer: PeerId, job: JobId): boolean {
    return this.#jobs.get(job)?.stewards.includes(peer) ?? false
  }

  /**
   * Keeps what the worker took up, and lets the stewards that it now knows of read the job's results. `adopters`: those
   * that have adopted the job, where one did just now.
   */
  take(
    { manifest, handovers, lease }: Brought,
    stewards: readonly PeerId[],
    adopters?: readonly PeerId[],
  ): void {
    const { store, earnings, clock } = this.#options
    const job = manifest.content.id
    this.#append('manifest', job, manifest)
    for (const handover of handovers) this.#append('handover', job, handover)
    if (lease !== undefined) {
      this.#keys.set(lease.content.id, lease.keys)
      this.#append('lease', job, lease, encodeCbor(lease.keys))
    }
    earnings.took(manifest, handovers, lease, stewards)
    const known = this.#jobs.get(job)
    const state = { stewards, adopters: adopters ?? known?.adopters ?? [] }
    if (known?.stewards.length === stewards.length && known.adopters?.join() === state.adopters.join()) return
    this.#jobs.set(job, state)
    const row = { job, role: workerRole, state, createdAtMs: clock.now(), endedAtMs: null }
    this.#persist(() => store.journal.putJobSoon(row))
  }

  issue({ issued: { kind, record, opening }, body }: Issued<'receipt'>): void {
    const { key, store, earnings } = this.#options
    const { id, job } = record
    const row = { id, job, kind, body, signature: key.sign(body), extra: encodeCbor(opening) }
    if (job !== null) this.#signed.add(job)
    this.#persist(() => store.journal.appendSoon(row))
    earnings.signed(row, record)
  }

  /** Undefined when its job was forgotten in the meantime. */
  receipt(
    id: RecordId,
  ):
    | (Pick<Extract<Message, { type: 'receipt' }>, 'record' | 'opening' | 'logs'> & { readonly job: JobId })
    | undefined {
    const kept = this.#options.store.journal.get(id)
    if (kept === undefined || kept.job === null) return undefined
    const { job, body, signature, extra } = kept
    const opening = openingSchema.parse(decodeCbor('opening', extra!, openingBytesMax))
    const { payload } = reopenCbor<{ readonly payload: Receipt }>(body)
    const logs = this.logs.of(payload.lease, payload.covers)
    return { job, record: { body, signature }, opening, ...(logs.length === 0 ? {} : { logs }) }
  }

  lease(id: LeaseId): { readonly job: JobId; readonly record: SignedRecord } | undefined {
    const kept = this.#options.store.journal.get(id)
    if (kept === undefined || kept.job === null) return undefined
    return { job: kept.job, record: { body: kept.body, signature: kept.signature } }
  }

  /** Returns the keys of the lease's shards. */
  keysOf(lease: LeaseId): readonly Uint8Array[] {
    return this.#keys.get(lease) ?? reopenCbor(this.#options.store.journal.get(lease)!.extra!)
  }

  release({ job, lease, reason }: Extract<WorkerEffect, { type: 'release' }>): void {
    this.#persist(() => this.#options.store.journal.leases.endSoon(job, lease, reason))
    this.#keys.delete(lease)
    this.rest(job)
  }

  /**
   * If no lease of the job is under way: a vehicle keeps nobody's documents longer than it needs them, and weights make
   * room for others' after a while. Those of a job for which it has done nothing may be whatever a stranger wanted to fill
   * its disk with, and go at once, as do the job's records.
   */
  rest(job: JobId): void {
    const { store, room } = this.#options
    if (this.#isWanted(job)) return
    const mine = store.blocks.of(job)
    try {
      mine.dropAll('input')
    } catch (error) {
      if (!room.lostBy(error)) throw error // they go with the job
    }
    if (mine.hasAny('result')) this.#weights.idle(job)
    else mine.letGo(['weights'], () => !this.#isWanted(job)).catch((error) => this.#weightsStay(job, error))
    if (!this.#signed.has(job)) this.#options.outbox.after(() => this.#discard(job))
  }

  /** Nothing is kept of a job that came to nothing: offers cost a stranger a message each. */
  async #discard(job: JobId): Promise<void> {
    const { store, earnings, room, log } = this.#options
    const { journal } = store
    const hasWorked = this.#signed.has(job) || journal.hasKind(job, 'receipt')
    if (hasWorked || this.#isWanted(job) || journal.getJob(job, workerRole) === undefined) return
    this.#jobs.delete(job)
    this.#weights.over(job)
    earnings.discard(job)
    await room
      .keep(() => store.forget(job, workerRole))
      .catch((error) => log.warn({ job, error }, 'a job that came to nothing stays until the next start'))
  }

  /** The disk is full. */
  restNow(): void {
    this.#weights.restNow()
  }

  stop(): void {
    this.#weights.stop()
  }

  /** Tells whether the vehicle took the lease, or forgot the job after it took it or one that its signer signed later. */
  isPast({ id, job, signer, serial }: Verified<Lease>): boolean {
    const { journal } = this.#options.store
    return journal.get(id) !== undefined || (job !== null && journal.leases.isPast(job, signer, serial))
  }

  /** `past`: as the effect says. A vehicle that signed nothing for the job may run its leases again. */
  forget(job: JobId, past: ReadonlyMap<PeerId, number> = new Map(), untilMs = 0): void {
    const { store, outbox, room, log, clock } = this.#options
    const { journal } = store
    this.#jobs.delete(job)
    this.#signed.delete(job)
    this.#weights.over(job)
    const forgotten = () =>
      room
        .keep(() => {
          if (past.size > 0 && journal.hasKind(job, 'receipt'))
            journal.leases.notePast(job, past, untilMs, clock.now())
          return store.forget(job, workerRole)
        })
        .catch((error) =>
          log.warn({ job, error }, 'a job was not forgotten; its blocks go at the next start'),
        )
    outbox.after(forgotten)
  }

  /** A node that looks after the job as well hands its documents out. */
  #isWanted(job: JobId): boolean {
    const { works, store } = this.#options
    return works(job) || store.journal.rolesIn(job).some((role) => role !== workerRole)
  }

  #weightsStay(job: JobId, error: unknown): void {
    if (this.#options.room.lostBy(error)) return
    this.#options.log.warn({ job, error }, 'the weights of a job stay until it ends')
  }

  #append(
    kind: RecordKind,
    job: JobId,
    { record, content }: Signed<unknown>,
    extra: Uint8Array | null = null,
  ): void {
    const { body, signature } = record
    const row = { id: content.id, job, kind, body, signature, extra }
    this.#persist(() => this.#options.store.journal.appendSoon(row))
  }

  #persist(write: () => Promise<unknown>): void {
    this.#options.outbox.persist(this.#options.room.keep(write))
  }
}
