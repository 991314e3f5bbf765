/**
 * Memory of blocks that are done with, for blocks to come.
 *
 * Weights are thousands of blocks of a MiB, each of which is in memory for as long as it takes to write it. New memory for each
 * is pages that the system has to clear, and work for the garbage collector. So whoever has written a block gives its memory back. Nobody has
 * to: what is not given back is collected like any other.
 */
/** Pieces that are kept: about what one fetch has under way. A guess. */
const spareMax = 8

export class SpareMemory {
  readonly #pieceBytes: number
  readonly #spare: ArrayBuffer[] = []
  /** Pieces that are somebody's: each comes back once. */
  readonly #lent = new WeakSet<ArrayBuffer>()

  /** `frameBytesMax`: of the largest block with its header. Less than half of that is not worth it. */
  constructor(frameBytesMax: number) {
    this.#pieceBytes = frameBytesMax
  }

  /** Memory for a frame, whatever was in it before. */
  readonly take = (bytes: number): Uint8Array => {
    if (bytes < this.#pieceBytes / 2 || bytes > this.#pieceBytes) return uninitialized(bytes)
    const piece = this.#spare.pop() ?? uninitialized(this.#pieceBytes).buffer
    this.#lent.add(piece)
    return new Uint8Array(piece, 0, bytes)
  }

  /** Nobody reads the block any more. */
  giveBack({ buffer }: Uint8Array): void {
    if (buffer instanceof ArrayBuffer && this.#lent.delete(buffer) && this.#spare.length < spareMax)
      this.#spare.push(buffer)
  }
}

/** Every byte is written before it is read. Not from Buffer's pool, which would pin 64 KiB. */
export function uninitialized(bytes: number): Uint8Array<ArrayBuffer> {
  return new Uint8Array(Buffer.allocUnsafeSlow(bytes).buffer as ArrayBuffer)
}
