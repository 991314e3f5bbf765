/** A few lines at the end of a terminal that are drawn again in place. */
import type { WriteStream } from 'node:tty'
import { clean } from '../base/printable.ts'

export class LiveLines {
  readonly #terminal: Pick<WriteStream, 'write' | 'columns'>
  #lines: readonly string[] = []

  constructor(terminal: Pick<WriteStream, 'write' | 'columns'>) {
    this.#terminal = terminal
  }

  /** Replaces the lines that were drawn last. One write, so that nothing flickers. */
  draw(lines: readonly string[]): void {
    const columns = this.#terminal.columns || 80
    const erase = this.#erasing()
    this.#lines = lines.map((line) => cut(clean(line), columns - 1))
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

/** A line that wraps would be two, and the next drawing one line too high. */
function cut(line: string, columns: number): string {
  const letters = [...line]
  return letters.length <= columns ? line : `${letters.slice(0, columns - 1).join('')}…`
}
