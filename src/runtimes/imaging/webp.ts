/**
 * WebP to gray, decoded by libwebp as WebAssembly (package @jsquash/webp): lossy, lossless, transparent.
 *
 * The header is read here (RFC 9649), so that the decoder is asked for nothing that does not fit; it compares the header with
 * the picture inside by itself. An animation is refused by name: it is no page.
 */
import { damaged, decodingLater } from './errors.ts'
import { orientationIn } from './exif.ts'
import { type GrayImage, grayOfRgba, oriented } from './gray-image.ts'
import type { PageSize } from './page-size.ts'
import { WasmDecoder } from './wasm-decoder.ts'

export const webpDecoder = new WasmDecoder(
  '@jsquash/webp/codec/dec/webp_dec.wasm',
  async () => (await import('@jsquash/webp/codec/dec/webp_dec.js')).default,
)

/** Throws RecordError('damaged-image'). */
export function webpSize(bytes: Uint8Array): PageSize {
  if (bytes.byteLength < 30) throw damaged('WebP')
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  // A file that is shorter than its header says has lost its end.
  if (view.getUint32(4, true) + 8 > bytes.byteLength) throw damaged('WebP')
  switch (String.fromCharCode(...bytes.subarray(12, 16))) {
    case 'VP8 ':
      return { width: view.getUint16(26, true) & 0x3fff, height: view.getUint16(28, true) & 0x3fff }
    case 'VP8L': {
      const packed = view.getUint32(21, true)
      return { width: (packed & 0x3fff) + 1, height: ((packed >>> 14) & 0x3fff) + 1 }
    }
    case 'VP8X': {
      const isAnimation = (bytes[20]! & 2) !== 0
      if (isAnimation) throw damaged('WebP')
      return {
        width: (view.getUint32(24, true) & 0xffffff) + 1,
        height: (view.getUint32(26, true) >>> 8) + 1,
      }
    }
    default:
      throw damaged('WebP')
  }
}

/** Throws RecordError('damaged-image'). */
export async function decodeWebp(bytes: Uint8Array): Promise<GrayImage> {
  const { width, height } = webpSize(bytes)
  const { decode } = await webpDecoder.start()
  return decodingLater('WebP', async () => {
    const decoded = decode(bytes)
    if (decoded === null || decoded.width !== width || decoded.height !== height) throw damaged('WebP')
    return oriented(grayOfRgba(decoded), orientationOf(bytes))
  })
}

/** By the EXIF chunk after the picture; 1: there is none. */
function orientationOf(bytes: Uint8Array): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  for (let at = 12; at + 8 <= bytes.byteLength; ) {
    const length = view.getUint32(at + 4, true)
    const name = String.fromCharCode(...bytes.subarray(at, at + 4))
    if (name === 'EXIF') return orientationIn(bytes.subarray(at + 8, at + 8 + length))
    at += 8 + length + (length & 1) // chunks begin at even places
  }
  return 1
}
