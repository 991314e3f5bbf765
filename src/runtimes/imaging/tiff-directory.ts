/**
 * Walks a TIFF file's chain of image directories (TIFF 6.0, section 2) without touching pixels.
 *
 * Everything is bounds-checked against the file, the chain against loops and length; values are kept only for
 * the tags that decoding needs. Thumbnails (reduced-resolution subfiles) are not pages and are left out.
 */
import { damaged } from './errors.ts'

export interface Directory {
  readonly littleEndian: boolean
  /** Values of one tag, or undefined; numbers only. */
  get(tag: number): readonly number[] | undefined
  /** First value of one tag. */
  first(tag: number, otherwise: number): number
}

export const tag = {
  subfileType: 254,
  width: 256,
  height: 257,
  bitsPerSample: 258,
  compression: 259,
  photometric: 262,
  fillOrder: 266,
  stripOffsets: 273,
  orientation: 274,
  samplesPerPixel: 277,
  rowsPerStrip: 278,
  stripByteCounts: 279,
  planarConfiguration: 284,
  t4Options: 292,
  predictor: 317,
  colorMap: 320,
  tileWidth: 322,
  tileLength: 323,
  tileOffsets: 324,
  tileByteCounts: 325,
  extraSamples: 338,
  sampleFormat: 339,
  jpegTables: 347,
} as const

/** Beyond any scanned document; stops a chain of directories that was made to be long. A guess. */
const directoriesMax = 10_000

/** The color map of 16-bit palettes is the longest list in use; tiles of a full page stay below. A guess. */
const valuesMax = 1_000_000

/**
 * For all lists of a file together: a value costs some nanoseconds, and lists may overlap, so that a few megabytes could
 * name 65 billion of them. A page in strips of eight rows has 900. A guess.
 */
const valuesOfFileMax = 8_000_000

const wantedTags: ReadonlySet<number> = new Set(Object.values(tag))
const typeBytes: Readonly<Record<number, number>> = { 1: 1, 3: 2, 4: 4, 7: 1 }

/** Throws RecordError('damaged-image'). */
export function readDirectories(bytes: Uint8Array): Directory[] {
  if (bytes.byteLength < 8) throw damaged('TIFF')
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const littleEndian = bytes[0] === 0x49
  const directories: Directory[] = []
  const budget = { values: valuesOfFileMax }
  const seen = new Set<number>()
  let at = view.getUint32(4, littleEndian)
  while (at !== 0) {
    if (seen.has(at) || seen.size >= directoriesMax || at + 2 > bytes.byteLength) throw damaged('TIFF')
    seen.add(at)
    const entries = view.getUint16(at, littleEndian)
    const end = at + 2 + 12 * entries
    if (end + 4 > bytes.byteLength) throw damaged('TIFF')
    const directory = readEntries(view, at + 2, entries, littleEndian, budget)
    const isThumbnail = (directory.first(tag.subfileType, 0) & 1) === 1
    if (!isThumbnail) directories.push(directory)
    at = view.getUint32(end, littleEndian)
  }
  if (directories.length === 0) throw damaged('TIFF')
  return directories
}

/** `budget`: what lists of the file may still have, together. */
function readEntries(
  view: DataView,
  start: number,
  entries: number,
  littleEndian: boolean,
  budget: { values: number },
): Directory {
  const values = new Map<number, readonly number[]>()
  for (let entry = 0; entry < entries; entry += 1) {
    const at = start + 12 * entry
    const name = view.getUint16(at, littleEndian)
    const bytesEach = typeBytes[view.getUint16(at + 2, littleEndian)]
    if (!wantedTags.has(name) || bytesEach === undefined) continue
    const count = view.getUint32(at + 4, littleEndian)
    budget.values -= count
    if (count > valuesMax || budget.values < 0) throw damaged('TIFF')
    const from = count * bytesEach <= 4 ? at + 8 : view.getUint32(at + 8, littleEndian)
    if (from + count * bytesEach > view.byteLength) throw damaged('TIFF')
    const list: number[] = []
    for (let index = 0; index < count; index += 1) {
      const place = from + index * bytesEach
      if (bytesEach === 1) list.push(view.getUint8(place))
      else if (bytesEach === 2) list.push(view.getUint16(place, littleEndian))
      else list.push(view.getUint32(place, littleEndian))
    }
    values.set(name, list)
  }
  return {
    littleEndian,
    get: (name) => values.get(name),
    first: (name, otherwise) => values.get(name)?.[0] ?? otherwise,
  }
}
