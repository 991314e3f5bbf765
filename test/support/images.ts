/**
 * Image files for tests and for the sample pages: small encoders that share no code with the decoders.
 */
import { deflateSync } from 'node:zlib'
import jpeg from 'jpeg-js'
import { PNG, type PNGOptions } from 'pngjs'

export interface Gray {
  readonly width: number
  readonly height: number
  readonly pixels: Uint8Array
}

/** 8-bit gray without row filters, which serve noisy scans of few levels badly. */
export function encodePng(image: Gray): Uint8Array {
  const { width, height, pixels } = image
  const options: PNGOptions = {
    width,
    height,
    colorType: 0,
    inputColorType: 0,
    inputHasAlpha: false,
    bitDepth: 8,
    filterType: 0,
    deflateLevel: 9,
  }
  const png = new PNG(options)
  png.data = Buffer.from(pixels)
  return PNG.sync.write(png, options)
}

export function encodeJpeg(image: Gray, quality: number): Uint8Array {
  const { width, height, pixels } = image
  const data = new Uint8Array(width * height * 4)
  for (const [pixel, gray] of pixels.entries()) data.set([gray, gray, gray, 255], 4 * pixel)
  return jpeg.encode({ width, height, data }, quality).data
}

/** One PNG chunk by chunk, for kinds that pngjs does not write. `raw` are filtered rows. */
export function assemblePng(
  header: readonly number[],
  raw: Uint8Array,
  before: readonly Chunk[] = [],
): Uint8Array {
  const chunks: Chunk[] = [
    { name: 'IHDR', body: Uint8Array.from(header) },
    ...before,
    { name: 'IDAT', body: deflateSync(raw) },
    { name: 'IEND', body: new Uint8Array(0) },
  ]
  return assembleChunks(chunks)
}

export function assembleChunks(chunks: readonly Chunk[]): Uint8Array {
  return Buffer.concat([Buffer.from([0x89, 0x50, 0x4e, 0x47, 13, 10, 26, 10]), ...chunks.map(encodeChunk)])
}

export interface Chunk {
  readonly name: string
  readonly body: Uint8Array
}

export function pngHeader(
  width: number,
  height: number,
  depth: number,
  colorType: number,
  interlace = 0,
): number[] {
  return [...uint32(width), ...uint32(height), depth, colorType, 0, 0, interlace]
}

function encodeChunk({ name, body }: Chunk): Uint8Array {
  const content = Buffer.concat([Buffer.from(name, 'latin1'), body])
  return Buffer.concat([Buffer.from(uint32(body.byteLength)), content, Buffer.from(uint32(crc32(content)))])
}

function crc32(bytes: Uint8Array): number {
  let crc = 0xffffffff
  for (const byte of bytes) {
    crc ^= byte
    for (let bit = 0; bit < 8; bit += 1) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1
  }
  return (crc ^ 0xffffffff) >>> 0
}

function uint32(value: number): number[] {
  return [(value >>> 24) & 255, (value >>> 16) & 255, (value >>> 8) & 255, value & 255]
}

export interface TiffPage {
  readonly width: number
  readonly height: number
  readonly bits: number
  readonly photometric: number
  readonly compression: number
  /** Rows padded to whole bytes, not yet compressed. */
  readonly raw: Uint8Array
  readonly samples?: number
  readonly rowsPerStrip?: number
  /** Compresses one strip; deflate for scheme 8, nothing for the others, where not given. */
  readonly compress?: (strip: Uint8Array) => Uint8Array
  /** More tags, or others for those above. */
  readonly tags?: Readonly<Record<number, readonly number[]>>
}

