/**
 * JPEG 2000 to gray, decoded by OpenJPEG as WebAssembly (package @cornerstonejs/codec-openjpeg): JP2 files and bare codestreams.
 *
 * The codestream's first marker is read here (ISO/IEC 15444-1, A.5.1), so that the decoder is asked for nothing that does not fit, and
 * for components of one size only, which is all that it copies safely.
 */
import { damaged, decoding } from './errors.ts'
import { type GrayImage, luma, overWhite } from './gray-image.ts'
import type { PageSize } from './page-size.ts'
import { WasmDecoder } from './wasm-decoder.ts'

type FrameInfo = import('@cornerstonejs/codec-openjpeg/decodewasmjs').FrameInfo

export const jpeg2000Decoder = new WasmDecoder(
  '@cornerstonejs/codec-openjpeg/decodewasm',
  async () => (await import('@cornerstonejs/codec-openjpeg/decodewasmjs')).default,
)

interface Codestream extends PageSize {
  readonly components: number
  /** The colour that a JP2 file says its components are (ISO/IEC 15444-1, I.5.3.3); null: it says none. */
  readonly colour: number | null
}

const cmyk = 12
const sycc = 18

/** The most pixels that fit the decoder's memory. Throws as `jpeg2000Size`. */
export function jpeg2000PixelsMax(bytes: Uint8Array): number {
  return Math.floor(samplesMax / readHeader(bytes).components)
}

/** Throws RecordError('damaged-image'). */
export function jpeg2000Size(bytes: Uint8Array): PageSize {
  const { width, height } = readHeader(bytes)
  return { width, height }
}

/** Throws RecordError('damaged-image'). */
export async function decodeJpeg2000(bytes: Uint8Array): Promise<GrayImage> {
  const { width, height, components, colour } = readHeader(bytes)
  const { J2KDecoder } = await jpeg2000Decoder.start()
  return decoding('JPEG 2000', () => {
    const codec = new J2KDecoder()
    codec.getEncodedBuffer(bytes.byteLength).set(bytes)
    codec.decode()
    const info = codec.getFrameInfo()
    const isAsSaid = info.width === width && info.height === height && info.componentCount >= components
    if (!isAsSaid) throw damaged('JPEG 2000')
    return { width, height, pixels: grayOf(codec.getDecodedBuffer(), info, colour) }
  })
}

/** A palette makes several components of one. */
function grayOf(samples: Uint8Array, info: FrameInfo, colour: number | null): Uint8Array {
  const { width, height, bitsPerSample, isSigned, componentCount: count } = info
  const bytesEach = bitsPerSample > 8 ? 2 : 1
  if (isSigned || bitsPerSample > 16 || bitsPerSample < 1 || count > 4) throw damaged('JPEG 2000')
  if (samples.byteLength < width * height * count * bytesEach) throw damaged('JPEG 2000')
  const full = (1 << bitsPerSample) - 1
  const at = (index: number): number => {
    const sample = bytesEach === 1 ? samples[index]! : samples[2 * index]! | (samples[2 * index + 1]! << 8)
    return full === 255 ? sample : Math.floor((Math.min(sample, full) * 255 + (full >> 1)) / full)
  }
  const pixels = new Uint8Array(width * height)
  for (let pixel = 0, index = 0; pixel < pixels.length; pixel += 1, index += count) {
    if (count <= 2 || colour === sycc) {
      pixels[pixel] = count === 2 ? overWhite(at(index), at(index + 1)) : at(index)
    } else if (colour === cmyk && count === 4) {
      const light = 255 - at(index + 3)
      const shade = (ink: number): number => Math.floor(((255 - ink) * light + 127) / 255)
      pixels[pixel] = luma(shade(at(index)), shade(at(index + 1)), shade(at(index + 2)))
    } else {
      const gray = luma(at(index), at(index + 1), at(index + 2))
      pixels[pixel] = count === 4 ? overWhite(gray, at(index + 3)) : gray
    }
  }
  return pixels
}

/** The decoder holds 4 bytes a sample twice, and its input: 60 million, as A4 in colour at 450 dpi, are half a gigabyte. */
const samplesMax = 60_000_000

function readHeader(bytes: Uint8Array): Codestream {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  if (bytes[0] === 0xff) return readSize(view, 0, null)
  let colour: number | null = null
  for (const { name, at } of boxes(view, 0, bytes.byteLength, 0)) {
    if (name === 'colr' && colour === null && at + 7 <= bytes.byteLength && view.getUint8(at) === 1)
      colour = view.getUint32(at + 3)
    if (name === 'jp2c') return readSize(view, at, colour)
  }
  throw damaged('JPEG 2000')
}

/** Boxes in their order, and those within the header's box. `at`: of their contents. */
function* boxes(
  view: DataView,
  from: number,
  to: number,
  depth: number,
): Generator<{ name: string; at: number }> {
  let at = from
  while (at + 8 <= to) {
    const name = String.fromCharCode(...Array.from({ length: 4 }, (_, i) => view.getUint8(at + 4 + i)))
    const short = view.getUint32(at)
    const hasLong = short === 1 && at + 16 <= to
    const length = hasLong ? Number(view.getBigUint64(at + 8)) : short === 0 ? to - at : short
    const head = hasLong ? 16 : 8
    if (length < head) throw damaged('JPEG 2000')
    yield { name, at: at + head }
    if (name === 'jp2h' && depth === 0) yield* boxes(view, at + head, Math.min(to, at + length), 1)
    at += length
  }
}

/** The markers SOC and SIZ. */
function readSize(view: DataView, at: number, colour: number | null): Codestream {
  if (at + 42 > view.byteLength || view.getUint32(at) !== 0xff4fff51) throw damaged('JPEG 2000')
  const [right, bottom, left, top] = [8, 12, 16, 20].map((place) => view.getUint32(at + place)) as [
    number,
    number,
    number,
    number,
  ]
  const components = view.getUint16(at + 40)
  if (right < left || bottom < top || components < 1 || components > 4) throw damaged('JPEG 2000')
  if (at + 42 + 3 * components > view.byteLength) throw damaged('JPEG 2000')
  for (let component = 0; component < components; component += 1) {
    const isWhole = view.getUint16(at + 43 + 3 * component) === 0x0101
    if (!isWhole) throw damaged('JPEG 2000')
  }
  return { width: right - left, height: bottom - top, components, colour }
}
