/**
 * The layers of a PDF (optional content groups; ISO 32000-1, 8.11). Which of them a viewer shows stands in the file's catalog alone, and
 * PDFium leaves that behind when it copies pages: without it every layer is shown, the draft's stamp and each language of a drawing. So
 * the pages take it along as an entry of their own, and it is put back where it belongs.
 */
import { PlainFile, referenceIn, referencesIn, valueIn, withEntry } from './plain-file.ts'

const entry = 'OCProperties'

/** Tells whether something on the pages of a file that PDFium wrote belongs to a layer. */
export function usesLayers(file: Uint8Array): boolean {
  return bytesOf(file).includes('/OCG')
}

/**
 * Tells whether some layer may not be shown: then what the text layer says need not be what one sees.
 * The answer is for files that PDFium wrote; one that packs its objects keeps it to itself.
 */
export function hidesLayers(file: Uint8Array): boolean {
  const bytes = bytesOf(file)
  return bytes.includes(`/${entry}`) && isHiding.test(bytes.toString('latin1'))
}

const isHiding = /\/OFF\s*\[\s*\d|\/(?:Base|View)State\s*\/OFF/

/** Tells by the number of an object, such as a note's, whether it belongs to a layer that is not shown; for a file that PDFium wrote. */
export function hiddenIn(bytes: Uint8Array): (object: number) => boolean {
  const file = new PlainFile(bytes)
  const layers = file.resolved(valueIn(file.dictionary(file.root), entry))
  const shown = layers === null ? null : file.resolved(valueIn(layers, 'D'))
  if (layers === null || shown === null) return () => false
  const listed = (name: string) => new Set(referencesIn(file.resolved(valueIn(shown, name))))
  const [off, on] = [listed('OFF'), listed('ON')]
  const isOffElse = valueIn(shown, 'BaseState') === '/OFF'
  const isOff = (group: number): boolean => off.has(group) || (isOffElse && !on.has(group))
  return (object) => {
    const own = referenceIn(valueIn(file.dictionary(object), 'OC'))
    if (own === null) return false
    // A membership names groups, of which one is enough unless it says otherwise.
    const groups = referencesIn(file.resolved(valueIn(file.dictionary(own), 'OCGs')))
    return groups.length === 0 ? isOff(own) : groups.every(isOff)
  }
}

/** The same file, each of whose pages, by the numbers of their objects, names the layers; null where the file says nothing of any. */
export function layersOntoPages(bytes: Uint8Array, pages: readonly number[]): Uint8Array | null {
  const file = new PlainFile(bytes)
  const layers = valueIn(file.dictionary(file.root), entry)
  if (layers === null) return null
  const own = referenceIn(layers)
  const changed = new Map<number, string>(own === null ? [[file.size, layers]] : [])
  for (const page of pages)
    changed.set(page, withEntry(file.dictionary(page), entry, `${own ?? file.size} 0 R`))
  return file.with(changed)
}

/** A file of copies of such pages, whose catalog says again which layers are shown. */
export function layersIntoCatalog(bytes: Uint8Array): Uint8Array {
  const file = new PlainFile(bytes)
  const catalog = file.dictionary(file.root)
  const pages = file.dictionary(referenceIn(valueIn(catalog, 'Pages')) ?? 0)
  const first = file.dictionary(referenceIn(valueIn(pages, 'Kids')) ?? 0)
  const layers = valueIn(first, entry)
  return layers === null ? bytes : file.with(new Map([[file.root, withEntry(catalog, entry, layers)]]))
}

function bytesOf(file: Uint8Array): Buffer {
  return Buffer.from(file.buffer, file.byteOffset, file.byteLength)
}
