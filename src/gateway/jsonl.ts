/** Cuts a file of JSON Lines into its lines, counted from 1 with blank ones, in memory of one line. */
import { createReadStream } from 'node:fs'

/** Copies of a line are in memory while it is read, and its parser holds everybody up. Larger documents are uploaded. A guess. */
export const lineBytesMax = 16 * 2 ** 20

export interface Line {
  /** From 1. */
  readonly line: number
  /** Without its end and, in the first line, without a byte order mark; null: it is longer than `lineBytesMax`. */
  readonly bytes: Uint8Array | null
}

export async function* linesOf(path: string): AsyncGenerator<Line> {
  let [line, parts, length]: [number, Uint8Array[], number] = [1, [], 0]
  const keep = (part: Uint8Array) => {
    length += part.byteLength
    if (length > lineBytesMax) parts = []
    else if (part.byteLength > 0) parts.push(part)
  }
  const take = (): Line => {
    const whole = parts.length === 1 ? parts[0]! : Buffer.concat(parts)
    const taken = { line, bytes: length > lineBytesMax ? null : trimmed(whole, line === 1) }
    parts = []
    length = 0
    line += 1
    return taken
  }
  for await (const chunk of createReadStream(path, {
    highWaterMark: 256 * 2 ** 10,
  }) as AsyncIterable<Buffer>) {
    let start = 0
    for (let end = chunk.indexOf(newline); end !== -1; end = chunk.indexOf(newline, start)) {
      keep(chunk.subarray(start, end))
      yield take()
      start = end + 1
    }
    keep(chunk.subarray(start))
  }
  if (length > 0) yield take()
}

const newline = 0x0a
const carriageReturn = 0x0d

function trimmed(line: Uint8Array, isFirst: boolean): Uint8Array {
  const [first, second, third] = line
  const hasMark = isFirst && first === 0xef && second === 0xbb && third === 0xbf
  return line.subarray(hasMark ? 3 : 0, line.at(-1) === carriageReturn ? -1 : undefined)
}
