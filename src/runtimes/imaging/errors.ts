/** The few ways in which a document can fail, with messages that are the same on every vehicle. */
import { hasRunOut, RecordError } from '../runtime.ts'

/** The decoders' own messages differ between library versions and carry offsets: they are dropped. */
export function damaged(format: string): RecordError {
  return new RecordError(
    'damaged-image',
    `the ${format} data is truncated, corrupt or of an unsupported kind`,
  )
}

export function tooLarge(width: number, height: number, pixelsMax: number): RecordError {
  return new RecordError('image-too-large', `${width} x ${height} pixels, more than ${pixelsMax}`)
}

/**
 * Runs a library's decoder: whatever it throws means that the document is damaged, except that this vehicle has
 * no memory or stack left, which is no property of the document and must not become a record.
 */
export function decoding<Result>(format: string, decode: () => Result): Result {
  try {
    return decode()
  } catch (error) {
    if (error instanceof RecordError || hasRunOut(error)) throw error
    throw damaged(format)
  }
}

/** The same for one that takes its time. */
export async function decodingLater<Result>(format: string, decode: () => Promise<Result>): Promise<Result> {
  try {
    return await decode()
  } catch (error) {
    if (error instanceof RecordError || hasRunOut(error)) throw error
    throw damaged(format)
  }
}
