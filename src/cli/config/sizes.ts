/** Sizes in bytes as people write them. */
const unitBytes: Readonly<Record<string, number>> = {
  '': 1,
  B: 1,
  KB: 1e3,
  MB: 1e6,
  GB: 1e9,
  TB: 1e12,
  KIB: 2 ** 10,
  MIB: 2 ** 20,
  GIB: 2 ** 30,
  TIB: 2 ** 40,
}

/** '500MB', '2GiB', '1048576'; NaN for anything else. */
export function bytesOf(text: string): number {
  const [, amount, unit] = /^(\d+(?:\.\d+)?) ?([KMGT]?i?B?)$/i.exec(text.trim()) ?? []
  return Math.floor(Number(amount) * (unitBytes[unit?.toUpperCase() ?? ''] ?? Number.NaN))
}