export function encodeTiff(pages: readonly TiffPage[], littleEndian = true): Uint8Array {
  const parts: Uint8Array[] = [new Uint8Array(8)]
  let length = 8
  const append = (bytes: Uint8Array): number => {
    const padded = bytes.byteLength % 2 === 0 ? bytes : Buffer.concat([bytes, Buffer.alloc(1)])
    parts.push(padded)
    length += padded.byteLength
    return length - padded.byteLength
  }
  const number = (value: number, bytes: number): Uint8Array => {
    const view = new DataView(new ArrayBuffer(bytes))
    if (bytes === 2) view.setUint16(0, value, littleEndian)
    else view.setUint32(0, value, littleEndian)
    return new Uint8Array(view.buffer)
  }
  const links: { at: Uint8Array; offset: number }[] = [{ at: parts[0]!, offset: 4 }]
  for (const page of pages) {
    const strips = stripsOf(page)
    const offsets = strips.map(append)
    const values = new Map<number, readonly number[]>([
      [256, [page.width]],
      [257, [page.height]],
      [258, Array<number>(page.samples ?? 1).fill(page.bits)],
      [259, [page.compression]],
      [262, [page.photometric]],
      [273, offsets],
      [277, [page.samples ?? 1]],
      [278, [page.rowsPerStrip ?? page.height]],
      [279, strips.map((strip) => strip.byteLength)],
      ...Object.entries(page.tags ?? {}).map(([tag, list]): [number, readonly number[]] => [
        Number(tag),
        list,
      ]),
    ])
    const entries = [...values]
      .sort((a, b) => a[0] - b[0])
      .map(([tag, list]) => {
        const content = Buffer.concat(list.map((value) => number(value, 4)))
        const field = list.length === 1 ? content : number(append(content), 4)
        return Buffer.concat([number(tag, 2), number(4, 2), number(list.length, 4), field])
      })
    const directory = Buffer.concat([number(entries.length, 2), ...entries, Buffer.alloc(4)])
    const link = links.at(-1)!
    link.at.set(number(append(directory), 4), link.offset)
    links.push({ at: parts.at(-1)!, offset: directory.byteLength - 4 })
  }
  parts[0]!.set(littleEndian ? [0x49, 0x49] : [0x4d, 0x4d])
  parts[0]!.set(number(42, 2), 2)
  return Buffer.concat(parts)
}

function stripsOf(page: TiffPage): Uint8Array[] {
  const compress =
    page.compress ?? (page.compression === 8 ? (strip: Uint8Array) => deflateSync(strip) : undefined)
  const rowBytes = Math.ceil((page.width * (page.samples ?? 1) * page.bits) / 8)
  const stripBytes = rowBytes * (page.rowsPerStrip ?? page.height)
  const strips: Uint8Array[] = []
  for (let at = 0; at < page.raw.byteLength; at += stripBytes) {
    const strip = page.raw.subarray(at, at + stripBytes)
    strips.push(compress === undefined ? strip : compress(strip))
  }
  return strips
}

/** One bit a pixel, 1 where the gray reaches `threshold`; rows padded to whole bytes. */
export function toBits(image: Gray, threshold: number): Uint8Array {
  const rowBytes = Math.ceil(image.width / 8)
  const bits = new Uint8Array(rowBytes * image.height)
  for (const [pixel, gray] of image.pixels.entries()) {
    const x = pixel % image.width
    const y = (pixel - x) / image.width
    if (gray >= threshold) bits[y * rowBytes + (x >> 3)]! |= 0x80 >> (x & 7)
  }
  return bits
}

export function packBits(bytes: Uint8Array): Uint8Array {
  const out: number[] = []
  let at = 0
  while (at < bytes.byteLength) {
    let run = 1
    while (run < 128 && bytes[at + run] === bytes[at]) run += 1
    if (run > 1) {
      out.push(257 - run, bytes[at]!)
      at += run
      continue
    }
    let literal = 1
    while (
      literal < 128 &&
      at + literal < bytes.byteLength &&
      bytes[at + literal] !== bytes[at + literal + 1]
    )
      literal += 1
    out.push(literal - 1, ...bytes.subarray(at, at + literal))
    at += literal
  }
  return Uint8Array.from(out)
}

/** TIFF's variant of LZW: high bit first, codes widened one early. */
export function packLzw(bytes: Uint8Array): Uint8Array {
  const bits: number[] = []
  let width = 9
  let table = new Map<string, number>()
  const emit = (code: number): void => {
    for (let bit = width - 1; bit >= 0; bit -= 1) bits.push((code >> bit) & 1)
  }
  const reset = (): void => {
    emit(256)
    width = 9
    table = new Map(Array.from({ length: 256 }, (_, code) => [String.fromCharCode(code), code]))
  }
  reset()
  let next = 258
  let known = ''
  for (const byte of bytes) {
    const longer = known + String.fromCharCode(byte)
    if (table.has(longer)) {
      known = longer
      continue
    }
    emit(table.get(known)!)
    table.set(longer, next)
    next += 1
    if (next === 512 || next === 1024 || next === 2048) width += 1
    if (next === 4095) {
      reset()
      next = 258
    }
    known = String.fromCharCode(byte)
  }
  if (known !== '') emit(table.get(known)!)
  emit(257)
  while (bits.length % 8 !== 0) bits.push(0)
  return Uint8Array.from({ length: bits.length / 8 }, (_, index) =>
    bits.slice(8 * index, 8 * index + 8).reduce((byte, bit) => (byte << 1) | bit, 0),
  )
}
