/** Writes results as files, one for each document, as they come: in the order of the submission, page by page. */
import type { FileHandle } from 'node:fs/promises'
import type { ResultLine } from '../../host/api.ts'
import type { RemoteApi } from '../../host/local/client.ts'
import { CommandFailure, oneLine } from '../failure.ts'
import { FileNames } from './file-names.ts'
import { documentText, extensions, type Format } from './formats.ts'
import type { OutputFolder } from './output-folder.ts'
import { isRead, pageOf, type ReadPage } from './page.ts'
import { PdfWriter } from './pdf.ts'
import { pdfImageOf } from './pdf-image.ts'

export class DocumentFiles {
  readonly #node: RemoteApi
  readonly #job: string
  readonly #format: Format
  readonly #folder: OutputFolder
  readonly #names: FileNames
  /** Of the document that is under way. */
  #lines: ResultLine[] = []

  constructor(node: RemoteApi, job: string, format: Format, folder: OutputFolder) {
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
    await this.#folder.write(this.#names.of(document), (file) => this.#fill(file, document, lines))
  }

  async #fill(file: FileHandle, document: string, lines: readonly ResultLine[]): Promise<void> {
    const format = this.#format
    if (format === 'pdf') return this.#fillPdf(file, document, lines)
    await file.writeFile(documentText(format, document, lines, lines.map(pageOf)))
  }

  async #fillPdf(file: FileHandle, document: string, lines: readonly ResultLine[]): Promise<void> {
    const bytes = await this.#documentOf(document)
    const pdf = new PdfWriter(async (part) => {
      for (let at = 0; at < part.byteLength; ) at += (await file.write(part, at)).bytesWritten
    })
    await pdf.begin()
    for (const line of lines) {
      const page = pageOf(line)
      const read: ReadPage | null = isRead(page) ? page : null
      await pdf.page(await this.#imageOf(bytes, line), read)
    }
    await pdf.end()
  }

  async #imageOf(bytes: Uint8Array, { document, page }: ResultLine) {
    try {
      return await pdfImageOf(bytes, page - 1)
    } catch (error) {
      throw new CommandFailure(
        `page ${page} of ${document} cannot be made a page of a PDF: ${oneLine(error)}`,
      )
    }
  }

  async #documentOf(document: string): Promise<Uint8Array> {
    const parts: Uint8Array[] = []
    for await (const { base64 } of this.#node.document(this.#job, document))
      parts.push(Buffer.from(base64, 'base64'))
    return Buffer.concat(parts)
  }
}
