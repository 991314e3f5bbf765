/**
 * Fax compression of black and white pages: modified Huffman, group 3 in one and two dimensions, group 4.
 *
 * ITU-T T.4 and T.6, as TIFF 6.0 sections 10 and 11 wrap them. A row is kept as the positions where its colour
 * changes, white first; two-dimensional codes move these positions relative to the row above. A code that does
 * not exist, a run beyond the row's end or a stream that ends before the last row is damage: faxes could resume
 * at the next row, but a record must not depend on how a decoder guesses. Codes are kept as text, as in the
 * recommendation's tables, so that they can be compared with it.
 */
import { damaged } from './errors.ts'

export type CcittScheme = 'modified-huffman' | 'group-3-1d' | 'group-3-2d' | 'group-4'

/** `rows` rows of `width` bits, each row padded to whole bytes; 1 is black. High bit first in `data`. */
export function unpackCcitt(data: Uint8Array, width: number, rows: number, scheme: CcittScheme): Uint8Array {
  const bits = new BitReader(data)
  const rowBytes = Math.ceil(width / 8)
  const out = new Uint8Array(rowBytes * rows)
  let changes: number[] = []
  for (let row = 0; row < rows; row += 1) {
    if (scheme === 'modified-huffman') bits.alignToByte()
    const hasMark = scheme !== 'group-4' && scheme !== 'modified-huffman' && bits.skipEndOfLine()
    if (scheme === 'group-3-2d' && !hasMark) throw damaged('TIFF')
    const isTwoDimensional = scheme === 'group-4' || (scheme === 'group-3-2d' && bits.next() === 0)
    changes = isTwoDimensional ? readRowByRowAbove(bits, width, changes) : readRow(bits, width)
    paint(out, row * rowBytes, width, changes)
  }
  return out
}

class BitReader {
  readonly #data: Uint8Array
  #at = 0

  constructor(data: Uint8Array) {
    this.#data = data
  }

