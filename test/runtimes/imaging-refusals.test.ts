import assert from 'node:assert/strict'
import test from 'node:test'
import { constants, deflateRawSync, deflateSync } from 'node:zlib'
import { decodePage, pageSizes } from '../../src/runtimes/imaging/document.ts'
import { decoding, decodingLater } from '../../src/runtimes/imaging/errors.ts'
import { RecordError, type RecordErrorCode } from '../../src/runtimes/runtime.ts'
import {
  assembleChunks,
  assemblePng,
  encodeJpeg,
  encodePng,
  encodeTiff,
  packBits,
  pngHeader,
  type TiffPage,
} from '../support/images.ts'

const width = 64
const height = 48
const pixels = Uint8Array.from({ length: width * height }, (_, i) => (i * 37 + (i >> 4)) & 255)
const gray: TiffPage = { width, height, bits: 8, photometric: 1, compression: 1, raw: pixels }

const documents: readonly { name: string; bytes: Uint8Array }[] = [
  { name: 'PNG', bytes: encodePng({ width, height, pixels }) },
  { name: 'JPEG', bytes: encodeJpeg({ width, height, pixels }, 80) },
  { name: 'TIFF', bytes: encodeTiff([gray]) },
  { name: 'deflated TIFF', bytes: encodeTiff([{ ...gray, compression: 8 }]) },
]

for (const { name, bytes } of documents) {
  test(`a ${name} that ends early is damaged, wherever it ends`, async () => {
    // A JPEG that lacks no more than its end is read (below).
    const end = bytes.byteLength - (name === 'JPEG' ? 4 : 0)
    for (let kept = 8; kept < end; kept += kept < 64 || kept > end - 16 ? 1 : 61) {
      await refuses(bytes.subarray(0, kept), 'damaged-image', `${kept} of ${bytes.byteLength} bytes`)
    }
  })
}

test('a JPEG that lacks its end marker, or half of it, is the same picture', async () => {
  const { bytes } = documents[1]!
  const whole = await decodePage(bytes, 0)
  for (const missing of [1, 2]) assert.deepEqual(await decodePage(bytes.subarray(0, -missing), 0), whole)
})

test('what is wrong is told in the same words each time', async () => {
  for (const { bytes } of documents) {
    const torn = bytes.subarray(0, bytes.byteLength >> 1)
    assert.equal(await messageOf(torn), await messageOf(Uint8Array.from(torn)))
    assert.match(
      await messageOf(torn),
      /^the (PNG|JPEG|TIFF) data is truncated, corrupt or of an unsupported kind$/,
    )
  }
})

test('a decoder that runs out of stack says nothing of the page', async () => {
  const deep = (depth: number): number => 1 + deep(depth + 1)
  assert.throws(() => decoding('PNG', () => deep(0)), RangeError)
  await assert.rejects(
    decodingLater('PDF', async () => deep(0)),
    RangeError,
  )
  assert.throws(() => decoding('PNG', () => new Uint8Array(-1)), { code: 'damaged-image' })
})

test('no bytes are an empty document, and text is not an image', async () => {
  await refuses(new Uint8Array(0), 'empty-document')
  await refuses(new TextEncoder().encode('Dear Sirs'), 'not-an-image')
})

test('a page that is not there is refused by its number', async () => {
  await assert.rejects(decodePage(encodeTiff([gray]), 1), {
    code: 'no-such-page',
    message: 'page 2 of a document of 1',
  })
})

test('20,000 x 20,000 pixels are refused by the header alone, in each format', async () => {
  const side = 20_000
  const hugeJpeg = Uint8Array.from(documents[1]!.bytes)
  const frame = hugeJpeg.findIndex((byte, at) => byte === 0xff && hugeJpeg[at + 1] === 0xc0)
  hugeJpeg.set([side >> 8, side & 255, side >> 8, side & 255], frame + 5)
  const bombs = [
    assemblePng(pngHeader(side, side, 8, 0), new Uint8Array(10)),
    hugeJpeg,
    encodeTiff([{ ...gray, width: side, height: side }]),
  ]
  const before = process.memoryUsage().rss
  for (const bomb of bombs) {
    await refuses(bomb, 'image-too-large')
    assert.deepEqual(pageSizes(bomb), [{ width: side, height: side }])
  }
  assert.ok(process.memoryUsage().rss - before < 100 * 2 ** 20)
})

