/**
 * GIF to gray: the first picture of the file, on white, where the file's screen has it (CompuServe, GIF89a, 1990).
 *
 * Written here because a torn file must be an error: the decoder that others use (omggif) leaves what is missing black, and says
 * so on the console alone. An animation is read by its first picture; the rest is no page.
 */
import { damaged } from './errors.ts'
import { type GrayImage, luma } from './gray-image.ts'
import type { PageSize } from './page-size.ts'

/** Throws RecordError('damaged-image'). */
export function gifSize(bytes: Uint8Array): PageSize {
  if (bytes.byteLength < 13) throw damaged('GIF')
  return { width: word(bytes, 6), height: word(bytes, 8) }
}

/** Throws RecordError('damaged-image'). */
export function decodeGif(bytes: Uint8Array): GrayImage {
  const { width, height } = gifSize(bytes)
  const pixels = new Uint8Array(width * height).fill(255)
  const { left, top, frameWidth, frameHeight, palette, isInterlaced, at, transparent } = firstPicture(bytes)
  if (left + frameWidth > width || top + frameHeight > height) throw damaged('GIF')
  const indices = unpack(bytes, at, frameWidth * frameHeight)
  for (const [line, row] of rowsOf(frameHeight, isInterlaced).entries()) {
    const to = (top + row) * width + left
    for (let x = 0; x < frameWidth; x += 1) {
      const index = indices[line * frameWidth + x]!
      if (index === transparent) continue
      const gray = palette[index]
      if (gray === undefined) throw damaged('GIF')
      pixels[to + x] = gray
    }
  }
  return { width, height, pixels }
}

interface Picture {
  readonly left: number
  readonly top: number
  readonly frameWidth: number
  readonly frameHeight: number
  /** Gray by index. */
  readonly palette: Uint8Array
  readonly isInterlaced: boolean
  readonly transparent: number | null
  /** Where its compressed data begins. */
  readonly at: number
}

/** Walks the blocks up to the first picture (section 23). */
function firstPicture(bytes: Uint8Array): Picture {
  let at = 13
  const shared = readPalette(bytes, at, bytes[10]!)
  at += 3 * shared.length
  let transparent: number | null = null
  for (;;) {
    const introducer = byteAt(bytes, at)
    if (introducer === 0x21) {
      if (byteAt(bytes, at + 1) === 0xf9 && byteAt(bytes, at + 2) >= 4)
        transparent = (byteAt(bytes, at + 3) & 1) === 1 ? byteAt(bytes, at + 6) : null
      at = afterBlocks(bytes, at + 2)
    } else if (introducer === 0x2c) {
      const flags = byteAt(bytes, at + 9)
      const own = readPalette(bytes, at + 10, flags)
      return {
        left: word(bytes, at + 1),
        top: word(bytes, at + 3),
        frameWidth: word(bytes, at + 5),
        frameHeight: word(bytes, at + 7),
        palette: own.length > 0 ? own : shared,
        isInterlaced: (flags & 0x40) !== 0,
        transparent,
        at: at + 10 + 3 * own.length,
      }
    } else throw damaged('GIF')
  }
}

/** Empty where the flags say that there is none. */
function readPalette(bytes: Uint8Array, at: number, flags: number): Uint8Array {
  if ((flags & 0x80) === 0) return new Uint8Array(0)
  const palette = new Uint8Array(2 << (flags & 7))
  byteAt(bytes, at + 3 * palette.length - 1)
  return palette.map((_, i) => luma(bytes[at + 3 * i]!, bytes[at + 3 * i + 1]!, bytes[at + 3 * i + 2]!))
}

/** The place behind a chain of blocks, each of which begins with its length. */
function afterBlocks(bytes: Uint8Array, from: number): number {
  let at = from
  for (let length = byteAt(bytes, at); length > 0; length = byteAt(bytes, at)) at += length + 1
  return at + 1
}

/** Rows in the order in which the file has them (appendix E). */
function rowsOf(height: number, isInterlaced: boolean): number[] {
  const passes = isInterlaced
    ? [
        [0, 8],
        [4, 8],
        [2, 4],
        [1, 2],
      ]
    : [[0, 1]]
  return passes.flatMap(([first, step]) =>
    Array.from({ length: Math.max(0, Math.ceil((height - first!) / step!)) }, (_, i) => first! + i * step!),
  )
}

const codesMax = 4096

/** Variable-length LZW, low bits first (appendix F). Exactly `length` indices; more are ignored, fewer are damage. */
function unpack(bytes: Uint8Array, from: number, length: number): Uint8Array {
  const out = new Uint8Array(length)
  const rootBits = byteAt(bytes, from)
  if (rootBits < 1 || rootBits > 8) throw damaged('GIF')
  const [clear, end] = [1 << rootBits, (1 << rootBits) + 1]
  const prefix = new Uint16Array(codesMax)
  const last = new Uint8Array(codesMax)
  const lengths = new Uint16Array(codesMax)
  for (let code = 0; code < clear; code += 1) {
    last[code] = code
    lengths[code] = 1
  }
  const input = new BlockBits(bytes, from + 1)
  let bits = rootBits + 1
  let next = end + 1
  let before = -1
  let filled = 0
  while (filled < length) {
    const code = input.read(bits)
    if (code === end) throw damaged('GIF')
    if (code === clear) {
      bits = rootBits + 1
      next = end + 1
      before = -1
      continue
    }
    if (
      code > next ||
      (code === next && before === -1) ||
      (code >= clear && lengths[code] === 0 && code !== next)
    )
      throw damaged('GIF')
    // The code that is about to be defined stands for the one before, and its first index again.
    const known = code < next ? code : before
    const count = lengths[known]! + (code < next ? 0 : 1)
    let place = filled + lengths[known]! - 1
    let first = known
    for (let link = known; ; link = prefix[link]!) {
      if (place < length) out[place] = last[link]!
      place -= 1
      first = link
      if (lengths[link] === 1) break
    }
    if (code === next && filled + count - 1 < length) out[filled + count - 1] = last[first]!
    if (before !== -1 && next < codesMax) {
      prefix[next] = before
      last[next] = last[first]!
      lengths[next] = lengths[before]! + 1
      next += 1
      if (next === 1 << bits && bits < 12) bits += 1
    }
    before = code
    filled += count
  }
  return out
}

/** Bits of a chain of blocks. */
class BlockBits {
  readonly #bytes: Uint8Array
  #at: number
  #left = 0
  #bits = 0
  #count = 0

  constructor(bytes: Uint8Array, at: number) {
    this.#bytes = bytes
    this.#at = at
  }

  read(count: number): number {
    while (this.#count < count) {
      this.#bits |= this.#nextByte() << this.#count
      this.#count += 8
    }
    const value = this.#bits & ((1 << count) - 1)
    this.#bits >>>= count
    this.#count -= count
    return value
  }

  #nextByte(): number {
    if (this.#left === 0) {
      this.#left = byteAt(this.#bytes, this.#at)
      this.#at += 1
      if (this.#left === 0) throw damaged('GIF')
    }
    this.#left -= 1
    const byte = byteAt(this.#bytes, this.#at)
    this.#at += 1
    return byte
  }
}

function byteAt(bytes: Uint8Array, at: number): number {
  const byte = bytes[at]
  if (byte === undefined) throw damaged('GIF')
  return byte
}

function word(bytes: Uint8Array, at: number): number {
  return byteAt(bytes, at) | (byteAt(bytes, at + 1) << 8)
}
