import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import test from 'node:test'
import jpeg from 'jpeg-js'
import { decodePage, pageSizes } from '../../src/runtimes/imaging/document.ts'
import { oriented } from '../../src/runtimes/imaging/gray-image.ts'
import { decodeJpeg } from '../../src/runtimes/imaging/jpeg.ts'
import {
  assemblePng,
  encodeJpeg,
  encodePng,
  encodeTiff,
  packBits,
  packLzw,
  pngHeader,
  type TiffPage,
  toBits,
} from '../support/images.ts'
import { smallPictures } from '../support/small-pictures.ts'

const width = 37
const height = 11
const picture = {
  width,
  height,
  pixels: Uint8Array.from({ length: width * height }, (_, i) => (i * 7 + (i >> 3)) & 255),
}

test('bytes after the end of a PNG are no part of it', async () => {
  const page = encodePng({ width: 8, height: 8, pixels: new Uint8Array(64).fill(99) })
  const longer = Buffer.concat([page, Buffer.from('tail')])
  assert.deepEqual(await decodePage(longer, 0), await decodePage(page, 0))
})

test('a gray PNG comes back pixel by pixel', async () => {
  const document = encodePng(picture)
  assert.deepEqual(pageSizes(document), [{ width, height }])
  assert.deepEqual(await decodePage(document, 0), picture)
})

test('a 16-bit PNG keeps its high bytes', async () => {
  const raw = Buffer.from([0, 0x12, 0x34, 0xff, 0xff, 0x80, 0x00])
  const page = await decodePage(assemblePng(pngHeader(3, 1, 16, 0), raw), 0)
  assert.deepEqual([...page.pixels], [0x12, 255, 128])
})

test('a palette PNG is read through its palette', async () => {
  const palette = { name: 'PLTE', body: Uint8Array.from([0, 0, 0, 255, 255, 255, 255, 0, 0]) }
  const page = await decodePage(assemblePng(pngHeader(3, 1, 8, 3), Buffer.from([0, 1, 2, 0]), [palette]), 0)
  assert.deepEqual([...page.pixels], [255, (77 * 255 + 128) >> 8, 0])
})

test('transparent parts of a PNG are white paper', async () => {
  const raw = Buffer.from([0, 0, 0, 0, 0, 0, 255])
  assert.deepEqual([...(await decodePage(assemblePng(pngHeader(3, 1, 8, 4), raw), 0)).pixels], [255, 255, 0])
})

test('an interlaced PNG is put together', async () => {
  const passes = Buffer.from([0, 10, 0, 20, 0, 30, 40])
  const page = await decodePage(assemblePng(pngHeader(2, 2, 8, 0, 1), passes), 0)
  assert.deepEqual([...page.pixels], [10, 20, 30, 40])
})

test('a JPEG comes back within its losses, and the same each time', async () => {
  const smooth = {
    ...picture,
    pixels: picture.pixels.map((_, i) => 100 + ((i % width) + Math.floor(i / width)) * 2),
  }
  const document = encodeJpeg(smooth, 95)
  const page = await decodePage(document, 0)
  for (const [pixel, gray] of smooth.pixels.entries()) assert.ok(Math.abs(gray - page.pixels[pixel]!) <= 4)
  assert.deepEqual(await decodePage(document, 0), page)
})

test('a JPEG of more memory than jpeg-js may take is the same picture, in colour and upright', async () => {
  const [across, down] = [3400, 3000]
  const data = new Uint8Array(across * down * 4)
  const expected = new Uint8Array(across * down)
  for (let i = 0; i < expected.length; i += 1) {
    const [x, y] = [i % across, Math.floor(i / across)]
    const [red, blue] = [y >> 4, 255 - (x >> 4)]
    data.set([red, 120, blue, 255], 4 * i)
    expected[i] = (77 * red + 150 * 120 + 29 * blue + 128) >> 8
  }
  const large = jpeg.encode({ width: across, height: down, data }, 90).data
  assert.throws(() => decodeJpeg(large), /more than 192 MB/, 'or this test tries nothing')
  const page = await decodePage(large, 0)
  assert.deepEqual([page.width, page.height], [across, down])
  const apart = page.pixels.reduce((most, gray, i) => Math.max(most, Math.abs(gray - expected[i]!)), 0)
  assert(apart <= 4, `${apart} grays apart`)
  await assert.rejects(decodePage(large.subarray(0, large.byteLength >> 1), 0), { code: 'damaged-image' })
})

