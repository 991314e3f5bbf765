/**
 * A virtual disk: a log of writes, each durable only some time after it was begun. A crash tears the log somewhere in
 * the part that was not durable yet; after its restart a node knows only what is left.
 */
import type { Chance } from './chance.ts'

export class Disk<Entry> {
  #log: { readonly entry: Entry; readonly durableAtMs: number }[] = []

  write(entry: Entry, durableAtMs: number): void {
    this.#log.push({ entry, durableAtMs })
  }

  /** Writes are durable in their order, so those after the tear are gone, and those before it are whole. */
  crash(nowMs: number, chance: Chance): void {
    const durable = this.#log.findIndex(({ durableAtMs }) => durableAtMs > nowMs)
    if (durable < 0) return
    this.#log.length = chance.between(durable, this.#log.length)
  }

  /** For good: its owner has no use for it any more, or the disk lost it. */
  forget(isGone: (entry: Entry) => boolean): void {
    this.#log = this.#log.filter(({ entry }) => !isGone(entry))
  }

  *entries(): Generator<Entry> {
    for (const { entry } of this.#log) yield entry
  }
}
