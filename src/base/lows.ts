/** Places at which something happened, one after another, and the lowest of them since a time: each question costs a binary search. */
export class Lows {
  /** Use: the lowest place since each time; rising in both. */
  readonly #times: number[] = []
  readonly #places: number[] = []
  #time = 0

  get time(): number {
    return this.#time
  }

  note(place: number): void {
    this.#time += 1
    while (this.#places.length > 0 && this.#places.at(-1)! >= place) {
      this.#places.pop()
      this.#times.pop()
    }
    this.#places.push(place)
    this.#times.push(this.#time)
  }

  /** The lowest place that was noted after this time; infinite when none was. */
  since(time: number): number {
    let [low, high] = [0, this.#times.length]
    while (low < high) {
      const middle = (low + high) >> 1
      if (this.#times[middle]! > time) high = middle
      else low = middle + 1
    }
    return this.#places[low] ?? Number.POSITIVE_INFINITY
  }
}
