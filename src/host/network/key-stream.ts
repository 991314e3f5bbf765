/**
 * XSalsa20 as a stream: the cipher that libp2p's private networks are made of, for as many bytes as a connection has.
 *
 * The package that libp2p uses for it keeps all ciphers of a process in one WebAssembly memory, which grows without end
 * once a single read is above 640 KiB, and takes the process with it (js-libp2p issue 3585). Here each direction of a connection owns
 * 4 KiB of key stream and a counter, and there is nothing to share, to grow or to hand back.
 */
import { hsalsa, salsa20 } from '@noble/ciphers/salsa.js'

export const nonceBytes = 24
export const meshKeyBytes = 32

/** Salsa20's block. */
const blockBytes = 64
/** Blocks made at a time: enough that a call costs little, few enough that an idle connection weighs little. */
const blocksAtOnce = 64
/** The cipher counts blocks in 32 bits: 256 GiB, after which a connection has to be made anew. */
const blocksMax = 2 ** 32 - blocksAtOnce

const zeros = new Uint8Array(blocksAtOnce * blockBytes)
/** "expand 32-byte k", Salsa20's constant. */
const sigma = wordsOf(new TextEncoder().encode('expand 32-byte k'))

export class KeyStream {
  readonly #key = new Uint8Array(meshKeyBytes)
  readonly #nonce: Uint8Array
  readonly #made = new Uint8Array(blocksAtOnce * blockBytes)
  /** Bytes of `#made` that are used up. */
  #used = blocksAtOnce * blockBytes
  #blocks: number

  /** `blocks`: where the counter starts, for tests. */
  constructor(key: Uint8Array, nonce: Uint8Array, blocks = 0) {
    const derived = new Uint32Array(8)
    hsalsa(sigma, wordsOf(key.subarray(0, meshKeyBytes)), wordsOf(nonce.subarray(0, 16)), derived)
    this.#key.set(new Uint8Array(derived.buffer))
    this.#nonce = Uint8Array.from(nonce.subarray(16, nonceBytes))
    this.#blocks = blocks
  }

  /** Writes `from`, encrypted or decrypted, to `to` at `at`. Throws Error when the stream is used up. */
  xor(from: Uint8Array, to: Uint8Array, at = 0): void {
    for (let i = 0; i < from.byteLength; ) {
      if (this.#used === this.#made.byteLength) this.#make()
      const count = Math.min(from.byteLength - i, this.#made.byteLength - this.#used)
      for (let j = 0; j < count; j++) to[at + i + j] = from[i + j]! ^ this.#made[this.#used + j]!
      this.#used += count
      i += count
    }
  }

  #make(): void {
    if (this.#blocks >= blocksMax) throw new Error('this connection has carried 256 GiB under one mesh key')
    salsa20(this.#key, this.#nonce, zeros, this.#made, this.#blocks)
    this.#blocks += blocksAtOnce
    this.#used = 0
  }
}

/** Copied, since a view of words has to begin at a multiple of four; a Buffer would be a view of more than its bytes. */
function wordsOf(bytes: Uint8Array): Uint32Array {
  return new Uint32Array(Uint8Array.from(bytes).buffer)
}
