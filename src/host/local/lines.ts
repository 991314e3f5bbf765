/** JSON lines, cut out of a byte stream. The only framing a person can speak with socat, and it needs no more. */

/** A line without end is a peer gone wrong; waiting for its end would take all memory. */
export class LineTooLong extends Error {
  constructor(bytesMax: number) {
    super(`a line has more than ${bytesMax} bytes`)
    this.name = 'LineTooLong'
  }
}

export class LineReader {
  readonly #bytesMax: number
  #parts: Uint8Array[] = []
  #bytes = 0

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax
  }

  /** The lines that this chunk completes, without their ends; empty ones are left out. Throws LineTooLong. */
  *push(chunk: Uint8Array): Generator<string> {
    let start = 0
    for (;;) {
      const end = chunk.indexOf(newline, start)
      this.#keep(chunk.subarray(start, end === -1 ? chunk.byteLength : end))
      if (end === -1) return
      const line = Buffer.concat(this.#parts).toString('utf8').trim()
      this.#parts = []
      this.#bytes = 0
      if (line !== '') yield line
      start = end + 1
    }
  }

  #keep(part: Uint8Array): void {
    this.#bytes += part.byteLength
    if (this.#bytes > this.#bytesMax) throw new LineTooLong(this.#bytesMax)
    if (part.byteLength > 0) this.#parts.push(part)
  }
}

const newline = 0x0a
