/**
 * A font without shapes, for text that is to be found and copied and not to be seen: every character is one empty glyph, half as wide
 * as high. The idea is that of Tesseract's GlyphLessFont.
 *
 * A code of two bytes is a unit of UTF-16 (`ToUnicode`), so that any script can be written without the font knowing it.
 */
import { deflateSync } from 'node:zlib'

/** Thousandths of the font's size. */
export const glyphWidth = 500

/** A TrueType font of two empty glyphs: the tables that PDF asks for (ISO 32000-1, 9.9), and no others. */
export function glyphlessFont(): Uint8Array {
  const unitsPerEm = 1000
  const tables: Readonly<Record<string, Uint8Array>> = {
    glyf: words(0, 0),
    head: Buffer.concat([
      words(1, 0, 1, 0, 0, 0, 0x5f0f, 0x3cf5, 0, unitsPerEm),
      new Uint8Array(16), // made and changed in 1904
      words(0, 0, glyphWidth, unitsPerEm, 0, 8, 2, 0, 0),
    ]),
    hhea: words(1, 0, unitsPerEm, 0, 0, glyphWidth, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1),
    hmtx: words(glyphWidth, 0, 0),
    loca: words(0, 0, 0),
    maxp: words(1, 0, 2, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0),
  }
  const names = Object.keys(tables)
  const directory: Uint8Array[] = [words(1, 0, names.length, 64, 2, 32)]
  const bodies: Uint8Array[] = []
  let offset = 12 + 16 * names.length
  for (const name of names) {
    const table = tables[name]!
    const padded = Buffer.alloc(Math.ceil(table.byteLength / 4) * 4)
    padded.set(table)
    const entry = Buffer.alloc(16)
    entry.write(name, 'latin1')
    entry.writeUInt32BE(checksum(padded), 4)
    entry.writeUInt32BE(offset, 8)
    entry.writeUInt32BE(table.byteLength, 12)
    directory.push(entry)
    bodies.push(padded)
    offset += padded.byteLength
  }
  return Buffer.concat([...directory, ...bodies])
}

/** Every code is the second glyph; compressed. */
export function glyphOfCodes(): Uint8Array {
  const map = new Uint8Array(2 * 65_536)
  for (let at = 1; at < map.byteLength; at += 2) map[at] = 1
  return deflateSync(map)
}

/** Every code is the unit of UTF-16 that it is; a range may change the last byte only. */
export function unicodeOfCodes(): string {
  const ranges = Array.from({ length: 256 }, (_, row) => {
    const first = row.toString(16).padStart(2, '0')
    return `<${first}00> <${first}FF> <${first}00>`
  })
  const blocks: string[] = []
  for (let at = 0; at < ranges.length; at += 100) {
    const block = ranges.slice(at, at + 100)
    blocks.push(`${block.length} beginbfrange\n${block.join('\n')}\nendbfrange`)
  }
  return `/CIDInit /ProcSet findresource begin
12 dict begin
begincmap
/CIDSystemInfo << /Registry (Adobe) /Ordering (UCS) /Supplement 0 >> def
/CMapName /Adobe-Identity-UCS def
/CMapType 2 def
1 begincodespacerange
<0000> <FFFF>
endcodespacerange
${blocks.join('\n')}
endcmap
CMapName currentdict /CMap defineresource pop
end
end
`
}

function words(...values: readonly number[]): Uint8Array {
  const bytes = Buffer.alloc(2 * values.length)
  for (const [i, value] of values.entries()) bytes.writeUInt16BE(value, 2 * i)
  return bytes
}

function checksum(table: Buffer): number {
  let sum = 0
  for (let at = 0; at < table.byteLength; at += 4) sum = (sum + table.readUInt32BE(at)) >>> 0
  return sum
}
