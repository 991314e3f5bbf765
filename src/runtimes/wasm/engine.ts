/**
 * Pins what V8 leaves to time and load, so that a document gives the same in a child that has just begun and in one that has run others.
 *
 * One compiler. V8 compiles a function with Liftoff, and again with TurboFan once it has run for a while. TurboFan's frames are a
 * third as large (measured: a recursion went 7,800 calls deep before, and 25,000 after), and its minimum of two NaNs has other bits. So
 * TurboFan compiles everything, when it is first called. That costs a program of 1.8 MB, Tesseract, 1.5 CPU-seconds once a session, and
 * no-op commands nothing; its later runs are as fast. (Declined: Liftoff for everything, with a third of the speed; compiling all at
 * load, 3.6 CPU-seconds for the same program.) A flag that is set in the running process, not at its start: what checks modules before
 * (wabt) would otherwise take 0.1 CPU-seconds more of each session.
 *
 * No leftovers. An instance's memory is freed when V8 collects garbage, and V8 sees no hurry in that. A memory.grow that meets the
 * child's bound on memory fails in the guest, as a value: 182 of 600 documents that asked for 128 MiB did not get them (measured). So
 * garbage is collected before it can come near the bound.
 */
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

/** Part of the engine's id. */
export const compilerFlag = '--no-liftoff'

/** A quarter of what the executor lets a child have (2 GiB). A collection takes some 10 ms. */
const leftoverBytesMax = 512 * 2 ** 20

/** Has V8 compile with TurboFan alone from now on. Functions that were compiled before stay as they are. */
export function pinCompiler(): void {
  setFlagsFromString(compilerFlag)
}

/** Collects the memories of instances that have ended, in time. */
export class Leftovers {
  readonly #collect: () => void
  #bytes = 0

  constructor(collect: () => void = collector()) {
    this.#collect = collect
  }

  /** An instance has ended whose memory has, or may have, so many bytes. */
  add(bytes: number): void {
    this.#bytes += bytes
    if (this.#bytes < leftoverBytesMax) return
    this.#collect()
    this.#bytes = 0
  }
}

function collector(): () => void {
  setFlagsFromString('--expose-gc')
  // Contexts that were made before do not have it.
  return runInNewContext('gc') as () => void
}
