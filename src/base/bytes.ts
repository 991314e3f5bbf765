/** Small things about bytes that neither the language nor uint8arrays offers in this form. */

/** Orders by first difference, shorter first: the order of hex strings. */
export function compareBytes(a: Uint8Array, b: Uint8Array): number {
  const shared = Math.min(a.byteLength, b.byteLength)
  for (let i = 0; i < shared; i += 1) {
    const difference = a[i]! - b[i]!
    if (difference !== 0) return difference
  }
  return a.byteLength - b.byteLength
}

/** Orders strings by code unit, on every machine alike; localeCompare would ask the machine's language. */
export function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
