/**
 * Finding and reading what somebody submits: files as named, folders with all that is in them, by name.
 *
 * Links are followed, and a folder is read once, however many links lead to it: two links upwards would make 2^40 paths of
 * one page. What is not read is counted, so that nobody misses a page without a word.
 */
import { type Dirent, readFileSync, type Stats, statSync } from 'node:fs'
import { open, readdir, realpath, stat } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { documentBytesMax, documentsMax } from '../../protocol/limits.ts'
import type { Refusal } from '../../runtimes/messages.ts'
import type { Runtimes } from '../../runtimes/registry.ts'
import type { LeftOut } from '../api.ts'
import { RequestError } from '../errors.ts'
import { sealBytes } from '../sealing/sealing.ts'
import { type DocumentSource, type FoundFile, inOrder, named } from './document-names.ts'
import { refusalOfHead } from './runtime-facts.ts'
import { refusalOfSecret } from './secrets.ts'
import { unreadable } from './unreadable.ts'

export interface FoundDocuments {
  readonly sources: readonly DocumentSource[]
  readonly leftOut: readonly LeftOut[]
}

const hidden = 'hidden files and folders'
const again = 'links to folders that are read already'
/** A folder is named for what is in it, and not for what is beside it. */
const upwards = 'links to folders around what was named'
const broken = 'links that lead nowhere'
const special = 'things that are neither files nor folders'
const twice = 'files that were named twice'

/**
 * Every file under the paths, in the order given, folders by code unit of the path. Hidden files are left out. Throws
 * RequestError when a path cannot be read or there is nothing.
 */
export async function findDocuments(paths: readonly string[]): Promise<FoundDocuments> {
  const walk = new Walk()
  for (const path of paths) await walk.take(path)
  if (walk.found.length === 0) throw new RequestError(`there are no documents in ${paths.join(', ')}`)
  const sources = named(walk.found)
  walk.count(twice, walk.found.length - sources.length)
  return { sources, leftOut: walk.leftOut() }
}

/** The document, or why it is not one that a job takes. Throws RequestError. */
export function readDocument({ path }: DocumentSource): Uint8Array | Refusal {
  try {
    const tooLarge = refusalBySize(statSync(path).size)
    if (tooLarge !== null) return tooLarge
    const document = readFileSync(path)
    return refusalOfSecret(String(path), document.subarray(0, headBytes)) ?? document
  } catch (error) {
    throw unreadable(path, error)
  }
}

/** Judges a document by its size and its first bytes; null where it may be one that the runtime can read. Throws RequestError. */
export async function refusalByHead(
  runtime: string,
  { path }: DocumentSource,
  known?: Runtimes,
): Promise<Refusal | null> {
  try {
    const file = await open(path)
    try {
      const { bytesRead, buffer } = await file.read(new Uint8Array(headBytes), 0, headBytes, 0)
      const head = buffer.subarray(0, bytesRead)
      const refusal = refusalBySize((await file.stat()).size) ?? refusalOfSecret(String(path), head)
      return refusal ?? refusalOfHead(runtime, head, known)
    } finally {
      await file.close()
    }
  } catch (error) {
    throw unreadable(path, error)
  }
}

/** As much as runtimes look at (RuntimeDescription). */
const headBytes = 4096

const bytesMax = documentBytesMax - sealBytes

/** Null where a document may have so many bytes. */
export function refusalBySize(bytes: number): Refusal | null {
  if (bytes <= bytesMax) return null
  return {
    what: `larger than the ${bytesMax} bytes that a document may have`,
    wayOut: 'split it, or compress it',
  }
}

class Walk {
  readonly found: FoundFile[] = []
  readonly #leftOut = new Map<string, number>()
  /** Device and inode of each folder that was read. */
  readonly #folders = new Set<string>()

