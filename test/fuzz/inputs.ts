/** Inputs for one target: its corpus first, then bytes at random, and good examples bent. */
import { readdirSync, readFileSync } from 'node:fs'
import fc from 'fast-check'
import { concat } from 'uint8arrays'
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
  let bytes: Uint8Array = sample
  for (const { kind, at, byte, count } of bends) {
    const place = bytes.length === 0 ? 0 : at % bytes.length
    const [before, after] = [bytes.subarray(0, place), bytes.subarray(place)]
    if (kind === 'flip')
      bytes = concat([before, Uint8Array.of((bytes[place] ?? 0) ^ (1 << (byte & 7))), after.subarray(1)])
    else if (kind === 'set') bytes = concat([before, Uint8Array.of(byte), after.subarray(1)])
    else if (kind === 'cut') bytes = concat([before, after.subarray(count)])
    else if (kind === 'insert') bytes = concat([before, new Uint8Array(count).fill(byte), after])
    else if (kind === 'repeat') bytes = concat([before, after.subarray(0, count), after])
    else bytes = before
  }
  // No piece of the sample.
  return Uint8Array.from(bytes)
}

function filesIn(folder: URL): string[] {
  try {
    return readdirSync(folder).sort()
  } catch {
    return []
  }
}
