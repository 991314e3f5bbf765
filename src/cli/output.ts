/**
 * The output of commands: results go to stdout, everything else to stderr. All of it passes here, and what would draw
 * on a terminal is taken out here, whatever it is part of.
 */
import { once } from 'node:events'
import { clean, cleanLines, printableJson } from '../base/printable.ts'
import { OutputClosed } from './failure.ts'
import type { LiveLines } from './live-lines.ts'
import { asciiOf, terminalOf } from './terminal.ts'

/** The value of `-o` that means stdout. */
export const stdoutPath = '-'

/**
 * A pipe whose reader has left, or a disk that is full, must not end a node that has leases to hand back. Only what a
 * command was asked for is missed: then it has failed, and says so.
 */
export function tolerateClosedPipes(): void {
  process.stderr.on('error', () => {})
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') return
    process.exitCode = 1
    note(`carpool: the output could not be written: ${error.message}`)
  })
}

/** One line: a line break in it is none. */
export function print(line: string): void {
  write(process.stdout, line)
}

export function printJson(value: unknown): void {
  print(printableJson(value))
}

/** One line on stderr. */
export function note(line: string): void {
  write(process.stderr, line)
}

/** From now on, other lines appear above these; with null, below. */
export function keepBelow(lines: LiveLines | null): void {
  lowest = lines
}

let lowest: LiveLines | null = null

function write(stream: NodeJS.WriteStream, line: string): void {
  if (!stream.writable) return
  const said = clean(line)
  const text = `${terminalOf(stream).isUnicode ? said : asciiOf(said)}\n`
  if (lowest !== null && stream.isTTY) lowest.makeWay(() => stream.write(text))
  else stream.write(text)
}

/** Writes whole lines to stdout at its reader's pace. Throws OutputClosed when there is none any more. */
export async function printPaced(text: string): Promise<void> {
  const { stdout } = process
  if (!stdout.writable) throw new OutputClosed()
  if (stdout.write(cleanLines(text))) return
  try {
    await once(stdout, 'drain')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EPIPE') throw new OutputClosed()
    throw error
  }
}
