/**
 * Drives the worker (src/protocol/worker): carries out what it decides for this node's vehicle. Its records are in lease-records.ts, its
 * slots and blocks in workshop.ts, and its departure in departure.ts.
 */
import { setTimeout as delay } from 'node:timers/promises'
import { carryOut, type Hands } from '../../protocol/driver.ts'
import type { JobId, PeerId } from '../../protocol/ids.ts'
import { jobRetentionMs } from '../../protocol/limits.ts'
import type { Message } from '../../protocol/message.ts'
import type {
  EnergyRate,
  WorkerEffect,
  WorkerInput,
  WorkerMode,
  WorkerView,
} from '../../protocol/worker/contract.ts'
import type { Worker } from '../../protocol/worker/worker.ts'
import { at, ClockSteps } from '../clock.ts'
import { EndNews } from '../ledger/end-news.ts'
import { ReceivablesDriver } from '../ledger/receivables-driver.ts'
import { say } from '../say.ts'
import { Outbox } from '../store/outbox.ts'
import { Departure } from './departure.ts'
import { type Ears, hearSteward, type Said } from './hearing.ts'
import { LeaseRecords } from './lease-records.ts'
import type { Brought } from './offers.ts'
import { newWorker, type WorkerDriverOptions } from './options.ts'
import { restoredJobs, tellKept } from './restore.ts'
import { Room } from './room.ts'
import { Speedometer } from './speedometer.ts'
import { Workshop } from './workshop.ts'

/** A node ends within five seconds. Its disk may take this much of them, longer than any disk with room takes. A guess. */
const durableMsMax = 1_500

export class WorkerDriver {
  readonly speed: Speedometer
  readonly earnings: ReceivablesDriver
  readonly #endNews: EndNews
  readonly #options: WorkerDriverOptions
  readonly #worker: Worker
  readonly #workshop: Workshop
  readonly #records: LeaseRecords
  readonly #outbox: Outbox
  readonly #room: Room
  readonly #departure = new Departure()
  readonly #ears: Ears
  /** Came with the input that the worker handles. */
  #brought: Brought | undefined
  readonly #steps: ClockSteps
  #callOff = () => {}
  #stopped = false

