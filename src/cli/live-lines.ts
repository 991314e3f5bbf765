/** A few lines at the end of a terminal that are drawn again in place. */
import type { WriteStream } from 'node:tty'
import { clean } from '../base/printable.ts'
import { asciiOf, cut, fold, terminalOf } from './terminal.ts'

type Drawn = Pick<WriteStream, 'write' | 'columns'> & Partial<Pick<WriteStream, 'rows' | 'isTTY'>>

export class LiveLines {
  readonly #terminal: Drawn
  #lines: readonly string[] = []

  constructor(terminal: Drawn) {
    this.#terminal = terminal
  }

  /**
   * Replaces the lines that were drawn last. One write, so that nothing flickers. Lines that are too long are folded; where the
   * terminal has too few rows for that, they are cut: what has left the screen cannot be drawn again.
   */
  draw(lines: readonly string[]): void {
    const terminal = terminalOf(this.#terminal)
    const columns = Math.min(terminal.columns, this.#terminal.columns || 80) - 1
    const erase = this.#erasing()
    const said = lines.map((line) => (terminal.isUnicode ? clean(line) : asciiOf(clean(line))))
    const folded = said.flatMap((line) => fold(line, columns, 2))
    const fits = folded.length < (this.#terminal.rows || 24)
    this.#lines = fits ? folded : said.map((line) => cut(line, columns, terminal))
    this.#terminal.write(erase + this.#text())
  }

  /** Lets somebody else write a line, above what is drawn. */
  makeWay(write: () => void): void {
    this.#terminal.write(this.#erasing())
    write()
    this.#terminal.write(this.#text())
  }

  #erasing(): string {
    return `${this.#lines.length === 0 ? '' : `\x1b[${this.#lines.length}A`}\r\x1b[J`
  }

  #text(): string {
    return this.#lines.map((line) => `${line}\n`).join('')
  }
}
