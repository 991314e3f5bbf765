/**
 * Looks at the traineddata of a language before Tesseract does: a container of components, each named by its place in a table.
 *
 * Layout: the number of entries (int32, little endian), as many offsets (int64; -1: absent), and the components in that order
 * (tesseract/src/ccutil/tessdatamanager.h). What it reads is then confined by WebAssembly, so this is for a sentence that names the
 * fault at submission, and not for safety.
 */
import { gunzipSync } from 'node:zlib'

/** Places of the LSTM network and its character set in the table. */
const network = 17
const characterSet = 21

/** Tesseract 5 has 24 entries. */
const entriesMax = 64

/** The largest in Tesseract's own collections has 50 MB. */
const inflatedBytesMax = 128 * 2 ** 20

/** Null if nothing is wrong. */
export function traineddataFault(file: Uint8Array): string | null {
  const bytes = inflatedTraineddata(file)
  if (bytes === undefined) return 'is no gzip file that inflates to 128 MiB at most'
  if (bytes.byteLength < 4) return 'is too short for traineddata'
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const entries = view.getInt32(0, true)
  if (entries < 1 || entries > entriesMax || bytes.byteLength < 4 + 8 * entries)
    return 'is no traineddata of Tesseract'
  let reached = 4 + 8 * entries
  const present = new Set<number>()
  for (let entry = 0; entry < entries; entry += 1) {
    const offset = Number(view.getBigInt64(4 + 8 * entry, true))
    if (offset === -1) continue
    if (offset < reached || offset > bytes.byteLength)
      return 'is no traineddata of Tesseract: its table of contents is damaged'
    reached = offset
    present.add(entry)
  }
  if (!present.has(network) || !present.has(characterSet))
    return 'has no LSTM network: take the traineddata of Tesseract 4 or 5'
  return null
}

/** As it is or inflated; undefined: damaged, or too large. */
export function inflatedTraineddata(file: Uint8Array): Uint8Array | undefined {
  const isGzip = file[0] === 0x1f && file[1] === 0x8b
  if (!isGzip) return file
  try {
    return gunzipSync(file, { maxOutputLength: inflatedBytesMax })
  } catch {
    return undefined
  }
}
