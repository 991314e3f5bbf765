/**
 * The vehicle: carries out what the worker (src/protocol/worker) decides, with slots, blocks and signatures.
 */
import { randomBytes } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import type { Logger } from 'pino'
import { ProtocolError } from '../../protocol/errors.ts'
import type { JobId, LeaseId, PeerId } from '../../protocol/ids.ts'
import { type Handover, openHandover } from '../../protocol/job/handover.ts'
import { type Lease, type Opening, openingSchema, openLease, type Receipt } from '../../protocol/job/lease.ts'
import { type Manifest, openManifest } from '../../protocol/job/manifest.ts'
import { documentBytesOf } from '../../protocol/job/shard.ts'
import { jobRetentionMs, openingBytesMax } from '../../protocol/limits.ts'
import { encodeMessage, type Message } from '../../protocol/message.ts'
import { type Ask, unitsOf } from '../../protocol/price.ts'
import { decodeCbor, encodeCbor, reopenCbor } from '../../protocol/record/block.ts'
import { encodeBody, type SignedRecord, type Verified } from '../../protocol/record/record.ts'
import type { RecordKind } from '../../protocol/records.ts'
import type {
  EnergyRate,
  WorkerEffect,
  WorkerInput,
  WorkerMode,
  WorkerView,
} from '../../protocol/worker/contract.ts'
import { Worker } from '../../protocol/worker/worker.ts'
import type { EngineDescription } from '../../runtimes/messages.ts'
import type { Clock } from '../clock.ts'
import { SlotKilled } from '../executor/contract.ts'
import type { Executor } from '../executor/executor.ts'
import type { Slot } from '../executor/slot.ts'
import { Earnings } from '../ledger/earnings.ts'
import type { Network } from '../network/network.ts'
import { unwrapAsCandidate } from '../sealing/blind-keys.ts'
import { sha256 } from '../sha256.ts'
import { type SigningKey, verifyByPeerId } from '../store/keys.ts'
import { Outbox } from '../store/outbox.ts'
import type { Store } from '../store.ts'
import { HandOver } from './hand-over.ts'
import { LeaseRun } from './lease-run.ts'
import { MissingBlocks, Provisions } from './provisions.ts'
import { restoredJobs, type WorkerJobState, workerRole } from './restore.ts'
import { Room } from './room.ts'
import { Speedometer } from './speedometer.ts'

export interface VehicleOptions {
  readonly key: SigningKey
  readonly network: Network
  readonly store: Store
  readonly executor: Executor
  readonly engines: readonly (EngineDescription & {
    /** What a unit of its work costs; null: nothing. */
    readonly ask: Ask | null
  })[]
  /** Of jobs that its owner lets in; null: all. */
  readonly categories: readonly string[] | null
  readonly slots: number
  readonly clock: Clock
  readonly log: Logger
  /** Free slots or the mode changed. */
  readonly onChange: () => void
}

/** What came with the input that the worker handles: records to keep, should it take them up. */
interface Brought {
  readonly manifest: { readonly record: SignedRecord; readonly content: Verified<Manifest> }
  readonly handovers: readonly { readonly record: SignedRecord; readonly content: Verified<Handover> }[]
  readonly lease?: {
    readonly record: SignedRecord
    readonly content: Verified<Lease>
    readonly keys: readonly Uint8Array[]
  }
}

export class Vehicle {
  readonly speed: Speedometer
  readonly earnings: Earnings
  readonly #options: VehicleOptions
  readonly #worker: Worker
  readonly #provisions: Provisions
  readonly #slots: Slot[]
  readonly #runs: (LeaseRun | undefined)[]
  readonly #outbox: Outbox
  readonly #room: Room
  readonly #jobs = new Map<JobId, WorkerJobState>()
  #brought: Brought | undefined
  /** Of the shards of leases that this run took; older ones are in the journal. */
  readonly #keys = new Map<LeaseId, readonly Uint8Array[]>()
  /** Of leases whose blocks are being fetched: what ends their fetches. */
  readonly #fetching = new Map<LeaseId, AbortController>()
  readonly #handOver = new HandOver()
  #callOff = () => {}
  #stopped = false

