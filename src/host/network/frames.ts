/** Frames with a length prefix, read and written within bounds. */
import { setImmediate } from 'node:timers/promises'
import { NetworkError } from './errors.ts'
import { uninitialized } from './spare-memory.ts'

/**
 * Length-prefixed frames: an unsigned varint (protobuf's), then that many bytes.
 *
 * The prefix is judged before anything is allocated, so that a peer that announces a gigabyte costs us five
 * bytes. Each frame gets memory of its own, of exactly its length, filled as chunks arrive: one copy, no
 * concatenation at the end, and a small message kept by its handler does not pin the large chunk it came in.
 * `allocate` gives that memory, of which every byte is
 * written before the frame is handed out. it-length-prefixed was declined because it copies through a list, and limits by its own 4 MiB buffer.
 *
 * Every few frames the event loop gets a turn: a megabyte of empty frames in the read-ahead would otherwise be
 * handled in one go of microtasks, while timers, pings and every other peer wait.
 */
export async function* frames(
  chunks: AsyncIterable<Uint8Array>,
  frameBytesMax: number,
  allocate: (bytes: number) => Uint8Array = uninitialized,
): AsyncGenerator<Uint8Array, void, undefined> {
  let frameBytes = 0
  let prefixBits = 0
  let frame: Uint8Array | undefined
  let filledBytes = 0
  let count = 0
  for await (const chunk of chunks) {
    let at = 0
    while (at < chunk.byteLength) {
      if (frame === undefined) {
        const byte = chunk[at++]!
        frameBytes += (byte & 0x7f) * 2 ** prefixBits
        prefixBits += 7
        if (frameBytes > frameBytesMax || prefixBits > prefixBitsMax) {
          throw new NetworkError('malformed', `a frame of more than ${frameBytesMax} bytes was announced`)
        }
        if (byte >= 0x80) continue
        frame = allocate(frameBytes)
        filledBytes = 0
      }
      const part = chunk.subarray(at, at + frameBytes - filledBytes)
      frame.set(part, filledBytes)
      filledBytes += part.byteLength
      at += part.byteLength
      if (filledBytes < frameBytes) continue
      yield frame
      if (++count % framesPerTurn === 0) await setImmediate()
      frame = undefined
      frameBytes = 0
      prefixBits = 0
    }
  }
  // A peer that died, not one that lied.
  if (frame !== undefined || prefixBits > 0) {
    throw new NetworkError('closed', 'the stream ended inside a frame')
  }
}

/** The prefix of a frame of so many bytes. */
export function framePrefix(frameBytes: number): Uint8Array {
  const bytes: number[] = []
  let rest = frameBytes
  for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) bytes.push((rest & 0x7f) | 0x80)
  bytes.push(rest)
  return Uint8Array.from(bytes)
}

/** Four bytes of seven bits announce up to 256 MiB, far above any frame of ours; more are padding or an attack. */
const prefixBitsMax = 28

/** The fullest frame asks for 512 blocks that we lack, which takes about 5 ms. Guess. */
const framesPerTurn = 16
