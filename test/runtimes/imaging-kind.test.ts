/** The kind of a file, by its first bytes alone. */
import assert from 'node:assert/strict'
import test from 'node:test'
import { headBytes, kindOf, refusalByKind } from '../../src/runtimes/imaging/kind.ts'
import { encodeJpeg, encodePng, encodeTiff } from '../support/images.ts'

const image = { width: 2, height: 2, pixels: Uint8Array.of(0, 255, 255, 0) }
const tiff = encodeTiff([{ ...image, bits: 8, photometric: 1, compression: 1, raw: image.pixels }])

test('pages are made of what is readable, whatever a file is called', () => {
  for (const [bytes, name] of [
    [encodePng(image), 'PNG'],
    [encodeJpeg(image, 80), 'JPEG'],
    [tiff, 'TIFF'],
  ] as const) {
    assert.equal(kindOf(bytes).readable, name)
    assert.equal(refusalByKind(bytes.subarray(0, headBytes)), null)
  }
})

const others: Readonly<Record<string, [string, RegExp]>> = {
  empty: ['', /scan it again/],
  HEIC: ['\0\0\0\x24ftypheic\0\0\0\0mif1heic', /JPEG.*heif-convert/],
  AVIF: ['\0\0\0\x1cftypavif\0\0\0\0mif1', /JPEG/],
  video: ['\0\0\0\x20ftypisom\0\0\x02\0isomiso2', /pictures/],
  ZIP: ['PK\x03\x04\x14\0\0\0\x08\0scan1.png', /unpack it/],
  Word: ['PK\x03\x04\x14\0\x06\0\x08\0[Content_Types].xml PK\x03\x04 word/document.xml', /PDF/],
  OpenDocument: ['PK\x03\x04\x14\0\0\x08\0\0mimetypeapplication/vnd.oasis.opendocument.text', /PDF/],
  'old Office': ['\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1', /PDF/],
  gzip: ['\x1f\x8b\x08', /unpack it/],
  tar: [`${'name'.padEnd(257, '\0')}ustar\x0000`, /unpack it/],
  DjVu: ['AT&TFORM\0\0\0\x10DJVU', /ddjvu/],
  PostScript: ['%!PS-Adobe-3.0', /ps2pdf/],
  RTF: ['{\\rtf1\\ansi', /PDF/],
  HTML: ['\n <!DOCTYPE html><html>', /PDF/],
  SVG: ['<?xml version="1.0"?>\n<svg xmlns="http://www.w3.org/2000/svg">', /PNG/],
  text: ['Dear Sirs,\n\twe r\xc3\xa9gret', /print it to PDF/],
  'unknown kind': ['\x01\x02\x03\x04', /PNG/],
}

for (const [name, [head, wayOut]] of Object.entries(others))
  test(`${name} is known by its first bytes, and refused with the way out`, () => {
    const refusal = refusalByKind(Uint8Array.from(head, (character) => character.charCodeAt(0)))
    assert.equal(refusal?.what, name)
    assert.match(refusal.wayOut, wayOut)
  })

test('text is text though its last character is cut in two', () => {
  assert.equal(
    kindOf(Buffer.from(`${'é'.repeat(headBytes)}`).subarray(1, 2 + headBytes)).name,
    'unknown kind',
  )
  assert.equal(kindOf(Buffer.from(`a${'é'.repeat(headBytes)}`)).name, 'text')
})

test('two letters make no picture', () => {
  assert.equal(kindOf(Buffer.from('BMW is a maker of cars')).name, 'text')
})
