/** Keys and the times at which each is due: a binary heap, so that asking for those that are due costs nothing while none is. */
interface Due<Key> {
  readonly key: Key
  readonly atMs: number
}

export class DueTimes<Key> {
  readonly #heap: Due<Key>[] = []
  /** Use: the earliest time at which a key is in the heap. Later ones of it have no effect. */
  readonly #earliest = new Map<Key, number>()

  /** The key is due then, and no longer later. A time that is not finite never comes. */
  put(key: Key, atMs: number): void {
    if (!Number.isFinite(atMs) || atMs >= (this.#earliest.get(key) ?? Number.POSITIVE_INFINITY)) return
    this.#earliest.set(key, atMs)
    const heap = this.#heap
    heap.push({ key, atMs })
    for (let i = heap.length - 1; i > 0; ) {
      const above = (i - 1) >> 1
      if (heap[above]!.atMs <= heap[i]!.atMs) break
      swap(heap, i, above)
      i = above
    }
  }

  /** Takes out the keys that are due by this time, each once. */
  take(nowMs: number): Key[] {
    const due: Key[] = []
    for (let first = this.#heap[0]; first !== undefined && first.atMs <= nowMs; first = this.#heap[0]) {
      this.#removeFirst()
      if (this.#earliest.get(first.key) !== first.atMs) continue
      this.#earliest.delete(first.key)
      due.push(first.key)
    }
    return due
  }

  clear(): void {
    this.#heap.length = 0
    this.#earliest.clear()
  }

  #removeFirst(): void {
    const heap = this.#heap
    const last = heap.pop()!
    if (heap.length === 0) return
    heap[0] = last
    for (let i = 0; ; ) {
      let least = i
      for (const below of [2 * i + 1, 2 * i + 2])
        if (below < heap.length && heap[below]!.atMs < heap[least]!.atMs) least = below
      if (least === i) return
      swap(heap, i, least)
      i = least
    }
  }
}

function swap<Item>(items: Item[], a: number, b: number): void {
  const item = items[a]!
  items[a] = items[b]!
  items[b] = item
}
