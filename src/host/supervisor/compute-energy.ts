/**
 * Measures the power that the work draws where the vehicle shows it, and otherwise takes the owner's word for what a
 * busy slot draws.
 *
 * A pack's power is the whole vehicle's. The work's part of it shows only while nothing else changes: unplugged and
 * not charging, it is the draw with busy slots less the draw with idle ones, both seen in the same stretch of time.
 * While the vehicle is plugged in, charger and pack balance each other out of sight of VSS, and the owner's figure
 * stands in.
 */
import { dayMs, type LocalTime } from '../../protocol/rules/week.ts'
import type { EnergyRate } from '../../protocol/worker/contract.ts'

export interface EnergyToday {
  /** The day in the vehicle's time zone, counted from 1970. */
  readonly day: number
  readonly wattHours: number
}

/** Shares of a core below which slots are idle, and above which they are busy: between them noise decides. Guesses. */
const [idleShare, busyShare] = [0.05, 0.5]
/** How much one sample moves what is learnt: some ten samples, of 5 s, forget a fan that has stopped. A guess. */
const weight = 0.1
/** Samples of either kind before a measurement counts for more than the owner's figure: half a minute. A guess. */
const samplesMin = 6

export class ComputeEnergy {
  readonly #estimate: number
  readonly #local: LocalTime
  #today: EnergyToday
  #sampledMs: number | null = null
  #powerWatts = 0
  readonly #idleWatts = new Average()
  readonly #measured = new Average()

  /** `slotWatts`: the power that a slot draws when it is busy all the time. */
  constructor(slotWatts: number, local: LocalTime, kept: EnergyToday | null) {
    this.#estimate = slotWatts
    this.#local = local
    this.#today = kept ?? { day: 0, wattHours: 0 }
  }

  get rate(): EnergyRate {
    return this.#measured.count >= samplesMin
      ? { joulesPerCpuSecond: this.#measured.value, basis: 'measured' }
      : { joulesPerCpuSecond: this.#estimate, basis: 'estimated' }
  }

  /** Over the last sample. */
  get powerWatts(): number {
    return this.#powerWatts
  }

  /** The day's sum as of the last sample. */
  get today(): EnergyToday {
    return this.#today
  }

  /**
   * Takes a sample: all slots together used this much CPU time since the one before. `drawnWatts`: the power that the
   * pack gives meanwhile; null where something is plugged in, or nobody knows.
   */
  sample(cpuMs: number, drawnWatts: number | null, nowMs: number): void {
    const day = Math.floor(this.#local.toLocal(nowMs) / dayMs)
    if (day !== this.#today.day) this.#today = { day, wattHours: 0 }
    const elapsedMs = this.#sampledMs === null ? 0 : nowMs - this.#sampledMs
    this.#sampledMs = nowMs
    // The clock was set: the work was done, and nobody knows how fast.
    if (elapsedMs > 0) this.#learn(cpuMs / elapsedMs, drawnWatts)
    const joules = (cpuMs / 1_000) * this.rate.joulesPerCpuSecond
    this.#powerWatts = elapsedMs > 0 ? joules / (elapsedMs / 1_000) : 0
    this.#today = { day, wattHours: this.#today.wattHours + joules / 3_600 }
  }

  /** The clock was set forward by so much, or back when negative. */
  clockSet(byMs: number): void {
    if (this.#sampledMs !== null) this.#sampledMs += byMs
  }

  #learn(share: number, drawnWatts: number | null): void {
    if (drawnWatts === null) {
      this.#idleWatts.clear()
      this.#measured.clear()
    } else if (share < idleShare) this.#idleWatts.add(drawnWatts)
    else if (share > busyShare && this.#idleWatts.count >= samplesMin)
      this.#measured.add(Math.max(0, drawnWatts - this.#idleWatts.value) / share)
  }
}

class Average {
  #value = 0
  #count = 0

  get value(): number {
    return this.#value
  }

  get count(): number {
    return this.#count
  }

  add(value: number): void {
    this.#count += 1
    this.#value += Math.max(weight, 1 / this.#count) * (value - this.#value)
  }

  clear(): void {
    this.#value = 0
    this.#count = 0
  }
}
