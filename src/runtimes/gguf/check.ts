/**
 * Judges a GGUF file by its structure before an engine loads it: that its tensors are of known types, lie one behind the other and
 * end where the file ends, that their values are numbers, and that the few facts that an engine multiplies are not absurd.
 *
 * llama.cpp checks much of this, by aborting. A file that is refused here is refused in the same words on every vehicle, and before
 * memory is set aside for it. Which tensors an architecture needs is the engine's to say.
 */
import {
  GgufFault,
  type GgufHeader,
  type GgufTensor,
  readGgufHeader,
  shown,
  wholeNumbersOf,
} from './header.ts'
import { numbersFault } from './numbers.ts'
import { type Part, whole } from './parts.ts'

/** Values in a block, and bytes of a block, by GGML's number of the type (ggml.c, type_traits). */
const blocks: Readonly<Record<number, readonly [values: number, bytes: number]>> = {
  0: [1, 4],
  1: [1, 2],
  2: [32, 18],
  3: [32, 20],
  6: [32, 22],
  7: [32, 24],
  8: [32, 34],
  9: [32, 36],
  10: [256, 84],
  11: [256, 110],
  12: [256, 144],
  13: [256, 176],
  14: [256, 210],
  15: [256, 292],
  16: [256, 66],
  17: [256, 74],
  18: [256, 98],
  19: [256, 50],
  20: [32, 18],
  21: [256, 110],
  22: [256, 82],
  23: [256, 136],
  24: [1, 1],
  25: [1, 2],
  26: [1, 4],
  27: [1, 8],
  28: [1, 8],
  29: [256, 56],
  30: [1, 2],
  34: [256, 54],
  35: [256, 66],
  39: [32, 17],
}

/** The longest template known has 20 KB. A guess. */
const templateBytesMax = 64 * 2 ** 10

/** The most that a fact of an architecture may say, where an engine multiplies it. Guesses, far above all models known. */
const mostOf: Readonly<Record<string, number>> = {
  context_length: 2 ** 24,
  embedding_length: 2 ** 16,
  block_count: 2 ** 10,
  feed_forward_length: 2 ** 18,
  'attention.head_count': 2 ** 10,
  'attention.head_count_kv': 2 ** 10,
  'attention.key_length': 2 ** 14,
  'attention.value_length': 2 ** 14,
  expert_count: 2 ** 10,
}

/** The facts that an engine needs of any model. */
const needed = ['context_length', 'embedding_length', 'block_count']

/** Says what is wrong with a file, as the end of a sentence that begins with "the model"; null where nothing is. */
export function ggufFault(bytes: Uint8Array, part = whole): string | null {
  return faultOf(() => checkGguf(bytes, part))
}

/** The header of a file that has no fault. Throws GgufFault. */
export function checkGguf(bytes: Uint8Array, part = whole): GgufHeader {
  const header = checkGgufHead(bytes, bytes.byteLength, part)
  const fault = numbersFault(bytes, header)
  if (fault !== null) throw new GgufFault(fault)
  return header
}

/** The header of a file of `fileBytes` whose structure has no fault. `head`: its first bytes, all of its header among them. Throws GgufFault. */
export function checkGgufHead(head: Uint8Array, fileBytes: number, part = whole): GgufHeader {
  const header = readGgufHeader(head)
  checkPart(header, part)
  if (header.tensors.length === 0 && part.count === 1) throw new GgufFault('has no tensors')
  checkTensors(header, fileBytes)
  // The others have nothing else.
  if (part.place > 1) return header
  checkFacts(header)
  checkVocabulary(header, head)
  return header
}

/** One header of those of all parts of a model, in their order; `head`: of the first part. Throws GgufFault where they are no model together. */
export function joinedHeader([first, ...others]: readonly GgufHeader[], head: Uint8Array): GgufHeader {
  if (first === undefined) throw new GgufFault('has no parts')
  if (others.length === 0) return first
  const tensors = [first, ...others].flatMap((part) => part.tensors)
  const stated = first.facts.get('split.tensors.count')
  if (stated !== tensors.length)
    throw new GgufFault(
      `says that its parts have ${shownValue(stated)} tensors, and they have ${tensors.length}`,
    )
  const names = new Set<string>()
  for (const { name } of tensors) {
    if (names.has(name)) throw new GgufFault(`has two tensors called ${shown(name)}`)
    names.add(name)
  }
  const joined = { ...first, tensors }
  checkVocabulary(joined, head)
  return joined
}

function shownValue(value: unknown): string {
  return typeof value === 'number' ? `${value}` : 'an unknown number of'
}

/** A whole number of the model's architecture, as `llama.block_count`; undefined where it has none. */
export function architectureFact({ facts }: GgufHeader, name: string): number | undefined {
  const value = facts.get(`${facts.get('general.architecture')}.${name}`)
  if (typeof value === 'bigint') return Number(value)
  return typeof value === 'number' ? value : undefined
}