  constructor(options: WorkerDriverOptions) {
    const { key, store, log } = options
    this.#options = options
    this.#steps = new ClockSteps(options.clock)
    this.#worker = newWorker(options)
    this.#outbox = new Outbox((error) =>
      log.fatal({ error }, 'the vehicle cannot keep its receipts and stops'),
    )
    this.#room = new Room({
      space: () => store.directory.space(),
      onChange: (enough) => {
        if (enough) store.directory.restoreBallast()
        else {
          this.#records.restNow()
          log.warn('the disk is full: this vehicle takes no work until there is room')
        }
        this.#handle({ type: 'room', enough })
      },
    })
    this.earnings = new ReceivablesDriver({
      self: key.peerId,
      books: store.books,
      tables: store.ledgerTables,
      database: store.database,
      say: (to, message) => this.#say(to, message),
      // On a full disk until there is room.
      persist: (write) => this.#outbox.persist(this.#room.keep(write)),
      after: (action) => this.#outbox.after(action),
      clock: options.clock,
      news: options.news,
      log,
    })
    this.#endNews = new EndNews(store.books, key.peerId, log)
    this.speed = new Speedometer(store.journal, options.clock)
    const [outbox, room] = [this.#outbox, this.#room]
    this.#records = new LeaseRecords({
      ...options,
      ...{ earnings: this.earnings, outbox, room },
      works: (job) => this.#worker.works(job),
    })
    this.#workshop = new Workshop({
      ...options,
      room,
      speed: this.speed,
      leaseOf: (id) => this.#worker.lease(id),
      keysOf: (id) => this.#records.keysOf(id),
      tell: (input) => this.#handle(input),
      onLogs: (lease, logs) => this.#records.logs.keep(lease, logs),
      onGivenUp: (job) => {
        if (!this.#stopped) this.#records.rest(job)
      },
    })
    this.#ears = {
      ...{ key, records: this.#records, departure: this.#departure, earnings: this.earnings },
      tell: (input) => this.#handle(input),
      tellWith: (brought, input) => this.#handleWith(brought, input),
    }
  }

  /** Takes up what the last run left. Call once the node can be reached. */
  restore(): void {
    const { store, key } = this.#options
    const jobs = restoredJobs(store, key.peerId)
    const nowMs = this.#options.clock.now()
    this.#room.look()
    this.earnings.restore(nowMs)
    tellKept(jobs, this.#options.news)
    this.#carryOut(this.#worker.restore(jobs, nowMs))
    for (const { manifest } of jobs) this.#records.rest(manifest.id)
    // Its stewards have forgotten it, too, and nobody will say that it is over.
    for (const { manifest } of jobs)
      if (manifest.payload.deadlineMs + jobRetentionMs < nowMs) this.#records.forget(manifest.id)
    // A peer that connected in the meantime would not connect again.
    for (const peer of this.#options.network.connectedPeers()) this.connected(peer)
  }

  view(): WorkerView {
    return this.#worker.view()
  }

  /** Lists the weights that are on their way to this vehicle. */
  readonly arrivals = () => this.#workshop.arrivals()

  /** Tells whether this peer looks after the job, and may therefore read its results. */
  mayRead(peer: PeerId, job: JobId): boolean {
    const may = this.#records.mayRead(peer, job)
    if (may) this.#departure.asked()
    return may
  }

  /** Sets the share that the fleet's charter lets its operator keep, in parts per million. */
  setOperatorShare(ppm: number): void {
    this.#handle({ type: 'operator-share', ppm })
  }

  /** The categories of jobs that its owner lets in from now on; null: all. */
  setCategories(categories: readonly string[] | null): void {
    this.#handle({ type: 'categories', categories })
  }

  /** Says what its owner asks from now on, by engine id; null: nothing. */
  setAsks(asks: Extract<WorkerInput, { type: 'asks' }>['asks']): void {
    this.#handle({ type: 'asks', asks })
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
  hear(...said: Said): void {
    hearSteward(this.#ears, ...said)
  }

  connected(peer: PeerId): void {
    this.#handle({ type: 'connected', peer })
    this.earnings.connected(peer)
  }

  disconnected(peer: PeerId): void {
    this.#handle({ type: 'disconnected', peer })
  }

  /** Stands still, hands in what is done, and resolves when stewards have it, or take too long. */
  async stop(): Promise<void> {
    this.setMode('stop')
    await Promise.race([this.#outbox.idle(), delay(durableMsMax, undefined, { ref: false })])
    await this.#departure.finished()
    this.#stopped = true
    this.#callOff()
    this.#room.close()
    this.#records.stop()
    this.earnings.stop()
    await this.#outbox.idle()
  }

  #handleWith(brought: Brought, input: WorkerInput): void {
    this.#brought = brought
    this.#handle(input)
    this.#brought = undefined
  }

  #handle(input: WorkerInput): void {
    if (this.#stopped) return
    const nowMs = this.#options.clock.now()
    const byMs = this.#steps.take()
    if (byMs !== 0) this.#carryOut(this.#worker.handle({ type: 'clock-set', byMs }, nowMs))
    this.#carryOut(this.#worker.handle(input, nowMs))
  }

  #carryOut(effects: readonly WorkerEffect[]): void {
    carryOut(effects, this.#hands, (say) => this.#outbox.after(say))
  }

  readonly #hands: Hands<WorkerEffect> = {
    take: () => {
      const { manifest, lease } = this.#brought!
      this.#options.news.leaseTaken(manifest.content, lease!.content)
      this.#take()
    },
    follow: ({ job, adopters }) => {
      this.#take(adopters)
      this.#records.rest(job)
    },
    issue: (effect) => this.#records.issue(effect),
    deliver: (effect) => this.#deliver(effect),
    show: (effect) => this.#show(effect),
    send: ({ to, message }) =>
      this.#say(to, message.type === 'progress' ? this.#workshop.withWeights(message) : message),
    prepare: ({ lease }) => void this.#workshop.prepare(lease),
    run: ({ lease, slot }) => void this.#workshop.run(lease, slot),
    drain: ({ slot }) => this.#workshop.drain(slot),
    abort: ({ slot }) => this.#workshop.abort(slot),
    release: (effect) => {
      this.#workshop.release(effect.lease)
      this.#options.news.leaseOver(effect.job, effect.lease, effect.reason)
      this.#records.release(effect)
    },
    forget: ({ job, end, past, untilMs }) => {
      this.#departure.ended(job)
      this.#endNews.ended(job, end)
      this.#records.forget(job, past, untilMs)
    },
    advertise: () => this.#options.onChange(),
    wake: ({ atMs }) => this.#wakeAt(atMs),
  }

  #take(adopters?: readonly PeerId[]): void {
    const brought = this.#brought!
    this.#records.take(brought, this.#worker.stewardsOf(brought.manifest.content.id), adopters)
  }

  #deliver({ to, receipt, released }: Extract<WorkerEffect, { type: 'deliver' }>): void {
    const kept = this.#records.receipt(receipt)
    if (kept === undefined) return
    const { job, ...shown } = kept
    this.#departure.told(to, receipt, job)
    this.#say(to, { type: 'receipt', ...shown, released })
  }

  #show({ to, lease }: Extract<WorkerEffect, { type: 'show' }>): void {
    const kept = this.#records.lease(lease)
    if (kept !== undefined) this.#say(to, { type: 'record', ...kept, opening: null })
  }

  /**
   * Sends a message. One that cannot go out now is made again: receipts on reconnection, progress at the next
   * interval.
   */
  #say(to: PeerId, message: Message): void {
    this.#departure.saying(say(this.#options, to, message))
  }

  #wakeAt(atMs: number): void {
    const { clock } = this.#options
    this.#callOff()
    this.#callOff = at(clock, atMs, () => this.#handle({ type: 'wake' }))
  }
}
