/**
 * Base32 in lower case without padding (RFC 4648), as CIDs have it. The codec of multiformats puts a text together letter by letter, and
 * such a text stays a tree of its pieces in V8, also as the key of a map: 1,550 bytes for a CID of 59 letters, where its letters
 * take 80.
 */
const codes = Array.from('abcdefghijklmnopqrstuvwxyz234567', (letter) => letter.charCodeAt(0))

/** `prefix`: one letter that goes before them. */
export function base32(prefix: string, bytes: Uint8Array): string {
  const text = [prefix.charCodeAt(0)]
  let [buffer, bits] = [0, 0]
  for (const byte of bytes) {
    buffer = ((buffer << 8) | byte) & 0xfff
    for (bits += 8; bits >= 5; bits -= 5) text.push(codes[(buffer >> (bits - 5)) & 31]!)
  }
  if (bits > 0) text.push(codes[(buffer << (5 - bits)) & 31]!)
  return String.fromCharCode(...text)
}
