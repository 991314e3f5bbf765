/** A map from places in a short list, of mostly so many: one array, where a Map takes five times the memory. */
export class Places<Value extends {}> {
  #values: (Value | undefined)[]
  #size = 0

  constructor(length = 0) {
    this.#values = new Array(length).fill(undefined)
  }

  /** Such a map of these values, which are not copied: no place of them may be set anew. */
  static of<Value extends {}>(values: readonly Value[]): Places<Value> {
    const places = new Places<Value>()
    places.#values = values as Value[]
    places.#size = values.length
    return places
  }

  get size(): number {
    return this.#size
  }

  has(place: number): boolean {
    return this.#values[place] !== undefined
  }

  get(place: number): Value | undefined {
    return this.#values[place]
  }

  set(place: number, value: Value): this {
    if (this.#values[place] === undefined) this.#size += 1
    this.#values[place] = value
    return this
  }

  /** Rising. */
  *keys(): Generator<number> {
    for (const [place] of this) yield place
  }

  /** Rising. */
  *[Symbol.iterator](): Generator<[number, Value]> {
    for (const [place, value] of this.#values.entries()) if (value !== undefined) yield [place, value]
  }
}
