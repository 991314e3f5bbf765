/**
 * Holds the first record of a busy child to its limits, by looking at the process from outside every now and then.
 *
 * From outside, because inference blocks the child's event loop; by sampling, because rlimits count over a
 * process's life and kill without saying why. The price is that a limit may be overrun by one sample.
 *
 * Nobody may be blamed for this process's own lateness: a sample is taken after pending answers were read
 * (setImmediate runs after the poll phase), and however late it is, it counts as two intervals at most.
 */
import { assert } from '../../base/assert.ts'
import type { RecordErrorCode } from '../../runtimes/messages.ts'
import { systemClock } from '../clock.ts'
import type { RunLimits } from './contract.ts'
import { usageOf } from './usage.ts'

export type Overrun = Extract<RecordErrorCode, 'cpu-limit' | 'time-limit' | 'memory-limit'>

export class Watch {
  readonly #sampleMs: number
  readonly #privateBytesMax: number
  readonly #onOverrun: (code: Overrun) => void
  #pid = 0
  #limits: RunLimits = { cpuMsMax: 0, wallMsMax: 0 }
  #timer: NodeJS.Timeout | null = null
  #frozen = false
  #watching = false
  #sampledAtMs = 0
  #wallMs = 0
  /** Null until the first sample of this record: an earlier one may belong to another record. */
  #cpuFromMs: number | null = null
  #cpuMs = 0

  constructor(sampleMs: number, privateBytesMax: number, onOverrun: (code: Overrun) => void) {
    this.#sampleMs = sampleMs
    this.#privateBytesMax = privateBytesMax
    this.#onOverrun = onOverrun
  }

  /** CPU time of the record that is watched, as last sampled. */
  get cpuMs(): number {
    return this.#cpuMs
  }

  /**
   * From now on another record is at work. Called for each, so it costs next to nothing. A limit that is no number would be
   * none: nothing is above NaN.
   */
  begin(pid: number, limits: RunLimits): void {
    assert(Number.isFinite(limits.cpuMsMax) && Number.isFinite(limits.wallMsMax), 'a limit is a number')
    this.#pid = pid
    this.#limits = limits
    this.#wallMs = 0
    this.#cpuFromMs = null
    this.#cpuMs = 0
    this.#watching = true
    this.#tick()
  }

  /** Nothing is at work. */
  end(): void {
    this.#watching = false
    this.#tick()
  }

  freeze(): void {
    this.#frozen = true
    this.#tick()
  }

  resume(): void {
    this.#frozen = false
    this.#tick()
  }

  #tick(): void {
    const wanted = this.#watching && !this.#frozen
    if (wanted && this.#timer === null) {
      this.#sampledAtMs = systemClock.monotonicMs()
      this.#timer = setInterval(() => setImmediate(() => this.#sample()), this.#sampleMs)
      this.#timer.unref()
    } else if (!wanted && this.#timer !== null) {
      clearInterval(this.#timer)
      this.#timer = null
    }
  }

  #sample(): void {
    if (this.#timer === null) return
    const nowMs = systemClock.monotonicMs()
    this.#wallMs += Math.min(nowMs - this.#sampledAtMs, 2 * this.#sampleMs)
    this.#sampledAtMs = nowMs
    const usage = usageOf(this.#pid)
    if (usage !== null) {
      this.#cpuFromMs ??= usage.cpuMs
      this.#cpuMs = usage.cpuMs - this.#cpuFromMs
    }
    if ((usage?.privateBytes ?? 0) > this.#privateBytesMax) this.#onOverrun('memory-limit')
    else if (this.#cpuMs > this.#limits.cpuMsMax) this.#onOverrun('cpu-limit')
    else if (this.#wallMs > this.#limits.wallMsMax) this.#onOverrun('time-limit')
  }
}
