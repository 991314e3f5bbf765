/**
 * A virtual disk: a log of writes, each durable only some time after it was begun. A crash drops what was not durable
 * yet; what a node knows after its restart is what the others add up to.
 */
export class Disk<Entry> {
  #log: { readonly entry: Entry; readonly durableAtMs: number }[] = []

  write(entry: Entry, durableAtMs: number): void {
    this.#log.push({ entry, durableAtMs })
  }

  crash(nowMs: number): void {
    this.#log = this.#log.filter(({ durableAtMs }) => durableAtMs <= nowMs)
  }

  *entries(): Generator<Entry> {
    for (const { entry } of this.#log) yield entry
  }
}
