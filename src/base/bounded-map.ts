/** A map that keeps so many entries, and forgets first what was used longest ago. */
export class BoundedMap<Key, Value> {
  /** The least recently used first. */
  readonly #entries = new Map<Key, Value>()
  readonly #sizeMax: number
  readonly #onForget: (key: Key, value: Value) => void

  /** `onForget` is called for entries that fall out at the bound, and not for those that are deleted. */
  constructor(sizeMax: number, onForget: (key: Key, value: Value) => void = () => {}) {
    this.#sizeMax = sizeMax
    this.#onForget = onForget
  }

  get size(): number {
    return this.#entries.size
  }

  has(key: Key): boolean {
    return this.#entries.has(key)
  }

  /** Counts as a use. */
  get(key: Key): Value | undefined {
    const value = this.#entries.get(key)
    if (value === undefined) return undefined
    this.#entries.delete(key)
    this.#entries.set(key, value)
    return value
  }

  /** As `get`, and the entry is forgotten as early as before. */
  peek(key: Key): Value | undefined {
    return this.#entries.get(key)
  }

  set(key: Key, value: Value): void {
    this.#entries.delete(key)
    this.#entries.set(key, value)
    if (this.#entries.size <= this.#sizeMax) return
    const [oldest, forgotten] = this.#entries.entries().next().value!
    this.#entries.delete(oldest)
    this.#onForget(oldest, forgotten)
  }

  delete(key: Key): boolean {
    return this.#entries.delete(key)
  }

  clear(): void {
    this.#entries.clear()
  }

  /** The least recently used first. */
  values(): MapIterator<Value> {
    return this.#entries.values()
  }

  /** The least recently used first. */
  [Symbol.iterator](): MapIterator<[Key, Value]> {
    return this.#entries.entries()
  }
}
