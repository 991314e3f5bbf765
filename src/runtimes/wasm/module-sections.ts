/**
 * Reads of a wasm binary what admission asks for: types, imports, exports and limits. wabt does not show
 * them, and WebAssembly.Module.imports() does not show types.
 *
 * The module was validated before, so this reader trusts its structure.
 * Source: https://webassembly.github.io/spec/core/binary/modules.html
 */

export interface Sections {
  readonly imports: readonly { readonly module: string; readonly name: string; readonly type: string }[]
  readonly exports: ReadonlyMap<string, { readonly kind: Kind; readonly index: number }>
  /** The types of all functions, imported ones first: parameters ':' results, one letter each (see `valueTypes`). */
  readonly functionTypes: readonly string[]
  readonly memories: readonly Limits[]
  readonly tables: readonly Limits[]
}

type Kind = 'function' | 'table' | 'memory' | 'global'

interface Limits {
  readonly minimum: number
  readonly maximum: number
  /** The offset of the limits in the binary. */
  readonly from: number
  readonly to: number
}

const kinds: readonly Kind[] = ['function', 'table', 'memory', 'global']
const valueTypes: Readonly<Record<number, string>> = {
  127: 'i',
  126: 'I',
  125: 'f',
  124: 'F',
  123: 'v',
  112: 'r',
  111: 'e',
}
const sectionIds = { type: 1, import: 2, function: 3, table: 4, memory: 5, export: 7 }
const sectionsFrom = 8

export function readSections(bytes: Uint8Array): Sections {
  const types: string[] = []
  const imports: { module: string; name: string; type: string }[] = []
  const exports = new Map<string, { kind: Kind; index: number }>()
  const functionTypes: string[] = []
  const memories: Limits[] = []
  const tables: Limits[] = []
  const reader = new Reader(bytes, sectionsFrom)

  const oneOf: Record<number, () => void> = {
    [sectionIds.type]: () => {
      reader.byte()
      const parameters = reader.list(() => valueTypes[reader.byte()]!).join('')
      types.push(`${parameters}:${reader.list(() => valueTypes[reader.byte()]!).join('')}`)
    },
    [sectionIds.import]: () => {
      const [module, name, kind] = [reader.text(), reader.text(), kinds[reader.byte()]!]
      if (kind === 'function') functionTypes.push(types[reader.number()]!)
      else if (kind === 'global') reader.skip(2)
      else if (kind === 'table') reader.skip(1)
      if (kind === 'table' || kind === 'memory') reader.limits()
      imports.push({ module, name, type: kind === 'function' ? functionTypes.at(-1)! : kind })
    },
    [sectionIds.function]: () => functionTypes.push(types[reader.number()]!),
    [sectionIds.table]: () => {
      reader.byte()
      tables.push(reader.limits())
    },
    [sectionIds.memory]: () => memories.push(reader.limits()),
    [sectionIds.export]: () => {
      exports.set(reader.text(), { kind: kinds[reader.byte()]!, index: reader.number() })
    },
  }

  while (!reader.done) {
    const id = reader.byte()
    const bytesInside = reader.number()
    const end = reader.offset + bytesInside
    const item = oneOf[id]
    if (item !== undefined) reader.list(item)
    reader.offset = end
  }
  return { imports, exports, functionTypes, memories, tables }
}

/** The same module, whose memory and tables declare no maximum above the given ones. */
export function withLimitsMax(
  bytes: Uint8Array,
  { memories, tables }: Sections,
  memoryPagesMax: number,
  tableEntriesMax: number,
): Uint8Array {
  const lowered = new Map<number, { limits: readonly Limits[]; max: number }>([
    [sectionIds.memory, { limits: memories, max: memoryPagesMax }],
    [sectionIds.table, { limits: tables, max: tableEntriesMax }],
  ])
  const parts: Uint8Array[] = [bytes.subarray(0, sectionsFrom)]
  const reader = new Reader(bytes, sectionsFrom)
  while (!reader.done) {
    const from = reader.offset
    const id = reader.byte()
    const bytesInside = reader.number()
    const content = reader.offset
    const end = content + bytesInside
    reader.offset = end
    const change = lowered.get(id)
    if (change === undefined) {
      parts.push(bytes.subarray(from, end))
      continue
    }
    const section: Uint8Array[] = []
    let copied = content
    for (const { minimum, maximum, from, to } of change.limits) {
      section.push(bytes.subarray(copied, from), Uint8Array.of(1), unsigned(minimum))
      section.push(unsigned(Math.min(maximum, change.max)))
      copied = to
    }
    const body = Buffer.concat([...section, bytes.subarray(copied, end)])
    parts.push(Uint8Array.of(id), unsigned(body.byteLength), body)
  }
  return Buffer.concat(parts)
}

class Reader {
  offset: number
  readonly #bytes: Uint8Array

  constructor(bytes: Uint8Array, offset: number) {
    this.#bytes = bytes
    this.offset = offset
  }

  get done(): boolean {
    return this.offset >= this.#bytes.byteLength
  }

  byte(): number {
    return this.#bytes[this.offset++]!
  }

  skip(bytes: number): void {
    this.offset += bytes
  }

  /** Unsigned LEB128. */
  number(): number {
    let value = 0
    for (let scale = 1; ; scale *= 128) {
      const byte = this.byte()
      value += (byte & 127) * scale
      if (byte < 128) return value
    }
  }

  list<Item>(item: () => Item): Item[] {
    return Array.from({ length: this.number() }, item)
  }

  text(): string {
    const bytes = this.number()
    this.offset += bytes
    return new TextDecoder().decode(this.#bytes.subarray(this.offset - bytes, this.offset))
  }

  limits(): Limits {
    const from = this.offset
    const hasMaximum = this.byte() === 1
    const minimum = this.number()
    const maximum = hasMaximum ? this.number() : Number.POSITIVE_INFINITY
    return { minimum, maximum, from, to: this.offset }
  }
}

function unsigned(value: number): Uint8Array {
  const bytes = []
  let rest = value
  while (rest >= 128) {
    bytes.push((rest & 127) | 128)
    rest = Math.floor(rest / 128)
  }
  return Uint8Array.from([...bytes, rest])
}