test('a small interlaced PNG cannot inflate into a gigabyte', async () => {
  const zeros = deflateRawSync(new Uint8Array(2 ** 20), { finishFlush: constants.Z_FULL_FLUSH })
  const body = Buffer.concat([Buffer.from([0x78, 0x9c]), ...Array<Uint8Array>(1024).fill(zeros)])
  const bomb = assembleChunks([
    { name: 'IHDR', body: Uint8Array.from(pngHeader(8, 8, 8, 0, 1)) },
    { name: 'IDAT', body },
    { name: 'IEND', body: new Uint8Array(0) },
  ])
  const before = process.resourceUsage().maxRSS
  await refuses(bomb, 'damaged-image')
  assert.ok(process.resourceUsage().maxRSS - before < 100 * 1024, 'in kilobytes')
})

test('a JPEG that claims more blocks than it has bits is damaged', async () => {
  const large = Uint8Array.from(documents[1]!.bytes)
  const frame = large.findIndex((byte, at) => byte === 0xff && large[at + 1] === 0xc0)
  large.set([6000 >> 8, 6000 & 255, 6000 >> 8, 6000 & 255], frame + 5)
  await refuses(large, 'damaged-image')
})

test('a TIFF whose directories form a ring is damaged', async () => {
  const ring = Buffer.from(encodeTiff([gray, gray]))
  const first = ring.readUInt32LE(4)
  const second = ring.readUInt32LE(first + 2 + 12 * ring.readUInt16LE(first))
  ring.writeUInt32LE(first, second + 2 + 12 * ring.readUInt16LE(second))
  await refuses(ring, 'damaged-image')
})

test('a TIFF whose lists have more values together than any scan has is damaged, however often they name the same', async () => {
  const values = 1_000_000
  const good = Buffer.from(encodeTiff([gray]))
  const first = good.readUInt32LE(4)
  const count = good.readUInt16LE(first)
  const entries = good.subarray(first + 2, first + 2 + 12 * count)
  const colours = Buffer.alloc(12)
  colours.writeUInt16LE(320, 0)
  colours.writeUInt16LE(1, 2)
  colours.writeUInt32LE(values, 4)
  colours.writeUInt32LE(good.byteLength, 8)
  const withLists = (lists: number) => {
    const head = Buffer.alloc(2)
    head.writeUInt16LE(count + lists)
    const more = Array.from({ length: lists }, () => colours)
    const file = Buffer.concat([good, Buffer.alloc(values), head, entries, ...more, Buffer.alloc(4)])
    file.writeUInt32LE(good.byteLength + values, 4)
    return file
  }
  assert.equal(pageSizes(withLists(2)).length, 1)
  await refuses(withLists(20), 'damaged-image')
})

test('a TIFF strip that holds fewer rows than it should is damaged, in every compression', async () => {
  const short = pixels.subarray(0, pixels.byteLength - width)
  await refuses(
    encodeTiff([{ ...gray, compression: 8, compress: () => deflateSync(short) }]),
    'damaged-image',
  )
  await refuses(
    encodeTiff([{ ...gray, compression: 32773, compress: () => packBits(short) }]),
    'damaged-image',
  )
  await refuses(encodeTiff([{ ...gray, compress: () => short }]), 'damaged-image')
  await refuses(
    encodeTiff([{ ...gray, bits: 1, compression: 4, compress: () => new Uint8Array(3) }]),
    'damaged-image',
  )
})

test('a page without pixels is damaged', async () => {
  await refuses(assemblePng(pngHeader(0, 5, 8, 0), new Uint8Array(5)), 'damaged-image')
})

async function refuses(bytes: Uint8Array, code: RecordErrorCode, note = ''): Promise<void> {
  await assert.rejects(
    decodePage(bytes, 0),
    (error) => error instanceof RecordError && error.code === code,
    note,
  )
}

async function messageOf(bytes: Uint8Array): Promise<string> {
  try {
    await decodePage(bytes, 0)
  } catch (error) {
    return (error as Error).message
  }
  return ''
}
