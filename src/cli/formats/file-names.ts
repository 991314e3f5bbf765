/**
 * The files of an output folder: one for each document, below the folder whatever the document is called, and distinct.
 *
 * A document's name is a path or an id, and may be anybody's words. Its folders are kept; a part that a shell or another system could
 * take for something else is changed, and names that would then be one file are told apart.
 */
import { createHash } from 'node:crypto'

/** Bytes of a part of a path: 255 on all usual file systems, less what is put before and behind it. */
const partBytesMax = 200

export class FileNames {
  readonly #extension: string
  readonly #files = new Set<string>()
  readonly #folders = new Set<string>()

  /** `extension`: with its dot. */
  constructor(extension: string) {
    this.#extension = extension
  }

  /** The path of the document's file below the folder, its parts with slashes between them. Each call answers another one. */
  of(document: string): string {
    const parts = document.split('/').map(safePart)
    const folder: string[] = []
    for (const part of parts.slice(0, -1)) {
      folder.push(distinct(part, (name) => this.#files.has([...folder, name].join('/'))))
      this.#folders.add(folder.join('/'))
    }
    const at = (name: string) => [...folder, `${name}${this.#extension}`].join('/')
    const name = distinct(parts.at(-1)!, (one) => this.#files.has(at(one)) || this.#folders.has(at(one)))
    this.#files.add(at(name))
    return at(name)
  }
}

function distinct(name: string, isTaken: (name: string) => boolean): string {
  if (!isTaken(name)) return name
  let number = 2
  while (isTaken(`${name}~${number}`)) number += 1
  return `${name}~${number}`
}

/** Neither empty nor `..`, not hidden, without controls and separators, and short enough. */
function safePart(part: string): string {
  const safe = part
    .normalize('NFC')
    .replaceAll(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\\:*?"<>|]/gu, '_')
    .replace(/^[.~ -]/, '_')
    .replace(/[. ]$/, '_')
  if (safe === '') return '_'
  if (Buffer.byteLength(safe) <= partBytesMax) return safe
  const hash = createHash('sha256').update(part).digest('hex').slice(0, 12)
  return `${cut(safe, partBytesMax - 13)}-${hash}`
}

/** The beginning, of at most so many bytes and whole characters. */
function cut(text: string, bytesMax: number): string {
  let bytes = 0
  let kept = ''
  for (const character of text) {
    bytes += Buffer.byteLength(character)
    if (bytes > bytesMax) break
    kept += character
  }
  return kept
}
