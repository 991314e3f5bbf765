/** The orientation that a camera or a phone writes beside a picture (Exif 3.0, tag 274), whatever format the picture has. */

const orientationTag = 0x0112
/** "Exif", and two zeros: before the directory in JPEG, and in WebP as some write it. */
const head = [0x45, 0x78, 0x69, 0x66, 0, 0]

export function hasExifHead(bytes: Uint8Array): boolean {
  return head.every((byte, index) => bytes[index] === byte)
}

/** 1 (upright) unless the first directory says otherwise. `exif`: a TIFF file without a picture, with that head or without. */
export function orientationIn(exif: Uint8Array): number {
  const tiff = hasExifHead(exif) ? exif.subarray(head.length) : exif
  if (tiff.byteLength < 8) return 1
  const view = new DataView(tiff.buffer, tiff.byteOffset, tiff.byteLength)
  const littleEndian = tiff[0] === 0x49
  const directory = view.getUint32(4, littleEndian)
  if (directory + 2 > tiff.byteLength) return 1
  const entries = view.getUint16(directory, littleEndian)
  for (let entry = 0; entry < entries; entry += 1) {
    const at = directory + 2 + 12 * entry
    if (at + 12 > tiff.byteLength) return 1
    if (view.getUint16(at, littleEndian) === orientationTag) return view.getUint16(at + 8, littleEndian)
  }
  return 1
}
