/**
 * A PDF as PDFium saves it: its objects stand one after another, not packed and not locked, and one table says where. So much is enough to
 * read a dictionary by name, and to add objects to the end of the file, as programs do that save changes (ISO 32000-1, 7.5.6).
 */

/** An object is no longer than this, but for streams, whose dictionary comes first. */
const valueBytesMax = 16 * 2 ** 20

/** A token; strings are written so that no parenthesis in them is bare. */
const token = /\s*(<<|>>|\[|\]|\/[^\s<>[\]()/%]*|\((?:\\[\s\S]|[^\\()])*\)|<[\da-f\s]*>|[^\s<>[\]()/%]+)/iy

/** Said of a file that is not as PDFium writes it. */
export class NotPlain extends Error {}

export class PlainFile {
  readonly #bytes: Buffer
  /** Byte offsets of objects, by their number. */
  readonly #places = new Map<number, number>()
  readonly #table: number
  /** The number of the catalog. */
  readonly root: number
  /** The first number that no object has. */
  readonly size: number

  /** Throws NotPlain for a file that is not as PDFium writes it. */
  constructor(bytes: Uint8Array) {
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    const tail = this.#bytes.subarray(-1024).toString('latin1')
    this.#table = Number(/startxref\s+(\d+)\s+%%EOF\s*$/.exec(tail)?.[1] ?? Number.NaN)
    this.root = Number(/\/Root (\d+) 0 R/.exec(tail)?.[1] ?? Number.NaN)
    this.size = Number(/\/Size (\d+)/.exec(tail)?.[1] ?? Number.NaN)
    if (![this.#table, this.root, this.size].every(Number.isSafeInteger)) throw new NotPlain()
    const [first, ...words] = this.#bytes.subarray(this.#table).toString('latin1').split(/\s+/)
    if (first !== 'xref') throw new NotPlain()
    for (let at = 0; /^\d+$/.test(words[at] ?? ''); ) {
      const [from, count] = [Number(words[at]), Number(words[at + 1])]
      at += 2
      for (let i = 0; i < count; i += 1, at += 3)
        if (words[at + 2] === 'n') this.#places.set(from + i, Number(words[at]))
    }
  }

  /** The object's dictionary as it is written, from `<<` to `>>`. Throws NotPlain where it has none. */
  dictionary(object: number): string {
    const value = this.#valueOf(object)
    if (!value.startsWith('<<')) throw new NotPlain()
    return value
  }

  #valueOf(object: number): string {
    const place = this.#places.get(object)
    if (place === undefined) throw new NotPlain()
    const text = this.#bytes.subarray(place, place + valueBytesMax).toString('latin1')
    const head = /^\s*\d+\s+\d+\s+obj\s*/.exec(text)?.[0].length
    if (head === undefined) throw new NotPlain()
    return text.slice(head, endOfValue(text, head))
  }

  /** A value, or the value that it refers to. Throws NotPlain for a reference to nothing. */
  resolved(value: string | null): string | null {
    const object = value?.startsWith('[') === false ? referenceIn(value) : null
    return object === null ? value : this.#valueOf(object)
  }

  /** The file with these objects in place of those that have their numbers, or beside those that it has. */
  with(objects: ReadonlyMap<number, string>): Uint8Array {
    const parts: Buffer[] = [this.#bytes]
    let at = this.#bytes.byteLength
    const add = (text: string): number => {
      const place = at
      const part = Buffer.from(text, 'latin1')
      parts.push(part)
      at += part.byteLength
      return place
    }
    const sections = [...objects].map(([number, text]) => {
      const place = add(`${number} 0 obj\n${text}\nendobj\n`)
      return `${number} 1\n${String(place).padStart(10, '0')} 00000 n \n`
    })
    const size = Math.max(this.size, ...[...objects.keys()].map((number) => number + 1))
    const table = add(`xref\n${sections.join('')}`)
    add(`trailer\n<</Size ${size}/Root ${this.root} 0 R/Prev ${this.#table}>>\nstartxref\n${table}\n%%EOF\n`)
    return Uint8Array.from(Buffer.concat(parts))
  }
}

/** The value of an entry of a dictionary as it is written; null without such an entry. */
export function valueIn(dictionary: string, name: string): string | null {
  for (let at = 2; ; ) {
    const key = tokenAt(dictionary, at)
    if (key.text === '>>') return null
    const end = endOfValue(dictionary, key.end)
    if (key.text === `/${name}`) return dictionary.slice(key.end, end).trim()
    at = end
  }
}

/** The dictionary with one more entry. */
export function withEntry(dictionary: string, name: string, value: string): string {
  return `<</${name} ${value} ${dictionary.slice(2)}`
}

/** The number of the object that a value refers to; null where it is none. */
export function referenceIn(value: string | null): number | null {
  const number = /^\[?\s*(\d+) 0 R\b/.exec(value ?? '')?.[1]
  return number === undefined ? null : Number(number)
}

/** The numbers of all objects that a list refers to. */
export function referencesIn(value: string | null): number[] {
  return [...(value ?? '').matchAll(/(\d+) 0 R/g)].map(([, number]) => Number(number))
}

function endOfValue(text: string, at: number): number {
  let [depth, end] = [0, at]
  do {
    const next = tokenAt(text, end)
    if (next.text === '<<' || next.text === '[') depth += 1
    if (next.text === '>>' || next.text === ']') depth -= 1
    if (depth < 0) throw new NotPlain()
    end = next.end
  } while (depth > 0)
  const reference = /\s*\d+\s+R(?![^\s<>[\]()/%])/y
  reference.lastIndex = end
  return /^\s*\d+$/.test(text.slice(at, end)) && reference.test(text) ? reference.lastIndex : end
}

function tokenAt(text: string, at: number): { readonly text: string; readonly end: number } {
  token.lastIndex = at
  const found = token.exec(text)
  if (found === null) throw new NotPlain()
  return { text: found[1]!, end: token.lastIndex }
}
