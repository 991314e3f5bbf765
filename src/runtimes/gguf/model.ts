/** The one weight of runtimes that take a GGUF model, as submitters and vehicles know it without loading an engine. */
import type { NamedWeight } from '../runtime.ts'
import { checkGguf, checkGgufHead } from './check.ts'
import { GgufFault, type GgufHeader } from './header.ts'
import { type Part, partOfWeight, partsOfFile, whole } from './parts.ts'

export const modelWeights: NamedWeight = { named: 'model', ending: '.gguf', partsOf: partsOfFile }

/** Smaller files are given to an engine as bytes, and it maps parts of a model as files. */
const partBytesMin = 16 * 2 ** 10 + 1

/** More that a runtime asks of a model: the end of a sentence about it, by the header of its file, or of its first part; null: it is so. */
export type AlsoAsked = (header: GgufHeader) => string | null

/** Looks at the structure of the model, or of a part of it. */
export function faultOfModel(name: string, bytes: Uint8Array, also?: AlsoAsked): string | null {
  return faultOf(name, bytes.byteLength, also, (part) => checkGguf(bytes, part))
}

/** The same of a file of `bytes` that is too large to be read, by its head. */
export function faultOfLargeModel(
  name: string,
  head: Uint8Array,
  bytes: number,
  also?: AlsoAsked,
): string | null {
  return faultOf(name, bytes, also, (part) => checkGgufHead(head, bytes, part))
}

function faultOf(
  name: string,
  bytes: number,
  also: AlsoAsked = () => null,
  check: (part: Part) => GgufHeader,
): string | null {
  const part = partOfWeight(name) ?? whole
  const what = part.count === 1 ? 'the model' : `part ${part.place} of the model`
  if (part.count > 1 && bytes < partBytesMin)
    return `${what} has ${bytes} bytes: cut the model into fewer parts, of ${partBytesMin} bytes or more`
  try {
    const header = check(part)
    const fault = part.place === 1 ? also(header) : null
    return fault === null ? null : `${what} ${fault}`
  } catch (error) {
    if (error instanceof GgufFault) return `${what} ${error.message}`
    throw error
  }
}