  constructor(options: VehicleOptions) {
    const { key, network, store, executor, engines, categories, slots, log } = options
    this.#options = options
    const serial = store.journal.nextSerial('receipt')
    this.#worker = new Worker(
      { self: key.peerId, slots, engines, categories, secret: randomBytes(32), sha256 },
      // The worker counts by itself; a restart begins above all that an earlier run can have used.
      serial * receiptsBetweenRestarts,
    )
    this.#provisions = new Provisions(network, store.blocks, log)
    this.#slots = Array.from({ length: slots }, () => executor.openSlot())
    this.#runs = this.#slots.map(() => undefined)
    this.#outbox = new Outbox((error) =>
      log.fatal({ error }, 'the vehicle cannot keep its receipts and stops'),
    )
    this.#room = new Room({
      space: () => store.directory.space(),
      onChange: (enough) => {
        if (enough) store.directory.restoreBallast()
        else log.warn('the disk is full: this vehicle takes no work until there is room')
        this.#handle({ type: 'room', enough })
      },
    })
    this.earnings = new Earnings({
      self: key.peerId,
      books: store.books,
      tables: store.ledgerTables,
      say: (to, message) => this.#say(to, message),
      persist: (write) => this.#persist(write),
      after: (action) => this.#outbox.after(action),
      log,
    })
    this.speed = new Speedometer(store.journal)
    for (const { job, state } of store.journal.listJobs(workerRole))
      this.#jobs.set(job, state as WorkerJobState)
  }

  /** Takes up what the last run left. Call once the node can be reached. */
  restore(): void {
    const { store, key } = this.#options
    const jobs = restoredJobs(store, key.peerId)
    const nowMs = this.#options.clock.now()
    this.#room.look()
    this.earnings.restore(nowMs)
    for (const effect of this.#worker.restore(jobs, nowMs)) this.#carryOut(effect)
    // Its stewards have forgotten it, too, and nobody will say that it is over.
    for (const { manifest } of jobs)
      if (manifest.payload.deadlineMs + jobRetentionMs < nowMs) this.#forget(manifest.id)
    // Whoever came in the meantime would not come again.
    for (const peer of this.#options.network.connectedPeers()) this.connected(peer)
  }

  view(): WorkerView {
    return this.#worker.view()
  }

  /** Whether this peer looks after the job, and may therefore read its results. */
  mayRead(peer: PeerId, job: JobId): boolean {
    const may = this.#jobs.get(job)?.stewards.includes(peer) ?? false
    if (may) this.#handOver.asked()
    return may
  }

  /** What the fleet's charter lets its operator keep, in parts per million. */
  setOperatorShare(ppm: number): void {
    this.#handle({ type: 'operator-share', ppm })
  }

  setMode(mode: WorkerMode): void {
    this.#handle({ type: 'mode', mode })
  }

  /** Until when it will probably be there; null: nobody knows. */
  setAvailable(untilMs: number | null): void {
    this.#handle({ type: 'available', untilMs })
  }

  setEnergyRate(rate: EnergyRate): void {
    this.#handle({ type: 'energy', rate })
  }

  /** Takes what a steward says to vehicles. Throws ProtocolError for records that do not hold. */
  hear(from: PeerId, message: Message): void {
    if (message.type === 'acknowledge') this.#handOver.answered(message.receipt)
    if (message.type === 'ended') this.#handOver.ended(from)
    if (message.type === 'offer') this.#offered(from, message)
    else if (message.type === 'adopt') this.#adopted(from, message)
    else if (message.type === 'acknowledge') this.#handle({ ...message, from })
    else if (message.type === 'withdraw') this.#handle({ ...message, from })
    else if (message.type === 'ended') this.#handle({ ...message, from })
    else if (message.type === 'statement') this.earnings.hear(from, message)
  }

  connected(peer: PeerId): void {
    this.#handle({ type: 'connected', peer })
    this.earnings.connected(peer)
  }

  /** Stands still, hands in what is done, and resolves when stewards have it, or take too long. */
  async stop(): Promise<void> {
    this.setMode('stop')
    await Promise.race([this.#outbox.idle(), delay(durableMsMax, undefined, { ref: false })])
    await this.#handOver.finished()
    this.#stopped = true
    this.#callOff()
    this.#room.close()
    this.earnings.stop()
    await this.#outbox.idle()
  }

  #offered(from: PeerId, message: Extract<Message, { type: 'offer' }>): void {
    const brought = broughtWith(message)
    const lease = openLease(message.lease, sha256, verifyByPeerId)
    if (message.keys.length !== lease.payload.shards.length)
      throw new ProtocolError({ code: 'malformed', what: 'offer', why: 'not a key for each of its shards' })
    const keys = this.#unwrapped(brought.manifest.content.payload, message.keys)
    this.#brought = { ...brought, lease: { record: message.lease, content: lease, keys } }
    this.#handle({ type: 'offer', from, lease, ...contentsOf(brought) })
    this.#brought = undefined
  }

  /** A blind job's came wrapped by its submitter, for this vehicle. Throws ProtocolError. */
  #unwrapped({ blind }: Manifest, keys: readonly Uint8Array[]): readonly Uint8Array[] {
    if (blind === null) return keys
    try {
      return unwrapAsCandidate(this.#options.key, blind.key, keys)
    } catch (error) {
      throw new ProtocolError({ code: 'malformed', what: 'offer', why: (error as Error).message })
    }
  }

  #adopted(from: PeerId, message: Extract<Message, { type: 'adopt' }>): void {
    this.#brought = broughtWith(message)
    this.#handle({ type: 'adopt', from, ...contentsOf(this.#brought) })
    this.#brought = undefined
  }

  /** Keeps what the worker took up, and lets the stewards that it now knows of read the job's results. */
  #take(steward: PeerId | null): void {
    const { manifest, handovers, lease } = this.#brought!
    const job = manifest.content.id
    this.#append('manifest', job, manifest)
    for (const handover of handovers) this.#append('handover', job, handover)
    if (lease !== undefined) {
      this.#keys.set(lease.content.id, lease.keys)
      this.#append('lease', job, lease, encodeCbor(lease.keys))
    }

    const stewards = this.#worker.stewardsOf(job)
    this.earnings.took(manifest, handovers, lease, stewards)
    const known = this.#jobs.get(job)
    const state = { stewards, steward: steward ?? known?.steward ?? null }
    if (known?.stewards.length === stewards.length && known.steward === state.steward) return
    this.#jobs.set(job, state)
    const row = { job, role: workerRole, state, createdAtMs: this.#options.clock.now(), endedAtMs: null }
    this.#persist(() => this.#options.store.journal.putJobSoon(row))
  }

  #append(
    kind: RecordKind,
    job: JobId,
    { record, content }: { readonly record: SignedRecord; readonly content: Verified },
    extra: Uint8Array | null = null,
  ): void {
    const { body, signature } = record
    const row = { id: content.id, job, kind, body, signature, extra }
    this.#persist(() => this.#options.store.journal.appendSoon(row))
  }

  /** What is behind it waits until it is durable, on a full disk until there is room. */
  #persist(write: () => Promise<unknown>): void {
    this.#outbox.persist(this.#room.keep(write))
  }

  #handle(input: WorkerInput): void {
    if (this.#stopped) return
    for (const effect of this.#worker.handle(input, this.#options.clock.now())) this.#carryOut(effect)
  }

  #carryOut(effect: WorkerEffect): void {
    switch (effect.type) {
      case 'take':
        this.#take(null)
        break
      case 'follow':
        this.#take(effect.steward)
        break
      case 'issue':
        this.#issue(effect)
        break
      case 'deliver':
        this.#outbox.after(() => this.#deliver(effect))
        break
      case 'show':
        this.#outbox.after(() => this.#show(effect.to, effect.lease))
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
        this.#release(effect)
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
    const row = {
      id,
      job: body.job,
      kind: 'receipt' as const,
      body: bytes,
      signature: key.sign(bytes),
      extra: encodeCbor(opening),
    }
    this.#persist(() => store.journal.appendSoon(row))
    this.earnings.signed(row, { ...body, id } as Verified<Receipt>)
  }

  #deliver({ to, receipt, released }: Extract<WorkerEffect, { type: 'deliver' }>): void {
    const kept = this.#options.store.journal.get(receipt)
    if (kept === undefined) return // the job was forgotten in the meantime
    const { body, signature, extra } = kept
    const opening: Opening = openingSchema.parse(decodeCbor('opening', extra!, openingBytesMax))
    this.#handOver.told(to, receipt)
    this.#say(to, { type: 'receipt', record: { body, signature }, opening, released })
  }

  #show(to: PeerId, lease: LeaseId): void {
    const kept = this.#options.store.journal.get(lease)
    if (kept === undefined) return
    const { job, body, signature } = kept
    if (job !== null) this.#say(to, { type: 'record', job, record: { body, signature }, opening: null })
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
    const { signal } = this.#fetch(id)
    try {
      await this.#provisions.ofLease(held, signal)
      await this.#checkUnits(held)
      this.#handle({ type: 'prepared', lease: id })
    } catch (error) {
      if (signal.aborted) return
      const why = this.#room.lostBy(error)
        ? 'no-space'
        : error instanceof MissingBlocks
          ? 'missing-blocks'
          : 'wrong-blocks'
      this.#options.log.info({ lease: id, error }, 'a lease could not be prepared')
      this.#handle({ type: 'unprepared', lease: id, why })
    }
  }

  /** Throws ProtocolError when the lease would pay for other work than its shards are. */
  async #checkUnits({
    manifest,
    lease,
  }: {
    readonly manifest: Verified<Manifest>
    readonly lease: Verified<Lease>
  }): Promise<void> {
    const unit = manifest.payload.payment?.unit ?? 'page'
    for (const [place, cid] of lease.payload.shards.entries()) {
      const shard = await this.#provisions.shard(cid)
      const units = unitsOf({ pages: shard.pages.length, bytes: documentBytesOf(shard) }, unit)
      const counted = lease.payload.units[place]
      if (counted !== units)
        throw new ProtocolError({
          code: 'malformed',
          what: 'lease',
          why: `it counts ${counted} units in shard ${cid}, which has ${units}`,
        })
    }
  }

  async #run(id: LeaseId, index: number, isRepaired = false): Promise<void> {
    const held = this.#worker.lease(id)
    if (held === undefined) return
    const { manifest, lease, finished } = held
    const { store, log } = this.#options
    const run = new LeaseRun({
      slot: this.#slots[index]!,
      manifest,
      lease,
      keys: this.#keysOf(id),
      finished,
      blocks: store.blocks.of(manifest.id),
      journal: store.journal,
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
      failed = !(error instanceof SlotKilled) && !this.#room.lostBy(error)
      if (failed) log.warn({ lease: id, error }, 'a lease failed on this vehicle')
    }
    if (this.#runs[index] !== run) return
    // A block that the disk has damaged is fetched again before the lease is given up, and that only once.
    if (failed && !isRepaired && (await this.#repair(id)) && this.#runs[index] === run)
      return this.#run(id, index, true)
    if (this.#runs[index] !== run) return
    this.#runs[index] = undefined
    this.#handle({ type: 'run-ended', lease: id })
  }

  #keysOf(lease: LeaseId): readonly Uint8Array[] {
    return this.#keys.get(lease) ?? reopenCbor(this.#options.store.journal.get(lease)!.extra!)
  }

  async #repair(id: LeaseId): Promise<boolean> {
    const held = this.#worker.lease(id)
    if (held === undefined) return false
    const { signal } = this.#fetch(id)
    try {
      return await this.#provisions.repair(held, signal)
    } catch (error) {
      this.#options.log.info({ lease: id, error }, 'damaged blocks could not be fetched again')
      return false
    }
  }

  #fetch(id: LeaseId): AbortController {
    const known = this.#fetching.get(id) ?? new AbortController()
    this.#fetching.set(id, known)
    return known
  }

  /** Frozen first: that takes effect within a millisecond, the end of a process within tens. */
  #abort(index: number): void {
    this.#runs[index] = undefined
    const slot = this.#slots[index]!
    slot.freeze()
    void slot.kill().then(() => slot.resume())
  }

  /** A vehicle keeps nobody's documents longer than it needs them. */
  #release({ job, lease, reason }: Extract<WorkerEffect, { type: 'release' }>): void {
    const { blocks, journal } = this.#options.store
    this.#persist(() => journal.endLeaseSoon(job, lease, reason))
    this.#keys.delete(lease)
    this.#fetching.get(lease)?.abort(new Error('the lease is over'))
    this.#fetching.delete(lease)
    // Who looks after the job as well hands its documents out.
    if (this.#worker.works(job) || journal.rolesIn(job).some((role) => role !== workerRole)) return
    try {
      blocks.of(job).dropAll('input')
    } catch (error) {
      if (!this.#room.lostBy(error)) throw error // they go with the job
    }
  }

  #forget(job: JobId): void {
    const { store, log } = this.#options
    this.#jobs.delete(job)
    const forgotten = () =>
      this.#room
        .keep(() => store.forget(job, workerRole))
        .catch((error) =>
          log.warn({ job, error }, 'a job was not forgotten; its blocks go at the next start'),
        )
    this.#outbox.after(forgotten)
  }

  #wakeAt(atMs: number): void {
    const { clock } = this.#options
    this.#callOff()
    this.#callOff = clock.after(atMs - clock.now(), () => this.#handle({ type: 'wake' }))
  }
}

/** Of the five seconds in which a node ends: longer than any disk takes that has room. A guess. */
const durableMsMax = 1_500

/** More receipts than one run of a node signs before it asks the journal for the next number: a year at 1/s. */
const receiptsBetweenRestarts = 2 ** 25

/** Throws ProtocolError. */
function broughtWith(message: {
  readonly manifest: SignedRecord
  readonly handovers: readonly SignedRecord[]
}): Brought {
  return {
    manifest: { record: message.manifest, content: openManifest(message.manifest, sha256, verifyByPeerId) },
    handovers: message.handovers.map((record) => ({
      record,
      content: openHandover(record, sha256, verifyByPeerId),
    })),
  }
}

function contentsOf({ manifest, handovers }: Brought) {
  return { manifest: manifest.content, handovers: handovers.map(({ content }) => content) }
}
