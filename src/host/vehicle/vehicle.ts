/**
 * The vehicle: carries out what the worker (src/protocol/worker) decides, with slots, blocks and signatures.
 */
import { randomBytes } from 'node:crypto'
import type { Logger } from 'pino'
import { encodeCbor } from '../../protocol/block.ts'
import type { JobId, LeaseId, PeerId } from '../../protocol/ids.ts'
import { type Manifest, openManifest } from '../../protocol/job.ts'
import { type Lease, openLease } from '../../protocol/lease.ts'
import { encodeMessage, type Message } from '../../protocol/message.ts'
import { encodeBody, type SignedRecord, type Verified } from '../../protocol/record.ts'
import type { WorkerEffect, WorkerInput, WorkerMode, WorkerView } from '../../protocol/worker/contract.ts'
import { Worker } from '../../protocol/worker/worker.ts'
import type { EngineDescription } from '../../runtimes/messages.ts'
import { SlotKilled } from '../executor/contract.ts'
import type { Executor } from '../executor/executor.ts'
import type { Slot } from '../executor/slot.ts'
import type { Network } from '../network/network.ts'
import { Outbox } from '../outbox.ts'
import { MissingBlocks, Provisions } from '../provisions.ts'
import { sha256 } from '../sha256.ts'
import { type SigningKey, verifyByPeerId } from '../store/keys.ts'
import type { Store } from '../store/store.ts'
import { HandOver } from './hand-over.ts'
import { LeaseRun } from './lease-run.ts'
import { Speedometer } from './speedometer.ts'

export interface VehicleOptions {
  readonly key: SigningKey
  readonly network: Network
  readonly store: Store
  readonly executor: Executor
  readonly engines: readonly EngineDescription[]
  readonly slots: number
  readonly log: Logger
  /** Free slots or the mode changed. */
  readonly onChange: () => void
}

const workerRole = 'worker'

export class Vehicle {
  readonly speed: Speedometer
  readonly #options: VehicleOptions
  readonly #worker: Worker
  readonly #provisions: Provisions
  readonly #slots: Slot[]
  readonly #runs: (LeaseRun | undefined)[]
  readonly #outbox: Outbox
  /** Leases under way, by job: with the last of them go the job's documents. */
  readonly #jobOf = new Map<LeaseId, JobId>()
  /** Who may read the results of which job: its stewards. */
  readonly #readers = new Map<JobId, ReadonlySet<PeerId>>()
  readonly #handOver = new HandOver()
  #timer: NodeJS.Timeout | undefined
  #stopped = false

