/**
 * The memory and the disk that records of strangers' jobs may take.
 *
 * Every steward of a job may sign for it, and its submitter says who they are. So what the protocol allows each of them
 * (protocol/state/signer-bounds.ts) adds up to as much as a stranger likes, and only the node itself knows what it can give.
 * All jobs of strangers together have a share of its memory. When they take more, the one that takes the most goes, and this
 * node does not take it on again: who fills many nodes with one job loses that job. While the disk has no room, the job that
 * asks for it goes. Jobs that were submitted here take what they need.
 */
import { getHeapStatistics } from 'node:v8'
import type { JobId } from '../../protocol/ids.ts'
import type { DiskReserve } from '../store/disk-reserve.ts'
import { StoreError } from '../store/errors.ts'

/**
 * The share of the memory of a node that records of strangers' jobs may take: more leaves too little for their lists of shards,
 * results that are looked at, and jobs of its own. A guess.
 */
const heapShareMax = 0.5
/** Room on the disk is asked for in steps of this: asking takes a call of the file system. */
const diskStepBytes = 2 ** 20
/** Jobs that were let go and are remembered; beyond, the first go. */
const letGoMax = 1_024

export interface RecordRoomOptions {
  readonly reserve: Pick<DiskReserve, 'setAside'>
  /** Bytes of memory for all jobs of strangers; by default as much as the node's heap allows. */
  readonly bytesMax?: number | undefined
}

export class RecordRoom {
  readonly #reserve: RecordRoomOptions['reserve']
  readonly #bytesMax: number
  /** By job: the estimate of what its records take in memory, and how much of that the disk was asked for. */
  readonly #taken = new Map<JobId, { bytes: number; askedBytes: number }>()
  #totalBytes = 0
  readonly #letGo = new Set<JobId>()

  constructor({ reserve, bytesMax = getHeapStatistics().heap_size_limit * heapShareMax }: RecordRoomOptions) {
    this.#reserve = reserve
    this.#bytesMax = bytesMax
  }

  /** The records of a stranger's job take so many bytes of memory now. Returns the job that has to go, if one has to. */
  take(job: JobId, bytes: number): JobId | undefined {
    const taken = this.#taken.get(job) ?? { bytes: 0, askedBytes: bytes }
    this.#taken.set(job, taken)
    this.#totalBytes += bytes - taken.bytes
    taken.bytes = bytes
    if (this.#totalBytes > this.#bytesMax) return this.#largest()
    return this.#fitsOnDisk(job, taken) ? undefined : job
  }

  /** The job is not in memory any more. */
  leave(job: JobId): void {
    this.#totalBytes -= this.#taken.get(job)?.bytes ?? 0
    this.#taken.delete(job)
  }

  /** A job that took too much is not taken on again while this node runs. */
  refuse(job: JobId): void {
    this.#letGo.add(job)
    const [first] = this.#letGo
    if (this.#letGo.size > letGoMax) this.#letGo.delete(first!)
  }

  isRefused(job: JobId): boolean {
    return this.#letGo.has(job)
  }

  #largest(): JobId {
    return [...this.#taken].reduce((a, b) => (b[1].bytes > a[1].bytes ? b : a))[0]
  }

  /** A record takes no more of the disk than of memory. What was there when the job came into memory was asked for before. */
  #fitsOnDisk(job: JobId, taken: { bytes: number; askedBytes: number }): boolean {
    if (taken.bytes - taken.askedBytes < diskStepBytes) return true
    try {
      // The records are on their way to the disk: it says what is free.
      this.#reserve.setAside(job, taken.bytes - taken.askedBytes).settle()
    } catch (error) {
      if (error instanceof StoreError && error.code === 'no-room') return false
      throw error
    }
    taken.askedBytes = taken.bytes
    return true
  }
}