test('a JPEG that says it lies on its side is stood up', async () => {
  const data = new Uint8Array(16 * 8 * 4).fill(255)
  for (let y = 0; y < 8; y += 1) data.set([0, 0, 0, 255, 0, 0, 0, 255], y * 64)
  const plain = jpeg.encode({ width: 16, height: 8, data }, 95).data
  const exif = Buffer.from('ffe100224578696600004d4d002a00000008000101120003000000010006000000000000', 'hex')
  const page = await decodePage(Buffer.concat([plain.subarray(0, 2), exif, plain.subarray(2)]), 0)
  assert.deepEqual([page.width, page.height], [8, 16])
  assert.ok(page.pixels[0]! < 60 && page.pixels[8 * 15]! > 200, 'the dark left edge is on top')
})

test('a PNG and a WebP that say how they lie are turned as well, wherever in the file it stands', async () => {
  const image = { width: 3, height: 2, pixels: Uint8Array.from([1, 2, 3, 4, 5, 6]) }
  const tiff = (orientation: number) =>
    Buffer.from(`4d4d002a0000000800010112000300000001000${orientation}000000000000`, 'hex')
  const raw = Uint8Array.from([0, 1, 2, 3, 0, 4, 5, 6])
  const first = assemblePng(pngHeader(3, 2, 8, 0, 0), raw, [{ name: 'eXIf', body: tiff(5) }])
  assert.deepEqual(await decodePage(first, 0), oriented(image, 5))
  const end = 12
  const plain = assemblePng(pngHeader(3, 2, 8, 0, 0), raw)
  const chunk = first.subarray(33, 33 + 12 + tiff(5).byteLength)
  const last = Buffer.concat([plain.subarray(0, plain.byteLength - end), chunk, plain.subarray(-end)])
  assert.deepEqual(await decodePage(last, 0), oriented(image, 5))

  const lossless = Buffer.from(smallPictures.webpLossless!)
  const upright = await decodePage(lossless, 0)
  const { width, height } = upright
  const chunkOf = (name: string, body: Uint8Array) => {
    const length = Buffer.alloc(4)
    length.writeUInt32LE(body.byteLength)
    return Buffer.concat([Buffer.from(name), length, body, Buffer.alloc(body.byteLength & 1)])
  }
  for (const exif of [tiff(6), Buffer.concat([Buffer.from('Exif\0\0'), tiff(6)])]) {
    const extended = Buffer.alloc(10)
    extended[0] = 8
    extended.writeUIntLE(width - 1, 4, 3)
    extended.writeUIntLE(height - 1, 7, 3)
    const body = Buffer.concat([
      Buffer.from('WEBP'),
      chunkOf('VP8X', extended),
      lossless.subarray(12),
      chunkOf('EXIF', exif),
    ])
    assert.deepEqual(await decodePage(chunkOf('RIFF', body), 0), oriented(upright, 6))
  }
})

test('all eight orientations put the first pixel where they say', async () => {
  const image = { width: 3, height: 2, pixels: Uint8Array.from([1, 2, 3, 4, 5, 6]) }
  const expected = ['123456', '321654', '654321', '456123', '142536', '415263', '635241', '362514']
  for (const [index, pixels] of expected.entries()) {
    assert.equal([...oriented(image, index + 1).pixels].join(''), pixels, `orientation ${index + 1}`)
  }
})

const bilevel = toBits(picture, 128)
const bilevelGray = picture.pixels.map((gray) => (gray >= 128 ? 255 : 0))
const gray: TiffPage = { width, height, bits: 8, photometric: 1, compression: 1, raw: picture.pixels }
const blackAndWhite: TiffPage = { ...gray, bits: 1, raw: bilevel }

