/**
 * The registry: the only one who starts, keeps, unloads and stops the stewardships of this node's jobs, so that no job
 * ever has two. It holds every job that runs, and one that has ended for as long as somebody uses it or it still has
 * something to say; after that the job is on the disk alone, and begins anew when it is asked for.
 */
import { EventEmitter } from 'node:events'
import type { JobId, PeerId } from '../../protocol/ids.ts'
import type { RosterChange } from '../../protocol/membership/roster.ts'
import { RequestError } from '../errors.ts'
import type { Bans } from '../membership/bans.ts'
import type { Membership } from '../membership/membership.ts'
import type { CouncilDriver } from '../stewardship/council-driver.ts'
import type { LetGoReason } from '../stewardship/options.ts'
import { summaryOf } from '../stewardship/status.ts'
import { beginStewardship, type CouncilDriverParts } from './beginning.ts'
import { Calls } from './calls.ts'
import { JobRows, restingStateOf, stewardRole } from './job-rows.ts'
import { OwedNews } from './owed-news.ts'
import { RecordRoom } from './record-room.ts'
import { isOverdue, Resting, type RestingOptions, type Seat, seatOf } from './resting.ts'

export interface RegistryOptions extends CouncilDriverParts, RestingOptions {
  readonly membership: Pick<Membership, 'settled' | 'capacities' | 'get'>
  readonly bans: Pick<Bans, 'caught' | 'has'>
  /** The share of owners' earnings that the fleet's operator keeps, in parts per million; 0 without a fleet. */
  readonly operatorPpm: () => number
  /** This node has work for other engines than before. */
  readonly onCalls: (engines: readonly string[]) => void
  /** Bytes of memory for the records of all jobs of strangers; by default as much as the node's heap allows. */
  readonly recordBytesMax?: number
}

export class Registry {
  readonly rows: JobRows
  /** Says a job's id when something that its status shows has changed. */
  readonly changes = new EventEmitter()
  /** The records of strangers' jobs, and how much they may take. */
  readonly room: RecordRoom
  readonly #options: RegistryOptions
  readonly #calls: Calls
  readonly #seats = new Map<JobId, Seat>()
  /** Jobs that are being stopped; until then nobody begins them anew. */
  readonly #leaving = new Map<JobId, Promise<void>>()
  readonly #owed = new OwedNews()
  readonly #resting: Resting
  #isStopped = false

  constructor(options: RegistryOptions) {
    this.#options = options
    this.#calls = new Calls(options.onCalls)
    this.#resting = new Resting(this.#seats, options, (job) => this.#rest(job))
    const { store, recordBytesMax } = options
    this.room = new RecordRoom({ reserve: store.blocks.reserve, bytesMax: recordBytesMax })
    this.rows = new JobRows(options.store.journal)
    this.changes.setMaxListeners(0)
    for (const { job, state } of this.rows.list()) this.#owed.owe(job, state.rest?.behind)
  }

  /** Goes on with every job that has not ended. */
  resume(): void {
    for (const { job, endedAtMs } of this.rows.list()) if (endedAtMs === null) this.goOn(job)
  }

  /**
   * Goes on with a job, or begins one that a stranger has entrusted this node with. A stranger's job that cannot begin is dropped;
   * one of our own stays, for whoever submitted it.
   */
  goOn(job: JobId): void {
    const { log } = this.#options
    this.use(job, () => {}).catch((error) => {
      const cannotBegin = error instanceof RequestError && !this.#isStopped
      const isDropped = cannotBegin && this.rows.get(job)?.state.requestDigest === ''
      log.error({ job, error }, isDropped ? 'a job cannot go on and is dropped' : 'a job cannot go on')
      if (isDropped) this.drop(job).catch((error) => log.error({ job, error }, 'a job was not dropped'))
    })
  }

