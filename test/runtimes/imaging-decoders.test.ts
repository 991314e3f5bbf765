/**
 * GIF, BMP, WebP and JPEG 2000, from files that Pillow wrote (libwebp, OpenJPEG and its own code), so that no reader is tried on
 * what its own writer thinks. What decoders give is pinned: it must be the same on every machine.
 */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import test from 'node:test'
import { decodePage, pageSizes, refusalOf } from '../../src/runtimes/imaging/document.ts'
import { luma, overWhite } from '../../src/runtimes/imaging/gray-image.ts'
import { jpeg2000Decoder } from '../../src/runtimes/imaging/jpeg2000.ts'
import { webpDecoder } from '../../src/runtimes/imaging/webp.ts'
import { RecordError, type RecordErrorCode } from '../../src/runtimes/runtime.ts'
import { smallPictures } from '../support/small-pictures.ts'

const width = 24
const height = 16
const files = smallPictures
const gray = Uint8Array.from({ length: width * height }, (_, i) => (i * 37 + (i >> 4)) & 255)
const colour = gray.map((level) => luma(level, 255 - level, (level * 3) & 255))
const pictures: Readonly<Record<string, Uint8Array>> = {
  gifGray: gray,
  gifInterlaced: gray,
  bmp1: gray.map((level) => (level > 99 ? 255 : 0)),
  bmp8: gray,
  bmp24: colour,
  bmp32: colour,
  webpLossless: colour,
  webpAlpha: colour.map((level, i) => overWhite(level, gray[i]!)),
  jp2Gray: gray,
  jp2Colour: colour,
  j2k16: gray,
}

for (const [name, pixels] of Object.entries(pictures))
  test(`${name} comes back pixel by pixel`, async () => {
    assert.deepEqual(pageSizes(files[name]!), [{ width, height }])
    assert.deepEqual(await decodePage(files[name]!, 0), { width, height, pixels })
  })

const lossy = { webpLossy: 'ff3b2f34468b7c8b', jp2Lossy: '11ac5911b126f2ba' } as const

for (const [name, digest] of Object.entries(lossy))
  test(`${name} is the same bytes on every machine, also after a file that breaks its decoder`, async () => {
    const torn = Uint8Array.from(files[name]!)
    torn.fill(0x5a, torn.byteLength >> 1)
    await decodePage(torn, 0).catch(() => undefined)
    const { pixels } = await decodePage(files[name]!, 0)
    assert.equal(createHash('sha256').update(pixels).digest('hex').slice(0, 16), digest)
  })

for (const name of ['gifGray', 'bmp8', 'bmp24', 'webpLossy', 'webpLossless', 'webpAlpha', 'jp2Gray'])
  test(`${name} that ends early is damaged, wherever it ends`, async () => {
    const bytes = files[name]!
    // A GIF's last two bytes end its blocks and its file.
    const end = bytes.byteLength - (name === 'gifGray' ? 2 : 0)
    for (let kept = 30; kept < end; kept += kept < 64 || kept > end - 8 ? 1 : 41)
      await refuses(bytes.subarray(0, kept), 'damaged-image', `${kept} of ${bytes.byteLength} bytes`)
  })

test('a GIF whose blocks end before its picture does is damaged', async () => {
  const gif = files.gifGray!
  const data = pictureAt(gif) + 10
  const short = Buffer.concat([
    gif.subarray(0, data + 1),
    Buffer.of(20),
    gif.subarray(data + 2, data + 22),
    Buffer.of(0, 0x3b),
  ])
  await refuses(short, 'damaged-image')
  await refuses(Buffer.concat([short, new Uint8Array(1000)]), 'damaged-image')
})

test('a decoder begins anew for each document: none finds what another has left in its memory', async () => {
  for (const decoder of [webpDecoder, jpeg2000Decoder]) {
    const [one, other] = await Promise.all([decoder.start(), decoder.start()])
    assert.notEqual(one, other)
  }
})

test('20,000 pixels each way are refused by the header alone', async () => {
  const bombs = {
    gifGray: set(files.gifGray!, 6, [0x20, 0x4e, 0x20, 0x4e]),
    bmp8: set(files.bmp8!, 18, [0x20, 0x4e, 0, 0, 0x20, 0x4e, 0, 0]),
    webpLossy: set(files.webpLossy!, 26, [0xff, 0x3f, 0xff, 0x3f]),
    j2k16: set(files.j2k16!, 8, [0, 0, 0x4e, 0x20, 0, 0, 0x4e, 0x20]),
  }
  for (const [name, bomb] of Object.entries(bombs)) {
    await refuses(bomb, 'image-too-large', name)
    assert.match(refusalOf(bomb)?.what ?? '', /more than \d+ megapixels/, name)
  }
})

