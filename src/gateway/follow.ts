/**
 * Writes answers as their results are verified, while the jobs of a batch run: whoever reads the output file meanwhile gets those that
 * are there. In which order they come is up to the vehicles; at the end the files are written anew, in the order of the input.
 */
import { createReadStream, existsSync } from 'node:fs'
import { type FileHandle, open, truncate } from 'node:fs/promises'
import type { ResultLine } from '../host/api.ts'
import { type AnsweredLine, answerOf, faultOf, lineHead, lineNumberOf } from './answers.ts'
import type { Batch } from './batches.ts'
import type { Breather } from './breather.ts'
import type { LineRow, LineRows } from './line-rows.ts'
import type { Service } from './models.ts'

/** The lines of one job, put together of its records. */
export class LineGatherer {
  readonly #batch: Batch
  readonly #lines: LineRows
  readonly #service: Service
  readonly #open = new Map<number, { readonly row: LineRow; readonly records: ResultLine[] }>()

  constructor(batch: Batch, lines: LineRows, service: Service) {
    this.#batch = batch
    this.#lines = lines
    this.#service = service
  }

  /** The answered line, if this is the last of its records. */
  add(record: ResultLine): AnsweredLine | undefined {
    const line = lineNumberOf(record.document)
    const known = this.#open.get(line)
    const row = known?.row ?? this.#lines.get(this.#batch.id, line)
    if (row === undefined) return undefined
    const records = known?.records ?? []
    records.push(record)
    if (records.length < row.records) {
      if (known === undefined) this.#open.set(line, { row, records })
      return undefined
    }
    this.#open.delete(line)
    return answerOf(this.#batch, row, this.#service, records.sort(inOrder))
  }
}

/** By document, `<line>.<place>`, and page. */
function inOrder(a: ResultLine, b: ResultLine): number {
  const place = ({ document }: ResultLine) => Number(document.slice(document.indexOf('.') + 1))
  return place(a) - place(b) || a.page - b.page
}

/** Yields the lines of a part that turned out to be faulty before its job began; null: those that are in none. */
export async function* faultyLines(
  batch: Batch,
  part: number | null,
  lines: LineRows,
  breather: Breather,
): AsyncGenerator<AnsweredLine> {
  for (const row of lines.of(batch.id)) {
    await breather.breathe()
    if (row.fault !== null && row.part === part) yield faultOf(batch, row, row.fault)
  }
}

/** Appends lines to a file, those of a moment in one write. A reader never sees half a line that stays so. */
class LineAppender {
  readonly #file: Promise<FileHandle>
  #waiting: string[] = []
  #written: Promise<unknown> = Promise.resolve()

  /** `isBegun`: after what is there; else the file is emptied. */
  constructor(path: string, isBegun: boolean) {
    this.#file = open(path, isBegun ? 'a' : 'w', 0o600)
    this.#file.catch(() => {}) // met by whoever writes
  }

  add(line: string): void {
    this.#waiting.push(line)
    if (this.#waiting.length > 1) return
    this.#written = this.#written.then(async () => {
      const file = await this.#file
      await new Promise((resolve) => setImmediate(resolve))
      const lines = this.#waiting
      this.#waiting = []
      await file.writeFile(lines.join(''))
    })
    this.#written.catch(() => {}) // met at the end
  }

  /** Throws what the disk threw. */
  async close(): Promise<void> {
    try {
      await this.#written
    } finally {
      await (await this.#file).close()
    }
  }
}

/** A file of a batch that is under way: it is there once it has a line, and goes on where the node had stopped. */
export class PartialFile {
  readonly #path: () => string
  readonly #isBegun: boolean
  /** Heads of the lines that it had before. */
  readonly #before = new Set<string>()
  #appender: LineAppender | undefined

  /** `path`: asked for the first line, or to go on. `isBegun`: an earlier run of the batch may have written some of it. */
  constructor(path: () => string, isBegun: boolean) {
    this.#path = path
    this.#isBegun = isBegun
  }

  /** Keeps the whole lines that are there. Answers how many. Throws what the disk throws. */
  async resume(): Promise<number> {
    const path = this.#path
    if (!this.#isBegun || !existsSync(path())) return 0
    const { heads, bytes } = await wholeLines(path())
    for (const head of heads) this.#before.add(head)
    await truncate(path(), bytes)
    return heads.length
  }

  /** False where the line was there before. */
  add(line: string): boolean {
    if (this.#before.has(line.slice(0, lineHead.letters))) return false
    this.#appender ??= new LineAppender(this.#path(), this.#before.size > 0)
    this.#appender.add(line)
    return true
  }

  async close(): Promise<void> {
    await this.#appender?.close()
  }
}

/** The lines at the beginning of a file that are whole, by their heads: a crash may have left anything after them. */
async function wholeLines(path: string): Promise<{ readonly heads: string[]; readonly bytes: number }> {
  const heads: string[] = []
  let [head, bytes, at, last] = ['', 0, 0, 0]
  for await (const chunk of createReadStream(path) as AsyncIterable<Buffer>) {
    for (let start = 0; start < chunk.byteLength; ) {
      const newline = chunk.indexOf(0x0a, start)
      const end = newline === -1 ? chunk.byteLength : newline
      head += chunk.toString('latin1', start, Math.min(end, start + lineHead.letters - head.length))
      if (end > start) last = chunk[end - 1]!
      at += end - start
      if (newline === -1) break
      if (!lineHead.pattern.test(head) || last !== closingBrace) return { heads, bytes }
      heads.push(head)
      at += 1
      ;[head, bytes, start] = ['', at, newline + 1]
    }
  }
  return { heads, bytes }
}

const closingBrace = 0x7d
