/**
 * The part of the disk that jobs of strangers may take, set aside before it is filled.
 *
 * A vehicle fetches what a lease names, and a standby what a job names, both on a stranger's word. So nothing is fetched
 * for them before its bytes were set aside here, and two rules hold however many jobs there are:
 *
 * - What is set aside never brings the disk below the floor, at which a vehicle would take no work any more. Two jobs that
 *   fetch at the same time count together.
 * - One job takes at most half of what all strangers' jobs could take, so that no single one keeps the next one out.
 *
 * Blocks that can be fetched again and that no job uses just now (the cache) count as room, and go when it is needed. A
 * holder settles with what it set aside when the blocks have arrived, or will not: from then on the disk itself says what
 * is free.
 */
import { assert } from '../../base/assert.ts'
import type { JobId } from '../../protocol/ids.ts'
import { StoreError } from './errors.ts'

/**
 * Below this share of the disk a vehicle takes no new lease, so it is what strangers' jobs leave free. More declines work on
 * disks that are merely well used; less leaves no margin for a lease.
 */
export const freeShareMin = 0.05
/** … and this much more, for records and results of work that was taken already: a guess. */
const freeBytesMargin = 16 * 2 ** 20
/** The largest part of the room for all strangers' jobs that one of them may have. A guess. */
const jobShareMax = 0.5

export interface DiskReserveOptions {
  readonly space: () => { readonly freeBytes: number; readonly totalBytes: number }
  /** The bytes of all blocks that the job uses, by the database. */
  readonly usedBy: (job: JobId) => number
  readonly cachedBytes: () => number
  /** Deletes cached blocks of at least so many bytes, if there are as many. */
  readonly evict: (bytes: number) => void
}

/** Bytes that were set aside. */
export interface SetAside {
  /** The blocks are on the disk, or will not come. Once. */
  settle(): void
}

export class DiskReserve {
  readonly #options: DiskReserveOptions
  /** Set aside and not settled yet, of all jobs and of each. */
  #promisedBytes = 0
  readonly #promised = new Map<JobId, number>()
  /**
   * At least the bytes of each job's blocks: as the database said once, and what was set aside since. Counting them anew
   * takes as long as the job has blocks, so that is done only when this says that a job has too many.
   */
  readonly #usedAtMost = new Map<JobId, number>()
  #onShortage: () => void = () => {}

  constructor(options: DiskReserveOptions) {
    this.#options = options
  }

  /**
   * Throws StoreError no-room when the job may not have so many bytes more. `isOwn`: it was submitted with the key of this node,
   * and may have all but the margin: neither the floor nor the half of strangers' jobs is for it.
   */
  setAside(job: JobId, bytes: number, isOwn = false): SetAside {
    assert(Number.isSafeInteger(bytes) && bytes >= 0, 'room is counted in whole bytes')
    const free = bytes === 0 ? 0 : isOwn ? this.#freeAboveMargin() : this.#freeForAll()
    const fits = isOwn ? bytes <= free || bytes <= free + this.#cachedBytes() : this.#fits(job, bytes, free)
    if (!fits) throw new StoreError({ code: 'no-room', job, bytes })
    if (bytes > free) this.#options.evict(bytes - free)
    this.#promise(job, bytes)
    this.#usedAtMost.set(job, this.#usedBy(job) + bytes)
    let isSettled = false
    return {
      settle: () => {
        assert(!isSettled, 'what was set aside is settled once')
        isSettled = true
        this.#promise(job, -bytes)
      },
    }
  }

  /** Tells whether a job that has nothing here yet could have so many bytes. */
  hasRoom(bytes: number): boolean {
    const fits = (room: number) => bytes <= room * jobShareMax
    return fits(this.#freeForAll()) || fits(this.#freeForAll() + this.#cachedBytes())
  }

  /**
   * Tells when something is asked for and the disk has no room for it beside the cache. The listener may make blocks part of
   * the cache before it returns; they count at once. One listener.
   */
  onShortage(listener: () => void): void {
    this.#onShortage = listener
  }

  /** The job has no part here any more. */
  forget(job: JobId): void {
    this.#usedAtMost.delete(job)
  }

  #fits(job: JobId, bytes: number, free: number): boolean {
    if (bytes === 0) return true
    // What the job has would be room, too, if the job were not here.
    const fits = (used: number, room: number) => bytes <= room && used + bytes <= (room + used) * jobShareMax
    if (fits(this.#usedBy(job), free)) return true
    this.#usedAtMost.delete(job)
    const cached = this.#cachedBytes()
    return fits(this.#usedBy(job), free + cached)
  }

  #cachedBytes(): number {
    this.#onShortage()
    return this.#options.cachedBytes()
  }

  /** The bytes that may still be set aside, for whatever job, while the cache stays. */
  #freeForAll(): number {
    const { totalBytes } = this.#options.space()
    return this.#freeAboveMargin() - totalBytes * freeShareMin
  }

  #freeAboveMargin(): number {
    return this.#options.space().freeBytes - this.#promisedBytes - freeBytesMargin
  }

  #usedBy(job: JobId): number {
    const known = this.#usedAtMost.get(job)
    if (known !== undefined) return known
    // Of what was set aside and is not settled, some may have arrived already.
    const used = this.#options.usedBy(job) + (this.#promised.get(job) ?? 0)
    this.#usedAtMost.set(job, used)
    return used
  }

  #promise(job: JobId, bytes: number): void {
    this.#promisedBytes += bytes
    const promised = (this.#promised.get(job) ?? 0) + bytes
    if (promised === 0) this.#promised.delete(job)
    else this.#promised.set(job, promised)
  }
}
