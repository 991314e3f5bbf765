/** Jobs that have ended rest on the disk alone: which of those in memory may go. And when the place of one that has not is over. */
import type { Logger } from 'pino'
import type { JobId, PeerId } from '../../protocol/ids.ts'
import { deadlineGraceMs, endedShardsMax } from '../../protocol/standing-by-limits.ts'
import type { Clock } from '../clock.ts'
import { RequestError } from '../errors.ts'
import type { CouncilDriver } from '../stewardship/council-driver.ts'
import type { KnownJob } from './job-rows.ts'

/** A job that has ended stays in memory this long: who asks for its status asks for its results next. A guess. */
const lingerMs = 10_000
/** Jobs that have ended and still have something to say; above that, the one used longest ago goes. A guess. */
const endedLoadedMax = 32

/** A job in memory, or on its way there. */
export interface Seat {
  readonly stewardship: Promise<CouncilDriver>
  /** Once it has begun. */
  running: CouncilDriver | undefined
  /** How many read it just now. */
  uses: number
  /** By the monotonic clock. */
  usedMs: number
  /** The shards of a stranger's job, whose list is in memory with it; 0 for one that was submitted with this node's key. */
  readonly shards: number
  /** It had ended before it came into memory. */
  readonly hadEnded: boolean
}

/**
 * The lists of strangers' jobs that have ended are in memory together up to a bound of shards: whatever a fellow has not said, the
 * largest goes first. Returns those that go, and how many shards then stay; those in use cannot go.
 */
function listsToRest(
  seats: ReadonlyMap<JobId, Seat>,
  shardsMax: number,
): { readonly going: readonly JobId[]; readonly shards: number } {
  const ended = [...seats].filter(
    ([, { shards, running, hadEnded }]) => shards > 0 && (running?.hasEnded ?? hadEnded),
  )
  let shards = ended.reduce((sum, [, seat]) => sum + seat.shards, 0)
  const going: JobId[] = []
  for (const [job, seat] of ended.sort(([, a], [, b]) => b.shards - a.shards)) {
    if (shards <= shardsMax) break
    if (seat.uses > 0 || seat.running === undefined) continue
    going.push(job)
    shards -= seat.shards
  }
  return { going, shards }
}

/** How often it is looked at which jobs may go. */
const lookMs = 2_000

export interface RestingOptions {
  readonly clock: Clock
  readonly log: Logger
  /** Shards in the lists of strangers' jobs that have ended and are in memory; by default the protocol's bound. */
  readonly endedShardsMax?: number
}

/** Looks which jobs may go, as long as there are some that have ended. */
export class Resting {
  readonly #seats: ReadonlyMap<JobId, Seat>
  readonly #options: RestingOptions
  readonly #rest: (job: JobId) => Promise<void>
  #callOff: (() => void) | undefined
  #isStopped = false

  constructor(seats: ReadonlyMap<JobId, Seat>, options: RestingOptions, rest: (job: JobId) => Promise<void>) {
    this.#seats = seats
    this.#options = options
    this.#rest = rest
  }

  /** Has lists of jobs that have ended leave memory where they are too long together. Throws RequestError where too many are in use. */
  async makeRoom(): Promise<void> {
    const { endedShardsMax: shardsMax = endedShardsMax } = this.#options
    const { going, shards } = listsToRest(this.#seats, shardsMax)
    await Promise.all(going.map((job) => this.#rest(job)))
    if (shards > shardsMax)
      throw new RequestError(
        `jobs that have ended and are being read have ${shards} shards, and ${shardsMax} are the most; try again in a moment`,
      )
  }

  stop(): void {
    this.#isStopped = true
    this.#callOff?.()
  }

  /** The same, once what goes on just now is done. */
  makeRoomSoon(): void {
    const { log } = this.#options
    Promise.resolve()
      .then(() => this.makeRoom())
      .catch((error) => log.debug({ error }, 'lists of jobs that have ended stay in memory for now'))
  }

  lookSoon(): void {
    if (this.#isStopped) return
    this.#callOff ??= this.#options.clock.after(lookMs, () => {
      this.#callOff = undefined
      const { going, staying } = mayRest(this.#seats, this.#options.clock.monotonicMs())
      for (const job of going) void this.#rest(job)
      if (staying > 0) this.lookSoon()
    })
  }
}

/** A seat for a job that comes into memory. */
export function seatOf(
  known: KnownJob | undefined,
  stewardship: Seat['stewardship'],
  usedMs: number,
  submitter: PeerId,
): Seat {
  const { state, endedAtMs = null } = known ?? {}
  const isOthers = state?.requestDigest === '' && state.submitter !== submitter
  const shards = isOthers ? (state.shards ?? 0) : 0
  return { stewardship, running: undefined, uses: 0, usedMs, shards, hadEnded: endedAtMs !== null }
}

/** Returns the jobs that may go, and how many others have ended. */
function mayRest(
  seats: ReadonlyMap<JobId, Seat>,
  nowMs: number,
): { readonly going: readonly JobId[]; readonly staying: number } {
  const ended = [...seats].filter(([, { running }]) => running?.hasEnded === true)
  const going: JobId[] = []
  for (const [job, { uses, usedMs, running }] of ended.sort(([, a], [, b]) => a.usedMs - b.usedMs)) {
    const isDone = nowMs - usedMs >= lingerMs && running!.rests
    if (uses > 0 || (!isDone && ended.length - going.length <= endedLoadedMax)) continue
    going.push(job)
  }
  return { going, staying: ended.length - going.length }
}

/** A stranger's job whose stewards did not end it at its deadline: none of them can, or wants to. */
export function isOverdue(deadlineMs: number, nowMs: number): boolean {
  return deadlineMs + deadlineGraceMs < nowMs
}