  async stop(): Promise<void> {
    this.#isStopped = true
    this.#resting.stop()
    const stopped = [...this.#seats.values()].map(async ({ stewardship }) => (await stewardship).stop())
    await Promise.allSettled([...stopped, ...this.#leaving.values()])
  }

  get isStopped(): boolean {
    return this.#isStopped
  }

  /** All that are in memory. */
  *running(): Generator<CouncilDriver> {
    for (const { running } of this.#seats.values()) if (running !== undefined) yield running
  }

  /** Tells all jobs what has changed in the roster. Banned owners are not there for them. */
  tellAdverts({ changed, gone }: RosterChange): void {
    const { bans } = this.#options
    const banned = changed.filter(({ owner }) => bans.has(owner)).map(({ peer }) => peer)
    const others = changed.filter(({ owner }) => !bans.has(owner))
    for (const stewardship of this.running())
      stewardship.handle({ type: 'adverts', changed: others, gone: [...gone, ...banned] })
  }

  /** The job, when it is in memory. */
  get(job: JobId): CouncilDriver | undefined {
    return this.#seats.get(job)?.running
  }

  /** The same, for somebody who has something to say to it: it stays a while longer. */
  hearing(job: JobId): CouncilDriver | undefined {
    const seat = this.#seats.get(job)
    if (seat?.running !== undefined) seat.usedMs = this.#options.clock.monotonicMs()
    return seat?.running
  }

  /** Tells whether the job is on its way into memory. */
  isBeginning(job: JobId): boolean {
    const seat = this.#seats.get(job)
    return seat !== undefined && seat.running === undefined
  }

  /**
   * Does something with a job, which is read from the disk where it is not in memory. `fresh`: submitted here just now.
   * Throws RequestError when it cannot be read.
   */
  async use<Result>(
    job: JobId,
    action: (stewardship: CouncilDriver) => Result | Promise<Result>,
    fresh = false,
  ): Promise<Result> {
    const { stewardship, release } = await this.hold(job, fresh)
    try {
      return await action(stewardship)
    } finally {
      release()
    }
  }

  /** The same, until it is released. */
  async hold(job: JobId, fresh = false): Promise<{ stewardship: CouncilDriver; release: () => void }> {
    // Where nothing is being let go, the job has its seat at once: who asks in the same turn finds it on its way.
    if (this.#leaving.has(job)) await this.gone(job)
    if (this.#isStopped) throw new RequestError('this node is stopping')
    const seat = this.#seats.get(job) ?? this.#sit(job, fresh)
    seat.uses += 1
    const release = () => {
      seat.uses -= 1
      seat.usedMs = this.#options.clock.monotonicMs()
    }
    try {
      return { stewardship: await seat.stewardship, release }
    } catch (error) {
      release()
      throw error
    }
  }

  /** Forgets the job, with all that is kept of it. */
  async drop(job: JobId): Promise<void> {
    await this.#leave(job, async () => {
      this.#owed.owe(job)
      await this.#options.store.forget(job, stewardRole)
    })
    this.changes.emit(job)
  }

  /** Resolves when a job that is being let go is gone. */
  async gone(job: JobId): Promise<void> {
    while (this.#leaving.has(job)) await this.#leaving.get(job)
  }

  /** Tells a peer that is back the news that ended jobs could not tell it before. */
  async returned(peer: PeerId): Promise<void> {
    for (const job of this.#owed.of(peer))
      await this.use(job, () => {}).catch((error) =>
        this.#options.log.info({ job, peer, error }, 'a steward of a job that ended cannot be told of it'),
      )
  }

  #sit(job: JobId, fresh: boolean): Seat {
    const begun = Promise.withResolvers<CouncilDriver>()
    const { clock, submitter } = this.#options
    const seat = seatOf(this.rows.get(job), begun.promise, clock.monotonicMs(), submitter.peerId)
    this.#seats.set(job, seat)
    this.#begin(job, seat, fresh).then(begun.resolve, (error) => {
      if (this.#seats.get(job) === seat) this.#seats.delete(job)
      begun.reject(error)
    })
    return seat
  }

  async #begin(job: JobId, seat: Seat, fresh: boolean): Promise<CouncilDriver> {
    const { membership, bans, operatorPpm } = this.#options
    if (seat.hadEnded && seat.shards > 0) await this.#resting.makeRoom()
    const known = this.rows.get(job)
    const stewardship = await beginStewardship(this.#options, known, job, {
      fresh,
      onChange: () => this.#changed(job),
      onEnd: () => this.#ended(job),
      onLeft: (why, serial) => this.#left(job, why, serial),
      onRecords: (bytes) => this.#makeRoom(this.room.take(job, bytes)),
      onLie: (receipt, because) => bans.caught(receipt, because),
    })
    if (this.#isStopped) throw new RequestError('this node is stopping')
    seat.running = stewardship
    stewardship.start(membership.capacities(), operatorPpm())
    // A node that was ended in between knows the end by its records, and not by its row.
    if (stewardship.hasEnded && known!.endedAtMs === null) this.#ended(job)
    if (stewardship.hasEnded) this.#resting.lookSoon()
    return stewardship
  }

  #ended(job: JobId): void {
    const { clock, log } = this.#options
    const stewardship = this.get(job)
    if (stewardship !== undefined) this.rows.noteEnd(stewardship, clock.now(), log)
    this.#changed(job)
    this.#resting.lookSoon()
    this.#resting.makeRoomSoon()
  }

  #changed(job: JobId): void {
    this.changes.emit(job)
    this.#calls.look(job, this.get(job))
  }

  /** The job goes on without this node. */
  #left(job: JobId, why: LetGoReason, serial: number): void {
    const { store, clock, log } = this.#options
    store.journal.noteLeft(job, serial, clock.now())
    if (why === 'no-inputs' || why === 'wrong-inputs') this.room.refuse(job)
    log.info({ job, why }, 'this node does not stand by for a job any more')
    this.drop(job).catch((error) => log.error({ job, error }, 'a job was not dropped'))
  }

