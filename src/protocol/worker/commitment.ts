/**
 * Commitment: makes the receipt that a vehicle signs for shards that it has finished. Two receipts of one lease cover
 * different shards, and each has a nonce of its own, derived from a secret, so that a receipt can be made again and
 * not guessed.
 */
import { concat, fromString } from 'uint8arrays'
import { assert } from '../../base/assert.ts'
import type { JobId, LeaseId, PeerId, RecordId } from '../ids.ts'
import { type Issued, Issuer } from '../issuer.ts'
import { type Opening, type Receipt, receiptRoot } from '../job/lease.ts'
import { jobRetentionMs, receiptIntervalMs } from '../limits.ts'
import type { ReleaseReason } from '../message.ts'
import type { EnergyRate, WorkerEffect, WorkerOptions } from './contract.ts'
import type { Held } from './held.ts'
import { type RestoredReceipt, type SignedReceipt, SignedReceipts } from './signed-receipts.ts'

export class Commitments {
  readonly #options: WorkerOptions
  readonly #effects: WorkerEffect[]
  readonly #receipts = new SignedReceipts()
  readonly #guardiansOf: (held: Held) => readonly PeerId[]
  readonly #issuer: Issuer
  /** Receipts since the node was started. */
  signed = 0
  /** Null: not known. */
  energyRate: EnergyRate | null = null

  /** `serial`: one more than that of the last receipt this key ever signed. */
  constructor(
    options: WorkerOptions,
    serial: number,
    effects: WorkerEffect[],
    guardiansOf: (held: Held) => readonly PeerId[],
  ) {
    this.#options = options
    this.#guardiansOf = guardiansOf
    this.#issuer = new Issuer(options.self, options.sha256, serial)
    this.#effects = effects
  }

  restore(receipts: Iterable<RestoredReceipt>): void {
    for (const { receipt, due } of receipts) this.#receipts.add(receipt, due)
  }

  commitIfDue(held: Held, nowMs: number): void {
    if (held.done.length > 0 && nowMs - held.lastReceiptMs >= receiptIntervalMs)
      this.commit(held, null, nowMs)
  }

  /** It is due to each steward that looks after the lease. `released`: why the rest of the lease is given back with it. */
  commit(held: Held, released: ReleaseReason | null, nowMs: number): void {
    const { lease, manifest } = held
    const issue = this.#issue(held)
    const receipt = { id: issue.issued.record.id, job: manifest.id, lease: lease.id, released }
    const guardians = this.#guardiansOf(held)
    this.#receipts.add(receipt, guardians)
    this.#effects.push({ type: 'issue', ...issue })
    for (const to of guardians) this.deliver(receipt, to)
    this.signed += 1
    held.done = []
    held.receipts += 1
    held.lastReceiptMs = nowMs
  }

  deliver({ id, released }: SignedReceipt, to: PeerId): void {
    this.#effects.push({ type: 'deliver', to, receipt: id, released })
  }

  acknowledged(receipt: RecordId, from: PeerId): void {
    this.#receipts.acknowledged(receipt, from)
  }

  deliverDueTo(steward: PeerId): void {
    for (const receipt of this.#receipts.dueTo(steward)) this.deliver(receipt, steward)
  }

  deliverOfLease(lease: LeaseId, to: PeerId): void {
    for (const receipt of this.#receipts.ofLeaseNowDueTo(lease, to)) this.deliver(receipt, to)
  }

  ofJobNowDueTo(job: JobId, steward: PeerId): readonly SignedReceipt[] {
    return this.#receipts.ofJobNowDueTo(job, steward)
  }

  /** This steward does not look after the job any more. */
  dropDue(job: JobId, steward: PeerId): void {
    this.#receipts.dropDue(job, steward)
  }

  forget(job: JobId): void {
    this.#receipts.forget(job)
  }

  /** A receipt for all that is done and in no receipt yet. */
  #issue({ lease, manifest, done, receipts }: Held): Issued<'receipt'> {
    const { sha256, self, secret } = this.#options
    const { id, job, epoch, steward } = lease
    const { shards } = lease.payload
    const finished = [...done].sort((a, b) => a.place - b.place)
    assert(finished.length > 0 && job !== null, 'a receipt covers something of a job')
    const nonce = sha256(concat([secret, fromString(`nonce/${id}/${receipts}`)]))
    const opening: Opening = { results: finished.map(({ result }) => result), nonce }
    const covers = finished.map(({ place }) => place)
    const units = finished.flatMap((shard) => shard.units ?? [])
    const cpuMs = finished.reduce((sum, shard) => sum + shard.cpuMs, 0)
    const payload: Receipt = {
      lease: id,
      covers,
      root: receiptRoot(sha256, { id, job, worker: self, shards }, covers, opening),
      ...(units.length === 0 ? {} : { units }),
      cpuMs: Math.round(cpuMs),
      wallMs: Math.round(finished.reduce((sum, shard) => sum + shard.wallMs, 0)),
      energy: energyOf(cpuMs, this.energyRate),
    }
    const expiresMs = manifest.payload.deadlineMs + jobRetentionMs
    return this.#issuer.issue('receipt', { job, epoch, steward, expiresMs, payload }, opening)
  }
}

function energyOf(cpuMs: number, rate: EnergyRate | null): Receipt['energy'] {
  if (rate === null) return null
  return { joules: Math.round((cpuMs / 1_000) * rate.joulesPerCpuSecond), basis: rate.basis }
}
