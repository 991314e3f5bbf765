/**
 * A Buffer as the Uint8Array that it also is, without copying. Nothing leaves the store as a Buffer: its slice()
 * shares where a Uint8Array's copies, and deep comparison tells the two apart.
 */
export function plain(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}
