/**
 * The pages that a format cannot show, each counted once, and the first of them by name: nobody should have to look through a folder for
 * a file that is not there. Lines of JSON show every page.
 */
import { clean } from '../base/printable.ts'
import type { ResultLine } from '../host/api.ts'
import { CommandFailure, incompleteExitCode } from './failure.ts'
import { formatCount, formatNumber } from './format.ts'
import { type Format, lackOf } from './formats/formats.ts'
import { note } from './output.ts'

/** The names of so many pages are told. */
const namesMax = 20

export class UnshownPages {
  readonly #format: Format
  readonly #lacking = new Named()
  readonly #errors = new Named()
  #shown = 0

  constructor(format: Format) {
    this.#format = format
  }

  /** Counts a page, by its record. */
  look(line: ResultLine): void {
    const lack = lackOf(this.#format, line)
    if (lack !== null) this.#lacking.add(line, lack)
    else if (line.error === null || this.#format === 'jsonl') this.#shown += 1
    else this.#errors.add(line, `${line.error.code}: ${line.error.message}`)
  }

  /** Takes back that a page is shown: something else than its record is missing. */
  notShown(line: ResultLine, why: string): void {
    if (line.error !== null || lackOf(this.#format, line) !== null) return
    this.#shown -= 1
    this.#lacking.add(line, why)
  }

  /** Names the pages on stderr. */
  tell(): void {
    if (this.#errors.count > 0)
      this.#errors.tell(`${formatCount(this.#errors.count, 'page')} ended in an error, with no text:`)
    if (this.#lacking.count > 0) this.#lacking.tell(`${this.#sentence()}:`)
  }

  /** Throws CommandFailure (3) where there are any but errors, also when it is all of them: the results are there, in another format. */
  refuse(): void {
    if (this.#lacking.count === 0) return
    throw new CommandFailure(`${this.#sentence()}; the first is ${this.#lacking.first}`, incompleteExitCode)
  }

  #sentence(): string {
    const all = this.#shown + this.#errors.count + this.#lacking.count
    return `${formatNumber(this.#lacking.count)} of ${formatCount(all, 'page')} cannot be shown as ${this.#format}`
  }
}

/** Counts pages, and keeps the names of the first. */
class Named {
  count = 0
  readonly #lines: string[] = []

  get first(): string {
    return this.#lines[0] ?? ''
  }

  add({ document, page }: ResultLine, why: string): void {
    this.count += 1
    if (this.#lines.length < namesMax) this.#lines.push(clean(`${document} page ${page}: ${why}`))
  }

  tell(head: string): void {
    note(head)
    for (const line of this.#lines) note(`  ${line}`)
    if (this.count > this.#lines.length) note(`  and ${formatNumber(this.count - this.#lines.length)} more`)
  }
}
