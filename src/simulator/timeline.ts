/** Virtual time: a binary heap of what will happen, the earliest first, and of those the first that was added. */
interface Happening {
  readonly atMs: number
  readonly order: number
  readonly happen: () => void
}

export class Timeline {
  readonly #heap: Happening[] = []
  #order = 0
  #nowMs = 0
  #events = 0

  get nowMs(): number {
    return this.#nowMs
  }

  /** How many events have happened. */
  get events(): number {
    return this.#events
  }

  at(atMs: number, happen: () => void): void {
    const heap = this.#heap
    this.#order += 1
    heap.push({ atMs: Math.max(this.#nowMs, atMs), order: this.#order, happen })
    for (let i = heap.length - 1; i > 0; ) {
      const above = (i - 1) >> 1
      if (!precedes(heap[i]!, heap[above]!)) break
      swap(heap, i, above)
      i = above
    }
  }

  /** Lets the next thing happen, unless that is later than untilMs. */
  step(untilMs: number): boolean {
    const heap = this.#heap
    const first = heap[0]
    if (first === undefined || first.atMs > untilMs) return false
    const last = heap.pop()!
    if (heap.length > 0) {
      heap[0] = last
      for (let i = 0; ; ) {
        let least = i
        for (const below of [2 * i + 1, 2 * i + 2])
          if (below < heap.length && precedes(heap[below]!, heap[least]!)) least = below
        if (least === i) break
        swap(heap, i, least)
        i = least
      }
    }
    this.#nowMs = first.atMs
    this.#events += 1
    first.happen()
    return true
  }
}

function precedes(a: Happening, b: Happening): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order)
}

function swap(heap: Happening[], i: number, j: number): void {
  const kept = heap[i]!
  heap[i] = heap[j]!
  heap[j] = kept
}
