/** The wasm runtime as submitters and vehicles know it without loading it: its options, and what it takes a document for. */
import type { OptionDescriptions } from '../options.ts'
import type { DocumentShape, WeightsDescription } from '../runtime.ts'

export const wasmWeights: WeightsDescription = { named: 'module', ending: '.wasm' }

/** Counting words and hashing took 170 ms for 2.1 MB, which is 12 kB a ms; the rest is a guess. */
const bytesPerMs = 10_000

/** One page, whose cost is guessed from its length: what a module makes of it is nobody's to say. */
export function wasmShapeOf(bytes: number): DocumentShape {
  return { pages: 1, pageCostMs: 1 + bytes / bytesPerMs }
}

/**
 * `memoryPagesMax`, pages of 64 KiB: 64 MiB is room for a document of 16 MiB and some copies of it, and a
 * vehicle has it free (a guess). Up to 128 MiB may be asked for: garbage collection lags behind by some
 * instances (documents that fill 256 MiB each took the process to 870 MB, measured), and on no vehicle may
 * the executor's own cap be what decides.
 * `outputBytesMax`: at most what a document's output may have anywhere (protocol/sizes.ts), and that by default.
 */
export const wasmOptions = {
  memoryPagesMax: {
    least: 1,
    most: 2048,
    default: 1024,
    description: 'memory of the module, in pages of 64 KiB',
  },
  outputBytesMax: {
    least: 1,
    most: 16 * 2 ** 20,
    default: 16 * 2 ** 20,
    description: 'the most that the module may write for a document, in bytes',
  },
} satisfies OptionDescriptions