  /** Gives up the places of strangers' jobs whose deadline is over and that nobody ended. */
  async leaveOverdue(): Promise<void> {
    await this.rows.attributeAll()
    for (const job of this.rows.index.runningOfOthers()) {
      const { deadlineMs } = this.rows.get(job)?.state ?? {}
      if (deadlineMs === undefined || !isOverdue(deadlineMs, this.#options.clock.now())) continue
      const stewardship = await this.#seats.get(job)?.stewardship.catch(() => undefined)
      if (stewardship?.hasEnded !== true) this.#left(job, 'deadline-passed', stewardship?.serial ?? 0)
      await this.gone(job)
    }
  }

  /** A job that has ended is read from the disk when it is asked for; the others are not this node's any more. */
  #makeRoom(job: JobId | undefined): void {
    const running = job && this.get(job)
    if (job === undefined || running === undefined) return
    if (running.hasEnded) {
      if (this.#seats.get(job)?.uses === 0) void this.#rest(job)
      return
    }
    this.room.refuse(job)
    this.#left(job, 'takes-too-much', running.serial)
  }

  // --- letting go -----------------------------------------------------------------------------------------------

  #rest(job: JobId): Promise<void> {
    return this.#leave(job, (stewardship) => this.#noteRest(job, stewardship!)).catch((error) =>
      this.#options.log.error({ job, error }, 'a job that has ended was not let go in order'),
    )
  }

  /** Stops the job where it is in memory; nobody begins it anew before `after` is done. */
  async #leave(
    job: JobId,
    after: (stewardship: CouncilDriver | undefined) => void | Promise<void>,
  ): Promise<void> {
    const before = this.#leaving.get(job)
    const seat = this.#seats.get(job)
    this.#seats.delete(job)
    this.#calls.look(job, undefined)
    this.room.leave(job)
    const left = (async () => {
      await before
      const stewardship = await seat?.stewardship.catch(() => undefined)
      await stewardship?.stop()
      await after(stewardship)
    })()
    const gone: Promise<void> = left
      .catch(() => {}) // met by the caller
      .finally(() => {
        if (this.#leaving.get(job) === gone) this.#leaving.delete(job)
      })
    this.#leaving.set(job, gone)
    await left
  }

  #noteRest(job: JobId, stewardship: CouncilDriver): void {
    const row = this.rows.get(job)
    if (row === undefined) return
    const state = restingStateOf(row.state, summaryOf(stewardship, row.createdAtMs), stewardship)
    this.#owed.owe(job, stewardship.behind)
    if (JSON.stringify(state) !== JSON.stringify(row.state)) this.rows.put({ ...row, state })
  }
}