  async take(path: string): Promise<void> {
    const given = resolve(path)
    const stats = await statOf(path)
    // To open a pipe that nobody writes to waits for ever, and a device has no end.
    if (!stats.isDirectory() && !stats.isFile())
      throw new RequestError(
        `${path} is neither a file nor a folder: name one of these, or give lines of JSON on stdin, with - in its place`,
      )
    if (!stats.isDirectory()) {
      this.#keep({ given, below: '', path: given })
      return
    }
    const before = this.found.length
    if (this.#isNew(stats)) await this.#below(given, '', given)
    else this.count(again, 1)
    for (const file of this.found.splice(before).sort(inOrder)) this.found.push(file)
  }

  count(what: string, more: number): void {
    if (more > 0) this.#leftOut.set(what, (this.#leftOut.get(what) ?? 0) + more)
  }

  leftOut(): LeftOut[] {
    return [...this.#leftOut].map(([what, count]) => ({ what, count }))
  }

  async #below(given: string, below: string, folder: string | Buffer): Promise<void> {
    for (const entry of await entriesOf(folder)) {
      const name = textOf(entry.name)
      if (name.text.startsWith('.')) {
        this.count(hidden, 1)
        continue
      }
      const path = inside(folder, entry.name, name.isText)
      await this.#entry(entry, { given, below: below === '' ? name.text : `${below}/${name.text}`, path })
    }
  }

  async #entry(entry: Dirent<Buffer>, file: FoundFile): Promise<void> {
    if (entry.isFile()) {
      this.#keep(file)
      return
    }
    if (!entry.isDirectory() && !entry.isSymbolicLink()) {
      this.count(special, 1)
      return
    }
    const stats = entry.isSymbolicLink() ? await targetOf(file.path) : await statOf(file.path)
    if (stats === null) this.count(broken, 1)
    else if (stats.isFile()) this.#keep(file)
    else if (!stats.isDirectory()) this.count(special, 1)
    else if (entry.isSymbolicLink() && (await contains(file.path, file.given))) this.count(upwards, 1)
    else if (this.#isNew(stats)) await this.#below(file.given, file.below, file.path)
    else this.count(again, 1)
  }

  #isNew({ dev, ino }: Stats): boolean {
    const id = `${dev}:${ino}`
    if (this.#folders.has(id)) return false
    this.#folders.add(id)
    return true
  }

  #keep(file: FoundFile): void {
    this.found.push(file)
    if (this.found.length > documentsMax)
      throw new RequestError(
        `there are more than ${documentsMax} documents, which is what one job takes; submit fewer`,
      )
  }
}

/** Tells whether the folder has the other one somewhere below it. */
async function contains(folder: string | Buffer, other: string): Promise<boolean> {
  try {
    const [outer, inner] = await Promise.all([folder, other].map((path) => realpath(path, 'latin1')))
    return inner!.startsWith(outer === '/' ? outer : `${outer}/`)
  } catch (error) {
    throw unreadable(folder, error)
  }
}

async function entriesOf(folder: string | Buffer): Promise<Dirent<Buffer>[]> {
  try {
    return await readdir(folder, { withFileTypes: true, encoding: 'buffer' })
  } catch (error) {
    throw unreadable(folder, error)
  }
}

async function statOf(path: string | Buffer): Promise<Stats> {
  try {
    return await stat(path)
  } catch (error) {
    throw unreadable(path, error)
  }
}

/** Null where the link leads nowhere, or round and round. */
async function targetOf(path: string | Buffer): Promise<Stats | null> {
  try {
    return await stat(path)
  } catch (error) {
    if (['ENOENT', 'ELOOP', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '')) return null
    throw unreadable(path, error)
  }
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** A name on the disk is any bytes: where they are no UTF-8, those that are no ASCII are written as \xHH. */
function textOf(name: Buffer): { readonly text: string; readonly isText: boolean } {
  try {
    return { text: utf8.decode(name), isText: true }
  } catch {
    const text = name
      .toString('latin1')
      .replaceAll(/[^ -~]/g, (byte) => `\\x${byte.charCodeAt(0).toString(16).padStart(2, '0')}`)
    return { text, isText: false }
  }
}

function inside(folder: string | Buffer, name: Buffer, isText: boolean): string | Buffer {
  if (typeof folder === 'string' && isText) return join(folder, name.toString('utf8'))
  return Buffer.concat([Buffer.from(folder), Buffer.from('/'), name])
}