function faultOf(check: () => GgufHeader): string | null {
  try {
    check()
    return null
  } catch (error) {
    if (error instanceof GgufFault) return error.message
    throw error
  }
}

/** llama.cpp's gguf-split writes which part of how many a file is, counted from 0. */
function checkPart({ facts }: GgufHeader, part: Part): void {
  const [no, said = 1] = [facts.get('split.no'), facts.get('split.count')]
  // Whoever counts tokens writes zeros over it (withoutTensors): a text would lose its length, and the rest its place.
  if (typeof said !== 'number') throw new GgufFault('has a number of its parts that is no number')
  const place = typeof no === 'number' ? no + 1 : 1
  const count = typeof said === 'number' && said > 1 ? said : 1
  if (count === part.count && (count === 1 || place === part.place)) return
  if (part.count === 1)
    throw new GgufFault(
      `is part ${place} of ${count} parts: name the first, and give all of them the names that llama-gguf-split gave them, which end in -00001-of-${`${count}`.padStart(5, '0')}.gguf and so on`,
    )
  const is = count === 1 ? 'a model by itself' : `part ${place} of ${count}`
  throw new GgufFault(`is ${is}, and its name says that it is part ${part.place} of ${part.count}`)
}

function checkTensors({ tensors, dataOffset, alignment }: GgufHeader, fileBytes: number): void {
  let end = 0
  for (const [i, tensor] of tensors.entries()) {
    if (tensor.offset !== end)
      throw new GgufFault(`has the tensor ${shown(tensor.name)} at ${tensor.offset}, and its place is ${end}`)
    const bytes = bytesOf(tensor)
    // The last need not be filled up.
    end += i === tensors.length - 1 ? bytes : Math.ceil(bytes / alignment) * alignment
    if (dataOffset + end > fileBytes)
      throw new GgufFault(
        `has ${fileBytes} bytes, and ends before the end of the tensor ${shown(tensor.name)}`,
      )
  }
  const left = fileBytes - dataOffset - end
  if (left >= alignment) throw new GgufFault(`has ${left} bytes more than its tensors`)
}

/** The bytes of a tensor's values, without what fills it up. Throws GgufFault. */
export function bytesOf({ name, shape, type }: GgufTensor): number {
  const block = Object.hasOwn(blocks, type) ? blocks[type] : undefined
  if (block === undefined)
    throw new GgufFault(`has the tensor ${shown(name)} of type ${type}, which is not known`)
  const [values, bytes] = block
  if (shape[0]! % values !== 0)
    throw new GgufFault(
      `has the tensor ${shown(name)} with rows of ${shape[0]} values, in blocks of ${values}`,
    )
  const count = shape.reduce((product, side) => product * side, 1)
  if (count > 2 ** 40) throw new GgufFault(`has the tensor ${shown(name)} of ${count} values`)
  return (count / values) * bytes
}

function checkFacts(header: GgufHeader): void {
  const architecture = header.facts.get('general.architecture')
  if (typeof architecture !== 'string' || !/^[a-z0-9_-]{1,64}$/.test(architecture))
    throw new GgufFault('does not name its architecture')
  for (const name of needed) {
    if (architectureFact(header, name) === undefined)
      throw new GgufFault(`does not say its ${architecture}.${name}`)
  }
  for (const [name, most] of Object.entries(mostOf)) {
    const value = architectureFact(header, name)
    if (value !== undefined && !(Number.isInteger(value) && value >= 0 && value <= most))
      throw new GgufFault(`says that its ${architecture}.${name} is ${value}; at most ${most} is read`)
  }
  for (const [name, value] of header.facts) {
    if (!name.startsWith('tokenizer.chat_template')) continue
    const bytes = typeof value === 'string' ? Buffer.byteLength(value) : 0
    if (bytes > templateBytesMax)
      throw new GgufFault(`has a chat template of ${bytes} bytes; at most ${templateBytesMax} are read`)
  }
}

/** Pieces, their types and their scores are lists of one length, and ids lie within it. */
function checkVocabulary({ facts, tensors }: GgufHeader, bytes: Uint8Array): void {
  const pieces = facts.get('tokenizer.ggml.tokens')
  if (!Array.isArray(pieces) || pieces.length === 0) throw new GgufFault('has no vocabulary')
  const types = facts.get('tokenizer.ggml.token_type')
  if (types !== undefined && wholeNumbersOf(bytes, types, pieces.length) === undefined)
    throw new GgufFault(`has ${pieces.length} tokens, and not as many types of tokens`)
  for (const [name, value] of facts) {
    if (!/^tokenizer\.ggml\.[a-z_]+_token_id$/.test(name)) continue
    if (typeof value !== 'number' || value < 0 || value >= pieces.length)
      throw new GgufFault(`says that ${shown(name)} is ${value}, and has ${pieces.length} tokens`)
  }
  const rows = tensors.find(({ name }) => name === 'token_embd.weight')?.shape[1]
  if (rows !== undefined && rows < pieces.length)
    throw new GgufFault(`has ${pieces.length} tokens, and vectors for ${rows}`)
}
