/** Writes results as files, one for each document, as they come: in the order of the submission, page by page. */
import type { FileHandle } from 'node:fs/promises'
import type { DocumentPages, ResultLine } from '../../host/api.ts'
import type { RemoteApi } from '../../host/local/client.ts'
import { oneLine } from '../failure.ts'
import { FileNames } from './file-names.ts'
import { documentText, extensions, type Format, isShown } from './formats.ts'
import type { OutputFolder } from './output-folder.ts'
import { isRead, pageOf, type ReadPage } from './page.ts'
import { PdfWriter } from './pdf.ts'
import { type Draw, type PdfImage, pdfImageOf } from './pdf-image.ts'

export class DocumentFiles {
  readonly #node: RemoteApi
  readonly #job: string
  readonly #format: Format
  readonly #folder: OutputFolder
  readonly #names: FileNames
  readonly #draw: Draw
  readonly #onLack: (line: ResultLine, why: string) => void
  /** The lines of the document that is under way. */
  #lines: ResultLine[] = []

  /** `draw` draws pages for PDFs. `onLack` is told of pages that the format cannot show, and why. */
  constructor(
    node: RemoteApi,
    job: string,
    format: Format,
    folder: OutputFolder,
    draw: Draw,
    onLack: (line: ResultLine, why: string) => void,
  ) {
    this.#draw = draw
    this.#onLack = onLack
    this.#node = node
    this.#job = job
    this.#format = format
    this.#folder = folder
    this.#names = new FileNames(extensions[format])
  }

  /** The pages of a document follow each other. Throws CommandFailure, and what the node says. */
  async add(line: ResultLine): Promise<void> {
    if (this.#lines.length > 0 && this.#lines[0]!.document !== line.document) await this.end()
    this.#lines.push(line)
  }

  /** Writes the document that is under way. */
  async end(): Promise<void> {
    const lines = this.#lines
    this.#lines = []
    if (lines.length === 0) return
    const { document } = lines[0]!
    const format = this.#format
    // An empty file would look like the text of a blank document. Who called has named its pages.
    if (!lines.some((line) => isShown(format, line))) return
    if (format === 'pdf') return this.#writePdf(document, lines)
    await this.#write(document, (file) =>
      file.writeFile(documentText(format, document, lines, lines.map(pageOf))),
    )
  }

  #write(document: string, fill: (file: FileHandle) => Promise<void>): Promise<void> {
    return this.#folder.write(this.#names.of(document), fill)
  }

  /** A page of which no picture can be made is left out, and a document of which none can gets no file. */
  async #writePdf(document: string, lines: readonly ResultLine[]): Promise<void> {
    const pages = this.#pdfPages(lines)
    const first = await pages.next()
    if (first.done) return
    await this.#write(document, async (file) => {
      const pdf = new PdfWriter(async (part) => {
        for (let at = 0; at < part.byteLength; ) at += (await file.write(part, at)).bytesWritten
      })
      await pdf.begin()
      for (
        let next: typeof first | Awaited<ReturnType<typeof pages.next>> = first;
        !next.done;
        next = await pages.next()
      )
        await pdf.page(...next.value)
      await pdf.end()
    })
  }

  async *#pdfPages(lines: readonly ResultLine[]): AsyncGenerator<[PdfImage, ReadPage | null], void> {
    let part: Part | undefined
    for (const line of lines) {
      const page = pageOf(line)
      const read = isRead(page) ? page : null
      if (part === undefined || line.page >= part.firstPage + part.pages || line.page < part.firstPage)
        part = await this.#partWith(line)
      try {
        const image = await pdfImageOf(this.#draw, part.bytes, line.page - part.firstPage, read?.dpi)
        if (image === null) this.#onLack(line, 'no picture can be made of it')
        else yield [image, read]
      } catch (error) {
        this.#onLack(line, `no picture can be made of it: ${oneLine(error)}`)
      }
    }
  }

  async #partWith({ document, page }: ResultLine): Promise<Part> {
    const parts: Uint8Array[] = []
    const reading = this.#node.document(this.#job, document, page)
    for (;;) {
      const next = await reading.next()
      if (next.done) return { bytes: Buffer.concat(parts), ...next.value }
      parts.push(Buffer.from(next.value.base64, 'base64'))
    }
  }
}

/** A document, or as much of it as was stored as one. */
interface Part extends DocumentPages {
  readonly bytes: Uint8Array
}
