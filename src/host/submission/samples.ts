/** Some of the documents that go by: the first, the smallest, the largest, and of the 2nd, 4th, 8th … the last. */

/** Larger documents are no samples: some are kept in memory. */
const sampleBytesMax = 2 ** 20

export class Samples {
  #first: Uint8Array | undefined
  #smallest: Uint8Array | undefined
  #largest: Uint8Array | undefined
  #between: Uint8Array | undefined
  #seen = 0

  consider(document: Uint8Array): void {
    if (document.byteLength > sampleBytesMax) return
    this.#seen += 1
    this.#first ??= document
    if (Number.isInteger(Math.log2(this.#seen))) this.#between = document
    if (document.byteLength < (this.#smallest?.byteLength ?? Number.POSITIVE_INFINITY))
      this.#smallest = document
    if (document.byteLength > (this.#largest?.byteLength ?? -1)) this.#largest = document
  }

  get kept(): readonly Uint8Array[] {
    const all = [this.#first, this.#between, this.#smallest, this.#largest]
    return [...new Set(all.filter((document) => document !== undefined))]
  }
}
