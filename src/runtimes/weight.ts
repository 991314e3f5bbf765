/** Reads weights into memory, for engines that do not map them. */
import { closeSync, openSync, readSync } from 'node:fs'
import { RecordError, type Weight } from './runtime.ts'

/** A runtime's process has 2 GiB, and holds weights several times while it loads them. A guess. */
export const bytesInMemoryMax = 256 * 2 ** 20

/** The head by which larger weights are judged: the vocabulary of a language model lies in it. A guess. */
const weightsHeadBytes = 64 * 2 ** 20

/**
 * Returns all bytes of a weight. Throws RecordError bad-weights, in words that are the same everywhere, where it has more than
 * `bytesMax`; any other error is this machine's.
 */
export function bytesOf(weight: Weight, bytesMax = bytesInMemoryMax): Uint8Array {
  const length = weight instanceof Uint8Array ? weight.byteLength : weight.bytes
  if (length > bytesMax)
    throw new RecordError(
      'bad-weights',
      `a weight has ${length} bytes, and this engine takes at most ${bytesMax}`,
    )
  if (weight instanceof Uint8Array) return weight
  const bytes = new Uint8Array(length)
  const file = openSync(weight.path, 'r')
  try {
    for (let at = 0; at < length; ) {
      const read = readSync(file, bytes, at, Math.min(length - at, readBytesMax), at)
      if (read === 0) throw new Error(`a weight has ${at} bytes, and ${length} were stated`)
      at += read
    }
  } finally {
    closeSync(file)
  }
  return bytes
}

/** The first bytes of a weight, up to `weightsHeadBytes`. Throws what the file system throws. */
export function headOf(weight: Weight): Uint8Array {
  if (weight instanceof Uint8Array) return weight.subarray(0, weightsHeadBytes)
  const head = new Uint8Array(Math.min(weight.bytes, weightsHeadBytes))
  const file = openSync(weight.path, 'r')
  try {
    return head.subarray(0, readSync(file, head, 0, head.byteLength, 0))
  } finally {
    closeSync(file)
  }
}

/** Linux reads no more at once than a little less than 2 GiB. */
const readBytesMax = 2 ** 30
