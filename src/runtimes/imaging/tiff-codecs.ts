/**
 * TIFF's compression schemes, each from one strip or tile to exactly the bytes that its rows need.
 *
 * Strictness is the point: a strip that gives fewer bytes than its rows is damage, never gray filling. The
 * libraries at hand (utif2, tiff.js) fill up silently, which would turn a torn file into a confident record.
 */
import { inflateSync } from 'node:zlib'
import { damaged } from './errors.ts'

/** PackBits (TIFF 6.0, section 9): run lengths of bytes. */
export function unpackBits(data: Uint8Array, length: number): Uint8Array {
  const out = new Uint8Array(length)
  let filled = 0
  let at = 0
  while (filled < length) {
    if (at >= data.byteLength) throw damaged('TIFF')
    const head = data[at]!
    at += 1
    if (head < 128) {
      const count = head + 1
      if (at + count > data.byteLength || filled + count > length) throw damaged('TIFF')
      out.set(data.subarray(at, at + count), filled)
      at += count
      filled += count
    } else if (head > 128) {
      const count = 257 - head
      if (at >= data.byteLength || filled + count > length) throw damaged('TIFF')
      out.fill(data[at]!, filled, filled + count)
      at += 1
      filled += count
    }
  }
  return out
}

/** Deflate (zlib wrapped); stops at one byte more than wanted, so that a bomb stays small. */
export function inflate(data: Uint8Array, length: number): Uint8Array {
  const out = inflateSync(data, { maxOutputLength: length + 1 })
  if (out.byteLength < length) throw damaged('TIFF')
  return out.subarray(0, length)
}

const clearCode = 256
const endCode = 257
const codesMax = 4096

/** LZW (TIFF 6.0, section 13): codes of 9 to 12 bits, high bit first, widened one code early. */
export function unpackLzw(data: Uint8Array, length: number): Uint8Array {
  const out = new Uint8Array(length)
  const prefix = new Int16Array(codesMax)
  const suffix = new Uint8Array(codesMax)
  const lengths = new Int32Array(codesMax)
  for (let code = 0; code < 256; code += 1) {
    suffix[code] = code
    lengths[code] = 1
  }
  let next = endCode + 1
  let width = 9
  let previous = -1
  let bits = 0
  let bitCount = 0
  let at = 0
  let filled = 0

  /** Writes a code's string back to front; returns its first byte. */
  const write = (code: number): number => {
    const end = filled + lengths[code]!
    let place = end - 1
    let rest = code
    for (;;) {
      if (place < length) out[place] = suffix[rest]!
      if (lengths[rest] === 1) break
      rest = prefix[rest]!
      place -= 1
    }
    filled = end
    return suffix[rest]!
  }

  while (filled < length) {
    while (bitCount < width) {
      if (at >= data.byteLength) throw damaged('TIFF')
      bits = ((bits << 8) | data[at]!) & 0xffffff
      at += 1
      bitCount += 8
    }
    bitCount -= width
    const code = (bits >> bitCount) & ((1 << width) - 1)
    if (code === endCode) throw damaged('TIFF')
    if (code === clearCode) {
      next = endCode + 1
      width = 9
      previous = -1
      continue
    }
    if (previous === -1) {
      if (code > 255) throw damaged('TIFF')
      write(code)
    } else {
      if (code > next || next >= codesMax) throw damaged('TIFF')
      prefix[next] = previous
      lengths[next] = lengths[previous]! + 1
      suffix[next] = firstByte(code === next ? previous : code)
      next += 1
      write(code)
      if (next + 1 >= 1 << width && width < 12) width += 1
    }
    previous = code
  }
  return out

  function firstByte(code: number): number {
    let rest = code
    while (lengths[rest]! > 1) rest = prefix[rest]!
    return suffix[rest]!
  }
}