  constructor(options: VehicleOptions) {
    const { key, network, store, executor, engines, slots, log } = options
    this.#options = options
    const serial = store.journal.nextSerial('receipt')
    this.#worker = new Worker(
      { self: key.peerId, slots, engines, secret: randomBytes(32), sha256 },
      // The worker counts by itself; a restart begins above all that an earlier run can have used.
      serial * receiptsBetweenRestarts,
    )
    this.#provisions = new Provisions(network, store.blocks, log)
    this.#slots = Array.from({ length: slots }, () => executor.openSlot())
    this.#runs = this.#slots.map(() => undefined)
    this.#outbox = new Outbox((error) =>
      log.fatal({ error }, 'the vehicle cannot keep its receipts and stops'),
    )
    this.speed = new Speedometer(store.journal)
    for (const row of store.journal.listJobs(workerRole))
      this.#readers.set(row.job, new Set((row.state as { stewards: PeerId[] }).stewards))
  }

  view(): WorkerView {
    return this.#worker.view()
  }

  /** Whether this peer looks after the job, and may therefore read its results. */
  mayRead(peer: PeerId, job: JobId): boolean {
    const may = this.#readers.get(job)?.has(peer) ?? false
    if (may) this.#handOver.asked()
    return may
  }

  setMode(mode: WorkerMode): void {
    this.#handle({ type: 'mode', mode })
  }

  /** Takes what a steward says to vehicles. Throws ProtocolError for records that do not hold. */
  hear(from: PeerId, message: Message): void {
    if (message.type === 'acknowledge') this.#handOver.answered(message.receipt)
    if (message.type === 'ended') this.#handOver.ended(from)
    if (message.type === 'offer') this.#offered(from, message.manifest, message.lease)
    else if (message.type === 'acknowledge') this.#handle({ ...message, from })
    else if (message.type === 'withdraw') this.#handle({ ...message, from })
    else if (message.type === 'ended') this.#handle({ ...message, from })
  }

  connected(peer: PeerId): void {
    this.#handle({ type: 'connected', peer })
  }

  /** Stands still, hands in what is done, and resolves when stewards have it, or take too long. */
  async stop(): Promise<void> {
    this.setMode('stop')
    await this.#outbox.idle()
    await this.#handOver.finished()
    this.#stopped = true
    clearTimeout(this.#timer)
    await this.#outbox.idle()
  }

  #offered(from: PeerId, manifestRecord: SignedRecord, leaseRecord: SignedRecord): void {
    const manifest = openManifest(manifestRecord, sha256, verifyByPeerId)
    const lease = openLease(leaseRecord, sha256, verifyByPeerId)
    this.#handle({ type: 'offer', from, manifest, lease })
    if (this.#worker.lease(lease.id) !== undefined) this.#admitReaders(manifest.id, manifest.payload)
  }

  #admitReaders(job: JobId, manifest: Manifest): void {
    if (this.#readers.has(job)) return
    const stewards = manifest.stewards.map((steward) => steward.peer)
    this.#readers.set(job, new Set(stewards))
    this.#options.store.journal.putJob({
      job,
      role: workerRole,
      state: { stewards, deadlineMs: manifest.deadlineMs },
      createdAtMs: Date.now(),
      endedAtMs: null,
    })
  }

  #handle(input: WorkerInput): void {
    if (this.#stopped) return
    for (const effect of this.#worker.handle(input, Date.now())) this.#carryOut(effect)
  }

  #carryOut(effect: WorkerEffect): void {
    switch (effect.type) {
      case 'issue':
        this.#issue(effect)
        break
      case 'deliver':
        this.#outbox.after(() => this.#deliver(effect))
        break
      case 'send':
        this.#outbox.after(() => this.#say(effect.to, effect.message))
        break
      case 'prepare':
        void this.#prepare(effect.lease)
        break
      case 'run':
        void this.#run(effect.lease, effect.slot)
        break
      case 'drain':
        this.#runs[effect.slot]?.drain()
        break
      case 'abort':
        this.#abort(effect.slot)
        break
      case 'release':
        this.#release(effect.lease)
        break
      case 'forget':
        this.#forget(effect.job)
        break
      case 'advertise':
        this.#options.onChange()
        break
      case 'wake':
        this.#wakeAt(effect.atMs)
        break
    }
  }

  #issue({ id, body, opening }: Extract<WorkerEffect, { type: 'issue' }>): void {
    const { key, store } = this.#options
    const bytes = encodeBody(body)
    this.#outbox.persist(
      store.journal.appendSoon({
        id,
        job: body.job,
        kind: body.kind,
        body: bytes,
        signature: key.sign(bytes),
        extra: encodeCbor(opening),
      }),
    )
  }

  async #deliver({
    to,
    receipt,
    opening,
    released,
  }: Extract<WorkerEffect, { type: 'deliver' }>): Promise<void> {
    const record = this.#options.store.journal.get(receipt)
    if (record === undefined) return // the job was forgotten in the meantime
    const { body, signature } = record
    this.#handOver.told(to, receipt)
    this.#say(to, { type: 'receipt', record: { body, signature }, opening, released })
  }

  /** What cannot be said now is said again: receipts on reconnection, progress at the next interval. */
  #say(to: PeerId, message: Message): void {
    const { network, log } = this.#options
    const sent = network.send(to, encodeMessage(message)).catch((error) => {
      log.debug({ to, message: message.type, error }, 'a message to a steward was not delivered')
    })
    this.#handOver.saying(sent)
  }

  async #prepare(id: LeaseId): Promise<void> {
    const held = this.#worker.lease(id)
    if (held === undefined) return
    this.#jobOf.set(id, held.manifest.id)
    try {
      await this.#provisions.ofLease(held.manifest, held.lease, held.lease.signer)
      this.#handle({ type: 'prepared', lease: id })
    } catch (error) {
      const why = error instanceof MissingBlocks ? 'missing-blocks' : 'wrong-blocks'
      this.#options.log.info({ lease: id, error }, 'a lease could not be prepared')
      this.#handle({ type: 'unprepared', lease: id, why })
    }
  }

  async #run(id: LeaseId, index: number, isRepaired = false): Promise<void> {
    const held = this.#worker.lease(id)
    if (held === undefined) return
    const { manifest, lease } = held
    const { store, log } = this.#options
    const run = new LeaseRun({
      slot: this.#slots[index]!,
      manifest,
      lease,
      blocks: store.blocks,
      provisions: this.#provisions,
      onShard: (done) => {
        if (this.#runs[index] !== run) return
        this.speed.measure(manifest.payload, done.wallMs)
        this.#handle({ type: 'shard-done', lease: id, ...done })
      },
    })
    this.#runs[index] = run
    let failed = false
    try {
      await run.run()
    } catch (error) {
      failed = !(error instanceof SlotKilled)
      if (failed) log.warn({ lease: id, error }, 'a lease failed on this vehicle')
    }
    if (this.#runs[index] !== run) return
    // A block that the disk has damaged is fetched again before the lease is given up, and that only once.
    if (failed && !isRepaired && (await this.#repair(manifest, lease)) && this.#runs[index] === run)
      return this.#run(id, index, true)
    if (this.#runs[index] !== run) return
    this.#runs[index] = undefined
    this.#handle({ type: 'run-ended', lease: id })
  }

  async #repair(manifest: Verified<Manifest>, lease: Verified<Lease>): Promise<boolean> {
    try {
      return await this.#provisions.repair(manifest, lease, lease.signer)
    } catch (error) {
      this.#options.log.info({ lease: lease.id, error }, 'damaged blocks could not be fetched again')
      return false
    }
  }

  /** Frozen first: that takes effect within a millisecond, the end of a process within tens. */
  #abort(index: number): void {
    this.#runs[index] = undefined
    const slot = this.#slots[index]!
    slot.freeze()
    void slot.kill().then(() => slot.resume())
  }

  /** A vehicle keeps nobody's documents longer than it needs them. */
  #release(lease: LeaseId): void {
    const job = this.#jobOf.get(lease)
    this.#jobOf.delete(lease)
    if (job === undefined || [...this.#jobOf.values()].includes(job)) return
    const { blocks } = this.#options.store
    blocks.dropAll(blocks.blocksOf(job, 'input'), { kind: 'input', job })
  }

  #forget(job: JobId): void {
    const { store, log } = this.#options
    this.#readers.delete(job)
    this.#outbox.after(async () => {
      store.journal.deleteJob(job)
      await store.blocks.release(job).catch((error) => log.warn({ job, error }, 'blocks were not released'))
    })
  }

  #wakeAt(atMs: number): void {
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => this.#handle({ type: 'wake' }), Math.max(0, atMs - Date.now())).unref()
  }
}

/** More receipts than one run of a node signs before it asks the journal for the next number: a year at 1/s. */
const receiptsBetweenRestarts = 2 ** 25
