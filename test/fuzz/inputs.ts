/** Inputs for one target: its corpus first, then bytes at random, and good examples bent. */
import { readdirSync, readFileSync } from 'node:fs'
import fc from 'fast-check'
import type { Target } from './targets.ts'

const corpus = new URL('corpus/', import.meta.url)

export function corpusOf(name: string): { readonly name: string; readonly bytes: Uint8Array }[] {
  const folder = new URL(`${name}/`, corpus)
  return filesIn(folder).map((file) => ({
    name: file,
    bytes: new Uint8Array(readFileSync(new URL(file, folder))),
  }))
}

export function corpusFolder(name: string): URL {
  return new URL(`${name}/`, corpus)
}

export function corpusNames(): string[] {
  return filesIn(corpus)
}

export function inputsFor({ good }: Target): fc.Arbitrary<Uint8Array> {
  const sample = fc.constantFrom(...good)
  return fc.oneof(
    { weight: 1, arbitrary: fc.uint8Array({ maxLength: 300 }) },
    { weight: 6, arbitrary: fc.tuple(sample, fc.array(bend, { minLength: 1, maxLength: 4 })).map(bent) },
  )
}

interface Bend {
  readonly kind: 'flip' | 'set' | 'cut' | 'insert' | 'repeat' | 'truncate'
  readonly at: number
  readonly byte: number
  readonly count: number
}

/** Heads of CBOR maps, arrays, strings, tags and floats; ends of ranges; varints that go on. */
const nasty = [0x00, 0x7f, 0x80, 0xff, 0x5f, 0x9b, 0xbb, 0xbf, 0xd8, 0xf6, 0xf7, 0xf9, 0xfa, 0xfb]

const bend: fc.Arbitrary<Bend> = fc.record({
  kind: fc.constantFrom('flip', 'set', 'cut', 'insert', 'repeat', 'truncate'),
  at: fc.nat({ max: 2 ** 20 }),
  byte: fc.oneof(fc.constantFrom(...nasty), fc.nat({ max: 255 })),
  count: fc.integer({ min: 1, max: 24 }),
})

function bent([sample, bends]: [Uint8Array, Bend[]]): Uint8Array {
  const bytes = [...sample]
  for (const { kind, at, byte, count } of bends) {
    const place = bytes.length === 0 ? 0 : at % bytes.length
    if (kind === 'flip') bytes[place] = (bytes[place] ?? 0) ^ (1 << (byte & 7))
    else if (kind === 'set') bytes[place] = byte
    else if (kind === 'cut') bytes.splice(place, count)
    else if (kind === 'insert') bytes.splice(place, 0, ...new Array<number>(count).fill(byte))
    else if (kind === 'repeat') bytes.splice(place, 0, ...bytes.slice(place, place + count))
    else bytes.length = place
  }
  return Uint8Array.from(bytes)
}

function filesIn(folder: URL): string[] {
  try {
    return readdirSync(folder).sort()
  } catch {
    return []
  }
}
