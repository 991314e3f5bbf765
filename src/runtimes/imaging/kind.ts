/**
 * Knows a file's kind by its first bytes, whatever its name says.
 *
 * A submitter's node looks here before it seals a document, and a vehicle before it decodes one, so that both say the same.
 * A kind that no page can be made of comes with the way out: what its owner could do to have it read.
 */
import type { Refusal } from '../runtime.ts'

export type ReadableKind = 'PNG' | 'JPEG' | 'TIFF' | 'GIF' | 'WebP' | 'JPEG 2000' | 'BMP' | 'PDF'

/** `wayOut`: a clause without a subject, as in "convert it to PNG". Empty where there is none. */
export interface FileKind {
  readonly name: string
  readonly readable: ReadableKind | null
  readonly wayOut: string
}

/** So many bytes tell the kind: a PDF's header may stand anywhere in the first 1,024 (ISO 32000-1, annex H.3.4.1). */
export const headBytes = 4096

/** `bytes`: the document, or its first `headBytes`. */
export function kindOf(bytes: Uint8Array): FileKind {
  if (bytes.byteLength === 0) return refused('empty', 'save or scan it again')
  const head = bytes.subarray(0, headBytes)
  for (const [kind, recognises] of signatures) if (recognises(head)) return kind
  return textKindOf(head) ?? refused('unknown kind', toImage)
}

/** Null where a page may be made of it. */
export function refusalByKind(bytes: Uint8Array): Refusal | null {
  const { name, readable, wayOut } = kindOf(bytes)
  return readable === null ? { what: name, wayOut } : null
}

const toImage = 'convert it to PNG, JPEG or PDF'
const convertHeic = 'convert it to JPEG, for instance with heif-convert'
const unpack = 'unpack it, and submit the folder'

function readable(name: ReadableKind): FileKind {
  return { name, readable: name, wayOut: '' }
}

function refused(name: string, wayOut: string): FileKind {
  return { name, readable: null, wayOut }
}

type Recognises = (head: Uint8Array) => boolean

/** The first that matches counts. */
const signatures: readonly (readonly [FileKind, Recognises])[] = [
  [readable('PNG'), begins('\x89PNG\r\n\x1a\n')],
  [readable('JPEG'), begins('\xff\xd8\xff')],
  [readable('TIFF'), either(begins('II*\0'), begins('MM\0*'))],
  [refused('BigTIFF', toImage), either(begins('II+\0'), begins('MM\0+'))],
  [readable('GIF'), either(begins('GIF87a'), begins('GIF89a'))],
  [refused('animated WebP', toImage), both(isWebp, has('VP8X', 12), (head) => (head[20]! & 2) !== 0)],
  [readable('WebP'), isWebp],
  [readable('JPEG 2000'), either(begins('\0\0\0\x0cjP  \r\n\x87\n'), begins('\xff\x4f\xff\x51'))],
  [refused('JPEG XL', toImage), either(begins('\0\0\0\x0cJXL \r\n\x87\n'), begins('\xff\x0a'))],
  [refused('HEIC', convertHeic), brand(/^(hei[cmsx]|hev[cmsx])/)],
  [refused('AVIF', convertHeic), brand(/^avi[fs]/)],
  [refused('HEIF', convertHeic), brand(/^(mif|msf)/)],
  [refused('video', 'save its pages as pictures'), has('ftyp', 4)],
  [readable('BMP'), isBmp],
  [readable('PDF'), isPdf],
  [refused('Word', 'save it as PDF'), zipWith('word/')],
  [refused('Excel', 'save it as PDF'), zipWith('xl/')],
  [refused('PowerPoint', 'save it as PDF'), zipWith('ppt/')],
  [refused('OpenDocument', 'save it as PDF'), zipWith('mimetypeapplication/vnd.oasis')],
  [refused('EPUB', 'save it as PDF'), zipWith('mimetypeapplication/epub')],
  [refused('Office', 'save it as PDF'), zipWith('[Content_Types].xml')],
  [refused('ZIP', unpack), either(begins('PK\x03\x04'), begins('PK\x05\x06'))],
  [refused('old Office', 'save it as PDF'), begins('\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1')],
  [refused('gzip', unpack), begins('\x1f\x8b')],
  [refused('7z', unpack), begins('7z\xbc\xaf\x27\x1c')],
  [refused('RAR', unpack), begins('Rar!\x1a\x07')],
  [refused('bzip2', unpack), begins('BZh')],
  [refused('xz', unpack), begins('\xfd7zXZ\0')],
  [refused('zstd', unpack), begins('\x28\xb5\x2f\xfd')],
  [refused('tar', unpack), has('ustar', 257)],
  [refused('DjVu', 'convert it to PDF, for instance with ddjvu'), begins('AT&TFORM')],
  [refused('PostScript', 'convert it to PDF, for instance with ps2pdf'), begins('%!')],
  [refused('Photoshop', toImage), begins('8BPS')],
  [refused('RTF', 'save it as PDF'), begins('{\\rtf')],
]

/** `signature`: one character a byte. */
function has(signature: string, at: number): Recognises {
  const bytes = Uint8Array.from(signature, (character) => character.charCodeAt(0))
  return (head) => bytes.every((byte, i) => head[at + i] === byte)
}

function begins(signature: string): Recognises {
  return has(signature, 0)
}

function either(one: Recognises, other: Recognises): Recognises {
  return (head) => one(head) || other(head)
}

function both(...all: readonly Recognises[]): Recognises {
  return (head) => all.every((recognises) => recognises(head))
}

function isWebp(head: Uint8Array): boolean {
  return both(begins('RIFF'), has('WEBP', 8))(head)
}

/** The major brand of an ISO base media file (ISO/IEC 14496-12). */
function brand(pattern: RegExp): Recognises {
  return (head) => has('ftyp', 4)(head) && pattern.test(latin1(head.subarray(8, 12)))
}

/** The first entries of a ZIP file have their names, and what is stored without compression, in the clear. */
function zipWith(text: string): Recognises {
  return (head) => begins('PK\x03\x04')(head) && latin1(head).includes(text)
}

function isPdf(head: Uint8Array): boolean {
  return latin1(head.subarray(0, 1024 + 5)).includes('%PDF-')
}

/** Two letters are not enough: its second header has one of the known lengths. */
function isBmp(head: Uint8Array): boolean {
  return begins('BM')(head) && [12, 40, 52, 56, 64, 108, 124].includes(head[14]!) && has('\0\0\0', 15)(head)
}

function textKindOf(head: Uint8Array): FileKind | undefined {
  if (either(begins('\xff\xfe'), begins('\xfe\xff'))(head)) return isText
  let text: string
  try {
    // `stream`: the last character may be cut in two.
    text = new TextDecoder('utf-8', { fatal: true }).decode(head, { stream: true })
  } catch {
    return undefined
  }
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what text has not.
  if (/[\0-\x08\x0e-\x1a\x1c-\x1f]/.test(text)) return undefined
  if (/<svg[\s>]/i.test(text)) return refused('SVG', toImage)
  if (/^\s*(<!doctype html|<html)/i.test(text)) return refused('HTML', 'print it to PDF')
  return isText
}

const isText = refused('text', 'take it as it is, or print it to PDF')

function latin1(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => String.fromCharCode(byte)).join('')
}