test('an animated WebP is refused by name, and a GIF is read by its first picture', async () => {
  assert.equal(refusalOf(files.webpAnimated!)?.what, 'animated WebP')
  const second = files.gifGray!.subarray(pictureAt(files.gifGray!), -1)
  const animation = Buffer.concat([files.gifGray!.subarray(0, -1), second, Buffer.of(0x3b)])
  assert.deepEqual((await decodePage(animation, 0)).pixels, gray)
})

test('transparent places of a GIF are white, and a picture that leaves its screen is damaged', async () => {
  const at = pictureAt(files.gifGray!)
  const control = Buffer.of(0x21, 0xf9, 4, 1, 0, 0, gray[0]!, 0)
  const transparent = Buffer.concat([files.gifGray!.subarray(0, at), control, files.gifGray!.subarray(at)])
  const { pixels } = await decodePage(transparent, 0)
  assert.deepEqual(
    pixels,
    gray.map((level) => (level === gray[0]! ? 255 : level)),
  )
  await refuses(set(files.gifGray!, at + 1, [1]), 'damaged-image')
})

test('run lengths of a BMP: runs, literals, skips, and what is left out is white', async () => {
  const header = (bits: number, compression: number, data: readonly number[]) => {
    const bytes = Buffer.alloc(54 + 12 + data.length)
    bytes.write('BM')
    bytes.writeUInt32LE(66, 10)
    bytes.writeUInt32LE(40, 14)
    bytes.writeInt32LE(6, 18)
    bytes.writeInt32LE(3, 22)
    bytes.writeUInt16LE(1, 26)
    bytes.writeUInt16LE(bits, 28)
    bytes.writeUInt32LE(compression, 30)
    bytes.writeUInt32LE(3, 46)
    bytes.set([10, 10, 10, 0, 20, 20, 20, 0, 30, 30, 30, 0], 54)
    bytes.set(data, 66)
    return bytes
  }
  const rows = [
    [255, 255, 255, 255, 30, 30],
    [10, 20, 30, 255, 255, 255],
    [20, 20, 20, 20, 255, 255],
  ].flat()
  const eight = header(8, 1, [4, 1, 0, 0, 0, 3, 0, 1, 2, 0, 0, 2, 1, 1, 2, 2, 0, 1])
  const four = header(4, 2, [4, 0x11, 0, 0, 0, 3, 0x01, 0x20, 0, 2, 1, 1, 2, 0x22, 0, 1])
  for (const bytes of [eight, four]) {
    assert.deepEqual([...(await decodePage(bytes, 0)).pixels], rows)
    for (let kept = 66; kept < bytes.byteLength; kept += 1)
      await refuses(bytes.subarray(0, kept), 'damaged-image')
  }
})

test('a BMP of 16 bits, and one with masks, has its channels where they say', async () => {
  const pixelAt = (bits: number, masks: readonly number[], pixel: number) => {
    const bytes = Buffer.alloc(54 + 4 * masks.length + 4)
    bytes.write('BM')
    bytes.writeUInt32LE(54 + 4 * masks.length, 10)
    bytes.writeUInt32LE(40, 14)
    bytes.writeInt32LE(1, 18)
    bytes.writeInt32LE(-1, 22)
    bytes.writeUInt16LE(bits, 28)
    bytes.writeUInt32LE(masks.length > 0 ? 3 : 0, 30)
    for (const [i, mask] of masks.entries()) bytes.writeUInt32LE(mask, 54 + 4 * i)
    bytes.writeUInt32LE(pixel, 54 + 4 * masks.length)
    return bytes
  }
  const [red, green] = [luma(255, 0, 0), luma(0, 255, 0)]
  for (const [file, expected] of [
    [pixelAt(16, [], 0x7c00), red],
    [pixelAt(16, [0xf800, 0x07e0, 0x001f], 0x07e0), green],
    [pixelAt(32, [0xff000000, 0x00ff0000, 0x0000ff00], 0xff000000), red],
  ] as const)
    assert.deepEqual([...(await decodePage(file, 0)).pixels], [expected])
})

/** Its picture is the last block, at the screen's corner. */
function pictureAt(gif: Uint8Array): number {
  return Buffer.from(gif).lastIndexOf(Buffer.of(0x2c, 0, 0, 0, 0, width, 0))
}

function set(bytes: Uint8Array, at: number, values: readonly number[]): Uint8Array {
  const changed = Uint8Array.from(bytes)
  changed.set(values, at)
  return changed
}

async function refuses(bytes: Uint8Array, code: RecordErrorCode, note = ''): Promise<void> {
  await assert.rejects(
    decodePage(bytes, 0),
    (error) => error instanceof RecordError && error.code === code,
    note,
  )
}
