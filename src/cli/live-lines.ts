/** A few lines at the end of a terminal that are drawn again in place. */
import type { WriteStream } from 'node:tty'

export class LiveLines {
  readonly #terminal: Pick<WriteStream, 'write' | 'columns'>
  #drawn = 0

  constructor(terminal: Pick<WriteStream, 'write' | 'columns'>) {
    this.#terminal = terminal
  }

  /** Replaces what was drawn last. One write, so that nothing flickers. */
  draw(lines: readonly string[]): void {
    const columns = this.#terminal.columns || 80
    const fitted = lines.map((line) => cut(line, columns - 1))
    const back = this.#drawn === 0 ? '' : `\x1b[${this.#drawn}A`
    this.#terminal.write(`${back}\r\x1b[J${fitted.map((line) => `${line}\n`).join('')}`)
    this.#drawn = fitted.length
  }
}

/** A line that wraps would be two, and the next drawing one line too high. */
function cut(line: string, columns: number): string {
  const letters = [...line]
  return letters.length <= columns ? line : `${letters.slice(0, columns - 1).join('')}…`
}
