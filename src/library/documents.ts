/** Documents of a program as lines of JSON, which is how a node reads them from whoever has them. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import type { Document } from './contract.ts'

/** A longer text goes as a file: a line has a bound (host/submission/json-lines.ts), and some copies of it are in memory at once. */
const textLettersMax = 2 ** 20

/** Lines for documents, and the files that long ones and bytes are put into, until `remove`. */
export class DocumentLines {
  readonly #documents: Iterable<Document> | AsyncIterable<Document>
  #folder: string | undefined
  #files = 0

  constructor(documents: Iterable<Document> | AsyncIterable<Document>) {
    this.#documents = documents
  }

  async *lines(): AsyncGenerator<Uint8Array> {
    for await (const document of this.#documents)
      yield new TextEncoder().encode(`${JSON.stringify(this.#lineOf(document))}\n`)
  }

  remove(): void {
    if (this.#folder !== undefined) rmSync(this.#folder, { recursive: true, force: true })
  }

  #lineOf(document: Document): object {
    if ('bytes' in document) return { id: document.id, path: this.#fileOf(document.bytes) }
    if ('path' in document) return { ...document, path: resolve(document.path) }
    if ('text' in document && document.text.length > textLettersMax)
      return { id: document.id, path: this.#fileOf(new TextEncoder().encode(document.text)) }
    return document
  }

  #fileOf(bytes: Uint8Array): string {
    this.#folder ??= mkdtempSync(join(tmpdir(), 'carpool-documents-')) // of mode 0700
    this.#files += 1
    const path = join(this.#folder, `${this.#files}`)
    writeFileSync(path, bytes, { mode: 0o600 })
    return path
  }
}
