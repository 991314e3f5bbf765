/** Cuts a GGUF file into parts, as llama-gguf-split does: the facts in the first, and some of the tensors in each. */
import { bytesOf, checkGguf } from '../../src/runtimes/gguf/check.ts'
import { gguf } from './gguf.ts'

/** The format's name, its version, and the numbers of tensors and facts. */
const factsAt = 24

export function splitGguf(file: Uint8Array, count: number): Uint8Array[] {
  const { facts, factsEnd, tensors, dataOffset } = checkGguf(file)
  const each = Math.ceil(tensors.length / count)
  return Array.from({ length: count }, (_, place) => {
    const mine = tensors.slice(place * each, (place + 1) * each)
    const begin = mine[0]!.offset
    const end = mine.at(-1)!.offset + bytesOf(mine.at(-1)!)
    const head = gguf({
      facts: {
        'split.no': [2, u16(place)],
        'split.count': [2, u16(count)],
        'split.tensors.count': [5, i32(tensors.length)],
      },
      before: place === 0 ? { count: facts.size, bytes: file.subarray(factsAt, factsEnd) } : undefined,
      tensors: mine.map((tensor) => ({ ...tensor, offset: tensor.offset - begin })),
      dataBytes: 0,
    })
    return new Uint8Array(Buffer.concat([head, file.subarray(dataOffset + begin, dataOffset + end)]))
  })
}

function u16(value: number): Uint8Array {
  return new Uint8Array(new Uint16Array([value]).buffer)
}

function i32(value: number): Uint8Array {
  return new Uint8Array(new Int32Array([value]).buffer)
}