  next(): number {
    const byte = this.#data[this.#at >> 3]
    if (byte === undefined) throw damaged('TIFF')
    const bit = (byte >> (7 - (this.#at & 7))) & 1
    this.#at += 1
    return bit
  }

  alignToByte(): void {
    this.#at = (this.#at + 7) & ~7
  }

  /** At least eleven zeros and a one; nothing is read if something else comes next. */
  skipEndOfLine(): boolean {
    const start = this.#at
    let zeros = 0
    while (this.#at < this.#data.byteLength * 8) {
      if (this.next() === 0) zeros += 1
      else if (zeros >= 11) return true
      else break
    }
    this.#at = start
    return false
  }
}

/** One-dimensional: white and black runs in turn. */
function readRow(bits: BitReader, width: number): number[] {
  const changes: number[] = []
  let position = 0
  for (let color = 0; position < width; color = 1 - color) {
    position += readRun(bits, color)
    if (position > width) throw damaged('TIFF')
    changes.push(position)
  }
  return changes
}

/** Two-dimensional; `above` are the changes of the row above, a missing row counts as white. */
function readRowByRowAbove(bits: BitReader, width: number, above: readonly number[]): number[] {
  const changes: number[] = []
  let position = 0
  let color = 0
  let isStart = true
  let search = 0
  const moveTo = (target: number): void => {
    if (target < position || target > width) throw damaged('TIFF')
    position = target
    isStart = false
  }
  while (position < width) {
    while (search > 0 && (above[search - 1] ?? width) > position) search -= 1
    while (search < above.length && (above[search]! < position || (above[search] === position && !isStart))) {
      search += 1
    }
    if ((search & 1) !== color) search += 1
    const b1 = above[search] ?? width
    const b2 = above[search + 1] ?? width
    const mode = readMode(bits)
    if (mode === 'pass') {
      moveTo(b2)
    } else if (mode === 'horizontal') {
      for (const runColor of [color, 1 - color]) {
        moveTo(position + readRun(bits, runColor))
        changes.push(position)
      }
    } else {
      moveTo(b1 + mode)
      changes.push(position)
      color = 1 - color
    }
  }
  return changes
}

type Mode = 'pass' | 'horizontal' | number

const modes: ReadonlyMap<string, Mode> = new Map<string, Mode>([
  ['1', 0],
  ['011', 1],
  ['000011', 2],
  ['0000011', 3],
  ['010', -1],
  ['000010', -2],
  ['0000010', -3],
  ['001', 'horizontal'],
  ['0001', 'pass'],
])

function readMode(bits: BitReader): Mode {
  let code = ''
  while (code.length < 7) {
    code += bits.next()
    const mode = modes.get(code)
    if (mode !== undefined) return mode
  }
  throw damaged('TIFF')
}

/** Long runs are any number of multiples of 64 and one rest below 64. */
function readRun(bits: BitReader, color: number): number {
  let run = 0
  for (;;) {
    const part = readRunCode(bits, color === 0 ? whiteCodes : blackCodes)
    run += part
    if (part < 64) return run
  }
}

const codeBitsMax = 13

function readRunCode(bits: BitReader, codes: Int16Array): number {
  let code = 1
  for (let length = 1; length <= codeBitsMax; length += 1) {
    code = (code << 1) | bits.next()
    const run = codes[code]!
    if (run >= 0) return run
  }
  throw damaged('TIFF')
}

/** `changes` begins with the first black pixel. */
function paint(out: Uint8Array, rowStart: number, width: number, changes: readonly number[]): void {
  for (let index = 0; index < changes.length; index += 2) {
    const end = changes[index + 1] ?? width
    for (let x = changes[index]!; x < end; x += 1) out[rowStart + (x >> 3)]! |= 0x80 >> (x & 7)
  }
}

const whiteRuns = `00110101 000111 0111 1000 1011 1100 1110 1111 10011 10100 00111 01000 001000 000011 110100
   110101 101010 101011 0100111 0001100 0001000 0010111 0000011 0000100 0101000 0101011 0010011
   0100100 0011000 00000010 00000011 00011010 00011011 00010010 00010011 00010100 00010101 00010110
   00010111 00101000 00101001 00101010 00101011 00101100 00101101 00000100 00000101 00001010
   00001011 01010010 01010011 01010100 01010101 00100100 00100101 01011000 01011001 01011010
   01011011 01001010 01001011 00110010 00110011 00110100`

const blackRuns = `0000110111 010 11 10 011 0011 0010 00011 000101 000100 0000100 0000101 0000111 00000100 00000111
   000011000 0000010111 0000011000 0000001000 00001100111 00001101000 00001101100 00000110111
   00000101000 00000010111 00000011000 000011001010 000011001011 000011001100 000011001101
   000001101000 000001101001 000001101010 000001101011 000011010010 000011010011 000011010100
   000011010101 000011010110 000011010111 000001101100 000001101101 000011011010 000011011011
   000001010100 000001010101 000001010110 000001010111 000001100100 000001100101 000001010010
   000001010011 000000100100 000000110111 000000111000 000000100111 000000101000 000001011000
   000001011001 000000101011 000000101100 000001011010 000001100110 000001100111`

const whiteLongRuns = `11011 10010 010111 0110111 00110110 00110111 01100100 01100101 01101000 01100111 011001100
   011001101 011010010 011010011 011010100 011010101 011010110 011010111 011011000 011011001
   011011010 011011011 010011000 010011001 010011010 011000 010011011`

const blackLongRuns = `0000001111 000011001000 000011001001 000001011011 000000110011 000000110100 000000110101
   0000001101100 0000001101101 0000001001010 0000001001011 0000001001100 0000001001101
   0000001110010 0000001110011 0000001110100 0000001110101 0000001110110 0000001110111
   0000001010010 0000001010011 0000001010100 0000001010101 0000001011010 0000001011011
   0000001100100 0000001100101`

const sharedLongRuns = `00000001000 00000001100 00000001101 000000010010 000000010011 000000010100 000000010101
   000000010110 000000010111 000000011100 000000011101 000000011110 000000011111`

const whiteCodes = codeTable(whiteRuns, whiteLongRuns)
const blackCodes = codeTable(blackRuns, blackLongRuns)

/** Run length by code with a 1 put in front, so that leading zeros count; -1 where there is no such code. */
function codeTable(runs: string, longRuns: string): Int16Array {
  const table = new Int16Array(2 << codeBitsMax).fill(-1)
  const enter = (codes: string, first: number, step: number): void => {
    for (const [index, code] of codes.split(/\s+/).entries()) {
      table[Number.parseInt(`1${code}`, 2)] = first + index * step
    }
  }
  enter(runs, 0, 1)
  enter(longRuns, 64, 64)
  enter(sharedLongRuns, 1792, 64)
  return table
}