const tiffs: readonly { name: string; page: TiffPage; pixels: Uint8Array }[] = [
  { name: 'uncompressed gray', page: gray, pixels: picture.pixels },
  { name: 'gray in strips', page: { ...gray, rowsPerStrip: 4 }, pixels: picture.pixels },
  { name: 'deflated gray', page: { ...gray, compression: 8 }, pixels: picture.pixels },
  { name: 'LZW gray', page: { ...gray, compression: 5, compress: packLzw }, pixels: picture.pixels },
  {
    name: 'PackBits',
    page: { ...blackAndWhite, compression: 32773, compress: packBits },
    pixels: bilevelGray,
  },
  {
    name: 'bilevel, 0 is white',
    page: { ...blackAndWhite, photometric: 0 },
    pixels: bilevelGray.map((v) => 255 - v),
  },
  {
    name: 'gray with differences',
    page: {
      ...gray,
      raw: picture.pixels.map((v, i) => (i % width === 0 ? v : v - picture.pixels[i - 1]!)),
      tags: { 317: [2] },
    },
    pixels: picture.pixels,
  },
  {
    name: 'RGB',
    page: {
      ...gray,
      samples: 3,
      photometric: 2,
      raw: Uint8Array.from({ length: width * height * 3 }, (_, i) => picture.pixels[Math.floor(i / 3)]!),
    },
    pixels: picture.pixels,
  },
  {
    name: 'JPEG inside',
    page: { ...gray, compression: 7, compress: () => encodeJpeg(picture, 90) },
    pixels: (await decodePage(encodeJpeg(picture, 90), 0)).pixels,
  },
]

for (const { name, page, pixels } of tiffs) {
  test(`a TIFF page is read in both byte orders: ${name}`, async () => {
    assert.deepEqual((await decodePage(encodeTiff([page], true), 0)).pixels, pixels)
    assert.deepEqual((await decodePage(encodeTiff([page], false), 0)).pixels, pixels)
  })
}

test('16-bit TIFF samples are read in their byte order', async () => {
  const raw = Buffer.from([0x12, 0x34, 0xff, 0xfe])
  const page: TiffPage = { width: 2, height: 1, bits: 16, photometric: 1, compression: 1, raw }
  assert.deepEqual([...(await decodePage(encodeTiff([page], true), 0)).pixels], [0x34, 0xfe])
  assert.deepEqual([...(await decodePage(encodeTiff([page], false), 0)).pixels], [0x12, 0xff])
})

test('a long LZW strip passes through every code width and a full table', async () => {
  const pixels = Uint8Array.from({ length: 200 * 100 }, (_, i) => (i * i * 31 + (i >> 5) * 17) & 255)
  const page: TiffPage = {
    width: 200,
    height: 100,
    bits: 8,
    photometric: 1,
    compression: 5,
    raw: pixels,
    compress: packLzw,
  }
  assert.deepEqual((await decodePage(encodeTiff([page]), 0)).pixels, pixels)
})

test("fax pages by libtiff's encoder are all the same picture", async () => {
  const expected = Uint8Array.from({ length: 37 * 11 }, (_, i) => {
    const x = i % 37
    const y = (i - x) / 37
    return (x * x + 3 * y * y + x * y) % 29 < 11 || y === 4 || (y > 6 && x > 20) ? 0 : 255
  })
  const files = JSON.parse(
    readFileSync(new URL('../support/fax-pages.json', import.meta.url), 'utf8'),
  ) as Record<string, string>
  for (const [scheme, base64] of Object.entries(files)) {
    assert.deepEqual((await decodePage(Buffer.from(base64, 'base64'), 0)).pixels, expected, scheme)
  }
})

test('each page of a TIFF is its own page, and thumbnails are none', async () => {
  const second: TiffPage = { ...gray, raw: picture.pixels.map((v) => 255 - v) }
  const thumbnail: TiffPage = { ...gray, tags: { 254: [1] } }
  const document = encodeTiff([gray, thumbnail, second])
  assert.equal(pageSizes(document).length, 2)
  assert.deepEqual((await decodePage(document, 0)).pixels, picture.pixels)
  assert.deepEqual((await decodePage(document, 1)).pixels, second.raw)
})
