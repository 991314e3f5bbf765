/** PNG to gray, decoded by pngjs: every bit depth, palette, interlacing and transparency. */
import { inflateSync } from 'node:zlib'
import { PNG } from 'pngjs'
import { damaged, decoding } from './errors.ts'
import { orientationIn } from './exif.ts'
import { type GrayImage, grayOfRgba, oriented } from './gray-image.ts'
import type { PageSize } from './page-size.ts'

const headerBytes = 33

/** Throws RecordError('damaged-image') when there is no whole IHDR chunk. */
export function pngSize(bytes: Uint8Array): PageSize {
  if (bytes.byteLength < headerBytes || chunkName(bytes, 8) !== 'IHDR') throw damaged('PNG')
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  return { width: view.getUint32(16), height: view.getUint32(20) }
}

/** Throws RecordError('damaged-image'), also for a file that merely lacks its end. */
export function decodePng(bytes: Uint8Array): GrayImage {
  return decoding('PNG', () => {
    refuseInflateBomb(bytes)
    const whole = withoutTail(bytes)
    const picture = PNG.sync.read(Buffer.from(whole.buffer, whole.byteOffset, whole.byteLength))
    return oriented(grayOfRgba(picture), orientationOf(whole))
  })
}

/**
 * pngjs bounds how much it inflates, except for interlaced files, where a few kilobytes may become gigabytes.
 * Seven passes pad each row to whole bytes and add a filter byte: 9 bytes a pixel covers 16-bit RGBA with it.
 */
function refuseInflateBomb(bytes: Uint8Array): void {
  const interlaced = bytes[28] === 1
  if (!interlaced) return
  const { width, height } = pngSize(bytes)
  const parts = [...chunks(bytes)].flatMap(({ name, body }) => (name === 'IDAT' ? [body] : []))
  inflateSync(Buffer.concat(parts), { maxOutputLength: (width * 9 + 16) * (height + 8) })
}

/** Cuts off what follows the last chunk: it is no part of the picture, and pngjs refuses it. */
function withoutTail(bytes: Uint8Array): Uint8Array {
  for (const { name, end } of chunks(bytes)) if (name === 'IEND') return bytes.subarray(0, end)
  return bytes
}

function orientationOf(bytes: Uint8Array): number {
  for (const { name, body } of chunks(bytes)) if (name === 'eXIf') return orientationIn(body)
  return 1
}

interface Chunk {
  readonly name: string
  readonly body: Uint8Array
  /** The place after its checksum. */
  readonly end: number
}

function* chunks(bytes: Uint8Array): Generator<Chunk> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  for (let at = 8; at + 12 <= bytes.byteLength; ) {
    const bodyEnd = at + 8 + view.getUint32(at)
    yield { name: chunkName(bytes, at), body: bytes.subarray(at + 8, bodyEnd), end: bodyEnd + 4 }
    at = bodyEnd + 4
  }
}

function chunkName(bytes: Uint8Array, at: number): string {
  return String.fromCharCode(...bytes.subarray(at + 4, at + 8))
}
