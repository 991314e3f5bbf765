/** How fast this vehicle is, by runtime and engine: measured units of work for each hour of one slot, kept over restarts. */
import type { Manifest } from '../../protocol/job/manifest.ts'
import { unitOfRuntime } from '../../runtimes/registry.ts'
import type { Clock } from '../clock.ts'
import { StoreError } from '../store/errors.ts'
import type { Journal } from '../store/journal.ts'

/** How much one shard moves the estimate: a guess that forgets a slow hour within some twenty shards. */
const weight = 0.1
/** A restart forgets a minute of an average over hours; by the count of shards, tiny ones would cost a commit each 0.1 s. */
const saveIntervalMs = 60_000

export class Speedometer {
  readonly #journal: Journal
  readonly #clock: Clock
  readonly #unitsPerHour = new Map<string, number>()
  #savedMs = Number.NEGATIVE_INFINITY

  constructor(journal: Journal, clock: Clock) {
    this.#clock = clock
    this.#journal = journal
  }

  /** So many units of this job, those of its runtime, took so long. */
  measure(manifest: Manifest, units: number, wallMs: number): void {
    const measured = (units * 3_600_000) / Math.max(1, wallMs)
    const key = settingOf(manifest.runtime, manifest.engine.id)
    const known = this.unitsPerHour(manifest.runtime, manifest.engine.id)
    this.#unitsPerHour.set(key, known === 0 ? measured : known + weight * (measured - known))
    const nowMs = this.#clock.monotonicMs()
    if (nowMs - this.#savedMs < saveIntervalMs) return
    this.#savedMs = nowMs
    try {
      for (const [name, value] of this.#unitsPerHour) this.#journal.putSetting(name, String(value))
    } catch (error) {
      // An average is not worth a lease.
      if (!(error instanceof StoreError) || error.code !== 'disk-full') throw error
    }
  }

  /** 0 before the first measurement. */
  unitsPerHour(runtime: string, engineId: string): number {
    const key = settingOf(runtime, engineId)
    return Math.round(this.#unitsPerHour.get(key) ?? Number(this.#journal.getSetting(key) ?? 0))
  }
}

function settingOf(runtime: string, engineId: string): string {
  const { one, isCounted } = unitOfRuntime(runtime)
  // Where units are counted, other versions kept how many pages there were.
  return `speed/${runtime}/${engineId}${isCounted ? `/${one}` : ''}`
}
